//! `run` after an earlier run: what failed then, and how long it took.

use std::collections::BTreeSet;

use crate::project::{LOGIN, Project, Seen, WRONG};

/// Fails on the first attempt or two with this seed, and passes on a later one.
const CHANCE: &str = "title: As the token has it
steps:
  - login: {}
    expect: {body: {mfa_token: {$regex: 'a[A-F]'}}}
";

fn ids(seen: &Seen) -> Vec<String> {
    seen.verdicts().into_iter().map(|(id, _)| id).collect()
}

#[test]
fn only_what_failed_is_run_again() {
    let project = Project::new(&[
        ("a", LOGIN),
        ("b", WRONG),
        ("sms/c", WRONG),
        ("gone", WRONG),
        ("d", LOGIN),
    ]);
    project.run("run --update always").exits(1);
    project.run("run --repeat 2 --report json=last.json").exits(1);
    std::fs::remove_file(project.path().join("scenarios/gone.yaml")).expect("a file");
    let rerun = "run --rerun last.json --report json=last.json --format json";
    let seen = project.run(rerun).exits(1);
    assert_eq!(ids(&seen), ["b", "sms/c"]);
    let told = "warning: no scenario has the id `gone` any more, which failed\n\n";
    assert_eq!(seen.stderr.split("`--seed").next(), Some(told));

    project.scenario("b", LOGIN);
    let seen = project.run(&format!("{rerun} --update always")).exits(1);
    assert_eq!(ids(&seen), ["b", "sms/c"]);
    // By now the report has only what is still wrong.
    assert_eq!(ids(&project.run(rerun).exits(1)), ["sms/c"]);
    project
        .run("run scenarios/b.yaml --rerun last.json")
        .exits(2)
        .says("`sms/c` below these paths");
    project.scenario("sms/c", LOGIN);
    project.run(&format!("{rerun} --update always")).exits(0);
    let seen = project.run(rerun).exits(0);
    assert_eq!(ids(&seen), [""; 0]);
    assert_eq!(seen.stderr, "nothing failed in the earlier run: there is nothing to run again\n");
}

#[test]
fn a_report_is_read_as_far_as_it_goes() {
    let project = Project::recorded(&[("a", LOGIN), ("b", LOGIN), ("c#1", LOGIN)]);
    let lines = r#"{"event":"run_started","version":9,"new":[]}
{"event":"case_finished","id":"a","verdict":"errored","seconds":-1,"more":{}}
not JSON
{"event":"case_finished","id":"b","verdict":"flaky","seconds":1e300}
{"event":"case_finished","id":"c#1","verdict":"failed"}
{"event":"case_finished","id":"b","ver"#;
    project.write("cut-off.json", lines);
    let seen = project.run("run --rerun cut-off.json --format json").exits(0);
    assert_eq!(ids(&seen), ["a", "c#1"]);
    let told = "the earlier run did not come to its end: what it did not begin is left out\n";
    assert_eq!(seen.stderr, told);
    project.run("run --durations cut-off.json --shard 1/1").exits(0).counts(3, 0);
    project.write("other.json", "{\"event\": 1}\n[]\n");
    for (args, hint) in [
        ("run --rerun no.json", "there is no such file"),
        ("run --rerun scenarios", "the report cannot be read"),
        ("run --rerun other.json", "this is not the report of a run"),
        ("run --durations other.json --shard 1/2", "this is not the report of a run"),
        ("run --durations cut-off.json", "--shard <K/N|auto>"),
        ("run --fail-fast --max-fail 2", "cannot be used with"),
        ("run --max-fail 0", "0 is not in 1.."),
    ] {
        project.run(args).exits(2).says(hint);
    }
}

#[test]
fn a_run_ends_after_so_many_failures() {
    let project = Project::new(&[("a", WRONG), ("b", LOGIN), ("c", WRONG), ("d", WRONG)]);
    project.run("run --update always").exits(1);
    project.run("run -j 1 --max-fail 2").exits(1).counts(1, 2).says("1 not run");
    project.run("run -j 1 --max-fail 9").exits(1).counts(1, 3);
}

#[test]
fn a_flaky_scenario_fails_the_run_only_if_asked() {
    let project = Project::new(&[("chance", CHANCE)]);
    let run = "run --seed 1 --repeat 16 --retries 40 --update always --format json";
    let verdicts = project.run(run).exits(0).verdicts();
    let words = verdicts.iter().map(|(_, word)| word.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(words, ["flaky", "passed"].into());
    let strict = project.run(&format!("{run} --fail-on-flaky --report json=flaky.json")).exits(1);
    assert_eq!(strict.verdicts(), verdicts, "the seed decides, and no flag beside it");
    // What passed in the end is not what failed.
    assert_eq!(ids(&project.run("run --rerun flaky.json --format json").exits(0)), [""; 0]);
    project.run("run --seed 1 --update always --retries 0 --repeat 16 --fail-on-flaky").exits(1);
    project.scenario("chance", LOGIN);
    project.run("run --update always --fail-on-flaky").exits(0);
}

#[test]
fn shards_by_durations_are_a_partition_that_takes_as_long() {
    let names = ["a", "b", "c", "d", "e", "new"];
    let project = Project::recorded(&names.map(|name| (name, LOGIN)));
    let seconds = [("a#1", 1), ("a#2", 3), ("b", 1), ("c", 9), ("d", 4), ("e", 1), ("gone", 90)];
    let line = |(id, seconds)| {
        format!("{{\"event\":\"case_finished\",\"id\":\"{id}\",\"seconds\":{seconds}}}\n")
    };
    project.write("before.json", seconds.map(line).concat());
    let shard = |args: &str, env: &[(&str, &str)]| {
        let args = format!("run --format json --durations before.json --shard {args}");
        ids(&project.run_with(&args, env, "").exits(0))
    };
    assert_eq!(shard("1/2", &[]), ["c", "e"]);
    assert_eq!(shard("2/2", &[]), ["a", "b", "d", "new"]);
    let matrix = [("SHARD_INDEX", "2"), ("SHARD_COUNT", "2")];
    assert_eq!(shard("auto", &matrix), ["a", "b", "d", "new"]);
}
