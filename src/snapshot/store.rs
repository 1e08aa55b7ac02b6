//! The folder of snapshots: `<scenario id>.snap`, and what is pending beside it as `.snap.new`.
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
        Self { root }
    }

    /// The path of a scenario's snapshot.
    #[must_use]
    pub fn path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{id}.snap"))
    }

    /// The path of a scenario's pending snapshot.
    #[must_use]
    pub fn pending_path(&self, id: &str) -> PathBuf {
        self.root.join(format!("{id}.snap.new"))
    }

    /// The text of a scenario's snapshot, if there is one.
    pub fn read(&self, id: &str) -> io::Result<Option<String>> {
        read(&self.path(id))
    }

    /// The text of a scenario's pending snapshot, if there is one.
    pub fn read_pending(&self, id: &str) -> io::Result<Option<String>> {
        read(&self.pending_path(id))
    }

    /// Makes `text` the scenario's snapshot; what was pending is gone.
    pub fn write(&self, id: &str, text: &str) -> io::Result<()> {
        write_whole(&self.path(id), text)?;
        self.reject(id)
    }

    /// Makes `text` pending.
    pub fn write_pending(&self, id: &str, text: &str) -> io::Result<()> {
        write_whole(&self.pending_path(id), text)
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

    /// The ids of which something is pending, sorted.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        self.ids(".snap.new")
    }

    /// The ids of the snapshots that none of `used` is, sorted. Exceptions of a target (`@name`) do not count.
    #[must_use]
    pub fn unused(&self, used: &BTreeSet<&str>) -> Vec<String> {
        let mut ids = self.ids(".snap");
        ids.retain(|id| !used.contains(id.as_str()) && !id.starts_with('@'));
        ids
    }

    fn ids(&self, ending: &str) -> Vec<String> {
        let mut ids: Vec<_> = WalkDir::new(&self.root)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .filter_map(|entry| {
                let path = entry.path().strip_prefix(&self.root).ok()?.to_str()?;
                Some(path.strip_suffix(ending)?.replace(std::path::MAIN_SEPARATOR, "/"))
            })
            .collect();
        ids.sort_unstable();
        ids
    }
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
