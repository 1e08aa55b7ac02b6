//! A tenant's policy, lifetimes and limits as data: what the catalogue's scenarios cannot see.

use std::time::Duration;

use countersign::{
    emulator::{
        Action, BruteForceProtection, Enrolled, Factor, FactorType, Limit, Limits, MfaPolicy,
        Tenant, Then, When,
    },
    exchange::Request,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::drive::{
    ADA, APP_SECRET, Answer, BOB, Drive, MFA_AUDIENCE, PASSWORD, PHONE, tenant, user, with_app,
    with_device, with_phone,
};

fn always(then: Then) -> Action {
    Action { when: When::default(), then }
}

/// A tenant that lets Actions choose among an app, messages and e-mail.
fn customized(actions: Vec<Action>) -> Tenant {
    Tenant {
        factors: [Factor::Otp, Factor::Sms, Factor::Email, Factor::RecoveryCode].into(),
        policy: MfaPolicy::Never,
        customize_mfa: true,
        actions,
        ..tenant()
    }
}

fn requirements(answer: &Answer) -> Value {
    answer.body()["mfa_requirements"].clone()
}

#[test]
fn requirements_follow_the_factors_of_the_user() {
    let verified = |name| countersign::emulator::NewUser { email_verified: true, ..user(name) };
    for (user, expected) in [
        (user(ADA), json!({"enroll": [{"type": "otp"}, {"type": "phone"}]})),
        (verified(ADA), json!({"challenge": [{"type": "email"}]})),
        (with_app(ADA), json!({"challenge": [{"type": "otp"}]})),
        (with_phone(ADA), json!({"challenge": [{"type": "phone"}]})),
    ] {
        let mut drive = Drive::of(customized(vec![always(Then::Mfa)]));
        drive.add_user(user);
        assert_eq!(requirements(&drive.login(ADA, &[])), expected);
    }
}

#[test]
fn conditions_add_up() {
    let when = When {
        user: Some(ADA.to_uppercase()),
        client: Some("app".into()),
        scope: Some("pay".into()),
        audience: Some("https://bank.example/".into()),
    };
    let mut drive = Drive::of(customized(vec![Action { when, then: Then::Mfa }]));
    drive.add_user(user(ADA));
    drive.add_user(user(BOB));
    let asked = [("scope", "read pay"), ("audience", "https://bank.example/")];
    assert_eq!(drive.login(ADA, &asked).status(), 403);
    assert_eq!(drive.login(BOB, &asked).status(), 200);
    assert_eq!(drive.login(ADA, &asked[..1]).status(), 200);
    assert_eq!(drive.login(ADA, &asked[1..]).status(), 200);
    assert_eq!(drive.login(ADA, &[asked[0], asked[1], ("client_id", "page")]).status(), 200);
}

#[test]
fn a_denial_holds_for_the_mfa_audience_and_at_refresh() {
    let mut drive = Drive::of(customized(vec![always(Then::Mfa)]));
    drive.add_user(user(ADA));
    // No Action keeps a user without a factor from the token to enrol one with.
    let answer = drive.login(ADA, &[("audience", MFA_AUDIENCE), ("scope", "offline_access")]);
    assert_eq!(answer.status(), 200);
    let refresh_token = answer.text("refresh_token");

    let when = When { user: Some(ADA.into()), ..When::default() };
    let denied = Action { when, then: Then::Deny("Not today.".into()) };
    drive.set_actions(vec![denied]);
    let expected = (403, "access_denied".to_owned(), "Not today.".to_owned());
    let denied = drive.login(ADA, &[("audience", MFA_AUDIENCE)]);
    assert_eq!(denied.outcome(), expected);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    assert_eq!(drive.token(&refresh).outcome(), expected);
    // It was kept for a better day.
    drive.set_actions(Vec::new());
    assert_eq!(drive.token(&refresh).status(), 200);
}

#[test]
fn a_refresh_to_the_mfa_audience_keeps_its_rule() {
    let mut drive = Drive::of(customized(Vec::new()));
    drive.add_user(with_app(ADA));
    let refresh_token = drive.login(ADA, &[("scope", "offline_access")]).text("refresh_token");
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str()),
        ("audience", MFA_AUDIENCE),
        ("scope", "enroll offline_access"),
    ];
    let answer = drive.token(&refresh);
    assert_eq!(answer.outcome().1, "mfa_required");
    let otp = drive.otp(APP_SECRET);
    let tokens = drive.verify_otp(&answer.text("mfa_token"), &otp);
    assert_eq!((tokens.status(), tokens.body()["expires_in"].clone()), (200, json!(600)));
    // The client keeps the refresh token that it has.
    assert_eq!(tokens.body()["refresh_token"], Value::Null);
    assert_eq!(drive.token(&refresh[..2]).status(), 200);
}

#[test]
fn a_chain_ends_after_four_factors_that_actions_named() {
    let challenge = || always(Then::Challenge(vec![FactorType::Otp]));
    for (actions, status) in [(4, 200), (5, 403)] {
        let mut drive = Drive::of(customized((0..actions).map(|_| challenge()).collect()));
        drive.add_user(with_app(ADA));
        let mfa_token = drive.mfa_token(ADA);
        let otp = drive.otp(APP_SECRET);
        // What was proven is not asked for again.
        let answer = drive.verify_otp(&mfa_token, &otp);
        assert_eq!(answer.status(), status);
        assert_ne!(answer.outcome().1, "mfa_required");
    }
}

#[test]
fn a_recovery_code_in_a_chain_is_replaced_before_the_eyes_of_the_user() {
    let mut drive = Drive::of(customized(vec![
        always(Then::Challenge(vec![FactorType::RecoveryCode])),
        always(Then::Challenge(vec![FactorType::Otp])),
    ]));
    drive.add_user(user(ADA));
    // Without a factor the login fails; one is enrolled with a token for the MFA audience.
    assert_eq!(drive.login(ADA, &[]).outcome().1, "access_denied");
    let bearer = drive.mfa_access_token(ADA, "enroll");
    let association = drive.associate_otp(&bearer);
    let secret = association.text("secret");
    let code = association.body()["recovery_codes"][0].as_str().expect("a code").to_owned();
    let otp = drive.otp(&secret);
    assert_eq!(drive.verify_otp(&bearer, &otp).status(), 200);
    drive.advance(Duration::from_mins(1));

    let mfa_token = drive.mfa_token(ADA);
    let first = drive.recover(&mfa_token, &code);
    assert_eq!(first.outcome().1, "mfa_required");
    assert_ne!(first.text("recovery_code"), code);
    let otp = drive.otp(&secret);
    assert_eq!(drive.verify_otp(&first.text("mfa_token"), &otp).status(), 200);
}

/// The device is enrolled by the time the client asks: what counts is how it was when it began.
#[test]
fn an_action_can_have_a_device_enrolled() {
    let mut tenant = customized(vec![always(Then::Enroll(vec![FactorType::PushNotification]))]);
    tenant.factors.insert(Factor::Push);
    let mut drive = Drive::of(tenant);
    drive.add_user(with_app(ADA));
    let login = drive.login(ADA, &[]);
    assert_eq!(requirements(&login), json!({"enroll": [{"type": "push-notification"}]}));
    let mfa_token = login.text("mfa_token");
    let oob_code = drive.associate_push(&mfa_token).text("oob_code");
    assert_eq!(drive.poll(&mfa_token, &oob_code).outcome().1, "authorization_pending");
    assert!(drive.answer_push(true));
    assert_eq!(drive.poll(&mfa_token, &oob_code).status(), 200);
}

#[test]
fn a_verified_address_cannot_be_passed_by_with_a_new_factor() {
    let mut drive = Drive::of(customized(vec![always(Then::Challenge(vec![FactorType::Email]))]));
    drive.add_user(countersign::emulator::NewUser { email_verified: true, ..user(ADA) });
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.associate_otp(&mfa_token).outcome().1, "access_denied");
}

#[test]
fn the_management_api_has_a_limit_and_an_error_of_its_own() {
    let limit = Some(Limit::new(1, Duration::from_millis(1500)));
    let limits = Limits { management_api: limit, ..Limits::default() };
    let mut drive = Drive::of(Tenant { limits, ..tenant() });
    let request = Request::new("GET", "/api/v2/users/x");
    assert_ne!(drive.send(&request).status(), 429);
    let answer = drive.send(&request);
    let header = |name| answer.0.headers.get(name).map(str::to_owned);
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.body()["statusCode"], 429);
    assert_eq!(answer.body()["errorCode"], "too_many_requests");
    assert_eq!(header("retry-after").as_deref(), Some("2"));
    assert_eq!(header("x-ratelimit-reset").as_deref(), Some("1700000002"));
    drive.add_user(user(ADA));
    assert_eq!(drive.login(ADA, &[]).0.headers.get("x-ratelimit-limit"), None);
}

/// A refusal tells of the limit that refused, whichever of them it was.
#[test]
fn a_refusal_tells_of_the_limit_that_refused() {
    let of = |burst, seconds| Limit::new(burst, Duration::from_secs(seconds));
    let limits = Limits {
        authentication_api: Some(of(2, 10)),
        oauth_token: Some(of(9, 1)),
        logins: of(1, 20),
        ..Limits::default()
    };
    let mut drive = Drive::of(Tenant { limits, ..tenant() });
    drive.add_user(user(ADA));
    let headers = |answer: &Answer| {
        ["limit", "remaining", "reset"]
            .map(|it| format!("x-ratelimit-{it}"))
            .map(|name| answer.0.headers.get(&name).unwrap_or_default().to_owned())
    };
    assert_eq!(headers(&drive.login(ADA, &[])), ["9", "8", "1700000001"]);
    // One login at once, and two requests.
    for (limit, seconds, reset) in [("1", "20", "1700000020"), ("2", "10", "1700000020")] {
        let answer = drive.login(ADA, &[]);
        assert_eq!(answer.status(), 429);
        assert_eq!(headers(&answer), [limit, "0", reset]);
        assert_eq!(answer.0.headers.get("retry-after"), Some(seconds));
    }
}

#[test]
fn an_administrator_can_lift_a_block() {
    let brute_force_protection = BruteForceProtection::Block { max_attempts: 1 };
    let mut drive = Drive::of(Tenant { brute_force_protection, ..tenant() });
    drive.add_user(user(ADA));
    drive.login(ADA, &[("password", "wrong")]);
    assert_eq!(drive.login(ADA, &[]).outcome().1, "too_many_attempts");
    drive.unblock(&ADA.to_uppercase());
    assert_eq!(drive.login(ADA, &[]).outcome().1, "mfa_required");
}

proptest! {
    /// Whatever Actions demand, in whatever order: there are tokens only when each demand was met
    /// by a factor that it names, and every answer on the way is one of the documented ones.
    #[test]
    fn tokens_come_when_all_is_proven(
        demands in proptest::collection::vec(any::<[bool; 3]>(), 0..4),
        order in Just([FactorType::Otp, FactorType::Phone, FactorType::PushNotification])
            .prop_shuffle(),
    ) {
        const TYPES: [FactorType; 3] =
            [FactorType::Otp, FactorType::Phone, FactorType::PushNotification];
        let actions = demands.iter().map(|demand| {
            let types = TYPES.into_iter().zip(demand);
            let types = types.filter_map(|(it, demanded)| demanded.then_some(it));
            always(Then::Challenge(types.collect()))
        });
        let mut tenant = customized(actions.collect());
        tenant.factors.insert(Factor::Push);
        let mut drive = Drive::of(tenant);
        // The device brings the app.
        let mut ada = with_device(ADA);
        ada.enrolled.push(Enrolled::Sms { number: PHONE.to_owned() });
        drive.add_user(ada);

        let mut proven: Vec<FactorType> = Vec::new();
        let parameters = [("grant_type", "password"), ("username", ADA), ("password", PASSWORD)];
        let mut answer = drive.token(&parameters);
        while answer.outcome().1 == "mfa_required" {
            let demanded = requirements(&answer)["challenge"].clone();
            let is_demanded = |it: &FactorType| {
                let mut demanded = demanded.as_array().expect("a list").iter();
                demanded.any(|known| known["type"] == it.word())
            };
            let mfa_token = answer.text("mfa_token");
            let next = order.into_iter().find(is_demanded);
            let next = next.expect("one that the user has");
            prop_assert!(!proven.contains(&next), "{:?} is asked for twice", next);
            proven.push(next);
            answer = match next {
                FactorType::Otp => {
                    let otp = drive.otp(APP_SECRET);
                    drive.verify_otp(&mfa_token, &otp)
                }
                FactorType::Phone => {
                    let sent = drive.challenge(&mfa_token, &json!({"oob_channel": "sms"}));
                    let code = drive.code();
                    drive.verify(&mfa_token, &sent.text("oob_code"), &code)
                }
                _ => {
                    let asked = drive.challenge(&mfa_token, &json!({"oob_channel": "auth0"}));
                    prop_assert!(drive.answer_push(true));
                    drive.poll(&mfa_token, &asked.text("oob_code"))
                }
            };
        }
        let fails = demands.contains(&[false; 3]);
        prop_assert_eq!(answer.status() == 200, !fails);
        for demand in demands.iter().filter(|_| !fails) {
            let mut demanded = TYPES.iter().zip(demand).filter(|(_, demanded)| **demanded);
            prop_assert!(demanded.any(|(it, _)| proven.contains(it)));
        }
    }
}
