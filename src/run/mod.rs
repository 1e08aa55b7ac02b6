//! Runs a plan: cases side by side, the steps of each in order. It emits events and returns counts.

mod attempt;
mod case;

use std::{cell::RefCell, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;

use crate::{
    clock::Stopwatch,
    event::{CaseFinished, Event, Failure, Summary, Verdict},
    plan::{Case, Part},
    snapshot::{Store, Update},
    source::Diagnostic,
    target::Target,
};

/// How a plan is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many cases at once.
    pub jobs: usize,
    /// How often a case that failed is tried again.
    pub retries: u32,
    /// After how many that failed no further case is begun, if ever.
    pub max_fail: Option<usize>,
    /// What made-up values are made from.
    pub seed: u64,
    /// The snapshots.
    pub store: Store,
    /// What may be written to them.
    pub update: Update,
    /// Whether a case that cannot be run counts as one that failed.
    pub no_skip: bool,
    /// Which part of what was selected the plan is, for the reports.
    pub part: Part,
}

/// Runs every case and says what happens to `emit`. When `interrupt` becomes true no further case and no further
/// step is begun, clean-up steps excepted.
pub async fn execute(
    cases: impl ExactSizeIterator<Item = Case>,
    target: &dyn Target,
    options: &Options,
    interrupt: watch::Receiver<bool>,
    emit: &mut dyn FnMut(Event),
) -> Summary {
    let watch = Stopwatch::start();
    emit(Event::RunStarted {
        target: target.name().to_owned(),
        seed: options.seed,
        cases: cases.len(),
        part: options.part.clone(),
    });
    let summary = RefCell::new(Summary::default());
    let emit = RefCell::new(emit);
    let stopped = || {
        let summary = summary.borrow();
        *interrupt.borrow()
            || target.is_gone()
            || options.max_fail.is_some_and(|most| summary.failed + summary.errored >= most)
    };
    let run = async |(index, case): (usize, Case)| {
        if stopped() {
            summary.borrow_mut().not_run += 1;
            return;
        }
        let case = Arc::new(case);
        (emit.borrow_mut())(Event::CaseStarted { index, case: Arc::clone(&case) });
        let (mut finished, trouble) =
            case::run(index, &case, target, options, interrupt.clone()).await;
        finished.batch = target.batch(&case.scenario);
        {
            let mut summary = summary.borrow_mut();
            summary.count(&finished);
            summary.unreachable |= trouble.unreachable;
            summary.corrupt |= trouble.corrupt;
        }
        (emit.borrow_mut())(Event::CaseFinished(Box::new(finished)));
    };
    stream::iter(cases.enumerate())
        .map(&run)
        .buffer_unordered(options.jobs.max(1))
        .for_each(|()| std::future::ready(()))
        .await;
    let mut summary = summary.into_inner();
    summary.elapsed = watch.elapsed();
    summary.interrupted = *interrupt.borrow();
    (emit.into_inner())(Event::RunFinished(summary));
    summary
}

fn skipped(index: usize, case: &Arc<Case>, reason: &str, is_failure: bool) -> CaseFinished {
    let failure = || Failure {
        step: None,
        title: "preparation".to_owned(),
        diagnostics: vec![Diagnostic::file(case.scenario.file.clone(), reason)],
        difference: None,
        exchange: None,
    };
    CaseFinished {
        index,
        case: Arc::clone(case),
        batch: String::new(),
        verdict: if is_failure { Verdict::Failed } else { Verdict::Skipped(reason.to_owned()) },
        attempts: 0,
        requests: 0,
        not_judged: 0,
        retries: Vec::new(),
        elapsed: Duration::ZERO,
        seen: Vec::new(),
        failures: is_failure.then(failure).into_iter().collect(),
        earlier: Vec::new(),
        difference: None,
        needless_exception: false,
    }
}
