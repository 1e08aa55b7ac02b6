//! `countersign cleanup`

use std::sync::Arc;

use super::{
    Exit, Failure,
    args::Cleanup,
    configuration,
    output::{self, Output},
    target,
};
use crate::{
    config::{BUILT_IN, TargetSpec},
    source::{Diagnostic, Sources},
    target::tenant,
};

pub(super) fn cleanup(args: &Cleanup, output: &Output) -> Result<Exit, Failure> {
    if BUILT_IN.contains(&&*args.target) {
        let message = format!("there is nothing to clean up in `{}`", args.target);
        let hint = "what runs leave is in tenants, which are in countersign.yaml by name";
        return Err(Failure::input(Diagnostic::nowhere(message).hint(hint)));
    }
    let mut problems = Vec::new();
    let mut sources = Sources::default();
    let spec = configuration::tenant(&args.target, &mut sources, &mut problems);
    let (Some(spec), true) = (spec, problems.is_empty()) else {
        return Err(Failure::Input(problems, sources));
    };
    let sources = Arc::new(sources);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Target)?;
    let done = runtime.block_on(tenant::cleanup(&args.target, &spec, args.all));
    let done = done.map_err(|error| target::unreachable(&error, &spec.places, &sources))?;
    output.write(&said(&done))?;
    let is_whole = target::report(&args.target, &done, output);
    Ok(if is_whole { Exit::Passed } else { Exit::Unreachable })
}

/// Cleans up before a run, and says on standard error what came of it. Whether all was undone.
pub(super) async fn before_run(
    name: &str,
    spec: &TargetSpec,
    sources: &Arc<Sources>,
    output: &Output,
) -> Result<bool, Failure> {
    let done = tenant::cleanup(name, spec, false).await;
    let done = done.map_err(|error| target::unreachable(&error, &spec.places, sources))?;
    output::note(said(&done).trim_end());
    Ok(target::report(name, &done, output))
}

/// What was done, for a person.
fn said(done: &tenant::Cleanup) -> String {
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let mut lines = vec![format!("{} removed", count(done.removed, "user"))];
    if done.restored {
        lines.push("the settings are again what they were".to_owned());
    }
    if done.alive > 0 {
        lines.push(format!("what {} made is left alone: it goes on", count(done.alive, "run")));
    }
    if done.young > 0 {
        let left = count(done.young, "user");
        let why = "less than an hour old, and of no run that is known here";
        lines.push(format!("{left} left alone: {why} (`--all` removes them too)"));
    }
    lines.join("\n") + "\n"
}
