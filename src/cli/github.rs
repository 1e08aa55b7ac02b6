//! What is there by itself in a job of GitHub Actions: annotations, and the job's summary.
#![expect(clippy::disallowed_methods, reason = "the job is known by its environment")]

use std::{
    env,
    fs::{self, OpenOptions},
    io::{self, BufWriter},
    path::PathBuf,
};

use super::output;
use crate::report::{Github, Markdown, Reporter};

/// The reports that nobody has to ask for.
pub(super) fn reporters() -> Vec<Box<dyn Reporter>> {
    let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
    if env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        // The runner reads both streams, and standard output is for the result.
        reporters.push(Box::new(Github::new(io::stderr(), folder())));
    }
    if let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        match OpenOptions::new().append(true).create(true).open(&path) {
            Ok(file) => reporters.push(Box::new(Markdown::new(BufWriter::new(file)))),
            Err(error) => {
                let path = PathBuf::from(path);
                output::note(&format!("no summary in {}: {error}", path.display()));
            }
        }
    }
    reporters
}

/// The current folder as seen from the repository's root, which is where annotations have their files from; empty if
/// it is in none.
pub(super) fn folder() -> PathBuf {
    let Ok(current) = env::current_dir().and_then(fs::canonicalize) else { return PathBuf::new() };
    let repository = current.ancestors().find(|folder| folder.join(".git").exists());
    let workspace = env::var_os("GITHUB_WORKSPACE").and_then(|path| fs::canonicalize(path).ok());
    let root = repository.map(ToOwned::to_owned).or(workspace);
    root.and_then(|root| Some(current.strip_prefix(root).ok()?.to_owned())).unwrap_or_default()
}
