//! Finding and reading scenario files: every problem of every file at once.
#![expect(clippy::disallowed_methods, reason = "this module is where scenario files are read")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::{self, File},
    io::{self, Read as _},
    num::NonZero,
    panic::resume_unwind,
    path::{MAIN_SEPARATOR, Path, PathBuf},
    sync::LazyLock,
    thread,
};

use walkdir::WalkDir;

use super::{
    Failure,
    args::{Paths, Selection},
};
use crate::{
    plan::{self, TagExpression},
    scenario::{self, Requirements, Scenario},
    snapshot::{Store, store},
    source::{Diagnostic, SourceId, Sources, suggest},
};

/// A larger file is not a scenario.
const LARGEST: u64 = 1024 * 1024;
/// The requirements that come with the program, for folders that have none of their own.
const BUILT_IN: &str = include_str!("../../scenarios/requirements.yaml");

/// Everything that was read.
pub(super) struct Catalogue {
    pub(super) scenarios: Vec<Scenario>,
    pub(super) requirements: Requirements,
    pub(super) sources: Sources,
    pub(super) store: Store,
    /// Whether the paths are the whole of the scenario folder.
    pub(super) whole: bool,
}

/// Reads all scenarios below some paths. The error is everything that is wrong with them.
pub(super) fn load(paths: &Paths) -> Result<Catalogue, Failure> {
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let Some(place) = Place::of(paths, &mut problems) else {
        return Err(Failure::Input(problems, sources));
    };
    let texts: Vec<_> = find(&place, &mut problems)
        .iter()
        .filter_map(|file| {
            let text = read(file, &mut problems)?;
            let id = place.id_of_file(file);
            if id.starts_with('@') {
                problems.push(
                    Diagnostic::file(shown(file), "the id of a scenario cannot begin with `@`")
                        .hint("among the snapshots that is where exceptions of a target are"),
                );
            }
            Some((id, sources.add(shown(file), text)))
        })
        .collect();
    let mut scenarios = Vec::new();
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for (parsed, wrong) in parse(&texts, &sources) {
        problems.extend(wrong);
        for scenario in parsed {
            match ids.insert(scenario.id.clone(), scenario.file.clone()) {
                None => scenarios.push(scenario),
                Some(other) => problems.push(twice(&scenario, &other)),
            }
        }
    }
    let requirements = requirements(&place.root, &mut sources, &mut problems);
    scenario::check_covers(&scenarios, &requirements, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Input(problems, sources));
    }
    let whole = place.paths.contains(&place.root);
    Ok(Catalogue { scenarios, requirements, sources, store: place.store(), whole })
}

type Parsed = (Vec<Scenario>, Vec<Diagnostic>);

/// Parses files in their order, on as many threads as there are processors: reading a large suite is most of what
/// a run does on its own.
fn parse(files: &[(String, SourceId)], sources: &Sources) -> Vec<Parsed> {
    let one = |(id, source): &(String, SourceId)| {
        let mut problems = Vec::new();
        let scenarios = scenario::parse(id, *source, sources, &mut problems);
        (scenarios, problems)
    };
    if files.len() <= SMALLEST_SHARE {
        return files.iter().map(one).collect();
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.len().div_ceil(threads).max(SMALLEST_SHARE);
    thread::scope(|scope| {
        let threads: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || files.iter().map(one).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Fewer files than this are not worth a thread.
const SMALLEST_SHARE: usize = 128;

/// The store of some paths, and the ids below them of which something is pending; of targets as `@target/id`.
pub(super) fn pending(paths: &Paths) -> Result<(Store, Vec<String>), Failure> {
    let mut problems = Vec::new();
    let Some(place) = Place::of(paths, &mut problems) else {
        return Err(Failure::Input(problems, Sources::default()));
    };
    let below = |id: &str, prefix: &str| {
        let rest = id.strip_prefix(prefix);
        prefix.is_empty()
            || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
    };
    let id = |path: &PathBuf| {
        if path.is_dir() { place.id(path) } else { place.id_of_file(path) }
    };
    let prefixes: Vec<_> = place.paths.iter().map(id).collect();
    let store = place.store();
    let mut ids = store.pending();
    ids.retain(|stored| {
        let id = store::exception(stored).map_or(stored.as_str(), |(_, id)| id);
        prefixes.iter().any(|prefix| below(id, prefix))
    });
    Ok((store, ids))
}

/// Where some paths are. All are as the file system has them, whatever was typed.
struct Place {
    paths: Vec<PathBuf>,
    /// The scenario folder: the nearest one named `scenarios`, else the folder itself.
    root: PathBuf,
}

impl Place {
    /// Nothing if a path is not there, or if they are in several scenario folders.
    fn of(paths: &Paths, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut full = Vec::new();
        for path in &paths.paths {
            match fs::canonicalize(path) {
                Ok(path) => full.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    problems.push(missing(path));
                }
                Err(error) => problems
                    .push(Diagnostic::file(shown(path), format!("this cannot be read: {error}"))),
            }
        }
        let root = Self::root(full.first()?);
        if let Some(other) = full.iter().find(|path| Self::root(path) != root) {
            problems.push(
                Diagnostic::file(shown(other), "this is in another scenario folder")
                    .hint(format!("run it apart from {}", shown(&root))),
            );
        }
        problems.is_empty().then_some(Self { paths: full, root })
    }

    fn root(path: &Path) -> PathBuf {
        let is_root = |folder: &&Path| folder.file_name().is_some_and(|name| name == "scenarios");
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        folder.ancestors().find(is_root).unwrap_or(folder).to_owned()
    }

    /// The path below the scenario folder.
    fn id(&self, path: &Path) -> String {
        slashed(path.strip_prefix(&self.root).unwrap_or(path))
    }

    /// The same without the ending.
    fn id_of_file(&self, path: &Path) -> String {
        self.id(&path.with_extension(""))
    }

    /// The snapshots: beside the scenario folder where it is named so, else in it.
    fn store(&self) -> Store {
        let beside = self.root.file_name().is_some_and(|name| name == "scenarios");
        let folder = if beside { self.root.parent().unwrap_or(&self.root) } else { &self.root };
        Store::new(short(&folder.join("snapshots")))
    }
}

/// What the command line selects; tag expressions are sources like any other text.
pub(super) fn selection(
    selection: &Selection,
    shard: Option<plan::Shard>,
    sources: &mut Sources,
    problems: &mut Vec<Diagnostic>,
) -> plan::Selection {
    let tags = selection.tag.as_ref().and_then(|text| {
        let source = sources.add("--tag", text);
        TagExpression::parse(source, sources).map_err(|problem| problems.push(*problem)).ok()
    });
    let filter = selection.filter.as_ref().and_then(|text| {
        let problem = |error| {
            Diagnostic::nowhere(format!("`--filter` is not a pattern: {error}"))
                .expected("an id, or a pattern such as `email/*`")
        };
        plan::Filter::parse(text).map_err(|error| problems.push(problem(error))).ok()
    });
    plan::Selection { filter, tags, shard, ..plan::Selection::default() }
}

/// A selection of nothing is more likely a slip than a wish.
pub(super) fn nothing_selected() -> Diagnostic {
    Diagnostic::nowhere("no scenario is selected")
        .hint("`countersign list` prints those that there are, with their tags")
}

fn twice(scenario: &Scenario, other: &str) -> Diagnostic {
    let message = format!("there are two scenarios with the id `{}`", scenario.id);
    let problem = Diagnostic::at(scenario.title.span, message);
    if other == scenario.file {
        problem.hint("the matrix has a value twice")
    } else {
        problem.hint(format!("the other one is {other}"))
    }
}

/// The scenario files, each once.
fn find(place: &Place, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for path in &place.paths {
        if path.is_dir() {
            files.extend(below(path, problems));
        } else if path.is_file() {
            files.push(path.clone());
        } else {
            problems.push(Diagnostic::file(shown(path), "this is neither a file nor a folder"));
        }
    }
    files.retain(|file| seen.insert(file.clone()));
    files
}

fn below(folder: &Path, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let before = problems.len();
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(|entry| entry.depth() == 0 || !hidden(entry)) {
        match entry {
            Ok(entry) if is_scenario(entry.path()) && entry.file_type().is_file() => {
                files.push(entry.into_path());
            }
            Ok(_) => {}
            Err(error) => {
                let place = error.path().map(shown).unwrap_or_default();
                let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                problems.push(Diagnostic::file(place, format!("this cannot be read: {why}")));
            }
        }
    }
    if files.is_empty() && problems.len() == before {
        problems.push(
            Diagnostic::file(shown(folder), "there are no scenarios in this folder")
                .expected("files that end in `.yaml` or `.yml`"),
        );
    }
    files
}

fn hidden(entry: &walkdir::DirEntry) -> bool {
    entry.file_name().to_str().is_some_and(|name| name.starts_with('.'))
}

fn is_scenario(path: &Path) -> bool {
    let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    is_yaml && path.file_name().is_none_or(|name| name != "requirements.yaml")
}

/// A path that is not there, with the one that was probably meant.
pub(super) fn missing(path: &Path) -> Diagnostic {
    let problem = Diagnostic::file(slashed(path), "there is no such file or folder");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let names: Vec<String> = fs::read_dir(folder.unwrap_or(Path::new(".")))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match suggest(name, names.iter().map(String::as_str)) {
        Some(meant) => {
            let meant = folder.map_or_else(|| PathBuf::from(meant), |folder| folder.join(meant));
            problem.hint(format!("did you mean `{}`?", slashed(&meant)))
        }
        None => problem,
    }
}

pub(super) fn read(path: &Path, problems: &mut Vec<Diagnostic>) -> Option<String> {
    let fail = |message: String| Diagnostic::file(shown(path), message);
    match read_bounded(path) {
        Ok(bytes) if bytes.len() as u64 > LARGEST => {
            problems.push(
                fail("this file is too large".to_owned())
                    .expected(format!("at most {} KiB", LARGEST / 1024)),
            );
            None
        }
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let before = String::from_utf8_lossy(valid);
                let line = before.split('\n').count();
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let place = format!("{}:{line}:{column}", shown(path));
                problems.push(
                    Diagnostic::file(place, "this byte is not UTF-8")
                        .hint("save the file as UTF-8"),
                );
                None
            }
        },
        Err(error) => {
            problems.push(fail(format!("this file cannot be read: {error}")));
            None
        }
    }
}

/// Reads a file up to one byte more than it may have.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a text beside its place and renames it: the file is whole or as it was.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let beside = path.with_file_name(name);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

fn requirements(
    root: &Path,
    sources: &mut Sources,
    problems: &mut Vec<Diagnostic>,
) -> Requirements {
    let path = root.join("requirements.yaml");
    let source = if path.exists() {
        let Some(text) = read(&path, problems) else { return Requirements::default() };
        sources.add(shown(&path), text)
    } else {
        sources.add("requirements.yaml", BUILT_IN)
    };
    Requirements::parse(source, sources, problems)
}

/// A path as it is shown: from the current folder where that is on its way, with slashes everywhere.
pub(super) fn shown(path: &Path) -> String {
    slashed(&short(path))
}

fn short(path: &Path) -> PathBuf {
    let below = CURRENT.as_ref().and_then(|current| path.strip_prefix(current).ok());
    let path = below.unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

/// The folder that the program was started in, which it never leaves; asked for once, for every file is shown from it.
static CURRENT: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| env::current_dir().and_then(fs::canonicalize).ok());

fn slashed(path: &Path) -> String {
    path.display().to_string().replace(MAIN_SEPARATOR, "/")
}
