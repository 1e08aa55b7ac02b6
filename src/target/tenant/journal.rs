//! What a run has made in a tenant, on disk before it is made: whatever happens to the program, it can be found again.
//!
//! A journal is a file of lines of JSON, `.countersign/<target>/<run>.journal`, locked as long as its run goes on. It is
//! removed when nothing is left to be undone.
#![expect(clippy::disallowed_methods, reason = "this is where journals are read and written")]

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::settings::Settings;

/// The folder, in the current one, in which runs keep what they have to remember.
pub(super) const FOLDER: &str = ".countersign";
/// The folder in it with the files that are locked for what one run at a time has. No target is called so.
const LEASES: &str = "@leases";
/// How the names of journals end.
const ENDING: &str = "journal";

/// Something that has to be undone, or was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub(super) enum Entry {
    /// A user is about to be made.
    Creating {
        /// The address.
        email: String,
    },
    /// The user is there.
    Created {
        /// The address.
        email: String,
        /// The tenant's id.
        id: String,
    },
    /// The user is gone.
    Removed {
        /// The address.
        email: String,
    },
    /// The settings are about to be changed for the first time.
    Changing {
        /// What they were.
        before: Settings,
    },
    /// The settings are again what they were.
    Restored,
}

/// The journal of a run that goes on.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// Whether its last line was torn when it was found.
    is_torn: bool,
}

/// What a run has left in a tenant.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Left {
    /// Users by their addresses; with their ids, where they are known.
    pub(super) users: BTreeMap<String, Option<String>>,
    /// What the settings were.
    pub(super) settings: Option<Settings>,
}

/// A journal that was found.
pub(super) enum Found {
    /// Its run goes on.
    Alive(String),
    /// Its run has ended, one way or another.
    Over(Journal, Left),
}

impl Journal {
    /// Begins the journal of a run on a target.
    pub(super) fn begin(target: &str, run: &str) -> io::Result<Self> {
        let folder = folder(target);
        make(&folder)?;
        let path = folder.join(run).with_extension(ENDING);
        // Under its name it is locked from the first moment on: a clean-up must not take it for what a run has left.
        let unnamed = path.with_extension("new");
        let file = private().create_new(true).append(true).open(&unnamed)?;
        file.lock()?;
        fs::rename(unnamed, &path)?;
        // That there is such a file has to be on the disk, too.
        #[cfg(unix)]
        File::open(&folder)?.sync_all()?;
        Ok(Self { file, path, is_torn: false })
    }

    /// Writes a line, and returns when it is on the disk.
    pub(super) fn write(&self, entry: &Entry) -> io::Result<()> {
        // It must not become a part of a line that was torn; empty ones say nothing.
        let mut line = if self.is_torn { vec![b'\n'] } else { Vec::new() };
        serde_json::to_writer(&mut line, entry)?;
        line.push(b'\n');
        // One call for the whole line: two that write at once do not mix.
        (&self.file).write_all(&line)?;
        self.file.sync_data()
    }

    /// Where it is, for a person.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is still to be undone.
    pub(super) fn left(&self) -> io::Result<Left> {
        Ok(left(&String::from_utf8_lossy(&fs::read(&self.path)?)))
    }

    /// Removes it, if nothing is left to be undone.
    pub(super) fn end(&self) -> io::Result<()> {
        if self.left()? == Left::default() {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

/// The journals of all runs on a target, the latest first: a run takes for the tenant's own settings what the one before
/// it has left, so it has to be undone first.
pub(super) fn all(target: &str) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(folder(target)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|ending| ending == ENDING);
    let mut paths: Vec<_> = paths.into_iter().filter(is_journal).collect();
    // Their names begin with the time.
    paths.sort_unstable_by(|one, other| other.cmp(one));
    let mut found = Vec::new();
    for path in paths {
        let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
        let run = path.file_stem().map(|run| run.to_string_lossy().into_owned());
        found.push(match file.try_lock() {
            Ok(()) => {
                let mut text = Vec::new();
                file.read_to_end(&mut text)?;
                let is_torn = text.last().is_some_and(|last| *last != b'\n');
                let left = left(&String::from_utf8_lossy(&text));
                Found::Over(Journal { file, path, is_torn }, left)
            }
            Err(TryLockError::WouldBlock) => Found::Alive(run.unwrap_or_default()),
            Err(TryLockError::Error(error)) => return Err(error),
        });
    }
    Ok(found)
}

/// Takes something for this process alone, such as a phone number, which several targets may have; nothing if another
/// process has it.
pub(super) fn lease(name: &str) -> io::Result<Option<File>> {
    lock(name, File::try_lock)
}

/// The right to change the settings of a tenant, which one run has, or to rely on them, which several may have; nothing
/// if another run keeps it from being had.
pub(super) fn settings_lease(domain: &str, may_change: bool) -> io::Result<Option<File>> {
    // A port has a colon before it, which not every system has in names.
    let name = domain.replace(':', "_");
    if may_change { lock(&name, File::try_lock) } else { lock(&name, File::try_lock_shared) }
}

/// Whether a run in this folder may be changing the settings of a tenant at this moment. Nothing is kept.
pub(super) fn is_changing(domain: &str) -> bool {
    let path = Path::new(FOLDER).join(LEASES).join(domain.replace(':', "_"));
    let file = OpenOptions::new().read(true).open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock(
    name: &str,
    try_lock: impl FnOnce(&File) -> Result<(), TryLockError>,
) -> io::Result<Option<File>> {
    let folder = Path::new(FOLDER).join(LEASES);
    make(&folder)?;
    let path = folder.join(name);
    let file = private().create(true).truncate(false).write(true).open(path)?;
    match try_lock(&file) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A folder that is for its user alone: in a journal are the addresses of users.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Of a file that is made, the same.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there are no modes"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn folder(target: &str) -> PathBuf {
    Path::new(FOLDER).join(target)
}

/// What the lines of a journal leave to be undone. A last line that is not whole is of something that was not begun.
fn left(text: &str) -> Left {
    let mut left = Left::default();
    for entry in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match entry {
            Entry::Creating { email } => {
                left.users.entry(email).or_default();
            }
            Entry::Created { email, id } => {
                left.users.insert(email, Some(id));
            }
            Entry::Removed { email } => {
                left.users.remove(&email);
            }
            Entry::Changing { before } => {
                left.settings.get_or_insert(before);
            }
            Entry::Restored => left.settings = None,
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Entry, Left, left};

    #[test]
    fn what_was_begun_and_not_removed_is_left() {
        let email = |name: &str| format!("{name}@x.example");
        let entries = [
            Entry::Creating { email: email("a") },
            Entry::Creating { email: email("b") },
            Entry::Created { email: email("a"), id: "auth0|a".to_owned() },
            Entry::Created { email: email("b"), id: "auth0|b".to_owned() },
            Entry::Removed { email: email("a") },
            Entry::Creating { email: email("c") },
        ];
        let lines = entries.map(|entry| serde_json::to_string(&entry).expect("it is JSON"));
        let text = format!("{}\n{{\"entry\":\"removed\",\"em", lines.join("\n"));
        let users = BTreeMap::from([(email("b"), Some("auth0|b".to_owned())), (email("c"), None)]);
        assert_eq!(left(&text), Left { users, settings: None });
    }
}
