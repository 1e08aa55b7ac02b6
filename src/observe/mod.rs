//! What a client did at a served tenant: one line of JSON for each exchange, without a secret.
//!
//! [`Observer`] makes the lines, [`Log`] writes them as the exchanges happen, [`read`] reads them back to be judged.
//! A line has the exchange as a snapshot has it, with labels in place of values, the moment on the tenant's clock and
//! its number. A label stands for the same value through the whole file, so a file is of use as a whole only: the
//! reader refuses one that has lost a line.
//!
//! The version is raised when a member is renamed, removed or changes its meaning; new members may come at any time.

mod log;
mod observer;
mod request;

pub use log::Log;
pub use observer::Observer;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    snapshot::{RecordedRequest, RecordedResponse},
    source::{Diagnostic, SourceId, Sources},
};

/// The version of this form. Every line has it.
pub const VERSION: u32 = 1;

/// One exchange, redacted.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Its number, from one, in the order in which the tenant answered, whatever the connection.
    pub sequence: u64,
    /// When the tenant answered, on the tenant's clock.
    pub at: Timestamp,
    /// What the client sent.
    pub request: RecordedRequest,
    /// What it got.
    pub response: RecordedResponse,
}

/// A line, as it is written.
#[derive(Serialize, Deserialize)]
struct Line {
    version: u32,
    sequence: u64,
    /// In milliseconds since the Unix epoch.
    at: u64,
    request: RecordedRequest,
    response: RecordedResponse,
}

impl Observation {
    /// The line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let line = Line {
            version: VERSION,
            sequence: self.sequence,
            at: self.at.as_millis(),
            request: self.request.clone(),
            response: self.response.clone(),
        };
        // Texts, numbers and maps of them: there is nothing in it that JSON cannot have.
        serde_json::to_string(&line).unwrap_or_default()
    }

    fn of_line(text: &str) -> Result<Self, Wrong> {
        let syntax = |error: &serde_json::Error| Wrong::at(error, "this is not JSON");
        let value: Value = serde_json::from_str(text).map_err(|error| syntax(&error))?;
        let version = value.get("version").and_then(Value::as_u64);
        if version != Some(u64::from(VERSION)) {
            let found = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            let message = "this is not an observation in the form that is read here".to_owned();
            return Err(Wrong { column: 1, message, versions: Some(found) });
        }
        let Line { sequence, at, request, response, .. } = serde_json::from_str(text)
            .map_err(|error| Wrong::at(&error, "this is not an observation"))?;
        Ok(Self { sequence, at: Timestamp::from_millis(at), request, response })
    }
}

/// What is wrong with a line.
struct Wrong {
    column: usize,
    message: String,
    /// The version that it has, if that is what is wrong.
    versions: Option<String>,
}

impl Wrong {
    fn at(error: &serde_json::Error, what: &str) -> Self {
        // The place is the column: what the error says of lines is about this one line.
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        let message = format!("{what}: {why}");
        Self { column: error.column().max(1), message, versions: None }
    }

    /// Without an excerpt: what is not of our making may have secrets in it.
    fn diagnostic(self, file: &str, line: usize) -> Diagnostic {
        let place = format!("{file}:{line}:{}", self.column);
        let problem = Diagnostic::file(place, self.message);
        match self.versions {
            Some(found) => problem.expected(format!("version {VERSION}")).found(found),
            None => {
                problem.hint("each line is an object as `countersign serve --observe` writes it")
            }
        }
    }
}

/// Reads the lines of a source. The error is everything that is wrong with them.
pub fn read(id: SourceId, sources: &Sources) -> Result<Vec<Observation>, Vec<Diagnostic>> {
    let source = sources.get(id);
    let mut problems = Vec::new();
    let mut observations = Vec::new();
    // Nothing after a line that could not be read: its number is not known.
    let mut next = Some(1);
    for (index, text) in source.text().lines().enumerate() {
        match Observation::of_line(text) {
            Ok(observation) => {
                let sequence = observation.sequence;
                if let Some(expected) = next.filter(|expected| *expected != sequence) {
                    let place = format!("{}:{}:1", source.name(), index + 1);
                    problems.push(
                        Diagnostic::file(place, "this is not the next exchange")
                            .expected(format!("number {expected}"))
                            .found(format!("number {sequence}"))
                            .hint("give the file as it was written: one run of `countersign serve`, whole"),
                    );
                }
                next = sequence.checked_add(1);
                observations.push(observation);
            }
            Err(wrong) => {
                problems.push(wrong.diagnostic(source.name(), index + 1));
                next = None;
            }
        }
    }
    if observations.is_empty() && problems.is_empty() {
        problems.push(
            Diagnostic::file(source.name(), "nothing was observed").hint(
                "send the application to the tenant that `countersign serve --observe` serves",
            ),
        );
    }
    if problems.is_empty() { Ok(observations) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::{Observer, read};
    use crate::{
        clock::Timestamp,
        exchange::{Request, Response},
        source::Sources,
    };

    fn lines() -> Vec<String> {
        let mut observer = Observer::default();
        let request = Request::new("POST", "/oauth/token").form([("grant_type", "password")]);
        let mut line =
            |at| observer.observe(Timestamp::from_millis(at), &request, &Response::default());
        vec![line(5), line(7), line(7)]
    }

    fn problems(text: &str) -> Vec<(String, String)> {
        let mut sources = Sources::default();
        let id = sources.add("o.jsonl", text);
        let place = |place: &crate::source::Place| format!("{place:?}");
        let problems = read(id, &sources).expect_err("problems");
        problems.iter().map(|found| (place(&found.place), found.message.clone())).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let lines = lines();
        let mut sources = Sources::default();
        let id = sources.add("o.jsonl", lines.join("\n") + "\n");
        let observations = read(id, &sources).expect("observations");
        let written: Vec<_> = observations.iter().map(super::Observation::to_line).collect();
        assert_eq!(written, lines);
        assert_eq!(observations[1].at.as_millis(), 7);
    }

    #[test]
    fn every_bad_line_is_named() {
        let mut lines = lines();
        lines[1] = lines[1].replace("\"version\":1", "\"version\":2");
        lines.push("{\"version\":1,".to_owned());
        lines.push("{\"version\":1}".to_owned());
        let problems = problems(&lines.join("\n"));
        let found: Vec<_> =
            problems.iter().map(|(place, message)| format!("{place} {message}")).collect();
        assert_eq!(
            found,
            [
                "File(\"o.jsonl:2:1\") this is not an observation in the form that is read here",
                "File(\"o.jsonl:4:13\") this is not JSON: EOF while parsing a value",
                "File(\"o.jsonl:5:13\") this is not an observation: missing field `sequence`",
            ]
        );
    }

    #[test]
    fn a_lost_line_is_noticed() {
        let lines = lines();
        let found = problems(&[lines[0].as_str(), &lines[2]].join("\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, "this is not the next exchange");
        assert_eq!(problems(&lines[1..].join("\n")).len(), 1);
        assert_eq!(problems("")[0].1, "nothing was observed");
    }
}
