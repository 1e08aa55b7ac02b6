//! What there is a fixed number of in a tenant, each for one scenario at a time: users that are there, phone numbers.
//!
//! Runs beside each other in one folder share them, too, and so do targets: who has one locks a file.

use std::{
    fs::File,
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::journal;
use crate::clock;

/// How long to wait between two looks at what others have.
const PAUSE: Duration = Duration::from_millis(100);

/// Things by their numbers.
pub(super) struct Pool {
    /// The names of their files.
    names: Vec<String>,
    taken: Mutex<Vec<bool>>,
}

/// Some of them, until it is dropped.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    /// Their numbers.
    pub(super) numbers: Vec<usize>,
    /// Locked as long as they are open.
    _files: Vec<File>,
}

impl Pool {
    /// A pool of what these texts are, such as addresses; what is in the names of files does not tell them.
    pub(super) fn new(texts: impl Iterator<Item = String>) -> Self {
        let names: Vec<_> = texts.map(|text| format!("{:016x}", hash(&text))).collect();
        let taken = Mutex::new(vec![false; names.len()]);
        Self { names, taken }
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.names.len()
    }

    /// Waits until `count` are free, and takes them all at once: who holds some never waits for more.
    pub(super) async fn take(&self, count: usize) -> io::Result<Lease<'_>> {
        loop {
            if let Some(lease) = self.try_take(count)? {
                return Ok(lease);
            }
            clock::wait(PAUSE).await;
        }
    }

    fn try_take(&self, count: usize) -> io::Result<Option<Lease<'_>>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut numbers, mut files) = (Vec::new(), Vec::new());
        for (number, name) in self.names.iter().enumerate() {
            if numbers.len() == count {
                break;
            }
            if !taken[number]
                && let Some(file) = journal::lease(name)?
            {
                numbers.push(number);
                files.push(file);
            }
        }
        if numbers.len() < count {
            return Ok(None);
        }
        for number in &numbers {
            taken[*number] = true;
        }
        Ok(Some(Lease { pool: self, numbers, _files: files }))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut taken = self.pool.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for number in &self.numbers {
            taken[*number] = false;
        }
    }
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
