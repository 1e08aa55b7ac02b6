//! The Test Anything Protocol, version 14: a line for each case, with a block of YAML where there is more to say.

use std::{fmt::Write as _, io};

use serde_json::{Value, json};

use super::{
    Reporter,
    details::{details, earlier_wrong, wrong},
};
use crate::{
    event::wire::{Case, Line, Summary, Verdict, duration},
    snapshot::format::to_yaml,
    source::Style,
};

/// Writes TAP.
pub struct Tap<W> {
    writer: W,
    /// How many cases were written.
    count: usize,
}

impl<W: io::Write> Tap<W> {
    /// Writes to `writer`.
    pub const fn new(writer: W) -> Self {
        Self { writer, count: 0 }
    }

    fn finished(&mut self, case: &Case) -> io::Result<()> {
        self.count += 1;
        let not = if case.verdict.is_bad() { "not " } else { "" };
        let mut text = format!("{not}ok {} - {}", self.count, escape(&case.id));
        if case.verdict == Verdict::Skipped {
            let reason = case.reason.as_deref().unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(text, " # SKIP {}", escape(reason));
        }
        text.push('\n');
        if case.verdict.is_bad() || case.verdict == Verdict::Flaky {
            text += "  ---\n";
            for line in to_yaml(&diagnostics(case)).lines() {
                // An empty line without its indent would end the block for some readers.
                let _ = writeln!(text, "  {line}");
            }
            text += "  ...\n";
        }
        self.writer.write_all(text.as_bytes())
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        if summary.not_run > 0 {
            let why = if summary.interrupted { "interrupted" } else { "stopped" };
            writeln!(self.writer, "Bail out! {} not run: the run was {why}", summary.not_run)?;
        } else if summary.interrupted {
            writeln!(self.writer, "Bail out! the run was interrupted")?;
        }
        self.writer.flush()
    }
}

impl<W: io::Write + Send> Reporter for Tap<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::RunStarted(started) => {
                writeln!(self.writer, "TAP version 14")?;
                match started.cases {
                    0 => writeln!(self.writer, "1..0 # SKIP there is nothing to run"),
                    cases => writeln!(self.writer, "1..{cases}"),
                }
            }
            Line::CaseStarted { .. } => Ok(()),
            Line::CaseFinished(case) => self.finished(case),
            Line::RunFinished(summary) => self.summary(summary),
        }
    }
}

/// What is in the block: the members that TAP's readers know by these names, and those of ours.
fn diagnostics(case: &Case) -> Value {
    let mut all = wrong(case);
    if case.verdict == Verdict::Flaky {
        all.extend(case.earlier.iter().flat_map(|attempt| earlier_wrong(case, attempt)));
    }
    let problems: Vec<_> =
        all.iter().map(|one| format!("{}: {}", one.place, one.message)).collect();
    let mut block = json!({
        "verdict": case.verdict.word(),
        "duration_ms": u64::try_from(duration(case.seconds).as_millis()).unwrap_or(u64::MAX),
        "attempts": case.attempts,
    });
    if let Some(first) = all.first() {
        block["message"] = first.message.as_str().into();
        block["severity"] = match case.verdict {
            Verdict::Errored => "error",
            Verdict::Flaky => "comment",
            _ => "fail",
        }
        .into();
        block["at"] = json!(first.place);
        block["problems"] = problems.into();
    }
    if case.verdict.is_bad() {
        block["details"] = visible(details(case, Style::default()).trim_end()).into();
    }
    block
}

/// On one line, with nothing in it that would begin a directive.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('#', "\\#");
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Without what YAML takes in no text of several lines.
fn visible(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || *character == '\n').collect()
}
