//! Push: enrolled by scanning, challenged by a notification, answered on the device.

use std::time::Duration;

use countersign::{
    clock::Timestamp,
    emulator::{Factor, MfaPolicy},
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::drive::{ADA, ALL_SCOPES, Answer, BOB, Drive, MFA_AUDIENCE, MFA_OOB, user, with_device};

fn drive() -> Drive {
    let factors = [Factor::Push, Factor::Otp, Factor::Email, Factor::RecoveryCode];
    Drive::with(&factors, MfaPolicy::Always)
}

fn error(answer: &Answer) -> (u16, String) {
    let (status, error, _) = answer.outcome();
    (status, error)
}

/// Whether each entry is active, by the first part of its id.
fn active(list: &Value) -> Vec<(String, bool)> {
    let entry = |entry: &Value| {
        let (kind, _) = entry["id"].as_str().and_then(|id| id.split_once('|')).expect("an id");
        (kind.to_owned(), entry["active"] == true)
    };
    list.as_array().expect("a list").iter().map(entry).collect()
}

#[test]
fn a_device_is_enrolled_by_scanning_and_brings_an_app() {
    let mut drive = drive();
    drive.add_user(user(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let association = drive.associate_push(&mfa_token);
    let body = association.body();
    let members: Vec<_> = body.as_object().expect("an object").keys().collect();
    let order = ["authenticator_type", "barcode_uri", "recovery_codes", "oob_channel", "oob_code"];
    assert_eq!(members, order);
    let barcode = association.text("barcode_uri");
    let rest = barcode.strip_prefix("otpauth://totp/tenant:ada%40example.com?enrollment_tx_id=");
    let (id, rest) = rest.expect("who enrols").split_once('&').expect("an address");
    assert_eq!(id.len(), 32);
    assert_eq!(rest, "base_url=https%3A%2F%2Ftenant.example.guardian.us.auth0.com");

    let pending = |state| {
        let kinds = ["push", "recovery-code", "totp"];
        let mut entries: Vec<_> = kinds.map(|kind| (kind.to_owned(), state)).into();
        entries.swap(1, 2);
        entries
    };
    let list = drive.list(&mfa_token).body();
    assert_eq!(active(&list), pending(false));
    assert_eq!(list[0].get("name"), None);
    let oob_code = association.text("oob_code");
    let waiting = (400, "authorization_pending".to_owned());
    assert_eq!(error(&drive.poll(&mfa_token, &oob_code)), waiting);
    assert!(drive.answer_push(true));
    assert_eq!(active(&drive.list(&mfa_token).body()), pending(true));
    assert_eq!(drive.poll(&mfa_token, &oob_code).status(), 200);
    assert!(drive.pushes.is_empty(), "nothing is sent at enrolment");

    // Either takes the other along.
    for gone in [0, 1] {
        let mut drive = self::drive();
        drive.add_user(with_device(ADA));
        let mfa_token = drive.mfa_token(ADA);
        let list = drive.list(&mfa_token).body();
        assert_eq!(list[0]["name"], json!("Ada's phone"));
        let oob_code = drive.login(ADA, &[("audience", MFA_AUDIENCE), ("scope", ALL_SCOPES)]);
        let mfa_token = oob_code.text("mfa_token");
        let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
        assert!(drive.answer_push(true));
        let token = drive.poll(&mfa_token, &oob_code).text("access_token");
        assert_eq!(drive.delete(&token, list[gone]["id"].as_str().expect("an id")).status(), 204);
        assert_eq!(drive.list(&token).body(), json!([]));
    }
}

#[test]
fn a_challenge_waits_for_its_answer() {
    let mut drive = drive();
    drive.add_user(with_device(ADA));
    for (accept, last) in [(true, (200, "")), (false, (400, "access_denied"))] {
        let mfa_token = drive.mfa_token(ADA);
        let challenge = drive.challenge(&mfa_token, &json!({"oob_channel": "auth0"}));
        assert_eq!(challenge.body().get("binding_method"), None);
        let push = drive.pushes.last().expect("a push");
        assert_eq!((push.to.as_str(), push.device.as_str()), (ADA, "Ada's phone"));
        let oob_code = challenge.text("oob_code");
        let poll = |drive: &mut Drive| error(&drive.poll(&mfa_token, &oob_code));
        assert_eq!(poll(&mut drive), (400, "authorization_pending".to_owned()));
        assert_eq!(poll(&mut drive), (400, "slow_down".to_owned()));
        drive.advance(Duration::from_secs(1));
        assert_eq!(poll(&mut drive), (400, "authorization_pending".to_owned()));
        assert!(drive.answer_push(accept));
        assert!(!drive.answer_push(!accept), "it is answered once");
        assert_eq!(poll(&mut drive), (last.0, last.1.to_owned()));
        if !accept {
            assert_eq!(poll(&mut drive), (last.0, last.1.to_owned()), "and that is final");
        }
    }
}

#[test]
fn a_push_is_over_after_five_minutes() {
    let mut drive = drive();
    drive.add_user(with_device(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    drive.advance(Duration::from_mins(5));
    assert!(!drive.answer_push(true));
    assert_eq!(error(&drive.poll(&mfa_token, &oob_code)), (401, "expired_token".to_owned()));
}

#[test]
fn five_pushes_a_minute_are_sent() {
    let mut drive = drive();
    drive.add_user(with_device(ADA));
    let mfa_token = drive.mfa_token(ADA);
    for _ in 0..5 {
        assert_eq!(drive.challenge(&mfa_token, &json!({})).status(), 200);
    }
    let refused = drive.challenge(&mfa_token, &json!({}));
    assert_eq!(error(&refused), (403, "invalid_request".to_owned()));
    assert_eq!(drive.pushes.len(), 5);
    drive.advance(Duration::from_secs(12));
    assert_eq!(drive.challenge(&mfa_token, &json!({})).status(), 200);
}

#[test]
fn a_code_is_no_answer_and_a_push_is_nobody_elses() {
    let mut drive = drive();
    drive.add_user(with_device(ADA));
    drive.add_user(with_device(BOB));
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    assert_eq!(error(&drive.verify(&mfa_token, &oob_code, "123456")).1, "authorization_pending");
    let of_bob = drive.mfa_token(BOB);
    assert!(drive.answer_push(true), "Ada's");
    let mixed = [("grant_type", MFA_OOB), ("mfa_token", &of_bob), ("oob_code", &oob_code)];
    assert_eq!(error(&drive.token(&mixed)), (400, "invalid_request".to_owned()));
    assert_eq!(drive.poll(&mfa_token, &oob_code).status(), 200);
}

/// Neither takes anything of the other's, whichever comes first.
#[test]
fn a_device_and_an_app_are_associated_side_by_side() {
    for push_first in [true, false] {
        let mut drive = drive();
        drive.add_user(user(ADA));
        let mfa_token = drive.mfa_token(ADA);
        let pushed = |drive: &mut Drive| drive.associate_push(&mfa_token).text("oob_code");
        let made = |drive: &mut Drive| drive.associate_otp(&mfa_token).text("secret");
        let (oob_code, secret) = if push_first {
            let oob_code = pushed(&mut drive);
            (oob_code, made(&mut drive))
        } else {
            let secret = made(&mut drive);
            (pushed(&mut drive), secret)
        };
        let all = |drive: &mut Drive, bearer: &str| {
            let mut all = active(&drive.list(bearer).body());
            all.retain(|(kind, _)| kind != "recovery-code");
            all.sort();
            all
        };
        let entry = |kind: &str, active| (kind.to_owned(), active);
        let three = [entry("push", false), entry("totp", false), entry("totp", false)];
        assert_eq!(all(&mut drive, &mfa_token), three);
        assert!(drive.answer_push(true));
        let three = [entry("push", true), entry("totp", false), entry("totp", true)];
        assert_eq!(all(&mut drive, &mfa_token), three);
        let otp = drive.otp(&secret);
        assert_eq!(drive.verify_otp(&mfa_token, &otp).status(), 200);
        let mfa_token = drive.mfa_token(ADA);
        assert!(all(&mut drive, &mfa_token).iter().all(|(_, active)| *active));
        assert_eq!(drive.poll(&mfa_token, &oob_code).outcome().2, "Malformed oob_code");
    }
}

/// A call; what it is about is drawn from all challenges so far, whoever's.
#[derive(Clone, Debug)]
enum Step {
    Challenge { user: usize },
    Answer { accept: bool },
    Poll { mfa_token: Index, oob_code: Index },
    PollLast,
    Wait { seconds: u64 },
}

/// A challenge, as the model knows it.
struct Asked {
    mfa_token: String,
    oob_code: String,
    at: Timestamp,
    answer: Option<bool>,
    has_brought_tokens: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_in_without_the_users_yes(steps in vec(step(), 1..40)) {
        let mut drive = drive();
        for user in [ADA, BOB] {
            drive.add_user(with_device(user));
        }
        let mut asked: Vec<Asked> = Vec::new();
        for step in steps {
            match step {
                Step::Challenge { user } => {
                    let mfa_token = drive.mfa_token([ADA, BOB][user]);
                    let answer = drive.challenge(&mfa_token, &json!({"oob_channel": "auth0"}));
                    if answer.status() == 200 {
                        let (oob_code, at) = (answer.text("oob_code"), drive.now);
                        let (answer, has_brought_tokens) = (None, false);
                        asked.push(Asked { mfa_token, oob_code, at, answer, has_brought_tokens });
                    }
                }
                Step::Answer { accept } => {
                    let now = drive.now;
                    let waits = |it: &&mut Asked| it.answer.is_none() && is_fresh(it, now);
                    let newest = asked.iter_mut().rev().find(waits);
                    prop_assert_eq!(drive.answer_push(accept), newest.is_some());
                    if let Some(newest) = newest {
                        newest.answer = Some(accept);
                    }
                }
                Step::Poll { mfa_token, oob_code } if !asked.is_empty() => {
                    let (of, oob) = (mfa_token.index(asked.len()), oob_code.index(asked.len()));
                    poll(&mut drive, &mut asked, of, oob);
                }
                Step::PollLast if !asked.is_empty() => {
                    let last = asked.len() - 1;
                    poll(&mut drive, &mut asked, last, last);
                }
                Step::Poll { .. } | Step::PollLast => {}
                Step::Wait { seconds } => drive.advance(Duration::from_secs(seconds)),
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2_usize).prop_map(|user| Step::Challenge { user }),
        3 => any::<bool>().prop_map(|accept| Step::Answer { accept }),
        1 => (any::<Index>(), any::<Index>())
            .prop_map(|(mfa_token, oob_code)| Step::Poll { mfa_token, oob_code }),
        3 => Just(Step::PollLast),
        2 => prop_oneof![0..30_u64, 290..310_u64].prop_map(|seconds| Step::Wait { seconds }),
    ]
}

fn is_fresh(asked: &Asked, now: Timestamp) -> bool {
    now.since(asked.at) < Duration::from_mins(5)
}

/// Asks for tokens with the `mfa_token` of one challenge and the `oob_code` of another.
fn poll(drive: &mut Drive, asked: &mut [Asked], of: usize, oob: usize) {
    let (mfa_token, oob_code) = (asked[of].mfa_token.clone(), asked[oob].oob_code.clone());
    let (status, error, _) = drive.poll(&mfa_token, &oob_code).outcome();
    let it = &mut asked[oob];
    let belongs = of == oob && !it.has_brought_tokens && is_fresh(it, drive.now);
    let expected: &[&str] = match it.answer {
        _ if !belongs => &["invalid_request", "invalid_grant", "expired_token"],
        None => &["authorization_pending", "slow_down"],
        Some(true) => &[""],
        Some(false) => &["access_denied"],
    };
    assert!(expected.contains(&error.as_str()), "{error}, and not one of {expected:?}");
    assert_eq!(status == 200, error.is_empty());
    it.has_brought_tokens |= status == 200;
}
