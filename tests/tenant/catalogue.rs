//! The catalogue on a tenant, with as many applications as there are uses for.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{AlgorithmParameters, Jwk},
};
use libtest_mimic::Failed;

use crate::{
    Test,
    place::{Inbox, Place, Wish},
    running::{Running, assert_untouched, events, finished, settings, wrong},
};

use Inbox::{Dovecot, Maildev};

pub(crate) const TESTS: &[Test] =
    &[("all_of_it", &[Dovecot], all_of_it), ("a_part_of_it", &[Maildev], a_part_of_it)];

/// An RSA key in PKCS #1, which signs assertions.
const KEY: &[u8] = include_bytes!("../../src/target/client-key.der");

/// The target's further keys: what the scenarios ask for, each application once.
const TARGET: &str = "    audience: https://api.example.com/
    clients:
      - {id: mobile, public: true, grants: [password, mfa]}
      - {id: page, public: true}
      - {id: mfa-only, secret: '${SECRET_1}', grants: [mfa]}
      - {id: no-mfa, secret: '${SECRET_2}', grants: [password, refresh_token]}
      - {id: machine, secret: '${SECRET_3}', grants: [client_credentials]}
      - {id: signer, authentication: private_key_jwt, private_key: '${PRIVATE_KEY}'}
    allow: [provision]
";

/// The served tenant's settings, with the same applications.
pub(crate) fn tenant() -> Result<String, Failed> {
    let key = EncodingKey::from_rsa_der(KEY);
    let public = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
    let AlgorithmParameters::RSA(rsa) = public.algorithm else { return Err("no RSA key".into()) };
    let (modulus, exponent) = (rsa.n, rsa.e);
    Ok(format!(
        "tenant:
  factors: [sms, voice, email, otp, push, recovery-code]
  clients:
    mobile: {{id: mobile, public: true, grants: [password, mfa]}}
    page: {{id: page, public: true}}
    mfa-only: {{id: mfa-only, secret: Secret-one, grants: [mfa]}}
    no-mfa: {{id: no-mfa, secret: Secret-two, grants: [password, refresh_token]}}
    machine: {{id: machine, secret: Secret-three, grants: [client_credentials]}}
    signer:
      id: signer
      authentication: private_key_jwt
      jwk: {{kty: RSA, alg: RS256, n: {modulus}, e: {exponent}}}
"
    ))
}

/// A place whose target has every application.
pub(crate) fn place(wish: &Wish<'_>) -> Result<Place, Failed> {
    place_of(&tenant()?, wish)
}

/// The same, of a tenant with these settings.
pub(crate) fn place_of(tenant: &str, wish: &Wish<'_>) -> Result<Place, Failed> {
    let place = Place::start(&Wish { tenant, target: TARGET, ..*wish })?;
    let path = place.project().join(".env");
    let body = STANDARD.encode(KEY);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let more = format!(
        "SECRET_1=Secret-one\nSECRET_2=Secret-two\nSECRET_3=Secret-three\n\
         PRIVATE_KEY='-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n'\n",
        lines.join("\n")
    );
    fs::write(&path, fs::read_to_string(&path)? + &more)?;
    Ok(place)
}

/// Every scenario passes or is skipped, as `check --probe` has said before, and nothing is left.
fn all_of_it(inbox: Inbox) -> Result<(), Failed> {
    let place = place(&Wish::of(inbox))?;
    place.take(&[
        "client-authentication",
        "disagreements",
        "email",
        "faults",
        "limits",
        "management",
        "otp",
        "policy",
        "push",
        "sms",
        "voice",
    ])?;
    passes(&place)
}

fn a_part_of_it(inbox: Inbox) -> Result<(), Failed> {
    let place = place(&Wish::of(inbox))?;
    place.take(&["email", "disagreements"])?;
    passes(&place)
}

fn passes(place: &Place) -> Result<(), Failed> {
    let before = settings(place)?;
    let checked = place.run(&["check", "--target", "staging", "--probe"])?;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let announced = number_before(&checked.stdout, " scenarios would be skipped");
    let command = place.command(&[
        "run",
        "--target",
        "staging",
        "-j",
        "32",
        "--report",
        "json=report.jsonl",
        "--update",
        "no",
    ]);
    let ran = Running::start(command)?.end()?;
    let events = events(&fs::read_to_string(place.project().join("report.jsonl"))?)?;
    assert_eq!(ran.code, Some(0), "{}\n{:#?}", ran.stderr, wrong(&events));
    let counts = ran.stdout.lines().last().unwrap_or_default();
    assert!(counts.contains(" passed, 0 failed, "), "{counts}");
    let finished = finished(&events)?;
    assert_eq!(finished["skipped"].as_u64(), announced, "{counts}\n{}", checked.stdout);
    assert_eq!(finished["retries"], 0, "{counts}");
    assert_untouched(place, &before)?;
    Ok(())
}

/// The first number in the line that ends with `what`: of `3 of 9 scenarios would be skipped`, 3.
fn number_before(text: &str, what: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.ends_with(what))?;
    line.split(' ').next()?.parse().ok()
}
