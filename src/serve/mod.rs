//! Fronts that serve emulated tenants over HTTP. They convert, lock, call and convert: nothing is decided here.

mod smtp;
mod wiremock;

pub use self::{
    smtp::{MailError, Mailer},
    wiremock::Server,
};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    clock::{SeededEntropy, VirtualClock},
    codes::{Address, Message},
    emulator::{Effect, Emulator, PendingPush},
    exchange::{Request, Response},
};

/// An emulated tenant with what it needs to live: a clock, randomness, and an outbox for what it sends.
///
/// Clones are the same tenant.
#[derive(Clone)]
pub struct Hosted(Arc<Mutex<Inner>>);

struct Inner {
    emulator: Emulator,
    clock: VirtualClock,
    entropy: SeededEntropy,
    outbox: Vec<Message>,
}

impl Hosted {
    /// Gives an emulator a clock and a source of randomness.
    #[must_use]
    pub fn new(emulator: Emulator, clock: VirtualClock, entropy: SeededEntropy) -> Self {
        Self(Arc::new(Mutex::new(Inner { emulator, clock, entropy, outbox: Vec::new() })))
    }

    /// Answers a request; what the tenant sends to its users is in the outbox then.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Response {
        let mut inner = self.lock();
        let now = inner.clock.now();
        let Inner { emulator, entropy, outbox, .. } = &mut *inner;
        let reply = emulator.handle(request, now, entropy);
        outbox.extend(reply.effects.into_iter().filter_map(|effect| {
            let (to, text) = match effect {
                Effect::Email(email) => (Address::Email(email.to), email.text),
                Effect::Sms(sent) => (Address::Sms(sent.to), sent.text),
                Effect::Voice(sent) => (Address::Voice(sent.to), sent.text),
                // There is nothing to read in it: it is answered.
                Effect::Push(_) => return None,
            };
            Some(Message { to, text })
        }));
        reply.response
    }

    /// What was sent so far, oldest first.
    #[must_use]
    pub fn outbox(&self) -> Vec<Message> {
        self.lock().outbox.clone()
    }

    /// What waits for an answer on a user's device, oldest first.
    #[must_use]
    pub fn pending_pushes(&self) -> Vec<PendingPush> {
        let inner = self.lock();
        inner.emulator.pending_pushes(inner.clock.now())
    }

    /// Answers a push as its user would on the device, and says whether it was waiting.
    #[must_use]
    pub fn answer_push(&self, id: &str, accept: bool) -> bool {
        let mut inner = self.lock();
        let now = inner.clock.now();
        inner.emulator.answer_push(id, accept, now)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A request that panicked has left the state as it was after the last one that did not.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
