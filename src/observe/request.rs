//! Requests of applications that nobody has vetted: what is not known to be harmless becomes a label.
//!
//! A scenario's requests are written by whoever runs it; a client may send a password in a path, in a parameter of
//! any name, or under the wrong content type. So a value is shown in clear only where the API knows a parameter that
//! is no secret, and a body that is not what its type says is not shown at all.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::{
    exchange::{Content, Request},
    secret::Kind,
    snapshot::{
        RecordedRequest, Redactor,
        redact::{decode, escape, split},
    },
};

/// Parameters whose values are shown.
const CLEAR: [&str; 10] = [
    "audience",
    "authenticator_types",
    "challenge_type",
    "client_assertion_type",
    "connection",
    "grant_type",
    "oob_channel",
    "oob_channels",
    "realm",
    "scope",
];
/// Values that are shown even if a user's password is the same word.
const WORDS: [&str; 6] = ["client_credentials", "email", "oob", "otp", "password", "refresh_token"];
/// Parts of paths that are shown even if something secret is the same word; any other becomes a label.
const SEGMENTS: [&str; 29] = [
    "",
    ".well-known",
    "api",
    "associate",
    "authentication-methods",
    "authenticators",
    "authorize",
    "challenge",
    "email",
    "enrollments",
    "factors",
    "guardian",
    "jwks.json",
    "mfa",
    "oauth",
    "openid-configuration",
    "otp",
    "policies",
    "push-notification",
    "recovery-code",
    "recovery-code-regeneration",
    "revoke",
    "sms",
    "token",
    "userinfo",
    "users",
    "users-by-email",
    "v2",
    "voice",
];
/// Ways to authenticate; anything else in front of a blank may be a part of a secret.
const SCHEMES: [&str; 4] = ["basic", "bearer", "dpop", "token"];
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Learns whatever in a request may be secret.
pub(super) fn learn(redactor: &mut Redactor, request: &Request) {
    if !METHODS.contains(&request.method.as_str()) {
        redactor.learn(Kind::Value, &request.method);
    }
    if let Some(value) = request.headers.get("authorization") {
        learn_authorization(redactor, value);
    }
    let (path, query) = split(&request.path);
    // By their shape first: the id of a user or an authenticator is known by it.
    path.split('/').for_each(|segment| redactor.learn_text(&decode(segment)));
    for segment in path.split('/').map(decode) {
        if !SEGMENTS.contains(&segment.as_str()) {
            redactor.learn(Kind::Value, &segment);
        }
    }
    learn_pairs(redactor, &pairs(query.as_bytes()));
    match body(request) {
        Body::Json(value) => learn_value(redactor, "", &value),
        Body::Form(pairs) => learn_pairs(redactor, &pairs),
        Body::Other(_) => learn_other(redactor, &request.body),
        Body::None => {}
    }
}

/// What is written of a request, all of which is learnt.
pub(super) fn redacted(redactor: &Redactor, request: &Request) -> RecordedRequest {
    let mut recorded = RecordedRequest {
        method: label(redactor, &request.method),
        path: path(redactor, &request.path),
        ..RecordedRequest::default()
    };
    if let Some(value) = request.headers.get("authorization") {
        let shown = match scheme(value) {
            Some((scheme, credentials)) => format!("{scheme} {}", label(redactor, credentials)),
            None => label(redactor, value.trim()),
        };
        recorded.headers.insert("authorization".to_owned(), shown.into());
    }
    if let Some(value) = request.headers.get("content-type") {
        recorded.headers.insert("content-type".to_owned(), label(redactor, value).into());
    }
    match body(request) {
        Body::Json(value) => recorded.json = Some(shown(redactor, "", &value)),
        Body::Form(pairs) => {
            let shown = pairs.iter().map(|(name, value)| {
                (self::name(redactor, name), text(redactor, name, value).into())
            });
            recorded.form = Some(shown.collect());
        }
        Body::Other(length) => recorded.text = Some(format!("({length} bytes)")),
        Body::None => {}
    }
    recorded
}

/// The body of a client that does as it says.
enum Body {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
    /// What is not what it says: its length.
    Other(usize),
}

fn body(request: &Request) -> Body {
    match request.content() {
        Content::Empty => Body::None,
        Content::Json(value) => Body::Json(value),
        Content::Form(pairs) if pairs.iter().all(|(name, value)| is_parameter(name, value)) => {
            Body::Form(pairs)
        }
        Content::Form(_) | Content::Text(_) | Content::Binary(_) => Body::Other(request.body.len()),
    }
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// A name alone may be anything, such as the whole of a body that is no form.
fn is_parameter(name: &str, value: &str) -> bool {
    is_name(name) && (!value.is_empty() || is_known(name))
}

fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte);
    name.len() <= 40 && name.bytes().all(is_part)
}

fn is_known(name: &str) -> bool {
    Kind::of_field(name).is_some() || CLEAR.contains(&name)
}

fn is_word(name: &str, value: &str) -> bool {
    CLEAR.contains(&name)
        && (WORDS.contains(&value) || value.starts_with("http://auth0.com/oauth/grant-type/"))
}

fn kind(name: &str) -> Kind {
    Kind::of_field(name).unwrap_or(Kind::Value)
}

fn scheme(value: &str) -> Option<(&str, &str)> {
    let (scheme, credentials) = value.trim().split_once(' ')?;
    let is_scheme = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_scheme.then(|| (scheme, credentials.trim()))
}

fn learn_authorization(redactor: &mut Redactor, value: &str) {
    let (scheme, credentials) = scheme(value).unwrap_or(("", value.trim()));
    let kind = if scheme.eq_ignore_ascii_case("basic") {
        learn_basic(redactor, credentials);
        Kind::BasicCredentials
    } else if credentials.starts_with("Fe26.") {
        Kind::MfaToken
    } else if scheme.is_empty() && !credentials.starts_with("eyJ") {
        Kind::Value
    } else {
        Kind::AccessToken
    };
    redactor.learn(kind, credentials);
    // What may be a scheme that is not known, and so is no part of the secret.
    if let (Kind::Value, Some((_, rest))) = (kind, credentials.split_once(' ')) {
        redactor.learn(kind, rest.trim());
    }
}

/// The two halves of Basic credentials, which may stand elsewhere by themselves: RFC 6749, section 2.3.1.
fn learn_basic(redactor: &mut Redactor, credentials: &str) {
    let joined = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((id, secret)) = joined.as_deref().and_then(|joined| joined.split_once(':')) else {
        return;
    };
    redactor.learn(Kind::ClientId, &decode(id));
    redactor.learn(Kind::ClientSecret, &decode(secret));
}

fn learn_pairs(redactor: &mut Redactor, pairs: &[(String, String)]) {
    for (name, value) in pairs {
        if !is_parameter(name, value) {
            redactor.learn(Kind::Value, name);
        }
        learn_text(redactor, name, value);
    }
}

fn learn_text(redactor: &mut Redactor, name: &str, text: &str) {
    // What has a shape is learnt by it: an address in a scope.
    if CLEAR.contains(&name) {
        redactor.learn_text(text);
    } else {
        redactor.learn(kind(name), text);
    }
}

fn learn_value(redactor: &mut Redactor, name: &str, value: &Value) {
    match value {
        Value::String(text) => learn_text(redactor, name, text),
        Value::Number(number) => learn_text(redactor, name, &number.to_string()),
        Value::Array(elements) => {
            for element in elements {
                learn_value(redactor, name, element);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if !is_name(name) {
                    redactor.learn(Kind::Value, name);
                }
                learn_value(redactor, name, value);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// What is known by its name in a body that is not what its type says.
fn learn_other(redactor: &mut Redactor, body: &[u8]) {
    if let Ok(value) = serde_json::from_slice(body) {
        return learn_value(redactor, "", &value);
    }
    for (name, value) in pairs(body) {
        if let Some(kind) = Kind::of_field(&name) {
            redactor.learn(kind, &value);
        }
    }
}

/// The label of a text, or else the text with labels in it.
fn label(redactor: &Redactor, text: &str) -> String {
    match redactor.value(&Value::from(text)) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn name(redactor: &Redactor, name: &str) -> String {
    if is_known(name) { name.to_owned() } else { label(redactor, name) }
}

fn text(redactor: &Redactor, name: &str, text: &str) -> String {
    if is_word(name, text) { text.to_owned() } else { label(redactor, text) }
}

fn shown(redactor: &Redactor, name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) => self::text(redactor, name, text).into(),
        Value::Number(number) if !CLEAR.contains(&name) => {
            label(redactor, &number.to_string()).into()
        }
        Value::Array(elements) => {
            elements.iter().map(|element| shown(redactor, name, element)).collect()
        }
        Value::Object(members) => {
            let shown = members
                .iter()
                .map(|(name, value)| (self::name(redactor, name), shown(redactor, name, value)));
            Value::Object(shown.collect::<Map<_, _>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn path(redactor: &Redactor, path: &str) -> String {
    let (path, query) = split(path);
    let segment = |segment: &str| {
        let decoded = decode(segment);
        let known = SEGMENTS.contains(&decoded.as_str());
        if known { decoded } else { escape(&label(redactor, &decoded), "%/?") }
    };
    let path = path.split('/').map(segment).collect::<Vec<_>>().join("/");
    if query.is_empty() {
        return path;
    }
    let pairs: Vec<_> = pairs(query.as_bytes())
        .iter()
        .map(|(name, value)| (self::name(redactor, name), text(redactor, name, value)))
        .map(|(name, value)| format!("{}={}", escape(&name, "%&+="), escape(&value, "%&+")))
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::{Request, learn, redacted};
    use crate::snapshot::{RecordedRequest, Redactor};
    use serde_json::json;

    fn observed(redactor: &mut Redactor, request: &Request) -> RecordedRequest {
        learn(redactor, request);
        redacted(redactor, request)
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_a_label() {
        let request = Request::new("POST", "/login/hunter22?email=a@b.example&x=y")
            .header("authorization", "opaque")
            .json(&json!({
                "grant_type": "password", "password": "password", "otp": 123_456, "pin": 7,
                "scope": "openid a@b.example", "more": {"passwd": ["hunter22"]}, "a b": true,
            }));
        let recorded = observed(&mut Redactor::default(), &request);
        assert_eq!(recorded.path, "/[value#2]/[value#3]?email=[email#1]&x=[value#4]");
        assert_eq!(recorded.headers["authorization"], "[value#1]");
        let expected = json!({
            "grant_type": "password", "password": "[password#1]", "otp": "[otp#1]",
            "pin": "[value#5]", "scope": "openid [email#1]", "more": {"passwd": ["[value#3]"]},
            "[value#6]": true,
        });
        assert_eq!(recorded.json, Some(expected));
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_not_shown_but_learnt() {
        let mut redactor = Redactor::default();
        for body in [r#"{"password":"first one"}"#, "password=second+one&x", "third one", "\u{1}"] {
            let form = "application/x-www-form-urlencoded";
            for content_type in ["text/plain", form] {
                let mut request = Request::new("POST", "/oauth/token");
                request.body = body.as_bytes().to_vec();
                let recorded =
                    observed(&mut redactor, &request.header("content-type", content_type));
                assert_eq!(recorded.text, Some(format!("({} bytes)", body.len())));
                assert_eq!((recorded.json, recorded.form), (None, None));
            }
        }
        let form = [("password", "second one"), ("scope", "first one")];
        let recorded = observed(&mut redactor, &Request::new("POST", "/oauth/token").form(form));
        let expected = json!({"password": "[password#2]", "scope": "[password#1]"});
        assert_eq!(json!(recorded.form), expected);
    }

    #[test]
    fn credentials_are_the_same_wherever_they_stand() {
        let mut redactor = Redactor::default();
        // `app:a secret`, the second half as in a form.
        let basic = Request::new("POST", "/oauth/token")
            .header("authorization", "basic YXBwOmElMjBzZWNyZXQ=")
            .form([("client_secret", "a secret"), ("client_id", "app")]);
        let recorded = observed(&mut redactor, &basic);
        assert_eq!(recorded.headers["authorization"], "basic [basic_credentials#1]");
        let expected = json!({"client_secret": "[client_secret#1]", "client_id": "[client_id#1]"});
        assert_eq!(json!(recorded.form), expected);
        for value in ["Bearer  Fe26.2*abc", "Fe26.2*abc"] {
            let request = Request::new("GET", "/mfa/authenticators").header("authorization", value);
            let shown = observed(&mut redactor, &request).headers["authorization"].clone();
            assert!(
                shown.as_str().is_some_and(|shown| shown.ends_with("[mfa_token#1]")),
                "{shown}"
            );
        }
    }
}
