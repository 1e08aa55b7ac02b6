//! `countersign merge`: the reports of parts of a run become those of the whole.
#![expect(clippy::disallowed_methods, reason = "reports are read")]

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::{
    Exit, Failure,
    args::Merge,
    files,
    listen::{self, Listeners},
    output::Output,
    run::exit,
};
use crate::{
    event::wire::{self, Line},
    report::{
        Detail,
        merge::{self, CaseKey, Part},
    },
    source::{Diagnostic, Sources},
};

/// A report that was read: its cases are read again when it is their turn, and not kept.
struct Report {
    file: File,
    part: Part,
    /// Where the line of each case begins, and its length.
    places: Vec<(u64, usize)>,
}

pub(super) fn merge(args: &Merge, output: &Output) -> Result<Exit, Failure> {
    let mut problems = Vec::new();
    let wanted = listen::wanted(&args.report, &mut problems);
    let reports: Vec<_> = args.files.iter().filter_map(|path| read(path, &mut problems)).collect();
    let parts: Vec<_> = reports.iter().map(|report| report.part.clone()).collect();
    let whole = if problems.is_empty() { merge::merge(&parts) } else { Err(problems) };
    let (started, summary) =
        whole.map_err(|problems| Failure::Input(problems, Sources::default()))?;
    let mut listeners = Listeners::open(wanted, args.format, Detail::Verdict, output)?;
    let mut cases: Vec<_> = reports
        .iter()
        .flat_map(|report| {
            let keyed = report.part.cases.iter().zip(&report.places);
            keyed.map(move |(key, place)| (key, &report.file, *place))
        })
        .collect();
    cases.sort_by_key(|(key, ..)| *key);
    let mut written = listeners.line(&Line::RunStarted(started));
    for (index, (_, file, (start, length))) in cases.into_iter().enumerate() {
        let mut case = case(file, start, length)?;
        case.index = index;
        written = written.and(listeners.line(&Line::CaseStarted { index, id: case.id.clone() }));
        written = written.and(listeners.line(&Line::CaseFinished(case)));
    }
    written.and(listeners.line(&Line::RunFinished(summary)))?;
    Ok(exit(&summary, false))
}

/// Reads a report through: what is wrong with it goes to `problems`.
fn read(path: &Path, problems: &mut Vec<Diagnostic>) -> Option<Report> {
    let shown = files::shown(path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            problems.push(if path.exists() {
                Diagnostic::file(shown, format!("this report cannot be read: {error}"))
            } else {
                files::missing(path)
            });
            return None;
        }
    };
    let mut reader = BufReader::new(&file);
    let (mut started, mut finished) = (None, None);
    let (mut cases, mut places) = (Vec::new(), Vec::new());
    let (mut start, mut number, mut text) = (0, 0, String::new());
    loop {
        text.clear();
        number += 1;
        let place = format!("{shown}:{number}");
        let length = match reader.read_line(&mut text) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => {
                problems.push(Diagnostic::file(place, format!("this cannot be read: {error}")));
                return None;
            }
        };
        match wire::read(&text) {
            Ok(Line::RunStarted(line)) if started.is_none() => started = Some(line),
            Ok(Line::CaseFinished(case)) if started.is_some() && finished.is_none() => {
                cases.push(CaseKey::of(&case));
                places.push((start, length));
            }
            Ok(Line::CaseStarted { .. }) if started.is_some() && finished.is_none() => {}
            Ok(Line::RunFinished(summary)) if started.is_some() && finished.is_none() => {
                finished = Some(summary);
            }
            Ok(_) => {
                let problem = Diagnostic::file(place, "this line is not in its place");
                problems
                    .push(problem.hint("each run has a report of its own: give them one by one"));
                return None;
            }
            Err(error) => {
                let hint = "the reports are those of `countersign run --report json=FILE`";
                problems.push(Diagnostic::file(place, error.to_string()).hint(hint));
                return None;
            }
        }
        start += length as u64;
    }
    let whole = started.zip(finished);
    let is_whole = whole
        .as_ref()
        .is_some_and(|(started, finished)| started.cases == cases.len() + finished.not_run);
    let Some((started, finished)) = whole.filter(|_| is_whole) else {
        let problem = Diagnostic::file(shown, "this report is not whole");
        problems.push(problem.hint("was the run's output cut off?"));
        return None;
    };
    drop(reader);
    Some(Report { file, part: Part { file: shown, started, cases, finished }, places })
}

/// Reads the line of a case again.
fn case(mut file: &File, start: u64, length: usize) -> io::Result<Box<wire::Case>> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    match serde_json::from_slice(&bytes)? {
        Line::CaseFinished(case) => Ok(case),
        _ => Err(io::Error::other("a report has changed while it was read")),
    }
}
