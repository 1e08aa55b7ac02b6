//! `countersign run`
#![expect(clippy::disallowed_methods, reason = "what a run may do depends on the environment")]

use std::{collections::BTreeSet, panic::resume_unwind, path::PathBuf, sync::Arc};

use tokio::sync::watch;

use super::{
    Exit, Failure,
    args::{Format, Run, Update as UpdateArg},
    cleanup, configuration,
    earlier::{self, Earlier},
    exceptions,
    files::{self, Catalogue},
    listen::{self, Listeners},
    output::{self, Output},
    target::{self, Opened},
};
use crate::{
    clock::SeededEntropy,
    config::{Exceptions, TargetSpec},
    event::{self, Event, wire},
    plan::{self, Part, Recorded, Shard},
    report::Detail,
    run::{self, Options},
    scenario::Scenario,
    snapshot::{Snapshot, Store, Update},
    source::{Diagnostic, Sources},
};

pub(super) fn run(args: &Run, output: &Output) -> Result<Exit, Failure> {
    let mut of_target = Vec::new();
    let Loaded { catalogue, tenant, exceptions } = load(args, &mut of_target)?;
    let Catalogue { scenarios, mut sources, store, whole, .. } = catalogue;
    let mut problems = Vec::new();
    let shard = args.shard.as_deref().and_then(|text| shard(text, &mut problems));
    let mut selection = files::selection(&args.selection, shard, &mut sources, &mut problems);
    let durations = earlier::read(args.durations.as_deref(), &mut problems);
    let rerun = earlier::read(args.rerun.as_deref(), &mut problems);
    let update = update(args.update, &mut problems);
    let wanted = listen::wanted(&args.report, &mut problems);
    let detail = detail(args, &mut problems);
    problems.append(&mut of_target);
    if args.cleanup && tenant.is_none() && problems.is_empty() {
        let problem = Diagnostic::nowhere("`--cleanup` removes what is left in a tenant");
        problems.push(problem.hint("leave it out, or name a tenant with `--target`"));
    }
    let ids: BTreeSet<String> = scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    if let Some(earlier) = durations {
        selection.durations = earlier.durations(&ids);
    }
    let again = rerun.map(|earlier| again(&earlier, &ids, whole, output));
    let is_nothing_wanted = again.as_ref().is_some_and(BTreeSet::is_empty);
    selection.ids = again.map(|again| again.intersection(&ids).cloned().collect());
    let chosen = scenarios.iter().filter(|scenario| selection.chooses(scenario));
    let part = Part { shard, selection: plan::fingerprint(chosen.map(|scenario| &*scenario.id)) };
    let selected = selection.select(scenarios);
    let may_be_empty = args.shard.is_some() || is_nothing_wanted;
    if selected.is_empty() && problems.is_empty() && !may_be_empty {
        problems.push(files::nothing_selected());
    }
    let selected_ids: BTreeSet<_> = selected.iter().map(|one| one.id.clone()).collect();
    let selected = recorded(selected, &store, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Input(problems, sources));
    }
    if let Some(tenant) = &tenant {
        target::confirm(&args.target, tenant)?;
    }
    let sources = Arc::new(sources);
    let listeners = Listeners::open(wanted, args.format, detail, output)?;
    let replay = args.target == "replay";
    let options = options(args, part, store.clone(), if replay { Update::No } else { update });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Target)?;
    let (sender, thread) = listeners.start(Arc::clone(&sources));
    let mut needless = BTreeSet::new();
    let is_emulated = args.target == "emulator";
    let parts = shard.map_or(1, Shard::count);
    let summary = runtime.block_on(async {
        // From here on an interruption is for the run to hear: what it has made is removed first.
        let interrupt = watch_interrupt();
        let ready = ready(args, tenant, parts, &sources, output);
        let Some(opened) = unless_stopped(ready, interrupt.clone()).await? else {
            let interrupted = *interrupt.borrow();
            let not_run = selected.len() * usize::from(args.repeat);
            let none = event::Summary::default();
            let unreachable = !interrupted;
            let summary = event::Summary { not_run, interrupted, unreachable, ..none };
            drop(sender.send(Event::RunFinished(summary)));
            return Ok(summary);
        };
        let target = opened.target();
        let mut selected = selected;
        selected.sort_by_cached_key(|(scenario, _)| target.batch(scenario));
        let cases = plan::build(selected, args.repeat.into(), &|scenario| target.skip(scenario));
        let mut emit = |event: Event| {
            if let Event::CaseFinished(finished) = &event
                && finished.needless_exception
            {
                needless.insert(finished.case.scenario.id.clone());
            }
            // It fails only where the listeners are gone, and then the thread says why.
            drop(sender.send(event));
        };
        let mut summary = run::execute(cases, target, &options, interrupt, &mut emit).await;
        summary.unreachable |= !opened.close(output).await;
        Ok::<_, Failure>(summary)
    });
    drop(sender);
    let written = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
    let summary = summary?;
    written?;
    if is_emulated && summary.failed + summary.errored + summary.flaky > 0 {
        output::note(&format!("`--seed {}` makes up the same values again", options.seed));
    }
    if let Some((name, exceptions)) = &exceptions {
        if replay {
            // Where the tenant's own was not there, the shared one was played back.
            needless.retain(|id| store.has_own(id));
        }
        let warnings = exceptions::warnings(name, exceptions, &store, &selected_ids, &needless);
        output.problems(&warnings, &sources);
    }
    if whole && selection.is_everything() {
        output.problems(&unused(&store, &ids), &sources);
    }
    Ok(exit(&summary.into(), args.fail_on_flaky))
}

fn options(args: &Run, part: Part, store: Store, update: Update) -> Options {
    Options {
        jobs: args.jobs.into(),
        retries: args.retries,
        max_fail: if args.fail_fast { Some(1) } else { args.max_fail.map(|most| most as usize) },
        no_skip: args.no_skip,
        part,
        seed: args.seed.unwrap_or_else(SeededEntropy::any_seed),
        store,
        update,
    }
}

/// The target, ready for the first scenario; nothing if it is to be cleaned up first and cannot be.
async fn ready(
    args: &Run,
    tenant: Option<TargetSpec>,
    parts: u32,
    sources: &Arc<Sources>,
    output: &Output,
) -> Result<Option<Opened>, Failure> {
    if let (true, Some(tenant)) = (args.cleanup, &tenant)
        && !cleanup::before_run(&args.target, tenant, sources, output).await?
    {
        return Ok(None);
    }
    Opened::open(&args.target, tenant, parts, sources, output).await.map(Some)
}

/// What comes of it; nothing if the user stops the run first. What was begun in a tenant is in its journals.
async fn unless_stopped(
    ready: impl Future<Output = Result<Option<Opened>, Failure>>,
    mut interrupt: watch::Receiver<bool>,
) -> Result<Option<Opened>, Failure> {
    tokio::select! {
        biased;
        opened = ready => opened,
        _ = interrupt.wait_for(|stopped| *stopped) => Ok(None),
    }
}

/// What a run is made of.
struct Loaded<'a> {
    catalogue: Catalogue,
    tenant: Option<TargetSpec>,
    /// The exceptions of the tenant that is run against or played back, and its name.
    exceptions: Option<(&'a str, Exceptions)>,
}

/// Reads scenarios and the tenant, whose snapshots the store then has.
fn load<'a>(args: &'a Run, problems: &mut Vec<Diagnostic>) -> Result<Loaded<'a>, Failure> {
    let paths = &args.selection.paths;
    let mut loaded = match &args.played_as {
        Some(name) if args.target == "replay" => {
            let (catalogue, exceptions) = configuration::load_exceptions(paths, name, problems)?;
            let exceptions = exceptions.map(|exceptions| (name.as_str(), exceptions));
            Loaded { catalogue, tenant: None, exceptions }
        }
        _ => {
            let (catalogue, tenants) = configuration::load(paths, &[&*args.target], problems)?;
            let tenant = tenants.into_iter().next().flatten();
            let exceptions = tenant.as_ref().map(|tenant| tenant.exceptions.clone());
            let exceptions = exceptions.map(|exceptions| (args.target.as_str(), exceptions));
            if args.played_as.is_some() {
                let message = "`--as` says as which tenant a recording is played back";
                let hint = "leave it out, or add `--target replay`";
                problems.push(Diagnostic::nowhere(message).hint(hint));
            }
            Loaded { catalogue, tenant, exceptions }
        }
    };
    if let Some((name, exceptions)) = &loaded.exceptions {
        let ids = exceptions.iter().map(|(id, _)| id.value.clone());
        loaded.catalogue.store = loaded.catalogue.store.of(name, ids);
    }
    Ok(loaded)
}

/// Each scenario with its snapshot; files that are no snapshots are reported.
pub(super) fn recorded(
    scenarios: Vec<Arc<Scenario>>,
    store: &Store,
    problems: &mut Vec<Diagnostic>,
) -> Vec<(Arc<Scenario>, Option<Recorded>)> {
    scenarios
        .into_iter()
        .map(|scenario| {
            let path = || store.recorded_path(&scenario.id).display().to_string();
            let text = store.read(&scenario.id).unwrap_or_else(|error| {
                let message = format!("the snapshot cannot be read: {error}");
                problems.push(Diagnostic::file(path(), message));
                None
            });
            if let Some(Err(corrupt)) = text.as_deref().map(Snapshot::glance) {
                problems.push(corrupt.diagnostic(path()));
            }
            let recorded = text.map(|text| Recorded { path: path().into(), text: text.into() });
            (scenario, recorded)
        })
        .collect()
}

/// The ids of what failed in an earlier run. It is told if there is nothing, and which of them are not here.
fn again(
    earlier: &Earlier,
    ids: &BTreeSet<String>,
    whole: bool,
    output: &Output,
) -> BTreeSet<String> {
    let again = earlier.failed(ids);
    if again.is_empty() {
        output::note("nothing failed in the earlier run: there is nothing to run again");
    }
    if earlier.not_begun() {
        output::note("the earlier run did not come to its end: what it did not begin is left out");
    }
    let gone = |id: &String| {
        let place = if whole { "any more" } else { "below these paths" };
        Diagnostic::nowhere(format!("no scenario has the id `{id}` {place}, which failed"))
            .warning()
    };
    let gone: Vec<_> = again.difference(ids).map(gone).collect();
    output.problems(&gone, &Sources::default());
    again
}

pub(super) const fn exit(summary: &wire::Summary, fail_on_flaky: bool) -> Exit {
    if summary.interrupted {
        Exit::Interrupted
    } else if summary.corrupt {
        Exit::Usage
    } else if summary.unreachable {
        Exit::Unreachable
    } else if summary.failed + summary.errored > 0 || fail_on_flaky && summary.flaky > 0 {
        Exit::Failed
    } else {
        Exit::Passed
    }
}

/// How much is shown of each case.
fn detail(args: &Run, problems: &mut Vec<Diagnostic>) -> Detail {
    if args.verbose > 0 && args.format != Format::Human {
        let problem = Diagnostic::nowhere("`-v` is for `--format human` only");
        problems.push(problem.hint("leave one of the two out"));
    }
    match args.verbose {
        0 => Detail::Verdict,
        1 => Detail::Steps,
        _ => Detail::Exchanges,
    }
}

/// What may be written: the flag, else insta's variable, else what suits where the run is.
fn update(flag: Option<UpdateArg>, problems: &mut Vec<Diagnostic>) -> Update {
    let auto = || if output::is_ci() { Update::No } else { Update::New };
    match flag {
        Some(UpdateArg::Auto) => auto(),
        Some(UpdateArg::New) => Update::New,
        Some(UpdateArg::Always) => Update::Always,
        Some(UpdateArg::No) => Update::No,
        None => match std::env::var("INSTA_UPDATE").unwrap_or_default().as_str() {
            "" | "auto" => auto(),
            "new" | "unseen" => Update::New,
            "always" | "force" => Update::Always,
            "no" => Update::No,
            other => {
                problems.push(
                    Diagnostic::nowhere(format!("`INSTA_UPDATE` cannot be `{other}`"))
                        .one_of(other, ["auto", "new", "always", "no"]),
                );
                Update::No
            }
        },
    }
}

/// The environment's variables for the index and the count of parallel jobs, and the first index.
/// The first two are set by nobody but the workflow itself: a GitHub matrix has no variables of its own.
const SHARD_VARIABLES: [(&str, &str, usize); 5] = [
    ("SHARD_INDEX", "SHARD_COUNT", 1),
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0),
];

pub(super) fn shard(text: &str, problems: &mut Vec<Diagnostic>) -> Option<Shard> {
    let number = |text: &str| text.parse::<usize>().ok();
    let variable = |name: &str| std::env::var(name).ok().as_deref().and_then(number);
    let (shard, hint) = if text == "auto" {
        let shard = SHARD_VARIABLES.iter().find_map(|(index, count, first)| {
            Shard::new((variable(index)? + 1).checked_sub(*first)?, variable(count)?)
        });
        (
            shard,
            "`auto` reads what GitLab, CircleCI, Buildkite and Kubernetes set, or `SHARD_INDEX` (from 1) and \
             `SHARD_COUNT`; none of it is set",
        )
    } else {
        let parts = text.split_once('/');
        let shard = parts.and_then(|(index, count)| Shard::new(number(index)?, number(count)?));
        (shard, "the parts are numbered from 1")
    };
    if shard.is_none() {
        problems.push(
            Diagnostic::nowhere(format!("`{text}` is not a shard"))
                .expected("`K/N` with K from 1 to N, or `auto`")
                .hint(hint),
        );
    }
    shard
}

/// Becomes true at the first Ctrl-C or SIGTERM; the second ends the program at once.
pub(super) fn watch_interrupt() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        if stop_asked_for().await.is_ok() {
            let _ = sender.send(true);
            let _ = stop_asked_for().await;
            end_at_once();
        }
        // Without signals there is no way to stop the run, and the sender must stay.
        std::future::pending::<()>().await;
    });
    receiver
}

/// Waits for Ctrl-C, or for what a CI or a container sends to end a job.
async fn stop_asked_for() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

#[expect(clippy::exit, reason = "the user asked a second time, while clean-up was under way")]
fn end_at_once() -> ! {
    std::process::exit(Exit::Interrupted as i32)
}

/// Warnings of snapshots that no scenario has.
pub(super) fn unused(store: &Store, ids: &BTreeSet<String>) -> Vec<Diagnostic> {
    let used: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let warning = |path: PathBuf| {
        let warning = match store.exception_of(&path) {
            Some((target, id)) if used.contains(id.as_str()) => Diagnostic::file(
                path.display().to_string(),
                format!("`{target}` has no exception in countersign.yaml for this snapshot"),
            )
            .hint(format!(
                "remove it, or add to the target `exceptions: {{{}: the reason}}`",
                serde_json::Value::from(id)
            )),
            _ => Diagnostic::file(path.display().to_string(), "no scenario has this snapshot")
                .hint("remove it, or restore the scenario"),
        };
        warning.warning()
    };
    store.unused(&used).into_iter().map(warning).collect()
}
