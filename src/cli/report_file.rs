//! The file of a report: written beside its place and put there when it is whole, so that it is complete or not there.
#![expect(clippy::disallowed_methods, reason = "reports are written")]

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    process,
};

/// A report that is being written. Unless it is put in its place, nothing is left of it.
pub(super) struct ReportFile {
    beside: PathBuf,
    place: Place,
}

enum Place {
    /// A file, or none yet.
    File(PathBuf),
    /// A pipe or a device: nothing that may be replaced.
    Stream(PathBuf),
}

impl ReportFile {
    /// Finds out whether the report can be written, and begins it.
    pub(super) fn create(path: &Path) -> io::Result<(Self, BufWriter<File>)> {
        // What a link leads to is replaced, not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let is_device = ["/dev", "/proc"].into_iter().any(|folder| path.starts_with(folder));
        let number = process::id();
        let (beside, place) = match fs::metadata(&place) {
            Ok(found) if found.is_dir() => {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            Ok(found) if !found.is_file() || is_device => {
                let name = path.display().to_string().replace(['/', '\\'], "-");
                let beside = env::temp_dir().join(format!("countersign{name}.{number}.part"));
                (beside, Place::Stream(path.to_owned()))
            }
            found => {
                if found.is_ok() {
                    // One that must not be changed is not replaced either.
                    OpenOptions::new().write(true).open(&place)?;
                }
                let name = place.file_name().unwrap_or_default().display().to_string();
                (place.with_file_name(format!(".{name}.{number}.part")), Place::File(place))
            }
        };
        let file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
        Ok((Self { beside, place }, BufWriter::new(file)))
    }

    /// Removes the report of an earlier run.
    pub(super) fn remove_older(&self) -> io::Result<()> {
        match &self.place {
            Place::File(path) if path.exists() => fs::remove_file(path),
            Place::File(_) | Place::Stream(_) => Ok(()),
        }
    }

    /// Puts what was written in its place; the writer must have been flushed.
    pub(super) fn put_in_place(self) -> io::Result<()> {
        match &self.place {
            Place::File(path) => fs::rename(&self.beside, path),
            Place::Stream(path) => {
                let mut stream = OpenOptions::new().write(true).open(path)?;
                io::copy(&mut File::open(&self.beside)?, &mut stream).map(drop)
            }
        }
    }
}

impl Drop for ReportFile {
    fn drop(&mut self) {
        // Where it has been put in its place there is nothing any more.
        let _ = fs::remove_file(&self.beside);
    }
}
