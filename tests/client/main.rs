//! What a client is told about itself, in the exact words of the program: a folder of `tests/client` is a test.
//!
//! A folder holds `observed.jsonl` and `output.txt`: a line with the exit code, then what the program says. The
//! observations are those of the applications in `clients.rs`; of a folder that is none of them they are as they
//! stand. With `UPDATE_CLIENT=1` both files are written anew.
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

mod clients;
mod script;
mod secrets;

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use similar::TextDiff;

use clients::{CLIENTS, Play};
use script::Script;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let mut trials: Vec<_> = CLIENTS
        .iter()
        .map(|(name, play)| {
            let folder = root.join(name);
            Trial::test(*name, move || plays(&folder, *play))
        })
        .collect();
    for folder in folders(&root)? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if CLIENTS.iter().all(|(known, _)| *known != name) {
            trials.push(Trial::test(name, move || check(&folder)));
        }
    }
    trials.push(Trial::test("every_rule_is_broken_and_held", every_rule_is_broken_and_held));
    let folder = root.join("24-logs-in-again");
    trials.push(Trial::test("the_same_as_json", move || the_same_as_json(&folder)));
    trials.push(Trial::test("the_rules_are_listed", the_rules_are_listed));
    trials.push(Trial::test("no_secret_is_observed", secrets::no_secret_is_observed));
    trials.push(Trial::test("labels_stay_the_same", secrets::labels_stay_the_same));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn folders(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root)? {
        folders.push(entry?.path());
    }
    folders.retain(|path| path.is_dir());
    Ok(folders)
}

fn plays(folder: &Path, play: Play) -> Result<(), Failed> {
    let mut script = Script::new(7);
    play(&mut script);
    fs::create_dir_all(folder)?;
    golden(&folder.join("observed.jsonl"), &script.observed)?;
    check(folder)
}

fn check(folder: &Path) -> Result<(), Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["check-client", "observed.jsonl"])
        .current_dir(folder)
        .env_remove("CLICOLOR_FORCE")
        .output()?;
    let code = output.status.code().ok_or("killed by a signal")?;
    let text = [output.stdout, output.stderr].concat();
    let found = format!("exit code {code}\n{}", String::from_utf8(text)?);
    golden(&folder.join("output.txt"), &found)?;
    // The folder says which rule it is for, if it is for one.
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let number = name.split('-').next().unwrap_or_default();
    let is_told = match number {
        "good" => code == 0 && found.contains(" 0 broken"),
        number if number.parse::<u32>().is_ok() => found.contains(&format!(": CLIENT-{number}: ")),
        _ => code == 2,
    };
    if is_told { Ok(()) } else { Err(format!("not what the name says: {found}").into()) }
}

/// What the program says to these words, which is JSON, and how it exits.
fn json(folder: &Path, args: &[&str]) -> Result<(Option<i32>, Value), Failed> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = program.arg("check-client").args(args).current_dir(folder).output()?;
    Ok((output.status.code(), serde_json::from_slice(&output.stdout)?))
}

fn the_same_as_json(folder: &Path) -> Result<(), Failed> {
    let (code, report) = json(folder, &["observed.jsonl", "--format", "json"])?;
    let counts = ["version", "observations", "held", "broken", "not_exercised"];
    assert_eq!(
        (code, counts.map(|name| report[name].as_u64())),
        (Some(0), [1, 3, 2, 1, 21].map(Some))
    );
    let rules = report["rules"].as_array().ok_or("no rules")?;
    let (last, others) = rules.split_last().ok_or("no rules")?;
    assert!(others.iter().all(|rule| rule["violations"] == json!([])));
    assert_eq!((&last["verdict"], &last["level"]), (&json!("broken"), &json!("warning")));
    let call = "POST /oauth/token password -> 403 mfa_required";
    let told = "this was answered 403 mfa_required with [mfa_token#1], which nothing used";
    let expected = json!([{
        "line": 2, "call": call, "message": "the same login after 0.02 s",
        "earlier": {"line": 1, "call": call, "message": told},
    }]);
    assert_eq!(last["violations"], expected);
    Ok(())
}

fn the_rules_are_listed() -> Result<(), Failed> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, rules) = json(here, &["--rules", "--format", "json"])?;
    let listed = rules.as_array().ok_or("no rules")?.iter().map(|rule| rule["id"].as_str());
    let known = countersign::client::rules().iter().map(|rule| Some(rule.id.as_str()));
    assert!(code == Some(0) && listed.eq(known));
    Ok(())
}

/// Compares with a file, or writes it.
fn golden(path: &Path, found: &str) -> Result<(), Failed> {
    if env::var_os("UPDATE_CLIENT").is_some() {
        return Ok(fs::write(path, found)?);
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    let diff = TextDiff::from_lines(expected.as_str(), found);
    Err(diff.unified_diff().header("expected", "found").to_string().into())
}

/// The applications are the test of the rules: none goes without.
fn every_rule_is_broken_and_held() -> Result<(), Failed> {
    let ids: BTreeSet<_> = countersign::client::rules().iter().map(|rule| &rule.id[7..]).collect();
    let broken: BTreeSet<_> =
        CLIENTS.iter().filter_map(|(name, _)| name.split('-').next()).collect();
    let missing: Vec<_> = ids.difference(&broken).collect();
    let mut idle = ids.clone();
    for (_, play) in CLIENTS.iter().filter(|(name, _)| name.starts_with("good")) {
        let mut script = Script::new(7);
        play(&mut script);
        let mut sources = countersign::source::Sources::default();
        let id = sources.add("observed.jsonl", script.observed);
        let observations = countersign::observe::read(id, &sources).map_err(|_| "unreadable")?;
        for judgement in countersign::client::judge(countersign::client::rules(), &observations) {
            if judgement.exercised {
                idle.remove(&judgement.rule.id[7..]);
            }
        }
    }
    let text = format!("no application breaks {missing:?}; no good one exercises {idle:?}");
    if missing.is_empty() && idle.is_empty() { Ok(()) } else { Err(text.into()) }
}
