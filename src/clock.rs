//! Time and randomness: the one place that asks the operating system for either.
//!
//! Everything else is handed a [`Timestamp`] or an [`Entropy`], so that hours pass in a test at
//! once and a run can be repeated from its seed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio_rustls::rustls::crypto::aws_lc_rs;

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, as JWT claims count them (RFC 7519, `NumericDate`).
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; nothing if it is before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// What shows the time to a tenant, and can be moved forwards.
pub trait Clock: Send {
    /// The moment that it shows.
    fn now(&self) -> Timestamp;

    /// Lets `duration` pass at once.
    fn advance(&self, duration: Duration);
}

/// A clock that stands still until it is told to move; clones show the same time.
///
/// ```
/// use countersign::clock::{Timestamp, VirtualClock};
/// use std::time::Duration;
///
/// let clock = VirtualClock::starting_at(Timestamp::from_millis(0));
/// clock.advance(Duration::from_secs(360));
/// assert_eq!(clock.now().as_secs(), 360);
/// ```
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<AtomicU64>);

impl VirtualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(start.0)))
    }

    /// The moment that it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    /// Lets `duration` pass.
    pub fn advance(&self, duration: Duration) {
        let next = self.now() + duration;
        self.0.store(next.0, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.now()
    }

    fn advance(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// A clock that runs with the operating system's, ahead of it by as much as it was moved.
#[derive(Debug, Default)]
pub struct RunningClock {
    /// In milliseconds.
    ahead: AtomicU64,
}

impl Clock for RunningClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
    fn now(&self) -> Timestamp {
        // A system whose date is before 1970 is at its start.
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ahead = Duration::from_millis(self.ahead.load(Ordering::SeqCst));
        Timestamp::from_millis(0) + passed.saturating_add(ahead)
    }

    fn advance(&self, duration: Duration) {
        let ahead = Timestamp(self.ahead.load(Ordering::SeqCst)) + duration;
        self.ahead.store(ahead.0, Ordering::SeqCst);
    }
}

/// The operating system's clock, set to another's: ahead of it, or behind.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdjustedClock {
    /// Milliseconds that it is ahead of the operating system's.
    pub ahead: i64,
}

impl AdjustedClock {
    /// The moment that it shows.
    #[must_use]
    pub fn now(self) -> Timestamp {
        let now = RunningClock::default().now();
        Timestamp(now.0.saturating_add_signed(self.ahead))
    }
}

impl Clock for AdjustedClock {
    fn now(&self) -> Timestamp {
        (*self).now()
    }

    /// Real time is not to be moved.
    fn advance(&self, _: Duration) {}
}

/// Does nothing for a while, in real time.
#[expect(clippy::disallowed_methods, reason = "waiting is this module's")]
pub async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Reads a length of time: `500ms`, `30s`, `6m`, `1h`, or several of them, as `1m30s`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, unit_on) = rest.split_at(digits);
        let letters = unit_on
            .find(|character: char| !character.is_ascii_alphabetic())
            .unwrap_or(unit_on.len());
        let (unit, next) = unit_on.split_at(letters);
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(millis)?;
        total = total.checked_add(Duration::from_millis(part))?;
        rest = next;
    }
    (!text.is_empty()).then_some(total)
}

/// Measures how long something takes, on the operating system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A source of randomness.
pub trait Entropy: Send {
    /// The next 64 random bits.
    fn next(&mut self) -> u64;
}

impl dyn Entropy + '_ {
    /// A number below `bound`, which must not be zero. The bias is below 2⁻⁴⁰ for small bounds.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// `length` characters drawn from `alphabet`, which must be ASCII and not empty.
    pub fn text(&mut self, length: usize, alphabet: &[u8]) -> String {
        (0..length)
            .map(|_| {
                let index = self.next() % alphabet.len() as u64;
                char::from(alphabet[usize::try_from(index).unwrap_or(0)])
            })
            .collect()
    }

    /// `length` random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 7);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// Randomness that repeats itself from its seed. Not for real secrets.
#[derive(Clone, Debug)]
pub struct SeededEntropy(fastrand::Rng);

impl SeededEntropy {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A seed that nobody chose.
    #[must_use]
    pub fn any_seed() -> u64 {
        fastrand::Rng::new().u64(..)
    }
}

impl Entropy for SeededEntropy {
    fn next(&mut self) -> u64 {
        self.0.u64(..)
    }
}

/// The operating system's randomness, for secrets that others must not guess.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next(&mut self) -> u64 {
        let mut bytes = [0; 8];
        // It fails on no system that Rust runs on; the other source stands in where one does.
        match aws_lc_rs::default_provider().secure_random.fill(&mut bytes) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => SeededEntropy::any_seed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_duration;
    use std::time::Duration;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "6", "6 m", "m", "6d", "99999999999999999999h", "-1s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
