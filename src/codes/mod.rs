//! Where one-time codes come from: messages, read as a person would read them, authenticator apps, programs, persons.
//!
//! An emulated tenant's messages are at hand: [`newest`] finds the code in them. A real tenant's arrive somewhere, some
//! time: a [`CodeSource`] looks there until the code has come. Before the request that makes a message be sent it tells a
//! [`Baseline`], and no code is taken of what was there then.

mod command;
mod find;
mod http;
mod imap;
mod mail;
mod poll;
mod presets;
mod prompt;
mod shape;
mod source;
mod template;
mod totp;

use std::{net::IpAddr, time::Duration};

use thiserror::Error;

pub use command::{Command, NoProgram};
pub use find::{BadPattern, Pattern};
pub use http::{BadHttp, Http};
pub use imap::{BadImap, Imap, ImapSettings, Security};
pub use poll::Waited;
pub use presets::{Parameter, Preset};
pub use prompt::Prompt;
pub use shape::{Detail, Format, Newest, Shape};
pub use source::{Baseline, CodeSource, Wanted};
pub use template::Template;
pub use totp::{App, next_step, step, totp};

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
    /// The address or the number itself.
    fn place(&self) -> &str {
        match self {
            Self::Email(place) | Self::Sms(place) | Self::Voice(place) => place,
        }
    }

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
    /// Nothing came within the limit; addresses are masked.
    #[error("{0}")]
    NotCome(Box<Waited>),
    /// The inbox cannot be read.
    #[error("the inbox at {place} cannot be read: {cause}")]
    Unavailable {
        /// Host and port.
        place: String,
        /// Why, with nothing secret in it.
        cause: String,
    },
    /// The code that the app shows was given out, and the next comes after the limit.
    #[error("the app's code was used already, and the next comes in {} s, after the limit", .0.as_secs())]
    CodeUsed(Duration),
    /// The program has not given one.
    #[error("`{program}` gives no code: {cause}")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// Why.
        cause: String,
    },
    /// There is nobody to ask.
    #[error("nobody can be asked for the code: there is no terminal")]
    NoTerminal,
    /// The person who was asked has not answered within the limit.
    #[error("nobody has typed the code within {} s", .0.as_secs_f32())]
    NoAnswer(Duration),
    /// The person who was asked has typed nothing.
    #[error("an empty line was typed instead of the code")]
    EmptyAnswer,
    /// A source of one kind was asked for what another has.
    #[error("the source that is set up for this channel has no codes of {0}")]
    NotHere(&'static str),
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

/// The address without its part behind `+`.
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

/// How long to wait between two looks into an inbox at `host`: one far away is not to be bothered.
fn interval(host: &str) -> Duration {
    Duration::from_millis(if is_loopback(host) { 250 } else { 2000 })
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Address, Message, NoCode, newest};

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
