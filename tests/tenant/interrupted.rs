//! Runs that are ended before their time, or whose tenant is: what they leave, and who removes it.

use std::{fs, path::PathBuf};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    Test,
    gate::Gate,
    place::{Inbox, Place, Ran, Wish},
    running::{Running, assert_untouched, events, finished, journals, settings, until},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("the_tenant_is_gone", &[Outbox], the_tenant_is_gone),
    ("killed_at_any_moment", &[Outbox], killed_at_any_moment),
    ("killed_twice", &[Outbox], killed_twice),
    ("power_is_lost", &[Outbox], power_is_lost),
    ("asked_to_stop", &[Outbox], asked_to_stop),
    ("asked_to_stop_twice", &[Outbox], asked_to_stop_twice),
    ("cleaned_up_by_the_next_run", &[Outbox], cleaned_up_by_the_next_run),
    ("stopped_while_it_waits_for_another", &[Outbox], stopped_while_it_waits_for_another),
];

/// A run whose events are on standard output and in a report.
const RUN: &[&str] = &[
    "run",
    "--target",
    "staging",
    "--format",
    "json",
    "--report",
    "json=report.jsonl",
    "--update",
    "no",
    "-j",
    "8",
];
const CLEAN_UP: &[&str] = &["cleanup", "--target", "staging"];

/// A tenant that has none of the settings that the scenarios ask for.
const SETTINGS: &str = "tenant: {factors: [sms, push], policy: never}\n";

fn place() -> Result<Place, Failed> {
    let wish = Wish::of(Outbox);
    let target = "    allow: [provision]\n";
    let place = Place::start(&Wish { tenant: SETTINGS, target, ..wish })?;
    place.take(&["email", "policy", "disagreements"])?;
    Ok(place)
}

fn report(place: &Place) -> Result<Vec<Value>, Failed> {
    Ok(events(&fs::read_to_string(place.project().join("report.jsonl"))?)?)
}

/// Cleans up, and asserts that nothing is left.
fn clean_up(place: &Place, before: &[Value; 3]) -> Result<Ran, Failed> {
    let cleaned = place.run(CLEAN_UP)?;
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    assert_untouched(place, before)?;
    Ok(cleaned)
}

/// It is there again later, and knows all that it knew.
fn the_tenant_is_gone(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    let port = place.url().rsplit(':').next().unwrap_or_default().parse()?;
    let mut gate = Gate::new(port)?;
    let mut command = place.command(RUN);
    command.env("AUTH0_DOMAIN", format!("localhost:{}", gate.port));
    let mut running = Running::start(command)?;
    assert!(running.wait_for("case_finished", 1)?);
    // From now on no scenario comes to its end, so that there is something to be left.
    let late = |path: &str| json!({"path": path, "fault": {"latency": "1h"}});
    let kept = json!({"path": "/", "method": "DELETE", "fault": {"status": {"code": 503}}});
    place.faults(&json!([kept, late("/oauth/token"), late("/mfa/")]))?;
    until(|| Ok(place.users()? > 0))?;
    gate.close();
    place.faults(&json!([]))?;
    let ran = running.end()?;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("`countersign cleanup --target staging`"), "{}", ran.stderr);
    let events = report(&place)?;
    let finished = finished(&events)?;
    assert!(finished["errored"].as_u64() > Some(0), "{finished}");
    assert!(finished["not_run"].as_u64() > Some(0), "{finished}");
    // The report has the cases in the order of the plan, standard output as they ended.
    let sorted = |mut events: Vec<Value>| {
        events.sort_by_key(Value::to_string);
        events
    };
    assert_eq!(sorted(events), sorted(crate::running::events(&ran.stdout)?));
    assert_eq!(journals(&place)?.len(), 1);
    assert!(place.users()? > 0);

    // As long as it is gone there is nothing to be done about it.
    let port = gate.port;
    let cleanup = || -> Result<Ran, Failed> {
        let mut command = place.command(CLEAN_UP);
        command.env("AUTH0_DOMAIN", format!("localhost:{port}"));
        Ok(Running::start(command)?.end()?)
    };
    let cleaned = cleanup()?;
    assert_eq!(cleaned.code, Some(3), "{cleaned:?}");
    assert_eq!(journals(&place)?.len(), 1);
    gate.open()?;
    let cleaned = cleanup()?;
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    assert!(cleaned.stdout.contains("the settings are again what they were"), "{cleaned:?}");
    assert_untouched(&place, &before)?;
    Ok(())
}

/// Starts a run, and kills it when so many events of any kind have come.
fn kill_after(place: &Place, count: usize) -> Result<(), Failed> {
    let mut running = Running::start(place.command(RUN))?;
    let is_there = running.wait_for_any(count)?;
    running.signal("KILL")?;
    let ran = running.end()?;
    assert!(is_there && ran.code == Some(-9), "{ran:?}");
    Ok(())
}

fn killed_at_any_moment(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    // A linear congruential generator: the same moments each time.
    let mut random = 20_u32;
    for _ in 0..10 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        kill_after(&place, 1 + usize::try_from(random >> 16)? % 100)?;
        clean_up(&place, &before)?;
    }
    Ok(())
}

/// The second run took the settings of the first for the tenant's own.
fn killed_twice(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    kill_after(&place, 20)?;
    kill_after(&place, 30)?;
    kill_after(&place, 40)?;
    assert_eq!(journals(&place)?.len(), 3);
    clean_up(&place, &before)?;
    Ok(())
}

/// The last line of the journal is torn: what it says was not begun.
fn power_is_lost(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    kill_after(&place, 20)?;
    assert!(place.users()? > 0);
    let path = PathBuf::from(&journals(&place)?[0]);
    let mut text = fs::read(&path)?;
    text.extend_from_slice(b"{\"entry\":\"creating\",\"email\":\"qa+count\xc3");
    fs::write(&path, text)?;
    clean_up(&place, &before)?;
    Ok(())
}

/// By Ctrl-C, or by what ends a job of a CI: the run removes what it made by itself.
fn asked_to_stop(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    for signal in ["INT", "TERM"] {
        let mut running = Running::start(place.command(RUN))?;
        assert!(running.wait_for("case_finished", 3)?);
        running.signal(signal)?;
        let ran = running.end()?;
        assert_eq!(ran.code, Some(130), "{ran:?}");
        let events = report(&place)?;
        let finished = finished(&events)?;
        assert_eq!(finished["interrupted"], true);
        assert_eq!(finished["failed"], 0, "{:?}", crate::running::wrong(&events));
        assert_eq!(finished["errored"], 0, "{:?}", crate::running::wrong(&events));
        assert!(finished["not_run"].as_u64() > Some(0), "{finished}");
        assert_untouched(&place, &before)?;
    }
    Ok(())
}

/// Whoever asks again does not wait for what is removed: it is left.
fn asked_to_stop_twice(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    let mut running = Running::start(place.command(RUN))?;
    assert!(running.wait_for("case_finished", 1)?);
    // Nothing can be removed, which is tried for long.
    let kept = json!({"path": "/", "method": "DELETE", "fault": {"status": {"code": 503}}});
    place.faults(&json!([kept]))?;
    until(|| Ok(place.users()? > 0))?;
    running.signal("INT")?;
    let ran = running.end_by("TERM")?;
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(place.users()? > 0);
    assert_eq!(journals(&place)?.len(), 1);
    place.faults(&json!([]))?;
    clean_up(&place, &before)?;
    Ok(())
}

/// What an earlier run has left is removed before the first scenario, and that is said.
fn cleaned_up_by_the_next_run(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    kill_after(&place, 20)?;
    assert!(place.users()? > 0);
    let with_cleanup = [RUN, &["--cleanup", "--filter", "email/first-enrolment"]].concat();
    let ran = place.run(&with_cleanup)?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // How many is not known: what the killed run has asked for last may have come to the tenant later.
    let said = ran.stderr.lines().find(|line| line.ends_with(" removed")).ok_or("nothing said")?;
    assert!(said.contains(" user") && !said.starts_with('0'), "{}", ran.stderr);
    assert!(ran.stderr.contains("the settings are again what they were"), "{}", ran.stderr);
    assert_eq!(finished(&events(&ran.stdout)?)?["passed"], 1);
    assert_untouched(&place, &before)?;
    Ok(())
}

/// It has not begun, and has nothing to remove.
fn stopped_while_it_waits_for_another(_: Inbox) -> Result<(), Failed> {
    let place = place()?;
    let before = settings(&place)?;
    let mut first = Running::start(place.command(RUN))?;
    assert!(first.wait_for("case_started", 1)?);
    let mut second = Running::start(place.command(&["run", "--target", "staging"]))?;
    second.wait_for_note("another run in this folder")?;
    second.signal("INT")?;
    let stopped = second.end()?;
    assert_eq!(stopped.code, Some(130), "{stopped:?}");
    first.signal("INT")?;
    assert_eq!(first.end()?.code, Some(130));
    assert_untouched(&place, &before)?;
    Ok(())
}
