//! `countersign.yaml`, and a tenant as a target, as far as the files tell.

use crate::project::{ENROL, LOGIN, Project, Seen};

const TARGETS: &str = "targets:
  staging:
    domain: ${DOMAIN}
    client:
      id: the-app
      secret: ${SECRET}
    clients:
      - {id: the-phone, public: true, grants: [password, mfa]}
    management:
      client_id: the-manager
      client_secret: ${SECRET}
    ca: ca.pem
    rate: {per_second: 2.5, burst: 5}
";

const VARIABLES: [(&str, &str); 2] = [("DOMAIN", "a.example.com"), ("SECRET", "hunter2")];

fn project() -> Project {
    let project = Project::new(&[("login", LOGIN), ("email/enrol", ENROL)]);
    project.write("countersign.yaml", TARGETS);
    project.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    project
}

#[test]
fn a_target_that_lacks_nothing_is_summarized_without_its_secrets() {
    let seen = project().run_with("check --target staging", &VARIABLES, "").exits(0);
    insta::assert_snapshot!(seen.stdout);
    assert_eq!(seen.stderr, "");
}

#[test]
fn the_environment_wins_over_the_file_of_variables() {
    let project = project();
    project.write(".env", "DOMAIN=b.example.com\nSECRET='hunter2'\n");
    project.run("check --target staging").exits(0).says("b.example.com");
    let seen = project.run_with("check --target staging", &VARIABLES[..1], "");
    seen.exits(0).says("a.example.com");
}

#[test]
fn certificates_that_are_none_are_told_where_the_file_is_named() {
    let seen = project().run_with("run --target staging", &VARIABLES, "").exits(2);
    assert_eq!(seen.stdout, "");
    seen.says("the authorities of this file cannot be trusted").says("countersign.yaml:12:5");
}

#[test]
fn what_is_no_tenant_is_neither_asked_nor_cleaned_up() {
    let project = project();
    for target in ["emulator", "replay"] {
        let seen = project.run(&format!("check --probe --target {target}")).exits(2);
        seen.says(&format!("there is nothing to ask of `{target}`"));
        let seen = project.run(&format!("cleanup --target {target}")).exits(2);
        seen.says(&format!("there is nothing to clean up in `{target}`"))
            .says("what runs leave is in tenants, which are in countersign.yaml by name");
        let seen = project.run(&format!("run --cleanup --target {target}")).exits(2);
        seen.says("`--cleanup` removes what is left in a tenant");
    }
}

/// The program with these words and variables at a terminal, at which this is typed. It gets no further than its
/// certificates, which are none.
#[cfg(target_os = "linux")]
fn at_a_terminal(project: &Project, args: &str, typed: &str) -> (Option<i32>, String) {
    use std::{io::Write as _, process::Stdio};
    let command = format!("{} {args}", env!("CARGO_BIN_EXE_countersign"));
    let mut child = std::process::Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(project.path())
        .envs(VARIABLES)
        .env_remove("CI")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a terminal");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(typed.as_bytes()).expect("somebody who reads");
    let output = child.wait_with_output().expect("an end");
    drop(stdin);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn before_the_first_run_in_production_the_person_is_asked() {
    let project = project();
    project.write("countersign.yaml", format!("{TARGETS}    production: true\n"));
    let question = "users are made and removed in it; go on? [y/N]";
    let refused = "the authorities of this file cannot be trusted";
    let run = "run --target staging";
    for answer in ["\n", "n\n"] {
        let (code, seen) = at_a_terminal(&project, run, answer);
        assert_eq!(code, Some(130), "{seen}");
        assert!(seen.contains(question) && !seen.contains(refused), "{seen}");
    }
    // Without a terminal nobody can be asked.
    let seen = project.run_with(run, &VARIABLES, "").exits(2).says(refused);
    assert!(!seen.stderr.contains(question));
    let (code, seen) = at_a_terminal(&project, run, "y\n");
    assert_eq!(code, Some(2), "{seen}");
    assert!(seen.contains(question) && seen.contains(refused), "{seen}");
    assert!(project.has(".countersign/staging/agreed"));
    let (code, seen) = at_a_terminal(&project, run, "");
    assert_eq!(code, Some(2), "{seen}");
    assert!(!seen.contains(question) && seen.contains(refused), "{seen}");
}

/// Nothing of the file matters to targets that need none.
#[test]
fn the_emulator_needs_no_configuration() {
    let project = project();
    project.write("countersign.yaml", "targets: [");
    project.run("check").exits(0);
    project.run("check --target replay").exits(0);
    project.run("run --target emulator --update always").exits(0);
}

#[test]
fn certificates_are_looked_for() {
    let project = project();
    project.write("ca.pem", "none");
    let seen = project.run_with("check --target staging", &VARIABLES, "").exits(2);
    seen.says("countersign.yaml:12:9").says("there is no certificate in it");
}

/// The example of the page is one that works.
#[test]
fn the_documented_target_lacks_nothing_but_its_variables() {
    let page = include_str!("../../docs/configuration.md");
    let (_, example) = page.split_once("```yaml\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let project = project();
    project.write("countersign.yaml", example);
    let seen = project.run("check --target staging").exits(2);
    assert!(seen.stderr.ends_with("6 errors\n"), "{}", seen.stderr);
    let names = seen.stderr.split("the variable `").skip(1);
    let names = names.map(|rest| rest.split('`').next().expect("a name"));
    let variables: Vec<_> = names.map(|name| (name, "a.example.com")).collect();
    project.run_with("check --target staging", &variables, "").exits(0);
}

/// A tenant whose login is known to differ; of its variables none is set.
fn differing() -> Project {
    let project = project();
    project.run("run --update always").exits(0);
    let exceptions = "    exceptions:\n      login: it asks ${FOR} nothing\n";
    project.write("countersign.yaml", format!("{TARGETS}{exceptions}"));
    project
}

/// The snapshot of the login with another status.
fn own(project: &Project) -> String {
    let text = project.read("snapshots/login.snap");
    let own = text.replace("status: 403", "status: 401");
    assert_ne!(own, text);
    own
}

fn warnings(seen: &Seen) -> Vec<&str> {
    seen.stderr.lines().filter(|line| line.starts_with("warning: ")).collect()
}

#[test]
fn a_recording_is_played_back_as_a_tenant_that_differs() {
    let project = differing();
    project.write("snapshots/@staging/login.snap", own(&project));
    project.scenario("login", &format!("{LOGIN}    expect: {{status: 401}}\n"));
    let seen = project.run("run --target replay --as staging").exits(0).counts(2, 0);
    assert_eq!(seen.stderr, "");
    // Nobody else is known to differ.
    project.run("run --target replay").exits(1).counts(1, 1);
    project.run("run").exits(1).counts(1, 1);
    assert_eq!(project.snapshots(), ["@staging/login.snap", "email/enrol.snap", "login.snap"]);
}

#[test]
fn exceptions_that_are_needless_or_lack_a_snapshot_are_told() {
    let project = differing();
    let seen = project.run("run --target replay --as staging").exits(0).counts(2, 0);
    insta::assert_snapshot!(seen.stderr);
    project.write("snapshots/@staging/login.snap", project.read("snapshots/login.snap"));
    let seen = project.run("run --target replay --as staging").exits(0).counts(2, 0);
    insta::assert_snapshot!(seen.stderr);
    let checked = project.run_with("check --target staging", &VARIABLES, "").exits(0);
    assert_eq!(checked.stderr, seen.stderr);
    let seen = project.run("run --target replay --as staging --filter email/*").exits(0);
    assert_eq!(seen.stderr, "");
}

#[test]
fn a_snapshot_without_an_exception_is_told() {
    let project = differing();
    project.write("snapshots/@staging/login.snap", own(&project));
    project.write("snapshots/@staging/email/enrol.snap", "---\n---\n[]\n");
    project.write("snapshots/@staging/gone.snap.new", "---\n---\n[]\n");
    project.write("snapshots/@other/login.snap", "---\n---\n[]\n");
    let seen = project.run("run --target replay --as staging").exits(0).counts(2, 0);
    insta::assert_snapshot!(seen.stderr);
    let checked = project.run_with("check --target staging", &VARIABLES, "").exits(0);
    assert_eq!(checked.stderr, seen.stderr);
    assert!(warnings(&project.run("run").exits(0)).is_empty());
}

#[test]
fn a_corrupt_exception_is_told() {
    let project = differing();
    project.write("snapshots/@staging/login.snap", "---\n---\n- [\n");
    for args in ["check --target staging", "run --target replay --as staging"] {
        let seen = project.run_with(args, &VARIABLES, "").exits(2);
        seen.says("snapshots/@staging/login.snap").says("the snapshot is corrupt");
    }
}

#[test]
fn playing_back_as_something_else_is_refused() {
    let project = differing();
    for (args, why) in [
        ("run --as staging", "leave it out, or add `--target replay`"),
        ("run --target emulator --as staging", "leave it out, or add `--target replay`"),
        ("run --target replay --as stagin", "did you mean `staging`?"),
        ("run --target replay --as production", "there is no target `production`"),
        ("run --target replay --as emulator", "`emulator` is no tenant to play back as"),
    ] {
        let seen = project.run(args).exits(2).says(why);
        assert_eq!(seen.stdout, "", "{args}");
    }
    project.write("countersign.yaml", "targets: {staging: {exceptions: {logn: ''}}}");
    let seen = project.run("run --target replay --as staging").exits(2);
    seen.says("why the tenant differs from the snapshot").says("the key `domain` is missing");
    let project = Project::recorded(&[("login", LOGIN)]);
    let seen = project.run("run --target replay --as staging").exits(2);
    seen.says("`countersign.yaml` in this folder names others, and there is none");
}

#[test]
fn no_scenario_is_where_exceptions_are() {
    let project = Project::new(&[("@staging/login", LOGIN)]);
    project.run("run").exits(2).says("the id of a scenario cannot begin with `@`");
}

#[test]
fn what_is_pending_of_a_tenant_is_reviewed() {
    let project = differing();
    let pending = own(&project);
    project.write("snapshots/@staging/login.snap.new", &pending);
    let seen = project.run_with("review", &[], "s\n").exits(0);
    insta::assert_snapshot!(seen.stdout);
    project.run("reject scenarios/email").exits(0).says("nothing is pending");
    project.run("accept scenarios/login.yaml").exits(0).says("accepted @staging/login");
    assert_eq!(project.read("snapshots/@staging/login.snap"), pending);
    project.write("snapshots/@staging/login.snap.new", &pending);
    project.run("reject").exits(0).says("rejected @staging/login");
    assert_eq!(project.snapshots(), ["@staging/login.snap", "email/enrol.snap", "login.snap"]);
}
