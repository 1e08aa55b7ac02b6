//! Drift as the text of an issue, or the summary of a job.

use std::fmt::Write as _;

use super::{Compared, ComparedStep, Difference, Drift, Outcome};

/// GitHub takes 65,536 characters in an issue. Scenarios that no longer fit are counted.
const LONGEST: usize = 60_000;

/// The counts, a table for each scenario that differs, and a list of what was skipped.
#[must_use]
pub fn markdown(drift: &Drift) -> String {
    let [a, b] = drift.names.each_ref().map(|name| code(name));
    let mut text = format!("## Drift of {a} from {b}\n\n{}\n", drift.summary());
    if drift.not_run > 0 {
        line(&mut text, &format!("\n{} not compared: it was stopped.", drift.not_run));
    }
    let of = |outcome| drift.compared.iter().filter(move |one| one.outcome() == outcome);
    let mut left_out = 0;
    for compared in of(Outcome::Differs) {
        let section = section(compared, &drift.names);
        if left_out > 0 || text.len() + section.len() > LONGEST {
            left_out += 1;
        } else {
            text += &section;
        }
    }
    if left_out > 0 {
        line(&mut text, &format!("\nand {left_out} more: there is no room for them here."));
    }
    let mut skipped = String::new();
    for compared in of(Outcome::Skipped) {
        let id = code(&compared.case.id());
        line(&mut skipped, &format!("- {id}: {}", plain(&compared.reasons())));
    }
    if !skipped.is_empty() && text.len() + skipped.len() < LONGEST {
        line(&mut text, "\n<details><summary>Skipped</summary>\n");
        line(&mut text, &skipped);
        line(&mut text, "</details>");
    }
    text
}

fn section(compared: &Compared, names: &[String; 2]) -> String {
    let id = code(&compared.case.id());
    let title = plain(&compared.case.scenario.title.value);
    let [a, b] = names;
    let mut text = format!(
        "\n### {id}\n\n{title}\n\n| step | what | A: {} | B: {} |\n| --- | --- | --- | --- |\n",
        code(a),
        code(b)
    );
    for difference in &compared.differences {
        text += &row("", difference);
    }
    for step in &compared.steps {
        for (index, difference) in step.differences.iter().enumerate() {
            let about = if index == 0 { about(step) } else { String::new() };
            text += &row(&about, difference);
        }
    }
    text
}

fn about(step: &ComparedStep) -> String {
    let times = step.times().map(|times| format!("<br>{times}"));
    format!("{}. {}{}", step.step, plain(&step.title), times.unwrap_or_default())
}

fn row(about: &str, difference: &Difference) -> String {
    let [a, b] = difference.values().map(|value| code(&value));
    format!("| {about} | {} | {a} | {b} |\n", code(&difference.label()))
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

/// A text as code, also between the bars of a table.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ").replace('|', "\\|");
    let longest = text.split(|character| character != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default() + 1);
    // A space beside the fence is taken off again.
    let is_bare = text.is_empty() || text.starts_with('`') || text.ends_with('`');
    let pad = if is_bare { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text that must not begin a tag, or end the cell of a table.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}
