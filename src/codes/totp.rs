//! An authenticator app: the codes that it shows, none of which is given out twice.

use std::{collections::BTreeMap, time::Duration};

use tokio::sync::Mutex;
use totp_rs::Builder;

use super::NoCode;
use crate::{
    clock::{self, Clock, Timestamp},
    secret::Secret,
};

/// Authenticator apps, which remember by their secrets the steps of the last codes that they were asked for.
#[derive(Default)]
pub struct App(Mutex<BTreeMap<String, u64>>);

impl App {
    /// The code that is shown now, or, where it was given out already, the next one.
    pub(super) async fn code(
        &self,
        secret: &Secret<String>,
        limit: Duration,
        clock: &(dyn Clock + Sync),
    ) -> Result<Secret<String>, NoCode> {
        let (step, pause) = {
            let mut steps = self.0.lock().await;
            let now = clock.now();
            let last = steps.get(secret.expose()).copied();
            let (step, pause) = unused(last, now);
            if pause > limit {
                return Err(NoCode::CodeUsed(pause));
            }
            steps.insert(secret.expose().clone(), step);
            (step, pause)
        };
        if !pause.is_zero() {
            clock::wait(pause).await;
        }
        totp(secret.expose(), beginning(step)).map(Secret::new)
    }
}

/// The first step from `now` on that is after the `last` one that was used, and how long it is until then.
fn unused(last: Option<u64>, now: Timestamp) -> (u64, Duration) {
    let step = last.map_or(0, |last| last + 1).max(step(now));
    (step, beginning(step).since(now))
}

/// The moment at which a step begins.
const fn beginning(step: u64) -> Timestamp {
    Timestamp::from_millis(step * STEP.as_secs() * 1000)
}

/// How long an authenticator app shows a code.
const STEP: Duration = Duration::from_secs(30);

/// The code that an authenticator app with this secret, in base32, shows at a moment: RFC 6238 with SHA1, six digits
/// and steps of 30 s.
pub fn totp(secret: &str, now: Timestamp) -> Result<String, NoCode> {
    let secret = totp_rs::Secret::try_from_base32(secret);
    let secret = secret.ok().filter(|secret| !secret.as_bytes().is_empty());
    let app = Builder::new().with_secret(secret.ok_or(NoCode::NoSecret)?).build_noncompliant();
    Ok(app.generate(now.as_secs()).to_string())
}

/// Which step a moment is in.
#[must_use]
pub const fn step(now: Timestamp) -> u64 {
    now.as_secs() / STEP.as_secs()
}

/// How long it is from a moment to the next step.
#[must_use]
pub fn next_step(now: Timestamp) -> Duration {
    beginning(step(now) + 1).since(now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{App, next_step, step, totp, unused};
    use crate::{
        clock::{AdjustedClock, Timestamp, VirtualClock},
        codes::NoCode,
        secret::Secret,
    };

    /// RFC 6238, appendix B.
    #[test]
    fn an_app_shows_the_codes_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")]
        {
            assert_eq!(totp(secret, Timestamp::from_millis(seconds * 1000)), Ok(code.to_owned()));
        }
        for secret in ["", "none at all", "[totp_secret#1]"] {
            assert_eq!(totp(secret, Timestamp::from_millis(0)), Err(NoCode::NoSecret));
        }
        for (millis, number, left) in [(0, 0, 30_000), (29_999, 0, 1), (30_000, 1, 30_000)] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!((step(moment), next_step(moment)), (number, Duration::from_millis(left)));
        }
    }
    #[test]
    fn a_step_is_used_once() {
        let now = Timestamp::from_millis(65_000);
        for (last, step, millis) in
            [(None, 2, 0), (Some(1), 2, 0), (Some(2), 3, 25_000), (Some(3), 4, 55_000)]
        {
            assert_eq!(unused(last, now), (step, Duration::from_millis(millis)), "{last:?}");
        }
    }

    #[tokio::test]
    async fn an_app_gives_no_code_twice() {
        let (app, limit) = (App::default(), Duration::from_secs(5));
        let clock = VirtualClock::starting_at(Timestamp::from_millis(59_000 - 15_000));
        let one = Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
        let other = Secret::new("GEZDGNBVGY3TQOJQ".to_owned());
        let code = app.code(&one, limit, &clock).await;
        assert_eq!(code, Ok(Secret::new("287082".to_owned())));
        let pause = Duration::from_secs(16);
        assert_eq!(app.code(&one, limit, &clock).await, Err(NoCode::CodeUsed(pause)));
        assert!(app.code(&other, limit, &clock).await.is_ok());
        clock.advance(pause);
        assert!(app.code(&one, limit, &clock).await.is_ok());
    }

    /// The tenant judges by its own clock, and where that is behind or ahead, so are the codes.
    #[tokio::test]
    async fn codes_are_those_of_the_clock_that_is_given() {
        let secret = Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
        for ahead in [-90_000, 90_000] {
            let clock = AdjustedClock { ahead };
            let before = clock.now();
            let code = App::default().code(&secret, Duration::ZERO, &clock).await;
            // A step may have begun meanwhile.
            let shown =
                [before, clock.now()].map(|now| totp(secret.expose(), now).map(Secret::new));
            assert!(shown.contains(&code), "{ahead}");
        }
    }
}
