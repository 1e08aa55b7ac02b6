//! How an application proves itself to a tenant, and by which name it calls it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libtest_mimic::Failed;
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize};

use crate::{
    Test,
    place::{Inbox, Place, Wish},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("by_a_key", &[Outbox], by_a_key),
    ("by_http_basic", &[Outbox], by_http_basic),
    ("at_a_custom_domain", &[Outbox], at_a_custom_domain),
];

const SECRET: &str = "      secret: ${AUTH0_CLIENT_SECRET}\n";

fn passes(place: &Place, counts: &str) -> Result<(), Failed> {
    let ran = place.run(&["run", "--target", "staging"])?;
    assert!(ran.code == Some(0) && ran.stdout.contains(counts), "{ran:?}");
    assert_eq!((ran.stderr.as_str(), place.users()?), ("", 0));
    Ok(())
}

fn by_a_key(_: Inbox) -> Result<(), Failed> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    // RFC 8017, A.1.1: the modulus is before the exponent, which takes five bytes.
    let public = key.der_bytes();
    let modulus = &public[public.len() - 5 - 256..public.len() - 5];
    let modulus = URL_SAFE_NO_PAD.encode(modulus);
    let tenant = format!(
        "tenant:
  factors: [email, otp]
  client: {{id: by-key, authentication: private_key_jwt, jwk: {{kty: RSA, n: {modulus}, e: AQAB}}}}
"
    );
    let more = "    allow: [provision]\n";
    let place = Place::start(&Wish { tenant: &tenant, target: more, ..Wish::of(Outbox) })?;
    place.take(&["client-authentication"])?;
    let proof = "      authentication: private_key_jwt\n      private_key: ${CLIENT_KEY}\n";
    place.edit("countersign.yaml", SECRET, proof)?;
    let another = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    place.edit(
        ".env",
        "AUTH0_DOMAIN",
        &format!("CLIENT_KEY='{}'\nAUTH0_DOMAIN", another.serialize_pem()),
    )?;
    let ran = place.run(&["run", "--target", "staging"])?;
    insta::assert_snapshot!("another_key", place.shown(&ran.stderr));
    assert_eq!(ran.code, Some(3), "{ran:?}");
    place.edit(".env", &another.serialize_pem(), &key.serialize_pem())?;
    passes(&place, "3 passed, 0 failed, 1 skipped")
}

fn by_http_basic(_: Inbox) -> Result<(), Failed> {
    let tenant = "tenant:
  factors: [otp]
  client: {id: by-basic, authentication: client_secret_basic, secret: Sedge-and-stone-2}
";
    let place = Place::start(&Wish { tenant, ..Wish::of(Outbox) })?;
    place.take(&["client-authentication/http-basic"])?;
    let proof = format!("      authentication: client_secret_basic\n{SECRET}");
    place.edit("countersign.yaml", SECRET, &proof)?;
    passes(&place, "1 passed, 0 failed, 0 skipped")
}

/// The Management API is asked at the tenant's own domain, and all else by the name that clients use.
fn at_a_custom_domain(_: Inbox) -> Result<(), Failed> {
    let target = "    allow: [provision]\n";
    let place = Place::start(&Wish { target, ..Wish::of(Outbox) })?;
    place.take(&["email/first-enrolment", "email/mfa-api-in-discovery"])?;
    let custom = place.url().replace("https://localhost", "127.0.0.1");
    let more = format!("    custom_domain: {custom}\n    rate:");
    place.edit("countersign.yaml", "    rate:", &more)?;
    passes(&place, "2 passed, 0 failed, 0 skipped")
}
