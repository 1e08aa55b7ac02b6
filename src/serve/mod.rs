//! Fronts that serve emulated tenants over HTTP. They convert, lock, call and convert: nothing is decided here.
//!
//! [`Server`] is the front of a run, for many tenants in the same process. [`Service`] is for other programs: one
//! tenant at an address of its own, with TLS if wanted, and a control API beside the tenant's, at
//! `/_countersign/`, for what a test has to do that no client of Auth0 can: read what was sent, let time pass, make
//! users.
//!
//! ```
//! use countersign::{emulator::NewUser, serve::{Options, Service}};
//!
//! let service = Service::start(Options::default())?;
//! service.tenant().add_user(NewUser::new("ada@example.com", "correct horse"));
//! let client = &service.clients().application;
//! println!("log in at {}oauth/token as {}", service.issuer(), client.id);
//! // … the program under test enrols an address …
//! assert!(service.tenant().outbox().is_empty());
//! # Ok::<(), countersign::serve::StartError>(())
//! ```

mod control;
mod cors;
pub mod fault;
mod http;
mod refusal;
mod service;
mod setup;
mod smtp;
mod tls;
mod wiremock;

pub use self::{
    service::{Options, Service, StartError, Transport},
    setup::{Clients, Setup},
    smtp::{MailError, Mailer},
    tls::{Identity, IdentityError},
    wiremock::Server,
};

use self::fault::{Delivery, Fault, Faults, Rule};

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::{Clock, Entropy, RunningClock, SeededEntropy, Timestamp},
    codes::{Address, Message},
    emulator::{Effect, Emulator, NewUser, PendingPush},
    exchange::{Request, Response},
};

/// So many messages are kept, so that a tenant can be served for long.
const OUTBOX: usize = 10_000;

/// An emulated tenant with what it needs to live: a clock, randomness, and an outbox for what it sends.
///
/// Clones are the same tenant.
#[derive(Clone)]
pub struct Hosted(Arc<Mutex<Inner>>);

/// An exchange, as whoever watches a tenant is shown it.
pub struct Seen<'a> {
    /// When, by the tenant's clock.
    pub at: Timestamp,
    /// What a client has sent.
    pub request: &'a Request,
    /// What the tenant has answered.
    pub response: &'a Response,
    /// What it has sent to its users for that.
    pub effects: &'a [Effect],
}

type Witness = Box<dyn FnMut(&Seen<'_>) + Send>;

struct Inner {
    emulator: Emulator,
    clock: Box<dyn Clock>,
    entropy: SeededEntropy,
    /// What was sent, and when.
    outbox: VecDeque<(Timestamp, Effect)>,
    witnesses: Vec<Witness>,
    faults: Faults,
}

/// A served tenant as it is at the start.
#[derive(Clone)]
struct Start {
    emulator: Emulator,
    faults: Faults,
}

impl Hosted {
    /// Gives an emulator a clock and a source of randomness.
    #[must_use]
    pub fn new(emulator: Emulator, clock: impl Clock + 'static, entropy: SeededEntropy) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            emulator,
            clock: Box::new(clock),
            entropy,
            outbox: VecDeque::new(),
            witnesses: Vec::new(),
            faults: Faults::new(Vec::new(), 0),
        })))
    }

    /// Answers a request; what the tenant sends to its users is in the outbox then.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Response {
        self.lock().answer(request)
    }

    /// Shows every exchange to `witness`, in the order of the answers: what the tenant has answered, whatever a fault
    /// makes of it. The next request waits for it, so it must not call the tenant.
    pub fn watch(&self, witness: impl FnMut(&Seen<'_>) + Send + 'static) {
        self.lock().witnesses.push(Box::new(witness));
    }

    /// Puts these faults between the tenant and its clients, in place of any before.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// What goes wrong between the tenant and its clients.
    #[must_use]
    pub fn faults(&self) -> Vec<Rule> {
        self.lock().faults.rules().cloned().collect()
    }

    /// Answers a request as far as the faults let it.
    #[must_use]
    pub fn deliver(&self, request: &Request) -> Delivery {
        let mut inner = self.lock();
        let fault = inner.faults.next(&request.method, &request.path);
        let now = inner.clock.now();
        Fault::deliver(fault.as_ref(), now, || inner.answer(request))
    }

    /// The messages that were sent so far, oldest first; of very many, the newest 10,000.
    #[must_use]
    pub fn outbox(&self) -> Vec<Message> {
        let inner = self.lock();
        let messages = inner.outbox.iter().filter_map(|(_, effect)| {
            let (to, text) = match effect {
                Effect::Email(email) => (Address::Email(email.to.clone()), &email.text),
                Effect::Sms(sent) => (Address::Sms(sent.to.clone()), &sent.text),
                Effect::Voice(sent) => (Address::Voice(sent.to.clone()), &sent.text),
                // There is nothing to read in it: it is answered.
                Effect::Push(_) => return None,
            };
            Some(Message { to, text: text.clone() })
        });
        messages.collect()
    }

    /// Adds a user and gives the id.
    #[expect(clippy::must_use_candidate, reason = "the user is what it is for")]
    pub fn add_user(&self, user: NewUser) -> String {
        self.with(|emulator, now, entropy| emulator.add_user(user, now, entropy))
    }

    /// Gives the tenant another clock, such as one that stands still; a reset by the control API takes it away.
    pub fn set_clock(&self, clock: impl Clock + 'static) {
        self.lock().clock = Box::new(clock);
    }

    /// Lets time pass for the tenant.
    pub fn advance(&self, duration: Duration) {
        self.lock().clock.advance(duration);
    }

    /// What the tenant's clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    /// Reads what was sent, and when, oldest first.
    fn sent<T>(
        &self,
        read: impl FnOnce(&mut dyn DoubleEndedIterator<Item = &(Timestamp, Effect)>) -> T,
    ) -> T {
        read(&mut self.lock().outbox.iter())
    }

    /// Does something with the tenant, and nothing else meanwhile.
    fn with<T>(&self, act: impl FnOnce(&mut Emulator, Timestamp, &mut dyn Entropy) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.clock.now();
        let Inner { emulator, entropy, .. } = &mut *inner;
        act(emulator, now, entropy)
    }

    /// Puts another tenant in its place, to which nothing has happened yet. What is made up from now on differs from
    /// what was before: a token that was given out is not given out again.
    fn replace(&self, Start { emulator, faults }: Start) {
        let mut inner = self.lock();
        let old = std::mem::replace(&mut inner.emulator, emulator);
        inner.clock = Box::new(RunningClock::default());
        inner.faults = faults;
        inner.outbox.clear();
        // Nobody waits until all that it remembers is freed.
        drop(inner);
        drop(old);
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

impl Inner {
    fn answer(&mut self, request: &Request) -> Response {
        let Self { emulator, clock, entropy, outbox, witnesses, .. } = self;
        let now = clock.now();
        let reply = emulator.handle(request, now, entropy);
        // Before anybody sees it: a witness that panics does not take a message along.
        for effect in &reply.effects {
            if outbox.len() == OUTBOX {
                outbox.pop_front();
            }
            outbox.push_back((now, effect.clone()));
        }
        for witness in witnesses {
            let (response, effects) = (&reply.response, reply.effects.as_slice());
            witness(&Seen { at: now, request, response, effects });
        }
        reply.response
    }
}
