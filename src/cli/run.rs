//! `countersign run`
#![expect(clippy::disallowed_methods, reason = "what a run may do depends on the environment")]

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, IsTerminal as _},
    sync::Arc,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use super::{
    Exit, Failure,
    args::{Format, Run, Update as UpdateArg},
    files::{self, Catalogue},
    output::{self, Output},
};
use crate::{
    clock::SeededEntropy,
    event::{Event, Summary},
    plan::{self, Recorded, Shard},
    report::{Human, Json, Reporter},
    run::{self, Options},
    scenario::Scenario,
    snapshot::{Snapshot, Store, Update},
    source::{Diagnostic, Sources, Style, suggest},
    target::{Emulated, Replay, Target},
};

const TARGETS: [&str; 2] = ["emulator", "replay"];

pub(super) fn run(args: &Run, output: &Output) -> Result<Exit, Failure> {
    let Catalogue { scenarios, mut sources, store, whole, .. } =
        files::load(&args.selection.paths)?;
    let mut problems = Vec::new();
    let shard = args.shard.as_deref().and_then(|text| shard(text, &mut problems));
    let selection = files::selection(&args.selection, shard, &mut sources, &mut problems);
    let update = update(args.update, &mut problems);
    let reports = reports(&args.report, &mut problems);
    if !TARGETS.contains(&args.target.as_str()) {
        problems.push(
            Diagnostic::nowhere(format!("there is no target `{}`", args.target))
                .one_of(&args.target, TARGETS),
        );
    }
    let ids: BTreeSet<String> = scenarios.iter().map(|scenario| scenario.id.clone()).collect();
    let selected = selection.select(scenarios);
    if selected.is_empty() && problems.is_empty() && args.shard.is_none() {
        problems.push(
            Diagnostic::nowhere("no scenario is selected")
                .hint("`countersign list` prints those that there are, with their tags"),
        );
    }
    let selected = recorded(selected, &store, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Input(problems, sources));
    }
    let sources = Arc::new(sources);
    let mut reporters = open(reports, args.format, &sources, output)?;
    let replay = args.target == "replay";
    let options = Options {
        jobs: args.jobs.into(),
        retries: args.retries,
        fail_fast: args.fail_fast,
        seed: args.seed.unwrap_or_else(SeededEntropy::any_seed),
        store: store.clone(),
        update: if replay { Update::No } else { update },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Target)?;
    let mut written = Ok(());
    let progress = progress(args.format);
    let summary = runtime.block_on(async {
        let target: Box<dyn Target> = if replay {
            Box::new(Replay)
        } else {
            Box::new(Emulated::start().await.map_err(Failure::Target)?)
        };
        let cases = plan::build(selected, args.repeat.into(), &|scenario| target.skip(scenario));
        let mut emit = |event: Event| {
            follow(&progress, &event);
            let result = progress
                .suspend(|| reporters.iter_mut().try_for_each(|reporter| reporter.event(&event)));
            if written.is_ok() {
                written = result;
            }
        };
        let interrupt = watch_interrupt(output.style());
        Ok::<_, Failure>(run::execute(cases, &*target, &options, interrupt, &mut emit).await)
    })?;
    written?;
    if !replay && summary.failed + summary.errored + summary.flaky > 0 {
        output::note(&format!("`--seed {}` makes up the same values again", options.seed));
    }
    if whole && selection.is_everything() {
        report_unused(&store, &ids, output);
    }
    Ok(exit(&summary))
}

/// Each scenario with its snapshot; files that are no snapshots are reported.
fn recorded(
    scenarios: Vec<Arc<Scenario>>,
    store: &Store,
    problems: &mut Vec<Diagnostic>,
) -> Vec<(Arc<Scenario>, Option<Recorded>)> {
    scenarios
        .into_iter()
        .map(|scenario| {
            let path = || store.path(&scenario.id).display().to_string();
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

const fn exit(summary: &Summary) -> Exit {
    if summary.interrupted {
        Exit::Interrupted
    } else if summary.corrupt {
        Exit::Usage
    } else if summary.unreachable {
        Exit::Unreachable
    } else if summary.failed + summary.errored > 0 {
        Exit::Failed
    } else {
        Exit::Passed
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
const SHARD_VARIABLES: [(&str, &str, usize); 4] = [
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0),
];

fn shard(text: &str, problems: &mut Vec<Diagnostic>) -> Option<Shard> {
    let number = |text: &str| text.parse::<usize>().ok();
    let variable = |name: &str| std::env::var(name).ok().as_deref().and_then(number);
    let (shard, hint) = if text == "auto" {
        let shard = SHARD_VARIABLES.iter().find_map(|(index, count, first)| {
            Shard::new((variable(index)? + 1).checked_sub(*first)?, variable(count)?)
        });
        (
            shard,
            "`auto` reads what GitLab, CircleCI, Buildkite and Kubernetes set; none of it is set",
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

fn reports(texts: &[String], problems: &mut Vec<Diagnostic>) -> Vec<(Format, String)> {
    let kinds = [("human", Format::Human), ("json", Format::Json)];
    let mut reports = Vec::new();
    for text in texts {
        let (kind, file) = text.split_once('=').unwrap_or((text, ""));
        match kinds.iter().find(|(word, _)| *word == kind) {
            Some((_, format)) if !file.is_empty() => reports.push((*format, file.to_owned())),
            _ => {
                let problem = Diagnostic::nowhere(format!("`{text}` is not a report"))
                    .expected("`json=FILE` or `human=FILE`");
                problems.push(match suggest(kind, ["human", "json"]) {
                    Some(meant) if meant != kind => {
                        problem.hint(format!("did you mean `{meant}`?"))
                    }
                    _ => problem,
                });
            }
        }
    }
    reports
}

fn open(
    reports: Vec<(Format, String)>,
    format: Format,
    sources: &Arc<Sources>,
    output: &Output,
) -> Result<Vec<Box<dyn Reporter>>, Failure> {
    let mut reporters = vec![reporter(format, output.result(), sources, output.style())];
    let mut problems = Vec::new();
    for (format, path) in reports {
        match File::create(&path) {
            Ok(file) => {
                reporters.push(reporter(format, BufWriter::new(file), sources, Style::default()));
            }
            Err(error) => problems
                .push(Diagnostic::file(path, format!("the report cannot be written: {error}"))),
        }
    }
    if problems.is_empty() {
        Ok(reporters)
    } else {
        Err(Failure::Input(problems, Sources::default()))
    }
}

fn reporter(
    format: Format,
    writer: impl io::Write + 'static,
    sources: &Arc<Sources>,
    style: Style,
) -> Box<dyn Reporter> {
    let sources = Arc::clone(sources);
    match format {
        Format::Human => Box::new(Human::new(writer, sources, style)),
        Format::Json => Box::new(Json::new(writer, sources)),
    }
}

/// A bar on a terminal, where a person is looking; nothing anywhere else.
fn progress(format: Format) -> ProgressBar {
    let visible = format == Format::Human && io::stderr().is_terminal() && !output::is_ci();
    let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let template = "{bar:30.green} {pos}/{len} {wide_msg:.dim}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(style);
    bar
}

fn follow(progress: &ProgressBar, event: &Event) {
    match event {
        Event::RunStarted { cases, .. } => progress.set_length(*cases as u64),
        Event::CaseStarted { case, .. } if !progress.is_hidden() => {
            progress.set_message(case.id());
        }
        Event::CaseStarted { .. } => {}
        Event::CaseFinished(_) => progress.inc(1),
        Event::RunFinished(_) => progress.finish_and_clear(),
    }
}

/// Becomes true at the first Ctrl-C; the second ends the program at once.
fn watch_interrupt(style: Style) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = style;
            let _ = sender.send(true);
            let _ = tokio::signal::ctrl_c().await;
            end_at_once();
        }
        // Without the signal there is no way to stop the run, and the sender must stay.
        std::future::pending::<()>().await;
    });
    receiver
}

#[expect(clippy::exit, reason = "the user asked a second time, while clean-up was under way")]
fn end_at_once() -> ! {
    std::process::exit(Exit::Interrupted as i32)
}

fn report_unused(store: &Store, ids: &BTreeSet<String>, output: &Output) {
    let used = ids.iter().map(String::as_str).collect();
    let unused: Vec<_> = store
        .unused(&used)
        .into_iter()
        .map(|id| {
            let path = store.path(&id).display().to_string();
            Diagnostic::file(path, "no scenario has this snapshot")
                .warning()
                .hint("remove it, or restore the scenario")
        })
        .collect();
    output.problems(&unused, &Sources::default());
}
