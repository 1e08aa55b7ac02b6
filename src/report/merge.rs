//! Several runs as one: whether the parts of a run are all there, and what the whole is.

use std::collections::BTreeMap;

use crate::{
    event::wire::{Case, RunStarted, Summary},
    plan,
    source::Diagnostic,
};

use super::details::scenario_id;

/// A run as its lines have it, but for what is in its cases.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file that it is in, for a person.
    pub file: String,
    /// Its first line.
    pub started: RunStarted,
    /// What tells its cases apart and decides on their order.
    pub cases: Vec<CaseKey>,
    /// Its last line.
    pub finished: Summary,
}

/// What decides on the place of a case among all: the repetition, the batch, the scenario's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaseKey {
    repetition: Option<usize>,
    batch: String,
    scenario: String,
}

impl CaseKey {
    /// The one of a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        Self {
            repetition: case.repetition,
            batch: case.batch.clone(),
            scenario: scenario_id(case).to_owned(),
        }
    }
}

/// The first and the last line of the whole. The error is all that keeps the parts from being one.
pub fn merge(parts: &[Part]) -> Result<(RunStarted, Summary), Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let Some(first) = parts.first() else {
        return Err(vec![Diagnostic::nowhere("there is nothing to merge")]);
    };
    for part in parts {
        if part.started.target != first.started.target {
            let message = format!("this is a run on `{}`", part.started.target);
            let expected = format!("`{}`, as in {}", first.started.target, first.file);
            problems.push(Diagnostic::file(&part.file, message).expected(expected));
        }
    }
    shards(parts, &mut problems);
    twice(parts, &mut problems);
    if problems.is_empty() {
        incomplete(parts, &mut problems);
    }
    if problems.is_empty() { Ok((started(parts, first), summary(parts))) } else { Err(problems) }
}

/// Whether every part is there, once, and is of the same whole.
fn shards(parts: &[Part], problems: &mut Vec<Diagnostic>) {
    let Some((first, whole)) = parts.iter().find_map(|part| Some((part, part.started.shard?)))
    else {
        return;
    };
    let mut files: BTreeMap<usize, &str> = BTreeMap::new();
    for part in parts {
        let Some(shard) = part.started.shard else {
            let message = "this is a whole run, and others are parts of one";
            problems.push(Diagnostic::file(&part.file, message).hint("leave it out"));
            continue;
        };
        if shard.count != whole.count {
            let message = format!("this is a part of {}", shard.count);
            let expected = format!("one of {}, as {} is", whole.count, first.file);
            problems.push(Diagnostic::file(&part.file, message).expected(expected));
            continue;
        }
        if part.started.selection != first.started.selection {
            let message = format!("this part was taken of other scenarios than {}", first.file);
            let hint = "run all parts on the same files, with the same `--tag` and `--filter`";
            problems.push(Diagnostic::file(&part.file, message).hint(hint));
        }
        if let Some(other) = files.insert(shard.index, &part.file) {
            let message = format!("part {} of {} is here twice", shard.index, shard.count);
            problems
                .push(Diagnostic::file(&part.file, message).found(format!("it in {other}, too")));
        }
    }
    for missing in (1..=whole.count).filter(|index| !files.contains_key(index)) {
        let message = format!("part {missing} of {} is missing", whole.count);
        let hint = "its report is not there if that run did not come to its end";
        problems.push(Diagnostic::nowhere(message).hint(hint));
    }
}

/// Cases that are in two parts.
fn twice(parts: &[Part], problems: &mut Vec<Diagnostic>) {
    let mut files: BTreeMap<(&str, Option<usize>), &str> = BTreeMap::new();
    for part in parts {
        for key in &part.cases {
            let CaseKey { scenario, repetition, .. } = key;
            if let Some(other) = files.insert((scenario, *repetition), &part.file) {
                let message = format!("`{scenario}` is in this file, and in another");
                let problem = Diagnostic::file(&part.file, message);
                problems.push(problem.found(format!("it in {other}, too")));
            }
        }
    }
}

/// Parts of a whole have all of it, unless some were stopped.
fn incomplete(parts: &[Part], problems: &mut Vec<Diagnostic>) {
    let is_whole = parts.iter().all(|part| part.finished.not_run == 0);
    let ids = parts.iter().flat_map(|part| &part.cases).map(|key| key.scenario.as_str());
    let selection = &parts[0].started.selection;
    let of_shards = parts[0].started.shard.is_some();
    if of_shards && is_whole && plan::fingerprint(ids) != *selection {
        let message = "all parts are there, and some of the scenarios are in none of them";
        problems.push(Diagnostic::nowhere(message).hint("were the files of one part changed?"));
    }
}

fn started(parts: &[Part], first: &Part) -> RunStarted {
    let seed = first.started.seed.clone();
    let is_one_seed = parts.iter().all(|part| part.started.seed == seed);
    let ids = parts.iter().flat_map(|part| &part.cases).map(|key| key.scenario.as_str());
    let selection = if first.started.shard.is_some() || parts.len() == 1 {
        first.started.selection.clone()
    } else {
        plan::fingerprint(ids)
    };
    RunStarted {
        seed: seed.filter(|_| is_one_seed),
        cases: parts.iter().map(|part| part.started.cases).sum(),
        shard: None,
        selection,
        ..first.started.clone()
    }
}

/// The sums; what is so of one part is so of all. The parts ran side by side: they took as long as the longest.
fn summary(parts: &[Part]) -> Summary {
    parts.iter().fold(Summary::default(), |all, Part { finished: one, .. }| Summary {
        passed: all.passed + one.passed,
        failed: all.failed + one.failed,
        skipped: all.skipped + one.skipped,
        flaky: all.flaky + one.flaky,
        errored: all.errored + one.errored,
        not_run: all.not_run + one.not_run,
        not_judged: all.not_judged + one.not_judged,
        retries: all.retries + one.retries,
        seconds: all.seconds.max(one.seconds),
        interrupted: all.interrupted || one.interrupted,
        unreachable: all.unreachable || one.unreachable,
        corrupt: all.corrupt || one.corrupt,
    })
}
