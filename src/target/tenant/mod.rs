//! A real tenant of Auth0's, driven from outside: its users are made for each scenario and removed again, its settings
//! are what the scenario asks for or are made so, and whatever a run makes there is on the disk before.
//!
//! Nothing that a run did not make is changed unless the target's `allow` says so.

mod ask;
mod finding;
mod grants;
mod journal;
mod management;
mod open;
mod pace;
mod pool;
mod probe;
mod session;
mod settings;
mod tidy;
mod wire;

use std::{
    collections::BTreeMap,
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, RwLock};

use self::{
    journal::{Entry, Journal},
    management::{Management, Token},
    pool::Pool,
    session::{Held, TenantSession},
    settings::Settings,
    wire::Wire,
};
use super::{NotPrepared, PrepareError, Session, Target};
use crate::{
    clock::AdjustedClock,
    codes::CodeSource,
    config::{Allowed, TargetSpec},
    exchange::Retry,
    plan::{self, Applications, Case},
    scenario::{Channel, Scenario},
    step::Place,
};

pub use finding::{Finding, State};
pub use open::{Field, OpenError};
pub use probe::{Probed, probe};
pub use tidy::{Cleanup, cleanup};

/// A tenant that is ready for scenarios.
pub struct Tenant {
    name: String,
    spec: TargetSpec,
    wire: Wire,
    token: Mutex<Option<Token>>,
    /// What holds for all users; nothing where it cannot be read.
    settings: Option<Arc<RwLock<Settings>>>,
    /// What held when the run began.
    before: Option<Settings>,
    journal: Journal,
    /// What tells this run's users from others'.
    run: String,
    users_made: AtomicUsize,
    codes: BTreeMap<Channel, CodeSource>,
    numbers: Pool,
    users: Pool,
    /// The tenant's time.
    clock: AdjustedClock,
    /// Keeps other runs of this folder from changing the settings, or from relying on them.
    _settings_lease: File,
}

impl Tenant {
    /// What there is to say of the clocks, if the tenant's and this machine's are apart.
    #[must_use]
    pub fn clock_problem(&self) -> Option<OpenError> {
        ask::clock_problem(self.clock)
    }

    /// The domain that requests go to.
    fn domain(&self) -> &str {
        self.spec.custom_domain.as_ref().unwrap_or(&self.spec.domain)
    }

    fn place(&self) -> Place {
        Place {
            domain: self.domain().to_owned(),
            management_domain: self.spec.domain.clone(),
            connection: self.spec.realm.clone(),
            audience: self.spec.audience.clone(),
        }
    }

    fn management(&self) -> Result<Management<'_>, PrepareError> {
        let client = self.spec.management.as_ref().ok_or_else(|| {
            PrepareError::Refused("`management` is needed for that, and is not given".to_owned())
        })?;
        Ok(Management::new(&self.wire, &self.spec.domain, client, &self.token))
    }

    fn may_remove(&self) -> bool {
        self.spec.management.is_some() && self.spec.allow.contains(&Allowed::Remove)
    }

    fn may_provision(&self) -> bool {
        ask::may_provision(&self.spec)
    }

    /// An address for a user of this run, which nobody else has.
    fn address(&self) -> String {
        let number = self.users_made.fetch_add(1, Ordering::Relaxed) + 1;
        let (before, after) = around_name(&self.spec);
        format!("{before}{MARK}-{}-{number}{after}", self.run)
    }

    fn number(&self, number: usize) -> String {
        self.spec.phone_numbers().nth(number).unwrap_or_default().to_owned()
    }

    /// Waits until the settings are what a scenario asks for, or makes them so, and keeps them from being changed.
    async fn settle(
        &self,
        scenario: &Scenario,
        retries: &mut Vec<Retry>,
    ) -> Result<Option<Held>, PrepareError> {
        let Some(settings) = &self.settings else { return Ok(None) };
        let wanted = Settings::of(&scenario.given.tenant);
        let is_alone = self.is_alone(scenario);
        if !is_alone {
            let now = Arc::clone(settings).read_owned().await;
            if *now == wanted {
                return Ok(Some(Held::Shared(now)));
            }
        }
        let mut now = Arc::clone(settings).write_owned().await;
        if *now != wanted {
            if let Some(difference) = wanted.differs(&now).filter(|_| !self.may_provision()) {
                return Err(PrepareError::Refused(difference));
            }
            let before = self.before.clone().unwrap_or_else(|| now.clone());
            self.journal.write(&Entry::Changing { before }).map_err(PrepareError::Journal)?;
            let changes = wanted.changes(&now);
            let management = self.management()?;
            if let Err(error) = management.change(changes, retries).await {
                self.look_again(&mut now, retries).await;
                return Err(error);
            }
            *now = wanted;
        }
        Ok(Some(if is_alone { Held::Alone(now) } else { Held::Shared(now.downgrade()) }))
    }

    /// Whether the scenario may change settings by itself.
    fn is_alone(&self, scenario: &Scenario) -> bool {
        let found = Applications::find(&scenario.given.tenant, &self.spec);
        found.is_ok_and(|applications| applications.manages())
    }

    /// Reads the settings, where something may have changed them. If they cannot be read, the next who needs them finds
    /// out.
    async fn look_again(&self, settings: &mut Settings, retries: &mut Vec<Retry>) {
        if let Ok(management) = self.management()
            && let Ok(now) = management.settings(retries).await
        {
            *settings = now;
        }
    }
}

/// What the names of all users that are made begin with.
const MARK: &str = "countersign";

/// What stands before and behind the names of users in their addresses.
fn around_name(spec: &TargetSpec) -> (&str, &str) {
    let address = spec.codes.get(&Channel::Email).and_then(|codes| codes.addresses.first());
    // Nobody reads what is sent to the other one: the domain is for examples (RFC 2606).
    address.and_then(|address| address.split_once('*')).unwrap_or(("", "@example.com"))
}

/// Why a scenario cannot be run in a tenant with these settings, if it cannot; without them, as far as the file tells.
fn skip(scenario: &Scenario, spec: &TargetSpec, settings: Option<&Settings>) -> Option<String> {
    plan::gap(scenario, spec).or_else(|| {
        let now = settings.filter(|_| !ask::may_provision(spec))?;
        let difference = Settings::of(&scenario.given.tenant).differs(now)?;
        Some(format!("{difference} (`allow: [provision]` would change that)"))
    })
}

impl Target for Tenant {
    fn name(&self) -> &str {
        &self.name
    }

    fn skip(&self, scenario: &Scenario) -> Option<String> {
        skip(scenario, &self.spec, self.before.as_ref())
    }

    /// Scenarios for the same settings are run together; those that may change them by themselves come last.
    fn batch(&self, scenario: &Scenario) -> String {
        let key = Settings::of(&scenario.given.tenant).key();
        format!("{} {key}", u8::from(self.is_alone(scenario)))
    }

    fn is_gone(&self) -> bool {
        self.wire.is_gone()
    }

    fn prepare<'a>(
        &'a self,
        case: &'a Case,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Session + 'a>, NotPrepared>> {
        Box::pin(async move {
            let session = TenantSession::prepare(self, &case.scenario).await?;
            Ok(Box::new(session) as Box<dyn Session>)
        })
    }
}
