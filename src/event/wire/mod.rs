//! Events as lines of JSON: `--format json` and the report `json`. Each line is an object with `event` and, in the
//! first, `version`. A line says all that any report shows, so that every report can be made of these lines alone:
//! reports of a run are made of the same values, without the detour over text.
//!
//! The version is raised when a member is renamed, removed or changes its meaning; new members may come at any time.

mod live;

use std::time::Duration;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::snapshot::RecordedStep;

/// The version of this form.
pub const VERSION: u32 = 1;

/// Something that happened, in words that mean the same in another process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(title = "An event of countersign, one a line")]
pub enum Line {
    /// The run begins.
    RunStarted(RunStarted),
    /// A case begins.
    CaseStarted {
        /// Its place in the plan.
        index: usize,
        /// Its id.
        id: String,
    },
    /// A case is over.
    CaseFinished(Box<Case>),
    /// The run is over.
    RunFinished(Summary),
}

/// What is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// The version of this form.
    pub version: u32,
    /// The target's name.
    pub target: String,
    /// The seed, with which the run can be repeated; absent where parts with different seeds were joined. It is text,
    /// for not every reader of JSON has integers of 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// How many cases there are.
    pub cases: usize,
    /// Which part of several this run is; absent if it is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Stands for the ids of all that was selected, other parts' too: the same for the same ids.
    pub selection: String,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which, from one.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Its place in the plan.
    pub index: usize,
    /// The scenario's id, and of repeated ones which repetition: `email/enrol#2`.
    pub id: String,
    /// The scenario's title.
    pub title: String,
    /// The scenario's file, as it was named on the command line.
    pub file: String,
    /// The line of the title in the file.
    pub line: usize,
    /// The scenario's tags.
    pub tags: Vec<String>,
    /// The ids of the requirements that it covers.
    pub covers: Vec<String>,
    /// Which repetition of the scenario, from one; absent if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<usize>,
    /// What it has in common with those that it was run beside; absent where the target does not care.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub batch: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// How many requests were answered.
    pub requests: usize,
    /// How many expectations a recording could not judge again.
    pub not_judged: usize,
    /// What was done again, because of trouble on the way to the target.
    pub retries: Vec<Retry>,
    /// How long it took.
    pub seconds: f64,
    /// What is wrong, step by step.
    pub failures: Vec<Failure>,
    /// What was wrong with the attempts before the last, in their order; absent if there was one only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Attempt>,
    /// How what was seen differs from the snapshot; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Difference>,
    /// Whether the target is said to differ here, and did not; absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needless_exception: bool,
    /// The steps that were answered, in their order; of the last attempt.
    pub steps: Vec<Step>,
}

/// A verdict on a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything is as expected.
    Passed,
    /// It passed on a retry.
    Flaky,
    /// Something is not as expected.
    Failed,
    /// It was not run, or not to its end.
    Skipped,
    /// The run could not judge.
    Errored,
}

/// What was done again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retry {
    /// What: a request by its method and path, or what it was for.
    pub what: String,
    /// Why.
    pub reason: String,
    /// How long was waited before.
    pub seconds: f64,
}

/// A step that was answered. Of one that was repeated until it held, it is the last answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Which, from one. Clean-up steps count on.
    pub step: usize,
    /// Where it stands.
    pub place: Place,
    /// What was sent and what came, redacted.
    pub exchange: RecordedStep,
    /// From the request to the end of the answer; 0 in a recording.
    pub seconds: f64,
}

/// A place in a file, or a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file, as it was named on the command line.
    pub file: String,
    /// The line, from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from one, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// What is wrong with one step. Everything in it is redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Which step, from one; nothing if no step is to blame.
    pub step: Option<usize>,
    /// Its name, or its verb.
    pub title: String,
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
    /// What was sent and what came.
    pub exchange: Option<RecordedStep>,
    /// A recorded text and the one that came in its place.
    pub difference: Option<Texts>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What happened.
    pub message: String,
    /// Where, if it is anywhere.
    pub place: Option<Place>,
    /// What should have been there.
    pub expected: Option<String>,
    /// What was there instead.
    pub found: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// All of it for people, with the lines of the file and a caret.
    pub rendered: String,
}

/// Two texts that should be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Texts {
    /// What was recorded.
    pub old: String,
    /// What came.
    pub new: String,
}

/// What was wrong with an attempt after which there was another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// What was wrong, step by step.
    pub failures: Vec<Failure>,
    /// How what was seen differed from the snapshot; absent if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Difference>,
}

/// How what was seen differs from the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The path of the snapshot.
    pub path: String,
    /// The path of the pending snapshot, if it was written.
    pub pending: Option<String>,
    /// What the snapshot says; nothing, if there is none yet.
    pub old: Option<String>,
    /// What was seen.
    pub new: String,
    /// The tenant that this may be a property of; absent if it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property_of: Option<String>,
}

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// How long the run took; of joined parts, the longest.
    pub seconds: f64,
    /// Whether the user stopped the run.
    pub interrupted: bool,
    /// Whether the target could not be reached or prepared for some case.
    pub unreachable: bool,
    /// Whether the snapshot of some case cannot be read.
    pub corrupt: bool,
}

/// Why a text is no event.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It is not the JSON that it should be.
    #[error("this is no event of a run: {0}")]
    NoEvent(#[from] serde_json::Error),
    /// Another release wrote it.
    #[error("the events are of version {0}, and this program reads version {VERSION}")]
    Version(u32),
}

/// Reads a line; the first of a run says whether its version is one that can be read.
pub fn read(line: &str) -> Result<Line, Unreadable> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<u32>,
    }
    let line = serde_json::from_str(line).map_err(|error| match serde_json::from_str(line) {
        // What another version means by a word is not to be judged.
        Ok(Versioned { version: Some(version) }) if version != VERSION => {
            Unreadable::Version(version)
        }
        _ => error.into(),
    })?;
    match line {
        Line::RunStarted(RunStarted { version, .. }) if version != VERSION => {
            Err(Unreadable::Version(version))
        }
        line => Ok(line),
    }
}

/// The JSON Schema of a line.
#[must_use]
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Line>()
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Errored => "errored",
        }
    }

    /// Whether the case counts against the run.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Errored)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(formatter, ":{number}")?;
        }
        Ok(())
    }
}

/// Seconds as they are in a line, as a length of time.
#[must_use]
pub fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
