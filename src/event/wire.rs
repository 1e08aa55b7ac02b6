//! Events as lines of JSON: `--format json`. Each line is an object with `event` and, in the first, `version`.
//!
//! The version is raised when a member is renamed, removed or changes its meaning; new members may come at any time.

use serde_json::{Value, json};

use super::{CaseFinished, Event, Failure, Summary, Verdict};
use crate::exchange::Retry;
use crate::source::{Diagnostic, Place, Sources};

/// The version of this form.
pub const VERSION: u32 = 1;

/// One event as a JSON object.
#[must_use]
pub fn line(event: &Event, sources: &Sources) -> Value {
    match event {
        Event::RunStarted { target, seed, cases } => json!({
            "event": "run_started",
            "version": VERSION,
            "target": target,
            // As text: not every reader of JSON has integers of 64 bits.
            "seed": seed.to_string(),
            "cases": cases,
        }),
        Event::CaseStarted { case, .. } => json!({"event": "case_started", "id": case.id()}),
        Event::CaseFinished(finished) => case_finished(finished, sources),
        Event::RunFinished(summary) => run_finished(summary),
    }
}

fn case_finished(finished: &CaseFinished, sources: &Sources) -> Value {
    let scenario = &finished.case.scenario;
    let texts = |located: &[crate::source::Located<String>]| {
        located.iter().map(|located| located.value.clone()).collect::<Vec<_>>()
    };
    let mut line = json!({
        "event": "case_finished",
        "id": finished.case.id(),
        "title": scenario.title.value,
        "file": scenario.file,
        "tags": texts(&scenario.tags),
        "covers": texts(&scenario.covers),
        "verdict": finished.verdict.word(),
        "attempts": finished.attempts,
        "requests": finished.requests,
        "not_judged": finished.not_judged,
        "retries": finished.retries.iter().map(retry).collect::<Vec<_>>(),
        "seconds": finished.elapsed.as_secs_f64(),
        "failures": finished.failures.iter().map(|failure| self::failure(failure, sources)).collect::<Vec<_>>(),
    });
    if let Verdict::Skipped(reason) = &finished.verdict {
        line["reason"] = reason.as_str().into();
    }
    if let Some(difference) = &finished.difference {
        line["snapshot"] = json!({
            "path": difference.path,
            "pending": difference.pending,
            "old": difference.old,
            "new": difference.new,
        });
        if let Some(tenant) = &difference.property_of {
            line["snapshot"]["property_of"] = tenant.as_str().into();
        }
    }
    if finished.needless_exception {
        line["needless_exception"] = true.into();
    }
    line
}

fn retry(retry: &Retry) -> Value {
    json!({"what": retry.what, "reason": retry.reason, "seconds": retry.wait.as_secs_f64()})
}

fn failure(failure: &Failure, sources: &Sources) -> Value {
    json!({
        "step": failure.step,
        "title": failure.title,
        "problems": failure.diagnostics.iter().map(|found| diagnostic(found, sources)).collect::<Vec<_>>(),
        "exchange": failure.exchange,
        "difference": failure.difference.as_ref().map(|(old, new)| json!({"old": old, "new": new})),
    })
}

/// A diagnostic as a JSON object.
#[must_use]
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let place = match &diagnostic.place {
        Place::At(span) => {
            let position = sources.position(*span);
            json!({"file": position.file, "line": position.line, "column": position.column})
        }
        Place::File(path) => json!({"file": path}),
        Place::Nowhere => Value::Null,
    };
    json!({
        "message": diagnostic.message,
        "place": place,
        "expected": diagnostic.expected,
        "found": diagnostic.found,
        "hint": diagnostic.hint,
    })
}

fn run_finished(summary: &Summary) -> Value {
    json!({
        "event": "run_finished",
        "passed": summary.passed,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "flaky": summary.flaky,
        "errored": summary.errored,
        "not_run": summary.not_run,
        "not_judged": summary.not_judged,
        "retries": summary.retries,
        "seconds": summary.elapsed.as_secs_f64(),
        "interrupted": summary.interrupted,
    })
}
