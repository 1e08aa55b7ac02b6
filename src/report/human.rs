//! For people: a line for each case in the order of the plan, then what failed and why, then the counts.

use std::{collections::BTreeMap, fmt::Write as _, io, sync::Arc};

use anstyle::{AnsiColor, Style as Ansi};

use serde_json::Value;

use super::{
    Detail, Reporter, diff,
    exchange::{exchange_text, steps},
};
use crate::{
    event::{CaseFinished, Event, Failure, Summary, Verdict},
    snapshot::Difference,
    source::{self, Sources, Style},
};

const GREEN: Ansi = AnsiColor::Green.on_default();
const RED: Ansi = AnsiColor::Red.on_default();
const YELLOW: Ansi = AnsiColor::Yellow.on_default();
const BOLD: Ansi = Ansi::new().bold();
const DIM: Ansi = Ansi::new().dimmed();

/// Writes for a person.
pub struct Human<W> {
    writer: W,
    sources: Arc<Sources>,
    style: Style,
    detail: Detail,
    /// The place in the plan of the next line, and the lines that wait for it.
    next: usize,
    waiting: BTreeMap<usize, String>,
    /// What failed, by its place in the plan.
    failures: BTreeMap<usize, String>,
    replay: bool,
}

impl<W: io::Write> Human<W> {
    /// Writes to `writer`.
    pub const fn new(writer: W, sources: Arc<Sources>, style: Style) -> Self {
        Self {
            writer,
            sources,
            style,
            detail: Detail::Verdict,
            next: 0,
            waiting: BTreeMap::new(),
            failures: BTreeMap::new(),
            replay: false,
        }
    }

    /// The same, with so much about each case.
    #[must_use]
    pub fn showing(self, detail: Detail) -> Self {
        Self { detail, ..self }
    }

    fn finished(&mut self, finished: &CaseFinished) -> io::Result<()> {
        let mut line = self.line(finished);
        for seen in steps(&finished.seen, self.detail).lines() {
            self::line(&mut line, &format!("  {}", self.paint(DIM, seen)));
        }
        self.waiting.insert(finished.index, line);
        if finished.verdict.is_bad() {
            let details = self.details(finished);
            self.failures.insert(finished.index, details);
        }
        while let Some(line) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.writer.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn line(&self, finished: &CaseFinished) -> String {
        let (style, word) = match &finished.verdict {
            Verdict::Passed => (GREEN, "pass"),
            Verdict::Flaky => (YELLOW, "flaky"),
            Verdict::Failed => (RED, "FAIL"),
            Verdict::Errored => (RED, "ERROR"),
            Verdict::Skipped(_) => (YELLOW, "skip"),
        };
        let verdict = self.paint(style.bold(), &format!("{word:<5}"));
        let note = match &finished.verdict {
            Verdict::Skipped(reason) => reason,
            _ => &finished.case.scenario.title.value,
        };
        let id = finished.case.id();
        let retries = match finished.retries.len() {
            0 => String::new(),
            1 => " (1 retry)".to_owned(),
            retries => format!(" ({retries} retries)"),
        };
        format!("{verdict}  {id}  {}{retries}\n", self.paint(DIM, note))
    }

    fn details(&self, finished: &CaseFinished) -> String {
        let mut text = String::new();
        for failure in &finished.failures {
            self.failure(&mut text, finished, failure);
        }
        if let Some(difference) = &finished.difference {
            self.difference(&mut text, finished, difference);
        }
        text
    }

    fn heading(&self, text: &mut String, finished: &CaseFinished, what: &str) {
        let id = self.paint(BOLD, &finished.case.id());
        let verdict = if finished.verdict == Verdict::Errored { "ERROR" } else { "FAIL" };
        line(text, &format!("{} {id} {what}\n", self.paint(RED.bold(), verdict)));
    }

    fn failure(&self, text: &mut String, finished: &CaseFinished, failure: &Failure) {
        let what = match failure.step {
            Some(step) => format!("in step {step}: {}", failure.title),
            None => format!("at {}", failure.title),
        };
        self.heading(text, finished, &what);
        *text += &source::render(&failure.diagnostics, &self.sources, self.style);
        if let Some((old, new)) = &failure.difference {
            line(text, &self.paint(DIM, "recorded (-) and sent (+):"));
            *text += &diff(old, new, self.style);
            text.push('\n');
        }
        if let Some(exchange) = &failure.exchange {
            for exchange_line in exchange_text(exchange).lines() {
                line(text, &format!("  {}", self.paint(DIM, exchange_line)));
            }
            text.push('\n');
        }
    }

    fn difference(&self, text: &mut String, finished: &CaseFinished, difference: &Difference) {
        match &difference.old {
            None => self.heading(text, finished, "has no snapshot yet"),
            Some(old) => {
                self.heading(text, finished, "differs from its snapshot");
                *text += &diff(old, &difference.new, self.style);
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
        line(text, &self.paint(DIM, &hint));
        if let Some(tenant) = &difference.property_of {
            let id = Value::from(finished.case.scenario.id.as_str());
            let hint = format!(
                "  the emulator is at fault: accept it, and the snapshot is so for all targets\n  \
                 or it is a property of {tenant}: give that target in countersign.yaml\n    \
                 exceptions: {{{id}: the reason}}\n  and run it again with `--update new`"
            );
            line(text, &self.paint(DIM, &hint));
        }
        text.push('\n');
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        // Cases that were never begun leave gaps.
        for line in std::mem::take(&mut self.waiting).into_values() {
            self.writer.write_all(line.as_bytes())?;
        }
        if !self.failures.is_empty() {
            writeln!(self.writer)?;
        }
        for details in self.failures.values() {
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

impl<W: io::Write> Reporter for Human<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { target, .. } => {
                self.replay = target == "replay";
                Ok(())
            }
            Event::CaseStarted { .. } => Ok(()),
            Event::CaseFinished(finished) => self.finished(finished),
            Event::RunFinished(summary) => self.summary(summary),
        }
    }
}

/// The last line of a run.
fn counts(summary: &Summary) -> String {
    let Summary { passed, failed, skipped, flaky, errored, elapsed, .. } = summary;
    let seconds = elapsed.as_secs_f64();
    format!(
        "{passed} passed, {failed} failed, {skipped} skipped, {flaky} flaky, {errored} errored in {seconds:.2} s"
    )
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}
