//! Every refusal that the emulator knows, in tables: what is called, what is answered.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::{
    emulator::{Factor, MfaPolicy},
    exchange::Request,
};
use serde_json::{Value, json};

use crate::drive::{
    ADA, ALL_SCOPES, APP_SECRET, Answer, BOB, Drive, MFA_AUDIENCE, MFA_OOB, MFA_OTP,
    MFA_RECOVERY_CODE, PHONE, WRONG_CODE, imported, user, with_app, with_phone,
};

const REALM: &str = "http://auth0.com/oauth/grant-type/password-realm";
const CONNECTION: &str = "Username-Password-Authentication";
const NOT_ENROLLED: &str = "User is not enrolled. You can use /mfa/associate endpoint to enroll \
                            the first authenticator.";
const BAD_BEARER: &str = "The mfa_token provided is invalid. Try getting a new token.";
const THROTTLED: &str = "Too many failed codes. Wait for some minutes before retrying.";

#[track_caller]
fn refused(answer: &Answer, status: u16, error: &str, description: &str) {
    assert_eq!(answer.outcome(), (status, error.to_owned(), description.to_owned()));
}

#[test]
fn the_token_endpoint_says_what_is_missing() {
    let mut drive = Drive::new();
    for (grant, given, missing) in [
        ("", &[][..], "grant_type"),
        ("password", &[("client_id", "")], "client_id"),
        ("password", &[("password", "x")], "username"),
        ("password", &[("username", ADA)], "password"),
        (REALM, &[("username", ADA), ("password", "x")], "realm"),
        (MFA_OOB, &[("oob_code", "x")], "mfa_token"),
        (MFA_OOB, &[("mfa_token", "x")], "oob_code"),
        (MFA_OTP, &[("otp", "1")], "mfa_token"),
        (MFA_OTP, &[("mfa_token", "x")], "otp"),
        (MFA_RECOVERY_CODE, &[("recovery_code", "x")], "mfa_token"),
        (MFA_RECOVERY_CODE, &[("mfa_token", "x")], "recovery_code"),
        ("refresh_token", &[], "refresh_token"),
    ] {
        let answer = drive.token(&[&[("grant_type", grant)], given].concat());
        let text = format!("Missing required parameter: {missing}");
        refused(&answer, 400, "invalid_request", &text);
        assert_eq!(answer.0.headers.get("content-type"), Some("application/json"));
    }
}

#[test]
fn the_token_endpoint_refuses() {
    let mut drive = Drive::new();
    let wrong_password = (403, "invalid_grant", "Wrong email or password.");
    let unauthorized = (401, "invalid_client", "Unauthorized");
    let not_allowed = "Grant type 'password' not allowed for the client.";
    let ours = [("username", ADA), ("password", "x")];
    for (parameters, (status, error, description)) in [
        (
            &[("grant_type", "implicit")][..],
            (400, "unsupported_grant_type", "Unsupported grant type: implicit"),
        ),
        (&[("grant_type", "password"), ours[0], ours[1]], wrong_password),
        (&[("grant_type", "password"), ("username", "nobody"), ours[1]], wrong_password),
        (&[("grant_type", REALM), ("realm", CONNECTION), ours[0], ours[1]], wrong_password),
        (
            &[("grant_type", REALM), ("realm", "Users"), ours[0], ours[1]],
            (400, "invalid_request", "the connection was not found"),
        ),
        (&[("grant_type", "password"), ("client_secret", "x")], unauthorized),
        (&[("grant_type", "password"), ("client_secret", "")], unauthorized),
        (&[("grant_type", "password"), ("client_id", "nobody")], unauthorized),
        (
            &[("grant_type", "password"), ("client_id", "idle")],
            (403, "unauthorized_client", not_allowed),
        ),
        (
            &[("grant_type", MFA_OOB), ("mfa_token", "x"), ("oob_code", "x")],
            (403, "invalid_grant", "Malformed mfa_token"),
        ),
        (
            &[("grant_type", "refresh_token"), ("refresh_token", "x")],
            (403, "invalid_grant", "Unknown or invalid refresh token."),
        ),
        (
            &[("grant_type", "client_credentials"), ("audience", "api")],
            (403, "access_denied", "Service not enabled within domain: api"),
        ),
    ] {
        refused(&drive.token(parameters), status, error, description);
    }
}

/// The second factor's grants: the call, then what is answered to it.
#[test]
fn a_second_factor_is_refused() {
    let mut drive = Drive::new();
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.associate_email(&mfa_token).text("oob_code");
    let code = drive.code();
    let of_bob = drive.mfa_token(BOB);
    let code_of_bob = drive.associate_email(&of_bob).text("oob_code");
    let with = |token: &str, oob_code: &str, code: &str| {
        [("mfa_token", token), ("oob_code", oob_code), ("binding_code", code)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    for (parameters, status, error, description) in [
        (
            with(&mfa_token, &oob_code, ""),
            400,
            "invalid_request",
            "Missing required parameter: binding_code",
        ),
        (with(&mfa_token, &oob_code, WRONG_CODE), 403, "invalid_grant", "Invalid binding_code."),
        (with(&mfa_token, "x", &code), 403, "invalid_grant", "Malformed oob_code"),
        (with("x", &oob_code, &code), 403, "invalid_grant", "Malformed mfa_token"),
        (
            with(&mfa_token, &code_of_bob, &code),
            400,
            "invalid_request",
            "The oob_code doesn't match the mfa_token",
        ),
    ] {
        let mut all = vec![("grant_type", MFA_OOB)];
        all.extend(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        refused(&drive.token(&all), status, error, description);
        all.push(("client_id", "page"));
        let elsewhere = drive.token(&all);
        if parameters[0].1 == mfa_token {
            let text = "mfa_token not issued to this client";
            refused(&elsewhere, 400, "invalid_request", text);
        }
    }
    refused(
        &drive.verify_otp(&mfa_token, "123456"),
        401,
        "unsupported_challenge_type",
        NOT_ENROLLED,
    );
    let without = "User does not have a recovery-code.";
    refused(&drive.recover(&mfa_token, "x"), 403, "unsupported_challenge_type", without);

    drive.advance(Duration::from_mins(5));
    let late = drive.verify(&mfa_token, &oob_code, &code);
    refused(&late, 401, "expired_token", "oob_code is expired");
    drive.advance(Duration::from_mins(5));
    let late = drive.verify(&mfa_token, &oob_code, &code);
    refused(&late, 401, "expired_token", "mfa_token is expired");
    refused(&drive.list(&mfa_token), 401, "expired_token", "mfa_token is expired");
    let late = drive.challenge(&mfa_token, &json!({}));
    refused(&late, 401, "expired_token", "mfa_token is expired");
}

#[test]
fn what_has_done_its_work_is_refused() {
    let mut drive = Drive::new();
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.associate_email(&mfa_token).text("oob_code");
    let code = drive.code();
    assert_eq!(drive.verify(&mfa_token, &oob_code, &code).status(), 200);

    let again = drive.verify(&mfa_token, &oob_code, &code);
    refused(&again, 403, "invalid_grant", "Malformed mfa_token");
    refused(&drive.list(&mfa_token), 401, "invalid_grant", BAD_BEARER);
    let fresh = drive.mfa_token(ADA);
    let again = drive.verify(&fresh, &oob_code, &code);
    refused(&again, 403, "invalid_grant", "Malformed oob_code");
}

#[test]
fn attempts_are_used_up_and_come_back_with_time_only() {
    let mut drive = Drive::new();
    drive.enroll(ADA);
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    let code = drive.code();
    for _ in 0..5 {
        let answer = drive.verify(&mfa_token, &oob_code, WRONG_CODE);
        refused(&answer, 403, "invalid_grant", "Invalid binding_code.");
    }
    // A success in the middle gives none of them back.
    assert_eq!(drive.verify(&mfa_token, &oob_code, &code).status(), 200);
    let mfa_token = drive.mfa_token(ADA);
    drive.challenge(&mfa_token, &json!({}));
    drive.advance(Duration::from_mins(2));
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    let code = drive.code();
    for _ in 0..5 {
        assert_eq!(drive.verify(&mfa_token, &oob_code, WRONG_CODE).status(), 403);
    }
    for code in [WRONG_CODE, &code] {
        refused(&drive.verify(&mfa_token, &oob_code, code), 403, "invalid_request", THROTTLED);
    }
    // Six minutes after the first failure; four after the last.
    drive.advance(Duration::from_mins(4));
    assert_eq!(drive.verify(&mfa_token, &oob_code, &code).status(), 200);
}

#[test]
fn recovery_codes_have_attempts_of_their_own() {
    let mut drive = Drive::new();
    let recovery_code = drive.enroll(ADA).expect("the factor is on");
    let mfa_token = drive.mfa_token(ADA);
    for _ in 0..10 {
        let answer = drive.recover(&mfa_token, "WRONG");
        refused(&answer, 403, "invalid_grant", "MFA Authorization rejected.");
    }
    let throttled = drive.recover(&mfa_token, &recovery_code);
    refused(&throttled, 403, "invalid_request", THROTTLED);
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    let code = drive.code();
    assert_eq!(drive.verify(&mfa_token, &oob_code, &code).status(), 200);
}

/// All codes of a user are counted together.
#[test]
fn apps_and_mails_have_their_attempts_in_common() {
    let mut drive = Drive::with(&[Factor::Email, Factor::Otp], MfaPolicy::Always);
    let mut both = with_app(ADA);
    both.enrolled.extend(imported(ADA).enrolled);
    drive.add_user(both);
    let mfa_token = drive.mfa_token(ADA);
    let oob_code = drive.challenge(&mfa_token, &json!({})).text("oob_code");
    for _ in 0..5 {
        let answer = drive.verify_otp(&mfa_token, WRONG_CODE);
        refused(&answer, 403, "invalid_grant", "Invalid otp_code.");
        let answer = drive.verify(&mfa_token, &oob_code, WRONG_CODE);
        refused(&answer, 403, "invalid_grant", "Invalid binding_code.");
    }
    let code = drive.code();
    refused(&drive.verify(&mfa_token, &oob_code, &code), 403, "invalid_request", THROTTLED);
    let code = drive.otp(APP_SECRET);
    refused(&drive.verify_otp(&mfa_token, &code), 403, "invalid_request", THROTTLED);
    drive.advance(Duration::from_mins(6));
    let code = drive.otp(APP_SECRET);
    assert_eq!(drive.verify_otp(&mfa_token, &code).status(), 200);
}

#[test]
fn mails_are_limited() {
    let mut drive = Drive::new();
    let mfa_token = drive.mfa_token(ADA);
    for _ in 0..20 {
        assert_eq!(drive.associate_email(&mfa_token).status(), 200);
    }
    let text = "Too many emails sent by the user. Wait for some minutes before retrying.";
    refused(&drive.associate_email(&mfa_token), 403, "invalid_request", text);
    assert_eq!(drive.inbox.len(), 20);
    drive.advance(Duration::from_mins(1));
    assert_eq!(drive.associate_email(&mfa_token).status(), 200);

    drive.add_user(imported("eve@example.com"));
    let mfa_token = drive.mfa_token("eve@example.com");
    for _ in 0..20 {
        assert_eq!(drive.challenge(&mfa_token, &json!({})).status(), 200);
    }
    refused(&drive.challenge(&mfa_token, &json!({})), 403, "invalid_request", text);
}

/// Text messages and calls are counted together, and apart from e-mails.
#[test]
fn messages_and_calls_are_limited() {
    let factors = [Factor::Email, Factor::Sms, Factor::Voice];
    let mut drive = Drive::with(&factors, MfaPolicy::Always);
    let mut both = with_phone(ADA);
    both.enrolled.extend(imported(ADA).enrolled);
    drive.add_user(both);
    let mfa_token = drive.mfa_token(ADA);
    let by = |channel: &str| json!({"oob_channel": channel});
    for _ in 0..5 {
        for channel in ["sms", "voice"] {
            assert_eq!(drive.challenge(&mfa_token, &by(channel)).status(), 200);
        }
    }
    let text = "Too many SMS sent by the user. Wait for some minutes before retrying.";
    for channel in ["sms", "voice"] {
        let answer = drive.challenge(&mfa_token, &by(channel));
        refused(&answer, 403, "invalid_request", text);
    }
    assert_eq!(drive.phones.len(), 10);
    assert_eq!(drive.challenge(&mfa_token, &by("email")).status(), 200);
    drive.advance(Duration::from_mins(59));
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.challenge(&mfa_token, &by("sms")).status(), 403);
    drive.advance(Duration::from_mins(1));
    assert_eq!(drive.challenge(&mfa_token, &by("sms")).status(), 200);
    assert_eq!(drive.challenge(&mfa_token, &by("voice")).status(), 403);

    drive.add_user(user(BOB));
    let mfa_token = drive.mfa_token(BOB);
    for _ in 0..10 {
        assert_eq!(drive.associate_phone(&mfa_token, "sms", PHONE).status(), 200);
    }
    refused(&drive.associate_phone(&mfa_token, "voice", PHONE), 403, "invalid_request", text);
}

#[test]
fn associating_is_refused() {
    let mut drive = Drive::with(&[Factor::Email, Factor::Sms], MfaPolicy::Always);
    drive.add_user(user(ADA));
    let mfa_token = drive.mfa_token(ADA);
    let invalid = |name: &str| (400, "invalid_request", format!("Invalid parameter: {name}"));
    let missing =
        |name: &str| (400, "invalid_request", format!("Missing required parameter: {name}"));
    let no_number = || (400, "invalid_request", "The phone number is invalid.".to_owned());
    let phone = |more: Value| {
        let mut body = json!({"authenticator_types": ["oob"], "oob_channels": ["sms"]});
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let off = |name: &str| {
        let text = format!("The factor is not enabled in the tenant: {name}");
        (401, "unsupported_challenge_type", text)
    };
    for (body, (status, error, description)) in [
        (json!({}), missing("authenticator_types")),
        (json!([]), missing("authenticator_types")),
        // A slip of the pages, which the API does not know.
        (json!({"authentication_types": ["oob"]}), missing("authenticator_types")),
        (json!({"authenticator_types": null}), missing("authenticator_types")),
        (json!({"authenticator_types": "oob"}), invalid("authenticator_types")),
        (json!({"authenticator_types": []}), invalid("authenticator_types")),
        (json!({"authenticator_types": ["fax"]}), invalid("authenticator_types")),
        (json!({"authenticator_types": ["oob"]}), missing("oob_channels")),
        (json!({"authenticator_types": ["oob"], "oob_channels": ["fax"]}), invalid("oob_channels")),
        (
            json!({"authenticator_types": ["oob"], "oob_channels": ["email"], "email": "ada"}),
            invalid("email"),
        ),
        (phone(json!({})), missing("phone_number")),
        (phone(json!({"phone_number": null})), missing("phone_number")),
        (phone(json!({"phone_number": "5550001234"})), no_number()),
        (phone(json!({"phone_number": "+1 555 000 1234"})), no_number()),
        (phone(json!({"phone_number": "+1555"})), no_number()),
        (json!({"authenticator_types": ["otp"]}), off("otp")),
        (json!({"authenticator_types": ["oob"], "oob_channels": ["voice"]}), off("voice")),
        (json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]}), off("push")),
    ] {
        refused(&drive.associate(&mfa_token, &body), status, error, &description);
    }
    assert_eq!(drive.list(&mfa_token).body(), json!([]));
    assert_eq!((drive.inbox.len(), drive.phones.len()), (0, 0));
    let mut without = Drive::with(&[Factor::Email], MfaPolicy::Always);
    without.add_user(user(ADA));
    let bearer = without.mfa_token(ADA);
    for channel in ["sms", "voice"] {
        let (status, error, text) = off(channel);
        refused(&without.associate_phone(&bearer, channel, PHONE), status, error, &text);
    }

    drive.enroll(ADA);
    let mfa_token = drive.mfa_token(ADA);
    let answer = drive.associate_email(&mfa_token);
    refused(&answer, 403, "access_denied", "User is already enrolled.");
    let content_type = answer.0.headers.get("content-type");
    assert_eq!(content_type, Some("application/json; charset=utf-8"));
}

#[test]
fn bearers_are_refused() {
    let mut drive = Drive::new();
    let opaque = {
        let mut open = Drive::with(&[Factor::Email], MfaPolicy::Never);
        open.add_user(user(ADA));
        open.login(ADA, &[]).text("access_token")
    };
    let narrow = drive.mfa_access_token(ADA, "openid");
    let body = json!({});
    for bearer in ["", "garbage", "Fe26.2*garbage", &opaque, "a.b.c"] {
        for answer in [
            drive.associate(bearer, &body),
            drive.list(bearer),
            drive.delete(bearer, "email|dev_1"),
        ] {
            refused(&answer, 401, "invalid_grant", BAD_BEARER);
        }
        let userinfo = drive.get("/userinfo", bearer);
        let text = "The access token is invalid or has expired";
        refused(&userinfo, 401, "invalid_token", text);
    }
    refused(
        &drive.send(&Request::new("GET", "/mfa/authenticators")),
        401,
        "invalid_grant",
        BAD_BEARER,
    );
    let mfa_token = drive.mfa_token(ADA);
    for (answer, scope) in [
        (drive.associate(&narrow, &body), "enroll"),
        (drive.list(&narrow), "read:authenticators"),
        (drive.delete(&narrow, "email|dev_1"), "remove:authenticators"),
        (drive.delete(&mfa_token, "email|dev_1"), "remove:authenticators"),
    ] {
        let text = format!("Insufficient scope, expected any of: {scope}");
        refused(&answer, 403, "insufficient_scope", &text);
    }
    let whole = drive.mfa_access_token(ADA, ALL_SCOPES);
    assert_eq!(drive.list(&whole).status(), 200);
    drive.advance(Duration::from_mins(10));
    refused(&drive.list(&whole), 401, "invalid_grant", BAD_BEARER);
}

#[test]
fn a_token_for_another_audience_is_no_bearer() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Never);
    drive.add_user(user(ADA));
    for audience in ["https://api.example/", "https://tenant.example/mfa", ""] {
        let login = drive.login(ADA, &[("audience", audience), ("scope", ALL_SCOPES)]);
        let answer = drive.list(&login.text("access_token"));
        refused(&answer, 401, "invalid_grant", BAD_BEARER);
    }
}

#[test]
fn challenging_is_refused() {
    let factors = [Factor::Email, Factor::Sms, Factor::Push, Factor::Otp];
    let mut drive = Drive::with(&factors, MfaPolicy::Always);
    drive.add_user(user(ADA));
    drive.add_user(imported(BOB));
    let of_bob = drive.mfa_token(BOB);
    let id_of_bob = drive.list(&of_bob).body()[0]["id"].clone();
    drive.add_user(with_app("eve@example.com"));
    let of_eve = drive.mfa_token("eve@example.com");
    let mfa_token = drive.mfa_token(ADA);
    let answer = drive.challenge(&mfa_token, &json!({}));
    refused(&answer, 401, "association_required", NOT_ENROLLED);
    drive.associate_email(&mfa_token);
    let pending = drive.list(&mfa_token).body()[0]["id"].clone();
    let answer = drive.challenge(&mfa_token, &json!({}));
    refused(&answer, 401, "association_required", NOT_ENROLLED);
    let access_token = drive.mfa_access_token(ADA, ALL_SCOPES);
    let unsupported = |types: &str| {
        let text = format!(
            "User does not have any enrolled authenticator with the supported challenge type \
             ({types})"
        );
        (401, "unsupported_challenge_type", text)
    };
    let invalid = |text: &str| (400, "invalid_request", text.to_owned());
    for (token, members, (status, error, description)) in [
        (&of_bob, json!({"mfa_token": null}), invalid("Missing required parameter: mfa_token")),
        (&of_bob, json!({"client_id": null}), invalid("Missing required parameter: client_id")),
        (&of_bob, json!({"client_id": "page"}), invalid("mfa_token not issued to this client")),
        (
            &of_bob,
            json!({"client_secret": "x"}),
            (401, "invalid_client", "Unauthorized".to_owned()),
        ),
        (&of_bob, json!({"challenge_type": "otp"}), unsupported("otp")),
        (&of_eve, json!({"challenge_type": "oob"}), unsupported("oob")),
        (&of_eve, json!({"challenge_type": "otp", "oob_channel": "email"}), unsupported("otp")),
        (&of_bob, json!({"challenge_type": "fax"}), unsupported("fax")),
        (&of_bob, json!({"oob_channel": "voice"}), unsupported("oob")),
        (&of_bob, json!({"oob_channel": "sms"}), unsupported("oob")),
        (&of_bob, json!({"oob_channel": "auth0"}), unsupported("oob")),
        (&of_bob, json!({"authenticator_id": "email|dev_1"}), invalid("Authenticator not found")),
        (&of_bob, json!({"authenticator_id": pending}), invalid("Authenticator not found")),
        (&mfa_token, json!({"authenticator_id": id_of_bob}), invalid("Authenticator not found")),
        (&mfa_token, json!({"authenticator_id": pending}), invalid("Authenticator not found")),
        (&access_token, json!({}), (403, "invalid_grant", "Malformed mfa_token".to_owned())),
        // A stranger is not told whether there is such a token.
        (
            &"Fe26.2*garbage".to_owned(),
            json!({"client_secret": "x"}),
            (401, "invalid_client", "Unauthorized".to_owned()),
        ),
        (
            &"garbage".to_owned(),
            json!({}),
            (403, "invalid_grant", "Malformed mfa_token".to_owned()),
        ),
    ] {
        refused(&drive.challenge(token, &members), status, error, &description);
    }
}

#[test]
fn deleting_is_refused() {
    let mut drive = Drive::with(&[Factor::Email], MfaPolicy::Always);
    let mut verified = user(ADA);
    verified.email_verified = true;
    drive.add_user(verified);
    drive.add_user(imported(BOB));
    let bearer = drive.mfa_access_token(ADA, ALL_SCOPES);
    let of_bob = drive.mfa_access_token(BOB, ALL_SCOPES);
    let own = drive.list(&bearer).body()[0]["id"].as_str().map(str::to_owned).expect("an id");
    let id_of_bob = drive.list(&of_bob).body()[0]["id"].as_str().map(str::to_owned).expect("an id");
    for id in ["email|dev_1", "garbage", &id_of_bob] {
        let answer = drive.delete(&bearer, id);
        refused(&answer, 404, "not_found", "Authenticator not found");
        let content_type = answer.0.headers.get("content-type");
        assert_eq!(content_type, Some("application/json; charset=utf-8"));
    }
    let kept = drive.delete(&bearer, &own);
    refused(&kept, 400, "invalid_request", "The authenticator cannot be deleted");
    assert_eq!(drive.list(&bearer).body()[0]["id"], json!(own));
    assert_eq!(drive.delete(&of_bob, &id_of_bob).status(), 204);
}

#[test]
fn nothing_else_is_served() {
    let mut drive = Drive::new();
    for (method, path, status, error) in [
        ("GET", "/", 404, "not_found"),
        ("POST", "/oath/token", 404, "not_found"),
        ("GET", "/oauth/token", 405, "method_not_allowed"),
        ("GET", "/mfa/associate", 405, "method_not_allowed"),
        ("POST", "/.well-known/jwks.json", 405, "method_not_allowed"),
    ] {
        let (found, name, _) = drive.send(&Request::new(method, path)).outcome();
        assert_eq!((found, name.as_str()), (status, error), "{method} {path}");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let mut drive = Drive::new();
    for (method, path, allowed) in [
        ("GET", "/oauth/token", "POST"),
        ("HEAD", "/oauth/token", "POST"),
        ("DELETE", "/userinfo", "GET, HEAD, POST"),
        ("POST", "/.well-known/jwks.json", "GET, HEAD"),
        ("GET", "/mfa/authenticators/email%7Cdev_1", "DELETE"),
        ("PUT", "/api/v2/users/x", "GET, HEAD, PATCH, DELETE"),
    ] {
        let answer = drive.send(&Request::new(method, path));
        assert_eq!(answer.status(), 405, "{method} {path}");
        assert_eq!(answer.0.headers.get("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn a_head_is_a_get_without_the_body() {
    let mut drive = Drive::new();
    for path in ["/.well-known/openid-configuration", "/userinfo", "/mfa/authenticators"] {
        let [head, get] = ["HEAD", "GET"].map(|method| drive.send(&Request::new(method, path)));
        assert_eq!(head.status(), get.status());
        assert_eq!(head.0.headers, get.0.headers);
        assert!(head.0.body.is_empty() && !get.0.body.is_empty());
    }
}

/// The ways to say the same: form, JSON, Basic, `null`, an empty scope, and members nobody knows.
#[test]
fn a_login_can_be_written_in_many_ways() {
    let mut drive = Drive::new();
    let login = [("grant_type", "password"), ("username", ADA), ("password", "correct horse")];
    let post = || Request::new("POST", "/oauth/token");
    let basic = |pair: &str| format!("basic {}", STANDARD.encode(pair));
    let secret = [("client_id", "app"), ("client_secret", "app secret")];
    let mut body: Value =
        login.into_iter().chain(secret).map(|(k, v)| (k.to_owned(), json!(v))).collect();
    let json = post().json(&body);
    for (name, value) in [("audience", Value::Null), ("scope", json!("")), ("x", json!([1]))] {
        body[name] = value;
    }
    for request in [
        json,
        post().json(&body),
        post().form(login.into_iter().chain(secret)),
        post().form(login).header("authorization", basic("app:app secret")),
        post().form(login).header("authorization", basic("app:app%20secret")),
        post().form(login.into_iter().chain([("client_id", "page")])),
    ] {
        let answer = drive.send(&request);
        refused(&answer, 403, "mfa_required", "Multifactor authentication required");
    }
    let wrong = post().form(login).header("authorization", basic("app:x"));
    assert_eq!(drive.send(&wrong).status(), 401);
    // With HTTP Basic, the body cannot say otherwise.
    let page = [login.as_slice(), &[("client_id", "page")]].concat();
    for unreadable in ["Basic", "Basic !", "Basic YXBw", "Basic /w=="] {
        let request = post().form(page.iter().copied()).header("authorization", unreadable);
        refused(&drive.send(&request), 401, "invalid_client", "Unauthorized");
    }
    let both = "Only one client authentication method can be used.";
    for (name, value) in
        [("client_id", "page"), ("client_secret", "app secret"), ("client_assertion", "a.b.c")]
    {
        let form = login.into_iter().chain([(name, value)]);
        let request = post().form(form).header("authorization", basic("app:app secret"));
        refused(&drive.send(&request), 400, "invalid_request", both);
    }
    let same = post().form(login.into_iter().chain([("client_id", "app")]));
    let same = same.header("authorization", basic("app:app secret"));
    assert_eq!(drive.send(&same).outcome().1, "mfa_required");
    // Another audience needs the second factor as none does.
    assert_eq!(drive.login(ADA, &[("audience", "https://api.example/")]).status(), 403);
    assert_eq!(drive.login(ADA, &[("audience", MFA_AUDIENCE)]).status(), 200);
}
