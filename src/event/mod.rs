//! What happens in a run, as values: the interface between the run and everything that reports of it.

pub mod wire;

use std::{sync::Arc, time::Duration};

use crate::{
    exchange::Retry,
    plan::{Case, Part},
    snapshot::{Difference, RecordedStep},
    source::{Diagnostic, Span},
};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// The target's name.
        target: String,
        /// The seed, with which the run can be repeated.
        seed: u64,
        /// How many cases there are.
        cases: usize,
        /// Which part of what was selected they are.
        part: Part,
    },
    /// A case begins.
    CaseStarted {
        /// Its place in the plan.
        index: usize,
        /// The case.
        case: Arc<Case>,
    },
    /// A case is over.
    CaseFinished(Box<CaseFinished>),
    /// The run is over.
    RunFinished(Summary),
}

/// How a case ended.
#[derive(Clone, Debug)]
pub struct CaseFinished {
    /// Its place in the plan.
    pub index: usize,
    /// The case.
    pub case: Arc<Case>,
    /// What it has in common with those that it was run beside; empty where the target does not care.
    pub batch: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How often it was tried.
    pub attempts: u32,
    /// How many requests were answered.
    pub requests: usize,
    /// How many expectations a recording could not judge again.
    pub not_judged: usize,
    /// What was done again, because of trouble on the way to the target.
    pub retries: Vec<Retry>,
    /// How long it took.
    pub elapsed: Duration,
    /// What was sent and what came, in the order of the steps; of the last attempt.
    pub seen: Vec<SeenStep>,
    /// What is wrong, step by step.
    pub failures: Vec<Failure>,
    /// What was wrong with the attempts before the last, in their order.
    pub earlier: Vec<Attempt>,
    /// How what was seen differs from the snapshot.
    pub difference: Option<Difference>,
    /// Whether the target is said to differ here, and did not.
    pub needless_exception: bool,
}

/// What was wrong with an attempt after which there was another.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// What was wrong, step by step.
    pub failures: Vec<Failure>,
    /// How what was seen differed from the snapshot.
    pub difference: Option<Difference>,
}

/// A verdict on a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as expected.
    Passed,
    /// It passed on a retry.
    Flaky,
    /// Something is not as expected.
    Failed,
    /// It was not run, for this reason.
    Skipped(String),
    /// The run could not judge.
    Errored,
}

/// A step that was answered, whether or not it is in the snapshot and whether or not the answer is the expected one.
/// Of a step that was repeated until it held, it is the last answer.
#[derive(Clone, Debug)]
pub struct SeenStep {
    /// Which step, from one. Clean-up steps count on.
    pub step: usize,
    /// Where it stands in the scenario.
    pub span: Span,
    /// What was sent and what came, redacted.
    pub exchange: RecordedStep,
    /// From the request to the end of the answer; nothing in a recording.
    pub elapsed: Duration,
}

/// What is wrong with one step. Everything in it is redacted.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which step, from one; nothing if no step is to blame. Clean-up steps count on.
    pub step: Option<usize>,
    /// Its name, or its verb.
    pub title: String,
    /// Everything that is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// What was sent and what came.
    pub exchange: Option<RecordedStep>,
    /// A recorded text and the one that came in its place.
    pub difference: Option<(String, String)>,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are the verdicts'")]
pub struct Summary {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub flaky: usize,
    pub errored: usize,
    /// Cases that were not begun, because the run was stopped.
    pub not_run: usize,
    /// Expectations that a recording could not judge again.
    pub not_judged: usize,
    /// What was done again, because of trouble on the way to the target.
    pub retries: usize,
    pub elapsed: Duration,
    /// Whether the user stopped the run.
    pub interrupted: bool,
    /// Whether the target, or an inbox of it, could not be reached or prepared for some case.
    pub unreachable: bool,
    /// Whether the snapshot of some case cannot be read.
    pub corrupt: bool,
}

impl Summary {
    /// Counts a verdict.
    pub fn count(&mut self, finished: &CaseFinished) {
        self.not_judged += finished.not_judged;
        self.retries += finished.retries.len();
        *match finished.verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Flaky => &mut self.flaky,
            Verdict::Failed => &mut self.failed,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Errored => &mut self.errored,
        } += 1;
    }
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Failed => "failed",
            Self::Skipped(_) => "skipped",
            Self::Errored => "errored",
        }
    }

    /// Whether the case counts against the run.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        matches!(self, Self::Failed | Self::Errored)
    }
}
