//! `countersign coverage`
#![expect(clippy::disallowed_methods, reason = "reports are files")]

use std::{fs, io, path::Path, time::UNIX_EPOCH};

use mail_parser::DateTime;

use super::{
    Exit, Failure,
    args::{Coverage as Args, MarkdownFormat},
    files::{self, Catalogue},
    output::{self, Output},
};
use crate::{
    coverage::{self, Coverage, Evidence, Run},
    source::{Diagnostic, Sources},
};

pub(super) fn coverage(args: &Args, output: &Output) -> Result<Exit, Failure> {
    let Catalogue { scenarios, requirements, store, .. } = files::load(&args.paths)?;
    let mut evidence = Evidence::default();
    let mut problems = Vec::new();
    for id in scenarios.iter().map(|scenario| &scenario.id) {
        if store.path(id).exists() {
            evidence.recorded.insert(id.clone());
        }
        for target in store.differing(id) {
            evidence.differing.entry(target).or_default().insert(id.clone());
        }
    }
    for path in &args.seen {
        match runs(path) {
            Ok(runs) => evidence.runs.extend(runs),
            Err(problem) => problems.push(*problem),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::Input(problems, Sources::default()));
    }
    let coverage = Coverage::of(&requirements, &scenarios, &evidence);
    if let Some(path) = &args.badge {
        files::write_whole(path, &coverage::badge(&coverage)).map_err(|error| {
            let message = format!("the badge cannot be written: {error}");
            Failure::input(Diagnostic::file(files::shown(path), message))
        })?;
    }
    output.write(&match args.format {
        MarkdownFormat::Human => coverage::text(&coverage, output.style()),
        MarkdownFormat::Json => format!("{:#}\n", coverage::json(&coverage)),
        MarkdownFormat::Markdown => coverage::markdown(&coverage),
    })?;
    match args.fail_under {
        Some(wanted) if coverage.percent() < wanted => {
            output::note(&format!("{}, and not {wanted} %", coverage.summary()));
            Ok(Exit::Failed)
        }
        _ => Ok(Exit::Passed),
    }
}

/// The runs of a report; those that name no date have that of the file.
fn runs(path: &Path) -> Result<Vec<Run>, Box<Diagnostic>> {
    let shown = files::shown(path);
    let text = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => files::missing(path),
        _ => Diagnostic::file(&shown, format!("this file cannot be read: {error}")),
    })?;
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let seconds = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds.as_secs()).ok());
    let at = seconds.map(|seconds| DateTime::from_timestamp(seconds).to_rfc3339());
    coverage::runs(&String::from_utf8_lossy(&text), at.as_deref()).map_err(|error| {
        Diagnostic::file(shown, format!("this is no report of a run: {error}"))
            .hint("`countersign run --report json=FILE` writes one")
            .into()
    })
}
