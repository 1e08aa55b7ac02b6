//! `check --probe`: what it finds, that it finds all of it at once, and that it leaves everything as it was.

use std::{collections::BTreeSet, fs};

use libtest_mimic::Failed;
use serde_json::json;

use crate::{
    Test,
    place::{Inbox, Place, Ran, Wish},
};

use Inbox::{Dovecot, Maildev, Outbox};

pub(crate) const TESTS: &[Test] = &[
    ("a_tenant_as_it_should_be", &[Outbox], a_tenant_as_it_should_be),
    ("mailboxes_are_read", &[Maildev, Dovecot], mailboxes_are_read),
    ("a_mailbox_that_is_gone", &[Dovecot], a_mailbox_that_is_gone),
    ("what_is_wrong_is_told_at_once", &[Outbox], what_is_wrong_is_told_at_once),
    ("a_tenant_that_is_not_there", &[Outbox], a_tenant_that_is_not_there),
    ("a_certificate_of_others", &[Outbox], a_certificate_of_others),
    ("certificates_that_are_none", &[Outbox], certificates_that_are_none),
    ("what_is_left_is_seen_and_left", &[Outbox], what_is_left_is_seen_and_left),
    ("settings_that_may_be_changing", &[Outbox], settings_that_may_be_changing),
    ("a_custom_domain", &[Outbox], a_custom_domain),
    ("a_run_skips_what_was_announced", &[Outbox], a_run_skips_what_was_announced),
];

const PROBE: &[&str] = &["check", "--target", "staging", "--probe"];

/// A tenant with the factors of some scenarios, and one of the others.
const TENANT: &str = "tenant: {factors: [email, otp]}\n";

fn a_tenant_as_it_should_be(inbox: Inbox) -> Result<(), Failed> {
    let target = "    clients: [{id: \"${AUTH0_SPA_CLIENT_ID}\", public: true}]\n";
    let place = Place::start(&Wish { tenant: TENANT, target, ..Wish::of(inbox) })?;
    place.take(&["email/first-enrolment", "sms/first-enrolment", "policy"])?;
    let before = place.manage("GET", "guardian/factors", None)?;
    let seen = probe(&place, PROBE)?;
    insta::assert_snapshot!(seen.stdout);
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""));
    assert_eq!(place.users()?, 0);
    assert_eq!(place.manage("GET", "guardian/factors", None)?, before);
    assert!(!place.project().join(".countersign").exists());
    Ok(())
}

fn mailboxes_are_read(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(0), "{seen:?}");
    let how = if inbox == Dovecot { "imap: the folder" } else { "http: the list" };
    seen.shows(&format!("email          {how} is read, 0 messages"));
    Ok(())
}

fn a_mailbox_that_is_gone(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    place.dovecot()?.stop();
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(3), "{seen:?}");
    seen.tells("error: the codes of `email` cannot be had: the inbox at localhost:");
    seen.tells("countersign.yaml:13:7");
    Ok(())
}

fn what_is_wrong_is_told_at_once(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant:
  factors: [email, otp]
  client: {grants: [password, mfa-oob, mfa-otp]}
  clients:
    spa: {public: true, grants: [password, mfa]}
    management: {management: [read:users, create:users, delete:users, read:mfa_policies]}
";
    let target =
        "    clients: [{id: \"${AUTH0_SPA_CLIENT_ID}\", public: true, grants: [password]}]\n";
    let place = Place::start(&Wish { tenant, target, ..Wish::of(inbox) })?;
    place.take(&["email/first-enrolment"])?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(3), "{seen:?}");
    insta::assert_snapshot!(format!("{}\n{}", seen.stdout, seen.stderr));
    // A run stops at the first of it.
    place.variable("AUTH0_CLIENT_SECRET", "another")?;
    for args in [PROBE, &["run", "--target", "staging"]] {
        let seen = probe(&place, args)?;
        assert_eq!(seen.code, Some(3), "{seen:?}");
        seen.tells("error: the application lacks scopes: read:authentication_methods, ");
        seen.tells("countersign.yaml:8:5");
        let refused = "error: the tenant does not accept this application: `invalid_client`";
        assert_eq!(seen.stderr.contains(refused), args == PROBE, "{}", seen.stderr);
    }
    Ok(())
}

fn a_tenant_that_is_not_there(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    place.kill_tenant();
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(3), "{seen:?}");
    seen.tells("error: the tenant `TENANT` cannot be reached: Connection refused");
    seen.tells("countersign.yaml:3:5");
    seen.shows("not asked: the tenant cannot be reached");
    seen.shows("0 of 1 scenarios would be skipped, as far as the file tells");
    Ok(())
}

fn a_certificate_of_others(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    place.change("countersign.yaml", "    ca: authorities.pem\n", "")?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(3), "{seen:?}");
    seen.tells("error: the tenant `TENANT` cannot be reached: its certificate is of an authority");
    seen.tells("a private authority's certificate goes into the file that `ca` names");
    Ok(())
}

fn certificates_that_are_none(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    let begin = "-----BEGIN CERTIFICATE-----\n";
    place.change("authorities.pem", begin, &format!("{begin}*"))?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(2), "{seen:?}");
    seen.tells("error: the authorities of this file cannot be trusted");
    seen.tells("countersign.yaml:4:5");
    Ok(())
}

fn what_is_left_is_seen_and_left(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    for name in ["countersign-5f000000abcdef-1", "somebody"] {
        let email = format!("qa+{name}@example.com");
        let connection = "Username-Password-Authentication";
        let new = json!({"connection": connection, "email": email, "password": "Rook-9"});
        assert_eq!(place.manage("POST", "users", Some(&new))?.0, 201);
    }
    let journal = place.project().join(".countersign/staging/5f000000abcdef.journal");
    fs::create_dir_all(journal.parent().ok_or("no folder")?)?;
    let line = r#"{"entry":"creating","email":"qa+countersign-5f000000abcdef-1@example.com"}"#;
    fs::write(&journal, line)?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(0), "{seen:?}");
    seen.shows("journals       1 run ended and left 1 user\n");
    seen.shows("users          1 user of runs that are over\n");
    seen.tells("warning: 1 run ended and left 1 user");
    seen.tells("`countersign cleanup --target staging` removes what is left");
    assert_eq!((place.users()?, fs::read_to_string(&journal)?.as_str()), (2, line));
    assert_eq!(place.run(&["cleanup", "--target", "staging"])?.code, Some(0));
    let seen = probe(&place, PROBE)?;
    assert_eq!((place.users()?, seen.stderr.as_str()), (1, ""));
    Ok(())
}

/// Another run has the settings to itself; nobody waits for it.
fn settings_that_may_be_changing(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    let [(_, domain), ..] = place.variables();
    let leases = place.project().join(".countersign/@leases");
    fs::create_dir_all(&leases)?;
    let lease = fs::File::create(leases.join(domain.replace(':', "_")))?;
    lease.lock()?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(0), "{seen:?}");
    seen.tells("warning: a run in this folder may be changing the settings at this moment");
    lease.unlock()?;
    assert_eq!(probe(&place, PROBE)?.stderr, "");
    Ok(())
}

/// Applications have it, and users are made at the tenant's own.
fn a_custom_domain(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish::of(inbox))?;
    place.take(&["email/first-enrolment"])?;
    let [(_, domain), ..] = place.variables();
    let other = domain.replace("localhost", "127.0.0.1");
    let with = |custom: &str| format!("    ca: authorities.pem\n    custom_domain: {custom}\n");
    place.change("countersign.yaml", "    ca: authorities.pem\n", &with(&other))?;
    let seen = probe(&place, PROBE)?;
    assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""));
    seen.shows(&format!("custom_domain  reachable      https://{other}/, trusted, and its issuer"));
    place.change("countersign.yaml", &with(&other), &with("localhost:1"))?;
    let seen = probe(&place, PROBE)?;
    assert_eq!(seen.code, Some(3), "{seen:?}");
    seen.tells("error: the tenant `localhost:1` cannot be reached");
    seen.tells("countersign.yaml:5:5");
    seen.shows("client         proof          not asked: the tenant cannot be reached");
    seen.shows("management     token          the tenant gives one");
    Ok(())
}

fn a_run_skips_what_was_announced(inbox: Inbox) -> Result<(), Failed> {
    let place = Place::start(&Wish { tenant: TENANT, ..Wish::of(inbox) })?;
    place.take(&[
        "email/first-enrolment",
        "limits",
        "push",
        "management",
        "client-authentication",
    ])?;
    let seen = probe(&place, &[PROBE, &["-v"]].concat())?;
    let (_, costs) = seen.stdout.split_once("would be skipped\n").ok_or("no costs")?;
    let ids = costs.lines().filter_map(|line| line.split_once("     ")).map(|(_, id)| id.trim());
    let announced: BTreeSet<_> = ids.collect();
    let ran = place.run(&["run", "--target", "staging", "--update", "no"])?;
    let skipped = ran.stdout.lines().filter_map(|line| line.strip_prefix("skip   "));
    let skipped: BTreeSet<_> = skipped.filter_map(|line| line.split("  ").next()).collect();
    assert!(announced.len() > 3, "{seen:?}");
    assert_eq!(announced, skipped, "{ran:?}");
    Ok(())
}

impl Ran {
    fn shows(&self, text: &str) {
        assert!(self.stdout.contains(text), "{text:?} is not in {}", self.stdout);
    }

    fn tells(&self, text: &str) {
        assert!(self.stderr.contains(text), "{text:?} is not in {}", self.stderr);
    }
}

/// What the program says, with a word for the tenant's domain. No secret is in it.
fn probe(place: &Place, args: &[&str]) -> Result<Ran, Failed> {
    let mut ran = place.run(args)?;
    let [(_, domain), .., client, management, authorization, password] = place.variables();
    for text in [&mut ran.stdout, &mut ran.stderr] {
        *text = text.replace(&domain, "TENANT");
        for (name, secret) in [&client, &management, &authorization, &password] {
            let secret = secret.trim_matches('\'');
            assert!(!text.contains(secret), "{name} is told: {text}");
        }
    }
    Ok(ran)
}
