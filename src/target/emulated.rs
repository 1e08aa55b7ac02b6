//! An emulated tenant for each scenario, served over real HTTP on loopback.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::{
    Intent, NoAssertion, NoPush, NotPrepared, PrepareError, SendError, Session, Target, assertion,
    policy::faults,
    provision::{LOWER_CASE, Provisioned, provision},
};
use crate::{
    clock::{Entropy, SeededEntropy, Stopwatch, Timestamp, VirtualClock},
    codes::{self, Address, NoCode},
    emulator,
    exchange::{Exchange, Request, Response},
    plan::Case,
    scenario::{Channel, PushAnswer, Scenario, fault::LONGEST_WAIT},
    serve::{Hosted, Server, fault::Delivery},
    snapshot::Redactor,
    step::{Credentials, Person, Place, Scope},
};

/// When an emulated tenant's clock starts: 2026-01-01T00:00:00Z. It moves only when a scenario says so.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// wiremock keeps every request that it has answered, so a server is left to be dropped after this many tenants.
const TENANTS_A_SERVER: usize = 100;

/// Emulated tenants in this process, one for each scenario.
pub struct Emulated(Option<Servers>);

/// The server that takes new tenants, and how many it has taken.
struct Servers {
    newest: Mutex<(Arc<Server>, usize)>,
    client: reqwest::Client,
}

impl Emulated {
    /// Tenants behind servers on loopback, as a run has them.
    pub async fn start() -> io::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LONGEST_WAIT)
            // Plain HTTP on loopback: no certificate is ever looked at, so none is loaded.
            .tls_certs_only(std::iter::empty())
            .build()
            .map_err(io::Error::other)?;
        let newest = Mutex::new((Arc::new(Server::start().await?), 0));
        Ok(Self(Some(Servers { newest, client })))
    }

    /// Tenants without a server: what HTTP adds can be seen by comparing.
    #[must_use]
    pub const fn without_server() -> Self {
        Self(None)
    }
}

impl Servers {
    /// A way to the server that a new tenant goes to.
    async fn wire(&self) -> io::Result<Wire> {
        let mut newest = self.newest.lock().await;
        if newest.1 == TENANTS_A_SERVER {
            *newest = (Arc::new(Server::start().await?), 0);
        }
        newest.1 += 1;
        Ok(Wire { server: Arc::clone(&newest.0), client: self.client.clone() })
    }
}

/// The way to a tenant over HTTP.
struct Wire {
    server: Arc<Server>,
    client: reqwest::Client,
}

impl Target for Emulated {
    fn name(&self) -> &'static str {
        "emulator"
    }

    fn skip(&self, _: &Scenario) -> Option<String> {
        None
    }

    fn prepare<'a>(
        &'a self,
        case: &'a Case,
        seed: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Session + 'a>, NotPrepared>> {
        Box::pin(async move {
            let wire = match &self.0 {
                Some(servers) => Some(servers.wire().await.map_err(PrepareError::NoServer)?),
                None => None,
            };
            let session = EmulatedSession::new(wire, &case.scenario, seed);
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }
}

impl Wire {
    async fn send(&self, host: &str, request: Request) -> Result<Exchange, SendError> {
        let url = format!("http://{}{}", self.server.address(), request.path);
        let invalid = |error: &dyn std::error::Error| SendError::Invalid(innermost(error));
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|error| invalid(&error))?;
        let mut builder =
            self.client.request(method, url).header("host", host).body(request.body.clone());
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        let built = builder.build().map_err(|error| invalid(&error.without_url()))?;
        let watch = Stopwatch::start();
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                SendError::TimedOut(LONGEST_WAIT)
            } else {
                SendError::Unreachable(innermost(&error.without_url()))
            }
        };
        let answer = self.client.execute(built).await.map_err(failed)?;
        let mut response = Response { status: answer.status().as_u16(), ..Response::default() };
        for (name, value) in answer.headers() {
            response.headers.append(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        response.body = answer.bytes().await.map_err(failed)?.to_vec();
        let exchange = Exchange { request, response, elapsed: watch.elapsed() };
        // The connection goes back to the pool in a task of its own: without its turn the next request opens another.
        tokio::task::yield_now().await;
        Ok(exchange)
    }
}

struct EmulatedSession {
    /// Nothing where the tenant is called without a server.
    wire: Option<Wire>,
    tenant: Hosted,
    clock: VirtualClock,
    domain: String,
    client: Credentials,
    clients: BTreeMap<String, Credentials>,
    people: BTreeMap<String, Person>,
    /// By the secret of an authenticator app, the step of the last code that it was asked for.
    otp_steps: BTreeMap<String, u64>,
    /// How many assertions were made.
    assertions: u64,
}

impl EmulatedSession {
    fn new(wire: Option<Wire>, scenario: &Scenario, seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let random: &mut dyn Entropy = &mut entropy;
        let domain = format!("{}.emulator.test", random.text(12, LOWER_CASE));
        let users = scenario.user_names().map(|name| (name, scenario.user(name)));
        let place = emulator::Tenant::new(domain.clone());
        let Provisioned { emulator, client, clients, people } =
            provision(&scenario.given.tenant, users, place, START, random);
        let clock = VirtualClock::starting_at(START);
        let tenant = Hosted::new(emulator, clock.clone(), entropy);
        tenant.set_faults(faults(&scenario.given.faults, seed));
        if let Some(wire) = &wire {
            wire.server.add(&domain, tenant.clone());
        }
        let otp_steps = BTreeMap::new();
        Self { wire, tenant, clock, domain, client, clients, people, otp_steps, assertions: 0 }
    }
}

impl EmulatedSession {
    fn sent(&self, address: &Address) -> Result<String, NoCode> {
        codes::newest(&self.tenant.outbox(), address)
    }

    /// What an authenticator app shows: of a step whose code was given out already, the user waits for the next.
    fn otp(&mut self, secret: &str) -> Result<String, NoCode> {
        if self.otp_steps.get(secret) == Some(&codes::step(self.clock.now())) {
            self.clock.advance(codes::next_step(self.clock.now()));
        }
        let code = codes::totp(secret, self.clock.now())?;
        self.otp_steps.insert(secret.to_owned(), codes::step(self.clock.now()));
        Ok(code)
    }
}

impl Drop for EmulatedSession {
    fn drop(&mut self) {
        if let Some(wire) = &self.wire {
            wire.server.remove(&self.domain);
        }
    }
}

impl Session for EmulatedSession {
    fn scope(&self) -> Scope {
        Scope::new(
            Place::new(self.domain.clone()),
            self.client.clone(),
            self.clients.clone(),
            self.people.clone(),
        )
    }

    fn send<'a>(
        &'a mut self,
        request: Request,
        _: Intent<'a>,
        _: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>> {
        if let Some(wire) = &self.wire {
            return Box::pin(wire.send(&self.domain, request));
        }
        let (response, elapsed) = match self.tenant.deliver(&request) {
            Delivery::Whole(response, after) => (response, after),
            Delivery::Half(_) | Delivery::Nothing => {
                let error = SendError::Unreachable("the connection was closed".to_owned());
                return Box::pin(std::future::ready(Err(error)));
            }
        };
        let exchange = Exchange { request, response, elapsed };
        Box::pin(std::future::ready(Ok(exchange)))
    }

    fn code<'a>(
        &'a mut self,
        channel: Channel,
        source: &'a str,
    ) -> BoxFuture<'a, Result<String, NoCode>> {
        let found = match channel {
            Channel::Email => self.sent(&Address::Email(source.to_owned())),
            Channel::Sms => self.sent(&Address::Sms(source.to_owned())),
            Channel::Voice => self.sent(&Address::Voice(source.to_owned())),
            Channel::Otp => self.otp(source),
            // Nothing is sent: it is answered on the phone.
            Channel::Push => Err(NoCode::NoMessage { others: 0 }),
        };
        Box::pin(async move { found })
    }

    fn client_assertion<'a>(
        &'a mut self,
        client_id: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>> {
        self.assertions += 1;
        let (issuer, id) = (format!("https://{}/", self.domain), self.assertions.to_string());
        let signed = assertion::signed(client_id, &issuer, &id, self.clock.now());
        Box::pin(std::future::ready(signed))
    }

    fn answer_push<'a>(
        &'a mut self,
        user_id: &'a str,
        answer: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>> {
        let mut pending = self.tenant.pending_pushes();
        pending.retain(|push| push.user_id == user_id);
        let answered = pending
            .last()
            .is_some_and(|push| self.tenant.answer_push(&push.id, answer == PushAnswer::Accept));
        Box::pin(std::future::ready(if answered { Ok(()) } else { Err(NoPush) }))
    }

    fn advance(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        self.clock.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

/// The cause at the end of the chain is the one that a person can act on.
fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
