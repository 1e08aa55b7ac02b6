//! What goes over the wire, as owned values: no client's and no server's type is in it.

pub mod message;

use std::{fmt, time::Duration};

use serde_json::Value;

/// The content type of JSON.
pub const JSON: &str = "application/json";
/// The content type of an HTML form, as RFC 6749 has it for the token endpoint.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// An HTTP request to a tenant.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The method, in upper case.
    pub method: String,
    /// The path with its query, percent-encoded as it is sent.
    pub path: String,
    /// The headers.
    pub headers: Headers,
    /// The body, as it is sent.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and without a body.
    #[must_use]
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), ..Self::default() }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.set(name, value);
        self
    }

    /// The same request with `body` as JSON.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", JSON)
    }

    /// The same request with `parameters` as a form.
    #[must_use]
    pub fn form<'a>(mut self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish()
            .into_bytes();
        self.header("content-type", FORM)
    }

    /// The body as its content type says it is to be read.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::read(self.headers.get("content-type"), &self.body)
    }
}

/// An HTTP response of a tenant.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body, as it came.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as its content type says it is to be read.
    #[must_use]
    pub fn content(&self) -> Content {
        Content::read(self.headers.get("content-type"), &self.body)
    }
}

/// A request that was sent with the response that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent.
    pub request: Request,
    /// What came.
    pub response: Response,
    /// From the first byte sent to the last byte read.
    pub elapsed: Duration,
}

/// Something that was done again, because of trouble on the way to a tenant and not of what it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// What: a request by its method and path, or what it was for.
    pub what: String,
    /// Why.
    pub reason: String,
    /// How long was waited before.
    pub wait: Duration,
}

/// Header fields in the order in which they were set; names are lower case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of the first field of this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Sets a field, in place of any of the same name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.append(name, value);
    }

    /// Adds a field, beside any of the same name.
    pub fn append(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// Removes all fields of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A body, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// No bytes.
    Empty,
    /// JSON, said to be so and well-formed.
    Json(Value),
    /// The fields of a form, in order.
    Form(Vec<(String, String)>),
    /// Any other text, ill-formed JSON included.
    Text(String),
    /// Bytes that are no UTF-8: their number.
    Binary(usize),
}

impl Content {
    fn read(content_type: Option<&str>, body: &[u8]) -> Self {
        if body.is_empty() {
            return Self::Empty;
        }
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_json =
            essence.eq_ignore_ascii_case(JSON) || essence.to_ascii_lowercase().ends_with("+json");
        if is_json && let Ok(value) = serde_json::from_slice(body) {
            return Self::Json(value);
        }
        if essence.eq_ignore_ascii_case(FORM) {
            return Self::Form(form_urlencoded::parse(body).into_owned().collect());
        }
        match std::str::from_utf8(body) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary(body.len()),
        }
    }

    /// The JSON value, if it is one.
    #[must_use]
    pub const fn as_json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            _ => None,
        }
    }
}

/// Secrets are in the path, the headers and the body: none of them is shown.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Secrets are in the headers and the body: neither is shown.
impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Only the names are shown.
impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Content, Request};
    use serde_json::json;

    #[test]
    fn a_body_is_read_as_its_content_type_says() {
        let request = Request::new("POST", "/oauth/token");
        let form = request.clone().form([("scope", "openid email")]);
        assert_eq!(form.body, b"scope=openid+email");
        assert_eq!(form.content(), Content::Form(vec![("scope".into(), "openid email".into())]));
        let value = json!({"b": 1, "a": 2});
        assert_eq!(request.clone().json(&value).content(), Content::Json(value));
        let broken = Request { body: b"{".to_vec(), ..request.json(&json!(0)) };
        assert_eq!(broken.content(), Content::Text("{".into()));
    }
}
