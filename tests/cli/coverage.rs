//! `coverage`: what covers each requirement, where it held, and when that is too little.

use serde_json::Value;

use crate::project::{ENROL, LOGIN, Project, WRONG};

const REQUIREMENTS: &str = "- {id: A-01, statement: It is so., source: a page, confidence: documented}\n\
                            - {id: LONG-02, statement: It is not., source: nobody, confidence: guess}\n";

fn project() -> Project {
    let enrol = ENROL.replace("ASSOC-01", "A-01");
    let project = Project::new(&[("email/enrol", &enrol), ("login", LOGIN)]);
    project.write("scenarios/requirements.yaml", REQUIREMENTS);
    project.run("run --update always --report json=report.json").exits(0);
    project
}

#[test]
fn coverage_is_told_to_people() {
    let project = project();
    insta::assert_snapshot!(project.run("coverage").exits(0).stdout);
    let coloured = project.run("coverage --color always").exits(0).stdout;
    assert!(coloured.contains("\u{1b}[31mLONG-02\u{1b}[0m"), "{coloured}");
}

#[test]
fn coverage_is_told_on_a_page() {
    insta::assert_snapshot!(project().run("coverage --format markdown").exits(0).stdout);
}

#[test]
fn runs_say_where_it_held() {
    let project = project();
    // The date is that of the report where it names none.
    let seen = |args: &str| -> Value {
        let seen = project.run(&format!("coverage --format json {args}")).exits(0);
        serde_json::from_str(&seen.stdout).expect("JSON")
    };
    let emulator = seen("--seen report.json")["requirements"][0]["seen"]["emulator"].clone();
    assert_eq!(emulator["held"], true);
    assert!(emulator["held_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{emulator}");
    let report = "{\"event\":\"run_started\",\"target\":\"staging\",\"started_at\":\"2999-01-01T00:00:00Z\"}\n\
                  {\"event\":\"case_finished\",\"id\":\"email/enrol\",\"verdict\":\"failed\"}\n";
    project.write("staging.json", report);
    let both = seen("--seen report.json --seen staging.json");
    let staging = &both["requirements"][0]["seen"]["staging"];
    assert_eq!(
        *staging,
        serde_json::json!({
            "held": false, "held_at": null, "recorded": false, "differs_in": [], "fails_in": ["email/enrol"],
        })
    );
    project
        .write("snapshots/@staging/email/enrol.snap", project.read("snapshots/email/enrol.snap"));
    let recorded = &seen("")["requirements"][0]["seen"]["staging"];
    assert_eq!(recorded["differs_in"], serde_json::json!(["email/enrol"]));
    assert_eq!(seen("")["uncovered"], serde_json::json!(["LONG-02"]));
}

#[test]
fn too_little_coverage_fails() {
    let project = project();
    project.run("coverage --fail-under 50").exits(0);
    let seen = project.run("coverage --fail-under 50.1").exits(1);
    assert_eq!(seen.stderr, "1 of 2 requirements are covered: 50.0 %, and not 50.1 %\n");
    project.run("coverage --fail-under 101").exits(2).says("expected a number from 0 to 100");
}

#[test]
fn a_badge_is_a_picture_of_our_own() {
    let project = project();
    project.run("coverage --badge pictures/badge.svg").exits(0);
    let badge = project.read("pictures/badge.svg");
    assert!(badge.starts_with("<svg ") && badge.contains(">50 %</text>"), "{badge}");
    let rest = badge.replace("http://www.w3.org/2000/svg", "");
    assert!(!rest.contains("http"), "{badge}");
}

#[test]
fn what_is_no_report_is_refused() {
    let project = project();
    project.write("wrong.json", "{}\n");
    project.run("coverage --seen wrong.json").exits(2).says("no run begins in it");
    project.run("coverage --seen report.jso").exits(2).says("did you mean `report.json`?");
    project.scenario("wrong", WRONG);
    project.run("run --report json=failed.json").exits(1);
    project.run("coverage --seen failed.json").exits(0);
}
