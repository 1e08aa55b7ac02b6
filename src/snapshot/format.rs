//! The text of a snapshot: insta's header, and a YAML body that is read in a pull request and played back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::source::{Diagnostic, Sources, yaml};

/// A scenario's exchanges, redacted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// One for each step that sends and is not left out.
    pub steps: Vec<RecordedStep>,
}

/// A step's exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedStep {
    /// The step's name, or its verb.
    pub step: String,
    /// The user who acted, if not the default one.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What was sent.
    pub request: RecordedRequest,
    /// What came.
    pub response: RecordedResponse,
}

/// A request, redacted; at most one of the bodies is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "as in HTTP")]
pub struct RecordedRequest {
    pub method: String,
    pub path: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub json: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A response, redacted; at most one of the bodies is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "as in HTTP")]
pub struct RecordedResponse {
    pub status: u16,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub json: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// `null` is a body, too.
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Why a file is not a snapshot.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Corrupt {
    /// The header of insta's format is missing.
    #[error("it does not begin with a header between two lines of `---`")]
    NoHeader,
    /// The body is not the YAML that it should be.
    #[error("its body cannot be read: {0}")]
    Body(String),
}

impl Corrupt {
    /// The same for a person; `path` is the snapshot's.
    #[must_use]
    pub fn diagnostic(&self, path: String) -> Diagnostic {
        Diagnostic::file(path, format!("the snapshot is corrupt: {self}"))
            .hint("restore it, or remove it to have it made anew")
    }
}

impl Snapshot {
    /// The whole file; `source` is the scenario's path, `title` its title.
    #[must_use]
    pub fn to_text(&self, source: &str, title: &str) -> String {
        format!(
            "---\nsource: {}\nexpression: {}\n---\n{}\n",
            scalar(source),
            scalar(title),
            to_yaml(&self.steps)
        )
    }

    /// Whether a file looks like a snapshot: it has the header and a body, and nobody left a merge in it. That is
    /// cheap, and enough unless the body is compared and differs.
    pub fn glance(text: &str) -> Result<(), Corrupt> {
        let body = body(text).ok_or(Corrupt::NoHeader)?;
        if body.trim().is_empty() {
            return Err(Corrupt::Body("there is none".to_owned()));
        }
        let markers = ["<<<<<<< ", "=======\n", ">>>>>>> "];
        let merged =
            |marker: &&str| body.starts_with(*marker) || body.contains(&format!("\n{marker}"));
        match markers.iter().find(|marker| merged(marker)) {
            Some(marker) => {
                Err(Corrupt::Body(format!("a merge left `{}` in it", marker.trim_end())))
            }
            None => Ok(()),
        }
    }

    /// Reads a whole file.
    pub fn parse(text: &str) -> Result<Self, Corrupt> {
        Self::glance(text)?;
        let mut sources = Sources::default();
        let source = sources.add("snapshot", body(text).unwrap_or_default());
        let mut problems = Vec::new();
        let document = yaml::load(source, &sources, &mut problems);
        if let Some(problem) = problems.first() {
            return Err(Corrupt::Body(problem.message.clone()));
        }
        let value = document.map(|document| document.to_json()).unwrap_or_default();
        let steps =
            serde_json::from_value(value).map_err(|error| Corrupt::Body(error.to_string()))?;
        Ok(Self { steps })
    }
}

/// What follows the header.
#[must_use]
pub fn body(text: &str) -> Option<&str> {
    let after = text.strip_prefix("---\n")?;
    if let Some(body) = after.strip_prefix("---\n") {
        return Some(body);
    }
    after.split_once("\n---\n").map(|(_, body)| body)
}

/// A value as YAML, without a line end after the last line.
#[must_use]
pub fn to_yaml<T: Serialize>(value: &T) -> String {
    let text = serde_saphyr::to_string(value).unwrap_or_default();
    text.trim_end_matches('\n').to_owned()
}

fn scalar(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Corrupt, RecordedRequest, RecordedResponse, RecordedStep, Snapshot};
    use serde_json::{Value, json};

    #[test]
    fn a_snapshot_is_read_back_as_it_was_written() {
        let step = RecordedStep {
            step: "login: again".to_owned(),
            actor: Some("bob".to_owned()),
            request: RecordedRequest {
                method: "POST".to_owned(),
                path: "/oauth/token".to_owned(),
                form: json!({"otp": "012345", "yes": "no"}).as_object().cloned(),
                ..RecordedRequest::default()
            },
            response: RecordedResponse {
                status: 403,
                json: Some(json!({"a": [1, "1", null, {}, []], "text": "two\nlines\n"})),
                ..RecordedResponse::default()
            },
        };
        let mut null = step.clone();
        null.response.json = Some(Value::Null);
        let snapshot = Snapshot { steps: vec![step, null] };
        let text = snapshot.to_text("a/b.yaml", "A \"title\": with all");
        assert_eq!(Snapshot::parse(&text), Ok(snapshot));
        let empty = Snapshot::default();
        assert_eq!(Snapshot::parse(&empty.to_text("", "")), Ok(empty));
    }

    #[test]
    fn what_is_not_a_snapshot_is_refused() {
        assert_eq!(Snapshot::parse("steps: []\n"), Err(Corrupt::NoHeader));
        for body in ["", "a: b\n", "- [\n", "<<<<<<< ours\n- step: a\n=======\n"] {
            let parsed = Snapshot::parse(&format!("---\nsource: x\n---\n{body}"));
            assert!(matches!(parsed, Err(Corrupt::Body(_))), "{body:?}: {parsed:?}");
        }
    }
}
