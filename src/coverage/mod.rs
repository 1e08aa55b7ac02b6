//! Coverage: requirement by requirement the scenarios that prove it, and the targets where it was last seen to hold.
//!
//! What was seen comes from recordings and from the JSON reports of runs; both are texts and sets here.

mod badge;
mod json;
mod markdown;
mod seen;
mod text;

pub use self::{
    badge::badge,
    json::json,
    markdown::markdown,
    seen::{NoReport, Run, runs},
    text::text,
};

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Requirement, Requirements, Scenario};

/// The target whose recordings all targets share.
const EMULATOR: &str = "emulator";

/// What is known of the scenarios.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The ids of scenarios that have a snapshot.
    pub recorded: BTreeSet<String>,
    /// By targets the ids of scenarios in which they are known to differ, and how is recorded.
    pub differing: BTreeMap<String, BTreeSet<String>>,
    /// What runs saw.
    pub runs: Vec<Run>,
}

/// The coverage of a catalogue.
#[derive(Clone, Debug)]
pub struct Coverage<'a> {
    /// The requirements in their order.
    pub covered: Vec<Covered<'a>>,
}

/// A requirement with what proves it.
#[derive(Clone, Debug)]
pub struct Covered<'a> {
    /// What it says.
    pub requirement: &'a Requirement,
    /// The ids of the scenarios that cover it, in their order.
    pub scenarios: Vec<&'a str>,
    /// Where these were seen, by the names of the targets.
    pub seen: BTreeMap<&'a str, Seen<'a>>,
}

/// What a target did in the scenarios that cover a requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen<'a> {
    /// When one of them passed last; runs without a date count as the oldest.
    pub held: Option<&'a str>,
    /// Whether one of them ever passed in a run.
    pub has_passed: bool,
    /// Whether one of them has a recording of this target.
    pub is_recorded: bool,
    /// Those in which the target is known to differ.
    pub differing: Vec<&'a str>,
    /// Those that failed in their newest run.
    pub failing: Vec<&'a str>,
}

impl<'a> Coverage<'a> {
    /// Holds scenarios and what was seen against the requirements.
    #[must_use]
    pub fn of(
        requirements: &'a Requirements,
        scenarios: &'a [Scenario],
        evidence: &'a Evidence,
    ) -> Self {
        let covered = requirements.iter().map(|requirement| {
            let covers = |scenario: &&Scenario| {
                scenario.covers.iter().any(|id| id.value == requirement.id.value)
            };
            let scenarios: Vec<_> =
                scenarios.iter().filter(covers).map(|scenario| scenario.id.as_str()).collect();
            let seen = seen_in(&scenarios, evidence);
            Covered { requirement, scenarios, seen }
        });
        Self { covered: covered.collect() }
    }

    /// How many requirements some scenario covers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.covered.iter().filter(|one| one.is_covered()).count()
    }

    /// The same of a hundred. Of no requirements all are covered.
    #[must_use]
    pub fn percent(&self) -> f64 {
        match self.covered.len() {
            0 => 100.0,
            #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
            all => 100.0 * self.count() as f64 / all as f64,
        }
    }

    /// The percentage with one decimal, rounded down: what is not whole is never shown as whole.
    #[must_use]
    pub fn shown_percent(&self) -> String {
        format!("{:.1}", (self.percent() * 10.0 + 1e-9).floor() / 10.0)
    }

    /// A sentence with the counts.
    #[must_use]
    pub fn summary(&self) -> String {
        let (count, all) = (self.count(), self.covered.len());
        format!("{count} of {all} requirements are covered: {} %", self.shown_percent())
    }
}

impl Covered<'_> {
    /// Whether some scenario covers it.
    #[must_use]
    pub const fn is_covered(&self) -> bool {
        !self.scenarios.is_empty()
    }
}

impl Seen<'_> {
    /// Whether it ever held: what is recorded passed, too.
    #[must_use]
    pub const fn has_held(&self) -> bool {
        self.has_passed || self.is_recorded
    }

    /// What is known, in words.
    fn words(&self) -> String {
        let mut words = Vec::new();
        match (self.has_passed, self.held) {
            (true, Some(at)) => words.push(format!("held at {at}")),
            (true, None) => words.push("held".to_owned()),
            (false, _) => {}
        }
        if self.is_recorded {
            words.push("recorded".to_owned());
        }
        if !self.differing.is_empty() {
            words.push(format!("differs in {}", self.differing.join(", ")));
        }
        if !self.failing.is_empty() {
            words.push(format!("fails in {}", self.failing.join(", ")));
        }
        words.join("; ")
    }
}

fn seen_in<'a>(scenarios: &[&'a str], evidence: &'a Evidence) -> BTreeMap<&'a str, Seen<'a>> {
    let mut seen: BTreeMap<&str, Seen<'_>> = BTreeMap::new();
    let is_covering = |id: &str| scenarios.contains(&id);
    if scenarios.iter().any(|id| evidence.recorded.contains(*id)) {
        seen.entry(EMULATOR).or_default().is_recorded = true;
    }
    for (target, ids) in &evidence.differing {
        let differing: Vec<_> =
            ids.iter().map(String::as_str).filter(|id| is_covering(id)).collect();
        if !differing.is_empty() {
            let of = seen.entry(target).or_default();
            (of.differing, of.is_recorded) = (differing, true);
        }
    }
    // The newest run of a scenario on a target comes last; what has no date is the oldest.
    let mut runs: Vec<&Run> = evidence.runs.iter().collect();
    runs.sort_by_key(|run| run.at.as_deref());
    let mut newest: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for run in runs {
        for (id, holds) in run.verdicts.iter().filter(|(id, _)| is_covering(id)) {
            newest.insert((&run.target, id), *holds);
            let of = seen.entry(&run.target).or_default();
            if *holds {
                of.has_passed = true;
                of.held = run.at.as_deref();
            }
        }
    }
    for ((target, id), holds) in newest {
        if !holds {
            seen.entry(target).or_default().failing.push(id);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::{Coverage, Evidence, Run};
    use crate::{
        scenario::{Requirements, Scenario, parse},
        source::Sources,
    };

    /// Two requirements, the first covered by two scenarios.
    pub(super) fn catalogue() -> (Requirements, Vec<Scenario>) {
        let mut sources = Sources::default();
        let text = "- {id: A-01, statement: It | is., source: a page, confidence: documented}\n\
                    - {id: A-02, statement: It is not., source: nobody, confidence: guess}\n";
        let requirements = sources.add("requirements.yaml", text);
        let mut problems = Vec::new();
        let requirements = Requirements::parse(requirements, &sources, &mut problems);
        let scenarios = ["a/x", "a/y"].into_iter().flat_map(|id| {
            let text = "title: t\ncovers: [A-01]\nsteps: [{login: {}}]\n";
            let source = sources.add(id, text);
            parse(id, source, &sources, &mut problems)
        });
        (requirements, scenarios.collect())
    }

    fn run(target: &str, at: Option<&str>, verdicts: &[(&str, bool)]) -> Run {
        let verdicts = verdicts.iter().map(|(id, holds)| ((*id).to_owned(), *holds));
        Run { target: target.to_owned(), at: at.map(str::to_owned), verdicts: verdicts.collect() }
    }

    pub(super) fn evidence() -> Evidence {
        Evidence {
            recorded: ["a/x".to_owned()].into(),
            differing: [("staging".to_owned(), ["a/y".to_owned()].into())].into(),
            runs: vec![
                run("staging", Some("2026-02-03"), &[("a/x", false), ("a/y", true)]),
                run("staging", Some("2026-01-02"), &[("a/x", true), ("other", false)]),
                run("other", None, &[("a/x", true)]),
            ],
        }
    }

    #[test]
    fn the_newest_run_says_what_holds() {
        let ((requirements, scenarios), evidence) = (catalogue(), evidence());
        let coverage = Coverage::of(&requirements, &scenarios, &evidence);
        assert_eq!((coverage.count(), coverage.shown_percent().as_str()), (1, "50.0"));
        let covered = &coverage.covered[0];
        assert_eq!(covered.scenarios, ["a/x", "a/y"]);
        let words: Vec<_> =
            covered.seen.iter().map(|(target, seen)| (*target, seen.words())).collect();
        let staging = "held at 2026-02-03; recorded; differs in a/y; fails in a/x";
        let expected = [("emulator", "recorded"), ("other", "held"), ("staging", staging)];
        assert_eq!(words, expected.map(|(target, words)| (target, words.to_owned())));
        assert!(coverage.covered[1].seen.is_empty());
    }

    #[test]
    fn what_is_not_whole_is_not_shown_as_whole() {
        let ((requirements, scenarios), evidence) = (catalogue(), Evidence::default());
        let mut coverage = Coverage::of(&requirements, &scenarios, &evidence);
        let (covered, not) = (coverage.covered[0].clone(), coverage.covered[1].clone());
        coverage.covered = vec![covered; 2999];
        coverage.covered.push(not);
        assert_eq!(coverage.shown_percent(), "99.9");
        coverage.covered.pop();
        assert_eq!(coverage.shown_percent(), "100.0");
        coverage.covered.clear();
        assert_eq!(coverage.shown_percent(), "100.0");
    }
}
