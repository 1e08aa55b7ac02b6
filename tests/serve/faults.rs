//! What goes wrong between a served tenant and its clients, as a socket meets it.

use std::{
    io::{Read as _, Write as _},
    sync::mpsc::{self, Receiver},
};

use countersign::serve::{Identity, Options, Service, Transport};
use serde_json::{Value, json};

use crate::{
    drive::{Answer, LIMIT, call, connect, control, rest},
    tls::trusting,
};

const KEYS: &str = "/.well-known/jwks.json";

/// A tenant with these faults, and what tells of each request that it has seen.
fn start(seed: u64, faults: &Value) -> (Service, Receiver<()>) {
    let service = Service::start(Options::new(seed)).expect("a service");
    let (tell, requests) = mpsc::channel();
    service.tenant().watch(move |seen| {
        assert!(seen.response.status == 200 && seen.response.body.len() > 100);
        // Where nobody counts any more, nobody is told.
        let _ = tell.send(());
    });
    set(&service, faults);
    (service, requests)
}

fn set(service: &Service, faults: &Value) {
    let answer = control(service, "PUT faults", &faults.to_string());
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// All that comes for one request, which asks for the connection to be kept, and then once more where it is.
fn exchange(service: &Service, path: &str) -> Vec<u8> {
    let mut stream = connect(&service.url());
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").expect("it is sent");
    rest(&stream)
}

fn get(service: &Service, path: &str) -> Answer {
    call(&service.url(), &format!("GET {path}"), &[], "")
}

#[test]
fn an_answer_can_be_an_error_that_the_tenant_knows_nothing_of() {
    let (service, seen) = start(1, &json!([]));
    for (code, retry_after) in [(429, true), (500, false), (503, false)] {
        set(&service, &json!([{"path": "/", "fault": {"status": {"code": code}}}]));
        let answer = get(&service, KEYS);
        assert_eq!(answer.status, code);
        assert!(answer.json()["error_description"].is_string(), "{answer:?}");
        for header in ["retry-after: 1", "x-ratelimit-limit: 1", "x-ratelimit-remaining: 0"] {
            let told = answer.head.contains(&format!("\r\n{header}"));
            assert_eq!(told, retry_after, "{answer:?}");
        }
        set(&service, &json!([{"path": "/", "fault": {"status": {"code": code, "plain": true}}}]));
        let answer = get(&service, KEYS);
        assert!(answer.status == code && answer.head.contains("content-type: text/plain"));
        assert!(serde_json::from_str::<Value>(&answer.body).is_err(), "{answer:?}");
    }
    assert_eq!(seen.try_iter().count(), 0);
}

#[test]
fn an_answer_can_be_lost_that_the_tenant_has_given() {
    let (service, seen) = start(1, &json!([{"path": "/", "fault": "malformed"}]));
    let whole = get(&service, KEYS);
    assert_eq!((whole.status, whole.body.as_str()), (200, "{\""));
    assert!(whole.head.contains("content-length: 2"), "{whole:?}");

    set(&service, &json!([]));
    let length = get(&service, KEYS).body.len();
    set(&service, &json!([{"path": "/", "fault": "cut"}]));
    let half = Answer::of(&exchange(&service, KEYS));
    assert!(half.head.contains(&format!("content-length: {length}")), "{half:?}");
    assert_eq!((half.status, half.body.len()), (200, length / 2));

    set(&service, &json!([{"path": "/", "fault": "reset"}]));
    let mut stream = connect(&service.url());
    write!(stream, "GET {KEYS} HTTP/1.1\r\nhost: x\r\n\r\n").expect("it is sent");
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes);
    let is_reset = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(bytes.is_empty() && (is_reset || !cfg!(target_os = "linux")));
    assert_eq!(seen.try_iter().count(), 4);
}

#[test]
fn an_answer_without_a_body_is_cut_before_its_head() {
    let service = Service::start(Options::new(1)).expect("a service");
    let user = json!({"email": "ada@example.com", "password": "correct horse"}).to_string();
    let id = control(&service, "POST users", &user).json()["user_id"].clone();
    let client = &service.clients().management;
    let login = json!({
        "grant_type": "client_credentials",
        "client_id": client.id,
        "client_secret": client.secret().expect("a secret").expose(),
        "audience": format!("{}api/v2/", service.issuer()),
    });
    let kind = "content-type: application/json";
    let token = call(&service.url(), "POST /oauth/token", &[kind], &login.to_string()).json();
    let token = token["access_token"].as_str().expect("a token").to_owned();
    set(&service, &json!([{"path": "/api/v2/users/", "method": "DELETE", "fault": "cut"}]));
    let id = id.as_str().expect("an id").replace('|', "%7C");
    let mut stream = connect(&service.url());
    write!(
        stream,
        "DELETE /api/v2/users/{id} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n",
        service.url().trim_start_matches("http://"),
    )
    .expect("it is sent");
    assert_eq!(rest(&stream), b"");
    assert_eq!(control(&service, "GET users", "").json(), json!([]));
}

#[test]
fn a_late_answer_comes_whole_and_holds_up_no_other() {
    let (service, seen) = start(1, &json!([{"path": KEYS, "fault": {"latency": "1ms"}}]));
    assert_eq!(get(&service, KEYS).status, 200);
    set(&service, &json!([{"path": KEYS, "fault": {"latency": "24h"}}]));
    let mut late = connect(&service.url());
    write!(late, "GET {KEYS} HTTP/1.1\r\nhost: x\r\n\r\n").expect("it is sent");
    for _ in 0..2 {
        seen.recv_timeout(LIMIT).expect("the tenant has seen it");
    }
    assert_eq!(get(&service, "/.well-known/openid-configuration").status, 200);
    assert_eq!(control(&service, "GET users", "").status, 200);
    drop(service);
    assert_eq!(rest(&late), b"");
}

#[test]
fn the_calls_of_a_rule_are_counted_and_others_are_left_alone() {
    let faults = json!([{"path": "/.well-known/j", "method": "get", "when": {"calls": [2, 3]},
        "fault": {"status": {"code": 500}}}]);
    let (service, _) = start(1, &faults);
    let other = "/.well-known/openid-configuration";
    let statuses =
        [KEYS, other, KEYS, other, KEYS, KEYS, other].map(|path| get(&service, path).status);
    assert_eq!(statuses, [200, 200, 500, 200, 500, 200, 200]);
    // Set again, they are counted anew.
    set(&service, &faults);
    assert_eq!([KEYS; 3].map(|path| get(&service, path).status), [200, 500, 500]);
}

#[test]
fn chance_repeats_itself_from_the_seed() {
    let faults = json!([{"path": "/", "when": {"rate": 0.5}, "fault": {"status": {"code": 503}}}]);
    let run = |seed| {
        let (service, _) = start(seed, &faults);
        [(); 40].map(|()| get(&service, KEYS).status)
    };
    let first = run(1);
    assert!(first.contains(&200) && first.contains(&503));
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
}

#[test]
fn faults_are_told_taken_away_and_back_after_a_reset() {
    let mut options = Options::new(1);
    let given = json!([{"path": "/", "when": {"calls": [1]}, "fault": "cut"}]);
    options.setup.faults = serde_json::from_value(given.clone()).expect("rules");
    let service = Service::start(options).expect("a service");
    assert_eq!(control(&service, "GET faults", "").json(), given);
    assert_eq!(control(&service, "DELETE faults", "").status, 204);
    assert_eq!(control(&service, "GET faults", "").json(), json!([]));
    assert_eq!(get(&service, KEYS).status, 200);
    assert_eq!(control(&service, "POST reset", "").status, 204);
    assert_eq!(control(&service, "GET faults", "").json(), given);
    let half = Answer::of(&exchange(&service, KEYS));
    assert!(!half.body.is_empty() && serde_json::from_str::<Value>(&half.body).is_err());
    assert_eq!(get(&service, KEYS).status, 200);

    let before = control(&service, "GET faults", "").body;
    for (wrong, word) in [
        ("", "Expected: [{"),
        ("{}", "Expected: [{"),
        (r#"[{"path": "/", "fault": "explode"}]"#, "unknown variant `explode`"),
        (r#"[{"path": "/", "fault": {"status": {"code": 404}}}]"#, "429, 500 or 503"),
        (r#"[{"path": "/", "fault": {"latency": "soon"}}]"#, "a length of time"),
        (r#"[{"path": "/", "fault": "cut", "when": {"rate": 2}}]"#, "expected 0 to 1"),
        (r#"[{"path": "/", "fault": "cut", "when": {"calls": [0]}}]"#, "counted from 1"),
        (r#"[{"path": "x", "fault": "cut"}]"#, "from its `/` on"),
        (r#"[{"path": "/", "fault": "cut", "wen": "always"}]"#, "unknown field `wen`"),
        (r#"[{"fault": "cut"}]"#, "missing field `path`"),
    ] {
        let answer = control(&service, "PUT faults", wrong);
        assert_eq!(answer.status, 400, "{wrong}: {answer:?}");
        let description = answer.json()["error_description"].to_string();
        assert!(description.contains(word), "{wrong}: {description}");
    }
    assert_eq!(control(&service, "GET faults", "").body, before);
    assert_eq!(control(&service, "POST faults", "").status, 405);
}

#[tokio::test]
async fn connections_break_below_tls_too() {
    let transport = Transport::Tls(Identity::made(&[]).expect("an identity"));
    let service = Service::start(Options { transport, ..Options::new(1) }).expect("a service");
    let client = trusting(service.authority().expect("an authority"));
    for (fault, has_head) in [("cut", true), ("reset", false)] {
        let rules = serde_json::from_value(json!([{"path": "/", "fault": fault}])).expect("rules");
        service.tenant().set_faults(countersign::serve::fault::Faults::new(rules, 1));
        match client.get(format!("{}{KEYS}", service.url())).send().await {
            Ok(answer) => assert!(has_head && answer.text().await.is_err()),
            Err(error) => assert!(!has_head && !error.is_connect(), "{error}"),
        }
    }
}
