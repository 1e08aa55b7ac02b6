//! Reports as files: complete or not there, and what is there by itself on GitHub.

use crate::project::{LOGIN, Project, WRONG, events};

#[test]
fn every_kind_is_written_and_nothing_is_left_beside() {
    let project = Project::new(&[("wrong", WRONG)]);
    project.write("old.tap", "an older report");
    let kinds = "--report json=a --report junit=b --report tap=old.tap --report markdown=d --report github=e";
    project.run(&format!("run {kinds} --report human=f")).exits(1);
    for (path, start) in [
        ("a", "{\"event\":\"run_started\",\"version\":1,"),
        (
            "b",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"countersign\" tests=\"1\" failures=\"1\"",
        ),
        ("old.tap", "TAP version 14\n1..1\nnot ok 1 - wrong\n"),
        ("d", "## countersign on <code>emulator</code>: 1 of 1 failed\n"),
        ("e", "::error file=scenarios/wrong.yaml,line=5,col=15,title=wrong failed::"),
        ("f", "FAIL   wrong  A wrong login\n"),
    ] {
        let text = project.read(path);
        assert!(text.starts_with(start), "{path}\n{text}");
    }
    assert_eq!(parts(&project), [""; 0]);
}

#[test]
fn a_report_that_cannot_be_written_stops_the_run_before_it() {
    let project = Project::new(&[("login", LOGIN)]);
    project.write("old.tap", "an older report");
    project
        .run("run --report tap=old.tap --report junit=no/such.xml")
        .exits(2)
        .says("the report cannot be written");
    assert_eq!(project.snapshots(), [""; 0]);
    assert_eq!(project.read("old.tap"), "an older report");
    assert_eq!(parts(&project), [""; 0]);
}

/// Should the run not come to its end, the older report is not taken for its own.
#[test]
#[cfg(target_os = "linux")]
fn there_is_no_report_of_a_run_that_did_not_begin() {
    let project = Project::new(&[("login", LOGIN)]);
    project.write("old.tap", "an older report");
    let command = "ulimit -n 6 && exec \"$0\" run --report tap=old.tap";
    let output = std::process::Command::new("sh")
        .args(["-c", command, env!("CARGO_BIN_EXE_countersign")])
        .current_dir(project.path())
        .output()
        .expect("an end");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(!project.has("old.tap"));
    assert_eq!(parts(&project), [""; 0]);
}

#[test]
fn a_report_can_go_to_a_device() {
    let project = Project::recorded(&[("login", LOGIN)]);
    let seen = project.run("run --report tap=/dev/stderr --report json=/dev/null").exits(0);
    assert_eq!(seen.stderr, "TAP version 14\n1..1\nok 1 - login\n");
}

#[test]
fn a_job_of_github_has_annotations_and_a_summary() {
    let project = Project::new(&[("wrong", WRONG), ("login", LOGIN)]);
    project.write("summary.md", "# Before\n");
    let env = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", "summary.md")];
    let seen = project.run_with("run --format json", &env, "").exits(1);
    let annotations: Vec<_> =
        seen.stderr.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(annotations.len(), 2, "{}", seen.stderr);
    assert!(
        annotations[1]
            .starts_with("::error file=scenarios/wrong.yaml,line=5,col=15,title=wrong failed::")
    );
    assert_eq!(events(&seen.stdout).len(), 6);
    let summary = project.read("summary.md");
    assert!(
        summary.starts_with("# Before\n## countersign on <code>emulator</code>: 2 of 2 failed\n"),
        "{summary}"
    );
    let seen = project.run("run").exits(1);
    assert!(!seen.stderr.contains("::error"), "{}", seen.stderr);
}

/// What is written beside a report while it is not whole.
fn parts(project: &Project) -> Vec<String> {
    let entries = std::fs::read_dir(project.path()).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().display().to_string());
    names.filter(|name| name.contains(".part")).collect()
}
