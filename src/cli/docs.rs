//! `countersign docs`: the pages as files. A file that was not made here is never overwritten or removed.
#![expect(clippy::disallowed_methods, reason = "this module is where pages are written")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::{
    Exit, Failure,
    args::Docs,
    files::{self, Catalogue},
    output::Output,
};
use crate::{
    docs::{self, BOOK, BOOK_MARK, Documented, MARK, Recording},
    snapshot::{Snapshot, Store},
    source::{Diagnostic, Sources},
};

/// Where the pages are unless the command line says another place.
const FOLDER: &str = "docs/catalogue";

pub(super) fn docs(args: &Docs, output: &Output) -> Result<Exit, Failure> {
    let catalogue = files::load(&args.paths)?;
    let out = match &args.out {
        Some(out) => out.clone(),
        // Pages of a part would take the place of those of the whole.
        None if !catalogue.whole => {
            let problem = Diagnostic::nowhere("these are not all scenarios of their folder");
            return Err(Failure::input(
                problem.hint("say with `--out` where their pages are to be"),
            ));
        }
        None => PathBuf::from(FOLDER),
    };
    let wanted = pages(&catalogue)?;
    let found = found(&out)?;
    let changes = Changes::of(&wanted, &found, &out)?;
    let shown = files::shown(&out);
    if args.check {
        output.write(&changes.text(&shown))?;
        return Ok(if changes.is_empty() { Exit::Passed } else { Exit::Failed });
    }
    changes.make(&wanted, &out).map_err(|(path, error)| {
        let place = files::shown(&path);
        Failure::input(Diagnostic::file(place, format!("the page cannot be written: {error}")))
    })?;
    let written = changes.missing.len() + changes.stale.len();
    let (all, removed) = (wanted.len(), changes.left_over.len());
    output.write(&format!("{all} files in {shown}: {written} written, {removed} removed\n"))?;
    Ok(Exit::Passed)
}

fn pages(catalogue: &Catalogue) -> Result<BTreeMap<String, String>, Failure> {
    let Catalogue { scenarios, requirements, sources, store, .. } = catalogue;
    let mut problems = Vec::new();
    let documented: Vec<_> = scenarios
        .iter()
        .map(|scenario| {
            let id = &scenario.id;
            let exceptions = store.differing(id).into_iter().filter_map(|target| {
                let own = store.clone().of(&target, [id.clone()]);
                Some((target, recording(&own, id, &mut problems)?))
            });
            let exceptions = exceptions.collect();
            let recording = recording(store, id, &mut problems);
            Documented { scenario, recording, exceptions }
        })
        .collect();
    // What cannot be read has no pages.
    if problems.is_empty() {
        match docs::pages(&documented, requirements, sources) {
            Ok(pages) => return Ok(pages),
            Err(wrong) => problems = wrong,
        }
    }
    Err(Failure::Input(problems, Sources::default()))
}

fn recording(store: &Store, id: &str, problems: &mut Vec<Diagnostic>) -> Option<Recording> {
    let path = files::shown(&store.path(id));
    let text = match store.read(id) {
        Ok(text) => text?,
        Err(error) => {
            let message = format!("the snapshot cannot be read: {error}");
            problems.push(Diagnostic::file(path, message));
            return None;
        }
    };
    match Snapshot::parse(&text) {
        Ok(snapshot) => Some(Recording { path, snapshot }),
        Err(corrupt) => {
            problems.push(corrupt.diagnostic(path));
            None
        }
    }
}

/// What is there: by its path below the folder the text, with the line ends that pages have.
fn found(out: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let pages =
        WalkDir::new(out.join("src")).sort_by_file_name().into_iter().filter_map(Result::ok);
    let pages = pages.filter(|entry| {
        entry.file_type().is_file() && entry.path().extension().is_some_and(|ending| ending == "md")
    });
    let paths = pages.map(walkdir::DirEntry::into_path);
    for path in paths.chain([out.join(BOOK)]) {
        let fail = |error: &dyn std::fmt::Display| {
            let message = format!("this file cannot be read: {error}");
            Failure::input(Diagnostic::file(files::shown(&path), message))
        };
        let below = path.strip_prefix(out).unwrap_or(&path);
        let below = below.display().to_string().replace(std::path::MAIN_SEPARATOR, "/");
        match fs::read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|error| fail(&error))?;
                found.insert(below, text.replace("\r\n", "\n"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(&error)),
        }
    }
    Ok(found)
}

/// How the pages that are there are not those that should be, by their paths below the folder.
struct Changes {
    missing: Vec<String>,
    stale: Vec<String>,
    left_over: Vec<String>,
}

impl Changes {
    fn of(
        wanted: &BTreeMap<String, String>,
        found: &BTreeMap<String, String>,
        out: &Path,
    ) -> Result<Self, Failure> {
        let is_made =
            |path: &str, text: &str| text.starts_with(if path == BOOK { BOOK_MARK } else { MARK });
        let (mut missing, mut stale, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for (path, text) in wanted {
            match found.get(path) {
                None => missing.push(path.clone()),
                Some(old) if old == text => {}
                Some(old) if is_made(path, old) => stale.push(path.clone()),
                Some(_) if path == BOOK => {}
                Some(_) => problems.push(
                    Diagnostic::file(
                        files::shown(&out.join(path)),
                        "this file is in the place of a page, and was not made by `countersign docs`",
                    )
                    .hint("move it, or say another folder with `--out`"),
                ),
            }
        }
        if !problems.is_empty() {
            return Err(Failure::Input(problems, Sources::default()));
        }
        let wanted: BTreeSet<&String> = wanted.keys().collect();
        let left_over =
            found.iter().filter(|(path, text)| !wanted.contains(path) && is_made(path, text));
        let left_over = left_over.map(|(path, _)| path.clone()).collect();
        Ok(Self { missing, stale, left_over })
    }

    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.stale.is_empty() && self.left_over.is_empty()
    }

    fn text(&self, out: &str) -> String {
        let mut text = String::new();
        let all =
            [("missing", &self.missing), ("stale", &self.stale), ("left over", &self.left_over)];
        for (word, path) in
            all.iter().flat_map(|(word, paths)| paths.iter().map(move |path| (word, path)))
        {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{word:<9}  {out}/{path}");
        }
        text + &match all.iter().map(|(_, paths)| paths.len()).sum() {
            0 => format!("the pages in {out} are current\n"),
            1 => "1 page is not current: `countersign docs` without `--check` makes it so\n"
                .to_owned(),
            count => format!(
                "{count} pages are not current: `countersign docs` without `--check` makes them so\n"
            ),
        }
    }

    /// Writes and removes; each page is whole or as it was.
    fn make(
        &self,
        wanted: &BTreeMap<String, String>,
        out: &Path,
    ) -> Result<(), (PathBuf, io::Error)> {
        for path in self.missing.iter().chain(&self.stale) {
            let file = out.join(path);
            let text = wanted.get(path).map(String::as_str).unwrap_or_default();
            files::write_whole(&file, text).map_err(|error| (file, error))?;
        }
        for path in &self.left_over {
            let file = out.join(path);
            fs::remove_file(&file).map_err(|error| (file, error))?;
        }
        Ok(())
    }
}
