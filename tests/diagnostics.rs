//! What is wrong with an input, in the exact words of the program: a folder of `tests/diagnostics` is a test.
//!
//! A folder holds the input and `output.txt`: a line with the exit code, then standard error. `args` has what is
//! typed after `countersign check`, if that is not `scenarios`, and `environment` lines of `NAME=value`. With `UPDATE_DIAGNOSTICS=1` the outputs are written
//! anew. What cannot be committed, such as a file of 100 MB, is made by [`make`].
#![expect(clippy::disallowed_methods, reason = "fixtures are files")]

mod trials;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use libtest_mimic::{Failed, Trial};
use similar::TextDiff;
use tempfile::TempDir;
use walkdir::WalkDir;

/// The address space that the program gets, in KiB: less than the largest input has.
const MEMORY: &str = "98304";

/// What every secret in a fixture begins with.
const SECRET: &str = "hunter";

fn main() -> Result<(), Box<dyn Error>> {
    let mut trials = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics"))? {
        let case = entry?.path();
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ignored = name == "no-permission" && reads_everything()?;
        let trial = Trial::test(name.clone(), move || check(&name, &case));
        trials.push(trial.with_ignored_flag(ignored));
    }
    trials.sort_by(|one, other| one.name().cmp(other.name()));
    let reason = "diagnostics/no-permission: this user may read every file";
    let skips = trials.iter().any(Trial::has_ignored_flag);
    trials::run(trials, &skips.then(|| reason.to_owned()).into_iter().collect::<Vec<_>>())
}

fn check(name: &str, case: &Path) -> Result<(), Failed> {
    let project = TempDir::new()?;
    copy(case, project.path())?;
    make(name, project.path())?;
    let args = fs::read_to_string(case.join("args")).unwrap_or_else(|_| "scenarios".to_owned());
    let environment = fs::read_to_string(case.join("environment")).unwrap_or_default();
    let before = files(project.path())?;

    let output = countersign(project.path(), "check", &args, &environment)?;
    let found = text(&output)?;
    // A run refuses the same with the same words before anything is sent.
    let run = text(&countersign(project.path(), "run", &args, &environment)?)?;
    if run != found {
        return Err(format!("`run` and `check` differ:\n{}", diff(&found, &run)).into());
    }
    if found.contains(SECRET) {
        return Err(format!("a secret is shown:\n{found}").into());
    }
    if files(project.path())? != before {
        return Err("something was written".into());
    }

    let golden = case.join("output.txt");
    if env::var_os("UPDATE_DIAGNOSTICS").is_some() {
        return Ok(fs::write(golden, found)?);
    }
    let expected = fs::read_to_string(golden).unwrap_or_default();
    if found == expected { Ok(()) } else { Err(diff(&expected, &found).into()) }
}

/// The inputs that are made when they are wanted.
fn make(name: &str, project: &Path) -> io::Result<()> {
    let scenarios = project.join("scenarios");
    fs::create_dir_all(&scenarios)?;
    match name {
        "too-large" => {
            File::create(scenarios.join("sparse.yaml"))?.set_len(100_000_000)?;
            fs::write(scenarios.join("list.yaml"), "- a list of one\n".repeat(100_000))
        }
        #[cfg(unix)]
        "no-permission" => {
            use std::os::unix::fs::PermissionsExt as _;
            let file = scenarios.join("locked.yaml");
            fs::write(&file, "title: Nobody may read this\n")?;
            fs::set_permissions(file, fs::Permissions::from_mode(0o000))
        }
        #[cfg(unix)]
        "unreadable" => {
            use std::os::unix::fs::symlink;
            symlink("nowhere.yaml", scenarios.join("dangling.yaml"))?;
            symlink("loop.yaml", scenarios.join("loop.yaml"))
        }
        _ => Ok(()),
    }
}

/// Whether permissions do not count, as for root.
fn reads_everything() -> io::Result<bool> {
    let folder = TempDir::new()?;
    make("no-permission", folder.path())?;
    Ok(File::open(folder.path().join("scenarios/locked.yaml")).is_ok())
}

fn countersign(project: &Path, command: &str, args: &str, environment: &str) -> io::Result<Output> {
    let program = env!("CARGO_BIN_EXE_countersign");
    let mut limited = if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -v {MEMORY} && exec \"$0\" \"$@\""), program]);
        shell
    } else {
        Command::new(program)
    };
    // Quoted words are words, as in a shell.
    let mut quoted = false;
    let words = args.trim().split(|c: char| {
        quoted ^= c == '"';
        c == '"' || c == ' ' && !quoted
    });
    limited
        .arg(command)
        .args(words.filter(|word| !word.is_empty()))
        .current_dir(project)
        .env_remove("INSTA_UPDATE")
        .env_remove("CLICOLOR_FORCE")
        .envs(environment.lines().filter_map(|line| line.split_once('=')))
        .output()
}

fn text(output: &Output) -> Result<String, Failed> {
    if !output.stdout.is_empty() {
        return Err(format!("on stdout: {}", String::from_utf8_lossy(&output.stdout)).into());
    }
    let code = output.status.code().ok_or("killed by a signal")?;
    Ok(format!("exit code {code}\n{}", String::from_utf8(output.stderr.clone())?))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for (path, content) in files(from)? {
        let beside = ["args", "environment", "output.txt"].map(Path::new).contains(&&*path);
        if let Some(content) = content.filter(|_| !beside) {
            let target = to.join(path);
            fs::create_dir_all(target.parent().unwrap_or(to))?;
            fs::write(target, content)?;
        }
    }
    Ok(())
}

/// The files below a folder with their contents, where they can be read and are not huge.
fn files(folder: &Path) -> io::Result<BTreeMap<PathBuf, Option<Vec<u8>>>> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        let path = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_owned();
        let small = entry.metadata()?.len() < 10_000_000;
        if !entry.file_type().is_dir() {
            files.insert(path, small.then(|| fs::read(entry.path()).ok()).flatten());
        }
    }
    Ok(files)
}

fn diff(old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new).unified_diff().header("expected", "found").to_string()
}
