//! A tenant that is hard to reach: requests are refused, lost on the way back, or late, and every scenario passes.

use std::fs;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    Test, catalogue,
    place::{Inbox, Wish},
    running::{Running, assert_untouched, events, finished, settings, wrong},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("one_request_in_twenty", &[Outbox], one_request_in_twenty),
    ("every_answer_about_users_is_lost_once", &[Outbox], every_answer_about_users_is_lost_once),
    ("a_login_that_is_lost_counts", &[Outbox], a_login_that_is_lost_counts),
    ("limits_are_kept", &[Outbox], limits_are_kept),
];

/// All that goes wrong goes wrong with one request in eighty: together with one in twenty.
fn one_request_in_twenty(inbox: Inbox) -> Result<(), Failed> {
    let place = catalogue::place(&Wish::of(inbox))?;
    place.take(&["disagreements", "email", "policy", "sms"])?;
    let before = settings(&place)?;
    let rule = |fault: Value| json!({"path": "/", "when": {"rate": 0.0125}, "fault": fault});
    place.faults(&json!([
        rule(json!({"status": {"code": 429}})),
        rule(json!({"status": {"code": 503, "plain": true}})),
        rule(json!("reset")),
        rule(json!({"latency": "3s"})),
    ]))?;
    let command = place.command(&[
        "run",
        "--target",
        "staging",
        "-j",
        "32",
        "--report",
        "json=report.jsonl",
        "--update",
        "no",
    ]);
    let ran = Running::start(command)?.end()?;
    place.faults(&json!([]))?;
    let events = events(&fs::read_to_string(place.project().join("report.jsonl"))?)?;
    assert_eq!(ran.code, Some(0), "{}\n{:#?}", ran.stderr, wrong(&events));
    let finished = finished(&events)?;
    assert_eq!(finished["flaky"], 0, "{finished}");
    let retries: Vec<_> = events.iter().filter_map(|event| event["retries"].as_array()).collect();
    let reasons: Vec<_> = retries.iter().flat_map(|it| it.iter()).collect();
    assert_eq!(finished["retries"], reasons.len());
    for reason in ["429", "503", "onnection"] {
        let has = |retry: &&Value| retry["reason"].as_str().is_some_and(|it| it.contains(reason));
        assert!(reasons.iter().any(has), "{reason} in {reasons:?}");
    }
    let said = format!("{} things were done again", reasons.len());
    assert!(ran.stdout.contains(&said), "{said}: {}", ran.stdout);
    assert!(ran.stdout.contains(" retries)\n"), "{}", ran.stdout);
    assert_untouched(&place, &before)?;
    Ok(())
}

/// Users are made, enrolled and removed once all the same.
fn every_answer_about_users_is_lost_once(inbox: Inbox) -> Result<(), Failed> {
    let place = catalogue::place(&Wish::of(inbox))?;
    place.take(&["email/challenge-and-verify"])?;
    let before = settings(&place)?;
    let first = |method: &str, path: &str| json!({"path": path, "method": method, "when": {"calls": [1]}, "fault": "reset"});
    place.faults(&json!([
        first("POST", "/api/v2/users"),
        first("GET", "/api/v2/users-by-email"),
        first("POST", "/api/v2/users/"),
        first("DELETE", "/api/v2/users"),
        first("POST", "/mfa/challenge"),
        first("GET", "/api/v2/guardian"),
        first("PUT", "/api/v2/guardian"),
    ]))?;
    let command = place.command(&["run", "--target", "staging", "--format", "json"]);
    let ran = Running::start(command)?.end()?;
    place.faults(&json!([]))?;
    let events = events(&ran.stdout)?;
    assert_eq!(ran.code, Some(0), "{}\n{:#?}", ran.stderr, wrong(&events));
    assert_untouched(&place, &before)?;
    Ok(())
}

/// Its answer is lost, and it counts: it is not sent again, but the scenario is begun anew, with another user.
fn a_login_that_is_lost_counts(inbox: Inbox) -> Result<(), Failed> {
    let place = catalogue::place(&Wish::of(inbox))?;
    place.take(&["limits/too-many-logins"])?;
    place.faults(&json!([
        {"path": "/oauth/token", "method": "POST", "when": {"calls": [15]}, "fault": "reset"},
    ]))?;
    let command = place.command(&["run", "--target", "staging", "--format", "json"]);
    let ran = Running::start(command)?.end()?;
    let events = events(&ran.stdout)?;
    assert_eq!(ran.code, Some(0), "{}\n{:#?}", ran.stderr, wrong(&events));
    let of_case = events.iter().find(|event| event["event"] == "case_finished");
    let retries = &of_case.ok_or("no case")?["retries"];
    assert_eq!(retries.as_array().map(Vec::len), Some(1), "{retries}");
    assert_eq!(retries[0]["what"], "the scenario");
    assert_eq!(place.users()?, 0);
    Ok(())
}

/// A run that keeps to ten requests a second is never told to wait by a tenant that allows as many.
fn limits_are_kept(inbox: Inbox) -> Result<(), Failed> {
    let limits = "  limits:
    authentication_api: {burst: 10, every: 100ms}
    management_api: {burst: 10, every: 100ms}
";
    let tenant = catalogue::tenant()? + limits;
    let place = catalogue::place_of(&tenant, &Wish { rate: (10, 10), ..Wish::of(inbox) })?;
    place.take(&["email", "policy"])?;
    let command = place.command(&[
        "run", "--target", "staging", "--format", "json", "--update", "no", "-j", "32", "--filter",
        "*/[a-m]*",
    ]);
    let ran = Running::start(command)?.end()?;
    let events = events(&ran.stdout)?;
    assert_eq!(ran.code, Some(0), "{}\n{:#?}", ran.stderr, wrong(&events));
    let finished = finished(&events)?;
    assert_eq!(finished["retries"], 0, "{events:?}");
    assert!(finished["passed"].as_u64() >= Some(20), "{finished}");
    Ok(())
}
