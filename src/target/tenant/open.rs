//! Before the first scenario: whether the tenant is there, is one, and lets its applications do what a run needs.

use std::{collections::BTreeMap, fs::File, sync::Arc, time::Duration};

use mail_parser::DateTime;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{Mutex, RwLock};

use super::{
    Tenant,
    journal::{self, Journal},
    management::Management,
    pace::Pace,
    pool::Pool,
    wire::{Call, Wire},
};
use crate::{
    clock::{self, AdjustedClock, Entropy, SystemEntropy},
    codes::CodeSource,
    config::{Allowed, Places, PoolUser, Proof, TargetSpec},
    exchange::{Request, Response, Retry},
    scenario::Channel,
    source::Span,
    target::{PrepareError, SendError, assertion},
};

/// What of a target's configuration is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `domain`
    Domain,
    /// `custom_domain`
    CustomDomain,
    /// `ca`
    Authorities,
    /// `client`, or one of `clients` by its number.
    Client(Option<usize>),
    /// `management`
    Management,
    /// `codes`
    Codes(Channel),
    /// None of it.
    Nothing,
}

impl Field {
    /// Where it stands in the file, if it does.
    #[must_use]
    pub fn place(self, places: &Places) -> Option<Span> {
        match self {
            Self::Domain => places.domain,
            Self::CustomDomain => places.custom_domain,
            Self::Authorities => places.ca,
            Self::Client(number) => {
                places.clients.get(number.map_or(0, |number| number + 1)).copied()
            }
            Self::Management => places.management,
            Self::Codes(channel) => places.codes.get(&channel).copied(),
            Self::Nothing => None,
        }
    }
}

/// Why a tenant is not ready.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct OpenError {
    /// What to look at.
    pub field: Field,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl OpenError {
    pub(super) fn new(field: Field, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { field, message: message.into(), hint: hint.into() }
    }
}

/// How far clocks may be apart without a word.
const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// How long to wait between two looks whether another run has ended.
const PAUSE: Duration = Duration::from_millis(250);

/// The scopes that a run needs of the application for the Management API, and those that `allow` adds.
const SCOPES: [&str; 8] = [
    "read:users",
    "create:users",
    "delete:users",
    "read:authentication_methods",
    "create:authentication_methods",
    "delete:authentication_methods",
    "read:guardian_factors",
    "read:mfa_policies",
];
const PROVISION_SCOPES: [&str; 2] = ["update:guardian_factors", "update:mfa_policies"];

impl Tenant {
    /// Makes a tenant ready: it is reached, its applications prove themselves, its settings are read. `parts` is how
    /// many runs share its rate.
    ///
    /// `waiting` is told when another run in this folder has to end first.
    pub async fn open(
        name: &str,
        spec: TargetSpec,
        parts: u32,
        waiting: &(dyn Fn() + Sync),
    ) -> Result<Self, OpenError> {
        let mut opened = Self::connect(name, spec, parts, waiting).await?;
        opened.check_clients().await?;
        Ok(opened)
    }

    async fn connect(
        name: &str,
        spec: TargetSpec,
        parts: u32,
        waiting: &(dyn Fn() + Sync),
    ) -> Result<Self, OpenError> {
        let pace = Pace::new(spec.rate, parts);
        let wire = Wire::new(spec.authorities.as_deref(), pace).map_err(|cause| {
            let message = format!("the authorities of this file cannot be trusted: {cause}");
            OpenError::new(
                Field::Authorities,
                message,
                "it has to be a file of certificates in PEM",
            )
        })?;
        let codes = sources(&spec)?;
        let mut retries = Vec::new();
        let clock = discover(&wire, &spec, &mut retries).await?;
        let may_provision = spec.management.is_some() && spec.allow.contains(&Allowed::Provision);
        let lease = settings_lease(&spec.domain, may_provision, waiting).await?;
        let token = Mutex::new(None);
        let mut settings = None;
        if let Some(client) = &spec.management {
            let management = Management::new(&wire, &spec.domain, client, &token);
            check_scopes(&management, may_provision, &mut retries).await?;
            let read = management.settings(&mut retries).await;
            settings = Some(read.map_err(|error| of_management(&error))?);
        }
        let random: &mut dyn Entropy = &mut SystemEntropy;
        // Sorted by when they began.
        let run = format!("{:x}{}", clock.now().as_secs(), random.text(6, ALPHABET));
        let journal = Journal::begin(name, &run).map_err(|error| on_disk(&error))?;
        let numbers = Pool::new(spec.phone_numbers().map(str::to_owned));
        // An address may be known in several tenants.
        let of_tenant = |user: &PoolUser| format!("{} {}", spec.domain, user.email);
        let users = Pool::new(spec.users.iter().map(of_tenant));
        Ok(Self {
            name: name.to_owned(),
            wire,
            token,
            before: settings.clone(),
            settings: settings.map(|settings| Arc::new(RwLock::new(settings))),
            journal,
            run,
            users_made: 0.into(),
            codes,
            numbers,
            users,
            clock,
            _settings_lease: lease,
            spec,
        })
    }

    /// Whether each application can prove itself: it asks for a token with an `mfa_token` that is none, which changes
    /// nothing.
    async fn check_clients(&mut self) -> Result<(), OpenError> {
        let all = std::iter::once((None, &self.spec.client));
        let others = self.spec.clients.iter().enumerate();
        for (number, client) in all.chain(others.map(|(number, it)| (Some(number), it))) {
            let field = Field::Client(number);
            let mut body = json!({
                "grant_type": "http://auth0.com/oauth/grant-type/mfa-otp",
                "client_id": client.id,
                "mfa_token": "none",
                "otp": "000000",
            });
            let mut request = Request::new("POST", "/oauth/token");
            match &client.proof {
                Proof::Public => {}
                Proof::SecretPost(secret) => {
                    body["client_secret"] = Value::from(secret.expose().as_str());
                }
                Proof::SecretBasic(secret) => {
                    request = request.header("authorization", basic(&client.id, secret.expose()));
                }
                Proof::PrivateKeyJwt(key) => {
                    let random: &mut dyn Entropy = &mut SystemEntropy;
                    let (id, now) = (random.text(32, ALPHABET), self.clock.now());
                    let issuer = format!("https://{}/", self.domain());
                    let signed = assertion::by_pem(key, &client.id, &issuer, &id, now);
                    let signed = signed.map_err(|_| {
                        let message = "this key cannot sign";
                        OpenError::new(field, message, "it has to be an RSA key in PEM")
                    })?;
                    body["client_assertion_type"] =
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into();
                    body["client_assertion"] = signed.into();
                }
            }
            let call = Call {
                domain: self.domain(),
                request: request.json(&body),
                what: "see whether the application can prove itself",
                is_idempotent: !matches!(client.proof, Proof::PrivateKeyJwt(_)),
                accepts: &[],
            };
            let answer = self.wire.send(call, &mut Vec::new()).await;
            let response = answer.map_err(|error| unreachable(&self.spec, &error))?.response;
            let error = json_of(&response)["error"].as_str().unwrap_or_default().to_owned();
            if response.status == 401 || error == "invalid_client" {
                let message = format!("the tenant does not accept this application: `{error}`");
                let hint = "its id and its secret or key are on its page in Auth0's dashboard";
                return Err(OpenError::new(field, message, hint));
            }
        }
        Ok(())
    }
}

/// Asks who the tenant is, and what time it has.
async fn discover(
    wire: &Wire,
    spec: &TargetSpec,
    retries: &mut Vec<Retry>,
) -> Result<AdjustedClock, OpenError> {
    let mut clock = AdjustedClock::default();
    let domains = std::iter::once((Field::Domain, &spec.domain))
        .chain(spec.custom_domain.iter().map(|domain| (Field::CustomDomain, domain)));
    for (field, domain) in domains {
        let request = Request::new("GET", "/.well-known/openid-configuration");
        let what = "ask who the tenant is";
        let call = Call { domain, request, what, is_idempotent: true, accepts: &[] };
        let answer = wire.send(call, retries).await;
        let response = answer.map_err(|error| unreachable_at(field, domain, &error))?.response;
        let issuer = format!("https://{domain}/");
        let said = json_of(&response)["issuer"].as_str().map(str::to_owned);
        if response.status != 200 || said.is_none() {
            let message =
                format!("there is no tenant at `{domain}`: the answer was {}", response.status);
            return Err(OpenError::new(field, message, DOMAIN_HINT));
        }
        if said.as_ref().is_some_and(|said| *said != issuer) {
            let said = said.unwrap_or_default();
            let message = format!("the tenant says that it is `{said}`, and not `{issuer}`");
            return Err(OpenError::new(field, message, DOMAIN_HINT));
        }
        let date = response.headers.get("date").and_then(DateTime::parse_rfc822);
        if let Some(date) = date {
            // Of the tenant's second nothing more is known: half a one is added.
            let theirs = date.to_timestamp().saturating_mul(1000).saturating_add(500);
            let ours = i64::try_from(AdjustedClock::default().now().as_millis());
            let ahead = theirs.saturating_sub(ours.unwrap_or(i64::MAX));
            clock = AdjustedClock { ahead: if ahead.abs() > 2000 { ahead } else { 0 } };
        }
    }
    Ok(clock)
}

const DOMAIN_HINT: &str = "the domain is on the page of the application in Auth0's dashboard";

async fn check_scopes(
    management: &Management<'_>,
    may_provision: bool,
    retries: &mut Vec<Retry>,
) -> Result<(), OpenError> {
    let granted = management.scopes(retries).await.map_err(|error| of_management(&error))?;
    let granted: Vec<_> = granted.split(' ').collect();
    let wanted = SCOPES.iter().chain(PROVISION_SCOPES.iter().filter(|_| may_provision));
    let missing: Vec<_> = wanted.filter(|scope| !granted.contains(scope)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the application lacks scopes: {}", missing.join(", "));
    let hint = "grant them to it in Auth0's dashboard: APIs, Auth0 Management API, Machine to Machine Applications";
    Err(OpenError::new(Field::Management, message, hint))
}

fn of_management(error: &PrepareError) -> OpenError {
    let hint = match error {
        PrepareError::Unreachable(_) => DOMAIN_HINT,
        _ => {
            "it has to be an application that may call the Auth0 Management API, with its id and secret"
        }
    };
    OpenError::new(Field::Management, error.to_string(), hint)
}

fn unreachable(spec: &TargetSpec, error: &SendError) -> OpenError {
    match &spec.custom_domain {
        Some(domain) => unreachable_at(Field::CustomDomain, domain, error),
        None => unreachable_at(Field::Domain, &spec.domain, error),
    }
}

fn unreachable_at(field: Field, domain: &str, error: &SendError) -> OpenError {
    let cause = match error {
        SendError::Unreachable(cause) => cause.clone(),
        other => other.to_string(),
    };
    let message = format!("the tenant `{domain}` cannot be reached: {cause}");
    if cause.contains("certificate") {
        let hint = "a private authority's certificate goes into the file that `ca` names";
        return OpenError::new(field, message, hint);
    }
    OpenError::new(field, message, DOMAIN_HINT)
}

fn on_disk(error: &std::io::Error) -> OpenError {
    let message = format!("nothing can be written below `{}`: {error}", journal::FOLDER);
    let hint = "what a run makes in a tenant is written there first, so that it can be removed";
    OpenError::new(Field::Nothing, message, hint)
}

/// Where codes come from, by channel.
fn sources(spec: &TargetSpec) -> Result<BTreeMap<Channel, CodeSource>, OpenError> {
    let opened = spec.open_codes().into_iter().map(|(channel, source)| {
        let source = source.map_err(|cause| {
            let message = format!("the codes of `{}` cannot be had: {cause}", channel.word());
            let hint = "docs/tenant.md has the keys of every kind of source";
            OpenError::new(Field::Codes(channel), message, hint)
        })?;
        Ok((channel, source))
    });
    opened.collect()
}

/// The right to change the settings of a tenant, or to rely on them, among the runs in this folder.
async fn settings_lease(
    domain: &str,
    may_change: bool,
    waiting: &(dyn Fn() + Sync),
) -> Result<File, OpenError> {
    let mut told = false;
    loop {
        if let Some(file) =
            journal::settings_lease(domain, may_change).map_err(|error| on_disk(&error))?
        {
            return Ok(file);
        }
        if !told {
            waiting();
            told = true;
        }
        clock::wait(PAUSE).await;
    }
}

fn basic(id: &str, secret: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}
