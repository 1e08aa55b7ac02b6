//! A tenant that is reached over the network only: `countersign serve --tls` as another process stands for it. Its
//! e-mails go out over SMTP, to maildev or into a mailbox of dovecot, and the program under test is the binary in a
//! user's folder. Nothing of the library touches the tenant.
//!
//! `tests/run` installs the programs; without one its tests are ignored, and named at the end.
#![expect(clippy::disallowed_methods, reason = "programs, projects and mailboxes are files")]

mod by_hand;
mod catalogue;
mod clock;
mod differs;
mod faults;
mod gate;
mod interrupted;
#[path = "../mail/mod.rs"]
mod mail;
mod mailbox;
mod page;
mod place;
mod pool;
mod probe;
mod proof;
mod running;
mod secrets;
mod served;
mod together;
#[path = "../trials/mod.rs"]
mod trials;
mod world;

use libtest_mimic::{Failed, Trial};

use place::Inbox;

/// The name of a test, the inboxes that it is run with, and what it does with one.
type Test = (&'static str, &'static [Inbox], fn(Inbox) -> Result<(), Failed>);

/// The tests by module.
const TESTS: &[(&str, &[Test])] = &[
    ("by_hand", by_hand::TESTS),
    ("catalogue", catalogue::TESTS),
    ("clock", clock::TESTS),
    ("differs", differs::TESTS),
    ("faults", faults::TESTS),
    ("interrupted", interrupted::TESTS),
    ("mailbox", mailbox::TESTS),
    ("page", page::TESTS),
    ("pool", pool::TESTS),
    ("probe", probe::TESTS),
    ("proof", proof::TESTS),
    ("secrets", secrets::TESTS),
    ("together", together::TESTS),
    ("world", world::TESTS),
];

fn main() {
    let mut trials = Vec::new();
    let mut skipped = Vec::new();
    for (inbox, name, missing) in [
        (Inbox::Outbox, "outbox", None),
        (Inbox::Maildev, "maildev", mail::maildev::missing()),
        (Inbox::Dovecot, "dovecot", mail::dovecot::missing()),
    ] {
        let tests =
            TESTS.iter().flat_map(|(module, tests)| tests.iter().map(move |it| (module, it)));
        for (module, (test, _, run)) in tests.filter(|(_, test)| test.1.contains(&inbox)) {
            let trial = Trial::test(format!("{module}::{test}[{name}]"), move || run(inbox));
            trials.push(trial.with_ignored_flag(missing.is_some()));
        }
        skipped.extend(missing.map(|reason| format!("tenant/{name}: {reason}")));
    }
    trials::run(trials, &skipped)
}
