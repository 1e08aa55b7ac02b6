//! What an application signs to prove that it is the one: `private_key_jwt`.

use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{AlgorithmParameters, Jwk},
};
use serde_json::{Value, json};

use super::NoAssertion;
use crate::{clock::Timestamp, secret::Secret};

/// The key of every application of an emulated tenant, an RSA key of 2048 bits in PKCS #1. Everyone has it, and nobody
/// should trust what it signs outside a test.
const DEVELOPMENT_KEY: &[u8] = include_bytes!("client-key.der");
/// How long an assertion lives, in seconds.
const LIFETIME: u64 = 60;

/// A JWT by which the application with this id asks the tenant with this issuer. `id` must be another one each time.
pub(super) fn signed(
    client_id: &str,
    issuer: &str,
    id: &str,
    now: Timestamp,
) -> Result<String, NoAssertion> {
    signed_by(&EncodingKey::from_rsa_der(DEVELOPMENT_KEY), client_id, issuer, id, now)
}

/// The same, signed with an application's own RSA key, in PEM.
pub(super) fn by_pem(
    key: &Secret<String>,
    client_id: &str,
    issuer: &str,
    id: &str,
    now: Timestamp,
) -> Result<String, NoAssertion> {
    let key = EncodingKey::from_rsa_pem(key.expose().as_bytes()).map_err(|_| NoAssertion)?;
    signed_by(&key, client_id, issuer, id, now)
}

fn signed_by(
    key: &EncodingKey,
    client_id: &str,
    issuer: &str,
    id: &str,
    now: Timestamp,
) -> Result<String, NoAssertion> {
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "iat": now.as_secs(),
        "exp": now.as_secs() + LIFETIME,
        "jti": id,
    });
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, key).map_err(|_| NoAssertion)
}

/// The public half of the key, as a JWK.
pub(super) fn public_key() -> Option<Value> {
    let key = EncodingKey::from_rsa_der(DEVELOPMENT_KEY);
    let AlgorithmParameters::RSA(rsa) =
        Jwk::from_encoding_key(&key, Algorithm::RS256).ok()?.algorithm
    else {
        return None;
    };
    Some(json!({"kty": "RSA", "alg": "RS256", "n": rsa.n, "e": rsa.e}))
}
