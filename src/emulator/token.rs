//! Tokens: what they look like, and what they stand for.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{AlgorithmParameters, Jwk},
};
use serde_json::{Value, json};

use super::error::Refusal;
use crate::clock::{Entropy, Timestamp};

/// Whom a token is for, and what it lets them do.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) user: String,
    pub(super) audience: Option<String>,
    pub(super) scope: Scope,
}

/// Whose an access token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A user's, by way of a client.
    User,
    /// A client's own, by `client_credentials`: only such a one is good at the Management API.
    Client,
}

/// An access token that was issued.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) holder: Holder,
    pub(super) grant: Grant,
    pub(super) expires: Timestamp,
}

/// A refresh token that was issued.
#[derive(Clone, Debug)]
pub(super) struct RefreshToken {
    /// The number of the login that it goes back to.
    pub(super) family: u64,
    pub(super) grant: Grant,
}

/// The words of a `scope`, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.0.iter().any(|known| known == word)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All but this word.
    pub(super) fn without(&self, word: &str) -> Self {
        Self(self.0.iter().filter(|known| *known != word).cloned().collect())
    }

    /// What a user can be given of it for the Management API: of that API's scopes only those
    /// about the user \[doc:
    /// get-management-api-tokens-for-single-page-applications\]. The others are dropped \[guess\].
    pub(super) fn about_the_user(&self) -> Self {
        let is_given = |word: &&String| !word.contains(':') || word.contains(":current_user");
        Self(self.0.iter().filter(is_given).cloned().collect())
    }

    /// What is asked for of it; all of it, if nothing is.
    pub(super) fn narrowed(&self, asked: &Self) -> Self {
        if asked.is_empty() {
            return self.clone();
        }
        Self(asked.0.iter().filter(|word| self.has(word)).cloned().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

const SEAL: &str = "Fe26.2";
const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An `mfa_token` or `oob_code`: eight fields between asterisks, the sixth its expiry \[rec\].
/// Nothing is sealed in it: what it stands for is looked up.
pub(super) fn sealed(expires: Timestamp, entropy: &mut dyn Entropy) -> String {
    const HEX: &[u8] = b"0123456789abcdef";
    let salt = entropy.text(64, HEX);
    let vector = URL_SAFE_NO_PAD.encode(entropy.bytes(16));
    let content = URL_SAFE_NO_PAD.encode(entropy.bytes(240));
    let expires = expires.as_millis();
    let mac_salt = entropy.text(64, HEX);
    let mac = URL_SAFE_NO_PAD.encode(entropy.bytes(32));
    format!("{SEAL}*SERVER_1700000000*{salt}*{vector}*{content}*{expires}*{mac_salt}*{mac}")
}

/// Whether a token is an `mfa_token` by its look; the other bearer is a JWT.
pub(super) fn is_sealed(token: &str) -> bool {
    token.starts_with(SEAL)
}

/// An access token without an audience.
pub(super) fn opaque(entropy: &mut dyn Entropy) -> String {
    entropy.text(32, URL_SAFE)
}

/// A refresh token.
pub(super) fn refresh(entropy: &mut dyn Entropy) -> String {
    format!("v1.{}", entropy.text(64, URL_SAFE))
}

/// The development key, an RSA key of 2048 bits in PKCS #1. It signs nothing of value: everyone
/// has it, and nobody should trust what it signs outside a test. It is fixed because a key that is
/// made at start costs a second or so, and would give another JWKS and other tokens in each run.
const DEVELOPMENT_KEY: &[u8] = include_bytes!("development-key.der");
const KEY_ID: &str = "countersign-development-key";

/// A JWT of these claims.
pub(super) fn signed(claims: &Value) -> Result<String, Refusal> {
    let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::RS256) };
    let key = EncodingKey::from_rsa_der(DEVELOPMENT_KEY);
    jsonwebtoken::encode(&header, claims, &key).map_err(|_| Refusal::not_signed())
}

/// The public half of the development key, as the JWKS has it.
pub(super) fn public_key() -> Result<Value, Refusal> {
    let key = EncodingKey::from_rsa_der(DEVELOPMENT_KEY);
    let jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(|_| Refusal::not_signed())?;
    let AlgorithmParameters::RSA(rsa) = jwk.algorithm else { return Err(Refusal::not_signed()) };
    Ok(json!({
        "kty": "RSA",
        "use": "sig",
        "n": rsa.n,
        "e": rsa.e,
        "kid": KEY_ID,
        "alg": "RS256",
    }))
}

#[cfg(test)]
mod tests {
    use super::{Scope, is_sealed, sealed};
    use crate::clock::{SeededEntropy, Timestamp};

    #[test]
    fn a_sealed_token_has_eight_fields_and_tells_its_expiry() {
        let token = sealed(Timestamp::from_millis(1_726_830_033_006), &mut SeededEntropy::new(1));
        let fields: Vec<_> = token.split('*').collect();
        assert_eq!(fields.len(), 8);
        assert_eq!((fields[0], fields[5]), ("Fe26.2", "1726830033006"));
        let lengths: Vec<_> = fields.iter().map(|field| field.len()).collect();
        assert_eq!(lengths, [6, 17, 64, 22, 320, 13, 64, 43]);
        assert!(is_sealed(&token));
    }

    #[test]
    fn a_scope_narrows_to_what_it_has() {
        let scope = Scope::new(" openid  email ");
        assert_eq!(scope.to_string(), "openid email");
        assert_eq!(scope.narrowed(&Scope::default()), scope);
        assert_eq!(scope.narrowed(&Scope::new("email admin")), Scope::new("email"));
    }
}
