//! The end of a run, and what an interrupted one has left: users are removed, settings become what they were.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    MARK, Tenant, around_name,
    journal::{self, Entry, Found, Journal, Left},
    management::Management,
    open::{Field, OpenError, on_disk},
    pace::Pace,
    wire::Wire,
};
use crate::{config::TargetSpec, exchange::Retry, target::PrepareError};

/// What a clean-up came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// How many users were removed.
    pub removed: usize,
    /// Whether settings were made what they were.
    pub restored: bool,
    /// The runs that go on, and keep what is theirs.
    pub alive: usize,
    /// Users of runs of which nothing is known here, and that may go on elsewhere.
    pub young: usize,
    /// What could not be undone, and why.
    pub failed: Vec<String>,
}

/// A run that is not known here and has made a user within this time may go on elsewhere.
const YOUNG: Duration = Duration::from_hours(1);

impl Tenant {
    /// Ends the run: what scenarios could not remove is tried once more, and the settings become what they were. What is
    /// left after that is told; the journal is kept for it.
    pub async fn close(self) -> Cleanup {
        let mut done = Cleanup::default();
        let mut retries = Vec::new();
        let left = self.journal.left().unwrap_or_default();
        if left != Left::default() {
            match self.management() {
                Ok(management) => {
                    undo(&management, &self.journal, left, &mut done, &mut retries).await;
                }
                Err(error) => done.failed.push(error.to_string()),
            }
        }
        if let Err(error) = self.journal.end() {
            let path = self.journal.path().display();
            done.failed.push(format!("the journal {path} cannot be removed: {error}"));
        }
        done
    }
}

/// Removes what runs that are over have left in a tenant: all that the journals of this folder have, and users that have
/// the mark of runs of which nothing is known here. Those are left that are less than an hour old, unless `all` is to go.
pub async fn cleanup(name: &str, spec: &TargetSpec, all: bool) -> Result<Cleanup, OpenError> {
    let unusable = |cause: String| OpenError::new(Field::Authorities, cause, "see `ca`");
    let wire = Wire::new(spec.authorities.as_deref(), Pace::new(spec.rate, 1)).map_err(unusable)?;
    let client = spec.management.as_ref().ok_or_else(|| {
        let message = "users cannot be removed without `management`";
        OpenError::new(Field::Nothing, message, "it is the application for the Management API")
    })?;
    let token = Mutex::new(None);
    let management = Management::new(&wire, &spec.domain, client, &token);
    let mut retries = Vec::new();
    let mut done = Cleanup::default();
    let journals = journal::all(name).map_err(|error| {
        let message = format!("the journals cannot be read: {error}");
        OpenError::new(Field::Nothing, message, "they are in `.countersign`, in this folder")
    })?;
    let mut alive = Vec::new();
    let mut over = Vec::new();
    for found in journals {
        match found {
            Found::Alive(run) => alive.push(run),
            Found::Over(journal, left) => over.push((journal, left)),
        }
    }
    done.alive = alive.len();
    // Held to the end: no run may begin to rely on what is changed here.
    let lease = journal::settings_lease(&spec.domain, true).map_err(|error| on_disk(&error))?;
    let mut in_use = None;
    for (journal, mut left) in over {
        if lease.is_none() && left.settings.take().is_some() {
            in_use = Some("the settings stay as they are: a run that goes on relies on them");
        }
        undo(&management, &journal, left, &mut done, &mut retries).await;
        if let Err(error) = journal.end() {
            done.failed.push(error.to_string());
        }
        // What was done before it is to be undone after it.
        if !done.failed.is_empty() {
            break;
        }
    }
    done.failed.extend(in_use.map(str::to_owned));
    if done.failed.is_empty() {
        by_mark(&management, &mark(spec), &alive, all, &mut done, &mut retries)
            .await
            .map_err(|error| OpenError::new(Field::Management, error.to_string(), "try again"))?;
    }
    Ok(done)
}

/// What earlier runs have left, as far as it can be seen.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    /// The runs that go on.
    pub(super) alive: Vec<String>,
    /// How many have ended and have a journal.
    pub(super) over: usize,
    /// How many users those have left, as the journals say.
    pub(super) users: usize,
    /// Whether one has left settings that it had changed.
    pub(super) settings: bool,
}

/// What the journals of this folder say of a target.
pub(super) fn leftovers(name: &str) -> std::io::Result<Leftovers> {
    let mut leftovers = Leftovers::default();
    for found in journal::all(name)? {
        match found {
            Found::Alive(run) => leftovers.alive.push(run),
            Found::Over(_, left) => {
                leftovers.over += 1;
                leftovers.users += left.users.len();
                leftovers.settings |= left.settings.is_some();
            }
        }
    }
    Ok(leftovers)
}

/// How many users of the tenant have the mark of a run that is not among those that go on, as far as one search finds
/// them, and how many of them are so young that their run may go on elsewhere.
pub(super) async fn marked(
    management: &Management<'_>,
    spec: &TargetSpec,
    alive: &[String],
    retries: &mut Vec<Retry>,
) -> Result<(usize, usize), PrepareError> {
    let mark = mark(spec);
    let users = management.search(&format!("email:{mark}*"), retries).await?;
    let runs: Vec<_> = users.iter().filter_map(|user| over(user, &mark, alive)).collect();
    Ok((runs.len(), runs.iter().filter(|run| is_young(run)).count()))
}

/// What the addresses of users begin with that runs have made.
fn mark(spec: &TargetSpec) -> String {
    format!("{}{MARK}-", around_name(spec).0)
}

/// The run that has made a user, if it is none of those that go on.
fn over(user: &Value, mark: &str, alive: &[String]) -> Option<String> {
    let email = user["email"].as_str()?.to_lowercase();
    let run = email.strip_prefix(&*mark.to_lowercase())?.split('-').next()?;
    (!alive.iter().any(|known| known == run)).then(|| run.to_owned())
}

/// Undoes what a journal has left.
async fn undo(
    management: &Management<'_>,
    journal: &Journal,
    left: Left,
    done: &mut Cleanup,
    retries: &mut Vec<Retry>,
) {
    for (email, id) in left.users {
        match remove(management, &email, id, retries).await {
            Ok(was_there) => {
                done.removed += usize::from(was_there);
                // Should it not be written, the user is looked for in vain the next time.
                let _ = journal.write(&Entry::Removed { email });
            }
            Err(error) => {
                done.failed.push(format!("a user could not be removed: {error}"));
                // The others would fail in the same way.
                break;
            }
        }
    }
    if let Some(before) = left.settings {
        let restored = async {
            let now = management.settings(retries).await?;
            management.change(before.changes(&now), retries).await
        };
        match restored.await {
            Ok(()) => {
                done.restored = true;
                let _ = journal.write(&Entry::Restored);
            }
            Err(error) => done.failed.push(format!("the settings are not what they were: {error}")),
        }
    }
}

/// Removes a user; one whose id is not known is looked for. Whether there was one is answered.
async fn remove(
    management: &Management<'_>,
    email: &str,
    id: Option<String>,
    retries: &mut Vec<Retry>,
) -> Result<bool, PrepareError> {
    let id = match id {
        Some(id) => Some(id),
        None => management.user_with(email, retries).await?,
    };
    let Some(id) = id else { return Ok(false) };
    management.remove_user(&id, retries).await?;
    Ok(true)
}

/// Removes users whose addresses begin with the mark, but for those of runs that go on.
async fn by_mark(
    management: &Management<'_>,
    mark: &str,
    alive: &[String],
    all: bool,
    done: &mut Cleanup,
    retries: &mut Vec<Retry>,
) -> Result<(), PrepareError> {
    let mut kept = Vec::new();
    loop {
        let users = management.search(&format!("email:{mark}*"), retries).await?;
        let mut removed = 0;
        for user in users {
            let Some((id, run)) = user["user_id"].as_str().zip(over(&user, mark, alive)) else {
                continue;
            };
            if !all && is_young(&run) {
                if !kept.iter().any(|known| known == id) {
                    kept.push(id.to_owned());
                }
                continue;
            }
            management.remove_user(id, retries).await?;
            removed += 1;
        }
        done.removed += removed;
        // A search finds no more than so many.
        if removed == 0 {
            break;
        }
    }
    done.young = kept.len();
    Ok(())
}

/// Whether a run began within the last hour, as its name says.
fn is_young(run: &str) -> bool {
    let began = run.get(..8).and_then(|seconds| u64::from_str_radix(seconds, 16).ok());
    let now = crate::clock::AdjustedClock::default().now().as_secs();
    began.is_none_or(|began| began + YOUNG.as_secs() > now)
}
