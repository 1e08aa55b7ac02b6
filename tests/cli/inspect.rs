//! `list`, `explain`, and what is made from the types.

use serde_json::{Value, json};

use crate::project::{ENROL, LOGIN, Project};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn scenarios_are_listed_one_a_line() {
    let project = Project::new(&[("login", LOGIN), ("email/enrol", ENROL)]);
    let listed = "email/enrol  A first enrolment  [email,enroll]  ASSOC-01\n\
                  login        A login  [login]  \n";
    assert_eq!(project.run("list").exits(0).stdout, listed);
    let seen = project.run("list --format json --tag email").exits(0);
    let expected = json!([{
        "id": "email/enrol", "title": "A first enrolment", "summary": null, "file": "scenarios/email/enrol.yaml",
        "tags": ["email", "enroll"], "covers": ["ASSOC-01"], "steps": 3,
    }]);
    assert_eq!(json(&seen.stdout), expected);
}

#[test]
fn a_matrix_is_listed_as_its_cases() {
    let scenario = "title: Both\nmatrix: {encoding: [form, json]}\nsteps:\n  - login: {encoding: '{{ matrix.encoding }}'}\n";
    let project = Project::new(&[("login", scenario)]);
    let seen = project.run("list").exits(0);
    let ids: Vec<_> = seen.stdout.lines().filter_map(|line| line.split("  ").next()).collect();
    assert_eq!(ids, ["login[form]", "login[json]"]);
    let all = project.run("explain login").exits(0).stdout;
    assert_eq!(all.matches("## step 1").count(), 2);
    let one = project.run("explain login[json]").exits(0).stdout;
    assert!(one.contains("application/json") && !one.contains("x-www-form-urlencoded"), "{one}");
    project.run("run --update always").exits(0).counts(2, 0);
    assert_eq!(project.snapshots(), ["login[form].snap", "login[json].snap"]);
}

#[test]
fn requirements_are_listed_with_what_covers_them() {
    let project = Project::new(&[("email/enrol", ENROL)]);
    project.write(
        "scenarios/requirements.yaml",
        "- {id: ASSOC-01, statement: It is so., source: a page, confidence: documented}\n\
         - {id: ASSOC-02, statement: It is not., source: a page, confidence: guess}\n",
    );
    let seen = project.run("list --requirements").exits(0);
    insta::assert_snapshot!(seen.stdout);
    let listed = json(&project.run("list --requirements --format json").exits(0).stdout);
    assert_eq!(listed[0]["covered_by"], json!(["email/enrol"]));
    assert_eq!(listed[1]["covered_by"], json!([]));
}

#[test]
fn a_scenario_is_explained_as_http_and_curl() {
    let scenario = format!("{ENROL}  - advance: 6m\ncleanup:\n  - list: {{bearer: null}}\n");
    let project = Project::new(&[("email/enrol", &scenario), ("login", LOGIN)]);
    let by_id = project.run("explain email/enrol").exits(0).stdout;
    insta::assert_snapshot!(by_id);
    assert_eq!(project.run("explain scenarios/email/enrol.yaml").exits(0).stdout, by_id);
    project.run("explain email/enroll").exits(2).says("did you mean `email/enrol`?");
    project.run("explain nothing").exits(2).says("`countersign list` prints");
}

#[test]
fn the_schema_is_the_committed_one() {
    let committed = include_str!("../../scenario.schema.json");
    let printed = Project::new(&[]).run("schema").exits(0).stdout;
    let hint = "run `cargo run -- schema > scenario.schema.json`";
    assert_eq!(printed, committed.replace("\r\n", "\n"), "{hint}");
    let committed = include_str!("../../events.schema.json");
    let printed = Project::new(&[]).run("schema --events").exits(0).stdout;
    let hint = "run `cargo run -- schema --events > events.schema.json`";
    assert_eq!(printed, committed.replace("\r\n", "\n"), "{hint}");
}

#[test]
fn completions_and_the_manual_page_know_the_commands() {
    let project = Project::new(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let seen = project.run(&format!("completions {shell}")).exits(0);
        for word in ["explain", "review", "target", "fail-fast"] {
            assert!(seen.stdout.contains(word), "{shell} has no {word}");
        }
    }
    project.run("completions tcsh").exits(2).says("possible values: bash");
    let man = project.run("man").exits(0).stdout;
    assert!(man.contains(".TH countersign") && man.contains("fail\\-fast"));
}

#[test]
fn help_is_a_result() {
    let project = Project::new(&[]);
    for args in ["--help", "help run", "run -h", "--version"] {
        let seen = project.run(args).exits(0);
        assert!(seen.stdout.contains("countersign") && seen.stderr.is_empty(), "{args}");
    }
    project.run("--help").says("Exit codes: 0 all passed");
}

#[test]
fn a_check_sends_nothing() {
    let project = Project::new(&[("login", LOGIN), ("enrol", ENROL)]);
    let seen = project.run("check").exits(0);
    assert_eq!(seen.stdout, "2 scenarios are well-formed\n");
    assert_eq!(project.snapshots(), [""; 0]);
}
