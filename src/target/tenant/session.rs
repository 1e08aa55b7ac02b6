//! A scenario's part of a tenant: its users, the codes that come to them, and what has to be removed again.

mod inbox;
mod people;

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use super::{Tenant, pool::Lease, settings::Settings, wire::Call};
use crate::{
    clock::{self, Entropy, SystemEntropy},
    codes::{Baseline, NoCode},
    config::Proof,
    exchange::{Content, Exchange, Request, Retry},
    plan::{Application, Applications},
    scenario::{Channel, PushAnswer, Scenario},
    secret::Secret,
    snapshot::Redactor,
    step::{Credentials, Person, Scope},
    target::{
        Intent, NoAssertion, NoPush, NotPrepared, PrepareError, SendError, Session, assertion,
    },
};

/// Of what the ids of assertions are made.
const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The settings, which stay as they are as long as this is held.
pub(super) enum Held {
    /// Others may rely on them at the same time.
    #[expect(dead_code, reason = "it is held, not read")]
    Shared(OwnedRwLockReadGuard<Settings>),
    /// The scenario may change them.
    Alone(OwnedRwLockWriteGuard<Settings>),
}

pub(super) struct TenantSession<'a> {
    tenant: &'a Tenant,
    client: Credentials,
    clients: BTreeMap<String, Credentials>,
    /// By the id of an application what it signs assertions with.
    keys: BTreeMap<String, &'a Secret<String>>,
    people: BTreeMap<String, Person>,
    /// Whether users are the tenant's own, and only what they enrolled is removed.
    is_pool: bool,
    /// The channels of which the scenario fetches codes that are sent.
    channels: Vec<Channel>,
    /// What there was before the last request that sent something there.
    baselines: BTreeMap<(Channel, String), Baseline>,
    /// By a channel and a user's own address the others of theirs that were enrolled.
    aliases: BTreeMap<(Channel, String), Vec<String>>,
    /// By the name of a user where the last request has sent a code, as long as nobody has fetched it.
    awaited: BTreeMap<String, Vec<(Channel, String)>>,
    retries: Vec<Retry>,
    settings: Option<Held>,
    leases: Vec<Lease<'a>>,
}

impl<'a> TenantSession<'a> {
    /// A session with all that the scenario is given; what was made until something failed is removed again.
    pub(super) async fn prepare(
        tenant: &'a Tenant,
        scenario: &'a Scenario,
    ) -> Result<Self, NotPrepared> {
        let mut session = Self::new(tenant, scenario)?;
        match session.provision(scenario).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.undo().await;
                Err(NotPrepared { error, retries: session.retries })
            }
        }
    }

    fn new(tenant: &'a Tenant, scenario: &'a Scenario) -> Result<Self, PrepareError> {
        let found = Applications::find(&scenario.given.tenant, &tenant.spec);
        let found = found.map_err(PrepareError::Refused)?;
        let mut keys = BTreeMap::new();
        for application in std::iter::once(&found.client).chain(found.clients.values()) {
            if let Application::Client(client) = application
                && let Proof::PrivateKeyJwt(key) = &client.proof
            {
                keys.insert(client.id.clone(), key);
            }
        }
        let others = found.clients.iter();
        Ok(Self {
            tenant,
            client: credentials(found.client),
            clients: others.map(|(name, it)| ((*name).to_owned(), credentials(*it))).collect(),
            keys,
            people: BTreeMap::new(),
            is_pool: !tenant.spec.users.is_empty(),
            channels: inbox::fetched(scenario),
            baselines: BTreeMap::new(),
            aliases: BTreeMap::new(),
            awaited: BTreeMap::new(),
            retries: Vec::new(),
            settings: None,
            leases: Vec::new(),
        })
    }

    async fn exchange(
        &mut self,
        request: Request,
        intent: Intent<'_>,
    ) -> Result<Exchange, SendError> {
        let Intent { actor, accepts } = intent;
        let baselines = self.baselines(&request, actor).await?;
        let what = format!("{} {}", request.method, request.path);
        let is_idempotent = is_idempotent(&request);
        let domain = self.tenant.domain();
        let call = Call { domain, request, what: &what, is_idempotent, accepts };
        let exchange = self.tenant.wire.send(call, &mut self.retries).await?;
        if (200..300).contains(&exchange.response.status) {
            self.heard(actor, &exchange, baselines);
        }
        Ok(exchange)
    }
}

impl Session for TenantSession<'_> {
    fn scope(&self) -> Scope {
        let place = self.tenant.place();
        Scope::new(place, self.client.clone(), self.clients.clone(), self.people.clone())
    }

    fn send<'a>(
        &'a mut self,
        request: Request,
        intent: Intent<'a>,
        _: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>> {
        Box::pin(self.exchange(request, intent))
    }

    fn code<'a>(
        &'a mut self,
        channel: Channel,
        source: &'a str,
    ) -> BoxFuture<'a, Result<String, NoCode>> {
        Box::pin(self.fetch(channel, source))
    }

    fn client_assertion<'a>(
        &'a mut self,
        client_id: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>> {
        let random: &mut dyn Entropy = &mut SystemEntropy;
        let id = random.text(32, ALPHABET);
        let issuer = format!("https://{}/", self.tenant.domain());
        let key = self.keys.get(client_id).ok_or(NoAssertion);
        let now = self.tenant.clock.now();
        let signed = key.and_then(|key| assertion::by_pem(key, client_id, &issuer, &id, now));
        Box::pin(std::future::ready(signed))
    }

    /// There is no device.
    fn answer_push<'a>(
        &'a mut self,
        _: &'a str,
        _: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>> {
        Box::pin(std::future::ready(Err(NoPush)))
    }

    /// It passes by itself.
    fn advance(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(clock::wait(duration))
    }

    fn finish<'a>(mut self: Box<Self>) -> BoxFuture<'a, Vec<Retry>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            self.undo().await;
            std::mem::take(&mut self.retries)
        })
    }
}

fn credentials(application: Application<'_>) -> Credentials {
    let (id, secret) = match application {
        Application::Management(client) => (&client.client_id, Some(&client.client_secret)),
        Application::Client(client) => match &client.proof {
            Proof::SecretPost(secret) | Proof::SecretBasic(secret) => (&client.id, Some(secret)),
            Proof::Public | Proof::PrivateKeyJwt(_) => (&client.id, None),
        },
    };
    Credentials { id: id.clone(), secret: secret.cloned(), assertion: None }
}

/// Whether twice is the same as once. A login is not: the tenant counts them, and the wrong ones.
fn is_idempotent(request: &Request) -> bool {
    let is_of_machine = |grant: Option<&str>| grant == Some("client_credentials");
    // An assertion is taken once.
    let is_token = match request.content() {
        Content::Json(body) => {
            is_of_machine(body["grant_type"].as_str()) && body["client_assertion"].is_null()
        }
        Content::Form(fields) => {
            let field = |name: &str| {
                fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
            };
            is_of_machine(field("grant_type")) && field("client_assertion").is_none()
        }
        _ => false,
    };
    is_token || matches!(&*request.method, "GET" | "HEAD")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_idempotent;
    use crate::exchange::Request;

    #[test]
    fn only_what_has_no_effect_is_repeated() {
        let token = |grant: &str| json!({"grant_type": grant, "client_id": "a"});
        let asserted = json!({"grant_type": "client_credentials", "client_assertion": "x"});
        for (method, path, body, is_safe) in [
            ("GET", "/mfa/authenticators", json!(null), true),
            ("DELETE", "/mfa/authenticators/totp|dev_1", json!(null), false),
            ("POST", "/mfa/challenge", json!({"mfa_token": "x"}), false),
            ("POST", "/oauth/token", token("password"), false),
            ("POST", "/oauth/token", token("refresh_token"), false),
            ("POST", "/oauth/token", token("client_credentials"), true),
            ("POST", "/oauth/token", asserted, false),
        ] {
            let request = Request::new(method, path).json(&body);
            assert_eq!(is_idempotent(&request), is_safe, "{method} {path} {body}");
        }
    }
}
