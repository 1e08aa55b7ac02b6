//! Drift for a person at a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style as Ansi};

use super::{Compared, ComparedStep, Difference, Drift, Outcome};
use crate::source::Style;

const GREEN: Ansi = AnsiColor::Green.on_default();
const RED: Ansi = AnsiColor::Red.on_default();
const YELLOW: Ansi = AnsiColor::Yellow.on_default();
const DIM: Ansi = Ansi::new().dimmed();

/// Up to this length a difference is shown in one line.
const SHORT: usize = 72;

/// A line for each scenario that differs or was skipped, below it what differs, and in the end the counts.
#[must_use]
pub fn text(drift: &Drift, style: Style) -> String {
    let mut writer = Writer { text: String::new(), style };
    let told = |compared: &&Compared| compared.outcome() != Outcome::Same;
    let [a, b] = &drift.names;
    if drift.compared.iter().any(|compared| told(&compared)) {
        writer.line(DIM, &format!("A is {a}, B is {b}"));
    }
    for compared in drift.compared.iter().filter(told) {
        writer.compared(compared);
    }
    if drift.not_run > 0 {
        writer.line(Ansi::new(), &format!("{} not compared: it was stopped", drift.not_run));
    }
    let ends_well = drift.counts().differ == 0 && drift.not_run == 0;
    writer.line(if ends_well { GREEN } else { RED }.bold(), &drift.summary());
    writer.text
}

struct Writer {
    text: String,
    style: Style,
}

impl Writer {
    fn compared(&mut self, compared: &Compared) {
        let id = compared.case.id();
        if compared.outcome() == Outcome::Skipped {
            let word = self.paint(YELLOW.bold(), "skip");
            let reasons = self.paint(DIM, &compared.reasons());
            return self.line(Ansi::new(), &format!("{word}  {id}  {reasons}"));
        }
        let word = self.paint(RED.bold(), "DIFF");
        let title = self.paint(DIM, &compared.case.scenario.title.value);
        self.line(Ansi::new(), &format!("{word}  {id}  {title}"));
        self.differences(&compared.differences);
        for step in &compared.steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &ComparedStep) {
        if step.differences.is_empty() {
            return;
        }
        let ComparedStep { step: number, title, request, .. } = step;
        let times = step.times();
        let parts = [Some(request.clone()).filter(|request| !request.is_empty()), times];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let about = self.paint(DIM, &parts.join("  "));
        self.line(Ansi::new(), format!("  step {number}: {title}  {about}").trim_end());
        self.differences(&step.differences);
    }

    fn differences(&mut self, differences: &[Difference]) {
        for difference in differences {
            let label = difference.label();
            let [a, b] = difference.values();
            let is_short = label.len() + a.len() + b.len() <= SHORT
                && ![&a, &b].iter().any(|value| value.contains(", "));
            let [a, b] = [(RED, "A", a), (GREEN, "B", b)]
                .map(|(ansi, side, value)| self.paint(ansi, &format!("{side} {value}")));
            let content = if is_short {
                format!("    {label}: {a}, {b}")
            } else {
                format!("    {label}:\n      {a}\n      {b}")
            };
            self.line(Ansi::new(), &content);
        }
    }

    fn line(&mut self, ansi: Ansi, content: &str) {
        let content = self.paint(ansi, content);
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{content}");
    }

    fn paint(&self, ansi: Ansi, text: &str) -> String {
        if self.style.color && !text.is_empty() {
            format!("{ansi}{text}{ansi:#}")
        } else {
            text.to_owned()
        }
    }
}
