//! The JSON Schema of a scenario file, by a validator that none of us wrote: what is shipped is valid, what the
//! program refuses is not, except for what a schema cannot say.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use countersign::{
    emulator::Api,
    scenario,
    source::{Sources, yaml},
};
use jsonschema::Validator;
use serde_json::Value;
use walkdir::WalkDir;

/// Fixtures that a schema does not refuse, and why: a folder with all its files, or one file.
const BEYOND_A_SCHEMA: &[(&str, &str)] = &[
    (
        "action-does-two-things/not-switched-on.yaml",
        "it would take a condition that editors explain badly",
    ),
    ("client-contradicts-itself/clients.yaml", "each key is right, but not beside the others"),
    ("client-without-the-proof", "a template is text to a schema"),
    ("bad-regex", "the expressions are Rust's, which JSON Schema's `regex` format is not"),
    ("bad-tag-expression", "the command line is wrong, not the file"),
    ("covers-unknown-id", "the ids are in another file"),
    ("dependent-factor", "it would take a condition that editors explain badly"),
    ("many-problems/sms/d.yaml", "nothing is wrong with it"),
    ("matrix-unknown-name", "what a matrix gives is known only when it is expanded"),
    ("missing-path", "the command line is wrong, not the file"),
    ("no-response-to-judge", "it would take a condition that editors explain badly"),
    ("template-does-not-parse", "a template is text to a schema"),
    ("two-applications-one-id", "a schema cannot compare two values"),
    ("two-scenarios-one-id", "the files are right, each by itself"),
    ("value-without-its-form/channels.yaml", "each key is right, but not beside the others"),
    ("unknown-name", "which names there are depends on the steps before"),
    ("unknown-user-in-as", "which users there are is said elsewhere in the file"),
];

#[test]
fn every_shipped_scenario_is_valid() {
    let validator = validator();
    let scenarios = files("scenarios", |path| !path.ends_with("requirements.yaml"));
    assert!(scenarios.len() >= 24, "{}", scenarios.len());
    for path in scenarios {
        let document = document(&path).expect("YAML");
        let errors: Vec<_> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{}", path.display());
    }
}

#[test]
fn every_wrong_scenario_is_invalid_unless_a_schema_cannot_say_why() {
    let validator = validator();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut unused: Vec<_> = BEYOND_A_SCHEMA.iter().map(|(path, _)| *path).collect();
    let mut mistaken = Vec::new();
    // Fixtures of that name are about the configuration, with a scenario that is right.
    let is_of_scenarios = |path: &Path| {
        !path
            .strip_prefix(&root)
            .is_ok_and(|path| path.display().to_string().starts_with("target-"))
    };
    for path in files("tests/diagnostics", is_of_scenarios) {
        let Some(document) = document(&path) else { continue };
        let name = path.strip_prefix(&root).expect("below").to_str().expect("UTF-8");
        let name = name.replace('\\', "/").replace("/scenarios/", "/");
        let beyond = BEYOND_A_SCHEMA.iter().find(|(known, _)| Path::new(&name).starts_with(known));
        unused.retain(|known| beyond.is_none_or(|(found, _)| found != known));
        if validator.is_valid(&document) != beyond.is_some() {
            mistaken.push(name);
        }
    }
    assert_eq!(mistaken, [""; 0], "valid without a reason, or invalid in spite of one");
    assert_eq!(unused, [""; 0], "no such fixture");
}

/// A scenario knows no emulator, so the list is there twice.
#[test]
fn a_file_may_name_the_scopes_that_a_tenant_has_a_use_for() {
    assert_eq!(scenario::MANAGEMENT_SCOPES.as_slice(), Api::management_scopes());
}

/// That it is the program's own is tested where the command that prints it is.
#[test]
fn every_event_of_a_run_is_valid() {
    let validator = validator_of(include_str!("../events.schema.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["run", "--format", "json", "--update", "no", "--retries", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut kinds = BTreeSet::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let errors: Vec<_> = validator.iter_errors(&event).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{line}");
        kinds.insert(event["event"].as_str().expect("a word").to_owned());
    }
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert!(text.lines().count() > 100);
    let wrong = serde_json::json!({"event": "case_started", "index": "1"});
    assert!(!validator.is_valid(&wrong));
}

fn validator() -> Validator {
    validator_of(include_str!("../scenario.schema.json"))
}

fn validator_of(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// A file as JSON, if it is YAML.
fn document(path: &Path) -> Option<Value> {
    let text = String::from_utf8(fs::read(path).ok()?).ok()?;
    let mut sources = Sources::default();
    let source = sources.add(path.display().to_string(), text);
    let mut problems = Vec::new();
    let document = yaml::load(source, &sources, &mut problems);
    document.filter(|_| problems.is_empty()).map(|document| document.to_json())
}

fn files(folder: &str, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = WalkDir::new(folder).sort_by_file_name().into_iter();
    let paths = entries.map(|entry| entry.expect("a file").into_path());
    let yaml =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    paths.filter(|path| yaml(path) && wanted(path)).collect()
}
