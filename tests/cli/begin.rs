//! `init` and `new`: the first minutes.

use crate::project::Project;

const WRITTEN: [&str; 6] = [
    "scenarios/first-login.yaml",
    "snapshots/first-login.snap",
    "scenario.schema.json",
    "countersign.yaml",
    ".env.example",
    ".gitignore",
];

#[test]
fn what_is_written_passes_at_once() {
    let project = Project::new(&[]);
    let seen = project.run("init").exits(0);
    insta::assert_snapshot!(seen.stdout);
    assert_eq!(seen.stderr, "");
    assert!(WRITTEN.iter().all(|path| project.has(path)));
    assert_eq!(project.read("scenario.schema.json"), project.run("schema").exits(0).stdout);
    project.run("check").exits(0);
    project.run_with("run", &[("CI", "1")], "").exits(0).counts(1, 0);
    let lines = project.read(".env.example");
    let names = lines.lines().filter_map(|line| line.strip_suffix('='));
    let value = |name: &str| match name {
        "AUTH0_DOMAIN" => "tenant.example.com",
        "IMAP_ADDRESS" => "qa+*@example.com",
        _ => "something",
    };
    let values: Vec<_> = names.map(|name| (name, value(name))).collect();
    project.run_with("check --target staging", &values, "").exits(0);
    // Copied and not filled in: each variable is named.
    project.write(".env", &lines);
    let seen = project.run("check --target staging").exits(2);
    assert_eq!(seen.stderr.matches("is empty").count(), values.len(), "{}", seen.stderr);
}

#[test]
fn nothing_is_overwritten_unless_asked() {
    let project = Project::new(&[]);
    project.write(".gitignore", "/target\n/.env");
    project.run("init --target live --domain a.example.com --ci github --dir sub").exits(0);
    project.write("sub/countersign.yaml", "mine");
    let seen = project.run("init --dir sub").exits(2);
    insta::assert_snapshot!(seen.all());
    assert_eq!(project.read("sub/countersign.yaml"), "mine");
    project.run("init --dir sub --target live --domain a.example.com --force").exits(0);
    assert!(project.read("sub/countersign.yaml").contains("  live:\n    domain: a.example.com\n"));
    assert!(!project.read("sub/.env.example").contains("DOMAIN"));
    assert!(project.has("sub/.github/workflows/countersign.yml"));
    project.run("init --ci gitlab").exits(0).says(".gitlab-ci.yml");
    assert_eq!(project.read(".gitignore"), "/target\n/.env\n.countersign/\n");
    for (args, hint) in [
        ("init --target replay", "the name of what is always there"),
        ("init --domain https://a.example.com", "without `https://`"),
        ("init --ci travis", "possible values: github, gitlab, none"),
        ("new email/x", "--from <FACTOR>"),
        ("new ../x --from otp", "such as email/lost-phone"),
        ("new first-login --from otp", "this is there already"),
    ] {
        project.run(args).exits(2).says(hint);
    }
}

#[test]
fn a_scenario_of_each_factor_passes_at_once() {
    let project = Project::new(&[]);
    project.write("scenario.schema.json", "{}");
    for factor in ["email", "sms", "voice", "otp", "push", "recovery-code"] {
        project.run(&format!("new mine/{factor}/first --from {factor}")).exits(0).counts(1, 0);
        let line = "# yaml-language-server: $schema=../../../scenario.schema.json\n";
        assert!(project.read(&format!("scenarios/mine/{factor}/first.yaml")).starts_with(line));
    }
    project.run("new scenarios/plain.yaml --from otp").exits(0);
    project.run("check").exits(0);
    project.run_with("run", &[("CI", "1")], "").exits(0).counts(7, 0);
    project.run("run --target replay").exits(0).counts(7, 0);
}
