//! What is wrong with the file or with the world: one error for each, with its place in the file and what to do.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use libtest_mimic::Failed;
use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::{
    Test,
    place::{Inbox, Place, Ran, Wish},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("what_is_wrong_with_the_file", &[Outbox], what_is_wrong_with_the_file),
    ("nobody_is_there", &[Outbox], nobody_is_there),
    ("nonsense_is_there", &[Outbox], nonsense_is_there),
    ("another_tenant_is_there", &[Outbox], another_tenant_is_there),
    ("a_certificate_that_is_not_trusted", &[Outbox], a_certificate_that_is_not_trusted),
    ("a_file_of_certificates_without_one", &[Outbox], a_file_of_certificates_without_one),
    ("wrong_secrets", &[Outbox], wrong_secrets),
    ("a_scope_is_missing", &[Outbox], a_scope_is_missing),
];

const RUN: &[&str] = &["run", "--target", "staging"];

fn start() -> Result<Place, Failed> {
    let place = Place::start(&Wish::of(Outbox))?;
    place.take(&["otp/first-enrolment"])?;
    Ok(place)
}

/// What a run says of this, with its exit code before it. Nothing that is secret is in it.
fn said(place: &Place, args: &[&str]) -> Result<String, Failed> {
    let Ran { code, stdout, stderr } = place.run(args)?;
    for (name, value) in &place.variables()[3..] {
        let secret = value.trim_matches('\'');
        assert!(!format!("{stdout}{stderr}").contains(secret), "{name} is told: {stderr}");
    }
    assert_eq!((place.users()?, stdout.as_str()), (0, ""), "{stderr}");
    Ok(place.shown(&format!("exit code {}\n{stderr}", code.unwrap_or(-1))))
}

fn variable<'a>(place: &Place, name: &'a str) -> Result<(&'a str, String), Failed> {
    let mut variables = place.variables().into_iter();
    let (_, value) = variables.find(|(known, _)| *known == name).ok_or("no such variable")?;
    Ok((name, value))
}

/// A variable of `.env` gets another value.
fn set(place: &Place, name: &str, value: &str) -> Result<(), Failed> {
    let (name, now) = variable(place, name)?;
    place.edit(".env", &format!("{name}={now}\n"), &format!("{name}={value}\n"))?;
    Ok(())
}

fn what_is_wrong_with_the_file(_: Inbox) -> Result<(), Failed> {
    let place = start()?;
    set(&place, "AUTH0_DOMAIN", &format!("{}/login", place.url()))?;
    set(&place, "AUTH0_CLIENT_ID", "")?;
    place.edit(".env", "AUTH0_MANAGEMENT_CLIENT_SECRET", "AUTH0_MANAGMENT_CLIENT_SECRET")?;
    let sms = "      sms:\n        kind: http\n";
    place.edit("countersign.yaml", sms, &format!("{sms}        pattern: \"code [0-9]{{6}}\"\n"))?;
    let path = place.project().join("countersign.yaml");
    let more = "  staging:\n    domain: other.example.com\n";
    std::fs::write(&path, std::fs::read_to_string(&path)? + more)?;
    insta::assert_snapshot!("file", said(&place, RUN)?);
    insta::assert_snapshot!("file", said(&place, &["check", "--target", "staging"])?);
    insta::assert_snapshot!("file", said(&place, &["drift", "staging", "snapshots"])?);
    Ok(())
}

fn nobody_is_there(_: Inbox) -> Result<(), Failed> {
    let place = start()?;
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let domain = format!("localhost:{closed}");
    set(&place, "AUTH0_DOMAIN", &domain)?;
    insta::assert_snapshot!("nobody", said(&place, RUN)?.replace(&domain, "NOBODY"));
    Ok(())
}

fn set_back(place: &Place, domain: &str) -> Result<(), Failed> {
    let (name, first) = variable(place, "AUTH0_DOMAIN")?;
    place.edit(".env", &format!("{name}={domain}\n"), &format!("{name}={first}\n"))?;
    Ok(())
}

/// Answers everybody with `text`, over what `wrap` makes of a connection, while this process runs.
fn answering<S: Read + Write>(
    text: &'static str,
    wrap: impl Fn(TcpStream) -> Option<S> + Send + 'static,
) -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(mut stream) = wrap(stream) else { continue };
            // What was asked is of no interest.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(text.as_bytes());
        }
    });
    Ok(port)
}

fn nonsense_is_there(_: Inbox) -> Result<(), Failed> {
    let plain = answering("220 mail.example.com ESMTP\r\n", Some)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
    let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)?;
    let config = Arc::new(config);
    let wrap = move |stream| {
        Some(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).ok()?, stream))
    };
    let mail = answering("220 mail.example.com ESMTP\r\n", wrap.clone())?;
    let page = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<h1>Hello!</h1>";
    let web = answering(page, wrap)?;
    let place = start()?;
    let path = place.project().join("authorities.pem");
    let authorities = std::fs::read_to_string(&path)? + &certificate.pem();
    std::fs::write(path, authorities)?;
    for (name, port) in [("plain", plain), ("mail", mail), ("web", web)] {
        let domain = format!("localhost:{port}");
        set(&place, "AUTH0_DOMAIN", &domain)?;
        let said = said(&place, RUN)?.replace(&domain, "NONSENSE");
        insta::assert_snapshot!(format!("nonsense_{name}"), said);
        set_back(&place, &domain)?;
    }
    Ok(())
}

/// The name reaches a tenant, which goes by another.
fn another_tenant_is_there(_: Inbox) -> Result<(), Failed> {
    let place = start()?;
    let here = variable(&place, "AUTH0_DOMAIN")?.1;
    let domain = here.replace("localhost", "LOCALHOST");
    set(&place, "AUTH0_DOMAIN", &domain)?;
    insta::assert_snapshot!("another", said(&place, RUN)?.replace(&domain, "OTHER"));
    Ok(())
}

fn a_certificate_that_is_not_trusted(_: Inbox) -> Result<(), Failed> {
    let place = start()?;
    place.edit("countersign.yaml", "    ca: authorities.pem\n", "")?;
    insta::assert_snapshot!("not_trusted", said(&place, RUN)?);
    Ok(())
}

fn a_file_of_certificates_without_one(_: Inbox) -> Result<(), Failed> {
    let place = start()?;
    let path = place.project().join("authorities.pem");
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")?;
    insta::assert_snapshot!("bad_certificate", said(&place, RUN)?);
    std::fs::remove_file(&path)?;
    insta::assert_snapshot!("no_certificates", said(&place, RUN)?);
    Ok(())
}

fn wrong_secrets(_: Inbox) -> Result<(), Failed> {
    let place = start()?;
    set(&place, "AUTH0_CLIENT_SECRET", "Not-the-secret-1")?;
    insta::assert_snapshot!("wrong_client_secret", said(&place, RUN)?);
    let place = start()?;
    set(&place, "AUTH0_MANAGEMENT_CLIENT_SECRET", "Not-the-secret-2")?;
    insta::assert_snapshot!("wrong_management_secret", said(&place, RUN)?);
    Ok(())
}

fn a_scope_is_missing(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant:
  factors: [otp, recovery-code]
  clients:
    management:
      grants: [client_credentials]
      management: [read:users, create:users, read:guardian_factors]
";
    let place = Place::start(&Wish { tenant, ..Wish::of(inbox) })?;
    place.take(&["otp/first-enrolment"])?;
    insta::assert_snapshot!("missing_scope", said(&place, RUN)?);
    Ok(())
}
