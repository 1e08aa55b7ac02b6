//! The control API.

use std::time::Duration;

use countersign::{
    emulator::{Enrolled, NewUser},
    secret::Secret,
    serve::{Options, Service},
};
use serde_json::{Value, json};

use crate::drive::{call, control};

fn start() -> Service {
    Service::start(Options::new(1)).expect("a service")
}

#[test]
fn users_are_made_seen_and_removed() {
    let service = start();
    let ada = r#"{"email": "ada@example.com", "password": "correct horse", "email_verified": true,
        "enrolled": [{"channel": "sms", "phone_number": "+15550000001"}, {"channel": "push", "device": "ada's", "secret": "GEZDGNBVGY3TQOJQ"}]}"#;
    let made = control(&service, "POST users", ada);
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["user_id"].as_str().expect("an id").to_owned();
    assert_eq!(control(&service, "POST users", ada).status, 409);

    let users = control(&service, "GET users", "");
    assert_eq!(users.json()[0]["user_id"], json!(id));
    assert_eq!(users.json()[0]["email"], "ada@example.com");
    let state = control(&service, "GET state", "");
    assert_eq!(state.json()["users"], users.json());
    assert_eq!(state.json()["tenant"]["policy"], "always");
    assert_eq!(state.json()["push"], json!([]));
    assert!(state.json()["now"].is_u64(), "{state:?}");
    for answer in [&users, &state] {
        assert!(!answer.body.contains("correct horse"), "{answer:?}");
    }
    let clients = service.clients();
    let secret = clients.application.secret().expect("a secret");
    assert!(!state.body.contains(secret.expose()), "{state:?}");

    let remove = format!("DELETE users/{}", id.replace('|', "%7C"));
    assert_eq!(control(&service, &remove, "").status, 204);
    assert_eq!(control(&service, &remove, "").status, 404);
    assert_eq!(control(&service, "GET users", "").json(), json!([]));
}

#[test]
fn time_passes_when_it_is_told_to() {
    let service = start();
    let shown = |answer: &Value| answer["now"].as_u64().expect("a moment");
    let before = shown(&control(&service, "GET clock", "").json());
    let after = shown(&control(&service, "POST clock", r#"{"advance": "1h30m"}"#).json());
    assert!(after - before >= 5_400_000, "{before} {after}");
    service.tenant().advance(Duration::from_hours(24));
    let later = shown(&control(&service, "GET clock", "").json());
    assert!(later - after >= 86_400_000, "{after} {later}");
}

/// Whoever wants to know by how much their clock differs from the tenant's looks there.
#[test]
fn the_date_of_an_answer_is_the_tenants() {
    let service = start();
    // Far enough that no other clock shows it.
    service.tenant().advance(Duration::from_hours(24 * 365 * 200));
    let before = service.tenant().now().as_secs();
    let answer = call(&service.url(), "GET /.well-known/openid-configuration", &[], "");
    let after = service.tenant().now().as_secs();
    let date = answer.head.lines().find_map(|line| line.strip_prefix("date: "));
    let date = date.map(|date| date.replace("gmt", "GMT")).expect("a date");
    let date = httpdate::parse_http_date(&capitalized(&date)).expect("a date of HTTP");
    let date = date.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!((before..=after).contains(&date), "{date} {answer:?}");
    // There are no dates of HTTP after the year 9999.
    service.tenant().advance(Duration::from_hours(24 * 365 * 8000));
    let answer = call(&service.url(), "GET /.well-known/openid-configuration", &[], "");
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Words as they were before the head of an answer was put in lower case.
fn capitalized(text: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_reset_tenant_is_as_it_was_at_the_start() {
    let service = start();
    let user = r#"{"email": "ada@example.com", "password": "p"}"#;
    let first = control(&service, "POST users", user).json();
    let before = service.tenant().now();
    control(&service, "POST clock", r#"{"advance": "1000h"}"#);
    assert_eq!(control(&service, "POST reset", "").status, 204);
    assert_eq!(control(&service, "GET users", "").json(), json!([]));
    assert_eq!(control(&service, "GET outbox", "").json(), json!([]));
    let passed = service.tenant().now().since(before);
    assert!(passed < Duration::from_hours(1000), "{passed:?}");
    let again = control(&service, "POST users", user).json();
    assert_ne!(again, first, "what was given out before is not given out again");
}

#[test]
fn wrong_input_is_told_what_was_expected() {
    let service = start();
    for (line, body, status, word) in [
        ("POST clock", "", 400, "\"advance\": \"6m\""),
        ("POST clock", "{", 400, "\"advance\": \"6m\""),
        ("POST clock", r#"{"advance": 6}"#, 400, "\"advance\": \"6m\""),
        ("POST clock", r#"{"advance": "soon"}"#, 400, "`6m`"),
        ("POST clock", r#"{"advance": "6m", "back": true}"#, 400, "unknown field `back`"),
        ("POST users", "[]", 400, "\"email\""),
        ("POST users", r#"{"email": "ada", "password": "p"}"#, 400, "needs an address"),
        ("POST users", r#"{"email": "a@x.example", "password": ""}"#, 400, "and a password"),
        (
            "POST users",
            r#"{"email": "a@x.example", "password": "p", "enrolled": [{"channel": "fax"}]}"#,
            400,
            "unknown variant `fax`",
        ),
        (
            "POST users",
            r#"{"email": "a@x.example", "password": "p", "enrolled": [{"channel": "otp", "secret": "1"}]}"#,
            400,
            "base32",
        ),
        ("POST push/none", r#"{"accept": true}"#, 404, "No push"),
        ("POST push/none", r#"{"accept": "yes"}"#, 400, "\"accept\": true"),
        ("PUT clock", "", 405, "GET, POST"),
        ("DELETE users", "", 405, "GET, POST"),
        ("GET users/1", "", 405, "DELETE"),
        ("GET reset", "", 405, "POST"),
        ("GET nothing", "", 404, "nothing at this address"),
    ] {
        let answer = control(&service, line, body);
        assert_eq!(answer.status, status, "{line} {body}: {answer:?}");
        let description = answer.json()["error_description"].to_string().replace('\\', "");
        assert!(description.contains(word), "{line} {body}: {description}");
    }
    assert_eq!(control(&service, "GET users", "").json(), json!([]));
}

#[test]
fn pages_of_another_origin_are_kept_out() {
    let service = start();
    let url = service.url();
    let json = "content-type: application/json";
    let own = format!("origin: {url}");
    let advance = r#"{"advance": "1m"}"#;
    for (line, headers, body, status) in [
        ("POST /_countersign/clock", vec![json, own.as_str()], advance, 200),
        ("POST /_countersign/clock", vec!["content-type: text/plain"], advance, 415),
        ("POST /_countersign/clock", vec![], advance, 415),
        ("POST /_countersign/clock", vec![json, "origin: https://evil.example"], advance, 403),
        ("POST /_countersign/clock", vec![json, "origin: null"], advance, 403),
        ("POST /_countersign/reset", vec!["origin: https://evil.example"], "", 403),
        ("GET /_countersign/outbox", vec!["origin: https://evil.example"], "", 403),
        // A name that was made to lead here: the page and this are of one origin for the browser.
        ("GET /_countersign/outbox", vec!["host: evil.example"], "", 403),
        ("GET /_countersign/outbox", vec!["host: localhost:1"], "", 200),
        // Whoever is behind a proxy on this machine.
        ("GET /_countersign/outbox", vec!["x-forwarded-for: 192.0.2.1"], "", 403),
        ("GET /_countersign/outbox", vec!["host: [::1]:1"], "", 200),
        (
            "OPTIONS /_countersign/clock",
            vec!["origin: https://evil.example", "access-control-request-method: POST"],
            "",
            403,
        ),
    ] {
        let answer = call(&url, line, &headers, body);
        assert_eq!(answer.status, status, "{line} {headers:?}: {answer:?}");
        assert!(!answer.head.contains("access-control-"), "{line} {headers:?}: {answer:?}");
    }
}

#[test]
fn its_page_works_behind_what_speaks_tls_in_front_of_it() {
    let token = Some(Secret::new("sesame".to_owned()));
    let domain = Some("tenant.example".to_owned());
    let service = Service::start(Options { control_token: token, domain, ..Options::new(1) });
    let url = service.as_ref().expect("a service").url();
    let headers = ["host: tenant.example", "authorization: Bearer sesame"];
    for (origin, status) in
        [("origin: https://tenant.example", 204), ("origin: https://other.example", 403)]
    {
        let answer =
            call(&url, "POST /_countersign/reset", &[&headers[..], &[origin]].concat(), "");
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
    }
    let service =
        Service::start(Options { domain: Some("tenant.example".to_owned()), ..Options::new(1) });
    let url = service.as_ref().expect("a service").url();
    // Without a token nobody comes by the name that the world knows.
    assert_eq!(call(&url, "GET /_countersign/outbox", &headers[..1], "").status, 403);
}

#[test]
fn what_the_control_api_is_told_is_checked() {
    let service = start();
    for (line, body) in [
        ("POST users", r#"["ada@example.com", "p"]"#),
        ("POST clock", r#"["6m"]"#),
        ("POST clock", r#"{"advance": "18446744073709551615ms"}"#),
        ("POST users", r#"{"email": "a b@x.example", "password": "p"}"#),
        (
            "POST users",
            r#"{"email": "a@x.example", "password": "p",
                "enrolled": [{"channel": "sms", "phone_number": "12"}]}"#,
        ),
        (
            "POST users",
            r#"{"email": "a@x.example", "password": "p",
                "enrolled": [{"channel": "email", "email": "nobody"}]}"#,
        ),
        ("PUT faults", "{}"),
    ] {
        let answer = control(&service, line, body);
        assert_eq!(answer.status, 400, "{line} {body}: {answer:?}");
    }
    let one = r#"{"email": "ä@x.example", "password": "p"}"#;
    assert_eq!(control(&service, "POST users", one).status, 201);
    let same = r#"{"email": "Ä@x.example", "password": "p"}"#;
    assert_eq!(control(&service, "POST users", same).status, 409, "in whatever case");
}

#[test]
fn a_token_is_asked_for_where_there_is_one() {
    let token = Some(Secret::new("sesame".to_owned()));
    let service = Service::start(Options { control_token: token, ..Options::new(1) });
    let url = service.as_ref().expect("a service").url();
    for (header, status) in [
        ("accept: */*", 401),
        ("authorization: Bearer open", 401),
        ("authorization: Bearer sesam", 401),
        ("authorization: Basic sesame", 401),
        ("authorization: Bearer sesame", 200),
        ("authorization: bearer sesame", 200),
    ] {
        assert_eq!(call(&url, "GET /_countersign/users", &[header], "").status, status, "{header}");
    }
    let elsewhere = ["host: countersign:8080", "authorization: Bearer sesame"];
    assert_eq!(call(&url, "GET /_countersign/users", &elsewhere, "").status, 200);
}

#[test]
fn a_push_is_answered() {
    let service = start();
    let (device, secret) = ("ada's".to_owned(), Secret::new("GEZDGNBVGY3TQOJQ".to_owned()));
    let ada = NewUser {
        enrolled: vec![Enrolled::Push { device, secret }],
        ..NewUser::new("ada@example.com", "p")
    };
    service.tenant().add_user(ada);
    let client = &service.clients().spa.id;
    let post = |path: &str, body: &str| {
        call(&service.url(), &format!("POST {path}"), &["content-type: application/json"], body)
    };
    let login = json!({"grant_type": "password", "client_id": client, "username": "ada@example.com", "password": "p"});
    let refused = post("/oauth/token", &login.to_string());
    let mfa_token = refused.json()["mfa_token"].clone();
    let challenge = json!({"client_id": client, "mfa_token": mfa_token, "challenge_type": "oob"});
    let challenged = post("/mfa/challenge", &challenge.to_string());
    assert_eq!(challenged.status, 200, "{challenged:?}");
    let sent = control(&service, "GET outbox?to=ada@example.com", "").json();
    assert_eq!(sent[0]["channel"], "push", "{sent}");
    let pending = control(&service, "GET push", "").json();
    assert_eq!((&pending[0]["id"], &pending[0]["purpose"]), (&sent[0]["id"], &json!("challenge")));
    let id = sent[0]["id"].as_str().expect("an id");
    let accepted = control(&service, &format!("POST push/{id}"), r#"{"accept": true}"#);
    assert_eq!(accepted.status, 204, "{accepted:?}");
    let verify = json!({
        "grant_type": "http://auth0.com/oauth/grant-type/mfa-oob",
        "client_id": client,
        "mfa_token": mfa_token,
        "oob_code": challenged.json()["oob_code"],
    });
    let verified = post("/oauth/token", &verify.to_string());
    assert_eq!(verified.status, 200, "{verified:?}");
    assert_eq!(control(&service, &format!("POST push/{id}"), r#"{"accept": true}"#).status, 404);
}

#[test]
fn the_newest_messages_are_to_be_had_alone() {
    let service = start();
    for email in ["ada@example.com", "grace@example.com"] {
        let enrolled = vec![Enrolled::Email { address: None }];
        service.tenant().add_user(NewUser { enrolled, ..NewUser::new(email, "p") });
    }
    let client = &service.clients().spa.id;
    let post = |path: &str, body: &Value| {
        let json = ["content-type: application/json"];
        call(&service.url(), &format!("POST {path}"), &json, &body.to_string()).json()
    };
    for email in ["ada@example.com", "grace@example.com", "ada@example.com"] {
        let login = json!({"grant_type": "password", "client_id": client, "username": email, "password": "p"});
        let mfa_token = post("/oauth/token", &login)["mfa_token"].clone();
        post("/mfa/challenge", &json!({"client_id": client, "mfa_token": mfa_token}));
    }
    let outbox = |query: &str| control(&service, &format!("GET outbox{query}"), "").json();
    let all = outbox("");
    assert_eq!(all.as_array().map(Vec::len), Some(3), "{all}");
    assert_eq!(outbox("?last=2"), json!([all[1], all[2]]));
    assert_eq!(outbox("?to=ada@example.com&last=2"), json!([all[0], all[2]]));
    assert_eq!(outbox("?last=0"), json!([]));
    assert_eq!(control(&service, "GET outbox?last=-1", "").status, 400);
}

#[test]
fn the_page_is_strict_and_the_same_for_everybody() {
    let token = Some(Secret::new("sesame".to_owned()));
    let locked = Service::start(Options { control_token: token, ..Options::new(1) });
    let locked = locked.expect("a service");
    let open = start();
    for (file, content_type) in [
        ("", "text/html; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
    ] {
        let page = control(&open, &format!("GET {file}"), "");
        assert_eq!(page.status, 200, "{page:?}");
        for line in [
            format!("content-type: {content_type}"),
            "cache-control: no-store".to_owned(),
            "content-security-policy: default-src 'none'; ".to_owned(),
            "x-content-type-options: nosniff".to_owned(),
        ] {
            assert!(page.head.contains(&line), "{line}: {page:?}");
        }
        let [elsewhere, foreign] = ["host: evil.example", "origin: https://evil.example"];
        let line = format!("GET /_countersign/{file}");
        assert_eq!(call(&open.url(), &line, &[elsewhere], "").status, 403);
        assert_eq!(call(&open.url(), &line, &[foreign], "").status, 403);
        assert_eq!(call(&locked.url(), &line, &[elsewhere], "").body, page.body);
        assert_eq!(control(&open, &format!("POST {file}"), "").status, 405);
    }
    let moved = call(&open.url(), "GET /_countersign", &[], "");
    assert_eq!(moved.status, 308, "{moved:?}");
    assert!(moved.head.contains("location: /_countersign/\r\n"), "{moved:?}");
    assert_eq!(control(&locked, "GET state", "").status, 401);
}
