//! Who a client says that it is, and how it proves it; and the grant that it gets on its own.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Call, Emulator,
    error::Refusal,
    management,
    route::{Credentials, Parameters, Proof},
    tenant::{Authentication, Client, Tenant},
    token::{self, AccessToken, Grant, Holder, Scope},
};
use crate::clock::Timestamp;

/// The life of a token for the client itself, in seconds \[doc\].
const LIFETIME: u64 = 86_400;
/// The longest life of an assertion, in seconds \[doc\].
const ASSERTION_LIFETIME: u64 = 300;
/// How far clocks may differ, in seconds, for `iat` and `nbf` \[doc\].
const SKEW: u64 = 10;
/// The longest assertion, in bytes \[doc\].
const ASSERTION_LENGTH: usize = 2048;
/// The longest `iss`, `sub` and `jti` \[doc\].
const CLAIM_LENGTH: usize = 64;

/// An API that a client may be allowed to call for itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    /// The tenant's own Management API, whatever name the tenant is reached by.
    Management,
    /// Any other, by its identifier.
    Named(String),
}

impl Api {
    /// Every scope of the Management API that is emulated.
    #[must_use]
    pub fn management_scopes() -> Vec<String> {
        management::SCOPES.iter().map(|&scope| scope.to_owned()).collect()
    }

    fn audience(&self, tenant: &Tenant) -> String {
        match self {
            Self::Management => tenant.management_audience(),
            Self::Named(audience) => audience.clone(),
        }
    }
}

/// The public half of the RSA key that a client signs its assertions with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    modulus: String,
    exponent: String,
    algorithm: Algorithm,
}

impl PublicKey {
    /// Of a JWK whose `kty` is `RSA`. Its `alg` says what assertions must be signed with: RS256,
    /// RS384 or PS256; RS256 if it says nothing \[doc\]. `None` for any other key.
    #[must_use]
    pub fn from_jwk(jwk: &Value) -> Option<Self> {
        let algorithm = match jwk["alg"].as_str() {
            None | Some("RS256") => Algorithm::RS256,
            Some("RS384") => Algorithm::RS384,
            Some("PS256") => Algorithm::PS256,
            Some(_) => return None,
        };
        let (modulus, exponent) = (jwk["n"].as_str()?, jwk["e"].as_str()?);
        DecodingKey::from_rsa_components(modulus, exponent).ok()?;
        let is_rsa = jwk["kty"] == "RSA";
        is_rsa.then(|| Self { modulus: modulus.into(), exponent: exponent.into(), algorithm })
    }

    /// The claims, if this key signed them.
    fn verify(&self, assertion: &str) -> Option<Assertion> {
        let key = DecodingKey::from_rsa_components(&self.modulus, &self.exponent).ok()?;
        let mut validation = Validation::new(self.algorithm);
        // The crate would ask the system for the time: the claims are looked at below.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(assertion, &key, &validation).ok().map(|token| token.claims)
    }
}

/// The claims of a `client_assertion`, all of which are needed but `iat` and `nbf` \[doc\].
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: Value,
    exp: u64,
    jti: String,
    iat: Option<u64>,
    nbf: Option<u64>,
}

impl Assertion {
    /// Whether a client with this id may use it now.
    fn check(&self, client_id: &str, tenant: &Tenant, now: Timestamp) -> Result<(), &'static str> {
        let now = now.as_secs();
        if self.iss != client_id || self.sub != client_id {
            return Err("iss and sub must be the client_id");
        }
        // The page names the issuer; the token endpoint is what OpenID Connect names, and is
        // accepted too [guess].
        let issuer = tenant.issuer();
        let endpoint = format!("{issuer}oauth/token");
        let is_ours = |audience: &Value| *audience == json!(issuer) || *audience == json!(endpoint);
        let ours = match &self.aud {
            Value::Array(audiences) => audiences.iter().any(is_ours),
            audience => is_ours(audience),
        };
        if !ours {
            return Err("aud must be the issuer");
        }
        if self.exp <= now {
            return Err("it has expired");
        }
        if self.exp > now + ASSERTION_LIFETIME {
            return Err("it must expire within five minutes");
        }
        if [self.iat, self.nbf].into_iter().flatten().any(|since| since > now + SKEW) {
            return Err("it is not valid yet");
        }
        let lengths = [&self.iss, &self.sub, &self.jti];
        if self.jti.is_empty() || lengths.iter().any(|claim| claim.len() > CLAIM_LENGTH) {
            return Err("iss, sub and jti must have 1 to 64 characters");
        }
        Ok(())
    }
}

/// The `sub` of an assertion that is not verified yet: it says whose key to try.
pub(super) fn claimed_subject(assertion: &str) -> Option<String> {
    let payload = assertion.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims["sub"].as_str().map(str::to_owned)
}

impl Emulator {
    /// The client, if it proves that it is the one. An assertion works once \[doc\].
    pub(super) fn authenticate(
        &mut self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<&Client, Refusal> {
        let client = self.tenant.client(&credentials.id).ok_or_else(Refusal::invalid_client)?;
        match (&client.authentication, &credentials.proof) {
            // A public client need not show anything, so it does not matter what it shows.
            (Authentication::None, Proof::None | Proof::Secret(_)) => {}
            (Authentication::Secret(known), Proof::Secret(secret)) if known.expose() == secret => {}
            (Authentication::PrivateKeyJwt(key), Proof::Assertion(text)) => {
                if text.len() > ASSERTION_LENGTH {
                    return Err(Refusal::invalid_assertion("it is longer than 2048 bytes"));
                }
                let assertion = key.verify(text).ok_or_else(|| {
                    Refusal::invalid_assertion("it is not signed by the client, or lacks a claim")
                })?;
                assertion
                    .check(&client.id, &self.tenant, now)
                    .map_err(Refusal::invalid_assertion)?;
                let used = format!("{} {}", client.id, assertion.jti);
                if self.assertions.get(&used).is_some() {
                    return Err(Refusal::invalid_assertion("its jti was used before"));
                }
                self.assertions.insert(&used, ());
            }
            _ => return Err(Refusal::invalid_client()),
        }
        self.tenant.client(&credentials.id).ok_or_else(Refusal::invalid_client)
    }

    /// A token for the client itself: neither an ID token nor a refresh token comes with it
    /// \[doc\].
    pub(super) fn client_credentials(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &Call<'_>,
    ) -> Result<Value, Refusal> {
        let client = self.tenant.client(client_id).ok_or_else(Refusal::invalid_client)?;
        if client.is_public() {
            return Err(Refusal::public_client());
        }
        let audience = parameters.required("audience")?;
        let is_asked = |api: &Api| api.audience(&self.tenant) == audience;
        let granted = client.apis.iter().find(|(api, _)| is_asked(api));
        let (_, granted) = granted.ok_or_else(|| {
            let mut apis = self.tenant.clients.iter().flat_map(|client| client.apis.keys());
            // No client may call it, so nothing says that there is such an API.
            let is_known = audience == self.tenant.management_audience() || apis.any(is_asked);
            if is_known { Refusal::not_authorized(audience) } else { Refusal::no_api(audience) }
        })?;
        let granted = Scope::new(&granted.join(" "));
        let asked = Scope::new(parameters.get("scope").unwrap_or_default());
        let scope = granted.narrowed(&asked);
        if scope.is_empty() && !asked.is_empty() {
            return Err(Refusal::scopes_not_granted(&asked));
        }
        let subject = format!("{client_id}@clients");
        let issued_at = call.now.as_secs();
        let mut claims = json!({
            "iss": self.tenant.issuer(),
            "sub": subject,
            "aud": audience,
            "iat": issued_at,
            "exp": issued_at + LIFETIME,
        });
        if !scope.is_empty() {
            claims["scope"] = json!(scope.to_string());
        }
        claims["gty"] = json!("client-credentials");
        claims["azp"] = json!(client_id);
        let access_token = token::signed(&claims)?;
        let mut answer = json!({"access_token": access_token});
        if !scope.is_empty() {
            answer["scope"] = json!(scope.to_string());
        }
        answer["expires_in"] = json!(LIFETIME);
        answer["token_type"] = json!("Bearer");
        let grant = Grant {
            client: client_id.to_owned(),
            user: subject,
            audience: Some(audience.to_owned()),
            scope,
        };
        let expires = call.now + std::time::Duration::from_secs(LIFETIME);
        self.access_tokens
            .insert(&access_token, AccessToken { holder: Holder::Client, grant, expires });
        Ok(answer)
    }
}

/// Of the client's own making.
impl Refusal {
    /// 401 \[oas\]; that each of these is refused is \[doc\], the texts are \[guess\].
    fn invalid_assertion(reason: &str) -> Self {
        Self::new(401, "invalid_client", format!("Invalid client_assertion: {reason}"))
    }

    /// \[guess\]: a client that keeps no secret cannot be told from anyone else.
    fn public_client() -> Self {
        let text = "Grant type 'client_credentials' not allowed for the client.";
        Self::new(403, "unauthorized_client", text)
    }

    /// \[seen: auth0/node-auth0 issue 292\], the status as below \[guess\].
    fn no_api(audience: &str) -> Self {
        let text = format!("Service not enabled within domain: {audience}");
        Self::new(403, "access_denied", text)
    }

    /// \[seen: auth0/auth0-python issue 173\].
    fn not_authorized(audience: &str) -> Self {
        let text = format!(
            "Client is not authorized to access \"{audience}\". You might probably want to create \
             a \"client-grant\" associated to this API. See: \
             https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants"
        );
        Self::new(403, "access_denied", text)
    }

    /// None of the scopes that were asked for \[guess\]; of several, those that were granted are
    /// given \[guess\].
    fn scopes_not_granted(asked: &Scope) -> Self {
        let text = format!("Client has not been granted scopes: {asked}");
        Self::new(403, "access_denied", text)
    }
}
