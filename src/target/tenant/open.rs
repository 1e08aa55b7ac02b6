//! Before the first scenario: whether the tenant is there, is one, and lets its applications do what a run needs.

use std::{fs::File, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::sync::{Mutex, RwLock};

use super::{
    Tenant, ask, grants,
    journal::{self, Journal},
    management::Management,
    pool::Pool,
};
use crate::{
    clock::{self, AdjustedClock, Entropy, SystemEntropy},
    config::{Places, PoolUser, TargetSpec},
    emulator::GrantType,
    scenario::Channel,
    source::Span,
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

const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// How long to wait between two looks whether another run has ended.
const PAUSE: Duration = Duration::from_millis(250);

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
        let wire = ask::wire(&spec, parts)?;
        let codes = spec
            .open_codes()
            .into_iter()
            .map(|(channel, opened)| Ok((channel, ask::source(channel, opened)?)));
        let codes = codes.collect::<Result<_, _>>()?;
        let mut retries = Vec::new();
        let mut clock = AdjustedClock::default();
        for (field, domain) in ask::domains(&spec) {
            let discovered = ask::discover(&wire, field, domain, &mut retries).await?;
            clock = discovered.clock.unwrap_or(clock);
        }
        let may_provision = ask::may_provision(&spec);
        let lease = settings_lease(&spec.domain, may_provision, waiting).await?;
        let token = Mutex::new(None);
        let mut settings = None;
        if let Some(client) = &spec.management {
            let management = Management::new(&wire, &spec.domain, client, &token);
            let scopes = ask::scopes(&management, may_provision, &mut retries).await?;
            if let Some(problem) = scopes.problem() {
                return Err(problem);
            }
            settings = Some(ask::settings(&management, &mut retries).await?);
        }
        for client in grants::clients(&spec) {
            let grant = GrantType::MfaOtp;
            grants::try_grant(&wire, &spec, clock, client, grant, &mut retries).await?;
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
}

pub(super) fn on_disk(error: &std::io::Error) -> OpenError {
    let message = format!("nothing can be written below `{}`: {error}", journal::FOLDER);
    let hint = "what a run makes in a tenant is written there first, so that it can be removed";
    OpenError::new(Field::Nothing, message, hint)
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
