//! A summary in Markdown, for a pull request or the page of a CI's job: counts, what failed and why, what was skipped.
//!
//! GitHub shows a job's summary up to 1 MiB, and none that is longer: rows beyond [`LARGEST`] are only counted.

use std::{collections::BTreeMap, fmt::Write as _, io};

use super::{
    Reporter,
    details::{Wrong, earlier_wrong, wrong},
};
use crate::event::wire::{Case, Line, Summary, Verdict};

/// The bytes of all rows; the rest is small. A job may have summaries of other steps' commands, too.
const LARGEST: usize = 500_000;
/// How many of the things that are wrong with one case are shown.
const SHOWN: usize = 3;
/// How many characters of each.
const LONGEST: usize = 300;
/// How many ids are shown of those that were skipped for one reason.
const SKIPPED: usize = 10;

/// Writes Markdown, all of it at the end.
pub struct Markdown<W> {
    writer: W,
    target: String,
    failed: Rows,
    flaky: Rows,
    /// How many were skipped, and the first ids, by the reasons.
    skipped: BTreeMap<String, (usize, Vec<String>)>,
    /// The bytes of all rows.
    size: usize,
}

/// Rows of a table, and how many more there are.
#[derive(Default)]
struct Rows {
    text: String,
    left_out: usize,
}

impl<W: io::Write> Markdown<W> {
    /// Writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            target: String::new(),
            failed: Rows::default(),
            flaky: Rows::default(),
            skipped: BTreeMap::new(),
            size: 0,
        }
    }

    fn finished(&mut self, case: &Case) {
        match case.verdict {
            Verdict::Passed => {}
            Verdict::Flaky => {
                let all: Vec<_> =
                    case.earlier.iter().flat_map(|attempt| earlier_wrong(case, attempt)).collect();
                self.flaky.add(&row(case, &all), &mut self.size);
            }
            Verdict::Failed | Verdict::Errored => {
                self.failed.add(&row(case, &wrong(case)), &mut self.size);
            }
            Verdict::Skipped => {
                let reason = case.reason.clone().unwrap_or_default();
                let (count, ids) = self.skipped.entry(reason).or_default();
                *count += 1;
                if ids.len() < SKIPPED {
                    ids.push(case.id.clone());
                }
            }
        }
    }

    fn text(&self, summary: &Summary) -> String {
        let Summary { passed, failed, skipped, flaky, errored, not_run, seconds, .. } = summary;
        let bad = failed + errored;
        let what = match bad {
            0 if summary.interrupted => "interrupted".to_owned(),
            0 => "passed".to_owned(),
            bad => format!("{bad} of {} failed", passed + flaky + skipped + bad + not_run),
        };
        let mut text = format!("## countersign on {}: {what}\n\n", code(&self.target));
        text += "| passed | failed | errored | flaky | skipped | not run | time |\n";
        text += "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        line(
            &mut text,
            &format!(
                "| {passed} | {failed} | {errored} | {flaky} | {skipped} | {not_run} | {seconds:.2} s |"
            ),
        );
        if summary.interrupted {
            line(&mut text, "\n**The run was interrupted**: this is what was done until then.");
        }
        table(&mut text, "Failed", &self.failed);
        table(&mut text, "Flaky: passed on a retry", &self.flaky);
        if !self.skipped.is_empty() {
            text += "\n### Skipped\n\n";
        }
        for (reason, (count, ids)) in &self.skipped {
            let ids: Vec<_> = ids.iter().map(|id| code(id)).collect();
            let more = match count - ids.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let row = format!("- {count}: {} ({}{more})", code(&short(reason)), ids.join(", "));
            if text.len() + row.len() < LARGEST + LARGEST / 2 {
                line(&mut text, &row);
            }
        }
        if summary.retries > 0 {
            let why = "because of trouble on the way to the target";
            let what = if summary.retries == 1 { "thing was" } else { "things were" };
            line(&mut text, &format!("\n{} {what} done again {why}.", summary.retries));
        }
        text
    }
}

impl<W: io::Write + Send> Reporter for Markdown<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::RunStarted(started) => self.target.clone_from(&started.target),
            Line::CaseStarted { .. } => {}
            Line::CaseFinished(case) => self.finished(case),
            Line::RunFinished(summary) => {
                let text = self.text(summary);
                self.writer.write_all(text.as_bytes())?;
                self.writer.flush()?;
            }
        }
        Ok(())
    }
}

impl Rows {
    fn add(&mut self, row: &str, size: &mut usize) {
        if self.left_out > 0 || *size + row.len() > LARGEST {
            self.left_out += 1;
        } else {
            *size += row.len();
            self.text += row;
        }
    }
}

fn table(text: &mut String, title: &str, rows: &Rows) {
    if rows.text.is_empty() && rows.left_out == 0 {
        return;
    }
    line(text, &format!("\n### {title}\n"));
    *text += "| scenario | where | why |\n| --- | --- | --- |\n";
    *text += &rows.text;
    if rows.left_out > 0 {
        line(text, &format!("\nand {} more: there is no room for them here.", rows.left_out));
    }
}

fn row(case: &Case, wrong: &[Wrong]) -> String {
    let place = wrong.first().map(|one| code(&one.place.to_string())).unwrap_or_default();
    let mut why: Vec<_> = wrong.iter().take(SHOWN).map(|one| code(&short(&one.message))).collect();
    if wrong.len() > SHOWN {
        why.push(format!("and {} more", wrong.len() - SHOWN));
    }
    let errored = if case.verdict == Verdict::Errored { " (errored)" } else { "" };
    format!("| {}{errored} | {place} | {} |\n", code(&case.id), why.join("<br>"))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text as it is: nothing in it is Markdown, a tag, a mention or the end of a cell.
fn code(text: &str) -> String {
    let mut code = String::from("<code>");
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '$' => {
                // Writing to a string cannot fail.
                let _ = write!(code, "&#{};", u32::from(character));
            }
            character if character.is_control() => code.push(' '),
            character => code.push(character),
        }
    }
    code + "</code>"
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}
