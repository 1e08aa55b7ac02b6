//! What is written where a result is new or differs, and what becomes of it.

use crate::project::{ENROL, LOGIN, Project};

/// `LOGIN` with another request.
fn changed() -> String {
    LOGIN.replace("login: {}", "login: {scope: openid}")
}

#[test]
fn a_new_result_is_pending_until_it_is_accepted() {
    let project = Project::new(&[("a/login", LOGIN)]);
    let seen = project.run("run").exits(1).counts(0, 1).says("FAIL a/login has no snapshot yet");
    seen.says("what was seen is in snapshots/a/login.snap.new");
    assert_eq!(project.snapshots(), ["a/login.snap.new"]);
    project.run("accept").exits(0).says("accepted a/login");
    assert_eq!(project.snapshots(), ["a/login.snap"]);
    project.run("run").exits(0).counts(1, 0);
    insta::assert_snapshot!(project.read("snapshots/a/login.snap"));
}

#[test]
fn a_changed_result_is_shown_and_pending_until_it_is_rejected() {
    let project = Project::recorded(&[("login", LOGIN)]);
    let before = project.read("snapshots/login.snap");
    project.scenario("login", &changed());
    insta::assert_snapshot!(project.run("run").exits(1).counts(0, 1).stdout);
    assert_eq!(project.snapshots(), ["login.snap", "login.snap.new"]);
    project.run("reject").exits(0).says("rejected login");
    assert_eq!(project.snapshots(), ["login.snap"]);
    assert_eq!(project.read("snapshots/login.snap"), before);
    project.run("reject").exits(0).says("nothing is pending");
}

#[test]
fn a_result_that_is_right_again_is_no_longer_pending() {
    let project = Project::recorded(&[("login", LOGIN)]);
    project.scenario("login", &changed());
    project.run("run").exits(1);
    project.scenario("login", LOGIN);
    project.run("run").exits(0).counts(1, 0);
    assert_eq!(project.snapshots(), ["login.snap"]);
}

#[test]
fn what_is_written_is_as_insta_users_know_it() {
    let ci = ("CI", "true");
    let insta = |value| ("INSTA_UPDATE", value);
    let (nothing, pending, snapshot) = (&[][..], &["login.snap.new"][..], &["login.snap"][..]);
    for (args, env, code, written) in [
        ("", &[][..], 1, pending),
        ("--update auto", &[], 1, pending),
        ("--update new", &[], 1, pending),
        ("--update no", &[], 1, nothing),
        ("--update always", &[], 0, snapshot),
        ("", &[ci], 1, nothing),
        ("--update auto", &[ci], 1, nothing),
        ("--update new", &[ci], 1, pending),
        ("", &[("CI", "false")], 1, pending),
        ("", &[insta("always")], 0, snapshot),
        ("", &[insta("no")], 1, nothing),
        ("", &[insta("new")], 1, pending),
        ("", &[insta("unseen")], 1, pending),
        ("", &[insta("auto"), ci], 1, nothing),
        ("--update no", &[insta("always")], 1, nothing),
        ("", &[insta("nwe")], 2, nothing),
    ] {
        let project = Project::new(&[("login", LOGIN)]);
        project.run_with(&format!("run {args}"), env, "").exits(code);
        assert_eq!(project.snapshots(), written, "run {args} with {env:?}");
    }
}

#[test]
fn review_asks_about_each() {
    let scenarios = [("a", LOGIN), ("b", LOGIN), ("c", LOGIN)];
    for (answers, left, end) in [
        ("a\nr\ns\n", &["a.snap", "c.snap.new"][..], "1 still pending"),
        ("what?\nACCEPT\nq\n", &["a.snap", "b.snap.new", "c.snap.new"], "2 still pending"),
        ("reject\naccept\n", &["b.snap", "c.snap.new"], "1 still pending"),
        ("", &["a.snap.new", "b.snap.new", "c.snap.new"], "3 still pending"),
        ("a\na\na\n", &["a.snap", "b.snap", "c.snap"], "0 still pending"),
    ] {
        let project = Project::new(&scenarios);
        project.run("run").exits(1);
        let seen = project.run_with("review", &[], answers).exits(0).says(end);
        assert!(seen.stdout.starts_with("1/3  a (new)  snapshots/a.snap.new\n"), "{}", seen.stdout);
        assert_eq!(project.snapshots(), left, "{answers:?}");
    }
    Project::new(&scenarios).run("review").exits(0).says("nothing is pending");
}

#[test]
fn review_shows_what_changed() {
    let project = Project::recorded(&[("login", LOGIN)]);
    project.scenario("login", &changed());
    project.run("run").exits(1);
    insta::assert_snapshot!(project.run_with("review", &[], "s\n").exits(0).stdout);
}

#[test]
fn review_asks_nobody_in_ci() {
    let project = Project::new(&[("login", LOGIN)]);
    project.run("run").exits(1);
    let seen = project.run_with("review", &[("CI", "true")], "a\n").exits(2);
    seen.says("`countersign accept` and `countersign reject` do not ask");
    assert_eq!(project.snapshots(), ["login.snap.new"]);
}

#[test]
fn paths_say_what_is_accepted() {
    let project = Project::new(&[("a/one", LOGIN), ("a/two", LOGIN), ("b/one", LOGIN)]);
    project.run("run").exits(1);
    project.run("accept scenarios/a/one.yaml").exits(0);
    project.run("reject scenarios/b").exits(0);
    assert_eq!(project.snapshots(), ["a/one.snap", "a/two.snap.new"]);
    project.run("accept scenarios/c").exits(2).says("there is no such file or folder");
}

#[test]
fn a_corrupt_snapshot_is_named_and_never_overwritten() {
    let whole = {
        let project = Project::recorded(&[("login", LOGIN)]);
        project.read("snapshots/login.snap")
    };
    let header = "---\nsource: x\n---\n";
    let (head, tail) = whole.split_at(whole.len() / 2);
    for content in [
        String::new(),
        "steps: []\n".to_owned(),
        header.to_owned(),
        format!("{header}- step: [\n"),
        format!("{header}a: map\n"),
        format!("{header}- step: login\n"),
        format!("{head}\n<<<<<<< ours\n=======\n>>>>>>> theirs\n{tail}"),
        head.to_owned(),
        whole.replace("status: 403", "status: forbidden"),
    ] {
        let project = Project::new(&[("login", LOGIN)]);
        project.write("snapshots/login.snap", &content);
        for args in ["run --update always", "run", "run --target replay"] {
            let seen = project.run(args).exits(2).says("the snapshot is corrupt");
            seen.says("snapshots/login.snap").says("restore it, or remove it");
            assert_eq!(project.read("snapshots/login.snap"), content, "{args}");
            assert_eq!(project.snapshots(), ["login.snap"], "{args}");
        }
    }
}

#[test]
fn a_snapshot_that_is_no_text_is_named_and_never_overwritten() {
    let project = Project::new(&[("login", LOGIN)]);
    project.write("snapshots/login.snap", b"---\n---\n\xff\n");
    let seen = project.run("run --update always").exits(2);
    seen.says("snapshots/login.snap").says("the snapshot cannot be read");
    assert_eq!(project.snapshots(), ["login.snap"]);
}

#[test]
fn a_corrupt_pending_snapshot_is_not_accepted() {
    let project = Project::recorded(&[("login", LOGIN)]);
    project.write("snapshots/login.snap.new", "---\n---\n- [\n");
    let seen = project.run("accept").exits(2).says("the pending snapshot is corrupt");
    seen.says("snapshots/login.snap.new");
    project.run_with("review", &[], "a\n").exits(2);
    assert_eq!(project.snapshots(), ["login.snap", "login.snap.new"]);
}

#[test]
fn unused_snapshots_are_warned_of_by_a_whole_run() {
    let project = Project::recorded(&[("enrol", ENROL), ("login", LOGIN)]);
    std::fs::remove_file(project.path().join("scenarios/login.yaml")).expect("a file");
    let warning = "warning: no scenario has this snapshot\n--> snapshots/login.snap";
    for args in ["run", "run scenarios", "run --target replay"] {
        let seen = project.run(args).exits(0).counts(1, 0);
        assert!(seen.stderr.starts_with(warning), "{args}: {}", seen.stderr);
    }
    for args in
        ["run scenarios/enrol.yaml", "run --filter enrol", "run --shard 1/1", "run --tag email"]
    {
        let seen = project.run(args).exits(0);
        assert_eq!(seen.stderr, "", "{args}");
    }
    assert!(project.has("snapshots/login.snap"));
}
