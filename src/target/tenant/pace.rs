//! How often a tenant is asked: no more than its configuration says, and no more than its answers say is left.
//!
//! All scenarios of a run share one [`Pace`]; runs beside each other, as of shards, each have a part of the rate.

use std::{collections::BTreeMap, time::Duration};

use crate::{clock::Timestamp, config::Rate, exchange::Headers};

/// What a tenant limits by itself: the Management API has limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Api {
    /// Everything that is not below `/api/v2/`.
    Authentication,
    /// What is below `/api/v2/`.
    Management,
}

impl Api {
    pub(super) fn of(path: &str) -> Self {
        if path.starts_with("/api/v2/") { Self::Management } else { Self::Authentication }
    }
}

/// What may be sent when.
#[derive(Debug, Default)]
pub(super) struct Pace {
    bucket: Option<Bucket>,
    told: BTreeMap<Api, Told>,
}

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    /// How long it takes until there is one more.
    every: Duration,
    burst: u32,
    /// When the last of what was taken is back.
    full_at: Timestamp,
}

/// What the last answers said of a limit.
#[derive(Debug, Default)]
struct Told {
    /// How many requests are under way.
    under_way: u64,
    /// How many more may be sent before that moment.
    left: Option<(u64, Timestamp)>,
}

impl Pace {
    /// Within `rate`, of which this run has one part of `parts`.
    pub(super) fn new(rate: Option<Rate>, parts: u32) -> Self {
        let parts = parts.max(1);
        let bucket = rate.map(|rate| Bucket {
            every: Duration::from_secs_f64(f64::from(parts) / rate.per_second),
            burst: (rate.burst / parts).max(1),
            full_at: Timestamp::from_millis(0),
        });
        Self { bucket, told: BTreeMap::new() }
    }

    /// Asks for one request: nothing, and it may be sent now and counts as under way; or how long to wait, and then
    /// ask again.
    pub(super) fn take(&mut self, api: Api, now: Timestamp) -> Option<Duration> {
        let told = self.told.entry(api).or_default();
        if let Some((0, until)) = told.left.filter(|(_, until)| now < *until) {
            return Some(until.since(now));
        }
        if let Some(bucket) = &mut self.bucket {
            let others = bucket.every.saturating_mul(bucket.burst - 1);
            let wait = bucket.full_at.since(now).saturating_sub(others);
            if !wait.is_zero() {
                return Some(wait);
            }
            bucket.full_at = bucket.full_at.max(now) + bucket.every;
        }
        told.under_way += 1;
        told.left = told.left.map(|(left, until)| (left.saturating_sub(1), until));
        None
    }

    /// Hears what an answer says of the limit; without headers, that a request is over.
    pub(super) fn hear(&mut self, api: Api, answer: Option<(u16, &Headers)>, now: Timestamp) {
        let told = self.told.entry(api).or_default();
        told.under_way = told.under_way.saturating_sub(1);
        let Some((status, headers)) = answer else { return };
        let number = |name: &str| headers.get(name)?.trim().parse::<u64>().ok();
        // Moments are of the tenant's clock: what is after its own `now` counts.
        let reset = number("x-ratelimit-reset").map(|reset| Timestamp::from_millis(reset * 1000));
        let soon = now + pause(headers, now).unwrap_or(LONGEST);
        if status == 429 && pause(headers, now).is_some() {
            told.left = Some((0, soon));
        } else if let (Some(left), Some(reset)) = (number("x-ratelimit-remaining"), reset) {
            // Those under way were not counted yet when the answer was made, or may not have been.
            told.left = Some((left.saturating_sub(told.under_way), reset.min(now + LONGEST)));
        }
    }
}

/// A tenant that wants a longer pause is asked again in between.
const LONGEST: Duration = Duration::from_mins(1);

/// How long an answer asks to wait: `Retry-After` in seconds, else until `x-ratelimit-reset`.
pub(super) fn pause(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.trim().parse::<u64>().ok();
    let reset = |seconds: u64| Timestamp::from_millis(seconds.saturating_mul(1000)).since(now);
    let after = number("retry-after").map(Duration::from_secs);
    let pause = after.or_else(|| number("x-ratelimit-reset").map(reset))?;
    Some(pause.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Api, Pace};
    use crate::{clock::Timestamp, config::Rate, exchange::Headers};

    const START: u64 = 1_000_000_000;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(START + millis)
    }

    fn headers(fields: &[(&str, u64)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.set(name, value.to_string());
        }
        headers
    }

    #[test]
    fn what_a_tenant_says_is_left_is_not_exceeded() {
        let mut pace = Pace::default();
        let api = Api::Authentication;
        assert_eq!(pace.take(api, at(0)), None);
        assert_eq!(pace.take(api, at(0)), None);
        let reset = START / 1000 + 5;
        let left = headers(&[("x-ratelimit-remaining", 2), ("x-ratelimit-reset", reset)]);
        pace.hear(api, Some((200, &left)), at(0));
        // One is under way, so one is left.
        assert_eq!(pace.take(api, at(0)), None);
        assert_eq!(pace.take(api, at(1000)), Some(Duration::from_secs(4)));
        assert_eq!(pace.take(Api::Management, at(1000)), None);
        assert_eq!(pace.take(api, at(5000)), None);
    }

    #[test]
    fn a_refusal_is_obeyed_by_all() {
        let mut pace = Pace::default();
        let api = Api::Management;
        assert_eq!(pace.take(api, at(0)), None);
        pace.hear(api, Some((429, &headers(&[("retry-after", 3)]))), at(0));
        assert_eq!(pace.take(api, at(1000)), Some(Duration::from_secs(2)));
        assert_eq!(pace.take(api, at(3000)), None);
        pace.hear(api, None, at(3000));
    }

    #[test]
    fn half_of_the_scenarios_have_half_of_the_rate() {
        let rate = Rate { per_second: 10.0, burst: 10 };
        for (parts, at_once, every) in [(1, 10, 100), (2, 5, 200)] {
            let mut pace = Pace::new(Some(rate), parts);
            for _ in 0..at_once {
                assert_eq!(pace.take(Api::Management, at(0)), None);
            }
            let wait = Some(Duration::from_millis(every));
            assert_eq!(pace.take(Api::Authentication, at(0)), wait, "{parts}");
            assert_eq!(pace.take(Api::Authentication, at(every)), None, "{parts}");
        }
    }

    proptest! {
        /// However it is asked: never more than the burst and what has come back since.
        #[test]
        fn the_rate_is_never_exceeded(
            per_second in 1..50_u32,
            burst in 1..30_u32,
            parts in 1..4_u32,
            pauses in proptest::collection::vec(0..500_u64, 0..300),
        ) {
            let rate = Rate { per_second: per_second.into(), burst };
            let mut pace = Pace::new(Some(rate), parts);
            let (mut now, mut sent) = (0, 0_u32);
            for pause in pauses {
                now += pause;
                if pace.take(Api::Authentication, at(now)).is_none() {
                    sent += 1;
                }
                let back = f64::from(u32::try_from(now).unwrap_or(u32::MAX)) / 1000.0
                    * f64::from(per_second) / f64::from(parts);
                let most = f64::from((burst / parts).max(1)) + back + 1.0;
                prop_assert!(f64::from(sent) <= most, "{sent} of {most}");
            }
        }
    }
}
