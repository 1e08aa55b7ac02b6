//! The other end of the wire: whether an application keeps to the rules of the MFA flow, judged by what was observed
//! of it.
//!
//! The rules are data (`rules/client.yaml`): each says what it demands, why and who says so, and names one of the
//! [`Check`]s that the judge knows. A rule is about what the observations can decide, and nothing else: whether a
//! client that sent a secret is a public one, or whose code it was that a user typed, is not for it to say.

mod call;
mod check;
mod rule;

use std::sync::LazyLock;

pub use call::{Call, CallKind};
pub use rule::{Answer, Check, Pause, Rule};

use crate::{
    observe::Observation,
    source::{Diagnostic, Level, SourceId, Sources, Span, yaml},
};

/// The rules that come with the program, in their order.
#[must_use]
pub fn rules() -> &'static [Rule] {
    &RULES
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut sources = Sources::default();
    let id = sources.add("rules/client.yaml", include_str!("../../rules/client.yaml"));
    let mut problems = Vec::new();
    let document = yaml::load(id, &sources, &mut problems).map(|node| node.to_json());
    // The text is a part of the program: a test reads it.
    serde_json::from_value(document.unwrap_or_default())
        .unwrap_or_else(|error| unreachable!("the rules are constant: {error}, {problems:?}"))
});

/// What came of a rule.
#[derive(Clone, Debug)]
pub struct Judgement<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Whether anything was observed that it speaks of.
    pub exercised: bool,
    /// Where it was broken, in order.
    pub violations: Vec<Violation>,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The observation that breaks it, counted from zero.
    pub at: usize,
    /// What is wrong with that.
    pub message: String,
    /// The earlier one that it conflicts with, and what that was.
    pub earlier: Option<(usize, String)>,
}

/// Judges observations, which must be whole and in order, in time that grows as they do.
#[must_use]
pub fn judge<'a>(rules: &'a [Rule], observations: &[Observation]) -> Vec<Judgement<'a>> {
    let calls: Vec<_> = observations.iter().map(Call::of).collect();
    rules
        .iter()
        .map(|rule| {
            let check::Findings { exercised, violations } = check::check(&rule.check, &calls);
            Judgement { rule, exercised, violations }
        })
        .collect()
}

/// Every violation as a diagnostic that points into the source `id`, which is [`digest`] of the observations.
#[must_use]
pub fn diagnostics(
    judgements: &[Judgement<'_>],
    id: SourceId,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let lines = line_spans(id, sources);
    let diagnostic = |rule: &Rule, violation: &Violation| {
        let message = format!("{}: {}", rule.id, rule.statement.trim().trim_end_matches('.'));
        let problem =
            Diagnostic::at(lines[violation.at], message).found(violation.message.as_str());
        let problem = match &violation.earlier {
            Some((earlier, label)) => problem.beside(lines[*earlier], label.as_str()),
            None => problem,
        };
        let problem = problem.hint(rule.why.trim());
        if rule.level == Level::Warning { problem.warning() } else { problem }
    };
    judgements
        .iter()
        .flat_map(|judgement| judgement.violations.iter().map(|found| (judgement.rule, found)))
        .map(|(rule, found)| diagnostic(rule, found))
        .collect()
}

/// A short line for each observation, for a person: the raw lines are long. Line by line it is the file of them.
#[must_use]
pub fn digest(observations: &[Observation]) -> String {
    observations.iter().map(|observation| Call::of(observation).summary() + "\n").collect()
}

fn line_spans(source: SourceId, sources: &Sources) -> Vec<Span> {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut start = 0;
    let lines = sources.get(source).text().split_inclusive('\n');
    lines
        .map(|line| {
            let end = start + line.trim_end().len();
            let span = Span { source, start: place(start), end: place(end) };
            start += line.len();
            span
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::rules;

    #[test]
    fn the_rules_are_read_and_have_distinct_ids() {
        let ids: BTreeSet<_> = rules().iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.len(), rules().len());
        assert!(ids.iter().all(|id| id.starts_with("CLIENT-")) && ids.len() >= 20, "{ids:?}");
        for rule in rules() {
            let texts = [&rule.statement, &rule.why, &rule.source];
            assert!(texts.iter().all(|text| text.len() > 10), "{}", rule.id);
        }
    }
}
