//! How often something may be done: what a tenant's limits are, and what is counted against them.
//!
//! Auth0 limits by token buckets: so many at once, and new ones at a steady rate \[doc:
//! rate-limit-policy\].

use std::time::Duration;

use super::error::Refusal;
use crate::{clock::Timestamp, exchange::Headers};

/// A token bucket's size, and how it fills again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often at once: at least once.
    pub burst: u32,
    /// How long it takes until there is one more.
    pub every: Duration,
}

impl Limit {
    /// So often at once, then once each `every`.
    #[must_use]
    pub const fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every }
    }
}

/// A tenant's limits. By default those that Auth0 documents for users, and none on requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests to the Authentication API: everything but the Management API.
    pub authentication_api: Option<Limit>,
    /// Requests to the Management API: everything below `/api/v2/`.
    pub management_api: Option<Limit>,
    /// Requests to `/oauth/token`, which count for the Authentication API too.
    pub oauth_token: Option<Limit>,
    /// Logins of one user from one address, right and wrong ones alike.
    pub logins: Limit,
    /// A user's wrong codes.
    pub failed_codes: Limit,
    /// A user's wrong recovery codes.
    pub failed_recovery_codes: Limit,
    /// E-mails to a user.
    pub emails: Limit,
    /// Text messages and calls to a user, together.
    pub messages: Limit,
    /// Push notifications to a user.
    pub push: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            authentication_api: None,
            management_api: None,
            oauth_token: None,
            // 20 in a minute, then 10 a minute [doc: database-connections-rate-limits].
            logins: Limit::new(20, Duration::from_secs(6)),
            // [doc: authenticate-using-ropg-flow-with-mfa].
            failed_codes: Limit::new(10, Duration::from_mins(6)),
            // In a bucket of their own, as the next three [doc: rate-limit-configurations].
            failed_recovery_codes: Limit::new(10, Duration::from_mins(6)),
            emails: Limit::new(20, Duration::from_mins(1)),
            messages: Limit::new(10, Duration::from_hours(1)),
            push: Limit::new(5, Duration::from_secs(12)),
        }
    }
}

/// The header that says what a limit is.
const LIMIT: &str = "x-ratelimit-limit";

/// What is left of a limit. Nothing but time refills it: a success does not \[doc\].
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    limit: Limit,
    /// When the last of what was taken is back.
    full_at: Timestamp,
}

impl Bucket {
    pub(super) const fn new(limit: Limit) -> Self {
        Self { limit, full_at: Timestamp::from_millis(0) }
    }

    /// Whether there is nothing left to take.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        !self.until_next(now).is_zero()
    }

    /// Takes one. From an empty bucket too: who may not, asks first.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.full_at = self.full_at.max(now) + self.limit.every;
    }

    /// How many are left.
    fn remaining(&self, now: Timestamp) -> u32 {
        let missing = self.full_at.since(now).as_millis();
        let missing = missing.div_ceil(self.limit.every.as_millis().max(1));
        self.limit.burst.saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX))
    }

    /// How long until there is one to take; nothing, if there is.
    fn until_next(&self, now: Timestamp) -> Duration {
        let others = self.limit.every.saturating_mul(self.limit.burst.saturating_sub(1));
        self.full_at.since(now).saturating_sub(others)
    }

    /// The refusal of a request that finds it empty, with all that is to be known of it \[doc\].
    pub(super) fn refusal(&self, is_management: bool, now: Timestamp) -> Refusal {
        let mut refusal = if is_management {
            Refusal::too_many_management_requests()
        } else {
            Refusal::too_many_requests()
        };
        let seconds = self.until_next(now).as_millis().div_ceil(1000);
        refusal.headers.push(("retry-after", seconds.to_string()));
        refusal.headers.extend(self.state(now));
        refusal
    }

    /// What an answer says of it: the size, what is left, and when it is full again, in seconds of
    /// the epoch \[doc\].
    fn state(&self, now: Timestamp) -> [(&'static str, String); 3] {
        let full_at = self.full_at.max(now).as_millis().div_ceil(1000);
        [
            (LIMIT, self.limit.burst.to_string()),
            ("x-ratelimit-remaining", self.remaining(now).to_string()),
            ("x-ratelimit-reset", full_at.to_string()),
        ]
    }
}

/// What is left of the requests that a tenant takes.
#[derive(Clone)]
pub(super) struct Requests {
    authentication_api: Option<Bucket>,
    management_api: Option<Bucket>,
    oauth_token: Option<Bucket>,
}

impl Requests {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            authentication_api: limits.authentication_api.map(Bucket::new),
            management_api: limits.management_api.map(Bucket::new),
            oauth_token: limits.oauth_token.map(Bucket::new),
        }
    }

    /// Counts a request, unless there have been too many. The limit of the whole API comes before
    /// the one of an endpoint \[doc: rate-limit-policy\].
    pub(super) fn count(&mut self, path: &str, now: Timestamp) -> Result<(), Refusal> {
        let is_management = is_management(path);
        for bucket in self.buckets(path).into_iter().flatten() {
            if bucket.is_empty(now) {
                return Err(bucket.refusal(is_management, now));
            }
            bucket.take(now);
        }
        Ok(())
    }

    /// Says in an answer what is left: of the endpoint's limit where there is one \[guess\]. A
    /// refusal tells of the limit that refused already.
    pub(super) fn tell(&mut self, path: &str, headers: &mut Headers, now: Timestamp) {
        if headers.get(LIMIT).is_some() {
            return;
        }
        if let Some(bucket) = self.buckets(path).into_iter().flatten().next_back() {
            for (name, value) in bucket.state(now) {
                headers.set(name, value);
            }
        }
    }

    fn buckets(&mut self, path: &str) -> [Option<&mut Bucket>; 2] {
        if is_management(path) {
            [self.management_api.as_mut(), None]
        } else if path.split('?').next() == Some("/oauth/token") {
            [self.authentication_api.as_mut(), self.oauth_token.as_mut()]
        } else {
            [self.authentication_api.as_mut(), None]
        }
    }
}

fn is_management(path: &str) -> bool {
    path.starts_with("/api/v2/")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Bucket, Limit, Limits};
    use crate::clock::Timestamp;

    #[test]
    fn a_bucket_refills_one_by_one() {
        let start = Timestamp::from_millis(1_000_000);
        let mut bucket = Bucket::new(Limits::default().failed_codes);
        for left in (1..=10).rev() {
            assert_eq!(bucket.remaining(start), left);
            assert!(!bucket.is_empty(start));
            bucket.take(start);
        }
        assert!(bucket.is_empty(start));
        let almost = start + Duration::from_millis(6 * 60 * 1000 - 1);
        assert!(bucket.is_empty(almost));
        let later = start + Duration::from_mins(6);
        assert!(!bucket.is_empty(later));
        bucket.take(later);
        assert!(bucket.is_empty(later));
    }

    proptest! {
        /// Never more than the burst and what has come back since; and what is left agrees with it.
        #[test]
        fn a_bucket_gives_no_more_than_it_has(
            burst in 1..50_u32,
            every in 1..10_000_u64,
            pauses in proptest::collection::vec(0..20_000_u64, 0..200),
        ) {
            let start = Timestamp::from_millis(1_000_000);
            let mut bucket = Bucket::new(Limit::new(burst, Duration::from_millis(every)));
            let (mut now, mut taken) = (start, 0);
            for pause in pauses {
                now = now + Duration::from_millis(pause);
                prop_assert_eq!(bucket.remaining(now) == 0, bucket.is_empty(now));
                if !bucket.is_empty(now) {
                    bucket.take(now);
                    taken += 1;
                }
                let passed = now.as_millis() - start.as_millis();
                prop_assert!(taken <= u64::from(burst) + passed / every);
            }
        }
    }
}
