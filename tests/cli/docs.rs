//! `docs`: what is in the pages of a small project, and when they are current.

use crate::project::{LOGIN, Project};

/// An edge case with users, a code, time, a push of its own words, and secrets.
const TWICE: &str = r#"title: A code works once
summary: The second time it is <refused>.
tags: [email, edge-case]
covers: [VERIFY-07]
matrix: {encoding: [form, json]}
given:
  user: {password: "hush | hush", enrolled: [{channel: email}]}
  users: {bob: {enrolled: [{channel: otp, secret: GEZDGNBVGY3TQOJQ}]}}
steps:
  - login: {encoding: "{{ matrix.encoding }}"}
  - challenge: {}
  - verify: {}
  - advance: 1m
  - name: the same code again
    verify: {code: "{{ code }}"}
    expect: {status: 403}
  - login: {}
    as: bob
  - name: not recorded
    list: {}
    as: bob
    snapshot: false
"#;

const REQUIREMENTS: &str = "- {id: VERIFY-07, statement: A code works once., source: a page, confidence: guess}\n\
                            - {id: VERIFY-08, statement: Nothing shows_it., source: a page, confidence: seen}\n";

fn project() -> Project {
    let project = Project::new(&[("email/twice", TWICE), ("login", LOGIN)]);
    project.write("scenarios/requirements.yaml", REQUIREMENTS);
    project.run("run --update always").exits(0);
    project
}

fn page(project: &Project, path: &str) -> String {
    project.read(&format!("docs/catalogue/{path}"))
}

#[test]
fn a_page_of_each_kind() {
    let project = project();
    let own = project.read("snapshots/login.snap").replace("mfa_required", "other");
    project.write("snapshots/@staging/login.snap", own);
    let said = project.run("docs").exits(0).stdout;
    assert_eq!(said, "10 files in docs/catalogue: 10 written, 0 removed\n");
    insta::assert_snapshot!("docs_scenario", page(&project, "src/email/twice.md"));
    insta::assert_snapshot!("docs_exception", page(&project, "src/login.md"));
    insta::assert_snapshot!("docs_question", page(&project, "src/what-if/used-twice.md"));
    let others: Vec<_> = [
        "book.toml",
        "src/SUMMARY.md",
        "src/README.md",
        "src/email/README.md",
        "src/what-if/README.md",
        "src/errors.md",
        "src/requirements.md",
    ]
    .into_iter()
    .map(|path| format!("{path}\n{}", page(&project, path)))
    .collect();
    insta::assert_snapshot!("docs_indexes", others.join("\n"));
    for path in ["src/email/twice.md", "src/SUMMARY.md", "src/errors.md"] {
        let text = page(&project, path);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{path}");
        assert!(!text.contains("hush") && !text.contains("GEZD"), "{path}:\n{text}");
    }
}

#[test]
fn pages_are_current_until_something_changes() {
    let project = project();
    let check = || project.run("docs --check");
    check()
        .exits(1)
        .says("missing    docs/catalogue/src/login.md")
        .says("10 pages are not current");
    project.run("docs").exits(0);
    check().exits(0).says("the pages in docs/catalogue are current");
    project.run("docs").exits(0).says("0 written, 0 removed");

    let before = page(&project, "src/login.md");
    project.scenario("login", &LOGIN.replace("A login", "Another login"));
    let seen = check().exits(1).says("stale      docs/catalogue/src/login.md");
    assert!(!seen.stdout.contains("twice.md"), "{}", seen.stdout);
    assert_eq!(page(&project, "src/login.md"), before, "`--check` writes nothing");

    project.write("docs/catalogue/src/gone.md", &before);
    project.write("docs/catalogue/src/own.md", "# Somebody's own\n");
    check().exits(1).says("left over  docs/catalogue/src/gone.md");
    project.run("docs").exits(0).says("3 written, 1 removed");
    assert!(!project.has("docs/catalogue/src/gone.md") && project.has("docs/catalogue/src/own.md"));
    check().exits(0);

    project.write(
        "docs/catalogue/src/errors.md",
        page(&project, "src/errors.md").replace('\n', "\r\n"),
    );
    check().exits(0);
}

#[test]
fn what_somebody_else_made_is_left_alone() {
    let project = project();
    project.write("docs/catalogue/book.toml", "[book]\ntitle = \"Ours\"\n");
    project.run("docs").exits(0).says("9 written");
    assert_eq!(page(&project, "book.toml"), "[book]\ntitle = \"Ours\"\n");
    project.run("docs --check").exits(0);

    project.write("docs/catalogue/src/README.md", "# Ours\n");
    project.run("docs").exits(2).says("was not made by `countersign docs`");
    assert_eq!(page(&project, "src/README.md"), "# Ours\n");
}

#[test]
fn what_cannot_be_told_is_refused() {
    let project = project();
    project.run("docs scenarios/email").exits(2).says("say with `--out`");
    project.run("docs scenarios/email --out elsewhere").exits(0);
    assert!(project.has("elsewhere/src/email/twice.md") && !project.has("elsewhere/src/login.md"));

    project.scenario("email/readme", LOGIN);
    project.run("docs").exits(2).says("has the path of another one");
    std::fs::remove_file(project.path().join("scenarios/email/readme.yaml")).expect("it is there");

    project.scenario("login", &LOGIN.replace("  - login: {}", "  - login: {}\n  - list: {}"));
    project.run("docs").exits(2).says("the snapshot has other steps than the scenario");
    project.write("snapshots/login.snap", "nothing");
    project.run("docs").exits(2).says("the snapshot is corrupt");
    std::fs::remove_file(project.path().join("snapshots/login.snap")).expect("it is there");
    project.run("docs").exits(0);
    assert!(page(&project, "src/login.md").contains("it has not been recorded"));
}
