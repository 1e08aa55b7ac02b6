//! JUnit's XML, as Jenkins' schema `junit-10.xsd` has it; reruns and flaky cases as Maven's Surefire and nextest write
//! them: `failure` is the first attempt, `rerunFailure` each later one, `flakyFailure` each that a passing one followed.
//!
//! The schema wants counts in the first tag, and a run knows them in the end. Cases are written as they come, none is
//! kept; the first line has room for the counts, and is written over when they are known.

use std::{fmt::Write as _, io};

use super::{
    Reporter,
    details::{Wrong, details, earlier_details, earlier_wrong, wrong},
    exchange::exchange_text,
};
use crate::event::wire::{Case, Line, RunStarted, Summary, Verdict, duration};

/// How long the first two tags may become.
const HEAD: usize = 640;

/// Writes an XML document.
pub struct Junit<W> {
    writer: W,
    /// The suite's name: the target's.
    target: String,
}

impl<W: io::Write + io::Seek> Junit<W> {
    /// Writes to `writer`, which must be at its beginning.
    pub const fn new(writer: W) -> Self {
        Self { writer, target: String::new() }
    }

    fn started(&mut self, started: &RunStarted) -> io::Result<()> {
        self.target.clone_from(&started.target);
        let mut text = self.head(&Summary::default());
        let seed = started.seed.as_deref().map(|seed| ("seed", seed));
        text += "    <properties>\n";
        for (name, value) in [("target", started.target.as_str())].into_iter().chain(seed) {
            let value = attribute(value);
            line(&mut text, &format!("      <property name=\"{name}\" value=\"{value}\"/>"));
        }
        text += "    </properties>\n";
        self.writer.write_all(text.as_bytes())
    }

    /// The first lines, as long whatever the counts are.
    fn head(&self, summary: &Summary) -> String {
        let Summary { passed, failed, skipped, flaky, errored, .. } = summary;
        let tests = passed + failed + skipped + flaky + errored;
        let time = time(summary.seconds);
        let counts = format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"{errored}\"");
        // A name that leaves no room for the counts is no target's.
        let name = attribute(&self.target.chars().take(40).collect::<String>());
        let mut head = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        line(&mut head, &format!("<testsuites name=\"countersign\" {counts} time=\"{time}\">"));
        // Writing to a string cannot fail.
        let _ = write!(
            head,
            "  <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\" time=\"{time}\">"
        );
        format!("{head:<HEAD$}\n")
    }

    fn finished(&mut self, case: &Case) -> io::Result<()> {
        let mut text = String::new();
        let folder = case.id.rsplit_once('/').map_or("scenarios", |(folder, _)| folder);
        let start = format!(
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"",
            attribute(&case.id),
            attribute(&folder.replace('/', ".")),
            time(case.seconds)
        );
        let content = content(case);
        if content.is_empty() {
            line(&mut text, &format!("{start}/>"));
        } else {
            line(&mut text, &format!("{start}>\n{content}    </testcase>"));
        }
        self.writer.write_all(text.as_bytes())
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        let mut text = String::new();
        let mut said = Vec::new();
        if summary.interrupted {
            said.push("the run was interrupted".to_owned());
        }
        if summary.not_run > 0 {
            said.push(format!("{} not run: the run was stopped", summary.not_run));
        }
        if summary.retries > 0 {
            let why = "because of trouble on the way to the target";
            said.push(format!("{} done again {why}", summary.retries));
        }
        if !said.is_empty() {
            element(&mut text, "    ", "system-err", &[], &said.join("\n"));
        }
        text += "  </testsuite>\n</testsuites>\n";
        self.writer.write_all(text.as_bytes())?;
        let head = self.head(summary);
        self.writer.rewind()?;
        self.writer.write_all(head.as_bytes())?;
        self.writer.flush()
    }
}

impl<W: io::Write + io::Seek + Send> Reporter for Junit<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::RunStarted(started) => self.started(started),
            Line::CaseStarted { .. } => Ok(()),
            Line::CaseFinished(case) => self.finished(case),
            Line::RunFinished(summary) => self.summary(summary),
        }
    }
}

fn content(case: &Case) -> String {
    let mut text = String::new();
    let mut attempts: Vec<_> = case
        .earlier
        .iter()
        .map(|attempt| (earlier_wrong(case, attempt), earlier_details(case, attempt)))
        .collect();
    if case.verdict.is_bad() {
        attempts.push((wrong(case), details(case, crate::source::Style::default())));
    }
    let last = attempts.len().saturating_sub(1);
    for (index, (wrong, details)) in attempts.iter().enumerate() {
        // Of the attempts only the last can have been unable to judge, which is the verdict then.
        let could_not = case.verdict == Verdict::Errored && index == last;
        let name = match (case.verdict, index, could_not) {
            (Verdict::Flaky, ..) => "flakyFailure",
            (_, 0, true) => "error",
            (_, 0, false) => "failure",
            (_, _, true) => "rerunError",
            (_, _, false) => "rerunFailure",
        };
        let message = wrong.first().map(|one| one.message.as_str()).unwrap_or_default();
        let kind = if could_not { "errored" } else { "failed" };
        let places = places(wrong);
        let attributes = [("message", message), ("type", kind)];
        if matches!(name, "error" | "failure") {
            element(&mut text, "      ", name, &attributes, &format!("{places}\n{details}"));
        } else {
            line(&mut text, &format!("      <{name}{}>", written(&attributes)));
            element(&mut text, "        ", "stackTrace", &[], &format!("{places}\n{details}"));
            line(&mut text, &format!("      </{name}>"));
        }
    }
    if case.verdict == Verdict::Skipped {
        let reason = case.reason.as_deref().unwrap_or_default();
        line(&mut text, &format!("      <skipped{}/>", written(&[("message", reason)])));
    }
    // What passed has its exchanges in the report `json`: here they would make the file many times as large.
    if case.verdict.is_bad() || case.verdict == Verdict::Flaky {
        let mut seen = String::new();
        for step in &case.steps {
            let (number, title, place) = (step.step, &step.exchange.step, &step.place);
            let millis = duration(step.seconds).as_millis();
            line(&mut seen, &format!("step {number}: {title} ({place}, {millis} ms)"));
            seen += &exchange_text(&step.exchange);
        }
        if !seen.is_empty() {
            element(&mut text, "      ", "system-out", &[], &seen);
        }
    }
    text
}

/// `file:line:column: what`, a line each.
fn places(wrong: &[Wrong]) -> String {
    wrong.iter().fold(String::new(), |mut text, one| {
        line(&mut text, &format!("{}: {}", one.place, one.message));
        text
    })
}

fn element(text: &mut String, indent: &str, name: &str, attributes: &[(&str, &str)], inner: &str) {
    let attributes = written(attributes);
    line(text, &format!("{indent}<{name}{attributes}>{}</{name}>", content_of(inner)));
}

fn written(attributes: &[(&str, &str)]) -> String {
    attributes.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a string cannot fail.
        let _ = write!(text, " {name}=\"{}\"", attribute(value));
        text
    })
}

/// A text between two tags.
fn content_of(text: &str) -> String {
    let text: String = text.chars().filter(|character| is_xml(*character)).collect();
    text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text between quotes, ends of lines kept.
fn attribute(text: &str) -> String {
    let text = content_of(text).replace('"', "&quot;");
    text.replace('\t', "&#9;").replace('\n', "&#10;").replace('\r', "&#13;")
}

/// Whether XML 1.0 can have a character at all: escaping helps none of the others.
const fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Seconds with three digits, as Surefire writes them.
fn time(seconds: f64) -> String {
    format!("{seconds:.3}")
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

#[cfg(test)]
mod tests {
    use super::{attribute, content_of};

    #[test]
    fn what_xml_cannot_have_is_left_out() {
        assert_eq!(
            content_of("a\u{0}\u{1b}[1mb\u{fffe}]]>&\u{1f600}"),
            "a[1mb]]&gt;&amp;\u{1f600}"
        );
        assert_eq!(attribute("\"a\"\n<b>"), "&quot;a&quot;&#10;&lt;b&gt;");
    }
}
