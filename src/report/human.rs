//! For people: a line for each case in the order of the plan, then what failed and why, then the counts.

use std::{fmt::Write as _, io};

use anstyle::{AnsiColor, Style as Ansi};

use super::{Detail, Reporter, details::details, exchange::steps};
use crate::{
    event::wire::{Case, Line, Summary, Verdict},
    source::Style,
};

const GREEN: Ansi = AnsiColor::Green.on_default();
const RED: Ansi = AnsiColor::Red.on_default();
const YELLOW: Ansi = AnsiColor::Yellow.on_default();
const DIM: Ansi = Ansi::new().dimmed();

/// Writes for a person.
pub struct Human<W> {
    writer: W,
    style: Style,
    detail: Detail,
    /// What failed, for the end.
    failures: Vec<String>,
    replay: bool,
}

impl<W: io::Write> Human<W> {
    /// Writes to `writer`. With colours if the lines are drawn with colours.
    pub const fn new(writer: W, style: Style) -> Self {
        Self { writer, style, detail: Detail::Verdict, failures: Vec::new(), replay: false }
    }

    /// The same, with so much about each case.
    #[must_use]
    pub fn showing(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    fn finished(&mut self, case: &Case) -> io::Result<()> {
        let mut line = self.verdict(case);
        for seen in steps(&case.steps, self.detail).lines() {
            self::line(&mut line, &format!("  {}", self.paint(DIM, seen)));
        }
        if case.verdict.is_bad() {
            self.failures.push(details(case, self.style));
        }
        self.writer.write_all(line.as_bytes())
    }

    fn verdict(&self, case: &Case) -> String {
        let (style, word) = match case.verdict {
            Verdict::Passed => (GREEN, "pass"),
            Verdict::Flaky => (YELLOW, "flaky"),
            Verdict::Failed => (RED, "FAIL"),
            Verdict::Errored => (RED, "ERROR"),
            Verdict::Skipped => (YELLOW, "skip"),
        };
        let verdict = self.paint(style.bold(), &format!("{word:<5}"));
        let note = case.reason.as_ref().unwrap_or(&case.title);
        let id = &case.id;
        let retries = match case.retries.len() {
            0 => String::new(),
            1 => " (1 retry)".to_owned(),
            retries => format!(" ({retries} retries)"),
        };
        format!("{verdict}  {id}  {}{retries}\n", self.paint(DIM, note))
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        if !self.failures.is_empty() {
            writeln!(self.writer)?;
        }
        for details in &self.failures {
            self.writer.write_all(details.as_bytes())?;
        }
        if summary.not_run > 0 {
            writeln!(self.writer, "{} not run: the run was stopped", summary.not_run)?;
        }
        if summary.retries > 0 {
            let what = if summary.retries == 1 { "thing was" } else { "things were" };
            let why = "because of trouble on the way to the target";
            writeln!(self.writer, "{} {what} done again {why}", summary.retries)?;
        }
        if self.replay && summary.not_judged > 0 {
            let count = summary.not_judged;
            let what = if count == 1 { "expectation was" } else { "expectations were" };
            let why = "a recording has labels in place of the values";
            writeln!(self.writer, "{count} {what} not judged: {why}")?;
        }
        let counts = counts(summary);
        let bad = summary.failed + summary.errored > 0 || summary.interrupted;
        let style = if bad { RED.bold() } else { GREEN.bold() };
        writeln!(self.writer, "{}", self.paint(style, &counts))?;
        self.writer.flush()
    }

    fn paint(&self, style: Ansi, text: &str) -> String {
        super::diff::paint(self.style, style, text)
    }
}

impl<W: io::Write + Send> Reporter for Human<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::RunStarted(started) => {
                self.replay = started.target == "replay";
                Ok(())
            }
            Line::CaseStarted { .. } => Ok(()),
            Line::CaseFinished(case) => self.finished(case),
            Line::RunFinished(summary) => self.summary(summary),
        }
    }
}

/// The last line of a run.
pub(super) fn counts(summary: &Summary) -> String {
    let Summary { passed, failed, skipped, flaky, errored, seconds, .. } = summary;
    format!(
        "{passed} passed, {failed} failed, {skipped} skipped, {flaky} flaky, {errored} errored in {seconds:.2} s"
    )
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}
