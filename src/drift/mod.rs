//! Drift: the same scenarios on two sides, and what differs between them.
//!
//! A side is a target, or the recordings. Compared are the answers: status, the header fields that a snapshot shows,
//! and the body, all redacted, so that a label stands for its value; and the verdicts with the expectations that do
//! not hold. Requests are not: they are made of the same scenario, and of what the answers before had in them.
//! Comparison and rendering are pure.

mod compare;
mod json;
mod markdown;
mod side;
mod text;
mod value;

use std::{sync::Arc, time::Duration};

use serde_json::Value;

pub use self::{
    compare::{LEAST_DELAY, compare},
    json::json,
    markdown::markdown,
    side::{NO_RECORDING, Side},
    text::text,
};
use crate::plan::Case;

/// What differs between two sides, `A` and `B` in this order wherever two of something are.
#[derive(Clone, Debug)]
pub struct Drift {
    /// Their names.
    pub names: [String; 2],
    /// The scenarios, in the order of their ids.
    pub compared: Vec<Compared>,
    /// Scenarios that were not begun on both sides, because the user stopped it.
    pub not_run: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// A scenario on both sides.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The scenario.
    pub case: Arc<Case>,
    /// The verdicts' words; `recorded` for a recording.
    pub verdicts: [&'static str; 2],
    /// Why it was skipped. If it was on any side, nothing is compared.
    pub skipped: [Option<String>; 2],
    /// What differs in it as a whole.
    pub differences: Vec<Difference>,
    /// The steps that were answered, or in which something is wrong, on any side.
    pub steps: Vec<ComparedStep>,
}

/// A step on both sides.
#[derive(Clone, Debug)]
pub struct ComparedStep {
    /// Which step, from one. Clean-up steps count on.
    pub step: usize,
    /// Its name, or its verb.
    pub title: String,
    /// Method and path; empty if nothing was answered.
    pub request: String,
    /// How long the answers took; nothing in a recording.
    pub elapsed: [Option<Duration>; 2],
    /// What differs.
    pub differences: Vec<Difference>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What it is.
    pub what: What,
    /// What either side has of it, if it has it.
    pub sides: [Option<Value>; 2],
}

/// What may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The verdict.
    Verdict,
    /// How the target could be prepared.
    Preparation,
    /// Whether an expectation holds.
    Expectation,
    /// Whether there is an answer.
    Answer,
    /// The status.
    Status,
    /// A header field, by its name.
    Header(String),
    /// A part of a JSON body, by its normalised path (RFC 9535).
    Body(String),
    /// A body that is no JSON.
    Text,
    /// The time in milliseconds.
    Time,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are the program's")]
pub enum Outcome {
    Same,
    Differs,
    Skipped,
}

/// How many scenarios are the same, differ, or were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are the outcomes'")]
pub struct Counts {
    pub same: usize,
    pub differ: usize,
    pub skipped: usize,
}

/// Whole milliseconds.
fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

impl Drift {
    /// How many there are of each outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for compared in &self.compared {
            *match compared.outcome() {
                Outcome::Same => &mut counts.same,
                Outcome::Differs => &mut counts.differ,
                Outcome::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// The last line of the report.
    fn summary(&self) -> String {
        let Counts { same, differ, skipped } = self.counts();
        let differs = if differ == 1 { "differs" } else { "differ" };
        let seconds = self.elapsed.as_secs_f64();
        format!("{same} same, {differ} {differs}, {skipped} skipped in {seconds:.2} s")
    }
}

impl Compared {
    /// What came of it.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.skipped.iter().any(Option::is_some) {
            Outcome::Skipped
        } else if self.differences.is_empty()
            && self.steps.iter().all(|step| step.differences.is_empty())
        {
            Outcome::Same
        } else {
            Outcome::Differs
        }
    }

    /// Why it was skipped, and where if not on both sides: `A: the reason`.
    fn reasons(&self) -> String {
        match &self.skipped {
            [Some(a), Some(b)] if a == b => a.clone(),
            [a, b] => {
                let a = a.iter().map(|reason| format!("A: {reason}"));
                let b = b.iter().map(|reason| format!("B: {reason}"));
                a.chain(b).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

impl ComparedStep {
    /// Both times, as `37 ms / 212 ms`; nothing if no side has one.
    fn times(&self) -> Option<String> {
        let time = |elapsed: Option<Duration>| {
            elapsed.map_or_else(|| "-".to_owned(), |elapsed| format!("{} ms", millis(elapsed)))
        };
        let [a, b] = self.elapsed;
        a.or(b).map(|_| format!("{} / {}", time(a), time(b)))
    }
}

impl Difference {
    /// What it is, as it is shown: `status`, `header location`, `body $['error']`.
    fn label(&self) -> String {
        match &self.what {
            What::Header(name) | What::Body(name) => format!("{} {name}", self.what.word()),
            what => what.word().to_owned(),
        }
    }

    /// The values as they are shown; long ones are cut.
    fn values(&self) -> [String; 2] {
        self.sides.each_ref().map(|side| {
            let text = match (&self.what, side) {
                (_, None) => "(nothing)".to_owned(),
                (What::Time, Some(millis)) => format!("{millis} ms"),
                (What::Body(_) | What::Text, Some(value)) => value.to_string(),
                (_, Some(Value::String(text))) => text.clone(),
                (_, Some(value)) => value.to_string(),
            };
            if text.chars().count() <= LONGEST_SHOWN {
                return text;
            }
            text.chars().take(LONGEST_SHOWN).chain(" ...".chars()).collect()
        })
    }
}

/// Longer values are cut, but for JSON.
const LONGEST_SHOWN: usize = 240;

impl What {
    /// Its word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Preparation => "preparation",
            Self::Expectation => "expectation",
            Self::Answer => "answer",
            Self::Status => "status",
            Self::Header(_) => "header",
            Self::Body(_) => "body",
            Self::Text => "text",
            Self::Time => "time",
        }
    }
}
