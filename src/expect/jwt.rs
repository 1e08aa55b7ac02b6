//! `$jwt`: whether a token is signed by one of the tenant's keys, and what is in it.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;
use thiserror::Error;

/// The parts of a token whose signature is right.
pub(super) struct Token {
    pub(super) header: Value,
    pub(super) claims: Value,
}

/// Why a value is not a token of the tenant. Nothing secret is in it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum NotToken {
    #[error("no string")]
    NoString,
    #[error("a string that is not a JWT")]
    NoJwt,
    #[error("a JWT, and no keys of the tenant to check it with")]
    NoKeys,
    #[error("a JWT signed with a key that is not in the tenant's JWKS")]
    UnknownKey,
    #[error("a JWT whose signature is wrong")]
    WrongSignature,
}

/// Checks the signature. Whether the token has expired is a matter of its claims, and so of the scenario.
pub(super) fn verify(text: Option<&str>, keys: Option<&JwkSet>) -> Result<Token, NotToken> {
    let text = text.ok_or(NotToken::NoString)?;
    let header = decode_header(text).map_err(|_| NotToken::NoJwt)?;
    let keys = keys.ok_or(NotToken::NoKeys)?;
    let key = header.kid.as_deref().and_then(|id| keys.find(id)).ok_or(NotToken::UnknownKey)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| NotToken::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let token = decode::<Value>(text, &key, &validation).map_err(|_| NotToken::WrongSignature)?;
    let header = serde_json::to_value(&token.header).map_err(|_| NotToken::NoJwt)?;
    Ok(Token { header, claims: token.claims })
}
