//! Where one-time codes come from: messages, read as a person would read them, and an authenticator app.

use std::time::Duration;

use thiserror::Error;
use totp_rs::{Builder, Secret};

use crate::clock::Timestamp;

/// A message that reached a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it went.
    pub to: Address,
    /// Its text; of a call, what was said.
    pub text: String,
}

/// Where a message goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A mailbox.
    Email(String),
    /// A number, as a text message.
    Sms(String),
    /// A number, as a call.
    Voice(String),
}

impl Address {
    /// Whether it is the same place: numbers are compared as they are, and a subaddress (`name+detail@domain`) reaches
    /// the mailbox of the address without it.
    fn reaches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Email(one), Self::Email(other)) => mailbox(one) == mailbox(other),
            (one, other) => one == other,
        }
    }
}

/// Why there is no code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoCode {
    /// Nothing came for the user.
    #[error("no message with a code has come to the user ({others} to others)")]
    NoMessage {
        /// How many messages there are for other addresses and numbers.
        others: usize,
    },
    /// A message came, and no code is in it.
    #[error("a message has come, but there are no six digits in it")]
    NoDigits,
    /// There is no secret to make one of.
    #[error("no secret of an authenticator app is known of the user")]
    NoSecret,
}

/// The code in the newest message that reached `address`. `messages` are oldest first.
pub fn newest(messages: &[Message], address: &Address) -> Result<String, NoCode> {
    messages
        .iter()
        .rev()
        .find(|message| message.to.reaches(address))
        .ok_or(NoCode::NoMessage { others: messages.len() })
        .and_then(|message| code(&message.text).ok_or(NoCode::NoDigits))
}

fn mailbox(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let name = local.split('+').next().unwrap_or_default();
    format!("{name}@{domain}").to_lowercase()
}

/// The first six digits that stand by themselves.
fn code(text: &str) -> Option<String> {
    text.split(|character: char| !character.is_ascii_digit())
        .find(|digits| digits.len() == 6)
        .map(str::to_owned)
}

/// How long an authenticator app shows a code.
const STEP: Duration = Duration::from_secs(30);

/// The code that an authenticator app with this secret, in base32, shows at a moment: RFC 6238 with SHA1, six digits
/// and steps of 30 s.
pub fn totp(secret: &str, now: Timestamp) -> Result<String, NoCode> {
    let secret =
        Secret::try_from_base32(secret).ok().filter(|secret| !secret.as_bytes().is_empty());
    let app = Builder::new().with_secret(secret.ok_or(NoCode::NoSecret)?).build_noncompliant();
    Ok(app.generate(now.as_secs()).to_string())
}

/// Which step a moment is in.
#[must_use]
pub const fn step(now: Timestamp) -> u64 {
    now.as_secs() / STEP.as_secs()
}

/// How long it is from a moment to the next step.
#[must_use]
pub fn next_step(now: Timestamp) -> Duration {
    let next = Timestamp::from_millis(0) + Duration::from_secs((step(now) + 1) * STEP.as_secs());
    next.since(now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Address, Message, NoCode, newest, next_step, step, totp};
    use crate::clock::Timestamp;

    /// RFC 6238, appendix B.
    #[test]
    fn an_app_shows_the_codes_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")]
        {
            assert_eq!(totp(secret, Timestamp::from_millis(seconds * 1000)), Ok(code.to_owned()));
        }
        for secret in ["", "none at all", "[totp_secret#1]"] {
            assert_eq!(totp(secret, Timestamp::from_millis(0)), Err(NoCode::NoSecret));
        }
        for (millis, number, left) in [(0, 0, 30_000), (29_999, 0, 1), (30_000, 1, 30_000)] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!((step(moment), next_step(moment)), (number, Duration::from_millis(left)));
        }
    }

    #[test]
    fn the_newest_code_for_the_mailbox_counts() {
        let mail = |to: &str| Address::Email(to.to_owned());
        let message = |to: &str, text: &str| Message { to: mail(to), text: text.to_owned() };
        let messages = [
            message("ann@x.example", "old: 111111"),
            message("Ann+second@x.example", "order 1234567, code 222222."),
            message("bob@x.example", "333333"),
            message("cay@x.example", "hello"),
        ];
        let find = |to| newest(&messages, &mail(to));
        assert_eq!(find("ann@x.example"), Ok("222222".to_owned()));
        assert_eq!(find("dan@x.example"), Err(NoCode::NoMessage { others: 4 }));
        assert_eq!(find("cay@x.example"), Err(NoCode::NoDigits));
    }

    #[test]
    fn a_message_and_a_call_to_one_number_are_told_apart() {
        let [sms, voice, other] = [
            Address::Sms("+15550000001".to_owned()),
            Address::Voice("+15550000001".to_owned()),
            Address::Sms("+15550000002".to_owned()),
        ];
        let message = |to: &Address, text: &str| Message { to: to.clone(), text: text.to_owned() };
        let messages =
            [message(&sms, "111111"), message(&voice, "222222"), message(&other, "333333")];
        for (address, code) in [(&sms, "111111"), (&voice, "222222"), (&other, "333333")] {
            assert_eq!(newest(&messages, address), Ok(code.to_owned()));
        }
        let nobody = Address::Voice("+15550000002".to_owned());
        assert_eq!(newest(&messages, &nobody), Err(NoCode::NoMessage { others: 3 }));
    }
}
