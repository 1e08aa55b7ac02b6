//! A tenant whose clock is not this machine's.

use libtest_mimic::Failed;
use serde_json::json;

use crate::{
    Test,
    place::{Inbox, Place, Wish},
};

pub(crate) const TESTS: &[Test] =
    &[("ninety_seconds_ahead", &[Inbox::Outbox], ninety_seconds_ahead)];

/// Codes of apps are made for the tenant's time, and what expires does so by it.
fn ninety_seconds_ahead(inbox: Inbox) -> Result<(), Failed> {
    let more = "    max_wait: 10m\n    allow: [provision]\n";
    let place = Place::start(&Wish { target: more, ..Wish::of(inbox) })?;
    place.take(&["otp/first-enrolment", "otp/challenge-and-verify", "email/first-enrolment"])?;
    place.clock(&json!({"advance": "90s"}))?;
    let ran = place.run(&["run", "--target", "staging"])?;
    assert!(ran.code == Some(0) && ran.stdout.contains("3 passed, 0 failed"), "{ran:?}");
    let said = ["89", "90", "91"].map(|seconds| {
        let clock = format!("warning: this machine's clock is {seconds} s behind the tenant's");
        ran.stderr.contains(&clock)
    });
    assert!(said.contains(&true) && ran.stderr.contains("set the clock right"), "{ran:?}");
    let ran = place.run(&["drift", "staging", "snapshots"])?;
    assert!(ran.code == Some(0) && ran.stderr.contains("s behind the tenant's"), "{ran:?}");
    Ok(())
}
