//! What a case saw, for people: its steps, one a line, or with all that was sent and came.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::{
    event::wire::{Step, duration},
    snapshot::{RecordedStep, format::to_yaml},
};

/// How much is shown of a case beyond its verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing; of a step that failed all the same its exchange.
    #[default]
    Verdict,
    /// The steps that were answered: method, path, status, time.
    Steps,
    /// The same, each with the whole exchange.
    Exchanges,
}

/// The longest request line that others are aligned with.
const WIDEST: usize = 48;

/// The lines on the steps of a case; none where only verdicts are shown.
pub(super) fn steps(seen: &[Step], detail: Detail) -> String {
    let mut text = String::new();
    if detail == Detail::Verdict {
        return text;
    }
    let sent = |seen: &Step| {
        let request = &seen.exchange.request;
        format!("{} {}", request.method, request.path)
    };
    let widths = seen.iter().map(|seen| sent(seen).chars().count());
    let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or_default();
    for step in seen {
        let Step { step: number, exchange, seconds, .. } = step;
        let (status, title) = (exchange.response.status, &exchange.step);
        let (sent, millis) = (sent(step), duration(*seconds).as_millis());
        line(&mut text, &format!("{number:>3}  {sent:<width$}  {status}  {millis:>4} ms  {title}"));
        if detail == Detail::Exchanges {
            for content in exchange_text(exchange).lines() {
                line(&mut text, &format!("     {content}"));
            }
        }
    }
    text
}

/// A recorded exchange, as `curl -v` marks the directions: `>` what was sent, `<` what came.
pub(super) fn exchange_text(exchange: &RecordedStep) -> String {
    let RecordedStep { request, response, .. } = exchange;
    let form = request.form.clone().map(Value::Object);
    let mut text = String::new();
    let first = format!("{} {}", request.method, request.path);
    let bodies = [request.json.as_ref(), form.as_ref()];
    message(&mut text, '>', &first, &request.headers, &bodies, request.text.as_deref());
    let first = response.status.to_string();
    let bodies = [response.json.as_ref()];
    message(&mut text, '<', &first, &response.headers, &bodies, response.text.as_deref());
    text
}

fn message(
    text: &mut String,
    mark: char,
    first: &str,
    headers: &Map<String, Value>,
    bodies: &[Option<&Value>],
    plain: Option<&str>,
) {
    let mut lines = vec![first.to_owned()];
    lines.extend(
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default())),
    );
    let yaml = bodies.iter().flatten().map(to_yaml);
    for body in yaml.chain(plain.map(str::to_owned)) {
        lines.push(String::new());
        lines.extend(body.lines().map(str::to_owned));
    }
    for content in lines {
        line(text, format!("{mark} {content}").trim_end());
    }
}

fn line(text: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}
