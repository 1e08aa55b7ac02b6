//! `countersign list`

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Exit, Failure,
    args::{Format, List},
    files,
    output::Output,
};
use crate::{
    scenario::{Requirement, Requirements, Scenario},
    source::Located,
};

pub(super) fn list(args: &List, output: &Output) -> Result<Exit, Failure> {
    let mut catalogue = files::load(&args.selection.paths)?;
    let mut problems = Vec::new();
    let selection = files::selection(&args.selection, None, &mut catalogue.sources, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Input(problems, catalogue.sources));
    }
    let scenarios = selection.select(catalogue.scenarios);
    let text = match (args.requirements, args.format) {
        (false, Format::Human) => scenario_lines(&scenarios),
        (false, Format::Json) => array(scenarios.iter().map(|scenario| scenario_json(scenario))),
        (true, Format::Human) => requirement_lines(&catalogue.requirements, &scenarios),
        (true, Format::Json) => array(catalogue.requirements.iter().map(|requirement| {
            json!({
                "id": requirement.id.value,
                "statement": requirement.statement,
                "source": requirement.source,
                "confidence": requirement.confidence.to_string(),
                "covered_by": covering(&requirement.id.value, &scenarios),
            })
        })),
    };
    output.write(&text)?;
    Ok(Exit::Passed)
}

fn array(values: impl Iterator<Item = Value>) -> String {
    format!("{:#}\n", values.collect::<Value>())
}

fn texts(located: &[Located<String>]) -> Vec<&str> {
    located.iter().map(|located| located.value.as_str()).collect()
}

fn scenario_lines(scenarios: &[Arc<Scenario>]) -> String {
    let width = scenarios.iter().map(|scenario| scenario.id.len()).max().unwrap_or_default();
    let line = |scenario: &Arc<Scenario>| {
        let tags = texts(&scenario.tags).join(",");
        let covers = texts(&scenario.covers).join(",");
        format!("{:width$}  {}  [{tags}]  {covers}\n", scenario.id, scenario.title.value)
    };
    scenarios.iter().map(line).collect::<Vec<_>>().concat()
}

fn scenario_json(scenario: &Scenario) -> Value {
    json!({
        "id": scenario.id,
        "title": scenario.title.value,
        "summary": scenario.summary,
        "file": scenario.file,
        "tags": texts(&scenario.tags),
        "covers": texts(&scenario.covers),
        "steps": scenario.steps.len(),
    })
}

fn requirement_lines(requirements: &Requirements, scenarios: &[Arc<Scenario>]) -> String {
    let mut covered = 0;
    let mut lines: Vec<String> = requirements
        .iter()
        .map(|requirement| {
            let covering = covering(&requirement.id.value, scenarios);
            covered += usize::from(!covering.is_empty());
            let by = if covering.is_empty() { "-".to_owned() } else { covering.join(", ") };
            let Requirement { id, statement, confidence, .. } = requirement;
            format!("{:<10}  {confidence:<10}  {}\n{:24}{by}\n", id.value, statement.trim(), "")
        })
        .collect();
    lines.push(format!("{covered} of {} requirements are covered\n", lines.len()));
    lines.concat()
}

fn covering<'a>(id: &str, scenarios: &'a [Arc<Scenario>]) -> Vec<&'a str> {
    let covers = |scenario: &&Arc<Scenario>| scenario.covers.iter().any(|known| known.value == id);
    scenarios.iter().filter(covers).map(|scenario| scenario.id.as_str()).collect()
}
