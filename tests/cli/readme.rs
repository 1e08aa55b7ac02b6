//! What the README shows is what the program does.

use crate::project::Project;

/// The text of the first code block with this language.
fn block(language: &str) -> String {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once(&format!("```{language}\n")).expect("a block");
    after.split_once("```\n").expect("its end").0.to_owned()
}

#[test]
fn its_scenario_passes_and_its_failure_is_real() {
    let scenario = block("yaml");
    let project = Project::new(&[("already-enrolled", &scenario)]);
    project.run("run --update always").exits(0).counts(1, 0);

    let wrong = scenario.replace("error: access_denied", "error: acces_denied");
    project.scenario("already-enrolled", &wrong);
    let seen = project.run("run").exits(1);
    let shown = block("console");
    let (command, output) = shown.split_once('\n').expect("a command");
    assert_eq!(command, "$ countersign run");
    assert_eq!(output, seen.stdout.replace("[time]", "0.01"));
}
