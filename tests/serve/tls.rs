//! TLS: the made authority is trusted, and nothing else is.

use countersign::serve::{Identity, Options, Service, Transport};

use crate::enrolment::enrol;

pub(crate) fn trusting(pem: &str) -> reqwest::Client {
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
    builder.build().expect("a client")
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_enrols() {
    let identity = Identity::made(&["auth.test".to_owned()]).expect("an identity");
    let transport = Transport::Tls(identity);
    let service = Service::start(Options { transport, ..Options::new(1) }).expect("a service");
    assert!(service.url().starts_with("https://127.0.0.1:"), "{}", service.url());
    assert_eq!(service.issuer(), format!("{}/", service.url()));
    let client = trusting(service.authority().expect("an authority"));
    enrol(&service, &client).await;

    let local = service.url().replace("127.0.0.1", "localhost");
    let answer = client.get(format!("{local}/.well-known/jwks.json")).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);

    let other = Identity::made(&[]).expect("an identity");
    let stranger = trusting(other.authority().expect("an authority"));
    let refused = stranger.get(service.url()).send().await;
    assert!(refused.expect_err("no trust").is_connect());
}

#[test]
fn what_is_no_certificate_is_refused() {
    for (certificate, key) in [("", ""), ("nothing", "of the kind")] {
        assert!(Identity::from_pem(certificate.as_bytes(), key.as_bytes()).is_err());
    }
    let made = Identity::made(&[]).expect("an identity");
    let authority = made.authority().expect("an authority");
    let error = Identity::from_pem(authority.as_bytes(), b"").err().expect("no key");
    assert!(error.to_string().starts_with("the key cannot be read"), "{error}");
    assert!(Identity::made(&["ä ö".to_owned()]).is_err());
}
