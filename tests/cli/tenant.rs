//! `countersign.yaml`, and a tenant as a target, as far as the files tell.

use crate::project::{ENROL, LOGIN, Project};

const TARGETS: &str = "targets:
  staging:
    domain: ${DOMAIN}
    client:
      id: the-app
      secret: ${SECRET}
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
fn a_run_does_not_pretend_to_reach_a_tenant() {
    let seen = project().run_with("run --target staging", &VARIABLES, "").exits(2);
    assert_eq!(seen.stdout, "");
    seen.says("the target `staging` is a tenant, and runs do not reach tenants yet");
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
    seen.says("countersign.yaml:10:9").says("there is no certificate in it");
}

/// The example of the page is one that works.
#[test]
fn the_documented_target_lacks_nothing_but_its_variables() {
    let page = include_str!("../../docs/tenant.md");
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
