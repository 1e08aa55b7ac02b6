//! The folder of snapshots: `<scenario id>.snap`, and what is pending beside it as `.snap.new`.
//!
//! A target that is known to differ in some scenarios has snapshots of its own for these in `@<target>/`. All others it
//! shares with every target, and a run on it never overwrites them.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where snapshots are read and written"
)]

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

/// The folder of the snapshots of one scenario folder.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    differing: Option<Differing>,
}

/// A target that is known to differ.
#[derive(Clone, Debug)]
struct Differing {
    target: String,
    /// The ids of the scenarios in which it does.
    exceptions: BTreeSet<String>,
}

/// What a run may write: as insta's `INSTA_UPDATE` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// New and changed results become pending.
    New,
    /// New and changed results become snapshots.
    Always,
    /// Nothing is written.
    No,
}

impl Store {
    /// The store in this folder, which need not be there.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root, differing: None }
    }

    /// The same folder as a tenant has it, which is known to differ in the scenarios with these ids.
    #[must_use]
    pub fn of(self, target: &str, exceptions: impl IntoIterator<Item = String>) -> Self {
        let exceptions = exceptions.into_iter().collect();
        let differing = Differing { target: target.to_owned(), exceptions };
        Self { differing: Some(differing), ..self }
    }

    /// The path of a scenario's snapshot, which a result would be written to.
    #[must_use]
    pub fn path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{}.snap", self.stored(id)))
    }

    /// The path of a scenario's pending snapshot.
    #[must_use]
    pub fn pending_path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{}.snap.new", self.stored(id)))
    }

    /// The path of the snapshot that a result is held against: the shared one as long as an exception has none.
    #[must_use]
    pub fn recorded_path(&self, id: &str) -> PathBuf {
        let path = self.path(id);
        if self.is_exception(id) && !path.exists() { self.shared_path(id) } else { path }
    }

    /// The text of the snapshot that a result is held against, if there is one.
    pub fn read(&self, id: &str) -> io::Result<Option<String>> {
        read(&self.recorded_path(id))
    }

    /// The text of the snapshot that other targets have, where this one is known to differ.
    pub fn read_shared(&self, id: &str) -> io::Result<Option<String>> {
        if self.is_exception(id) { read(&self.shared_path(id)) } else { Ok(None) }
    }

    /// The tenant, where a snapshot is one that it shares: what it alone does must not overwrite it.
    #[must_use]
    pub fn shared_by(&self, id: &str) -> Option<&str> {
        let target = self.differing.as_ref().map(|differing| differing.target.as_str());
        target.filter(|_| !self.is_exception(id))
    }

    /// Whether the target has a snapshot of its own.
    #[must_use]
    pub fn has_own(&self, id: &str) -> bool {
        self.is_exception(id) && self.path(id).exists()
    }

    /// The text of a scenario's pending snapshot, if there is one.
    pub fn read_pending(&self, id: &str) -> io::Result<Option<String>> {
        read(&self.pending_path(id))
    }

    /// Makes `text` the scenario's snapshot; what was pending is gone.
    pub fn write(&self, id: &str, text: &str) -> io::Result<()> {
        write_whole(&self.path(id), text)?;
        self.reject(id)?;
        self.forget_shared(id, text)
    }

    /// Makes `text` pending.
    pub fn write_pending(&self, id: &str, text: &str) -> io::Result<()> {
        write_whole(&self.pending_path(id), text)?;
        self.forget_shared(id, text)
    }

    /// What became an exception was pending for all targets before: it must not be accepted for them.
    fn forget_shared(&self, id: &str, text: &str) -> io::Result<()> {
        let pending = self.root.join(format!("{id}.snap.new"));
        if self.is_exception(id) && read(&pending)?.as_deref() == Some(text) {
            fs::remove_file(pending)?;
        }
        Ok(())
    }

    /// Makes what is pending the scenario's snapshot.
    pub fn accept(&self, id: &str) -> io::Result<()> {
        fs::rename(self.pending_path(id), self.path(id))
    }

    /// Removes what is pending, if anything is.
    pub fn reject(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.pending_path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What is pending, as paths below the folder without their ending, sorted: ids, and of targets `@target/id`.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        self.ids(".snap.new")
    }

    /// The targets that have a snapshot of this scenario's for themselves, sorted.
    #[must_use]
    pub fn differing(&self, id: &str) -> Vec<String> {
        let folders = WalkDir::new(&self.root).min_depth(1).max_depth(1).sort_by_file_name();
        let names = folders.into_iter().filter_map(Result::ok);
        let targets = names
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix('@')?.to_owned()));
        targets.filter(|target| self.root.join(format!("@{target}/{id}.snap")).is_file()).collect()
    }

    /// The paths of snapshots, and of pending ones, that no run has a use for, sorted: those of no id in `used`, and of
    /// this target those of no exception. What other targets have is not judged.
    #[must_use]
    pub fn unused(&self, used: &BTreeSet<&str>) -> Vec<PathBuf> {
        let is_unused = |stored: &String| match exception(stored) {
            Some((target, id)) => self.differing.as_ref().is_some_and(|differing| {
                differing.target == target && !(self.is_exception(id) && used.contains(id))
            }),
            None => !used.contains(stored.as_str()),
        };
        [".snap", ".snap.new"]
            .into_iter()
            .flat_map(|ending| {
                let stored = self.ids(ending).into_iter().filter(is_unused);
                stored.map(move |stored| self.root.join(format!("{stored}{ending}")))
            })
            .collect()
    }

    /// The target and the id of a path that is a target's own snapshot.
    #[must_use]
    pub fn exception_of(&self, path: &Path) -> Option<(String, String)> {
        let stored = slashed(path.strip_prefix(&self.root).ok()?)?;
        let stored = stored.strip_suffix(".new").unwrap_or(&stored);
        let (target, id) = exception(stored.strip_suffix(".snap")?)?;
        Some((target.to_owned(), id.to_owned()))
    }

    fn is_exception(&self, id: &str) -> bool {
        self.differing.as_ref().is_some_and(|differing| differing.exceptions.contains(id))
    }

    fn shared_path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{id}.snap"))
    }

    /// Where a scenario's snapshot is, below the folder and without its ending.
    fn stored(&self, id: &str) -> String {
        match &self.differing {
            Some(differing) if differing.exceptions.contains(id) => {
                format!("@{}/{id}", differing.target)
            }
            _ => id.to_owned(),
        }
    }

    fn ids(&self, ending: &str) -> Vec<String> {
        let mut ids: Vec<_> = WalkDir::new(&self.root)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .filter_map(|entry| {
                let path = slashed(entry.path().strip_prefix(&self.root).ok()?)?;
                Some(path.strip_suffix(ending)?.to_owned())
            })
            .collect();
        ids.sort_unstable();
        ids
    }
}

/// The target and the id of `@target/id`.
#[must_use]
pub fn exception(stored: &str) -> Option<(&str, &str)> {
    stored.strip_prefix('@')?.split_once('/')
}

fn slashed(path: &Path) -> Option<String> {
    Some(path.to_str()?.replace(std::path::MAIN_SEPARATOR, "/"))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        // A checkout may have made the line ends another system's.
        Ok(text) if text.contains('\r') => Ok(Some(text.replace("\r\n", "\n"))),
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Written beside and renamed: a snapshot is whole or not there.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("tmp");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::{Store, fs};
    use std::path::{Path, PathBuf};
    use tempfile::TempDir;

    fn store(folder: &TempDir) -> Store {
        Store::new(folder.path().to_owned())
    }

    fn staging(folder: &TempDir) -> Store {
        store(folder).of("staging", ["a/x".to_owned()])
    }

    fn below(folder: &TempDir, paths: &[PathBuf]) -> Vec<String> {
        let below = |path: &Path| path.strip_prefix(folder.path()).unwrap().display().to_string();
        paths.iter().map(|path| below(path)).collect()
    }

    #[test]
    fn exceptions_of_a_target_are_apart_and_read_first() {
        let folder = TempDir::new().unwrap();
        let (shared, own) = (store(&folder), staging(&folder));
        shared.write("a/x", "shared").unwrap();
        assert_eq!(own.read("a/x").unwrap().as_deref(), Some("shared"));
        assert_eq!(own.recorded_path("a/x"), shared.path("a/x"));
        assert!(!own.has_own("a/x"));
        own.write("a/x", "own").unwrap();
        own.write("y", "of all").unwrap();
        assert_eq!(own.read("a/x").unwrap().as_deref(), Some("own"));
        assert_eq!(own.read_shared("a/x").unwrap().as_deref(), Some("shared"));
        assert_eq!(own.read_shared("y").unwrap(), None);
        assert_eq!(own.recorded_path("a/x"), folder.path().join("@staging/a/x.snap"));
        assert_eq!(shared.read("a/x").unwrap().as_deref(), Some("shared"));
        assert_eq!(shared.read("y").unwrap().as_deref(), Some("of all"));
        assert_eq!((own.shared_by("a/x"), own.shared_by("y")), (None, Some("staging")));
        assert_eq!(
            (shared.differing("a/x"), shared.differing("y")),
            (vec!["staging".into()], vec![])
        );
        assert_eq!(shared.shared_by("y"), None);
    }

    #[test]
    fn what_becomes_an_exception_is_no_longer_pending_for_all() {
        let folder = TempDir::new().unwrap();
        let (shared, own) = (store(&folder), staging(&folder));
        shared.write_pending("a/x", "what staging does").unwrap();
        own.write_pending("a/x", "what staging does").unwrap();
        assert_eq!(shared.pending(), ["@staging/a/x"]);
        shared.write_pending("a/x", "what the emulator does").unwrap();
        own.write("a/x", "what staging does").unwrap();
        assert_eq!(shared.pending(), ["a/x"]);
        assert_eq!(own.read("a/x").unwrap().as_deref(), Some("what staging does"));
    }

    #[test]
    fn snapshots_that_no_scenario_or_exception_has_are_unused() {
        let folder = TempDir::new().unwrap();
        for name in ["a/x.snap", "gone.snap", "y.snap.new", "gone.snap.new", "@staging/a/x.snap"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for name in ["@staging/y.snap", "@staging/gone.snap.new"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let used = ["a/x", "y"].into();
        let of_all = ["gone.snap", "gone.snap.new"];
        assert_eq!(below(&folder, &store(&folder).unused(&used)), of_all);
        let other = store(&folder).of("other", []);
        assert_eq!(below(&folder, &other.unused(&used)), of_all);
        let of_staging =
            ["@staging/y.snap", "gone.snap", "@staging/gone.snap.new", "gone.snap.new"];
        assert_eq!(below(&folder, &staging(&folder).unused(&used)), of_staging);
        assert_eq!(below(&folder, &staging(&folder).unused(&["y"].into())).len(), 6);
    }
}
