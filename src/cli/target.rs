//! A target, opened by its name, and left as it was found.

#![expect(clippy::disallowed_methods, reason = "what was agreed to is kept in a file")]

use std::{
    fs,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::Path,
    sync::Arc,
};

use super::{Exit, Failure, output, output::Output};
use crate::{
    config::{Places, TargetSpec},
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
        if let Some(problem) = tenant.clock_problem() {
            output.problems(&[diagnostic(&problem, &places).warning()], sources);
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
pub(super) fn unreachable(error: &OpenError, places: &Places, sources: &Arc<Sources>) -> Failure {
    let problem = Box::new(diagnostic(error, places));
    Failure::NotReady(problem, Arc::clone(sources), exit(error))
}

/// The same, to be told.
pub(super) fn diagnostic(error: &OpenError, places: &Places) -> Diagnostic {
    let problem = match error.field.place(places) {
        Some(span) => Diagnostic::at(span, error.message.clone()),
        None => Diagnostic::nowhere(error.message.clone()),
    };
    problem.hint(error.hint.clone())
}

/// How the program ends with it: of the file alone is what it says of certificates; the rest depends on others.
pub(super) fn exit(error: &OpenError) -> Exit {
    if error.field == Field::Authorities { Exit::Usage } else { Exit::Unreachable }
}

/// Asks the person at the terminal, if there is one, whether users may be made in a tenant that people depend on. It is
/// asked once in this folder; the error is that they may not.
pub(super) fn confirm(name: &str, spec: &TargetSpec) -> Result<(), Failure> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let folder = Path::new(".countersign").join(name);
    let agreed = folder.join("agreed");
    if !spec.production || !is_terminal || output::is_ci() || agreed.exists() {
        return Ok(());
    }
    let question =
        format!("`{name}` is in production: users are made and removed in it; go on? [y/N] ");
    let mut answer = String::new();
    write!(io::stderr(), "{question}")?;
    io::stdin().lock().read_line(&mut answer)?;
    if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        let problem = Box::new(Diagnostic::nowhere("nothing was sent").hint("`y` goes on"));
        return Err(Failure::NotReady(problem, Arc::default(), Exit::Interrupted));
    }
    fs::create_dir_all(&folder)?;
    Ok(fs::write(agreed, "")?)
}
