//! Users that are there already, of whom no two scenarios ever share one.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    Test,
    place::{Inbox, Place, Wish},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("nobody_shares_a_user", &[Outbox], nobody_shares_a_user),
    ("factors_come_and_go", &[Outbox], factors_come_and_go),
    ("what_may_not_be_removed", &[Outbox], what_may_not_be_removed),
    ("without_the_management_api", &[Outbox], without_the_management_api),
    ("a_user_who_is_not_there", &[Outbox], a_user_who_is_not_there),
    ("in_production", &[Outbox], in_production),
];

const PASSWORD: &str = "Rook-and-knight-9";
pub(crate) const EMAILS: [&str; 2] = ["qa+one@example.com", "qa+two@example.com"];
const RUN: [&str; 7] = ["run", "--target", "staging", "-j", "8", "--update", "always"];

pub(crate) const USERS: &str = "    users:
      - {email: qa+one@example.com, password: \"${PASSWORD_ONE}\"}
      - {email: qa+two@example.com, password: \"${PASSWORD_TWO}\"}
";
/// Fails if anybody else enrols or has enrolled a factor for the user.
const ENROLS: &str = "title: Enrols, and has one factor then
given: {tenant: {factors: [email, otp, recovery-code]}}
steps:
  - login: {}
    expect: {status: 403, body: {error: mfa_required}}
  - list: {}
    expect: {status: 200, jsonpath: {'$': {$len: 0}}}
  - enroll: {channel: otp}
    expect: {status: 200}
  - confirm: {}
    expect: {status: 200}
  - login: {}
  - list: {}
    expect: {status: 200, jsonpath: {\"$[?@.authenticator_type=='otp']\": {$len: 1}}}
";

/// What the tenant has without settings of its own.
const ALL: &str = "[email, otp, push, recovery-code, sms, voice]";
const LOGS_IN: &str = "title: Logs in, and has to enrol a factor
given: {tenant: {factors: [email, otp, recovery-code]}}
steps: [{login: {}, expect: {status: 403, body: {error: mfa_required}}}]
";

/// Makes two users with passwords of their own, which the project has as `PASSWORD_ONE` and `PASSWORD_TWO`.
pub(crate) fn make_users(place: &Place, emails: &[&str]) -> Result<(), Failed> {
    let mut variables = String::new();
    for (name, email) in ["ONE", "TWO"].iter().zip(emails) {
        let password = format!("{PASSWORD}-{name}");
        variables.extend(["PASSWORD_", name, "=", &password, "\n"]);
        let new = json!({
            "connection": "Username-Password-Authentication", "email": email, "password": password,
        });
        let (status, made) = place.manage("POST", "users", Some(&new))?;
        assert_eq!(status, 201, "{made}");
    }
    let path = place.project().join(".env");
    let text = std::fs::read_to_string(&path)? + &variables;
    Ok(std::fs::write(path, text)?)
}

/// A tenant with two users, that are all of the pool.
fn start(more: &str) -> Result<Place, Failed> {
    let target = format!("{more}{USERS}");
    let place = Place::start(&Wish { target: &target, ..Wish::of(Outbox) })?;
    make_users(&place, &EMAILS)?;
    place.scenario("enrols", ENROLS)?;
    place.scenario("logs-in", LOGS_IN)?;
    Ok(place)
}

/// The factors that the users of the pool have.
fn factors(place: &Place) -> Result<Vec<Value>, Failed> {
    let mut all = Vec::new();
    let users = place.control("GET", "users", None)?;
    for user in users.as_array().ok_or("no list of users")? {
        let id = user["user_id"].as_str().unwrap_or_default().replace('|', "%7C");
        let (_, found) =
            place.manage("GET", &format!("users/{id}/authentication-methods"), None)?;
        all.extend(found.as_array().cloned().unwrap_or_default());
    }
    assert_eq!(place.users()?, EMAILS.len());
    Ok(all)
}

/// Not in one process, and not in two beside each other.
fn nobody_shares_a_user(_: Inbox) -> Result<(), Failed> {
    let place = start("    allow: [provision, remove]\n")?;
    // Settings that need not be changed may be relied on by both.
    place.run(&["run", "--target", "staging", "--update", "always"])?;
    place.edit("countersign.yaml", "[provision, remove]", "[remove]")?;
    for scenario in ["scenarios/enrols.yaml", "scenarios/logs-in.yaml"] {
        place.edit(scenario, "[email, otp, recovery-code]", ALL)?;
    }
    let args = [&RUN[..], &["--repeat", "6"]].concat();
    let two = [place.started(&args)?, place.started(&args)?];
    for one in two {
        let ran = place.ended(one)?;
        assert!(ran.code == Some(0) && ran.stdout.contains("12 passed, 0 failed"), "{ran:?}");
    }
    assert_eq!(factors(&place)?, Vec::<Value>::new());
    Ok(())
}

/// What a user has is removed before, and what was enrolled is removed after.
fn factors_come_and_go(_: Inbox) -> Result<(), Failed> {
    let place = start("    allow: [provision, remove]\n")?;
    place.take(&["otp/challenge-and-verify", "email/another-users-oob-code"])?;
    give_factors(&place)?;
    let ran = place.run(&["run", "--target", "staging", "-j", "8", "--update", "always"])?;
    assert!(ran.code == Some(0) && ran.stdout.contains("4 passed, 0 failed"), "{ran:?}");
    assert_eq!(factors(&place)?, Vec::<Value>::new());
    Ok(())
}

/// A factor for each user.
fn give_factors(place: &Place) -> Result<(), Failed> {
    let users = place.control("GET", "users", None)?;
    for user in users.as_array().ok_or("no list of users")? {
        let id = user["user_id"].as_str().unwrap_or_default().replace('|', "%7C");
        let old = json!({"type": "email", "name": "email", "email": "old@example.com"});
        let path = format!("users/{id}/authentication-methods");
        let (status, made) = place.manage("POST", &path, Some(&old))?;
        assert_eq!(status, 201, "{made}");
    }
    assert_eq!(factors(place)?.len(), 2);
    Ok(())
}

/// Without `allow: [remove]` nothing is removed that was there, and what needs it is skipped.
fn what_may_not_be_removed(_: Inbox) -> Result<(), Failed> {
    let place = start("    allow: [provision]\n")?;
    place.take(&["otp/challenge-and-verify", "email/wrong-password"])?;
    place.scenario(
        "three",
        "title: Three
given: {users: {bob: {}, cay: {}}}
steps: [login: {}]
",
    )?;
    let ran = place.run(&RUN)?;
    insta::assert_snapshot!("pool_without_remove", without_time(&ran.stdout));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = place.run(&[&RUN[..], &["--no-skip"]].concat())?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("FAIL   otp/challenge-and-verify"), "{ran:?}");
    assert_eq!(factors(&place)?, Vec::<Value>::new());
    // What a user has is not the run's.
    give_factors(&place)?;
    let ran = place.run(&["run", "--target", "staging", "--filter", "logs-in"])?;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    insta::assert_snapshot!("pool_with_factors", without_time(&ran.stdout));
    assert_eq!(factors(&place)?.len(), 2);
    Ok(())
}

fn without_time(text: &str) -> &str {
    text.rsplit_once(" in ").map_or(text, |(text, _)| text)
}

fn without_the_management_api(_: Inbox) -> Result<(), Failed> {
    let place = start("")?;
    let path = place.project().join("countersign.yaml");
    let text = std::fs::read_to_string(&path)?;
    let (before, rest) = text.split_once("    management:\n").ok_or("no management")?;
    let rest = rest.splitn(3, '\n').nth(2).ok_or("nothing behind")?;
    std::fs::write(&path, format!("{before}{rest}"))?;
    place.take(&["otp/challenge-and-verify", "email/wrong-password", "management/no-token"])?;
    let ran = place.run(&RUN)?;
    insta::assert_snapshot!("pool_without_management", without_time(&ran.stdout));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Ok(())
}

fn a_user_who_is_not_there(_: Inbox) -> Result<(), Failed> {
    let place = start("    allow: [provision, remove]\n")?;
    place.edit("countersign.yaml", "qa+two@", "qa+tow@")?;
    place.edit("countersign.yaml", "qa+one@", "qa+oen@")?;
    let ran = place.run(&RUN)?;
    insta::assert_snapshot!("pool_without_user", without_time(&ran.stdout));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""), "{ran:?}");
    Ok(())
}

/// Nothing but the run's own users is written there.
fn in_production(_: Inbox) -> Result<(), Failed> {
    let more = "    production: true\n    allow: [provision]\n";
    let place = Place::start(&Wish { target: more, ..Wish::of(Outbox) })?;
    place.take(&["otp/first-enrolment", "management/switch-a-factor", "management/no-token"])?;
    place.scenario("as-it-is", &ENROLS.replace("[email, otp, recovery-code]", ALL))?;
    let ran = place.run(&RUN)?;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.contains("a target in production allows nothing more"), "{ran:?}");
    place.edit("countersign.yaml", "    allow: [provision]\n", "")?;
    let before = place.control("GET", "state", None)?["tenant"].clone();
    let ran = place.run(&["run", "--target", "staging", "--update", "always"])?;
    insta::assert_snapshot!("production", without_time(&ran.stdout));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(place.control("GET", "state", None)?["tenant"], before);
    assert_eq!(place.users()?, 0);
    Ok(())
}
