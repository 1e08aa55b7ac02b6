//! `/.well-known/*`: what the tenant says of itself.

use serde_json::{Value, json};

use super::{error::Refusal, tenant::Tenant, token};

/// `/.well-known/openid-configuration`, member by member as a tenant has it \[seen\]\[doc\]: also
/// where the emulator does not serve the address.
pub(super) fn configuration(tenant: &Tenant) -> Value {
    let issuer = tenant.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("oauth/token"),
        "device_authorization_endpoint": at("oauth/device/code"),
        "userinfo_endpoint": at("userinfo"),
        "mfa_challenge_endpoint": at("mfa/challenge"),
        "jwks_uri": at(".well-known/jwks.json"),
        "registration_endpoint": at("oidc/register"),
        "revocation_endpoint": at("oauth/revoke"),
        "scopes_supported": [
            "openid", "profile", "offline_access", "name", "given_name", "family_name",
            "nickname", "email", "email_verified", "picture", "created_at", "identities",
            "phone", "address",
        ],
        "response_types_supported": [
            "code", "token", "id_token", "code token", "code id_token", "token id_token",
            "code token id_token",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic", "client_secret_post", "private_key_jwt",
        ],
        "claims_supported": [
            "aud", "auth_time", "created_at", "email", "email_verified", "exp", "family_name",
            "given_name", "iat", "identities", "iss", "name", "nickname", "phone_number",
            "picture", "sub",
        ],
        "request_uri_parameter_supported": false,
        "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
    })
}

/// `/.well-known/jwks.json`: one key, RSA, since some SDKs read every key as RSA \[sdk\].
pub(super) fn keys() -> Result<Value, Refusal> {
    Ok(json!({"keys": [token::public_key()?]}))
}
