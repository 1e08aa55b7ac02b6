//! `countersign drift`

use std::{collections::BTreeMap, sync::Arc};

use indicatif::ProgressBar;
use tokio::sync::watch;

use super::{
    Exit, Failure,
    args::{Drift as Args, MarkdownFormat},
    configuration, files, listen,
    output::Output,
    run::{recorded, shard, watch_interrupt},
    target::{self, Opened},
};
use crate::{
    clock::{SeededEntropy, Stopwatch},
    config::{Allowed, TargetSpec},
    drift::{self, Drift, NO_RECORDING, Side},
    event::{CaseFinished, Event, Summary},
    plan::{Case, Part, Recorded, Shard},
    run::{self, Options},
    scenario::Scenario,
    snapshot::{Snapshot, Store, Update},
    source::{Diagnostic, Sources},
    target::Target,
};

/// The word for the recordings as they are, in place of a target.
const SNAPSHOTS: &str = "snapshots";

type Selected = Vec<(Arc<Scenario>, Option<Recorded>)>;

/// What is compared.
struct Input {
    selected: Selected,
    /// The recordings by the ids of the scenarios; none where no side has to do with them.
    recordings: BTreeMap<String, Side>,
    store: Store,
    /// The tenants among the targets, in their order.
    tenants: Vec<Option<TargetSpec>>,
    /// How many runs share the rate of a tenant.
    parts: u32,
    sources: Arc<Sources>,
}

pub(super) fn drift(args: &Args, output: &Output) -> Result<Exit, Failure> {
    let watch = Stopwatch::start();
    let Input { mut selected, recordings, store, tenants, parts, sources } = input(args)?;
    for (name, tenant) in [&args.a, &args.b].into_iter().zip(&tenants) {
        if let Some(tenant) = tenant {
            target::confirm(name, tenant)?;
        }
    }
    let options = Options {
        jobs: args.jobs.into(),
        retries: 0,
        max_fail: None,
        no_skip: false,
        part: Part::default(),
        seed: 0,
        store,
        update: Update::No,
    };
    let is_recorded = args.b == SNAPSHOTS;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Target)?;
    let progress = listen::progress(args.format == MarkdownFormat::Human);
    progress.set_length((selected.len() * if is_recorded { 1 } else { 2 }) as u64);
    let (a, b) = runtime.block_on(async {
        let interrupt = watch_interrupt();
        let mut tenants = tenants.into_iter();
        let mut tenant = || tenants.next().flatten();
        let a = Opened::open(&args.a, tenant(), parts, &sources, output).await?;
        let b = if is_recorded {
            None
        } else {
            let opened = Opened::open(&args.b, tenant(), parts, &sources, output).await;
            match opened {
                Ok(opened) => Some(opened),
                Err(failure) => {
                    a.close(output).await;
                    return Err(failure);
                }
            }
        };
        selected.sort_by_cached_key(|(scenario, _)| a.target().batch(scenario));
        let on = async |opened: &Opened| {
            side(opened.target(), &selected, &options, &progress, interrupt.clone()).await
        };
        let (mut of_a, mut of_b) = match &b {
            None => (on(&a).await, None),
            Some(b) => {
                let (of_a, of_b) = tokio::join!(on(&a), on(b));
                (of_a, Some(of_b))
            }
        };
        of_a.1.unreachable |= !a.close(output).await;
        if let (Some(b), Some((_, summary))) = (b, &mut of_b) {
            summary.unreachable |= !b.close(output).await;
        }
        Ok::<_, Failure>((of_a, of_b))
    })?;
    progress.finish_and_clear();
    let (finished_a, summary_a) = a;
    let (finished_b, summary_b) = b.unwrap_or_default();
    let other = |finished: &CaseFinished| {
        if is_recorded {
            recordings.get(&finished.case.scenario.id).cloned()
        } else {
            finished_b.get(&finished.index).map(Side::of_run)
        }
    };
    let compared: Vec<_> = finished_a
        .values()
        .filter_map(|finished| {
            let (a, b) = (Side::of_run(finished), other(finished)?);
            Some(drift::compare(&finished.case, &a, &b, args.slower))
        })
        .collect();
    let drift = Drift {
        names: [args.a.clone(), args.b.clone()],
        not_run: selected.len() - compared.len(),
        compared,
        elapsed: watch.elapsed(),
    };
    output.write(&match args.format {
        MarkdownFormat::Human => drift::text(&drift, output.style()),
        MarkdownFormat::Json => format!("{}\n", drift::json(&drift)),
        MarkdownFormat::Markdown => drift::markdown(&drift),
    })?;
    Ok(exit(&drift, [&summary_a, &summary_b]))
}

/// Reads what is to be compared. The error is everything that is wrong with it.
fn input(args: &Args) -> Result<Input, Failure> {
    let mut problems = Vec::new();
    sides(args, &mut problems);
    let shard = args.shard.as_deref().and_then(|text| shard(text, &mut problems));
    let targets: Vec<_> =
        [&*args.a, &*args.b].into_iter().filter(|name| *name != SNAPSHOTS).collect();
    let loaded = configuration::load(&args.selection.paths, &targets, &mut problems);
    let (catalogue, tenants) = match loaded {
        Err(Failure::Input(more, mut sources)) => {
            problems.extend(more);
            files::selection(&args.selection, shard, &mut sources, &mut problems);
            return Err(Failure::Input(problems, sources));
        }
        loaded => loaded?,
    };
    let files::Catalogue { scenarios, mut sources, mut store, .. } = catalogue;
    one_tenant(&tenants, &mut problems);
    // Where a tenant is known to differ, the recordings are its own.
    if let ([Some(tenant)], SNAPSHOTS) = (&tenants[..], &*args.b) {
        let exceptions = tenant.exceptions.iter().map(|(id, _)| id.value.clone());
        store = store.of(&args.a, exceptions);
    }
    let selection = files::selection(&args.selection, shard, &mut sources, &mut problems);
    let selected = selection.select(scenarios);
    if selected.is_empty() && problems.is_empty() && args.shard.is_none() {
        problems.push(files::nothing_selected());
    }
    // Between two targets that are sent requests no recording is asked.
    let is_asked = targets.contains(&"replay") || args.b == SNAPSHOTS;
    let (selected, recordings) = if is_asked {
        let selected = recorded(selected, &store, &mut problems);
        let recordings = recordings(&selected, &mut problems);
        (selected, recordings)
    } else {
        let without = |scenario| (scenario, None);
        (selected.into_iter().map(without).collect(), BTreeMap::new())
    };
    if !problems.is_empty() {
        return Err(Failure::Input(problems, sources));
    }
    let parts = shard.map_or(1, Shard::count);
    Ok(Input { selected, recordings, store, tenants, parts, sources: Arc::new(sources) })
}

/// Two runs cannot both change the settings of one tenant.
fn one_tenant(tenants: &[Option<TargetSpec>], problems: &mut Vec<Diagnostic>) {
    let [Some(a), Some(b)] = tenants else { return };
    let changes = |tenant: &TargetSpec| tenant.allow.contains(&Allowed::Provision);
    if a.domain == b.domain && (changes(a) || changes(b)) {
        let problem = Diagnostic::nowhere(format!("both targets are the tenant `{}`", a.domain));
        problems.push(problem.hint(
            "leave `provision` out of `allow`: the two would change the settings under each other",
        ));
    }
}

/// Whether the two sides are something to compare.
fn sides(args: &Args, problems: &mut Vec<Diagnostic>) {
    if args.a == SNAPSHOTS {
        let problem = Diagnostic::nowhere("the first side cannot be `snapshots`");
        let hint = if args.b == SNAPSHOTS {
            "name the target that is compared with its recordings: `countersign drift emulator snapshots`".to_owned()
        } else {
            format!("say it the other way round: `countersign drift {} snapshots`", args.b)
        };
        problems.push(problem.expected("a target").hint(hint));
    }
    let timeless =
        [&args.a, &args.b].into_iter().find(|name| ["replay", SNAPSHOTS].contains(&&***name));
    if let (Some(name), Some(_)) = (timeless, args.slower) {
        problems.push(
            Diagnostic::nowhere(format!(
                "`--slower` has nothing to compare: `{name}` takes no time"
            ))
            .hint("leave it out, or name two targets that are sent requests"),
        );
    }
}

/// The recordings by the ids of the scenarios. What cannot be read goes to `problems`.
fn recordings(selected: &Selected, problems: &mut Vec<Diagnostic>) -> BTreeMap<String, Side> {
    selected
        .iter()
        .map(|(scenario, recorded)| {
            let snapshot = recorded.as_ref().and_then(|Recorded { path, text }| {
                Snapshot::parse(text)
                    .map_err(|corrupt| {
                        let problem = corrupt.diagnostic(path.to_string());
                        // What shows at a glance has been told.
                        if !problems.contains(&problem) {
                            problems.push(problem);
                        }
                    })
                    .ok()
            });
            (scenario.id.clone(), Side::of_recording(scenario, snapshot))
        })
        .collect()
}

/// Runs the scenarios on one target: how each ended, by its place in the plan, and the counts.
async fn side(
    target: &dyn Target,
    selected: &Selected,
    options: &Options,
    progress: &ProgressBar,
    interrupt: watch::Receiver<bool>,
) -> (BTreeMap<usize, CaseFinished>, Summary) {
    let is_replay = target.name() == "replay";
    // The recordings are the replay's: what another target answers is not compared with them here.
    let cases = selected.iter().map(|(scenario, recorded)| {
        let recorded = recorded.clone().filter(|_| is_replay);
        let unrecorded = || (is_replay && recorded.is_none()).then(|| NO_RECORDING.to_owned());
        let skip = target.skip(scenario).or_else(unrecorded);
        Case { scenario: Arc::clone(scenario), repetition: None, skip, recorded }
    });
    // Another seed for each: a tenant may be compared with itself, and users are not to meet.
    let options = Options { seed: SeededEntropy::any_seed(), ..options.clone() };
    let mut finished = BTreeMap::new();
    let mut emit = |event| {
        if let Event::CaseFinished(case) = event {
            progress.set_message(case.case.id());
            progress.inc(1);
            finished.insert(case.index, *case);
        }
    };
    let summary = run::execute(cases, target, &options, interrupt, &mut emit).await;
    (finished, summary)
}

fn exit(drift: &Drift, summaries: [&Summary; 2]) -> Exit {
    let any = |what: fn(&Summary) -> bool| summaries.into_iter().any(what);
    if any(|summary| summary.interrupted) {
        Exit::Interrupted
    } else if any(|summary| summary.corrupt) {
        Exit::Usage
    } else if any(|summary| summary.unreachable) {
        Exit::Unreachable
    } else if drift.counts().differ > 0 {
        Exit::Failed
    } else {
        Exit::Passed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Drift, Exit, Summary, exit};

    #[test]
    fn what_kept_it_from_comparing_comes_before_what_differs() {
        let names = ["a", "b"].map(ToOwned::to_owned);
        let drift = Drift { names, compared: Vec::new(), not_run: 0, elapsed: Duration::ZERO };
        let whole = Summary::default();
        let gone = Summary { unreachable: true, ..whole };
        let stopped = Summary { interrupted: true, ..gone };
        assert_eq!(exit(&drift, [&whole, &whole]), Exit::Passed);
        assert_eq!(exit(&drift, [&whole, &gone]), Exit::Unreachable);
        assert_eq!(exit(&drift, [&stopped, &gone]), Exit::Interrupted);
    }
}
