//! Runs beside each other on one tenant.

use libtest_mimic::Failed;

use crate::{
    Test,
    place::{Inbox, Place, Ran, Wish},
    running::{Running, assert_untouched, events, finished, settings, wrong},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("settings_are_changed_by_one_at_a_time", &[Outbox], settings_are_changed_by_one_at_a_time),
    ("settings_are_relied_on_by_both", &[Outbox], settings_are_relied_on_by_both),
    ("from_two_folders", &[Outbox], from_two_folders),
];

const RUN: &[&str] = &["run", "--target", "staging", "--format", "json", "--update", "no"];

fn passed(ran: &Ran) -> Result<u64, Failed> {
    let events = events(&ran.stdout)?;
    assert_eq!(ran.code, Some(0), "{}\n{:#?}", ran.stderr, wrong(&events));
    let finished = finished(&events)?;
    assert_eq!(finished["retries"], 0, "{finished}");
    Ok(finished["passed"].as_u64().unwrap_or_default())
}

/// The second begins when the first is over.
fn settings_are_changed_by_one_at_a_time(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant: {factors: [sms, push], policy: never}\n";
    let target = "    allow: [provision]\n";
    let place = Place::start(&Wish { tenant, target, ..Wish::of(inbox) })?;
    place.take(&["email", "policy", "sms"])?;
    let before = settings(&place)?;
    let mut first = Running::start(place.command(RUN))?;
    assert!(first.wait_for("case_started", 1)?);
    let mut second = Running::start(place.command(RUN))?;
    second.wait_for_note("another run in this folder has to end first")?;
    let (first, second) = (first.end()?, second.end()?);
    assert!(passed(&first)? > 50);
    assert_eq!(passed(&first)?, passed(&second)?);
    assert_untouched(&place, &before)?;
    Ok(())
}

/// Neither may change them, so neither waits for the other, and phone numbers are shared out.
fn settings_are_relied_on_by_both(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant: {factors: [sms]}\n";
    let place = Place::start(&Wish { tenant, ..Wish::of(inbox) })?;
    place.take(&["sms"])?;
    let before = settings(&place)?;
    let [first, second] = [(); 2].map(|()| Running::start(place.command(RUN)));
    let (mut first, mut second) = (first?, second?);
    // Both are under way.
    assert!(first.wait_for("case_started", 1)? && second.wait_for("case_started", 1)?);
    let (first, second) = (first.end()?, second.end()?);
    assert!(passed(&first)? > 5);
    assert_eq!(passed(&first)?, passed(&second)?);
    assert_untouched(&place, &before)?;
    Ok(())
}

/// As from two machines: they know nothing of each other, and one of them cleans up.
fn from_two_folders(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant: {factors: [email, otp, recovery-code]}\n";
    let place = Place::start(&Wish { tenant, ..Wish::of(inbox) })?;
    place.take(&["email"])?;
    let before = settings(&place)?;
    let other = place.second_project("night")?;
    let mut first = Running::start(place.command(RUN))?;
    assert!(first.wait_for("case_started", 1)?);
    let mut command = place.command(&["run", "--target", "night", "--format", "json", "--cleanup"]);
    command.current_dir(other.path());
    let second = Running::start(command)?.end()?;
    let first = first.end()?;
    assert!(passed(&first)? > 5);
    assert_eq!(passed(&first)?, passed(&second)?);
    assert_untouched(&place, &before)?;
    Ok(())
}
