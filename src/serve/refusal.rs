//! Errors of a front's own, in the shape of Auth0's.

use std::borrow::Cow;

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};
use serde_json::json;

/// An error answer.
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    /// The methods that the address has, where that is what was wrong.
    allowed: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, error, description: description.into(), allowed: None }
    }

    /// Something is wrong with what was sent.
    pub(super) fn invalid(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// Whoever sent it may not.
    pub(super) fn forbidden(description: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "access_denied", description)
    }

    pub(super) fn not_found(description: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", description)
    }

    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let description = format!("Expected: {allowed}");
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let refusal = Self::new(status, "method_not_allowed", description);
        Self { allowed: Some(allowed), ..refusal }
    }
}

impl From<Refusal> for Response<Full<Bytes>> {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, error, description, allowed } = refusal;
        let body = json!({"error": error, "error_description": description}).to_string();
        let mut response = Self::new(Full::from(body));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, json);
        if let Some(allowed) = allowed {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}
