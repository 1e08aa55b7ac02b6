//! How a client proves that it is the one, and what it gets for itself.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::{
    emulator::{Api, Authentication, Client, PublicKey},
    exchange::Request,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::drive::{ADA, Answer, Drive, PASSWORD, tenant, user};

const MANAGEMENT_AUDIENCE: &str = "https://tenant.example/api/v2/";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Any RSA key will do: this one is at hand.
const KEY: &[u8] = include_bytes!("../../src/emulator/development-key.der");

/// `robot` may call one API; `signer` signs its assertions.
fn drive() -> Drive {
    let mut drive = Drive::of(tenant());
    let keys = drive.send(&Request::new("GET", "/.well-known/jwks.json")).body();
    let apis = BTreeMap::from([(
        Api::Named("https://api.example/".to_owned()),
        vec!["read:all".to_owned(), "write:all".to_owned()],
    )]);
    let key = PublicKey::from_jwk(&keys["keys"][0]).expect("an RSA key");
    let robot = Client { apis, ..Client::confidential("robot", "robot:secret") };
    let mut tenant = tenant();
    tenant.clients.extend([
        Client {
            id: "signer".to_owned(),
            authentication: Authentication::PrivateKeyJwt(key),
            ..robot.clone()
        },
        robot,
        Client::management("manager", "manager secret"),
    ]);
    let mut drive = Drive::of(tenant);
    drive.add_user(user(ADA));
    drive
}

fn ask(drive: &mut Drive, body: &Value) -> Answer {
    let mut whole = json!({"grant_type": "client_credentials", "audience": "https://api.example/"});
    for (name, value) in body.as_object().expect("an object") {
        whole[name] = value.clone();
    }
    drive.send(&Request::new("POST", "/oauth/token").json(&whole))
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT");
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    serde_json::from_slice(&engine.decode(payload).expect("base64")).expect("JSON")
}

fn assertion(claims: &Value, algorithm: Algorithm) -> String {
    let key = EncodingKey::from_rsa_der(KEY);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("a JWT")
}

#[test]
fn a_client_gets_a_token_for_itself() {
    let mut drive = drive();
    let secret = json!({"client_id": "robot", "client_secret": "robot:secret"});
    let answer = ask(&mut drive, &secret);
    assert_eq!(answer.status(), 200);
    let body = answer.body();
    assert_eq!(body["scope"], "read:all write:all");
    assert_eq!(body["expires_in"], 86_400);
    assert!(body["id_token"].is_null() && body["refresh_token"].is_null());
    let claims = claims(&answer.text("access_token"));
    for (name, value) in [
        ("iss", "https://tenant.example/"),
        ("sub", "robot@clients"),
        ("aud", "https://api.example/"),
        ("azp", "robot"),
        ("gty", "client-credentials"),
        ("scope", "read:all write:all"),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    // The colon of the secret is escaped in HTTP Basic.
    let basic = format!("Basic {}", STANDARD.encode("robot:robot%3Asecret"));
    let request = Request::new("POST", "/oauth/token")
        .json(&json!({"grant_type": "client_credentials", "audience": "https://api.example/"}));
    assert_eq!(drive.send(&request.header("authorization", basic)).status(), 200);
    // No user stands behind it.
    assert_eq!(drive.get("/userinfo", &answer.text("access_token")).status(), 401);
}

#[test]
fn what_is_not_granted_is_refused() {
    let mut drive = drive();
    let robot = json!({"client_id": "robot", "client_secret": "robot:secret"});
    for (changes, status, error, description) in [
        (json!({"audience": null}), 400, "invalid_request", "audience"),
        (
            json!({"audience": MANAGEMENT_AUDIENCE}),
            403,
            "access_denied",
            "Client is not authorized to access \"https://tenant.example/api/v2/\".",
        ),
        (
            json!({"audience": "https://other.example/"}),
            403,
            "access_denied",
            "Service not enabled within domain: https://other.example/",
        ),
        (json!({"scope": "admin"}), 403, "access_denied", "not been granted scopes: admin"),
        (json!({"client_secret": "wrong"}), 401, "invalid_client", ""),
        (json!({"client_id": "page"}), 403, "unauthorized_client", "client_credentials"),
        (
            json!({"client_id": "manager", "client_secret": "manager secret"}),
            403,
            "access_denied",
            "https://api.example/",
        ),
    ] {
        let mut body = robot.clone();
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let (found, found_error, text) = ask(&mut drive, &body).outcome();
        assert_eq!((found, found_error.as_str()), (status, error), "{changes}");
        assert!(text.contains(description), "{text}");
    }
    let mut one = robot;
    one["scope"] = json!("write:all other");
    assert_eq!(ask(&mut drive, &one).body()["scope"], "write:all");
}

#[test]
fn an_assertion_is_a_clients_signature() {
    let now = 1_700_000_000;
    let good = json!({
        "iss": "signer", "sub": "signer", "aud": "https://tenant.example/", "exp": now + 60,
        "iat": now, "jti": "one",
    });
    let rs256 = Algorithm::RS256;
    for (changes, algorithm, accepted) in [
        (json!({}), rs256, true),
        (json!({"aud": "https://tenant.example/oauth/token"}), rs256, true),
        (json!({"aud": ["https://tenant.example/"]}), rs256, true),
        (json!({"iat": null}), rs256, true),
        (json!({"exp": now + 300}), rs256, true),
        (json!({"iat": now + 10, "nbf": now + 10}), rs256, true),
        (json!({"iat": now + 11}), rs256, false),
        (json!({"nbf": now + 11}), rs256, false),
        (json!({"aud": "https://tenant.example"}), rs256, false),
        (json!({"aud": "https://other.example/"}), rs256, false),
        (json!({"exp": now}), rs256, false),
        (json!({"exp": now + 301}), rs256, false),
        (json!({"exp": null}), rs256, false),
        (json!({"jti": null}), rs256, false),
        (json!({"jti": ""}), rs256, false),
        (json!({"jti": "x".repeat(65)}), rs256, false),
        (json!({"iss": "robot"}), rs256, false),
        (json!({"sub": "robot"}), rs256, false),
        // The algorithm is that of the credential.
        (json!({}), Algorithm::RS384, false),
        (json!({}), Algorithm::PS256, false),
    ] {
        let mut payload = good.clone();
        for (name, value) in changes.as_object().expect("an object") {
            payload[name] = value.clone();
        }
        payload.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let assertion = assertion(&payload, algorithm);
        let body = json!({"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE});
        let answer = ask(&mut drive(), &body);
        let expected = if accepted { 200 } else { 401 };
        assert_eq!(answer.status(), expected, "{changes} {algorithm:?} {answer:?}");
        if !accepted {
            assert_eq!(answer.outcome().1, "invalid_client");
        }
    }
}

#[test]
fn an_assertion_works_once_and_wherever_a_secret_does() {
    let mut drive = drive();
    let at = |jti: &str| {
        let claims = json!({
            "iss": "signer", "sub": "signer", "aud": "https://tenant.example/",
            "exp": 1_700_000_060, "jti": jti,
        });
        json!({
            "client_assertion": assertion(&claims, Algorithm::RS256),
            "client_assertion_type": ASSERTION_TYPE,
        })
    };
    assert_eq!(ask(&mut drive, &at("one")).status(), 200);
    let again = ask(&mut drive, &at("one"));
    assert_eq!(again.outcome().0, 401);
    let mut login = at("two");
    login["grant_type"] = json!("password");
    login["username"] = json!(ADA);
    login["password"] = json!(PASSWORD);
    let mfa_token = drive.send(&Request::new("POST", "/oauth/token").json(&login));
    let mut challenge = at("three");
    challenge["mfa_token"] = json!(mfa_token.text("mfa_token"));
    let challenge = Request::new("POST", "/mfa/challenge").json(&challenge);
    assert_eq!(drive.send(&challenge).outcome().1, "association_required");
    assert_eq!(drive.send(&challenge).outcome().1, "invalid_client");
    // Neither takes the other's proof.
    let secret = json!({"client_id": "signer", "client_secret": "robot:secret"});
    assert_eq!(ask(&mut drive, &secret).outcome().1, "invalid_client");
    let mut foreign = at("four");
    foreign["client_id"] = json!("robot");
    assert_eq!(ask(&mut drive, &foreign).outcome().1, "invalid_client");
    let mut unnamed = at("five");
    unnamed["client_assertion_type"] = json!("jwt");
    assert_eq!(ask(&mut drive, &unnamed).status(), 400);
    drive.advance(Duration::from_mins(1));
    assert_eq!(ask(&mut drive, &at("six")).outcome().1, "invalid_client");
}
