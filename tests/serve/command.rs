//! `countersign serve` as a process.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "the files are the tests' own")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{drive::call, tls::trusting};

/// The program while it serves, and what it printed.
pub(crate) struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) line: Value,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let line = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        Self { child, stdout, line }
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.line[member].as_str().unwrap_or_else(|| panic!("no `{member}`: {}", self.line))
    }

    /// Its exit code after a signal, the rest of what it printed, and what it told the user.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("a signal").success());
        let (mut rest, mut told) = (String::new(), String::new());
        self.stdout.read_to_string(&mut rest).expect("UTF-8");
        let stderr = self.child.stderr.as_mut().expect("a pipe");
        stderr.read_to_string(&mut told).expect("UTF-8");
        (self.child.wait().expect("an end").code(), rest, told)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Of a test that failed; else it has ended already.
        let _ = self.child.kill();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("serve").args(arguments).env_remove("COUNTERSIGN_CONTROL_TOKEN");
    command
}

pub(crate) fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(arguments).output().expect("an end");
    assert_eq!(output.stdout, b"");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn it_says_in_one_line_where_it_is_and_stops_when_told() {
    let served = Served::start(&["--seed", "1"]);
    let members: Vec<_> = served.line.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        ["url", "issuer", "client_id", "client_secret", "spa_client_id", "management", "control"]
    );
    let login = json!({
        "grant_type": "password",
        "client_id": served.line["client_id"],
        "client_secret": served.line["client_secret"],
        "username": "ada@example.com",
        "password": "correct horse",
    });
    let ada = json!({"email": "ada@example.com", "password": "correct horse"}).to_string();
    let kind = ["content-type: application/json"];
    let url = served.text("url").to_owned();
    assert_eq!(served.text("control"), format!("{url}/_countersign"));
    assert_eq!(call(&url, "POST /_countersign/users", &kind, &ada).status, 201);
    assert_eq!(call(&url, "POST /oauth/token", &kind, &login.to_string()).status, 403);
    // A connection that is open and idle, and one on which nothing was ever asked, hold it up no longer than others.
    let idle = crate::drive::connect(&url);
    let (code, rest, told) = served.stop("-TERM");
    assert_eq!((code, rest.as_str()), (Some(0), ""), "{told}");
    assert!(told.starts_with(&format!("the tenant is at {url}")), "{told}");
    drop(idle);
}

#[test]
fn the_seed_decides_what_is_made_up() {
    let [one, same, other] = ["1", "1", "2"].map(|seed| Served::start(&["--seed", seed]));
    for member in ["client_id", "client_secret", "spa_client_id", "management"] {
        assert_eq!(one.line[member], same.line[member]);
        assert_ne!(one.line[member], other.line[member]);
    }
    assert_eq!(one.stop("-INT").0, Some(0));
}

#[test]
fn the_authority_is_in_a_file_that_goes_with_it_unless_it_was_asked_for() {
    let served = Served::start(&["--tls"]);
    let path = served.text("ca").to_owned();
    assert!(served.text("url").starts_with("https://"));
    assert!(fs::read_to_string(&path).expect("a file").starts_with("-----BEGIN CERTIFICATE-----"));
    let (code, _, told) = served.stop("-TERM");
    assert_eq!(code, Some(0));
    for before in ["NODE_EXTRA_CA_CERTS=", "REQUESTS_CA_BUNDLE=", "SSL_CERT_FILE=", "--cacert "] {
        assert!(told.contains(&format!("{before}{path}")), "{told}");
    }
    assert!(!Path::new(&path).exists());

    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("ca.pem");
    let served = Served::start(&["--tls", "--ca", kept.to_str().expect("UTF-8")]);
    assert_eq!(served.text("ca"), kept.to_str().expect("UTF-8"));
    served.stop("-TERM");
    assert!(kept.exists());
}

#[tokio::test]
async fn a_certificate_that_is_given_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned()];
    let params = rcgen::CertificateParams::new(names).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    let [certificate_path, key_path] =
        [("own.pem", &certificate), ("own.key", &key.serialize_pem())].map(|(name, text)| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("it is written");
            path.into_os_string().into_string().expect("UTF-8")
        });
    let served = Served::start(&["--cert", &certificate_path, "--key", &key_path]);
    assert_eq!(served.line.get("ca"), None);
    let keys = format!("{}/.well-known/jwks.json", served.text("url"));
    let answer = trusting(&certificate).get(&keys).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("another");
    assert!(trusting(&other.cert.pem()).get(&keys).send().await.is_err());
}

#[test]
fn what_cannot_be_served_is_told_and_has_its_code() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let (code, told) = refused(&["--addr", &address]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.starts_with(&format!("error: {address} is in use")), "{told}");

    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text.pem");
    fs::write(&text, "no certificate").expect("it is written");
    let text = text.to_str().expect("UTF-8");
    let missing = folder.path().join("missing.pem");
    let missing = missing.to_str().expect("UTF-8");
    for (arguments, words) in [
        (vec!["--addr", "localhost"], "such as 127.0.0.1:0"),
        (vec!["--domain", "https://tenant.example/"], "without `https://`"),
        (vec!["--domain", ""], "expected a host"),
        (vec!["--control-token", "two words"], "no space"),
        (vec!["--cert", text], "--key"),
        (vec!["--ca", text], "--tls"),
        (vec!["--cert", missing, "--key", missing], "missing.pem"),
        (vec!["--cert", text, "--key", text], "no `CERTIFICATE`"),
        (vec!["--tls", "--ca", "/nowhere/at/all.pem"], "cannot be written"),
        (vec!["--control-token", ""], "--control-token"),
    ] {
        let (code, told) = refused(&arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}

#[test]
fn the_control_token_can_come_from_the_environment() {
    let mut command = command(&[]);
    command.env("COUNTERSIGN_CONTROL_TOKEN", "sesame");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    let url = line["url"].as_str().expect("an address");
    let (without, with) = (
        call(url, "GET /_countersign/users", &[], "").status,
        call(url, "GET /_countersign/users", &["authorization: Bearer sesame"], "").status,
    );
    child.kill().expect("it ends");
    child.wait().expect("an end");
    assert_eq!((without, with), (401, 200));
    assert!(!line.to_string().contains("sesame"));
}
