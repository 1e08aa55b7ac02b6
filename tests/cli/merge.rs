//! `merge`: the parts of a run become the whole.

use regex::Regex;

use crate::project::{ENROL, LOGIN, Project, Seen, WRONG};

const PARTS: usize = 8;
const KINDS: [&str; 6] = ["human", "json", "junit", "tap", "markdown", "github"];

/// Scenarios of which some pass, some fail and one is skipped, and some have no snapshot.
fn project() -> Project {
    let texts = [ENROL, LOGIN, WRONG];
    let ids: Vec<_> = (0..24).map(|index| format!("folder-{}/{index}", index % 5)).collect();
    let scenarios: Vec<_> =
        ids.iter().zip(texts.iter().cycle()).map(|(id, text)| (id.as_str(), *text)).collect();
    let project = Project::new(&scenarios);
    project.run("run --filter folder-1/* --update always").exits(1);
    project
}

fn reports(folder: &str) -> String {
    let reports = KINDS.map(|kind| format!("--report {kind}={folder}/{kind}"));
    reports.join(" ")
}

fn part(project: &Project, index: usize, more: &str) -> Seen {
    let args = format!(
        "run --update no --seed 3 --shard {index}/{PARTS} --report json=part-{index}.jsonl {more}"
    );
    project.run(&args)
}

fn files() -> String {
    // In no order.
    let names: Vec<_> = (1..=PARTS).rev().map(|index| format!("part-{index}.jsonl ")).collect();
    names.concat()
}

/// A report without its times.
fn timeless(text: &str) -> String {
    let times = Regex::new(
        r#""seconds":[0-9.e-]+|time="[0-9.]+" *|>? *\n|\d+ ms\b|duration_ms: \d+|[0-9.]+ s\b"#,
    );
    times.expect("an expression").replace_all(text, "\n").into_owned()
}

#[test]
fn parts_merged_are_what_one_machine_would_have_reported() {
    for more in ["", "--repeat 2 --retries 1 -j 3"] {
        let project = project();
        project.write("one/x", "");
        project.write("merged/x", "");
        let one =
            project.run(&format!("run --update no --seed 3 {} {more}", reports("one"))).exits(1);
        for index in 1..=PARTS {
            part(&project, index, more);
        }
        let merged = project.run(&format!("merge {} {}", files(), reports("merged"))).exits(1);
        assert_eq!(timeless(&merged.stdout), timeless(&one.stdout));
        for kind in KINDS {
            let [one, merged] = ["one", "merged"]
                .map(|folder| timeless(&project.read(&format!("{folder}/{kind}"))));
            assert!(one.len() > 200 && one.contains("folder-1/"), "{kind}: {one}");
            assert_eq!(merged, one, "{kind}");
        }
        let events = project.run(&format!("merge {} --format json", files())).exits(1).stdout;
        assert_eq!(events, project.read("merged/json"));
    }
}

#[test]
fn parts_that_are_missing_or_there_twice_are_told() {
    let project = project();
    for index in 1..=PARTS {
        part(&project, index, "");
    }
    project
        .run("merge part-1.jsonl part-2.jsonl part-4.jsonl part-5.jsonl part-6.jsonl part-8.jsonl --report tap=x.tap")
        .exits(2)
        .says("part 3 of 8 is missing")
        .says("part 7 of 8 is missing");
    assert!(!project.has("x.tap"));
    project
        .run(&format!("merge {} part-2.jsonl", files()))
        .exits(2)
        .says("part 2 of 8 is here twice");
    project.run("run --update no --shard 1/2 --report json=half.jsonl").exits(1);
    project
        .run(&format!("merge {} half.jsonl", files()))
        .exits(2)
        .says("expected one of 8")
        .says("is in this file, and in another");
    project.run("run --update no --report json=whole.jsonl").exits(1);
    project.run(&format!("merge {} whole.jsonl", files())).exits(2).says("this is a whole run");
    // A part of other scenarios.
    project.scenario("new", LOGIN);
    part(&project, 2, "");
    project
        .run(&format!("merge {}", files()))
        .exits(2)
        .says("this part was taken of other scenarios");
}

#[test]
fn runs_of_their_own_are_joined_and_the_worst_decides() {
    let project = Project::recorded(&[("a/login", LOGIN), ("b/wrong", LOGIN)]);
    project.scenario("b/wrong", WRONG);
    project.run("run scenarios/a --report json=a.jsonl").exits(0);
    project.run("run scenarios/b --report json=b.jsonl").exits(1);
    project.run("merge a.jsonl").exits(0).counts(1, 0);
    project.run("merge b.jsonl a.jsonl").exits(1).counts(1, 1);
    project.run("merge a.jsonl a.jsonl").exits(2).says("`a/login` is in this file, and in another");
    project.run("run scenarios/a --target replay --report json=c.jsonl").exits(0);
    project.run("merge b.jsonl c.jsonl").exits(2).says("this is a run on `replay`");
}

#[test]
fn what_is_no_report_is_told_with_its_place() {
    let project = Project::recorded(&[("login", LOGIN)]);
    project.run("run --report json=a.jsonl").exits(0);
    let whole = project.read("a.jsonl");
    let cut = &whole[..whole.rfind("{\"event\":\"run_finished\"").expect("an end")];
    project.write("cut.jsonl", cut);
    project.write("twice.jsonl", whole.repeat(2));
    project.write("text.jsonl", "hello\n");
    project.write("newer.jsonl", whole.replace("\"version\":1", "\"version\":2"));
    for (file, message) in [
        ("cut.jsonl", "this report is not whole"),
        ("twice.jsonl", "twice.jsonl:5"),
        ("text.jsonl", "text.jsonl:1"),
        ("newer.jsonl", "the events are of version 2, and this program reads version 1"),
        ("a.json", "did you mean `a.jsonl`?"),
    ] {
        project.run(&format!("merge {file}")).exits(2).says(message);
    }
}
