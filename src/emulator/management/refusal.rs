//! The refusals of the Management API, which have a form of their own.

use serde_json::Map;

use super::Refusal;
use crate::emulator::error::TOO_MANY_REQUESTS;

impl Refusal {
    /// The form is \[rec\] \[seen\].
    fn management(status: u16, message: &str, code: Option<&str>) -> Self {
        let error = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            429 => "Too Many Requests",
            _ => "Not Implemented",
        };
        let refusal = Self { status, headers: Vec::new(), body: Map::new() }
            .with("statusCode", status)
            .with("error", error)
            .with("message", message);
        match code {
            Some(code) => refusal.with("errorCode", code),
            None => refusal,
        }
    }

    /// \[doc\]\[seen\].
    pub(in super::super) fn too_many_management_requests() -> Self {
        Self::management(429, TOO_MANY_REQUESTS, Some("too_many_requests"))
    }

    /// \[guess\].
    pub(super) fn no_authentication() -> Self {
        Self::management(401, "Missing authentication", None)
    }

    /// \[seen: node-auth0 issue 118\], also for a bearer that is no JWT.
    pub(super) fn no_jwt() -> Self {
        Self::management(400, "Bad HTTP authentication header format", Some("Bearer"))
    }

    /// \[seen: auth0-authorization-extension issue 138\]; an expired token gets it too \[guess\].
    pub(super) fn invalid_management_token() -> Self {
        Self::management(401, "Invalid token", None)
    }

    /// \[seen\]. Where the document names several scopes, the first is named here \[guess\].
    pub(super) fn lacks_scope(scope: &str) -> Self {
        let text = format!("Insufficient scope, expected any of: {scope}");
        Self::management(403, &text, Some("insufficient_scope"))
    }

    /// The code \[doc\], the form of the text \[seen: auth0/docs issue 9278\].
    pub(super) fn invalid_body(reason: &str) -> Self {
        let text = format!("Payload validation error: '{reason}'.");
        Self::management(400, &text, Some("invalid_body"))
    }

    /// \[guess\], after the code that Guardian has.
    pub(super) fn invalid_query(name: &str) -> Self {
        let text = format!("Query validation error: '{name}'.");
        Self::management(400, &text, Some("invalid_query_string"))
    }

    /// \[seen: auth0.net issue 979\], of a page that would end beyond there \[guess\].
    pub(super) fn too_far_in() -> Self {
        let text = "You can only page through the first 1000 records. See \
                    https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation";
        Self::management(400, text, Some("invalid_paging"))
    }

    /// \[seen\].
    pub(super) fn no_such_user() -> Self {
        Self::management(404, "The user does not exist.", Some("inexistent_user"))
    }

    /// The code \[seen: node-auth0 issue 554\], the text \[guess\].
    pub(super) fn no_such_connection() -> Self {
        let text = "The connection does not exist.";
        Self::management(400, text, Some("inexistent_connection"))
    }

    /// \[seen\].
    pub(super) fn user_exists() -> Self {
        Self::management(409, "The user already exists.", Some("auth0_idp_error"))
    }

    /// Status and text \[oas\], the code \[guess\].
    pub(super) fn no_such_method_of_user() -> Self {
        let text = "The authentication method could not be found.";
        Self::management(404, text, Some("inexistent_authentication_method"))
    }

    /// Status and text \[oas\], the code \[guess\].
    pub(super) fn method_exists() -> Self {
        let text = "Authentication method already exists.";
        Self::management(409, text, Some("authentication_method_exists"))
    }

    /// \[rec\]; the OpenAPI document does not list it.
    pub(super) fn no_such_enrollment() -> Self {
        Self::management(404, "Enrollment not found", Some("enrollment_not_found"))
    }

    /// \[guess\].
    pub(super) fn no_such_route() -> Self {
        Self::management(404, "Not Found", None)
    }

    /// \[guess\].
    pub(super) fn no_such_method() -> Self {
        Self::management(405, "Method Not Allowed", None)
    }

    /// Ours, not Auth0's.
    pub(super) fn not_managed(what: &str) -> Self {
        Self::management(501, &format!("The emulator has no {what} yet."), Some("not_emulated"))
    }
}
