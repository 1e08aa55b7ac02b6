//! What one side has of a scenario: what a run saw of it, or its recording.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    event::{CaseFinished, Verdict},
    scenario::{Action, Scenario},
    snapshot::{RecordedRequest, RecordedResponse, Snapshot},
    source::{Diagnostic, Place},
};

/// Why a scenario cannot be compared with its recording.
pub const NO_RECORDING: &str = "it has no recording";

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    pub(super) verdict: Verdict,
    pub(super) is_recording: bool,
    /// What was answered, by the step's number.
    pub(super) steps: BTreeMap<usize, SideStep>,
    pub(super) wrong: Vec<Wrong>,
}

/// A step that was answered.
#[derive(Clone, Debug)]
pub(super) struct SideStep {
    pub(super) title: String,
    /// Method and path.
    pub(super) request: String,
    pub(super) response: RecordedResponse,
    pub(super) elapsed: Option<Duration>,
}

/// Something that is wrong.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// In which step, if in one.
    pub(super) step: Option<usize>,
    place: Place,
    message: String,
    /// The message with what was expected and found.
    pub(super) text: String,
}

impl Side {
    /// What a run saw. That it differs from a snapshot is another question, and no failure here.
    #[must_use]
    pub fn of_run(finished: &CaseFinished) -> Self {
        let wrong = finished.failures.iter().flat_map(|failure| {
            failure.diagnostics.iter().map(|diagnostic| Wrong::new(failure.step, diagnostic))
        });
        let verdict = match &finished.verdict {
            Verdict::Failed if finished.failures.is_empty() => Verdict::Passed,
            verdict => verdict.clone(),
        };
        let steps = finished.seen.iter().map(|seen| {
            // What is played back takes no time.
            let elapsed = Some(seen.elapsed).filter(|elapsed| !elapsed.is_zero());
            let exchange = seen.exchange.clone();
            let step = SideStep {
                title: exchange.step,
                request: line(&exchange.request),
                response: exchange.response,
                elapsed,
            };
            (seen.step, step)
        });
        Self { verdict, is_recording: false, steps: steps.collect(), wrong: wrong.collect() }
    }

    /// A recording. Only what passed is recorded, and whole, but for the steps that the scenario leaves out.
    #[must_use]
    pub fn of_recording(scenario: &Scenario, snapshot: Option<Snapshot>) -> Self {
        let side = |verdict, steps| Self { verdict, is_recording: true, steps, wrong: Vec::new() };
        let Some(snapshot) = snapshot else {
            return side(Verdict::Skipped(NO_RECORDING.to_owned()), BTreeMap::new());
        };
        let all = scenario.steps.iter().chain(&scenario.cleanup);
        let count = scenario.steps.len() + scenario.cleanup.len();
        let recorded = all
            .enumerate()
            .filter(|(_, step)| step.snapshot && matches!(step.action, Action::Send(_)))
            .map(|(index, _)| index + 1);
        // A recording of more steps than there are now has the others behind the last.
        let numbers = recorded.chain(count + 1..);
        let steps = snapshot.steps.into_iter().map(|recorded| SideStep {
            title: recorded.step,
            request: line(&recorded.request),
            response: recorded.response,
            elapsed: None,
        });
        side(Verdict::Passed, numbers.zip(steps).collect())
    }

    /// The verdict's word.
    pub(super) const fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed if self.is_recording => "recorded",
            _ => self.verdict.word(),
        }
    }

    /// The verdict's word, and what kept the run from judging.
    pub(super) fn summary(&self) -> String {
        match self.wrong.last() {
            Some(wrong) if self.verdict == Verdict::Errored => {
                format!("{}: {}", self.word(), wrong.text)
            }
            _ => self.word().to_owned(),
        }
    }

    /// Whether this step was begun.
    pub(super) fn came_to(&self, step: usize) -> bool {
        self.is_recording
            || self.steps.contains_key(&step)
            || self.wrong.iter().any(|wrong| wrong.step == Some(step))
    }
}

impl Wrong {
    fn new(step: Option<usize>, diagnostic: &Diagnostic) -> Self {
        let Diagnostic { message, expected, found, .. } = diagnostic;
        let text = match (expected, found) {
            (Some(expected), Some(found)) => {
                format!("{message}: expected {expected}, found {found}")
            }
            (Some(expected), None) => format!("{message}: expected {expected}"),
            (None, Some(found)) => format!("{message}: found {found}"),
            (None, None) => message.clone(),
        };
        Self { step, place: diagnostic.place.clone(), message: message.clone(), text }
    }

    /// Whether it is the same that is wrong; what was found in place of it is told by the answers.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.place == other.place && self.message == other.message
    }
}

fn line(request: &RecordedRequest) -> String {
    format!("{} {}", request.method, request.path)
}
