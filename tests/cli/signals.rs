//! What ends the program from outside.
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crate::project::{ENROL, LOGIN, Project};

#[test]
fn an_interrupted_run_says_how_far_it_came() {
    let scenario = format!("{ENROL}cleanup:\n  - list: {{}}\n");
    let project = Project::recorded(&[("enrol", &scenario)]);
    // Far more than is done before the signal comes.
    let mut command =
        project.command("run --repeat 65535 --report json=a.jsonl --report junit=b.xml");
    let mut child = command.stdout(Stdio::piped()).spawn().expect("a process");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut text = String::new();
    stdout.read_line(&mut text).expect("a line");
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.expect("a signal").success());
    stdout.read_to_string(&mut text).expect("the rest");
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    let lines: Vec<_> = text.lines().rev().take(2).collect();
    let [counts, not_run] = lines.as_slice() else { panic!("{text}") };
    let number = |text: &str| text.split(' ').next().and_then(|word| word.parse::<usize>().ok());
    assert!(not_run.ends_with(" not run: the run was stopped"), "{not_run}");
    let done: usize = counts.split(", ").filter_map(number).sum();
    assert_eq!(done + number(not_run).expect("a number"), 65_535, "{counts}");
    let events = project.read("a.jsonl");
    let last = events.lines().last().expect("a line");
    assert!(last.contains("\"event\":\"run_finished\"") && last.contains("\"interrupted\":true"));
    assert_eq!(events.lines().count(), 2 * done + 2);
    let junit = project.read("b.xml");
    assert!(junit.contains(&format!(" tests=\"{done}\" ")) && junit.ends_with("</testsuites>\n"));
    assert!(junit.contains("<system-err>the run was interrupted\n"), "{junit}");
    project.run("merge a.jsonl").exits(130);
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let scenarios: Vec<_> = (0..2000).map(|index| format!("scenario-{index}")).collect();
    let scenarios: Vec<_> = scenarios.iter().map(|id| (id.as_str(), LOGIN)).collect();
    let project = Project::new(&scenarios);
    for args in ["list", "list --format json", "man", "completions bash", "schema"] {
        let mut command = project.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        // As `head` does when it has its line.
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("UTF-8");
        assert_eq!(
            (errors.as_str(), child.wait().expect("an end").code()),
            ("", Some(0)),
            "{args}"
        );
    }
}

/// Without a descriptor to spare there is no socket: the emulated tenant cannot be served.
#[test]
#[cfg(target_os = "linux")]
fn a_target_that_cannot_be_prepared_is_not_a_failed_scenario() {
    let project = Project::new(&[("login", LOGIN)]);
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 4 && exec \"$0\" run", env!("CARGO_BIN_EXE_countersign")])
        .current_dir(project.path())
        .output()
        .expect("an end");
    let errors = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.starts_with("error: the target could not be prepared: "), "{errors}");
    assert_eq!(output.stdout, b"");
}
