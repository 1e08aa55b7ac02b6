//! What an earlier run reported by `--report json=FILE`: which scenarios failed, and how long each took. What is not
//! understood is passed over: the report may be another version's, several one behind the other, or cut off.
#![expect(clippy::disallowed_methods, reason = "the report is the command line's to read")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
    time::Duration,
};

use serde::Deserialize;

use super::files;
use crate::source::Diagnostic;

/// An earlier run, or several.
#[derive(Default)]
pub(super) struct Earlier {
    cases: Vec<Case>,
    /// How many runs began, and how many came to their end with everything run.
    begun: usize,
    complete: usize,
}

struct Case {
    id: String,
    is_bad: bool,
    duration: Option<Duration>,
}

/// A line, as far as it is of interest.
#[derive(Deserialize)]
struct Line {
    event: String,
    id: Option<String>,
    verdict: Option<String>,
    seconds: Option<f64>,
    not_run: Option<u64>,
}

/// Reads a report, if one is given.
pub(super) fn read(path: Option<&Path>, problems: &mut Vec<Diagnostic>) -> Option<Earlier> {
    let path = path?;
    match parse(path) {
        Ok(earlier) if earlier.begun > 0 || !earlier.cases.is_empty() => return Some(earlier),
        Ok(_) => problems.push(
            Diagnostic::file(files::shown(path), "this is not the report of a run")
                .expected("lines of JSON, as `countersign run --report json=FILE` writes them"),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            problems.push(files::missing(path));
        }
        Err(error) => problems.push(Diagnostic::file(
            files::shown(path),
            format!("the report cannot be read: {error}"),
        )),
    }
    None
}

fn parse(path: &Path) -> io::Result<Earlier> {
    let mut earlier = Earlier::default();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let Ok(line) = serde_json::from_slice::<Line>(&line?) else { continue };
        match (line.event.as_str(), line.id) {
            ("run_started", _) => earlier.begun += 1,
            ("run_finished", _) if line.not_run.unwrap_or_default() == 0 => earlier.complete += 1,
            ("case_finished", Some(id)) => earlier.cases.push(Case {
                id,
                is_bad: matches!(line.verdict.as_deref(), Some("failed" | "errored")),
                duration: line.seconds.and_then(|time| Duration::try_from_secs_f64(time).ok()),
            }),
            _ => {}
        }
    }
    Ok(earlier)
}

impl Earlier {
    /// The ids of the scenarios that failed or errored, at least once if they were repeated. `ids` are those there are.
    pub(super) fn failed(&self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        let bad = self.cases.iter().filter(|case| case.is_bad);
        bad.map(|case| scenario(&case.id, ids).to_owned()).collect()
    }

    /// Whether some run was stopped before all was begun, or its report ends in the middle.
    pub(super) const fn not_begun(&self) -> bool {
        self.complete < self.begun
    }

    /// How long each scenario took; of one that was repeated, its share of the whole.
    pub(super) fn durations(&self, ids: &BTreeSet<String>) -> BTreeMap<String, Duration> {
        let mut sums: BTreeMap<_, (Duration, u32)> = BTreeMap::new();
        for case in &self.cases {
            if let Some(duration) = case.duration {
                let (sum, count) = sums.entry(scenario(&case.id, ids).to_owned()).or_default();
                (*sum, *count) = (sum.saturating_add(duration), *count + 1);
            }
        }
        sums.into_iter().map(|(id, (sum, count))| (id, sum / count)).collect()
    }
}

/// The scenario's id of a case's, which may have `#` and the number of a repetition behind it.
fn scenario<'a>(id: &'a str, ids: &BTreeSet<String>) -> &'a str {
    match id.rsplit_once('#') {
        Some((scenario, number))
            if !ids.contains(id) && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            scenario
        }
        _ => id,
    }
}
