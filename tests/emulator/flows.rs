//! What works, from a login to its end.

use std::time::Duration;

use countersign::{
    emulator::{Enrolled, Factor, Limit, Limits, MfaPolicy, NewUser},
    exchange::Request,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::drive::{
    ADA, ALL_SCOPES, APP_SECRET, BOB, Drive, MFA_AUDIENCE, MFA_OOB, PASSWORD, PHONE, imported,
    tenant, user, with_app, with_phone,
};

fn entries(list: &Value) -> Vec<(String, bool, Option<String>)> {
    let entry = |entry: &Value| {
        let id = entry["id"].as_str().expect("an id");
        let kind = id.split('|').next().expect("a kind").to_owned();
        assert_eq!(id.len(), kind.len() + "|dev_0123456789abcdef".len());
        let active = entry["active"].as_bool().expect("a boolean");
        (kind, active, entry["name"].as_str().map(str::to_owned))
    };
    list.as_array().expect("a list").iter().map(entry).collect()
}

fn verified(email: &str) -> NewUser {
    NewUser { email_verified: true, ..user(email) }
}

#[test]
fn the_first_factor_is_enrolled_and_confirmed() {
    let mut drive = Drive::new();
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.list(&mfa_token).body(), json!([]));

    let association = drive.associate_email(&mfa_token).body();
    let members: Vec<_> = association.as_object().expect("an object").keys().collect();
    let recorded =
        ["authenticator_type", "binding_method", "recovery_codes", "oob_channel", "oob_code"];
    assert_eq!(members, recorded);
    let masked = Some("****@exam*******".to_owned());
    let pending =
        [("email".to_owned(), false, masked.clone()), ("recovery-code".to_owned(), false, None)];
    assert_eq!(entries(&drive.list(&mfa_token).body()), pending);

    // Again: in place of the first, and without another recovery code.
    let association = drive.associate_email(&mfa_token);
    assert!(association.body().get("recovery_codes").is_none());
    assert_eq!(entries(&drive.list(&mfa_token).body()), pending);

    let mail = drive.inbox.last().expect("a mail").clone();
    assert_eq!(mail.to, ADA);
    assert!(mail.text.contains(&mail.code) && mail.html.contains(&mail.code));
    let tokens = drive.verify(&mfa_token, &association.text("oob_code"), &mail.code);
    assert_eq!(tokens.status(), 200);
    assert_eq!(tokens.text("scope"), "openid profile email");
    assert_eq!(tokens.body()["expires_in"], json!(86_400));

    let mfa_token = drive.mfa_token(ADA);
    let active = [("email".to_owned(), true, masked), ("recovery-code".to_owned(), true, None)];
    assert_eq!(entries(&drive.list(&mfa_token).body()), active);
}

#[test]
fn a_replaced_association_cannot_be_confirmed() {
    let mut drive = Drive::new();
    let mfa_token = drive.mfa_token(ADA);
    let first = drive.associate_email(&mfa_token).text("oob_code");
    let code = drive.code();
    drive.associate_email(&mfa_token);
    let (status, _, text) = drive.verify(&mfa_token, &first, &code).outcome();
    assert_eq!((status, text.as_str()), (403, "Malformed oob_code"));
}

#[test]
fn without_the_recovery_factor_there_is_no_code() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Always);
    drive.add_user(user(ADA));
    assert_eq!(drive.enroll(ADA), None);
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.list(&mfa_token).body().as_array().map(Vec::len), Some(1));
    assert_eq!(drive.recover(&mfa_token, "x").outcome().1, "unsupported_challenge_type");
}

#[test]
fn a_verified_address_is_a_factor_by_itself() {
    for (factors, listed) in [(&[Factor::Email][..], 1), (&[Factor::Otp], 0)] {
        let mut drive = Drive::with(factors, MfaPolicy::Always);
        drive.add_user(verified(ADA));
        let mfa_token = drive.mfa_token(ADA);
        let list = drive.list(&mfa_token);
        assert_eq!(list.body().as_array().map(Vec::len), Some(listed));
        let again = drive.mfa_token(ADA);
        assert_eq!(drive.list(&again).body(), list.body());
        let challenge = drive.challenge(&mfa_token, &json!({}));
        assert_eq!(challenge.status() == 200, listed == 1);
        if listed == 1 {
            let code = drive.code();
            let tokens = drive.verify(&mfa_token, &challenge.text("oob_code"), &code);
            assert_eq!(tokens.status(), 200);
        }
    }
}

#[test]
fn a_verified_address_does_not_stand_in_the_way_of_enrolling() {
    let mut drive = Drive::with(&[Factor::Email, Factor::RecoveryCode], MfaPolicy::Always);
    drive.add_user(verified(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let body = json!({
        "authenticator_types": ["oob"], "oob_channels": ["email"], "email": "ada@second.example",
    });
    let association = drive.associate(&mfa_token, &body);
    assert_eq!(association.body()["recovery_codes"].as_array().map(Vec::len), Some(1));
    assert_eq!(drive.inbox.last().expect("a mail").to, "ada@second.example");
    let kinds: Vec<_> = entries(&drive.list(&mfa_token).body())
        .into_iter()
        .map(|(kind, active, _)| (kind, active))
        .collect();
    // As recorded: what was enrolled, its recovery code behind it, the verified address last.
    let expected = [("email", false), ("recovery-code", false), ("email", true)];
    assert_eq!(kinds, expected.map(|(kind, active)| (kind.to_owned(), active)));
}

#[test]
fn a_challenge_sends_a_new_code_each_time() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Always);
    drive.add_user(imported(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let id = drive.list(&mfa_token).body()[0]["id"].clone();
    let first = drive.challenge(&mfa_token, &json!({"authenticator_id": id}));
    let members: Vec<_> = first.body().as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["challenge_type", "oob_code", "binding_method"]);
    let code = drive.code();
    for members in [
        json!({"challenge_type": null}),
        json!({"challenge_type": "otp oob"}),
        json!({"oob_channel": "email"}),
    ] {
        assert_eq!(drive.challenge(&mfa_token, &members).status(), 200);
    }
    assert_eq!(drive.inbox.len(), 4);
    // The older code has not lost its worth.
    assert_eq!(drive.verify(&mfa_token, &first.text("oob_code"), &code).status(), 200);
}

#[test]
fn a_wrong_code_can_be_put_right() {
    let mut drive = Drive::new();
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.associate_email(&mfa_token).text("oob_code");
    let code = drive.code();
    assert_eq!(drive.verify(&mfa_token, &oob_code, "000000").status(), 403);
    assert_eq!(drive.list(&mfa_token).body()[0]["active"], json!(false));
    drive.advance(Duration::from_secs(5 * 60 - 1));
    assert_eq!(drive.verify(&mfa_token, &oob_code, &code).status(), 200);
}

#[test]
fn a_second_factor_is_enrolled_with_an_access_token() {
    let mut drive = Drive::new();
    drive.enroll(ADA);
    let bearer = drive.mfa_access_token(ADA, ALL_SCOPES);
    for (address, count) in [("ada@second.example", 2), ("ada@third.example", 3)] {
        let body = json!({
            "authenticator_types": ["oob"], "oob_channels": ["email"], "email": address,
        });
        let association = drive.associate(&bearer, &body);
        assert!(association.body().get("recovery_codes").is_none());
        let code = drive.code();
        let tokens = drive.verify(&bearer, &association.text("oob_code"), &code);
        assert_eq!(tokens.status(), 200);
        assert_eq!(tokens.body()["expires_in"], json!(600));
        let active = entries(&drive.list(&bearer).body());
        let emails = active.iter().filter(|(kind, active, _)| kind == "email" && *active);
        assert_eq!(emails.count(), count);
    }
}

#[test]
fn what_was_enrolled_can_be_deleted() {
    let mut drive = Drive::new();
    drive.enroll(ADA);
    let bearer = drive.mfa_access_token(ADA, ALL_SCOPES);
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    let code = drive.code();
    let list = drive.list(&bearer).body();
    for entry in list.as_array().expect("a list") {
        let answer = drive.delete(&bearer, entry["id"].as_str().expect("an id"));
        assert_eq!((answer.status(), answer.0.body.len()), (204, 0));
    }
    assert_eq!(drive.list(&bearer).body(), json!([]));
    // A code that is still on its way there is lost.
    assert_eq!(drive.verify(&mfa_token, &oob_code, &code).outcome().2, "Malformed oob_code");
    assert_eq!(drive.challenge(&mfa_token, &json!({})).outcome().1, "association_required");
    assert_eq!(drive.associate_email(&mfa_token).status(), 200);
}

#[test]
fn a_recovery_code_is_replaced_by_its_use() {
    let mut drive = Drive::new();
    let first = drive.enroll(ADA).expect("the factor is on");
    let mfa_token = drive.mfa_token(ADA);
    let answer = drive.recover(&mfa_token, &first);
    let members: Vec<_> = answer.body().as_object().expect("an object").keys().cloned().collect();
    let recorded =
        ["access_token", "id_token", "expires_in", "scope", "token_type", "recovery_code"];
    assert_eq!(members, recorded);
    let second = answer.text("recovery_code");
    assert_ne!(first, second);
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.recover(&mfa_token, &first).outcome().2, "MFA Authorization rejected.");
    assert_eq!(drive.recover(&mfa_token, &second).status(), 200);
}

#[test]
fn an_imported_user_has_no_recovery_code() {
    let mut drive = Drive::with(&[Factor::Email, Factor::RecoveryCode], MfaPolicy::Always);
    let address = Some("ada@second.example".to_owned());
    let enrolled = vec![Enrolled::Email { address: None }, Enrolled::Email { address }];
    drive.add_user(NewUser { enrolled, ..user(ADA) });
    let mfa_token = drive.mfa_token(ADA);
    let names: Vec<_> = entries(&drive.list(&mfa_token).body())
        .into_iter()
        .map(|(_, active, name)| (active, name.expect("a name")))
        .collect();
    assert_eq!(names, [(true, "****@exam*******".into()), (true, "****@seco**********".into())]);
    assert_eq!(drive.recover(&mfa_token, "x").outcome().2, "User does not have a recovery-code.");
}

#[test]
fn an_app_is_enrolled_and_confirmed() {
    let mut drive = Drive::with(&[Factor::Otp, Factor::RecoveryCode], MfaPolicy::Always);
    drive.add_user(user(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let association = drive.associate_otp(&mfa_token);
    let members: Vec<_> =
        association.body().as_object().expect("an object").keys().cloned().collect();
    assert_eq!(members, ["authenticator_type", "secret", "barcode_uri", "recovery_codes"]);
    let secret = association.text("secret");
    assert_eq!(
        association.text("barcode_uri"),
        format!(
            "otpauth://totp/tenant:ada%40example.com?secret={secret}&issuer=tenant&algorithm=SHA1\
             &digits=6&period=30"
        )
    );
    let list = |active: bool| {
        [("totp".to_owned(), active, None), ("recovery-code".to_owned(), active, None)]
    };
    assert_eq!(entries(&drive.list(&mfa_token).body()), list(false));
    let code = drive.otp(&secret);
    assert_eq!(drive.verify_otp(&mfa_token, &code).status(), 200);
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(entries(&drive.list(&mfa_token).body()), list(true));
    assert_eq!(drive.list(&mfa_token).body()[0]["authenticator_type"], json!("otp"));
    assert_eq!(drive.associate_otp(&mfa_token).outcome().2, "User is already enrolled.");
}

#[test]
fn an_app_replaces_one_that_was_not_confirmed() {
    let mut drive = Drive::with(&[Factor::Otp, Factor::RecoveryCode], MfaPolicy::Always);
    drive.add_user(user(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let first = drive.associate_otp(&mfa_token).text("secret");
    let second = drive.associate_otp(&mfa_token);
    assert!(second.body().get("recovery_codes").is_none());
    assert_eq!(drive.list(&mfa_token).body().as_array().map(Vec::len), Some(2));
    let code = drive.otp(&first);
    assert_eq!(drive.verify_otp(&mfa_token, &code).outcome().2, "Invalid otp_code.");
    let code = drive.otp(&second.text("secret"));
    // Only where it was associated can it be confirmed.
    let other = drive.mfa_token(ADA);
    assert_eq!(drive.verify_otp(&other, &code).outcome().1, "unsupported_challenge_type");
    assert_eq!(drive.verify_otp(&mfa_token, &code).status(), 200);
}

#[test]
fn an_app_needs_no_challenge_and_each_step_works_once() {
    let mut drive = Drive::with(&[Factor::Otp], MfaPolicy::Always);
    drive.add_user(with_app(ADA));
    let code = drive.otp(APP_SECRET);
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.verify_otp(&mfa_token, &code).status(), 200);
    let mfa_token = drive.mfa_token(ADA);
    for seconds in [0, 30] {
        drive.advance(Duration::from_secs(seconds));
        assert_eq!(drive.verify_otp(&mfa_token, &code).outcome().2, "Invalid otp_code.");
    }
    // With a challenge before it, and a step late.
    let challenge = drive.challenge(&mfa_token, &json!({"challenge_type": "otp"}));
    assert_eq!(challenge.body(), json!({"challenge_type": "otp"}));
    let code = drive.otp(APP_SECRET);
    drive.advance(Duration::from_secs(30));
    assert_eq!(drive.verify_otp(&mfa_token, &code).status(), 200);
}

#[test]
fn a_number_is_enrolled_for_messages_and_calls_at_once() {
    for (factors, channels) in [
        (&[Factor::Sms][..], &["sms"][..]),
        (&[Factor::Voice], &["voice"]),
        (&[Factor::Sms, Factor::Voice], &["sms", "voice"]),
        (&[Factor::Voice, Factor::Sms], &["voice", "sms"]),
    ] {
        let mut drive = Drive::with(factors, MfaPolicy::Always);
        drive.add_user(user(ADA));
        let mfa_token = drive.mfa_token(ADA);
        let channel = channels[0];
        let first = drive.associate_phone(&mfa_token, channel, PHONE);
        let members: Vec<_> =
            first.body().as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members, ["authenticator_type", "binding_method", "oob_channel", "oob_code"]);
        assert_eq!(first.text("oob_channel"), channel);
        let (sent_by, message) = drive.phones.last().expect("a message").clone();
        assert_eq!((sent_by, message.to.as_str()), (channel, PHONE));
        assert!(message.text.contains(&message.code));
        let list = |active: bool| {
            let name = Some("XXXXXXXX1234".to_owned());
            let entry = |channel: &&str| ((*channel).to_owned(), active, name.clone());
            channels.iter().map(entry).collect::<Vec<_>>()
        };
        assert_eq!(entries(&drive.list(&mfa_token).body()), list(false));
        // Again: the pair is replaced.
        let again = drive.associate_phone(&mfa_token, channel, PHONE);
        assert_eq!(entries(&drive.list(&mfa_token).body()), list(false));
        let answer = drive.verify(&mfa_token, &first.text("oob_code"), &message.code);
        assert_eq!(answer.outcome().2, "Malformed oob_code");
        let code = drive.code();
        assert_eq!(drive.verify(&mfa_token, &again.text("oob_code"), &code).status(), 200);
        let mfa_token = drive.mfa_token(ADA);
        assert_eq!(entries(&drive.list(&mfa_token).body()), list(true));
        // Each way of the pair can be challenged, and what the tenant does not have cannot.
        let body = drive.list(&mfa_token).body();
        for (at, channel) in channels.iter().enumerate() {
            for members in [
                json!({"authenticator_id": body[at]["id"]}),
                json!({"oob_channel": channel}),
                json!({"oob_channel": channel, "challenge_type": "otp oob"}),
            ] {
                let challenge = drive.challenge(&mfa_token, &members);
                assert_eq!(challenge.status(), 200);
                assert_eq!(drive.phones.last().expect("a message").0, *channel);
            }
        }
        let challenge = drive.challenge(&mfa_token, &json!({}));
        let code = drive.code();
        assert_eq!(drive.verify(&mfa_token, &challenge.text("oob_code"), &code).status(), 200);
    }
}

#[test]
fn messages_and_calls_of_a_number_are_deleted_together() {
    for at in [0, 1] {
        let mut drive = Drive::with(&[Factor::Sms, Factor::Voice], MfaPolicy::Always);
        let second = Enrolled::Voice { number: "+4930901820".to_owned() };
        // The twin of a number that is there already is not made again.
        let twin = Enrolled::Voice { number: PHONE.to_owned() };
        let mut ada = with_phone(ADA);
        ada.enrolled.extend([twin, second]);
        drive.add_user(ada);
        let for_mfa = [("audience", MFA_AUDIENCE), ("scope", ALL_SCOPES)];
        let mfa_token = drive.login(ADA, &for_mfa).text("mfa_token");
        let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
        let code = drive.code();
        let bearer = drive.verify(&mfa_token, &oob_code, &code).text("access_token");
        let kinds =
            |list: &Value| -> Vec<_> { entries(list).into_iter().map(|(kind, ..)| kind).collect() };
        let list = drive.list(&bearer).body();
        assert_eq!(kinds(&list), ["sms", "voice", "voice", "sms"]);
        // The pages show the two with the same letters behind `dev_`.
        let id = |at: usize| list[at]["id"].as_str().expect("an id").to_owned();
        assert_eq!(
            id(0).split_once('|').map(|(_, it)| it),
            id(1).split_once('|').map(|(_, it)| it)
        );
        assert_eq!(drive.delete(&bearer, &id(at)).status(), 204);
        assert_eq!(kinds(&drive.list(&bearer).body()), ["voice", "sms"]);
        assert_eq!(drive.delete(&bearer, &id(1 - at)).status(), 404);
    }
}

#[test]
fn a_recovery_code_stands_behind_the_pair_that_it_came_with() {
    let mut drive =
        Drive::with(&[Factor::Sms, Factor::Voice, Factor::RecoveryCode], MfaPolicy::Always);
    drive.add_user(user(ADA));
    let mfa_token = drive.mfa_token(ADA);
    drive.associate_phone(&mfa_token, "sms", PHONE);
    drive.associate_phone(&mfa_token, "sms", "+15550005678");
    let kinds: Vec<_> = entries(&drive.list(&mfa_token).body())
        .into_iter()
        .map(|(kind, _, name)| (kind, name.map(|name| name[8..].to_owned())))
        .collect();
    let of = |kind: &str, name: Option<&str>| (kind.to_owned(), name.map(str::to_owned));
    assert_eq!(
        kinds,
        [
            of("sms", Some("1234")),
            of("voice", Some("1234")),
            of("recovery-code", None),
            of("sms", Some("5678")),
            of("voice", Some("5678")),
        ]
    );
}

#[test]
fn an_app_guards_the_mfa_audience() {
    let mut drive = Drive::with(&[Factor::Otp, Factor::Email], MfaPolicy::Never);
    drive.add_user(with_app(ADA));
    let for_mfa = [("audience", MFA_AUDIENCE), ("scope", ALL_SCOPES)];
    let mfa_token = drive.login(ADA, &for_mfa).text("mfa_token");
    let code = drive.otp(APP_SECRET);
    let bearer = drive.verify_otp(&mfa_token, &code).text("access_token");
    // A second app, and an address beside it.
    let secret = drive.associate_otp(&bearer).text("secret");
    let code = drive.otp(&secret);
    assert_eq!(drive.verify_otp(&bearer, &code).status(), 200);
    drive.associate_email(&bearer);
    let list = drive.list(&bearer).body();
    let kinds = entries(&list).into_iter().map(|(kind, active, _)| (kind, active));
    let expected = [("totp", true), ("totp", true), ("email", false)];
    assert!(kinds.eq(expected.map(|(kind, active)| (kind.to_owned(), active))));
    for id in [0, 1].map(|at| list[at]["id"].as_str().expect("an id").to_owned()) {
        assert_eq!(drive.delete(&bearer, &id).status(), 204);
    }
    assert_eq!(drive.login(ADA, &for_mfa).status(), 200);
}

#[test]
fn without_a_policy_a_password_is_enough() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Never);
    drive.add_user(imported(ADA));
    let id = drive.add_user(verified(BOB));
    assert_eq!(drive.login(ADA, &[]).status(), 200);
    let tokens = drive.login(BOB, &[("scope", "openid profile email")]);
    assert!(!tokens.text("access_token").contains('.'));
    let userinfo = drive.get("/userinfo", &tokens.text("access_token"));
    assert_eq!(
        userinfo.body(),
        json!({
            "sub": id, "nickname": "bob", "name": BOB,
            "picture": "https://cdn.auth0.com/avatars/bo.png",
            "updated_at": "2023-11-14T22:13:20.000Z", "email": BOB, "email_verified": true,
        })
    );
    let bare = drive.login(BOB, &[]);
    assert!(bare.body().get("id_token").is_none() && bare.body().get("scope").is_none());
    drive.advance(Duration::from_hours(24));
    assert_eq!(drive.get("/userinfo", &tokens.text("access_token")).status(), 401);
}

#[test]
fn a_refresh_token_works_once_for_its_client() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Never);
    drive.add_user(user(ADA));
    let scope = "openid email offline_access";
    let first = drive.login(ADA, &[("scope", scope)]).text("refresh_token");
    let refresh = |token: &str| {
        [("grant_type", "refresh_token"), ("refresh_token", token)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let mut send = |parameters: &[(String, String)], more: &[(&str, &str)]| {
        let mut all: Vec<_> = parameters.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        all.extend(more);
        drive.token(&all)
    };
    assert_eq!(send(&refresh(&first), &[("client_id", "page")]).status(), 403);
    let second = send(&refresh(&first), &[("scope", "")]);
    assert_eq!(second.text("scope"), scope);
    let narrow = send(&refresh(&second.text("refresh_token")), &[("scope", "email admin")]);
    assert_eq!(narrow.text("scope"), "email");
    let whole = send(&refresh(&narrow.text("refresh_token")), &[]);
    assert_eq!(whole.text("scope"), scope);
    assert!(whole.body().get("id_token").is_some());
}

#[test]
fn tokens_are_signed_by_the_published_key() {
    let mut drive = Drive::new();
    let jwks = drive.get("/.well-known/jwks.json", "").body();
    let key = &jwks["keys"][0];
    assert_eq!(
        (&key["kty"], &key["alg"], &key["use"]),
        (&json!("RSA"), &json!("RS256"), &json!("sig"))
    );
    let component = |name: &str| key[name].as_str().expect("a component");
    let decoding = DecodingKey::from_rsa_components(component("n"), component("e")).expect("a key");

    let tokens = drive.login(ADA, &[("audience", MFA_AUDIENCE), ("scope", ALL_SCOPES)]);
    for (name, audience, lifetime) in
        [("access_token", MFA_AUDIENCE, 600), ("id_token", "app", 36_000)]
    {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience]);
        validation.set_issuer(&["https://tenant.example/"]);
        validation.validate_exp = false;
        let token = tokens.text(name);
        let data = jsonwebtoken::decode::<Value>(&token, &decoding, &validation).expect("signed");
        assert_eq!(data.header.kid.as_deref(), key["kid"].as_str());
        assert_eq!(data.claims["exp"], json!(1_700_000_000 + lifetime));
        assert!(data.claims["sub"].as_str().is_some_and(|sub| sub.starts_with("auth0|")));
        assert!(data.claims.get("amr").is_none());
    }
}

#[test]
fn discovery_agrees_with_itself() {
    let mut drive = Drive::new();
    let configuration = drive.get("/.well-known/openid-configuration", "").body();
    assert_eq!(configuration["issuer"], json!("https://tenant.example/"));
    for (member, path) in [
        ("token_endpoint", "oauth/token"),
        ("mfa_challenge_endpoint", "mfa/challenge"),
        ("userinfo_endpoint", "userinfo"),
        ("jwks_uri", ".well-known/jwks.json"),
    ] {
        assert_eq!(configuration[member], json!(format!("https://tenant.example/{path}")));
    }
}

#[test]
fn a_public_client_needs_no_secret() {
    let mut drive = Drive::new();
    let page = [("client_id", "page")];
    let mfa_token = drive.login(ADA, &page).text("mfa_token");
    let oob_code = drive.associate_email(&mfa_token).text("oob_code");
    let code = drive.code();
    let request = Request::new("POST", "/oauth/token").form([
        ("grant_type", MFA_OOB),
        ("client_id", "page"),
        ("mfa_token", &mfa_token),
        ("oob_code", &oob_code),
        ("binding_code", &code),
        ("scope", "openid"),
    ]);
    assert_eq!(drive.send(&request).status(), 200);
    let realm = [
        ("grant_type", "http://auth0.com/oauth/grant-type/password-realm"),
        ("username", ADA),
        ("password", PASSWORD),
        ("realm", "Username-Password-Authentication"),
    ];
    assert_eq!(drive.token(&realm).outcome().1, "mfa_required");
}

#[test]
fn a_run_repeats_itself() {
    let run = || {
        let mut drive = Drive::new();
        drive.enroll(ADA);
        (drive.code(), drive.mfa_token(ADA), drive.mfa_access_token(ADA, ALL_SCOPES))
    };
    assert_eq!(run(), run());
}

#[test]
fn of_what_is_never_confirmed_the_newest_is_kept() {
    let mut tenant = tenant();
    tenant.factors = [Factor::Email, Factor::Sms, Factor::Voice].into();
    let often = Limit::new(1000, Duration::from_millis(1));
    tenant.limits = Limits { emails: often, messages: often, ..Limits::default() };
    let mut drive = Drive::of(tenant);
    drive.add_user(user(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let mut last = None;
    for number in 0..150 {
        let body = json!({
            "authenticator_types": ["oob"], "oob_channels": ["email"], "email": format!("{number}@x.example"),
        });
        assert_eq!(drive.associate(&mfa_token, &body).status(), 200);
        let number = format!("+15550000{number:03}");
        last = Some(drive.associate_phone(&mfa_token, "sms", &number));
    }
    let listed = drive.list(&mfa_token).body();
    let listed = listed.as_array().expect("a list");
    // A number takes two places.
    assert!((99..=100).contains(&listed.len()), "{}", listed.len());
    assert_eq!(listed.last().expect("an entry")["name"], "XXXXXXXX0149");
    let (code, last) = (drive.code(), last.expect("an association"));
    assert_eq!(drive.verify(&mfa_token, &last.text("oob_code"), &code).status(), 200);
}

#[test]
fn a_tenant_goes_by_the_name_that_it_is_reached_by() {
    let mut drive = Drive::new().following_host();
    let configuration = Request::new("GET", "/.well-known/openid-configuration");
    let mut ask = |host: Option<&str>| {
        let request = configuration.clone();
        drive.send(&match host {
            Some(host) => request.header("host", host),
            None => request,
        })
    };
    assert_eq!(ask(Some("auth.test:9")).text("issuer"), "https://auth.test:9/");
    assert_eq!(ask(None).text("issuer"), "https://tenant.example/");
    for host in ["", "a b", "<script>", "x@evil.example"] {
        assert_eq!(ask(Some(host)).outcome().1, "invalid_request", "{host}");
    }
    assert_eq!(ask(None).text("issuer"), "https://tenant.example/");
    // Whoever looks at it past its API sees its own name, whoever called last.
    ask(Some("auth.test:9"));
    assert_eq!(drive.domain(), "tenant.example");
}

/// One of the two that hold it is a thief: neither can go on.
#[test]
fn a_refresh_token_that_comes_again_ends_its_family() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Never);
    drive.add_user(user(ADA));
    let scope = ("scope", "offline_access");
    let [first, other] = [(); 2].map(|()| drive.login(ADA, &[scope]).text("refresh_token"));
    let mut refresh = |token: &str, client: &str| {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", token)];
        drive.token(&[&parameters[..], &[("client_id", client)]].concat())
    };
    let second = refresh(&first, "app").text("refresh_token");
    let third = refresh(&second, "app").text("refresh_token");
    // Another client has nothing to say in it.
    assert_eq!(refresh(&first, "page").status(), 403);
    let fourth = refresh(&third, "app").text("refresh_token");
    let text = "Unknown or invalid refresh token.";
    assert_eq!(refresh(&first, "app").outcome().2, text);
    assert_eq!(refresh(&fourth, "app").outcome().2, text);
    assert_eq!(refresh(&other, "app").status(), 200);
}
