//! Where codes come from, as real programs have them: mailboxes of dovecot, which is an IMAP server, and inboxes of
//! maildev, which has an HTTP API. Other HTTP APIs are played from answers that were written by hand.
//!
//! `tests/run` installs the programs; without one its tests are ignored, and named at the end.
#![expect(clippy::disallowed_methods, reason = "programs and mailboxes are files")]

mod imap;
#[path = "../mail/mod.rs"]
mod mail;
mod maildev_inbox;
mod outbox;
mod presets;
#[path = "../trials/mod.rs"]
mod trials;

use std::time::Duration;

use countersign::{
    clock::RunningClock,
    codes::{Address, Baseline, CodeSource, NoCode, Wanted},
};
use libtest_mimic::{Failed, Trial};

use mail::{dovecot, maildev};

/// Long enough for what comes, however busy the machine is.
const ENOUGH: Duration = Duration::from_secs(30);
/// For what never comes; a busy machine has looked once by then.
const SHORT: Duration = Duration::from_secs(3);

type Test = fn() -> Result<(), Failed>;

fn main() {
    let mut trials = Vec::new();
    let mut skipped = Vec::new();
    for (name, tests, missing) in [
        ("imap", imap::TESTS, dovecot::missing()),
        ("maildev", maildev_inbox::TESTS, maildev::missing()),
        ("presets", presets::TESTS, None),
        ("outbox", outbox::TESTS, None),
    ] {
        for (test, run) in tests {
            let trial = Trial::test(format!("{name}::{test}"), *run);
            trials.push(trial.with_ignored_flag(missing.is_some()));
        }
        skipped.extend(missing.map(|reason| format!("codes/{name}: {reason}")));
    }
    trials::run(trials, &skipped)
}

/// Runs a test that waits.
fn block_on(test: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(test)
}

fn email(address: &str) -> Address {
    Address::Email(address.to_owned())
}

async fn baseline(source: &CodeSource, address: &Address) -> Result<Baseline, NoCode> {
    source.baseline(Wanted::Message(address), ENOUGH, &RunningClock::default()).await
}

async fn code(
    source: &CodeSource,
    address: &Address,
    since: &Baseline,
    limit: Duration,
) -> Result<String, NoCode> {
    let clock = RunningClock::default();
    let code = source.code(Wanted::Message(address), since, limit, &clock).await?;
    Ok(code.expose().clone())
}
