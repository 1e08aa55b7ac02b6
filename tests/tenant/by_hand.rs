//! The place itself, gone through by hand: what a test of a run may take for granted.

use std::time::Duration;

use countersign::{
    clock::RunningClock,
    codes::{Address, Wanted},
};
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    Test,
    place::{Inbox, Place, Wish},
};

use Inbox::{Dovecot, Maildev, Outbox};

pub(crate) const TESTS: &[Test] = &[
    ("the_target_lacks_nothing", &[Outbox, Maildev, Dovecot], the_target_lacks_nothing),
    ("an_enrolment", &[Maildev, Dovecot], an_enrolment),
    ("a_mailbox_that_is_back_again", &[Dovecot], a_mailbox_that_is_back_again),
    ("a_text_message", &[Outbox], a_text_message),
    ("users_come_and_go", &[Outbox], users_come_and_go),
    ("faults_and_time", &[Outbox], faults_and_time),
    ("a_tenant_that_is_gone", &[Outbox], a_tenant_that_is_gone),
    ("limits", &[Outbox], limits),
];

/// However busy the machine is.
const ENOUGH: Duration = Duration::from_secs(30);
const ADDRESS: &str = "qa+ada@example.com";

/// A user who is made by the Management API, and their login, which is refused for want of a factor: the `mfa_token`.
fn user(place: &Place) -> Result<String, Failed> {
    let new = json!({
        "connection": "Username-Password-Authentication", "email": ADDRESS, "password": "Rook-9",
    });
    let (status, made) = place.manage("POST", "users", Some(&new))?;
    assert_eq!(status, 201, "{made}");
    let (status, refused) = login(place)?;
    assert_eq!((status, &refused["error"]), (403, &json!("mfa_required")), "{refused}");
    Ok(refused["mfa_token"].as_str().ok_or("no mfa_token")?.to_owned())
}

fn login(place: &Place) -> Result<(u16, Value), Failed> {
    let body = json!({
        "grant_type": "password", "username": ADDRESS, "password": "Rook-9",
        "client_id": place.told("client_id"), "client_secret": place.told("client_secret"),
    });
    Ok(place.send("POST", "/oauth/token", None, Some(&body))?)
}

/// The `oob_code` of an enrolment.
fn enroll(place: &Place, mfa_token: &str, body: &Value) -> Result<Value, Failed> {
    let (status, answer) = place.send("POST", "/mfa/associate", Some(mfa_token), Some(body))?;
    assert_eq!(status, 200, "{answer}");
    Ok(answer["oob_code"].clone())
}

/// What an `oob_code` and a code get.
fn confirm(place: &Place, mfa_token: &str, oob: &Value, code: &str) -> Result<Value, Failed> {
    let body = json!({
        "grant_type": "http://auth0.com/oauth/grant-type/mfa-oob", "mfa_token": mfa_token,
        "oob_code": oob, "binding_code": code,
        "client_id": place.told("client_id"), "client_secret": place.told("client_secret"),
    });
    let (status, tokens) = place.send("POST", "/oauth/token", None, Some(&body))?;
    assert_eq!(status, 200, "{tokens}");
    Ok(tokens)
}

/// The tokens of an enrolment whose code came by mail; `before` it was sent something happens to the place.
fn enroll_by_mail(
    place: &mut Place,
    before: fn(&mut Place) -> Result<(), Failed>,
) -> Result<Value, Failed> {
    let mfa_token = user(place)?;
    let (source, clock) = (place.inbox()?, RunningClock::default());
    let address = Address::Email(ADDRESS.to_owned());
    let baseline = source.baseline(Wanted::Message(&address), ENOUGH, &clock);
    let since = place.block_on(baseline)?;
    before(place)?;
    let body = json!({"authenticator_types": ["oob"], "oob_channels": ["email"], "email": ADDRESS});
    let oob_code = enroll(place, &mfa_token, &body)?;
    let code = source.code(Wanted::Message(&address), &since, ENOUGH, &clock);
    let code = place.block_on(code)?;
    confirm(place, &mfa_token, &oob_code, code.expose())
}

fn the_target_lacks_nothing(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment", "sms"])?;
    let checked = place.run(&["check", "--target", "staging"])?;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let snapshots = place.project().join("snapshots");
    assert!(snapshots.join("email/first-enrolment.snap").exists());
    assert!(snapshots.join("sms").exists() && !snapshots.join("otp").exists());
    let [.., client, management, authorization, password] = place.variables();
    for (name, secret) in [client, management, authorization, password] {
        let secret = secret.trim_matches('\'');
        let all = format!("{}{}", checked.stdout, checked.stderr);
        assert!(!secret.is_empty() && !all.contains(secret), "{name} is told: {all}");
    }
    Ok(())
}

/// The mail arrives as that of a real tenant would, and the issuer is what the target's domain says.
fn an_enrolment(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    let tokens = enroll_by_mail(&mut place, |_| Ok(()))?;
    assert!(tokens["access_token"].is_string());
    let (_, discovered) = place.send("GET", "/.well-known/openid-configuration", None, None)?;
    assert_eq!(discovered["issuer"], format!("{}/", place.url()));
    let complaints = place.complaints()?;
    assert!(!complaints.contains("e-mail"), "{complaints}");
    Ok(())
}

/// Mail arrives in a mailbox whose server was away meanwhile.
fn a_mailbox_that_is_back_again(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    enroll_by_mail(&mut place, |place| {
        let dovecot = place.dovecot()?;
        dovecot.stop();
        Ok(dovecot.start_again()?)
    })?;
    Ok(())
}

/// What no mail server brings is read where the target looks for it, with its token and not without.
fn a_text_message(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    let mfa_token = user(&place)?;
    let body = json!({
        "authenticator_types": ["oob"], "oob_channels": ["sms"], "phone_number": "+15550000001",
    });
    let oob_code = enroll(&place, &mfa_token, &body)?;
    let path = "outbox?to=%2B15550000001";
    let sent = place.control("GET", path, None)?;
    let code = sent[0]["code"].as_str().ok_or("no code")?;
    assert!(sent[0]["text"].as_str().is_some_and(|text| text.contains(code)), "{sent}");
    confirm(&place, &mfa_token, &oob_code, code)?;
    let bare = place.send("GET", &format!("/_countersign/{path}"), None, None)?;
    assert_eq!(bare.0, 401);
    Ok(())
}

fn users_come_and_go(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    assert_eq!(place.users()?, 0);
    user(&place)?;
    assert_eq!(place.users()?, 1);
    let path = "users-by-email?email=qa%2Bada@example.com";
    let (_, found) = place.manage("GET", path, None)?;
    let id = found[0]["user_id"].as_str().ok_or("no user")?;
    assert_eq!(place.manage("DELETE", &format!("users/{}", id.replace('|', "%7C")), None)?.0, 204);
    assert_eq!(place.users()?, 0);
    Ok(())
}

fn faults_and_time(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    let mfa_token = user(&place)?;
    place.faults(&json!([{"path": "/oauth/token", "fault": {"status": {"code": 503}}}]))?;
    assert_eq!(login(&place)?.0, 503);
    place.faults(&json!([{"path": "/", "fault": "reset"}]))?;
    assert!(login(&place).is_err());
    assert_eq!(place.users()?, 1);
    place.faults(&json!([]))?;
    assert_eq!(login(&place)?.0, 403);
    place.clock(&json!({"advance": "11m"}))?;
    let expired = place.send("GET", "/mfa/authenticators", Some(&mfa_token), None)?;
    assert_eq!(expired.0, 401, "{expired:?}");
    Ok(())
}

fn a_tenant_that_is_gone(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    let project = place.project();
    place.kill_tenant();
    assert!(login(&place).is_err());
    // Files alone are checked all the same.
    assert_eq!(place.run(&["check", "--target", "staging"])?.code, Some(0));
    drop(place);
    assert!(!project.exists());
    Ok(())
}

/// The settings are the tenant's own.
fn limits(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant:
  factors: [email, otp]
  limits: {management_api: {burst: 2, every: 1h}}
";
    let place = Place::start(&Wish { tenant, ..Wish::of(inbox) })?;
    let statuses = [(); 3].map(|()| place.manage("GET", "users", None).map(|(status, _)| status));
    let statuses = statuses.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(statuses, [200, 200, 429]);
    Ok(())
}
