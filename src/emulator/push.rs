//! Push: what the user is asked on a device, and how long the client waits for the answer.

use std::time::Duration;

use percent_encoding::utf8_percent_encode;

use super::{
    Emulator,
    app::PART,
    error::Refusal,
    tenant::{Factor, Tenant},
    transaction::Task,
};
use crate::clock::{Entropy, Timestamp};

/// How long a barcode can be scanned \[doc\], and a notification be answered \[guess\].
pub(super) const LIFETIME: Duration = Duration::from_mins(5);
/// Who asks again sooner than this polls too fast \[guess\]: the pages say "a few seconds".
const PACE: Duration = Duration::from_secs(1);

/// A question to the user: whether to enrol this device, or whether it was they who logged in.
#[derive(Clone)]
pub(super) struct Push {
    /// `enrollment_tx_id` of the barcode, or the notification's own.
    pub(super) id: String,
    pub(super) purpose: PushPurpose,
    pub(super) state: State,
    /// When the client asked last.
    polled: Option<Timestamp>,
}

/// What a push is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushPurpose {
    /// To enrol the device that scans the barcode.
    Enrollment,
    /// To let a login go on.
    Challenge,
}

/// What the user has said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Accepted,
    Rejected,
}

impl Push {
    /// One with an id as recorded: 32 letters and digits \[rec\].
    pub(super) fn new(purpose: PushPurpose, entropy: &mut dyn Entropy) -> Self {
        const ALPHANUMERICS: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let id = entropy.text(32, ALPHANUMERICS);
        Self { id, purpose, state: State::Pending, polled: None }
    }

    /// What the app scans \[rec\].
    pub(super) fn barcode_uri(&self, tenant: &Tenant, user: &str) -> String {
        let service = tenant.guardian();
        let [name, user, service] =
            [tenant.name(), user, &service].map(|text| utf8_percent_encode(text, PART));
        format!("otpauth://totp/{name}:{user}?enrollment_tx_id={}&base_url={service}", self.id)
    }

    /// The client asks: nothing is refused once the user has accepted.
    pub(super) fn poll(&mut self, now: Timestamp) -> Result<(), Refusal> {
        match self.state {
            State::Accepted => Ok(()),
            // The answer is final [doc].
            State::Rejected => Err(Refusal::rejected_push()),
            State::Pending => {
                let last = self.polled.replace(now);
                let is_hasty = last.is_some_and(|last| now.since(last) < PACE);
                Err(if is_hasty { Refusal::slow_down() } else { Refusal::authorization_pending() })
            }
        }
    }
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPush {
    /// By which it is answered.
    pub id: String,
    /// What it is for.
    pub purpose: PushPurpose,
    /// The id of the user who is asked.
    pub user_id: String,
    /// The user's address.
    pub email: String,
}

/// Where a push that waits is found.
#[derive(Clone)]
pub(super) struct Waiting {
    pub(super) oob_code: String,
    pub(super) expires: Timestamp,
}

/// The devices' side.
impl Emulator {
    /// What waits for an answer, oldest first.
    #[must_use]
    pub fn pending_pushes(&self, now: Timestamp) -> Vec<PendingPush> {
        self.pushes.iter().filter_map(|(id, waiting)| self.pending(id, waiting, now)).collect()
    }

    fn pending(&self, id: &str, waiting: &Waiting, now: Timestamp) -> Option<PendingPush> {
        if waiting.expires <= now || !self.tenant.has(Factor::Push) {
            return None;
        }
        let transaction = self.transactions.get(self.oob_codes.get(&waiting.oob_code)?)?;
        let challenge = transaction.challenged(&waiting.oob_code)?;
        let Task::Answer(push) = &challenge.task else { return None };
        let user = self.users.get(&transaction.grant().user)?;
        Some(PendingPush {
            id: id.to_owned(),
            purpose: push.purpose,
            user_id: user.id.clone(),
            email: user.email.clone(),
        })
    }

    /// Answers a question as its user would on the device, and says whether it was waiting. A
    /// device is enrolled when it has scanned the barcode, before the client asks \[guess\].
    pub fn answer_push(&mut self, id: &str, accept: bool, now: Timestamp) -> bool {
        let Some(waiting) = self.pushes.remove(id) else { return false };
        let Some(pending) = self.pending(id, &waiting, now) else { return false };
        let transaction = self.oob_codes.get(&waiting.oob_code).map(String::as_str);
        let transaction = transaction.and_then(|token| self.transactions.get_mut(token));
        let Some(transaction) = transaction else { return false };
        if let Some(push) = transaction.push_mut(&waiting.oob_code) {
            push.state = if accept { State::Accepted } else { State::Rejected };
        }
        let challenge = transaction.challenged(&waiting.oob_code);
        if let (true, PushPurpose::Enrollment, Some(challenge), Some(user)) =
            (accept, pending.purpose, challenge, self.users.get_mut(&pending.user_id))
        {
            user.activate(&challenge.authenticator);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Duration, Emulator, LIFETIME, Timestamp};
    use crate::{
        clock::SeededEntropy,
        emulator::{Client, Enrolled, Factor, NewUser, Tenant},
        exchange::Request,
        secret::Secret,
    };

    /// Sends a push to the one user, and gives its id.
    fn ask(emulator: &mut Emulator, now: Timestamp, entropy: &mut SeededEntropy) -> Option<String> {
        let login = Request::new("POST", "/oauth/token").form([
            ("grant_type", "password"),
            ("client_id", "app"),
            ("username", "ada@example.com"),
            ("password", "correct horse"),
        ]);
        let reply = emulator.handle(&login, now, entropy);
        let body: Value = serde_json::from_slice(&reply.response.body).ok()?;
        let challenge = Request::new("POST", "/mfa/challenge").json(&json!({
            "client_id": "app", "mfa_token": body["mfa_token"], "oob_channel": "auth0",
        }));
        assert_eq!(emulator.handle(&challenge, now, entropy).response.status, 200);
        emulator.pending_pushes(now).pop().map(|push| push.id)
    }

    #[test]
    fn only_what_waits_is_looked_through() {
        let mut emulator = Emulator::new(Tenant {
            factors: [Factor::Push].into(),
            clients: vec![Client::public("app")],
            ..Tenant::new("tenant.example")
        });
        let (mut now, mut entropy) = (Timestamp::from_millis(0), SeededEntropy::new(1));
        let (device, secret) = ("phone".to_owned(), Secret::new("GEZDGNBV".to_owned()));
        let ada = NewUser {
            enrolled: vec![Enrolled::Push { device, secret }],
            ..NewUser::new("ada@example.com", "correct horse")
        };
        emulator.add_user(ada, now, &mut entropy);
        for accept in [true, false] {
            let id = ask(&mut emulator, now, &mut entropy).expect("a push");
            assert_eq!(emulator.pushes.len(), 1);
            assert!(emulator.answer_push(&id, accept, now));
            assert_eq!(emulator.pushes.len(), 0, "it is answered");
        }
        ask(&mut emulator, now, &mut entropy);
        now = now + LIFETIME;
        ask(&mut emulator, now, &mut entropy);
        assert_eq!(emulator.pushes.len(), 1, "the other is over");
        now = now + Duration::from_secs(1);
        ask(&mut emulator, now, &mut entropy);
        assert_eq!(emulator.pushes.len(), 2);
    }
}
