//! Attack protection: logins are counted by the name and by the address that they come from.

use std::time::Duration;

use super::{
    Emulator,
    error::Refusal,
    limits::{Bucket, Limits},
    tenant::Client,
};
use crate::{clock::Timestamp, exchange::Request};

/// What comes of wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BruteForceProtection {
    /// Nothing.
    Off,
    /// After this many of them, in a row \[guess\], no login of that name from that address, be the
    /// password right or not. 10 unless it is configured, between 1 and 100 \[doc\].
    Block {
        /// How many.
        max_attempts: u32,
    },
}

impl Default for BruteForceProtection {
    fn default() -> Self {
        Self::Block { max_attempts: 10 }
    }
}

/// How long a block lasts after the last wrong password \[doc\].
const BLOCK: Duration = Duration::from_hours(30 * 24);

/// So much is remembered of a name and of an address: more than an e-mail address has, and no more
/// than can be kept of whatever somebody sends.
const LONGEST: usize = 320;

/// The logins of one name from one address.
#[derive(Clone)]
pub(super) struct Attempts {
    identifier: String,
    /// Those of a minute, wrong and right ones alike \[doc\].
    all: Bucket,
    failed: u32,
    last_failure: Timestamp,
}

impl Attempts {
    /// Counts a login, unless it is one too many. Which of the two refusals comes first, and what
    /// the login limit's is, is not said \[guess\].
    pub(super) fn begin(
        &mut self,
        protection: BruteForceProtection,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if self.all.is_empty(now) {
            return Err(self.all.refusal(false, now));
        }
        self.all.take(now);
        if self.failed > 0 && self.last_failure + BLOCK <= now {
            self.failed = 0;
        }
        match protection {
            BruteForceProtection::Block { max_attempts } if self.failed >= max_attempts => {
                Err(Refusal::blocked())
            }
            _ => Ok(()),
        }
    }

    /// The password was wrong.
    pub(super) const fn fail(&mut self, now: Timestamp) {
        self.failed = self.failed.saturating_add(1);
        self.last_failure = now;
    }

    /// The password was right: the wrong ones before it are forgotten \[guess\]. The pages name
    /// what ends a block, not what ends a count.
    pub(super) const fn succeed(&mut self) {
        self.failed = 0;
    }
}

impl Emulator {
    /// Lifts the block of a name, from wherever it tried: what an administrator does, or the user by
    /// the link in the mail about it or by a new password \[doc\].
    pub fn unblock(&mut self, identifier: &str) {
        let identifier = name(identifier);
        let blocked = self.attempts.iter_mut().filter(|known| known.identifier == identifier);
        blocked.for_each(Attempts::succeed);
    }

    /// What was counted for this name from this address.
    pub(super) fn attempts(&mut self, identifier: &str, address: &str) -> &mut Attempts {
        let identifier = name(identifier);
        let address: String = address.chars().take(LONGEST).collect();
        let Limits { logins, .. } = self.tenant.limits;
        self.attempts.get_or_insert_with(&format!("{identifier}\n{address}"), || Attempts {
            identifier,
            all: Bucket::new(logins),
            failed: 0,
            last_failure: Timestamp::from_millis(0),
        })
    }
}

/// A name without regard to case.
fn name(identifier: &str) -> String {
    identifier.chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

/// Where a login comes from: a confidential client may say so for its user, as the application is
/// trusted to \[doc: `auth0-forwarded-for`\]. That trust is a switch of the application's, which is
/// on here. All others come from one address: the connection is not known here.
pub(super) fn address<'a>(request: &'a Request, client: &Client) -> &'a str {
    let forwarded = request.headers.get("auth0-forwarded-for");
    forwarded.filter(|_| !client.is_public()).unwrap_or_default()
}
