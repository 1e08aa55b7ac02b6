//! Codes, and how often one may be tried or sent.

use std::time::Duration;

use crate::clock::{Entropy, Timestamp};

/// How long a code that was sent can be used \[doc\].
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// Six digits, never `000000`: a scenario that needs a wrong code has one that is surely wrong.
pub(super) fn six_digits(entropy: &mut dyn Entropy) -> String {
    format!("{:06}", 1 + entropy.below(999_999))
}

/// Twenty-four capitals and digits \[rec\].
pub(super) fn recovery_code(entropy: &mut dyn Entropy) -> String {
    entropy.text(24, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
}

/// So many at once, and one more each time a while has passed. Nothing but time refills it: a
/// success does not \[doc\].
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    capacity: u32,
    refill: Duration,
    /// When the last of what was taken is back.
    full_at: Timestamp,
}

impl Bucket {
    /// Wrong codes: ten, then one every six minutes \[doc\].
    pub(super) const fn of_failed_codes() -> Self {
        Self::new(10, Duration::from_mins(6))
    }

    /// Wrong recovery codes: ten an hour, in a bucket of their own \[doc\].
    pub(super) const fn of_failed_recovery_codes() -> Self {
        Self::new(10, Duration::from_mins(6))
    }

    /// E-mails: twenty, then one a minute \[doc\].
    pub(super) const fn of_emails() -> Self {
        Self::new(20, Duration::from_mins(1))
    }

    /// Text messages and calls together: ten, then one an hour \[doc: configure-sms-voice-notifications-mfa\].
    pub(super) const fn of_messages() -> Self {
        Self::new(10, Duration::from_hours(1))
    }

    /// Push notifications: five a minute \[doc\].
    pub(super) const fn of_pushes() -> Self {
        Self::new(5, Duration::from_secs(12))
    }

    const fn new(capacity: u32, refill: Duration) -> Self {
        Self { capacity, refill, full_at: Timestamp::from_millis(0) }
    }

    /// Whether there is nothing left to take.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        self.full_at.since(now) > self.refill * (self.capacity - 1)
    }

    /// Takes one. From an empty bucket too: who may not, asks first.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.full_at = self.full_at.max(now) + self.refill;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Bucket, recovery_code, six_digits};
    use crate::clock::{SeededEntropy, Timestamp};

    #[test]
    fn a_bucket_refills_one_by_one() {
        let start = Timestamp::from_millis(1_000_000);
        let mut bucket = Bucket::of_failed_codes();
        for _ in 0..10 {
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
        assert!(!bucket.is_empty(start + Duration::from_mins(12)));
    }

    #[test]
    fn codes_have_their_form() {
        let mut entropy = SeededEntropy::new(7);
        for _ in 0..1000 {
            let code = six_digits(&mut entropy);
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            assert_ne!(code, "000000");
        }
        let code = recovery_code(&mut entropy);
        assert_eq!(code.len(), 24);
        assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    }
}
