//! The Management API: users, what they have enrolled, factors and policies.

use countersign::{
    emulator::{Client, Factor},
    exchange::Request,
};
use serde_json::{Value, json};

use crate::{
    drive::{
        ADA, ALL_SCOPES, APP_SECRET, Answer, Drive, PASSWORD, PHONE, tenant, user, with_app,
        with_phone,
    },
    openapi,
};

/// A tenant with everything on, its manager's token, and Ada's id.
fn managed(ada: countersign::emulator::NewUser) -> (Drive, String, String) {
    let mut tenant = tenant();
    tenant.factors = Factor::ALL.into();
    tenant.clients.push(Client::management("manager", "manager secret"));
    let mut drive = Drive::of(tenant);
    let id = drive.add_user(ada);
    let token = token(&mut drive, &json!({}));
    (drive, token, id)
}

fn token(drive: &mut Drive, more: &Value) -> String {
    let mut body = json!({
        "grant_type": "client_credentials", "client_id": "manager",
        "client_secret": "manager secret", "audience": "https://tenant.example/api/v2/",
    });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    drive.send(&Request::new("POST", "/oauth/token").json(&body)).text("access_token")
}

fn call(drive: &mut Drive, token: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let path = format!("/api/v2{}", path.replace('|', "%7C"));
    let request = Request::new(method, path).header("authorization", format!("Bearer {token}"));
    drive.send(&match body {
        Some(body) => request.json(body),
        None => request,
    })
}

#[test]
fn calls_are_answered() {
    let (mut drive, token, id) = managed(with_phone(ADA));
    let user = format!("/users/{id}");
    let new = json!({
        "connection": "Username-Password-Authentication", "email": "eve@example.com", "password": "p", "email_verified": true,
        "verify_email": false, "user_metadata": {"a": 1},
    });
    let mut wrong = new.clone();
    wrong["age"] = json!(7);
    let (mut elsewhere, mut nowhere) = (new.clone(), new.clone());
    elsewhere["connection"] = json!("typo");
    nowhere["email"] = json!("nonsense");
    for (method, path, body, status, code) in [
        ("POST", "/users", Some(new.clone()), 201, ""),
        ("POST", "/users", Some(new), 409, "auth0_idp_error"),
        ("POST", "/users", Some(wrong), 400, "invalid_body"),
        (
            "POST",
            "/users",
            Some(json!({"connection": "Username-Password-Authentication"})),
            400,
            "invalid_body",
        ),
        ("POST", "/users", Some(json!([])), 400, "invalid_body"),
        ("POST", "/users", Some(elsewhere), 400, "inexistent_connection"),
        ("POST", "/users", Some(nowhere), 400, "invalid_body"),
        ("PATCH", &user, Some(json!({"connection": "typo"})), 400, "inexistent_connection"),
        ("GET", "/users?q=email:%22eve@example.com%22&search_engine=v3", None, 200, ""),
        ("GET", "/users?include_totals=true&per_page=1&page=1", None, 200, ""),
        ("GET", "/users?per_page=101", None, 400, "invalid_query_string"),
        ("GET", "/users?q=logins_count:0", None, 501, "not_emulated"),
        ("GET", "/users-by-email?email=EVE@example.com", None, 200, ""),
        ("GET", "/users-by-email", None, 400, "invalid_query_string"),
        ("GET", &user, None, 200, ""),
        ("PATCH", &user, Some(json!({"email_verified": true})), 200, ""),
        ("PATCH", &user, Some(json!({"email_verified": 1})), 400, "invalid_body"),
        ("PATCH", &user, Some(json!({"name": "Ada"})), 200, ""),
        ("PATCH", &user, Some(json!({"name": "a".repeat(151)})), 400, "invalid_body"),
        ("PUT", &user, Some(json!({})), 405, ""),
        ("GET", "/users/auth0|none", None, 404, "inexistent_user"),
        ("DELETE", "/users/auth0|none", None, 204, ""),
        ("GET", &format!("{user}/enrollments"), None, 200, ""),
        ("GET", "/users/auth0|none/enrollments", None, 404, "inexistent_user"),
        ("GET", &format!("{user}/authentication-methods"), None, 200, ""),
        (
            "POST",
            &format!("{user}/authentication-methods"),
            Some(json!({"type": "phone", "phone_number": PHONE})),
            409,
            "authentication_method_exists",
        ),
        (
            "POST",
            &format!("{user}/authentication-methods"),
            Some(json!({"type": "fax"})),
            400,
            "invalid_body",
        ),
        (
            "POST",
            &format!("{user}/authentication-methods"),
            Some(json!({"type": "totp", "totp_secret": "not base32!"})),
            400,
            "invalid_body",
        ),
        (
            "POST",
            &format!("{user}/authentication-methods"),
            Some(json!({"type": "email", "email": "nonsense"})),
            400,
            "invalid_body",
        ),
        (
            "DELETE",
            &format!("{user}/authentication-methods/sms|dev_0"),
            None,
            404,
            "inexistent_authentication_method",
        ),
        ("GET", "/guardian/enrollments/dev_0", None, 404, "enrollment_not_found"),
        ("DELETE", "/guardian/enrollments/dev_0", None, 404, "enrollment_not_found"),
        ("GET", "/guardian/factors", None, 200, ""),
        ("PUT", "/guardian/factors/email", Some(json!({"enabled": false})), 200, ""),
        ("PUT", "/guardian/factors/fax", Some(json!({"enabled": true})), 400, "invalid_body"),
        ("PUT", "/guardian/factors/duo", Some(json!({"enabled": true})), 501, "not_emulated"),
        ("PUT", "/guardian/factors/otp", Some(json!({})), 400, "invalid_body"),
        ("GET", "/guardian/factors/phone/message-types", None, 200, ""),
        ("PUT", "/guardian/policies", Some(json!(["confidence-score"])), 501, "not_emulated"),
        ("PUT", "/guardian/policies", Some(json!(["now-and-then"])), 400, "invalid_body"),
        ("GET", "/guardian/policies", None, 200, ""),
        ("GET", "/clients", None, 404, ""),
    ] {
        let answer = call(&mut drive, &token, method, path, body.as_ref());
        assert_eq!(answer.status(), status, "{method} {path} {answer:?}");
        if status >= 400 {
            assert_eq!(answer.body()["errorCode"].as_str().unwrap_or_default(), code, "{path}");
        }
    }
    openapi::assert_management_exceptions_are_met();
}

/// As a program finds the users that it made.
#[test]
fn users_are_found_by_their_mark() {
    let (mut drive, token, _) = managed(user(ADA));
    for number in 0..5 {
        drive.advance(std::time::Duration::from_secs(1));
        let new = json!({
            "connection": "Username-Password-Authentication", "password": PASSWORD,
            "email": format!("qa+{number}@example.com"), "name": format!("Made {number}"),
            "app_metadata": {"made": "By Me", "run": {"number": number}},
        });
        let made = call(&mut drive, &token, "POST", "/users", Some(&new)).body();
        assert_eq!((&made["name"], &made["app_metadata"]), (&new["name"], &new["app_metadata"]));
    }
    let mut found = |query: &str| {
        let path = format!("/users?search_engine=v3&include_totals=true&{query}");
        let answer = call(&mut drive, &token, "GET", &path, None).body();
        let users = answer["users"].as_array().expect("a list").iter();
        let names = users.map(|user| user["name"].as_str().expect("a name").to_owned());
        (answer["total"].clone(), names.collect::<Vec<_>>())
    };
    let mark = "q=app_metadata.made:%22By%20Me%22&sort=created_at:1&per_page=2";
    for (page, names) in [(0, &["Made 0", "Made 1"][..]), (2, &["Made 4"]), (3, &[])] {
        assert_eq!(found(&format!("{mark}&page={page}")).1, names);
    }
    assert_eq!(found(mark).0, 5);
    assert_eq!(found("q=app_metadata.made:%22by%20me%22").0, 0);
    assert_eq!(found("q=app_metadata.run.number:3").1, ["Made 3"]);
    assert_eq!(found("q=name:%22made%203%22").1, ["Made 3"]);
    assert_eq!(found("q=email:QA%2B*&sort=created_at:-1").1[0], "Made 4");
    assert_eq!(found("q=email:qa*").0, 5);
    assert_eq!(found("q=email:%22ada@example.com%22").1, [ADA]);
}

#[test]
fn searches_have_their_limits() {
    let (mut drive, token, _) = managed(user(ADA));
    for (query, status, code) in [
        ("per_page=100&page=9", 200, ""),
        ("per_page=100&page=10", 400, "invalid_paging"),
        ("search_engine=v2", 400, "invalid_query_string"),
        ("sort=email:1", 501, "not_emulated"),
        ("q=_exists_:app_metadata.made", 501, "not_emulated"),
        ("q=app_metadata.made:By*", 501, "not_emulated"),
    ] {
        let answer = call(&mut drive, &token, "GET", &format!("/users?{query}"), None);
        assert_eq!(answer.status(), status, "{query}");
        assert_eq!(answer.body()["errorCode"].as_str().unwrap_or_default(), code, "{query}");
    }
}

#[test]
fn a_refused_change_changes_nothing() {
    let (mut drive, token, id) = managed(user(ADA));
    let path = format!("/users/{id}");
    let before = call(&mut drive, &token, "GET", &path, None).body();
    drive.advance(std::time::Duration::from_secs(1));
    let body = json!({"user_metadata": {"a": 1}, "app_metadata": 7});
    assert_eq!(call(&mut drive, &token, "PATCH", &path, Some(&body)).status(), 400);
    assert_eq!(call(&mut drive, &token, "GET", &path, None).body(), before);
}

#[test]
fn a_bearer_is_needed_that_is_good_for_the_call() {
    let (mut drive, _, id) = managed(user(ADA));
    let path = format!("/users/{id}");
    let bare = drive.send(&Request::new("GET", format!("/api/v2{path}")));
    assert_eq!(bare.status(), 401);
    for (token, status) in [("opaque", 400), ("a.b.c", 401)] {
        assert_eq!(call(&mut drive, token, "GET", &path, None).status(), status);
    }
    let narrow = token(&mut drive, &json!({"scope": "read:users"}));
    assert_eq!(call(&mut drive, &narrow, "GET", &path, None).status(), 200);
    let refused = call(&mut drive, &narrow, "DELETE", &path, None);
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.body()["errorCode"], "insufficient_scope");
    assert_eq!(refused.text("message"), "Insufficient scope, expected any of: delete:users");
    drive.advance(std::time::Duration::from_hours(24));
    assert_eq!(call(&mut drive, &narrow, "GET", &path, None).status(), 401);
}

/// Whoever can log in is no administrator.
#[test]
fn a_users_token_is_not_good_for_the_tenant() {
    let (mut drive, token, id) = managed(user(ADA));
    call(&mut drive, &token, "PUT", "/guardian/policies", Some(&json!([])));
    let audience = ("audience", "https://tenant.example/api/v2/");
    let scope = ("scope", "openid offline_access read:users read:current_user");
    let login = drive.login(ADA, &[audience, scope]);
    let granted = "openid offline_access read:current_user";
    assert_eq!(login.text("scope"), granted);
    let refresh_token = drive.login(ADA, &[scope]).text("refresh_token");
    let refreshed = drive.token(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &refresh_token),
        audience,
        scope,
    ]);
    assert_eq!(refreshed.text("scope"), granted);
    // Where the tenant is reached by another name, no scope was dropped.
    let mut followed = drive.following_host();
    let other = ("audience", "https://other.example/api/v2/");
    let elsewhere = followed.login(ADA, &[other, scope]);
    assert_eq!(elsewhere.text("scope"), scope.1);
    let path = format!("/users/{id}");
    for answer in [login, refreshed, elsewhere] {
        let token = answer.text("access_token");
        let request = Request::new("GET", format!("/api/v2{path}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        for host in ["tenant.example", "other.example"] {
            let status = followed.send(&request.clone().header("host", host)).status();
            assert!(matches!(status, 401 | 403), "{status}");
        }
    }
}

#[test]
fn a_deleted_user_takes_everything_along() {
    let (mut drive, token, id) = managed(user(ADA));
    call(&mut drive, &token, "PUT", "/guardian/policies", Some(&json!([])));
    let tokens = drive.login(ADA, &[("scope", "openid offline_access")]);
    assert_eq!(tokens.status(), 200);
    call(&mut drive, &token, "PUT", "/guardian/policies", Some(&json!(["all-applications"])));
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(call(&mut drive, &token, "DELETE", &format!("/users/{id}"), None).status(), 204);
    assert_eq!(drive.login(ADA, &[]).outcome().2, "Wrong email or password.");
    assert_eq!(drive.get("/userinfo", &tokens.text("access_token")).status(), 401);
    assert_eq!(drive.list(&mfa_token).status(), 401);
    let refresh_token = tokens.text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*refresh_token)];
    assert_eq!(drive.token(&refresh).status(), 403);
    let new = json!({"connection": "Username-Password-Authentication", "email": ADA, "password": PASSWORD});
    let again = call(&mut drive, &token, "POST", "/users", Some(&new));
    assert_ne!(again.text("user_id"), id);
    assert_eq!(drive.login(ADA, &[]).outcome().1, "mfa_required");
}

#[test]
fn methods_are_confirmed_at_once() {
    let (mut drive, token, id) = managed(user(ADA));
    let path = format!("/users/{id}/authentication-methods");
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let made = [
        json!({"type": "email", "name": "Mail", "email": "grace@example.com"}),
        json!({"type": "phone", "phone_number": PHONE, "preferred_authentication_method": "voice"}),
        json!({"type": "totp", "totp_secret": secret}),
    ]
    .map(|body| {
        let answer = call(&mut drive, &token, "POST", &path, Some(&body));
        assert_eq!(answer.status(), 201, "{answer:?}");
        answer.body()
    });
    assert_eq!(made[0]["email"], "grac****@exam*******");
    assert!(made[1]["id"].as_str().expect("an id").starts_with("phone|dev_"));
    let totals = format!("{path}?include_totals=true");
    let list = call(&mut drive, &token, "GET", &totals, None).body();
    assert_eq!(
        (&list["total"], &list["start"], &list["limit"]),
        (&json!(3), &json!(0), &json!(50))
    );
    let kinds: Vec<_> = list["authenticators"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (entry["type"].as_str().expect("a type"), entry["confirmed"] == true))
        .collect();
    assert_eq!(kinds, [("email", true), ("phone", true), ("totp", true)]);
    let mfa_token = drive.mfa_token(ADA);
    let otp = drive.otp(secret);
    assert_eq!(drive.verify_otp(&mfa_token, &otp).status(), 200);
    let one = format!("{path}/{}", made[1]["id"].as_str().expect("an id"));
    assert_eq!(call(&mut drive, &token, "GET", &one, None).body()["phone_number"], PHONE);
    assert_eq!(call(&mut drive, &token, "DELETE", &one, None).status(), 204);
    assert_eq!(call(&mut drive, &token, "GET", &one, None).status(), 404);
    // The pair is gone, the rest is there.
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.list(&mfa_token).body().as_array().expect("a list").len(), 2);
    let enrollments = call(&mut drive, &token, "GET", &format!("/users/{id}/enrollments"), None);
    let device = enrollments.body()[0]["id"].as_str().expect("an id").to_owned();
    let enrollment = format!("/guardian/enrollments/{device}");
    assert_eq!(call(&mut drive, &token, "GET", &enrollment, None).status(), 200);
    assert_eq!(call(&mut drive, &token, "DELETE", &enrollment, None).status(), 204);
    let all = format!("/users/{id}/authenticators");
    assert_eq!(call(&mut drive, &token, "DELETE", &all, None).status(), 204);
    assert_eq!(call(&mut drive, &token, "GET", &path, None).body(), json!([]));
    assert_eq!(drive.list(&mfa_token).body(), json!([]));
}

#[test]
fn a_recovery_code_is_replaced() {
    let (mut drive, token, id) = managed(with_app(ADA));
    let path = format!("/users/{id}/recovery-code-regeneration");
    let codes: Vec<_> = (0..2)
        .map(|_| call(&mut drive, &token, "POST", &path, None).text("recovery_code"))
        .collect();
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.recover(&mfa_token, &codes[0]).outcome().2, "MFA Authorization rejected.");
    assert_eq!(drive.recover(&mfa_token, &codes[1]).status(), 200);
}

#[test]
fn factors_and_policies_are_the_tenants() {
    let (mut drive, token, _) = managed(user(ADA));
    let off = json!({"enabled": false});
    call(&mut drive, &token, "PUT", "/guardian/factors/otp", Some(&off));
    let factors = call(&mut drive, &token, "GET", "/guardian/factors", None).body();
    let otp = factors.as_array().expect("a list").iter().find(|factor| factor["name"] == "otp");
    assert_eq!(otp.expect("the factor")["enabled"], false);
    let mfa_token = drive.mfa_token(ADA);
    assert_eq!(drive.associate_otp(&mfa_token).outcome().1, "unsupported_challenge_type");
    let types = json!({"message_types": ["voice"]});
    let types_path = "/guardian/factors/phone/message-types";
    assert_eq!(call(&mut drive, &token, "PUT", types_path, Some(&types)).body(), types);
    assert_eq!(drive.associate_phone(&mfa_token, "sms", PHONE).status(), 401);
    assert_eq!(drive.associate_phone(&mfa_token, "voice", PHONE).status(), 200);
    call(&mut drive, &token, "PUT", "/guardian/policies", Some(&json!([])));
    assert_eq!(drive.login(ADA, &[]).status(), 200);
}

/// What was enrolled of a factor that is off is as if it were not there.
#[test]
fn a_factor_that_is_off_cannot_be_used() {
    let (mut drive, token, id) = managed(with_app(ADA));
    let path = format!("/users/{id}/recovery-code-regeneration");
    let code = call(&mut drive, &token, "POST", &path, None).text("recovery_code");
    let set = |drive: &mut Drive, name: &str, enabled: bool| {
        let path = format!("/guardian/factors/{name}");
        let answer = call(drive, &token, "PUT", &path, Some(&json!({"enabled": enabled})));
        assert_eq!(answer.status(), 200);
    };
    let mfa_token = drive.mfa_token(ADA);
    let count = |drive: &mut Drive| drive.list(&mfa_token).body().as_array().map(Vec::len);
    assert_eq!(count(&mut drive), Some(2));
    set(&mut drive, "recovery-code", false);
    assert_eq!(count(&mut drive), Some(1));
    let refused = drive.recover(&mfa_token, &code);
    assert_eq!(refused.outcome().1, "unsupported_challenge_type");
    set(&mut drive, "recovery-code", true);
    let app = drive.list(&mfa_token).body()[0]["id"].clone();
    set(&mut drive, "otp", false);
    let access_token = drive.mfa_access_token(ADA, ALL_SCOPES);
    let deleted = drive.delete(&access_token, app.as_str().expect("an id"));
    assert_eq!(deleted.status(), 404, "{deleted:?}");
    let otp = drive.otp(APP_SECRET);
    assert_eq!(drive.verify_otp(&mfa_token, &otp).outcome().1, "unsupported_challenge_type");
    let challenge = drive.challenge(&mfa_token, &json!({"challenge_type": "otp"}));
    assert_eq!(challenge.outcome().1, "association_required");
    // Nor does the recovery code stand in for a factor that is off.
    assert_eq!(drive.recover(&mfa_token, &code).outcome().1, "unsupported_challenge_type");
    // A form says the same as JSON, all of it as text.
    let put = Request::new("PUT", "/api/v2/guardian/factors/otp").form([("enabled", "true")]);
    let put = put.header("authorization", format!("Bearer {token}"));
    assert_eq!(drive.send(&put).body(), json!({"enabled": true}));
    assert_eq!(drive.verify_otp(&mfa_token, &otp).status(), 200);
}
