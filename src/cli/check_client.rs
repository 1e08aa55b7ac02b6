//! `countersign check-client`
#![expect(clippy::disallowed_methods, reason = "what was observed is read from a file")]

use std::{fs, io, path::Path};

use serde_json::{Value, json};

use super::{
    Exit, Failure,
    args::{CheckClient, Format},
    files,
    output::Output,
};
use crate::{
    client::{self, Call, Judgement, Rule, Violation},
    observe::{self, Observation},
    source::{self, Diagnostic, Level, Sources},
};

/// The version of `--format json`, raised as that of events is.
const VERSION: u32 = 1;

pub(super) fn check_client(args: &CheckClient, output: &Output) -> Result<Exit, Failure> {
    let Some(path) = args.file.as_ref().filter(|_| !args.rules) else {
        output.write(&rules(args.format))?;
        return Ok(Exit::Passed);
    };
    let file = files::shown(path);
    let observations = observations(path, &file)?;
    let judgements = client::judge(client::rules(), &observations);
    let text = match args.format {
        Format::Human => human(&file, &observations, &judgements, output),
        Format::Json => {
            format!("{:#}\n", report(&file, &observations, &judgements))
        }
    };
    output.write(&text)?;
    let is_failed = judgements
        .iter()
        .any(|judgement| judgement.rule.level == Level::Error && is_broken(judgement));
    Ok(if is_failed { Exit::Failed } else { Exit::Passed })
}

fn observations(path: &Path, file: &str) -> Result<Vec<Observation>, Failure> {
    let bytes = fs::read(path).map_err(|error| {
        Failure::input(match error.kind() {
            io::ErrorKind::NotFound => files::missing(path),
            _ => Diagnostic::file(file, format!("this file cannot be read: {error}")),
        })
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = String::from_utf8_lossy(before).matches('\n').count() + 1;
        let place = format!("{file}:{line}");
        Failure::input(Diagnostic::file(place, "this line is not UTF-8"))
    })?;
    let mut sources = Sources::default();
    let id = sources.add(file, text);
    observe::read(id, &sources).map_err(|problems| Failure::Input(problems, sources))
}

fn is_broken(judgement: &Judgement<'_>) -> bool {
    !judgement.violations.is_empty()
}

/// The violations, each with its line and what was before it, then the counts.
fn human(
    file: &str,
    observations: &[Observation],
    judgements: &[Judgement<'_>],
    output: &Output,
) -> String {
    let mut sources = Sources::default();
    let id = sources.add(file, client::digest(observations));
    let problems = client::diagnostics(judgements, id, &sources);
    let mut text = source::render(&problems, &sources, output.style());
    let idle: Vec<_> = of_verdict(judgements, "not_exercised")
        .map(|judgement| judgement.rule.id.as_str())
        .collect();
    if !idle.is_empty() {
        text.extend(["not exercised: ", &idle.join(", "), "\n"]);
    }
    let warnings = of_verdict(judgements, "broken")
        .filter(|judgement| judgement.rule.level == Level::Warning)
        .count();
    let warnings = match warnings {
        0 => String::new(),
        1 => " (1 of them a warning)".to_owned(),
        count => format!(" ({count} of them warnings)"),
    };
    let [held, broken, idle] = counts(judgements);
    text + &format!("{held} rules held, {broken} broken{warnings}, {idle} not exercised\n")
}

fn verdict(judgement: &Judgement<'_>) -> &'static str {
    match (is_broken(judgement), judgement.exercised) {
        (true, _) => "broken",
        (false, true) => "held",
        (false, false) => "not_exercised",
    }
}

fn of_verdict<'a, 'b>(
    judgements: &'b [Judgement<'a>],
    word: &'b str,
) -> impl Iterator<Item = &'b Judgement<'a>> {
    judgements.iter().filter(move |judgement| verdict(judgement) == word)
}

fn counts(judgements: &[Judgement<'_>]) -> [usize; 3] {
    ["held", "broken", "not_exercised"].map(|word| of_verdict(judgements, word).count())
}

fn report(file: &str, observations: &[Observation], judgements: &[Judgement<'_>]) -> Value {
    let line = |at: usize, message: &str| json!({"line": at + 1, "call": Call::of(&observations[at]).summary(), "message": message});
    let violation = |violation: &Violation| {
        let mut found = line(violation.at, &violation.message);
        let earlier = violation.earlier.as_ref();
        found["earlier"] = earlier.map_or(Value::Null, |(at, message)| line(*at, message));
        found
    };
    let rules = judgements.iter().map(|judgement| {
        let mut rule = rule_json(judgement.rule);
        rule["verdict"] = verdict(judgement).into();
        rule["violations"] = judgement.violations.iter().map(violation).collect();
        rule
    });
    let [held, broken, not_exercised] = counts(judgements);
    json!({
        "version": VERSION,
        "file": file,
        "observations": observations.len(),
        "held": held,
        "broken": broken,
        "not_exercised": not_exercised,
        "rules": rules.collect::<Value>(),
    })
}

fn rules(format: Format) -> String {
    let lines = |rule: &Rule| {
        let Rule { id, statement, source, confidence, .. } = rule;
        let level = level(rule);
        format!("{id}  {level:<7}  {confidence:<10}  {}\n{:32}{source}\n", statement.trim(), "")
    };
    match format {
        Format::Human => client::rules().iter().map(lines).collect(),
        Format::Json => {
            format!("{:#}\n", client::rules().iter().map(rule_json).collect::<Value>())
        }
    }
}

fn rule_json(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "statement": rule.statement,
        "why": rule.why,
        "source": rule.source,
        "confidence": rule.confidence.to_string(),
        "level": level(rule),
    })
}

const fn level(rule: &Rule) -> &'static str {
    match rule.level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}
