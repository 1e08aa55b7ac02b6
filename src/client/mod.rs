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
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};

    use super::{digest, judge, rules};
    use crate::{
        observe::{self, Observation},
        source::Sources,
    };

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

    /// What a client posted to a path, a second after another, and what it got.
    fn observations(calls: &[(&str, Value, u16, Value)]) -> Vec<Observation> {
        let lines = calls.iter().enumerate().map(|(at, (path, form, status, answer))| {
            let headers = &answer["headers"];
            let headers = if headers.is_null() { json!({}) } else { headers.clone() };
            json!({
                "version": 1, "sequence": at + 1, "at": at * 1000,
                "request": {"method": "POST", "path": path, "form": form},
                "response": {"status": status, "headers": headers, "json": answer},
            })
            .to_string()
        });
        let mut sources = Sources::default();
        let id = sources.add("o.jsonl", lines.collect::<Vec<_>>().join("\n"));
        observe::read(id, &sources).expect("observations")
    }

    /// Of the rules with these numbers: whether they were exercised, and how often they were broken.
    fn judged(calls: &[(&str, Value, u16, Value)], ids: &[&str]) -> Vec<(bool, usize)> {
        let observations = observations(calls);
        let judgements = judge(rules(), &observations);
        let by_id: BTreeMap<_, _> =
            judgements.iter().map(|found| (&found.rule.id[7..], found)).collect();
        ids.iter().map(|id| (by_id[id].exercised, by_id[id].violations.len())).collect()
    }

    fn oob(mfa_token: &str, oob_code: &str) -> Value {
        let grant = "http://auth0.com/oauth/grant-type/mfa-oob";
        json!({
            "grant_type": grant, "mfa_token": mfa_token, "oob_code": oob_code,
            "binding_code": "[binding_code#1]",
        })
    }

    #[test]
    fn an_access_token_in_place_of_an_mfa_token_is_none() {
        let given = json!({"oob_code": "[oob_code#1]", "binding_method": "prompt"});
        let challenge = json!({"mfa_token": "[access_token#1]"});
        let accepted = json!({"access_token": "[access_token#2]"});
        let calls = [
            ("/mfa/challenge", challenge.clone(), 200, given),
            ("/oauth/token", oob("[mfa_token#1]", "[oob_code#1]"), 200, accepted),
            ("/mfa/challenge", challenge, 200, json!({})),
        ];
        // What it goes with is not said, and it is not spent; that the code was given is.
        assert_eq!(judged(&calls, &["10", "11", "06"]), [(true, 0), (true, 0), (true, 0)]);
    }

    #[test]
    fn what_says_nothing_is_not_exercised() {
        let login = json!({"grant_type": "password", "username": "[email#1]"});
        let limited = |value: &str| json!({"headers": {"retry-after": value}});
        let date = limited("Tue, 03 Jun 2036 09:00:00 GMT");
        let calls = |answer| {
            [
                ("/oauth/token", login.clone(), 429, answer),
                ("/oauth/token", login.clone(), 200, json!({})),
            ]
        };
        let found = |answer: &Value| judged(&calls(answer.clone()), &["17"])[0];
        let answers = [json!({}), date, limited("1"), limited("2")];
        let expected = [(false, 0), (false, 0), (true, 0), (true, 1)];
        assert_eq!(answers.each_ref().map(found), expected);
        // An empty answer is no refusal, and another user is not the one who was told to wait.
        let other = (
            "/oauth/token",
            json!({"grant_type": "password", "username": "[email#2]"}),
            200,
            json!({}),
        );
        let [first, _] = calls(limited("2"));
        assert_eq!(judged(&[first, other], &["17", "01"]), [(true, 0), (false, 0)]);
    }

    #[test]
    fn polls_are_compared_with_those_of_the_same_challenge() {
        let answer = |error: &str| json!({"error": error});
        let poll =
            |code: &str, error| ("/oauth/token", oob("[mfa_token#1]", code), 400, answer(error));
        let calls = [
            poll("[oob_code#1]", "authorization_pending"),
            poll("[oob_code#1]", "slow_down"),
            poll("[oob_code#2]", "authorization_pending"),
            poll("[oob_code#1]", "authorization_pending"),
            poll("[oob_code#1]", "authorization_pending"),
        ];
        assert_eq!(judged(&calls, &["12", "13"]), [(true, 0), (true, 0)]);
    }

    #[test]
    fn a_digest_has_a_line_an_observation() {
        let path = format!("/mfa/challenge?scope=\n\u{1b}[31m{}", "x".repeat(200));
        let digest = digest(&observations(&[(path.as_str(), json!({}), 200, json!({}))]));
        let expected = format!(
            "POST /mfa/challenge?scope=\u{FFFD}\u{FFFD}[31m{}... -> 200\n",
            "x".repeat(80 - 27)
        );
        assert_eq!(digest, expected);
    }
}
