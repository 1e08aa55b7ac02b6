//! What is secret stays so where a run says all that it sees, and in all that it writes.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use libtest_mimic::Failed;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::bytes::Regex;
use walkdir::WalkDir;

use crate::{
    Test,
    mail::smtp::Way,
    place::{Inbox, Place, Wish},
    pool,
};

use Inbox::{Dovecot, Outbox};

pub(crate) const TESTS: &[Test] = &[
    ("nothing_is_told", &[Outbox], nothing_is_told),
    ("what_a_run_leaves_is_private", &[Dovecot], what_a_run_leaves_is_private),
];

/// All that is known to be secret: what `.env` has, and what was sent to whom.
fn secrets(place: &Place) -> Result<BTreeSet<String>, Failed> {
    let mut secrets = BTreeSet::from(pool::EMAILS.map(ToOwned::to_owned));
    let variables = fs::read_to_string(place.project().join(".env"))?;
    for line in variables.lines() {
        let (name, value) = line.split_once('=').ok_or("no variable")?;
        let value = value.trim_matches('\'').trim_start_matches("Bearer ");
        if ["SECRET", "PASSWORD", "AUTHORIZATION"].iter().any(|word| name.contains(word)) {
            secrets.insert(value.to_owned());
        }
    }
    let sent = place.control("GET", "outbox", None)?;
    for message in sent.as_array().ok_or("no list of messages")? {
        for member in ["to", "code"] {
            secrets.insert(message[member].as_str().ok_or("no text")?.to_owned());
        }
    }
    Ok(secrets)
}

/// A value as it is, as it is in a URL, and what of it is in base64 wherever it stands in what was encoded.
fn forms(value: &str) -> Vec<String> {
    let mut forms =
        vec![value.to_owned(), utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()];
    // In six digits there is too little to be told from chance.
    for before in (0..3).filter(|_| value.len() > 8) {
        let bytes = [&b"::"[..before], value.as_bytes()].concat();
        for encoded in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
            // The first and the last digits have bits of what stands beside it.
            let begin = (before * 8).div_ceil(6);
            forms.push(encoded[begin..bytes.len() * 8 / 6].to_owned());
        }
    }
    forms
}

fn nothing_is_told(inbox: Inbox) -> Result<(), Failed> {
    let target = format!("    allow: [provision, remove]\n{}", pool::USERS);
    let place = Place::start(&Wish { target: &target, ..Wish::of(inbox) })?;
    pool::make_users(&place, &pool::EMAILS)?;
    place.take(&[
        "email/first-enrolment",
        "email/challenge-and-verify",
        "otp/challenge-and-verify",
        "management/authentication-methods",
    ])?;
    // So that something is seen of failures, too.
    place.scenario(
        "fails",
        "title: Fails
given: {tenant: {factors: [email, otp, recovery-code]}}
steps:
  - login: {}
  - enroll: {channel: email, email: '{{ user.email }}'}
  - confirm: {}
    expect: {status: 418, body: {access_token: none, url: '{{ user.email }}'}}
",
    )?;
    let reports = ["--report", "json=report.json", "--report", "human=report.txt"];
    let args = ["run", "--target", "staging", "-vv", "-j", "4", "--update", "new"];
    let ran = place.run(&[&args[..], &reports].concat())?;
    assert!(ran.code == Some(1) && ran.stdout.contains("POST /oauth/token"), "{ran:?}");
    let json = place.run(&["run", "--target", "staging", "--format", "json", "--update", "no"])?;
    let mut written: Vec<_> = [ran.stdout, ran.stderr, json.stdout, json.stderr]
        .into_iter()
        .map(|text| ("what is printed".to_owned(), text.into_bytes()))
        .collect();
    for entry in WalkDir::new(place.project()) {
        let entry = entry?;
        let path = entry.path().strip_prefix(place.project())?;
        let is_given = ["scenarios", ".env"].iter().any(|given| path.starts_with(given));
        if entry.file_type().is_file() && !is_given && path.to_str() != Some("countersign.yaml") {
            written.push((path.display().to_string(), fs::read(entry.path())?));
        }
    }
    for name in ["report.json", "report.txt"] {
        assert!(written.iter().any(|(known, _)| known == name), "no {name}");
    }
    let secrets = secrets(&place)?;
    assert!(secrets.len() > 8, "{secrets:?}");
    // A JWT, and what encrypted tokens begin with.
    let tokens = Regex::new(r"eyJ[A-Za-z0-9_-]{16}|Fe26\.2\*")?;
    for (name, bytes) in &written {
        assert!(!tokens.is_match(bytes), "a token is in {name}");
        for secret in &secrets {
            for form in forms(secret) {
                let word = Regex::new(&format!(r"(?-u:\b){}(?-u:\b)", regex::escape(&form)))?;
                let text = || String::from_utf8_lossy(bytes).into_owned();
                assert!(!word.is_match(bytes), "{secret} is in {name} as {form}: {}", text());
            }
        }
    }
    Ok(())
}

/// The addresses of users have to be in it, and nobody else reads them.
fn what_a_run_leaves_is_private(inbox: Inbox) -> Result<(), Failed> {
    let target = "    allow: [provision]\n";
    let place = Place::start(&Wish { target, ..Wish::of(inbox) })?;
    place.take(&["email/first-enrolment"])?;
    place.front()?.set(Way::Held)?;
    let mut child = place.started(&["run", "--target", "staging"])?;
    place.front()?.wait_for(1)?;
    place.block_on(child.kill())?;
    let mut journals = 0;
    for entry in WalkDir::new(place.project().join(".countersign")) {
        let entry = entry?;
        let mode = entry.metadata()?.mode() & 0o777;
        let is_folder = entry.file_type().is_dir();
        assert_eq!(mode, if is_folder { 0o700 } else { 0o600 }, "{}", entry.path().display());
        if entry.path().extension().is_some_and(|ending| ending == "journal") {
            let text = fs::read_to_string(entry.path())?;
            journals += 1;
            assert!(text.contains("qa+countersign-") && !text.contains("password"), "{text}");
        }
    }
    assert_eq!((journals, place.users()?), (1, 1));
    assert_eq!(place.run(&["cleanup", "--target", "staging"])?.code, Some(0));
    assert_eq!(place.users()?, 0);
    Ok(())
}
