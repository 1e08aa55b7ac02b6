//! Applications: for each factor one that keeps to the rules, and for each rule one that does not.

use countersign::exchange::Request;
use serde_json::{Value, json};

use crate::script::{
    Script, app, associate, challenge, email, list, login, oob, otp, phone, recover, refresh, text,
    token, verify,
};

/// What an application does.
pub(crate) type Play = fn(&mut Script);

/// Each under the name of its folder; those that break a rule begin with its number.
pub(crate) const CLIENTS: [(&str, Play); 32] = [
    ("good-app", good_app),
    ("good-email", |script| good_oob(script, &email())),
    ("good-sms", |script| good_oob(script, &phone("sms"))),
    ("good-voice", |script| good_oob(script, &phone("voice"))),
    ("good-push", good_push),
    ("good-recovery-code", good_recovery_code),
    ("good-after-limits", good_after_limits),
    ("good-after-refusals", good_after_refusals),
    ("01-wrong-code-again", wrong_otp_again),
    ("02-polls-on-after-refusal", polls_on),
    ("03-oob-code-again", oob_code_again),
    ("04-wrong-recovery-code-again", wrong_recovery_code_again),
    ("05-old-recovery-code", old_recovery_code),
    ("06-mfa-token-after-success", mfa_token_after_success),
    ("07-expired-token-again", |script| expired(script, 2)),
    ("08-expired-oob-code-again", expired_oob_code_again),
    ("09-old-mfa-token", |script| expired(script, 1)),
    ("10-made-up-oob-code", made_up_oob_code),
    ("11-no-binding-code", no_binding_code),
    ("12-polls-too-fast", |script| polls(script, &[PENDING, PENDING], &[400, 5000])),
    ("13-does-not-slow-down", |script| {
        polls(script, &[PENDING, SLOW_DOWN, PENDING], &[2000, 2000, 2000]);
    }),
    ("14-secret-in-url", secret_in_url),
    ("15-associates-again", associates_again),
    ("16-after-too-many-codes", after_too_many_codes),
    ("17-does-not-wait", does_not_wait),
    ("18-old-refresh-token", old_refresh_token),
    ("19-no-bearer", no_bearer),
    ("20-form-for-challenge", form_for_challenge),
    ("21-text-for-token", text_for_token),
    ("22-no-otp", no_otp),
    ("23-another-client", another_client),
    ("24-logs-in-again", logs_in_again),
];

const PENDING: &str = "authorization_pending";
const SLOW_DOWN: &str = "slow_down";

fn good_app(script: &mut Script) {
    let secret = text(&script.enrol(&app()), "secret");
    let token = script.login();
    script.send(list(&token));
    script.send(otp(&token, "000000"));
    script.wait(5000);
    let code = script.otp(&secret);
    let tokens = script.send(otp(&token, &code));
    script.wait(3_600_000);
    let refresh_token = text(&tokens, "refresh_token");
    let replaced = json!({"access_token": "another access token", "refresh_token": "another one"});
    script.told(refresh(&refresh_token), 200, &replaced);
    script.told(refresh("another one"), 200, &json!({"access_token": "a third access token"}));
}

fn good_oob(script: &mut Script, factor: &Value) {
    script.enrol(factor);
    let (token, oob_code) = script.challenged();
    script.send(oob(&token, &oob_code, Some("000000")));
    script.wait(9000);
    let code = script.code();
    script.send(oob(&token, &oob_code, Some(&code)));
}

fn good_push(script: &mut Script) {
    let token = script.login();
    let association = json!({
        "authenticator_type": "oob", "oob_channel": "auth0", "oob_code": "Fe26.2*the*code*of*push",
        "barcode_uri": "otpauth://totp/x?enrollment_tx_id=1", "recovery_codes": [],
    });
    let push = json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]});
    let oob_code = text(&script.told(associate(&token, &push), 200, &association), "oob_code");
    poll(
        script,
        &token,
        &oob_code,
        &[PENDING, PENDING, SLOW_DOWN, PENDING],
        &[5000, 5000, 10_000, 10_000],
    );
    script.told(oob(&token, &oob_code, None), 200, &json!({"access_token": "an access token"}));
}

fn good_recovery_code(script: &mut Script) {
    let mut code = first_recovery_code(script);
    for _ in 0..2 {
        let token = script.login();
        script.send(recover(&token, "ABCDEFGHIJKLMNOPQRSTUVWX"));
        script.wait(4000);
        code = text(&script.send(recover(&token, &code)), "recovery_code");
    }
}

fn good_after_limits(script: &mut Script) {
    let secret = text(&script.enrol(&app()), "secret");
    let limited = json!({"error": "too_many_requests", "error_description": "Too many requests."});
    script.told_with(login(), 429, &[("retry-after", "2")], &limited);
    script.wait(2000);
    let token = script.login();
    let reset = [("x-ratelimit-reset", "1700086410")];
    script.told_with(list(&token), 429, &reset, &limited);
    script.wait(30_000);
    script.send(list(&token));
    script.told(otp(&token, "000001"), 403, &too_many_codes());
    script.wait(360_000);
    let code = script.otp(&secret);
    script.send(otp(&token, &code));
}

fn good_after_refusals(script: &mut Script) {
    script.enrol(&email());
    let token = script.login();
    script.send(associate(&token, &email()));
    let expired = json!({"error": "expired_token"});
    let oob_code = text(&script.send(challenge(&token)), "oob_code");
    let code = script.code();
    script.told(oob(&token, &oob_code, Some(&code)), 401, &expired);
    script.told(challenge(&token), 401, &expired);
    let (token, oob_code) = script.challenged();
    let code = script.code();
    script.send(oob(&token, &oob_code, Some(&code)));
}

fn too_many_codes() -> Value {
    json!({
        "error": "invalid_request",
        "error_description": "Too many failed codes. Wait for some minutes before retrying.",
    })
}

fn wrong_otp_again(script: &mut Script) {
    script.enrol(&app());
    let token = script.login();
    script.send(otp(&token, "000000"));
    script.wait(3000);
    script.send(otp(&token, "000001"));
    script.wait(3000);
    script.send(otp(&token, "000000"));
}

/// Answers to the polls of a push, with the pause after each.
fn poll(script: &mut Script, token: &str, oob_code: &str, errors: &[&str], pauses: &[u64]) {
    for (error, pause) in errors.iter().zip(pauses) {
        script.told(oob(token, oob_code, None), 400, &json!({"error": error}));
        script.wait(*pause);
    }
}

/// A push that is accepted after these answers.
fn polls(script: &mut Script, errors: &[&str], pauses: &[u64]) {
    let token = script.login();
    let pushed = json!({"challenge_type": "oob", "oob_code": "Fe26.2*the*code*of*push"});
    let oob_code = text(&script.told(challenge(&token), 200, &pushed), "oob_code");
    poll(script, &token, &oob_code, errors, pauses);
    script.told(oob(&token, &oob_code, None), 200, &json!({"access_token": "an access token"}));
}

fn polls_on(script: &mut Script) {
    polls(script, &[PENDING, "access_denied", "access_denied"], &[5000; 3]);
}

fn oob_code_again(script: &mut Script) {
    script.enrol(&email());
    let (token, oob_code) = script.challenged();
    let code = script.code();
    script.send(oob(&token, &oob_code, Some(&code)));
    let token = script.login();
    script.send(oob(&token, &oob_code, Some(&code)));
}

fn wrong_recovery_code_again(script: &mut Script) {
    script.enrol(&email());
    let token = script.login();
    script.send(recover(&token, "ABCDEFGHIJKLMNOPQRSTUVWX"));
    script.send(recover(&token, "ABCDEFGHIJKLMNOPQRSTUVWX"));
}

fn old_recovery_code(script: &mut Script) {
    let code = first_recovery_code(script);
    for _ in 0..2 {
        let token = script.login();
        script.send(recover(&token, &code));
    }
}

fn mfa_token_after_success(script: &mut Script) {
    let secret = text(&script.enrol(&app()), "secret");
    let token = script.login();
    let code = script.otp(&secret);
    script.send(otp(&token, &code));
    script.send(list(&token));
}

/// The `mfa_token` is used this often when it has expired.
fn expired(script: &mut Script, times: usize) {
    script.enrol(&email());
    let token = script.login();
    script.wait(600_000);
    for _ in 0..times {
        script.send(challenge(&token));
    }
}

fn expired_oob_code_again(script: &mut Script) {
    script.enrol(&email());
    let (token, oob_code) = script.challenged();
    let expired = json!({"error": "expired_token", "error_description": "oob_code is expired"});
    script.wait(360_000);
    script.told(oob(&token, &oob_code, Some("123456")), 401, &expired);
    script.told(oob(&token, &oob_code, Some("123457")), 401, &expired);
}

fn made_up_oob_code(script: &mut Script) {
    script.enrol(&email());
    let (_, first) = script.challenged();
    let (second, _) = script.challenged();
    let code = script.code();
    script.send(oob(&second, &first, Some(&code)));
    script.send(oob(&second, "made up", Some(&code)));
}

fn no_binding_code(script: &mut Script) {
    script.enrol(&email());
    let (token, oob_code) = script.challenged();
    script.send(oob(&token, &oob_code, None));
}

fn secret_in_url(script: &mut Script) {
    let token = script.login();
    let bearer = format!("Bearer {token}");
    let token = token.replace('*', "%2A");
    for path in [format!("/mfa/authenticators?mfa_token={token}"), format!("/mfa/{token}")] {
        script.send(Request::new("GET", path).header("authorization", bearer.as_str()));
    }
}

fn associates_again(script: &mut Script) {
    script.enrol(&email());
    let token = script.login();
    for factor in [email(), app()] {
        script.send(associate(&token, &factor));
    }
}

fn after_too_many_codes(script: &mut Script) {
    script.enrol(&app());
    let token = script.login();
    for code in 0..12 {
        script.send(otp(&token, &format!("{code:06}")));
        script.wait(2000);
    }
}

fn does_not_wait(script: &mut Script) {
    let limited = json!({"error": "too_many_requests", "error_description": "Too many requests."});
    script.told_with(login(), 429, &[("retry-after", "30")], &limited);
    script.wait(1000);
    let token = script.login();
    let reset = [("x-ratelimit-reset", "1700000010")];
    script.told_with(list(&token), 429, &reset, &limited);
    script.send(list(&token));
}

fn old_refresh_token(script: &mut Script) {
    let replaced = json!({"access_token": "an access token", "refresh_token": "the second"});
    script.told(refresh("the first"), 200, &replaced);
    script.told(refresh("the first"), 403, &json!({"error": "invalid_grant"}));
}

fn no_bearer(script: &mut Script) {
    let token = script.login();
    let request = Request::new("POST", "/mfa/associate").json(&email());
    script.send(request.clone());
    script.send(request.clone().header("authorization", token.as_str()));
    script.send(request.header("authorization", format!("Token {token}")));
}

fn form_for_challenge(script: &mut Script) {
    script.enrol(&email());
    let token = script.login();
    let form =
        [("client_id", "app"), ("client_secret", "app secret"), ("mfa_token", token.as_str())];
    script.send(Request::new("POST", "/mfa/challenge").form(form));
}

fn text_for_token(script: &mut Script) {
    script.send(login().header("content-type", "text/plain"));
}

fn no_otp(script: &mut Script) {
    script.enrol(&app());
    let token = script.login();
    script.send(verify("mfa-otp", &[("mfa_token", &token)]));
}

fn another_client(script: &mut Script) {
    script.enrol(&email());
    let mfa_token = script.login();
    script.send(Request::new("POST", "/mfa/challenge").json(&json!({
        "client_id": "page", "mfa_token": mfa_token, "challenge_type": "oob",
    })));
}

fn logs_in_again(script: &mut Script) {
    script.login();
    script.login();
    // With another scope it is another login.
    script.send(token(&[
        ("grant_type", "password"),
        ("username", crate::script::USER),
        ("password", crate::script::PASSWORD),
    ]));
}

/// Enrols an address; the code that came with the first association.
fn first_recovery_code(script: &mut Script) -> String {
    let association = script.enrol(&email());
    association["recovery_codes"][0].as_str().expect("a recovery code").to_owned()
}
