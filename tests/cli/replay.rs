//! `run --target replay`: a recording answers, and differences are failures.

use crate::project::{ENROL, LOGIN, Project};

#[test]
fn a_recording_passes_and_what_it_cannot_judge_is_counted() {
    let project = Project::recorded(&[("enrol", ENROL)]);
    let before = project.snapshots();
    let seen = project.run("run --target replay").exits(0).counts(1, 0);
    // The form of a token cannot be judged by its label.
    assert!(seen.stdout.contains("1 expectation was not judged"), "{}", seen.stdout);
    project.run("run --target replay --update always").exits(0);
    assert_eq!(project.snapshots(), before);
}

#[test]
fn a_request_that_changed_is_shown() {
    let project = Project::recorded(&[("enrol", ENROL)]);
    let changed =
        ENROL.replace("enroll: {channel: email,", "enroll: {params: {new: 1}, channel: email,");
    project.scenario("enrol", &changed);
    insta::assert_snapshot!(project.run("run --target replay").exits(1).counts(0, 1).stdout);
}

#[test]
fn an_answer_that_no_longer_suits_is_a_failure() {
    let project = Project::recorded(&[("enrol", ENROL)]);
    project.scenario("enrol", &ENROL.replace("error: mfa_required", "error: access_denied"));
    let seen = project.run("run --target replay").exits(1).counts(0, 1);
    seen.says("body.error is not what is expected").says("--> scenarios/enrol.yaml:6:41");
}

#[test]
fn a_step_too_many_or_too_few_is_a_failure() {
    let project = Project::recorded(&[("login", LOGIN)]);
    project.scenario("login", &format!("{LOGIN}  - login: {{}}\n"));
    project.run("run --target replay").exits(1).counts(0, 1).says("FAIL login in step 2: login");
    project.run("run --update always").exits(0);
    project.scenario("login", LOGIN);
    project.run("run --target replay").exits(1).counts(0, 1).says("FAIL login");
}

#[test]
fn without_a_recording_nothing_passes() {
    let project = Project::new(&[("login", LOGIN)]);
    let seen = project.run("run --target replay").exits(1).counts(0, 1);
    seen.says("there is no snapshot to play back").says("record it");
    assert!(!project.has("snapshots"));
}

#[test]
fn what_is_not_recorded_is_skipped_with_the_reason() {
    let project = Project::new(&[("login", &format!("{LOGIN}    snapshot: false\n"))]);
    let seen = project.run("run --target replay").exits(0);
    seen.says("skip   login  the step `login` is not recorded").says("1 skipped");
}
