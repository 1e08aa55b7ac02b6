//! The end of a run, and what an interrupted one has left: users are removed, settings become what they were.

use std::time::Duration;

use tokio::sync::Mutex;

use super::{
    MARK, Tenant, around_name,
    journal::{self, Entry, Found, Journal, Left},
    management::Management,
    open::{Field, OpenError},
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
        OpenError::new(Field::Nothing, format!("the journals cannot be read: {error}"), "see there")
    })?;
    let mut alive = Vec::new();
    for found in journals {
        match found {
            Found::Alive(run) => alive.push(run),
            Found::Over(journal, left) => {
                undo(&management, &journal, left, &mut done, &mut retries).await;
                if let Err(error) = journal.end() {
                    done.failed.push(error.to_string());
                }
            }
        }
    }
    done.alive = alive.len();
    if done.failed.is_empty() {
        by_mark(
            &management,
            &format!("{}{MARK}-", around_name(spec).0),
            &alive,
            all,
            &mut done,
            &mut retries,
        )
        .await
        .map_err(|error| OpenError::new(Field::Management, error.to_string(), "try again"))?;
    }
    Ok(done)
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
                return;
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
            let email = user["email"].as_str().unwrap_or_default().to_lowercase();
            let name = email.strip_prefix(&*mark.to_lowercase());
            let run = name.and_then(|name| name.split('-').next());
            let Some((id, run)) = user["user_id"].as_str().zip(run) else { continue };
            if alive.iter().any(|known| known == run) {
                continue;
            }
            if !all && is_young(run) {
                if !kept.iter().any(|known| known == id) {
                    kept.push(id.to_owned());
                }
                continue;
            }
            management.remove_user(id, retries).await?;
            removed += 1;
        }
        done.removed += removed;
        // Searches find fifty at once.
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
