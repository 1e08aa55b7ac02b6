//! A target, opened by its name, and left as it was found.

use std::sync::Arc;

use super::{Exit, Failure, output, output::Output};
use crate::{
    config::TargetSpec,
    source::{Diagnostic, Sources},
    target::{
        Emulated, Replay, Target, Tenant,
        tenant::{Cleanup, Field, OpenError},
    },
};

/// A target that is ready.
pub(super) enum Opened {
    Emulated(Emulated),
    Replay(Replay),
    Tenant(Box<Tenant>),
}

impl Opened {
    /// Opens the target of this name: `tenant`, if it is one. `parts` is how many runs share its rate.
    pub(super) async fn open(
        name: &str,
        tenant: Option<TargetSpec>,
        parts: u32,
        sources: &Arc<Sources>,
        output: &Output,
    ) -> Result<Self, Failure> {
        let Some(spec) = tenant else {
            return Ok(match name {
                "replay" => Self::Replay(Replay),
                _ => Self::Emulated(Emulated::start().await.map_err(Failure::Target)?),
            });
        };
        let waiting = || {
            output::note(
                "another run in this folder has to end first: it uses this tenant's settings",
            );
        };
        let places = spec.places.clone();
        let opened = Tenant::open(name, spec, parts, &waiting).await;
        let tenant = opened.map_err(|error| unreachable(&error, &places, sources))?;
        let ahead = tenant.clock_difference();
        if ahead != 0 {
            let difference = format!("{} s", ahead.unsigned_abs() / 1000);
            let word = if ahead > 0 { "behind" } else { "ahead of" };
            let problem = Diagnostic::nowhere(format!(
                "this machine's clock is {difference} {word} the tenant's"
            ));
            let hint =
                "codes of authenticator apps are made for the tenant's time; set the clock right";
            output.problems(&[problem.warning().hint(hint)], &Sources::default());
        }
        Ok(Self::Tenant(Box::new(tenant)))
    }

    /// The target itself.
    pub(super) fn target(&self) -> &dyn Target {
        match self {
            Self::Emulated(target) => target,
            Self::Replay(target) => target,
            Self::Tenant(target) => &**target,
        }
    }

    /// Undoes what is still to be undone, and says what could not be. Whether all was.
    pub(super) async fn close(self, output: &Output) -> bool {
        let Self::Tenant(tenant) = self else { return true };
        let name = tenant.name().to_owned();
        let done = tenant.close().await;
        report(&name, &done, output)
    }
}

/// Says what a clean-up could not undo. Whether it could undo everything.
pub(super) fn report(name: &str, done: &Cleanup, output: &Output) -> bool {
    let problems: Vec<_> = done
        .failed
        .iter()
        .map(|failed| {
            Diagnostic::nowhere(failed.clone())
                .hint(format!("`countersign cleanup --target {name}` tries it again"))
        })
        .collect();
    output.problems(&problems, &Sources::default());
    problems.is_empty()
}

/// What keeps a tenant from being used, at the place in the configuration that it is about.
pub(super) fn unreachable(
    error: &OpenError,
    places: &crate::config::Places,
    sources: &Arc<Sources>,
) -> Failure {
    let problem = match error.field.place(places) {
        Some(span) => Diagnostic::at(span, error.message.clone()),
        None => Diagnostic::nowhere(error.message.clone()),
    };
    let problem = Box::new(problem.hint(error.hint.clone()));
    // Of the file alone is what it says of certificates; the rest depends on others.
    let exit = if error.field == Field::Authorities { Exit::Usage } else { Exit::Unreachable };
    Failure::NotReady(problem, Arc::clone(sources), exit)
}
