//! `drift`: two sides, and what differs between them.

use regex::Regex;
use serde_json::Value;

use crate::project::{ENROL, LOGIN, Project, Seen, WRONG};

/// Its second step is in no snapshot.
const PARTLY: &str = "title: Not all of it is kept
steps:
  - login: {}
  - list: {}
    snapshot: false
cleanup:
  - login: {}
";

/// A project whose snapshot of the enrolment says something else than the tenant, and of another is too short.
fn drifted() -> Project {
    let project = Project::recorded(&[("email/enrol", ENROL), ("login", LOGIN), ("part", PARTLY)]);
    let snapshot = "snapshots/email/enrol.snap";
    let text = project.read(snapshot);
    let edits = [
        ("    status: 200", "    status: 201"),
        ("binding_method: prompt", "binding_method: 7\n      \"it's new\": [a, {b: null}]"),
        ("expires_in: 86400", "expires_in: \"86400\""),
        ("      content-type: application/json; charset=utf-8\n", "      retry-after: \"1\"\n"),
    ];
    let edited = edits.iter().fold(text, |text, (from, to)| {
        let place = text.rfind(from).unwrap_or_else(|| panic!("{from} is not in\n{text}"));
        format!("{}{to}{}", &text[..place], &text[place + from.len()..])
    });
    project.write(snapshot, edited);
    let text = project.read("snapshots/part.snap");
    let last = text.rfind("- step").expect("a step");
    project.write("snapshots/part.snap", &text[..last]);
    project.scenario("unrecorded", LOGIN);
    project
}

#[track_caller]
fn ends(seen: &Seen, counts: &str) {
    let last = seen.stdout.lines().last();
    assert_eq!(last, Some(format!("{counts} in [time] s").as_str()), "{}", seen.all());
}

#[test]
fn sides_may_be_the_same() {
    let project = Project::recorded(&[("email/enrol", ENROL), ("part", PARTLY)]);
    for other in ["emulator", "snapshots"] {
        let seen = project.run(&format!("drift emulator {other}")).exits(0);
        assert_eq!(seen.all(), "2 same, 0 differ, 0 skipped in [time] s\n");
    }
    let seen = project.run("drift emulator replay").exits(0);
    assert!(
        seen.stdout.contains("skip  part  B: the step `list` is not recorded"),
        "{}",
        seen.all()
    );
    ends(&seen, "1 same, 0 differ, 1 skipped");
    // What fails alike is the same, and a new result is not compared with a snapshot.
    let project = Project::new(&[("wrong", WRONG), ("login", LOGIN)]);
    ends(&project.run("drift emulator emulator").exits(0), "2 same, 0 differ, 0 skipped");
    let seen = project.run("drift emulator snapshots").exits(0);
    ends(&seen, "0 same, 0 differ, 2 skipped");
    assert_eq!(project.snapshots(), [""; 0], "nothing is written");
}

#[test]
fn what_differs_from_the_recording_is_shown() {
    let project = drifted();
    let before = project.snapshots();
    let seen = project.run("drift emulator snapshots").exits(1);
    insta::assert_snapshot!(seen.stdout);
    assert_eq!(project.snapshots(), before, "nothing is written");
    let seen = project.run("drift emulator snapshots --filter login").exits(0);
    ends(&seen, "1 same, 0 differ, 0 skipped");
    let seen = project.run("drift emulator snapshots --tag email --shard 1/1 -j 1").exits(1);
    ends(&seen, "0 same, 1 differs, 0 skipped");
}

#[test]
fn two_targets_are_run_side_by_side() {
    let project = drifted();
    let seen = project.run("drift replay emulator --filter email/*").exits(1);
    insta::assert_snapshot!(seen.stdout);
}

#[test]
fn drift_is_told_to_programs() {
    let project = drifted();
    let seen = project.run("drift emulator snapshots --format json").exits(1);
    let drift: Value = serde_json::from_str(&seen.stdout).expect("one object");
    let counts = ["same", "differ", "skipped", "not_run"].map(|name| drift[name].as_u64());
    assert_eq!(counts, [1, 2, 1, 0].map(Some));
    assert_eq!(
        (&drift["version"], &drift["a"], &drift["b"]),
        (&1.into(), &"emulator".into(), &"snapshots".into())
    );
    let outcomes = drift["scenarios"].as_array().expect("a list").iter();
    let outcomes: Vec<_> = outcomes
        .map(|one| [&one["id"], &one["outcome"]].map(|text| text.as_str().unwrap_or("-")))
        .collect();
    let expected = [
        ["email/enrol", "differs"],
        ["login", "same"],
        ["part", "differs"],
        ["unrecorded", "skipped"],
    ];
    assert_eq!(outcomes, expected);
    let step = &drift["scenarios"][0]["steps"][1];
    assert!(step["milliseconds"]["a"].is_u64() && step["milliseconds"]["b"].is_null(), "{step}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&step["differences"]).expect("JSON"));
    let skipped = &drift["scenarios"][3];
    assert_eq!(skipped["reasons"], serde_json::json!({"b": "it has no recording"}));
}

#[test]
fn drift_is_told_in_an_issue() {
    let seen = drifted().run("drift emulator snapshots --format markdown").exits(1);
    insta::assert_snapshot!(seen.stdout);
    let same = Project::recorded(&[("login", LOGIN)]);
    let seen = same.run("drift emulator snapshots --format markdown").exits(0);
    let expected =
        "## Drift of `emulator` from `snapshots`\n\n1 same, 0 differ, 0 skipped in [time] s\n";
    assert_eq!(seen.stdout, expected);
}

#[test]
fn labels_stand_for_what_is_secret() {
    let project = Project::recorded(&[("email/enrol", ENROL), ("wrong", LOGIN)]);
    let snapshot = project.read("snapshots/email/enrol.snap");
    let changed = snapshot.replace("oob_code#1", "oob_code#2").replace("access_token:", "token:");
    project.write("snapshots/email/enrol.snap", changed);
    project
        .scenario("wrong", "title: t\nsteps:\n  - login: {}\n    expect: {body: {mfa_token: x}}\n");
    let secret = Regex::new(r"eyJ|Fe26|\b[0-9]{6}\b|@[a-z-]+\.").expect("an expression");
    for format in ["human", "json", "markdown"] {
        let seen = project.run(&format!("drift emulator snapshots --format {format}")).exits(1);
        assert_eq!(secret.find(&seen.stdout), None, "{}", seen.stdout);
        let seen = seen.says("[oob_code#1]").says("[oob_code#2]").says("[access_token#1]");
        seen.says("[mfa_token#1]");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_hint() {
    let project = Project::recorded(&[("login", LOGIN)]);
    let seen = project.run("drift snapshots emulater --slower 2 --shard 3/2 --tag (a").exits(2);
    insta::assert_snapshot!(seen.stderr);
    let seen = project.run("drift emulater emulater").exits(2);
    assert_eq!(seen.stderr.matches("there is no target").count(), 1, "{}", seen.stderr);
    project.run("drift snapshots snapshots").exits(2).says("cannot be `snapshots`");
    project.run("drift emulator").exits(2).says("<B>");
    project.run("drift emulator emulator --slower 0.5").exits(2).says("a number from 1 on");
    project.write("snapshots/login.snap", "---\n---\n- [\n");
    project
        .run("drift emulator snapshots")
        .exits(2)
        .says("the snapshot is corrupt")
        .says("login.snap");
    project.run("drift emulator emulator").exits(0);
    project.scenario("broken", "title: 1\n");
    let seen = project.run("drift nowhere snapshots scenarios --tag (a").exits(2);
    seen.says("there is no target `nowhere`").says("broken.yaml").says("--tag:1");
}
