//! The refusals: each error that the emulated API answers, with the mark of what is known of it.
//!
//! Auth0 says that descriptions may change and are not to be parsed; they are here because people
//! see them, and because a snapshot should look like the real thing.

use serde_json::{Map, Value};

use super::{action::FactorType, tenant::GrantType};

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Map<String, Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, error: &str, description: impl Into<String>) -> Self {
        let refusal = Self { status, headers: Vec::new(), body: Map::new() };
        refusal.with("error", error).with("error_description", description.into())
    }

    /// The same refusal with one more member in its body.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body.insert(name.to_owned(), value.into());
        self
    }
}

/// At `/oauth/token`.
impl Refusal {
    /// \[doc\] for 403; the OpenAPI lists it under 401.
    pub(super) fn mfa_required(mfa_token: String) -> Self {
        Self::new(403, "mfa_required", "Multifactor authentication required")
            .with("mfa_token", mfa_token)
    }

    /// A realm that is no connection \[guess\], in the words that another endpoint has \[doc\].
    pub(super) fn unknown_realm() -> Self {
        Self::new(400, "invalid_request", "the connection was not found")
    }

    /// \[seen\]. An unknown user gets the same \[guess\]: else one could ask who has an account.
    pub(super) fn wrong_password() -> Self {
        Self::new(403, "invalid_grant", "Wrong email or password.")
    }

    /// \[rec\]; the OpenAPI says 400.
    pub(super) fn invalid_authorization_code() -> Self {
        Self::new(403, "invalid_grant", "Invalid authorization code")
    }

    /// \[sdk: Auth0.Android, Auth0.swift\].
    pub(super) fn invalid_binding_code() -> Self {
        Self::new(403, "invalid_grant", "Invalid binding_code.")
    }

    /// \[sdk: Auth0.Android, Auth0.swift\]. A code of a step that was used gets it too \[guess\].
    pub(super) fn invalid_otp_code() -> Self {
        Self::new(403, "invalid_grant", "Invalid otp_code.")
    }

    /// The push was not answered yet, at enrolment and challenge \[rec\].
    pub(super) fn authorization_pending() -> Self {
        let text = "Authorization pending: please repeat the request in a few seconds.";
        Self::new(400, "authorization_pending", text)
    }

    /// The error \[doc\], its status and text \[guess\].
    pub(super) fn slow_down() -> Self {
        Self::new(400, "slow_down", "You are polling too fast.")
    }

    /// The user has said no \[rec\]; the pages say `invalid_grant` \[doc\].
    pub(super) fn rejected_push() -> Self {
        Self::new(400, "access_denied", "MFA Authorization rejected.")
    }

    /// A wrong recovery code: text \[seen\], status \[guess\].
    pub(super) fn rejected_recovery_code() -> Self {
        Self::new(403, "invalid_grant", "MFA Authorization rejected.")
    }

    /// \[mock\].
    pub(super) fn no_recovery_code() -> Self {
        Self::new(403, "unsupported_challenge_type", "User does not have a recovery-code.")
    }

    /// The one-time-code grant for a user without an authenticator app \[mock\].
    pub(super) fn no_otp() -> Self {
        Self::new(401, "unsupported_challenge_type", NOT_ENROLLED)
    }

    /// No token of ours \[sdk\]\[seen\], or one that has done its work \[guess\].
    pub(super) fn malformed_mfa_token() -> Self {
        Self::new(403, "invalid_grant", "Malformed mfa_token")
    }

    /// No code of ours \[sdk\]\[seen\], or one that has done its work \[guess\].
    pub(super) fn malformed_oob_code() -> Self {
        Self::new(403, "invalid_grant", "Malformed oob_code")
    }

    /// 401 \[mock: Auth0.swift, auth0-server-python, Auth0.Android\]; an old list says 403.
    pub(super) fn expired_mfa_token() -> Self {
        Self::new(401, "expired_token", "mfa_token is expired")
    }

    /// 401 as for the `mfa_token` \[guess\]: no source shows what an old code gets.
    pub(super) fn expired_oob_code() -> Self {
        Self::new(401, "expired_token", "oob_code is expired")
    }

    /// \[seen\].
    pub(super) fn foreign_mfa_token() -> Self {
        Self::new(400, "invalid_request", "mfa_token not issued to this client")
    }

    /// \[seen\].
    pub(super) fn mismatched_oob_code() -> Self {
        Self::new(400, "invalid_request", "The oob_code doesn't match the mfa_token")
    }

    /// Text \[sdk\], status \[guess\]. Recovery codes get it too \[guess\].
    pub(super) fn too_many_failed_codes() -> Self {
        let text = "Too many failed codes. Wait for some minutes before retrying.";
        Self::new(403, "invalid_request", text)
    }

    /// \[doc\]; the quotes vary.
    pub(super) fn grant_not_allowed(grant: GrantType) -> Self {
        let text = format!("Grant type '{}' not allowed for the client.", grant.uri());
        Self::new(403, "unauthorized_client", text)
    }

    /// \[seen\]; the OpenAPI says "Client authentication failed". An unknown client gets the same
    /// \[guess\].
    pub(super) fn invalid_client() -> Self {
        Self::new(401, "invalid_client", "Unauthorized")
    }

    /// HTTP Basic, and credentials in the body beside it \[guess\].
    pub(super) fn two_authentications() -> Self {
        let text = "Only one client authentication method can be used.";
        Self::new(400, "invalid_request", text)
    }

    /// \[guess\] for the text; the OpenAPI says "Grant type not supported".
    pub(super) fn unsupported_grant_type(uri: &str) -> Self {
        Self::new(400, "unsupported_grant_type", format!("Unsupported grant type: {uri}"))
    }

    /// \[seen\] of Auth0, \[guess\] for the status.
    pub(super) fn invalid_refresh_token() -> Self {
        Self::new(403, "invalid_grant", "Unknown or invalid refresh token.")
    }

    /// The fixed key did not sign: a broken build, never a client's fault.
    pub(super) fn not_signed() -> Self {
        Self::new(500, "server_error", "The token could not be signed.")
    }
}

/// By a tenant's policy and limits.
impl Refusal {
    /// By an Action, in its words \[doc\].
    pub(super) fn denied(reason: &str) -> Self {
        Self::new(403, "access_denied", reason)
    }

    /// An Action names factors of which none can be used, or too many: that the login fails is
    /// \[doc\], how is \[guess\].
    pub(super) fn no_factor_left() -> Self {
        Self::new(403, "access_denied", "None of the required factors can be used.")
    }

    /// A factor that is not among those that an Action names \[guess\].
    pub(super) fn not_demanded(factor: FactorType) -> Self {
        let text = format!("The factor is not one of those that are required: {}", factor.word());
        Self::new(401, "unsupported_challenge_type", text)
    }

    /// By brute-force protection \[doc: set-up-cors\]. The emulator sends no such notification.
    pub(super) fn blocked() -> Self {
        let text = "Your account has been blocked after multiple consecutive login attempts. \
                    We've sent you a notification via your preferred contact method with \
                    instructions on how to unblock it.";
        Self::new(429, "too_many_attempts", text)
    }

    /// \[doc: api/authentication\].
    pub(super) fn too_many_requests() -> Self {
        Self::new(429, "too_many_requests", TOO_MANY_REQUESTS)
    }
}

pub(super) const TOO_MANY_REQUESTS: &str = "Too many requests. Check the X-RateLimit-Limit, \
     X-RateLimit-Remaining and X-RateLimit-Reset headers.";

/// At `/mfa/*`.
impl Refusal {
    /// No bearer, an unreadable or a foreign one \[seen\]; 401 \[doc\].
    pub(super) fn invalid_bearer() -> Self {
        let text = "The mfa_token provided is invalid. Try getting a new token.";
        Self::new(401, "invalid_grant", text)
    }

    /// \[guess\] for the text: Auth0's wording elsewhere. Deletion by an `mfa_token` gets it too:
    /// that it is refused is \[doc\], how is not.
    pub(super) fn insufficient_scope(scope: &str) -> Self {
        let text = format!("Insufficient scope, expected any of: {scope}");
        Self::new(403, "insufficient_scope", text)
    }

    /// Text \[doc\], error \[seen\], status \[guess\].
    pub(super) fn already_enrolled() -> Self {
        Self::new(403, "access_denied", "User is already enrolled.")
    }

    /// The error \[sdk: Auth0.Android\], status and text \[guess\].
    pub(super) fn factor_is_off(name: &str) -> Self {
        let text = format!("The factor is not enabled in the tenant: {name}");
        Self::new(401, "unsupported_challenge_type", text)
    }

    /// Error \[doc\]\[seen\], text and status \[guess\].
    pub(super) fn association_required() -> Self {
        Self::new(401, "association_required", NOT_ENROLLED)
    }

    /// \[seen: auth0/Auth0.swift issue 1262\].
    pub(super) fn unsupported_challenge_type(types: &str) -> Self {
        let text = format!(
            "User does not have any enrolled authenticator with the supported challenge type \
             ({types})"
        );
        Self::new(401, "unsupported_challenge_type", text)
    }

    /// \[guess\]: one answer for an unknown, an inactive and another user's authenticator, so that
    /// nothing can be learnt from it.
    pub(super) fn no_such_challenge() -> Self {
        Self::new(400, "invalid_request", "Authenticator not found")
    }

    /// 404 \[doc\], the body \[guess\].
    pub(super) fn no_such_authenticator() -> Self {
        Self::new(404, "not_found", "Authenticator not found")
    }

    /// That a verified address stays is \[doc\]; 400 is \[guess\], of what the OpenAPI lists.
    pub(super) fn kept_authenticator() -> Self {
        Self::new(400, "invalid_request", "The authenticator cannot be deleted")
    }

    /// \[seen\], the status \[guess\]. Calls, which are counted along \[doc\], get it too \[guess\].
    pub(super) fn too_many_messages() -> Self {
        let text = "Too many SMS sent by the user. Wait for some minutes before retrying.";
        Self::new(403, "invalid_request", text)
    }

    /// Text \[seen\], 400 \[oas\].
    pub(super) fn invalid_phone_number() -> Self {
        Self::new(400, "invalid_request", "The phone number is invalid.")
    }

    /// \[guess\], after the text about messages \[seen\].
    pub(super) fn too_many_emails() -> Self {
        let text = "Too many emails sent by the user. Wait for some minutes before retrying.";
        Self::new(403, "invalid_request", text)
    }

    /// \[guess\], as for e-mails.
    pub(super) fn too_many_pushes() -> Self {
        let text = "Too many push notifications sent by the user. \
                    Wait for some minutes before retrying.";
        Self::new(403, "invalid_request", text)
    }
}

/// Anywhere.
impl Refusal {
    /// \[seen\].
    pub(super) fn missing(parameter: &str) -> Self {
        let text = format!("Missing required parameter: {parameter}");
        Self::new(400, "invalid_request", text)
    }

    /// 400 \[doc\], the text \[guess\].
    pub(super) fn invalid(parameter: &str) -> Self {
        Self::new(400, "invalid_request", format!("Invalid parameter: {parameter}"))
    }

    /// \[oas\].
    pub(super) fn invalid_access_token() -> Self {
        Self::new(401, "invalid_token", "The access token is invalid or has expired")
    }

    /// A `Host` that is none: 400 as in RFC 9112, section 3.2, the body \[guess\].
    pub(super) fn invalid_host() -> Self {
        Self::new(400, "invalid_request", "Invalid Host header.")
    }

    /// \[guess\].
    pub(super) fn not_found() -> Self {
        Self::new(404, "not_found", "Not found.")
    }

    /// \[guess\].
    pub(super) fn method_not_allowed() -> Self {
        Self::new(405, "method_not_allowed", "Method not allowed.")
    }
}

/// \[mock\] at the one-time-code grant, \[guess\] at a challenge.
const NOT_ENROLLED: &str = "User is not enrolled. \
     You can use /mfa/associate endpoint to enroll the first authenticator.";
