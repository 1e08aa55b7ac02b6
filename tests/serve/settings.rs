//! What the tenant is served with: settings, a mail server, a file of observations.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "the files are the tests' own")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener},
    process::Command,
    thread,
};

use countersign::{clock::Timestamp, codes};
use serde_json::{Value, json};

use crate::{
    command::{Served, refused},
    drive::call,
};

const SETTINGS: &str = "
tenant:
  factors: [email, otp]
  client: {id: my-app, secret: my secret}
  clients: {spa: {id: my-spa, public: true}}
users:
  ada: {email: ada@example.com, password: correct horse}
";

#[test]
fn a_file_says_what_the_tenant_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenant.yaml");
    fs::write(&path, SETTINGS).expect("a file");
    let served = Served::start(&["--config", path.to_str().expect("UTF-8")]);
    let told = ["client_id", "client_secret", "spa_client_id"].map(|name| served.text(name));
    assert_eq!(told, ["my-app", "my secret", "my-spa"]);
    assert_eq!(log_in(&served)["error"], "mfa_required");
}

#[test]
fn a_file_says_what_goes_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenant.yaml");
    let faults = "
faults:
  - {path: /userinfo, method: get, calls: [2], cut: true}
  - {path: /userinfo, rate: 0, reset: true}
  - {path: /oauth/, status: 503, plain: true}
  - {path: /mfa/, latency: 1ms}
  - {path: /.well-known/, malformed: true}
";
    fs::write(&path, format!("{SETTINGS}{faults}")).expect("a file");
    let served = Served::start(&["--config", path.to_str().expect("UTF-8")]);
    let told = call(served.text("url"), "GET /_countersign/faults", &[], "").json();
    let expected = json!([
        {"path": "/userinfo", "method": "get", "when": {"calls": [2]}, "fault": "cut"},
        {"path": "/userinfo", "when": {"rate": 0.0}, "fault": "reset"},
        {"path": "/oauth/", "when": "always", "fault": {"status": {"code": 503, "plain": true}}},
        {"path": "/mfa/", "when": "always", "fault": {"latency": "1ms"}},
        {"path": "/.well-known/", "when": "always", "fault": "malformed"},
    ]);
    assert_eq!(told, expected);
    assert_eq!(call(served.text("url"), "POST /oauth/token", &[], "").status, 503);

    let wrong = "
faults:
  - {path: oauth, reset: false}
  - {path: /, calls: [0], rate: 2, cut: true, reset: true}
  - {path: /, plain: true, latency: 1s, rat: 1}
  - {latency: soon, calls: [1], rate: 0.5}
";
    fs::write(&path, format!("{SETTINGS}{wrong}")).expect("a file");
    let (exit, told) = refused(&["--config", path.to_str().expect("UTF-8")]);
    assert_eq!(exit, Some(2));
    for said in [
        "no path begins like this",
        "expected `true`",
        "a whole number from 1 on",
        "a number from 0 to 1",
        "exactly one thing",
        "one of `calls` and `rate`",
        "only a `status` can be `plain`",
        "`rat` is not known",
        "`soon` is not a length of time",
        "`path` is missing",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn all_that_is_wrong_with_a_file_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenant.yaml");
    let wrong = "tenant: {factor: [email]}\nusers:\n  bob: {email: b@x.example}\n";
    fs::write(&path, wrong).expect("a file");
    let (exit, told) = refused(&["--config", path.to_str().expect("UTF-8")]);
    assert_eq!(exit, Some(2));
    for said in ["`factor` is not known", "`factors`", "`bob` has no `password`", "2 errors"] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let (exit, told) = refused(&["--config", "/nowhere/tenant.yaml"]);
    assert!(exit == Some(2) && told.contains("/nowhere/tenant.yaml"), "{told}");
    let (exit, told) = refused(&["--smtp", "pigeon://x"]);
    assert!(exit == Some(2) && told.contains("smtp://127.0.0.1:1025"), "{told}");
    let (exit, told) = refused(&["--observe", "/nowhere/observed.jsonl"]);
    assert!(exit == Some(2) && told.contains("/nowhere/observed.jsonl"), "{told}");
}

#[test]
fn an_app_that_a_file_enrols_makes_codes_of_its_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenant.yaml");
    let enrolled = "    enrolled: [{channel: otp, secret: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ}]";
    let settings = SETTINGS.replace("horse}", "horse,") + enrolled + "}\n";
    fs::write(&path, settings).expect("a file");
    let served = Served::start(&["--config", path.to_str().expect("UTF-8")]);
    let mfa_token = log_in(&served)["mfa_token"].as_str().expect("a token").to_owned();
    let now = call(served.text("url"), "GET /_countersign/clock", &[], "").json()["now"].as_u64();
    let now = Timestamp::from_millis(now.expect("a time"));
    let otp = codes::totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", now).expect("a code");
    let verify = json!({
        "grant_type": "http://auth0.com/oauth/grant-type/mfa-otp",
        "client_id": "my-app",
        "client_secret": "my secret",
        "mfa_token": mfa_token,
        "otp": otp,
    });
    let headers = ["content-type: application/json"];
    let answer =
        call(served.text("url"), "POST /oauth/token", &headers, &verify.to_string()).json();
    assert!(answer["access_token"].is_string(), "{answer}");
}

#[test]
fn what_nobody_could_use_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tenant.yaml");
    let wrong = "
tenant:
  customize_mfa: true
  actions: [{when: {user: bop}, then: {mfa: any}}]
  client: {authentication: private_key_jwt}
  clients: {signer: {authentication: private_key_jwt}}
users:
  bob:
    email: b@x.example
    password: p
    enrolled: [{channel: otp}, {channel: push, device: phone}]
faults:
  - {path: /, calls: [], cut: true}
";
    fs::write(&path, wrong).expect("a file");
    let (exit, told) = refused(&["--config", path.to_str().expect("UTF-8")]);
    assert_eq!(exit, Some(2));
    for (said, times) in [
        ("there is no user `bop`", 1),
        ("nobody has the private key of this application", 2),
        ("nobody knows the secret of this app", 2),
        ("a fault at none of the calls never comes", 1),
        ("6 errors", 1),
    ] {
        assert_eq!(told.matches(said).count(), times, "{said}: {told}");
    }
}

#[test]
fn what_a_client_does_is_written_down_and_mails_are_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let [settings, observed] = ["tenant.yaml", "observed.jsonl"]
        .map(|name| folder.path().join(name).into_os_string().into_string().expect("UTF-8"));
    fs::write(&settings, SETTINGS).expect("a file");
    let mailbox = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let smtp = format!("smtp://{}", mailbox.local_addr().expect("an address"));
    let mail = thread::spawn(move || one_mail(&mailbox));
    let served = Served::start(&["--config", &settings, "--observe", &observed, "--smtp", &smtp]);

    let mfa_token = log_in(&served)["mfa_token"].as_str().expect("a token").to_owned();
    let authorization = format!("authorization: Bearer {mfa_token}");
    let body = json!({"authenticator_types": ["oob"], "oob_channels": ["email"]}).to_string();
    let headers = ["content-type: application/json", &authorization];
    let answer = call(served.text("url"), "POST /mfa/associate", &headers, &body);
    assert_eq!(answer.status, 200);
    let mail = mail.join().expect("a mail");
    assert!(mail.contains("To: ada@example.com") && mail.contains("verification code"), "{mail}");
    // The control API is no client's.
    let outbox = call(served.text("url"), "GET /_countersign/outbox", &[], "").json();
    assert!(mail.contains(outbox[0]["code"].as_str().expect("a code")));
    assert_eq!(served.stop("-INT").0, Some(0));

    let text = fs::read_to_string(&observed).expect("a file");
    assert_eq!(text.lines().count(), 2);
    for secret in ["my secret", "correct horse", &mfa_token, "ada@example.com"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let mut check = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let judged = check.args(["check-client", &observed]).output().expect("an end");
    let told = String::from_utf8(judged.stdout).expect("UTF-8");
    assert!(judged.status.success() && told.contains(" 0 broken, "), "{told}");
}

fn log_in(served: &Served) -> Value {
    let login = json!({
        "grant_type": "password",
        "client_id": "my-app",
        "client_secret": "my secret",
        "username": "ada@example.com",
        "password": "correct horse",
    });
    let headers = ["content-type: application/json"];
    call(served.text("url"), "POST /oauth/token", &headers, &login.to_string()).json()
}

/// A mail server for one mail: RFC 5321, as far as a client needs it.
fn one_mail(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().expect("a client");
    let mut lines = BufReader::new(stream.try_clone().expect("a clone")).lines();
    let mut say = |line: &str| write!(stream, "{line}\r\n").expect("it is sent");
    say("220 mailbox");
    let mut mail = String::new();
    let mut is_data = false;
    while let Some(Ok(line)) = lines.next() {
        match line.as_str() {
            "." if is_data => {
                say("250 taken");
                break;
            }
            line if is_data => {
                mail += line;
                mail += "\n";
            }
            "DATA" => {
                is_data = true;
                say("354 go on");
            }
            _ => say("250 fine"),
        }
    }
    mail
}
