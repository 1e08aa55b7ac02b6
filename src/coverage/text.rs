//! Coverage for a person at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};

use super::{Coverage, Covered, Seen};
use crate::source::Style;

const GREEN: Ansi = AnsiColor::Green.on_default();
const RED: Ansi = AnsiColor::Red.on_default();
const YELLOW: Ansi = AnsiColor::Yellow.on_default();
const DIM: Ansi = Ansi::new().dimmed();

/// The width of the longest word of confidence.
const CONFIDENCE: usize = 10;

/// Each requirement with what is known of it below, what nothing covers, and the counts.
#[must_use]
pub fn text(coverage: &Coverage<'_>, style: Style) -> String {
    let ids = coverage.covered.iter().map(|one| one.requirement.id.value.len());
    let mut writer = Writer { text: String::new(), style, width: ids.max().unwrap_or_default() };
    for covered in &coverage.covered {
        writer.covered(covered);
    }
    let not: Vec<_> = coverage.covered.iter().filter(|one| !one.is_covered()).collect();
    if !not.is_empty() {
        let ids: Vec<_> = not.iter().map(|one| one.requirement.id.value.as_str()).collect();
        let line = writer.paint(RED, &format!("nothing covers {}", ids.join(", ")));
        writer.line(&line);
    }
    let ansi = if not.is_empty() { GREEN } else { YELLOW }.bold();
    let summary = writer.paint(ansi, &coverage.summary());
    writer.line(&summary);
    writer.text
}

struct Writer {
    text: String,
    style: Style,
    /// Of the ids.
    width: usize,
}

impl Writer {
    fn covered(&mut self, covered: &Covered<'_>) {
        let requirement = covered.requirement;
        let ansi = if covered.is_covered() { GREEN } else { RED };
        let id = self.paint(ansi, &format!("{:width$}", requirement.id.value, width = self.width));
        let confidence = requirement.confidence;
        self.line(&format!("{id}  {confidence:<CONFIDENCE$}  {}", requirement.statement.trim()));
        self.below("from", DIM, &requirement.source);
        if !covered.is_covered() {
            self.below("by", RED, "nothing");
        }
        for scenario in &covered.scenarios {
            self.below("by", DIM, scenario);
        }
        for (target, seen) in &covered.seen {
            self.below("on", colour(seen), &format!("{target}: {}", seen.words()));
        }
    }

    fn below(&mut self, word: &str, ansi: Ansi, content: &str) {
        let content = self.paint(ansi, content);
        self.line(&format!("{:indent$}  {word:<4}  {content}", "", indent = self.width));
    }

    fn line(&mut self, content: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{content}");
    }

    fn paint(&self, ansi: Ansi, text: &str) -> String {
        if self.style.color { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
    }
}

fn colour(seen: &Seen<'_>) -> Ansi {
    match (seen.failing.is_empty(), seen.differing.is_empty()) {
        (false, _) => RED,
        (true, false) => YELLOW,
        (true, true) => GREEN,
    }
}
