//! The comparison of two sides of a scenario.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    Compared, ComparedStep, Difference, What, millis,
    side::{Side, SideStep, Wrong},
    value,
};
use crate::{event::Verdict, plan::Case, snapshot::RecordedResponse};

/// Times that are closer than this do not differ, whatever their ratio: a network has its moods.
pub const LEAST_DELAY: Duration = Duration::from_millis(100);

/// Compares a scenario's sides. With `slower` the times are compared, too: they differ if one side took more than so many
/// times as long as the other.
#[must_use]
pub fn compare(case: &Arc<Case>, a: &Side, b: &Side, slower: Option<f64>) -> Compared {
    let sides = [a, b];
    let skipped = sides.map(|side| match &side.verdict {
        Verdict::Skipped(reason) => Some(reason.clone()),
        _ => None,
    });
    let mut compared = Compared {
        case: Arc::clone(case),
        verdicts: sides.map(Side::word),
        skipped,
        differences: Vec::new(),
        steps: Vec::new(),
    };
    if compared.skipped.iter().any(Option::is_some) {
        return compared;
    }
    // What a side could not judge is not known to be the same.
    if a.verdict != b.verdict || a.verdict == Verdict::Errored {
        let words = sides.map(|side| Some(side.summary().into()));
        compared.differences.push(Difference { what: What::Verdict, sides: words });
    }
    compared.differences.extend(wrong(sides, None));
    let scenario = &case.scenario;
    let steps: Vec<_> = scenario.steps.iter().chain(&scenario.cleanup).collect();
    let left_out = |step: usize| {
        let is_left_out = steps.get(step - 1).is_some_and(|step| !step.snapshot);
        is_left_out && sides.iter().any(|side| side.is_recording)
    };
    let answered = sides.iter().flat_map(|side| side.steps.keys().copied());
    let failed = sides.iter().flat_map(|side| side.wrong.iter().filter_map(|wrong| wrong.step));
    for step in answered.chain(failed).collect::<BTreeSet<_>>() {
        let answers = sides.map(|side| side.steps.get(&step));
        let any = answers.into_iter().flatten().next();
        let wrong = wrong(sides, Some(step));
        let mut differences = match left_out(step) {
            true if wrong.is_empty() => continue,
            true => Vec::new(),
            false => answer(answers, slower),
        };
        differences.extend(wrong);
        let title = || steps.get(step - 1).map_or_else(String::new, |step| step.title().to_owned());
        compared.steps.push(ComparedStep {
            step,
            title: any.map_or_else(title, |any| any.title.clone()),
            request: any.map(|any| any.request.clone()).unwrap_or_default(),
            elapsed: answers.map(|answer| answer?.elapsed),
            differences,
        });
    }
    compared
}

/// What is wrong in a step, or before the first one, on one side and not on the other.
fn wrong(sides: [&Side; 2], step: Option<usize>) -> Vec<Difference> {
    let what = if step.is_some() { What::Expectation } else { What::Preparation };
    let other_word = |other: &Side| match step {
        Some(step) if other.came_to(step) => "holds",
        Some(_) => "not reached",
        None => "done",
    };
    let of = |side: &Side| -> Vec<Wrong> {
        side.wrong.iter().filter(|wrong| wrong.step == step).cloned().collect()
    };
    let [a, b] = sides.map(of);
    let only_a = a.iter().filter(|wrong| !b.iter().any(|other| other.is_same(wrong)));
    let only_b = b.iter().filter(|wrong| !a.iter().any(|other| other.is_same(wrong)));
    let text = |wrong: &Wrong| Some(Value::from(wrong.text.as_str()));
    let [word_a, word_b] = sides.map(|side| Some(Value::from(other_word(side))));
    let only_a = only_a.map(|wrong| [text(wrong), word_b.clone()]);
    let only_b = only_b.map(|wrong| [word_a.clone(), text(wrong)]);
    only_a.chain(only_b).map(|sides| Difference { what: what.clone(), sides }).collect()
}

fn answer(answers: [Option<&SideStep>; 2], slower: Option<f64>) -> Vec<Difference> {
    let [Some(a), Some(b)] = answers else {
        if answers.iter().all(Option::is_none) {
            return Vec::new();
        }
        let statuses = answers.map(|answer| Some(answer?.response.status.into()));
        return vec![Difference { what: What::Answer, sides: statuses }];
    };
    let mut differences = response(&a.response, &b.response);
    if let (Some(factor), Some(one), Some(other)) = (slower, a.elapsed, b.elapsed) {
        let (fast, slow) = (one.min(other), one.max(other));
        if slow.saturating_sub(fast) >= LEAST_DELAY
            && slow.as_secs_f64() > fast.as_secs_f64() * factor
        {
            let millis = |elapsed: Duration| Some(Value::from(millis(elapsed)));
            differences.push(Difference { what: What::Time, sides: [millis(one), millis(other)] });
        }
    }
    differences
}

fn response(a: &RecordedResponse, b: &RecordedResponse) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut push = |what, sides: [Option<Value>; 2]| {
        if sides[0] != sides[1] {
            differences.push(Difference { what, sides });
        }
    };
    push(What::Status, [Some(a.status.into()), Some(b.status.into())]);
    for name in a.headers.keys().chain(b.headers.keys()).collect::<BTreeSet<_>>() {
        let sides = [a.headers.get(name).cloned(), b.headers.get(name).cloned()];
        push(What::Header(name.clone()), sides);
    }
    for (path, sides) in value::differences(a.json.as_ref(), b.json.as_ref()) {
        push(What::Body(path), sides);
    }
    push(What::Text, [&a.text, &b.text].map(|text| text.as_deref().map(Value::from)));
    differences
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use serde_json::{Value, json};

    use super::{Side, compare};
    use crate::{
        drift::{Compared, Outcome},
        event::{CaseFinished, Failure, SeenStep, Verdict},
        plan::Case,
        scenario,
        snapshot::{RecordedResponse, RecordedStep, Snapshot},
        source::{Diagnostic, Sources, Span},
    };

    /// Three steps that send, of which the second is not recorded, and one that waits.
    const STEPS: &str = "title: t\nsteps:\n- login: {}\n- login: {}\n  snapshot: false\n\
                         - advance: 1s\ncleanup:\n- login: {}\n";

    fn case() -> Arc<Case> {
        let mut sources = Sources::default();
        let mut problems = Vec::new();
        let source = sources.add("a.yaml", STEPS);
        let scenario = scenario::parse("a", source, &sources, &mut problems).swap_remove(0);
        assert_eq!(problems, []);
        Arc::new(Case {
            scenario: Arc::new(scenario),
            repetition: None,
            skip: None,
            recorded: None,
        })
    }

    fn span() -> Span {
        Span { source: Sources::default().add("a.yaml", ""), start: 0, end: 1 }
    }

    fn recorded(status: u16, body: Value) -> RecordedStep {
        let json = Some(body);
        let response = RecordedResponse { status, json, ..RecordedResponse::default() };
        RecordedStep { step: "login".to_owned(), response, ..RecordedStep::default() }
    }

    fn seen(step: usize, status: u16, body: Value, millis: u64) -> SeenStep {
        let exchange = recorded(status, body);
        SeenStep { step, span: span(), exchange, elapsed: Duration::from_millis(millis) }
    }

    fn failure(step: Option<usize>, message: &str, found: &str) -> Failure {
        let problem = Diagnostic::at(span(), message).expected("1").found(found);
        let title = "login".to_owned();
        Failure { step, title, diagnostics: vec![problem], exchange: None, difference: None }
    }

    fn run(verdict: Verdict, seen: Vec<SeenStep>, failures: Vec<Failure>) -> Side {
        Side::of_run(&CaseFinished {
            index: 0,
            case: case(),
            batch: String::new(),
            verdict,
            attempts: 1,
            requests: seen.len(),
            not_judged: 0,
            retries: Vec::new(),
            needless_exception: false,
            elapsed: Duration::ZERO,
            seen,
            failures,
            earlier: Vec::new(),
            difference: None,
        })
    }

    fn passed(seen: Vec<SeenStep>) -> Side {
        run(Verdict::Passed, seen, Vec::new())
    }

    /// All that differs: `step label: a / b`.
    fn shown(compared: &Compared) -> Vec<String> {
        let of_steps = compared.steps.iter().flat_map(|step| {
            step.differences.iter().map(|difference| (format!("{} ", step.step), difference))
        });
        let whole = compared.differences.iter().map(|difference| (String::new(), difference));
        whole
            .chain(of_steps)
            .map(|(step, difference)| {
                let [a, b] = difference.values();
                format!("{step}{}: {a} / {b}", difference.label())
            })
            .collect()
    }

    fn differences(a: &Side, b: &Side) -> Vec<String> {
        shown(&compare(&case(), a, b, None))
    }

    #[test]
    fn answers_are_compared_step_by_step() {
        let mut a = seen(1, 403, json!({"error": "mfa_required", "mfa_token": "[mfa_token#1]"}), 1);
        let mut b = seen(1, 401, json!({"error": "mfa_required", "mfa_token": "[mfa_token#1]"}), 9);
        assert_eq!(differences(&passed(vec![a.clone()]), &passed(vec![a.clone()])), [""; 0]);
        a.exchange.response.headers.insert("retry-after".to_owned(), "1".into());
        b.exchange.response.json = None;
        b.exchange.response.text = Some("<html>\n".to_owned());
        let expected = [
            "1 status: 403 / 401",
            "1 header retry-after: 1 / (nothing)",
            r#"1 body $: {"error":"mfa_required","mfa_token":"[mfa_token#1]"} / (nothing)"#,
            r#"1 text: (nothing) / "<html>\n""#,
        ];
        assert_eq!(differences(&passed(vec![a]), &passed(vec![b])), expected);
    }

    #[test]
    fn a_side_may_have_more_steps_and_fail() {
        let body = json!({"n": 2});
        let a = passed(vec![seen(1, 200, body.clone(), 1), seen(2, 200, body.clone(), 1)]);
        let wrong = vec![failure(Some(1), "body.n is not what is expected", "2")];
        let b = run(Verdict::Failed, vec![seen(1, 200, body, 1)], wrong);
        let expected = [
            "verdict: passed / failed",
            "1 expectation: holds / body.n is not what is expected: expected 1, found 2",
            "2 answer: 200 / (nothing)",
        ];
        assert_eq!(differences(&a, &b), expected);
    }

    #[test]
    fn what_fails_on_both_sides_is_the_same() {
        let side = |found: u16| {
            let wrong = failure(Some(1), "status is not what is expected", &found.to_string());
            run(Verdict::Failed, vec![seen(1, found, json!({}), 1)], vec![wrong])
        };
        assert_eq!(differences(&side(500), &side(500)), [""; 0]);
        assert_eq!(differences(&side(500), &side(502)), ["1 status: 500 / 502"]);
        // That it differs from its snapshot is no failure here.
        let unrecorded = run(Verdict::Failed, Vec::new(), Vec::new());
        assert_eq!(differences(&unrecorded, &passed(Vec::new())), [""; 0]);
    }

    #[test]
    fn what_could_not_be_judged_is_not_the_same() {
        let gone = || vec![failure(None, "the tenant could not be reached", "nothing")];
        let side = || run(Verdict::Errored, Vec::new(), gone());
        let compared = compare(&case(), &side(), &side(), None);
        assert_eq!(compared.outcome(), Outcome::Differs);
        let word = "errored: the tenant could not be reached: expected 1, found nothing";
        assert_eq!(shown(&compared), [format!("verdict: {word} / {word}")]);
        let later = run(Verdict::Errored, Vec::new(), vec![failure(Some(2), "no answer", "-")]);
        let one = run(Verdict::Errored, Vec::new(), vec![failure(Some(1), "no answer", "-")]);
        let expected = [
            "verdict: errored: no answer: expected 1, found - / errored: no answer: expected 1, found -",
            "1 expectation: no answer: expected 1, found - / not reached",
            "2 expectation: not reached / no answer: expected 1, found -",
        ];
        assert_eq!(differences(&one, &later), expected);
    }

    #[test]
    fn a_skipped_side_is_no_difference() {
        let skipped = run(Verdict::Skipped("no mailbox".to_owned()), Vec::new(), Vec::new());
        let other = run(Verdict::Failed, Vec::new(), vec![failure(None, "x", "y")]);
        let compared = compare(&case(), &other, &skipped, None);
        assert_eq!(
            (compared.outcome(), compared.reasons().as_str()),
            (Outcome::Skipped, "B: no mailbox")
        );
        let both = compare(&case(), &skipped, &skipped, None);
        assert_eq!(both.reasons(), "no mailbox");
    }

    #[test]
    fn recordings_have_no_time_and_not_every_step() {
        let case = case();
        let snapshot = |steps| Side::of_recording(&case.scenario, Some(Snapshot { steps }));
        let a = passed(vec![
            seen(1, 200, json!(1), 900),
            seen(2, 500, json!(2), 900),
            seen(4, 200, json!(4), 900),
        ]);
        let same = snapshot(vec![recorded(200, json!(1)), recorded(200, json!(4))]);
        let compared = compare(&case, &a, &same, Some(1.0));
        assert_eq!(compared.outcome(), Outcome::Same);
        assert_eq!(compared.steps.iter().map(|step| step.step).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(compared.verdicts, ["passed", "recorded"]);
        let older = snapshot(vec![recorded(200, json!(1)); 3]);
        let expected = ["4 body $: 4 / 1", "5 answer: (nothing) / 200"];
        assert_eq!(differences(&a, &older), expected);
        let none = Side::of_recording(&case.scenario, None);
        assert_eq!(compare(&case, &a, &none, None).reasons(), "B: it has no recording");
    }

    #[test]
    fn times_differ_only_if_asked_and_clearly() {
        let side = |millis| passed(vec![seen(1, 200, json!(1), millis)]);
        let with = |factor, a, b| shown(&compare(&case(), &side(a), &side(b), factor));
        assert_eq!(with(None, 1, 9000), [""; 0]);
        assert_eq!(with(Some(3.0), 100, 301), ["1 time: 100 ms / 301 ms"]);
        assert_eq!(with(Some(3.0), 301, 100), ["1 time: 301 ms / 100 ms"]);
        assert_eq!(with(Some(3.0), 100, 300), [""; 0]);
        // Ninety-nine times as long, and not 100 ms longer.
        assert_eq!(with(Some(3.0), 1, 100), [""; 0]);
    }
}
