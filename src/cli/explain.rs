//! `countersign explain`: what a scenario would send, with its templates as they are written.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Exit, Failure, args::Explain, files, output::Output};
use crate::{
    exchange::{
        FORM, JSON,
        message::{Body as Shown, Message},
    },
    scenario::{
        Action, Body, DEFAULT_USER, Draft, Encoding, Path, PushAnswer, Scenario, Step, Tree,
    },
    source::{Diagnostic, suggest},
};

pub(super) fn explain(args: &Explain, output: &Output) -> Result<Exit, Failure> {
    let catalogue = files::load(&args.paths)?;
    let wanted = args.scenario.as_str();
    let found: Vec<_> = catalogue
        .scenarios
        .iter()
        .filter(|scenario| {
            let base = scenario.id.split('[').next();
            scenario.id == wanted || base == Some(wanted) || scenario.file == wanted
        })
        .collect();
    if found.is_empty() {
        let ids = catalogue.scenarios.iter().map(|scenario| scenario.id.as_str());
        let problem = Diagnostic::nowhere(format!("there is no scenario `{wanted}`"));
        return Err(Failure::input(match suggest(wanted, ids) {
            Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
            None => problem.hint("`countersign list` prints those that there are"),
        }));
    }
    let texts: Vec<_> = found.into_iter().map(text).collect();
    output.write(&texts.join("\n"))?;
    Ok(Exit::Passed)
}

fn text(scenario: &Scenario) -> String {
    let mut text = format!("# {}: {}\n", scenario.id, scenario.title.value);
    for line in scenario.summary.iter().flat_map(|summary| summary.trim().lines()) {
        push(&mut text, &format!("# {line}"));
    }
    for (index, step) in scenario.steps.iter().chain(&scenario.cleanup).enumerate() {
        let who =
            if step.actor == DEFAULT_USER { String::new() } else { format!(" as {}", step.actor) };
        let when = if index < scenario.steps.len() { "step" } else { "clean-up, step" };
        push(&mut text, &format!("\n## {when} {}: {}{who}", index + 1, step.title()));
        describe(&mut text, step);
    }
    text
}

fn describe(text: &mut String, step: &Step) {
    match &step.action {
        Action::Advance(duration) => {
            push(text, &format!("{} s pass; nothing is sent", duration.as_secs_f64()));
        }
        Action::Answer(PushAnswer::Accept) => push(text, "the user accepts the push on the device"),
        Action::Answer(PushAnswer::Reject) => push(text, "the user rejects the push on the device"),
        Action::Send(draft) => {
            if draft.fetch.is_some() {
                push(text, "a one-time code is fetched first, as {{ code }}");
            }
            let message = message(draft);
            push(text, &format!("\n{}\n\n{}", message.http(), message.curl()));
        }
    }
    if let Some(statuses) = &step.expect.status {
        push(text, &format!("\nexpects status {}", statuses.value));
    }
    for (name, pattern) in &step.expect.headers {
        push(text, &format!("expects header {} {pattern}", name.value));
    }
    for pattern in step.expect.body.iter().chain(&step.expect.body_exact) {
        push(text, &format!("expects body {pattern}"));
    }
    for (query, pattern) in &step.expect.jsonpath {
        push(text, &format!("expects {} {pattern}", query.text.value));
    }
    if let Some(limit) = step.expect.within {
        push(text, &format!("expects an answer within {} ms", limit.value.as_millis()));
    }
    if let Some(until) = step.until {
        let (every, timeout) = (until.every.as_secs_f64(), until.timeout.as_secs_f64());
        push(text, &format!("is repeated every {every} s for {timeout} s until that holds"));
    }
    for (name, query) in &step.capture {
        push(text, &format!("captures {} as {}", query.text.value, name.value));
    }
}

/// A request with its templates as they are written.
fn message(draft: &Draft) -> Message {
    let mut headers = Vec::new();
    if let Some(bearer) = &draft.bearer {
        headers.push(("authorization".to_owned(), format!("Bearer {}", plain(bearer))));
    }
    let mut path = match &draft.path {
        Path::Fixed(path) => (*path).to_owned(),
        Path::Item(prefix, tree) => format!("{prefix}{}", plain(tree)),
        Path::Written(tree) => plain(tree),
    };
    let pairs = |parameters: &[(String, Tree)]| -> Vec<(String, String)> {
        parameters.iter().map(|(name, tree)| (name.clone(), plain(tree))).collect()
    };
    let (content_type, body) = match &draft.body {
        Body::Query(parameters) => {
            let query = pairs(parameters);
            let query: Vec<_> =
                query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            if !query.is_empty() {
                let separator = if path.contains('?') { '&' } else { '?' };
                path = format!("{path}{separator}{}", query.join("&"));
            }
            (None, Shown::Empty)
        }
        Body::Parameters(Encoding::Form, parameters) => {
            (Some(FORM), Shown::Form(pairs(parameters)))
        }
        Body::Parameters(Encoding::Json, parameters) => {
            let object =
                parameters.iter().map(|(name, tree)| (name.clone(), tree.written())).collect();
            (Some(JSON), Shown::Json(object))
        }
        Body::Json(tree) => (Some(JSON), Shown::Json(tree.written())),
        Body::Text(tree) => (Some(JSON), Shown::Text(plain(tree))),
    };
    headers.extend(content_type.map(|value| ("content-type".to_owned(), value.to_owned())));
    for (name, tree) in &draft.headers {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if tree.written() != Value::Null {
            headers.push((name.to_lowercase(), plain(tree)));
        }
    }
    let host = "{{ target.domain }}".to_owned();
    Message { method: plain(&draft.method), host, path, headers, body }
}

fn plain(tree: &Tree) -> String {
    match tree.written() {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn push(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
