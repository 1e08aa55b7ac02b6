//! `run`: verdicts, what is selected, and what is said about it.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::project::{ENROL, LOGIN, Project, WRONG, events};

/// Holds for about every other token, long and random as it is, so that the verdicts show which tokens there were.
const CHANCE: &str = "title: As the token has it
steps:
  - login: {}
    expect: {body: {mfa_token: {$regex: 'a[A-F]'}}}
";

#[test]
fn a_scenario_passes() {
    let project = Project::recorded(&[("email/enrol", ENROL)]);
    let seen = project.run("run").exits(0).counts(1, 0);
    assert_eq!(seen.stdout.lines().next(), Some("pass   email/enrol  A first enrolment"));
    assert_eq!(seen.stderr, "");
}

#[test]
fn a_failure_shows_its_line_and_the_masked_exchange() {
    let scenario = ENROL.replace(
        "    confirm: {}\n    expect: {status: 200}",
        "    confirm: {}\n    expect: {status: 200, body: {token_type: {$one_of: [bearer, MAC]}, \
         access_token: {$regex: ^opaque-}}}",
    );
    let project = Project::new(&[("email/enrol", &scenario), ("wrong", WRONG)]);
    let seen = project.run("run -j 1").exits(1).counts(0, 2);
    insta::assert_snapshot!(seen.stdout);
    let note = seen.stderr.strip_prefix("`--seed ").and_then(|rest| rest.split_once('`'));
    let (number, words) = note.expect("the seed");
    assert!(number.parse::<u64>().is_ok(), "{number}");
    assert_eq!(words, " makes up the same values again\n");
    assert_eq!(project.snapshots(), [""; 0], "a failure is no result to keep");
}

#[test]
fn the_steps_of_each_case_are_shown_if_wished() {
    let cleaned = format!("{ENROL}    snapshot: false\ncleanup:\n  - list: {{bearer: null}}\n");
    let project = Project::new(&[("email/enrol", &cleaned), ("wrong", WRONG)]);
    let verdicts = project.run("run -j 1 --update no").exits(1).stdout;
    let steps = project.run("run -j 1 --update no -v").exits(1).stdout;
    insta::assert_snapshot!(steps);
    let all = project.run("run -j 1 --update no --verbose --verbose").exits(1).stdout;
    insta::assert_snapshot!(all);
    assert_eq!(all.matches("> POST /mfa/associate").count(), 1);
    for (less, more) in [(&verdicts, &steps), (&steps, &all)] {
        let is_there = |line: &str| more.lines().any(|other| other == line);
        assert!(less.lines().all(is_there), "{less}\n{more}");
    }
    project.run("run -v --format json").exits(2).says("`-v` is for `--format human` only");
}

#[test]
fn nothing_secret_is_shown_or_written() {
    let scenario = "title: A password of one's own
given:
  user: {password: Correct-Horse-7}
steps:
  - login: {}
    expect: {body: {mfa_token: short}}
  - enroll: {channel: email, email: '{{ user.email }}'}
  - confirm: {}
    expect: {status: 403, body: {access_token: {$contains: '{{ oob_code }}'}}}
";
    let project = Project::new(&[("secret", scenario)]);
    let secret = Regex::new(r"Correct-Horse-7|eyJ|Fe26|Fe27|\b[0-9]{6}\b|@[a-z-]+\.")
        .expect("an expression");
    for args in
        ["run", "run -vv", "run --format json --report human=report.txt", "run --update always"]
    {
        let seen = project.run(args).exits(1).says("[mfa_token#1]");
        let all = seen.all()
            + &project
                .snapshots()
                .iter()
                .map(|path| project.read(&format!("snapshots/{path}")))
                .collect::<String>();
        assert_eq!(secret.find(&all).map(|found| found.as_str()), None, "{args}\n{all}");
    }
    assert!(!secret.is_match(&project.read("report.txt")));
}

#[test]
fn scenarios_are_chosen_by_path_tag_and_pattern() {
    let project = Project::new(&[("email/enrol", ENROL), ("email/login", LOGIN), ("other", LOGIN)]);
    let chosen = |args: &str| {
        let seen = project.run(&format!("run --update always --format json {args}")).exits(0);
        seen.verdicts().into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(chosen(""), ["email/enrol", "email/login", "other"]);
    assert_eq!(chosen("--tag login"), ["email/login", "other"]);
    assert_eq!(chosen("--filter email/*"), ["email/enrol", "email/login"]);
    assert_eq!(chosen("--filter *login --tag login"), ["email/login"]);
    assert_eq!(chosen("scenarios/email/enrol.yaml scenarios/other.yaml"), ["email/enrol", "other"]);
    let expression = project.command("list --tag").arg("enroll or (login and not email)").output();
    let listed = String::from_utf8(expression.expect("an end").stdout).expect("UTF-8");
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

#[test]
fn shards_are_a_partition() {
    let names = ["a", "b", "c", "d", "e"];
    let project = Project::new(&names.map(|name| (name, LOGIN)));
    let shard = |args: &str, env: &[(&str, &str)]| {
        let args = format!("run --update no --format json --shard {args}");
        let verdicts = project.run_with(&args, env, "").exits(1).verdicts();
        verdicts.into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>()
    };
    let (first, second) = (shard("1/2", &[]), shard("2/2", &[]));
    assert!(first.is_disjoint(&second));
    assert_eq!(first.union(&second).map(String::as_str).collect::<Vec<_>>(), names);
    assert!(first.len().abs_diff(second.len()) <= 1);
    let gitlab = [("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "2")];
    assert_eq!(shard("auto", &gitlab), second);
    // A part may be empty: the others have all there is.
    project.run("run --update no --shard 9/9").exits(0).counts(0, 0);
}

#[test]
fn a_failure_stops_the_run_only_if_asked() {
    let project = Project::new(&[("a", WRONG), ("b", WRONG), ("c", WRONG)]);
    project.run("run -j 1").exits(1).counts(0, 3);
    project.run("run -j 1 --fail-fast").exits(1).counts(0, 1).says("2 not run");
}

#[test]
fn a_scenario_is_repeated_and_tried_again() {
    let project = Project::new(&[("wrong", WRONG)]);
    let seen = project.run("run --repeat 2 --retries 3 --format json").exits(1);
    let failed = |id: &str| (id.to_owned(), "failed".to_owned());
    assert_eq!(seen.verdicts(), [failed("wrong#1"), failed("wrong#2")]);
    let events = seen.events();
    let cases = events.iter().filter(|event| event["event"] == "case_finished");
    assert!(cases.map(|event| &event["attempts"]).all(|attempts| attempts == 4));
}

#[test]
fn a_scenario_that_passes_on_a_retry_is_flaky() {
    let project = Project::new(&[("chance", CHANCE)]);
    let run = |retries: u8| {
        let args =
            format!("run --seed 1 --repeat 16 --format json --retries {retries} --update always");
        project.run(&args).verdicts()
    };
    let words = |verdicts: Vec<(String, String)>| {
        verdicts.into_iter().map(|(_, word)| word).collect::<BTreeSet<_>>()
    };
    assert_eq!(words(run(0)), BTreeSet::from(["failed".to_owned(), "passed".to_owned()]));
    assert_eq!(words(run(40)), BTreeSet::from(["flaky".to_owned(), "passed".to_owned()]));
}

#[test]
fn a_seed_makes_up_the_same_values_again() {
    let project = Project::new(&[("chance", CHANCE)]);
    let verdicts = |seed: u8, jobs: u8| {
        let args = format!("run --repeat 32 --format json --update always --seed {seed} -j {jobs}");
        project.run(&args).verdicts()
    };
    let first = verdicts(7, 16);
    assert_eq!(verdicts(7, 1), first);
    assert_ne!(verdicts(8, 16), first);
}

#[test]
fn a_value_is_secret_where_it_is_captured_as_one() {
    let capture = "    capture: {shown_token: $.error_description}\n";
    let project = Project::recorded(&[("login", &format!("{LOGIN}{capture}"))]);
    let snapshot = project.read("snapshots/login.snap");
    assert!(snapshot.contains("error_description: \"[secret#1]\""), "{snapshot}");
    project.run("run --target replay").exits(0).counts(1, 0);
}

#[test]
fn every_event_is_a_line_of_json() {
    let project = Project::new(&[("new", LOGIN), ("wrong", WRONG)]);
    let events = project.run("run --format json --seed 5 -j 1").exits(1).events();
    let keys = |value: &Value| {
        value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let start = "event index id title file line tags covers verdict attempts requests not_judged retries seconds failures";
    let expected = [
        "event version target seed cases selection",
        "event index id",
        &format!("{start} snapshot steps"),
        "event index id",
        &format!("{start} steps"),
        "event passed failed skipped flaky errored not_run not_judged retries seconds interrupted unreachable corrupt",
    ];
    assert_eq!(events.iter().map(keys).collect::<Vec<_>>(), expected);
    assert_eq!(events[0]["version"], 1);
    assert_eq!(events[0]["seed"], "5");
    assert_eq!(keys(&events[2]["snapshot"]), "path pending old new");
    let failure = &events[4]["failures"][0];
    assert_eq!(keys(failure), "step title problems exchange difference");
    let problem = &failure["problems"][0];
    assert_eq!(keys(problem), "message place expected found hint rendered");
    let place = serde_json::json!({"file": "scenarios/wrong.yaml", "line": 5, "column": 15});
    assert_eq!(problem["place"], place);
    assert_eq!((&problem["expected"], &problem["found"]), (&"200".into(), &"403".into()));
}

#[test]
fn reports_are_written_beside() {
    let project = Project::new(&[("wrong", WRONG)]);
    let seen = project.run("run --report json=a.jsonl --report human=b.txt").exits(1);
    let last = events(&project.read("a.jsonl")).pop().expect("a line");
    assert_eq!((&last["event"], &last["failed"]), (&"run_finished".into(), &1.into()));
    let counts = |text: &str| text.rsplit_once(" in ").expect("a time").0.to_owned();
    assert_eq!(counts(&project.read("b.txt")), counts(&seen.stdout));
}

#[test]
fn a_wrong_command_line_is_refused_with_a_hint() {
    let project = Project::new(&[("a", LOGIN)]);
    let all = "run --target emulatr --report jsn=x --shard 3/2 --tag (a --filter [";
    insta::assert_snapshot!(project.run(all).exits(2).stderr);
    for (args, hint) in [
        ("run --target tenent", "expected one of `emulator`, `replay`"),
        (
            "run --report html=x",
            "expected one of `human`, `json`, `junit`, `tap`, `markdown`, `github`",
        ),
        ("run --report tap", "expected `tap=FILE`"),
        ("run --report tap=x --report json=x", "two reports would be in `x`"),
        ("run --report tap=scenarios", "the report cannot be written"),
        ("run --report json=no/such/folder", "the report cannot be written"),
        ("run --shard 0/2", "the parts are numbered from 1"),
        ("run --shard auto", "none of it is set"),
        ("run --filter z*", "`countersign list` prints those that there are"),
        ("run --tag sms", "no scenario is selected"),
        ("run nowhere", "there is no such file or folder"),
        ("run scenario", "did you mean `scenarios`?"),
        ("run --bogus", "unexpected argument '--bogus'"),
        ("run --jobs 0", "0 is not in 1..=1024"),
        ("run --update maybe", "invalid value 'maybe'"),
        ("rum", "a similar subcommand exists: 'run'"),
        ("", "Usage: countersign"),
    ] {
        let seen = project.run(args).exits(2).says(hint);
        assert_eq!(seen.stdout, "", "{args}");
    }
    assert_eq!(project.snapshots(), [""; 0]);
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let project = Project::recorded(&[("a", LOGIN)]);
    let colourful = |args: &str, env: &[(&str, &str)]| {
        project.run_with(args, env, "").exits(0).stdout.contains('\u{1b}')
    };
    assert!(!colourful("run", &[]));
    assert!(colourful("run --color always", &[("NO_COLOR", "1")]));
    assert!(colourful("run", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colourful("run", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colourful("run --color never", &[("CLICOLOR_FORCE", "1")]));
    assert!(!colourful("run --format json --color always", &[]));
}
