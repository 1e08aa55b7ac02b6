//! `countersign review`, `accept` and `reject`: what becomes of pending snapshots.

use std::io::{self, BufRead as _, Write};

use super::{
    Exit, Failure,
    args::Paths,
    files,
    output::{self, Output},
};
use crate::{
    report::diff,
    snapshot::{Snapshot, Store, format, store},
    source::{Diagnostic, Sources},
};

/// Accepts, or else rejects, everything that is pending.
pub(super) fn resolve(args: &Paths, accept: bool, output: &Output) -> Result<Exit, Failure> {
    let (store, ids) = files::pending(args)?;
    let mut problems = Vec::new();
    let mut writer = output.result();
    for id in &ids {
        let done = if accept { self::accept(&store, id) } else { reject(&store, id) };
        match done {
            Ok(()) => {
                writeln!(writer, "{} {id}", if accept { "accepted" } else { "rejected" })?;
            }
            Err(problem) => problems.push(*problem),
        }
    }
    if ids.is_empty() {
        writeln!(writer, "nothing is pending")?;
    }
    writer.flush()?;
    if problems.is_empty() {
        Ok(Exit::Passed)
    } else {
        Err(Failure::Input(problems, Sources::default()))
    }
}

/// Shows everything that is pending, one by one, and asks what to do about it.
pub(super) fn review(args: &Paths, output: &Output) -> Result<Exit, Failure> {
    if output::is_ci() {
        return Err(Failure::input(
            Diagnostic::nowhere("`review` asks questions, and `CI` is set")
                .hint("`countersign accept` and `countersign reject` do not ask"),
        ));
    }
    let (store, ids) = files::pending(args)?;
    let mut writer = output.result();
    if ids.is_empty() {
        writeln!(writer, "nothing is pending")?;
        return Ok(Exit::Passed);
    }
    let mut left = 0;
    let mut answers = io::stdin().lock().lines();
    for (index, id) in ids.iter().enumerate() {
        show(&store, id, &format!("{}/{}", index + 1, ids.len()), output, &mut writer)?;
        let done = match ask(&mut answers, &mut writer)? {
            Answer::Accept => accept(&store, id).map(|()| "accepted"),
            Answer::Reject => reject(&store, id).map(|()| "rejected"),
            Answer::Skip => {
                left += 1;
                continue;
            }
            Answer::Quit => {
                left += ids.len() - index;
                break;
            }
        };
        match done {
            Ok(what) => writeln!(writer, "{what} {id}\n")?,
            Err(problem) => return Err(Failure::input(*problem)),
        }
    }
    writeln!(writer, "{left} still pending")?;
    writer.flush()?;
    Ok(Exit::Passed)
}

enum Answer {
    Accept,
    Reject,
    Skip,
    Quit,
}

fn ask(
    answers: &mut impl Iterator<Item = io::Result<String>>,
    writer: &mut impl Write,
) -> Result<Answer, Failure> {
    loop {
        write!(writer, "[a]ccept, [r]eject, [s]kip, [q]uit? ")?;
        writer.flush()?;
        let Some(answer) = answers.next().transpose()? else {
            writeln!(writer)?;
            return Ok(Answer::Quit);
        };
        match answer.trim().to_lowercase().as_str() {
            "a" | "accept" => return Ok(Answer::Accept),
            "r" | "reject" => return Ok(Answer::Reject),
            "s" | "skip" => return Ok(Answer::Skip),
            "q" | "quit" => return Ok(Answer::Quit),
            _ => {}
        }
    }
}

fn show(
    store: &Store,
    id: &str,
    place: &str,
    output: &Output,
    writer: &mut impl Write,
) -> Result<(), Failure> {
    let pending = store.read_pending(id)?.unwrap_or_default();
    let mut old = store.read(id)?;
    let what = if old.is_some() { "changed" } else { "new" };
    // What a target does for the first time is held against what all do.
    if let (None, Some((_, shared))) = (&old, store::exception(id)) {
        old = store.read(shared)?;
    }
    writeln!(writer, "{place}  {id} ({what})  {}\n", store.pending_path(id).display())?;
    let old = old.as_deref().and_then(format::body).unwrap_or_default().trim_end();
    let new = format::body(&pending).unwrap_or(&pending).trim_end();
    writeln!(writer, "{}", diff(old, new, output.style()))?;
    Ok(())
}

/// What is not a snapshot does not become one.
fn accept(store: &Store, id: &str) -> Result<(), Box<Diagnostic>> {
    let path = store.pending_path(id).display().to_string();
    let fail = |why: String| Box::new(Diagnostic::file(path.clone(), why));
    let text = store.read_pending(id).map_err(|error| fail(error.to_string()))?;
    Snapshot::parse(&text.unwrap_or_default())
        .map_err(|corrupt| fail(format!("the pending snapshot is corrupt: {corrupt}")))?;
    // What cannot be read is named, and never overwritten.
    let old = store.read(id).map_err(|error| fail(error.to_string()))?;
    if let Some(Err(corrupt)) = old.as_deref().map(Snapshot::parse) {
        return Err(Box::new(corrupt.diagnostic(store.path(id).display().to_string())));
    }
    store.accept(id).map_err(|error| fail(format!("this cannot be renamed: {error}")))
}

fn reject(store: &Store, id: &str) -> Result<(), Box<Diagnostic>> {
    let path = || store.pending_path(id).display().to_string();
    store.reject(id).map_err(|error| {
        Box::new(Diagnostic::file(path(), format!("this cannot be removed: {error}")))
    })
}
