//! What runs saw, from their JSON reports. Only the members that are needed are read, and lines that say something else
//! are passed over, so that reports of other versions are read too.

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

/// The verdicts of a run on a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The target's name.
    pub target: String,
    /// When it was, in RFC 3339.
    pub at: Option<String>,
    /// By scenario whether it passed. What was skipped or could not be judged says nothing.
    pub verdicts: BTreeMap<String, bool>,
}

/// A text in which no run begins.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no run begins in it")]
pub struct NoReport;

/// The runs of a report: one, or several one after the other. `at` is the date of those that name none.
pub fn runs(text: &str, at: Option<&str>) -> Result<Vec<Run>, NoReport> {
    let mut runs: Vec<Run> = Vec::new();
    for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let member = |name: &str| event.get(name).and_then(Value::as_str);
        match (member("event"), runs.last_mut()) {
            (Some("run_started"), _) => runs.push(Run {
                target: member("target").unwrap_or_default().to_owned(),
                at: member("started_at").or_else(|| member("at")).or(at).map(str::to_owned),
                verdicts: BTreeMap::new(),
            }),
            (Some("case_finished"), Some(run)) => {
                let holds = match member("verdict") {
                    Some("passed" | "flaky") => true,
                    Some("failed") => false,
                    _ => continue,
                };
                // With `--repeat`, each repetition is a case, and all have to hold.
                let id = member("id").unwrap_or_default();
                let id = id.split('#').next().unwrap_or_default();
                *run.verdicts.entry(id.to_owned()).or_insert(true) &= holds;
            }
            _ => {}
        }
    }
    if runs.is_empty() { Err(NoReport) } else { Ok(runs) }
}

#[cfg(test)]
mod tests {
    use super::{NoReport, runs};

    #[test]
    fn a_report_is_read_as_far_as_it_is_understood() {
        let text = "{\"event\":\"case_finished\",\"id\":\"lost\",\"verdict\":\"passed\"}\n\
                    {\"event\":\"run_started\",\"target\":\"staging\",\"version\":9}\nno JSON\n\
                    {\"event\":\"case_finished\",\"id\":\"a#1\",\"verdict\":\"flaky\"}\n\
                    {\"event\":\"case_finished\",\"id\":\"a#2\",\"verdict\":\"failed\"}\n\
                    {\"event\":\"case_finished\",\"id\":\"b\",\"verdict\":\"skipped\"}\n\
                    {\"event\":\"case_finished\",\"id\":\"c\",\"verdict\":\"passed\"}\n\
                    {\"event\":\"run_started\",\"target\":\"other\",\"started_at\":\"2026-01-01T00:00:00Z\"}\n";
        let runs = runs(text, Some("2025")).unwrap();
        let [first, second] = runs.as_slice() else { panic!("{runs:?}") };
        assert_eq!((first.target.as_str(), first.at.as_deref()), ("staging", Some("2025")));
        let expected = [("a".to_owned(), false), ("c".to_owned(), true)];
        assert_eq!(first.verdicts, expected.into());
        assert_eq!(second.at.as_deref(), Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in ["", "[]\n", "{\"event\":\"case_finished\"}\n"] {
            assert_eq!(runs(text, None), Err(NoReport));
        }
    }
}
