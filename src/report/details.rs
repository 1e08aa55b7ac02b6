//! What is wrong with a case, for people: all of it as text, and each thing in a line.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};
use serde_json::Value;

use super::{
    diff::{diff, paint},
    exchange::exchange_text,
};
use crate::{
    event::wire::{Attempt, Case, Difference, Failure, Place, Verdict},
    source::Style,
};

const BOLD: Ansi = Ansi::new().bold();
const DIM: Ansi = Ansi::new().dimmed();

/// One thing that is wrong.
pub(super) struct Wrong {
    /// Where; at least the scenario.
    pub(super) place: Place,
    /// What, in a line.
    pub(super) message: String,
}

/// What is wrong with the last attempt, with the lines of the file, diffs, and what was sent and came.
pub(super) fn details(case: &Case, style: Style) -> String {
    attempt_details(case, &case.failures, case.snapshot.as_ref(), style)
}

/// The same of an attempt before the last.
pub(super) fn earlier_details(case: &Case, attempt: &Attempt) -> String {
    attempt_details(case, &attempt.failures, attempt.snapshot.as_ref(), Style::default())
}

/// All that is wrong with the last attempt, a line each.
pub(super) fn wrong(case: &Case) -> Vec<Wrong> {
    attempt_wrong(case, &case.failures, case.snapshot.as_ref())
}

/// The same of an attempt before the last.
pub(super) fn earlier_wrong(case: &Case, attempt: &Attempt) -> Vec<Wrong> {
    attempt_wrong(case, &attempt.failures, attempt.snapshot.as_ref())
}

fn attempt_wrong(case: &Case, failures: &[Failure], snapshot: Option<&Difference>) -> Vec<Wrong> {
    let of_case = || Place { file: case.file.clone(), line: Some(case.line), column: None };
    let mut all = Vec::new();
    for failure in failures {
        let step = match failure.step {
            Some(step) => format!("step {step}, {}", failure.title),
            None => failure.title.clone(),
        };
        for problem in &failure.problems {
            let but = match (&problem.expected, &problem.found) {
                (Some(expected), Some(found)) => format!(": expected {expected}, found {found}"),
                (Some(expected), None) => format!(": expected {expected}"),
                (None, Some(found)) => format!(": found {found}"),
                (None, None) => String::new(),
            };
            let place = problem.place.clone().unwrap_or_else(of_case);
            all.push(Wrong { place, message: format!("{step}: {}{but}", problem.message) });
        }
    }
    if let Some(difference) = snapshot {
        let message = match difference.old {
            Some(_) => format!("it differs from its snapshot {}", difference.path),
            None => "it has no snapshot yet".to_owned(),
        };
        all.push(Wrong { place: of_case(), message });
    }
    all
}

fn attempt_details(
    case: &Case,
    failures: &[Failure],
    snapshot: Option<&Difference>,
    style: Style,
) -> String {
    let mut text = String::new();
    for one in failures {
        failure(&mut text, case, one, style);
    }
    if let Some(found) = snapshot {
        difference(&mut text, case, found, style);
    }
    text
}

fn heading(text: &mut String, case: &Case, what: &str, style: Style) {
    let id = paint(style, BOLD, &case.id);
    let word = if case.verdict == Verdict::Errored { "ERROR" } else { "FAIL" };
    let word = paint(style, AnsiColor::Red.on_default().bold(), word);
    line(text, &format!("{word} {id} {what}\n"));
}

fn failure(text: &mut String, case: &Case, failure: &Failure, style: Style) {
    let what = match failure.step {
        Some(step) => format!("in step {step}: {}", failure.title),
        None => format!("at {}", failure.title),
    };
    heading(text, case, &what, style);
    for problem in &failure.problems {
        *text += &problem.rendered;
    }
    if let Some(texts) = &failure.difference {
        line(text, &paint(style, DIM, "recorded (-) and sent (+):"));
        *text += &diff(&texts.old, &texts.new, style);
        text.push('\n');
    }
    if let Some(exchange) = &failure.exchange {
        for exchange_line in exchange_text(exchange).lines() {
            line(text, &format!("  {}", paint(style, DIM, exchange_line)));
        }
        text.push('\n');
    }
}

fn difference(text: &mut String, case: &Case, difference: &Difference, style: Style) {
    match &difference.old {
        None => heading(text, case, "has no snapshot yet", style),
        Some(old) => {
            heading(text, case, "differs from its snapshot", style);
            *text += &diff(old, &difference.new, style);
            text.push('\n');
        }
    }
    let hint = match &difference.pending {
        Some(path) => format!(
            "  what was seen is in {path}\n  `countersign review` shows it, `countersign accept` takes it"
        ),
        None => format!(
            "  the snapshot is {}; nothing was written (`--update new` makes it pending)",
            difference.path
        ),
    };
    line(text, &paint(style, DIM, &hint));
    if let Some(tenant) = &difference.property_of {
        let id = Value::from(scenario_id(case));
        let hint = format!(
            "  the emulator is at fault: accept it, and the snapshot is so for all targets\n  \
             or it is a property of {tenant}: give that target in countersign.yaml\n    \
             exceptions: {{{id}: the reason}}\n  and run it again with `--update new`"
        );
        line(text, &paint(style, DIM, &hint));
    }
    text.push('\n');
}

/// The id of the scenario, without which repetition of it this is.
pub(super) fn scenario_id(case: &Case) -> &str {
    let repetition = case.repetition.map(|repetition| format!("#{repetition}"));
    repetition.and_then(|end| case.id.strip_suffix(&end)).unwrap_or(&case.id)
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}
