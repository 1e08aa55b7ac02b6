//! Lowering: a draft and what is known so far become one request; a response becomes what is known after it.

mod scope;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

pub use scope::{Credentials, Person, Place, Scope};

use crate::{
    exchange::{FORM, JSON, Request, Response},
    scenario::{Body, Draft, Encoding, Path, Query, Step, Tree},
    source::{Diagnostic, Span},
};

/// What RFC 3986 leaves as it is in a path segment.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The request that a draft is, for the user `actor`.
///
/// The error says which template has no value.
pub fn lower(draft: &Draft, actor: &str, scope: &Scope) -> Result<Request, Box<Diagnostic>> {
    let value = |tree: &Tree| scope.evaluate(tree, actor);
    let text = |tree: &Tree| value(tree).map(plain);
    let values = |parameters: &[(String, Tree)]| {
        let evaluated = parameters.iter().map(|(name, tree)| Ok((name.clone(), value(tree)?)));
        evaluated.collect::<Result<Map<_, _>, Box<Diagnostic>>>()
    };
    let path = match &draft.path {
        Path::Fixed(path) => (*path).to_owned(),
        Path::Item(prefix, tree) => {
            format!("{prefix}{}", utf8_percent_encode(&text(tree)?, &SEGMENT))
        }
        Path::Written(tree) => {
            let path = text(tree)?;
            if !path.starts_with('/') {
                return Err(Box::new(not_a_path(tree.span)));
            }
            path
        }
    };
    let mut request = Request::new(text(&draft.method)?, path);
    if let Some(bearer) = &draft.bearer {
        request.headers.set("authorization", format!("Bearer {}", text(bearer)?));
    }
    if let Some((id, secret)) = &draft.basic {
        request.headers.set("authorization", basic(&text(id)?, &text(secret)?));
    }
    request = match &draft.body {
        Body::Query(parameters) => {
            let query = encode(&values(parameters)?);
            if !query.is_empty() {
                let separator = if request.path.contains('?') { '&' } else { '?' };
                request.path = format!("{}{separator}{query}", request.path);
            }
            request
        }
        Body::Parameters(Encoding::Json, parameters) => {
            request.json(&Value::Object(values(parameters)?))
        }
        Body::Parameters(Encoding::Form, parameters) => {
            request.body = encode(&values(parameters)?).into_bytes();
            request.header("content-type", FORM)
        }
        Body::Json(tree) => request.json(&value(tree)?),
        Body::Text(tree) => {
            request.body = text(tree)?.into_bytes();
            request.header("content-type", JSON)
        }
    };
    for (name, tree) in &draft.headers {
        match value(tree)? {
            Value::Null => request.headers.remove(name),
            value => request.headers.set(name, plain(value)),
        }
    }
    Ok(request)
}

/// Each half is form-encoded before they are joined: RFC 6749, section 2.3.1. Escapes alone are read alike by whoever
/// takes a plus for a space, and by whoever does not.
fn basic(id: &str, secret: &str) -> String {
    let [id, secret] = [id, secret].map(|half| utf8_percent_encode(half, &SEGMENT));
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Anything else could name another host.
fn not_a_path(span: Span) -> Diagnostic {
    Diagnostic::at(span, "this is not a path").expected("a path that begins with `/`")
}

fn encode(parameters: &Map<String, Value>) -> String {
    let pairs = parameters.iter().map(|(name, value)| (name, plain(value.clone())));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A value as text: a string as it is, anything else as JSON.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Takes from a response what the verb captures on its own, and what the step asks for besides.
///
/// The errors say which query found nothing.
pub fn capture(step: &Step, response: &Response, scope: &mut Scope) -> Vec<Diagnostic> {
    let content = response.content();
    let body = content.as_json();
    for (name, pointer) in step.captures {
        if let Some(value) = body.and_then(|body| body.pointer(pointer)) {
            scope.capture(&step.actor, name, value.clone());
        }
    }
    let mut problems = Vec::new();
    for (name, query) in &step.capture {
        match body.and_then(|body| find(query, body).first().copied()) {
            Some(value) => scope.capture(&step.actor, &name.value, value.clone()),
            None => problems.push(
                Diagnostic::at(query.text.span, format!("there is no `{}` to capture", name.value))
                    .expected("a value for this query")
                    .found(if body.is_some() { "none in the body" } else { "no JSON body" }),
            ),
        }
    }
    problems
}

/// All values that a query finds.
#[must_use]
pub fn find<'a>(query: &Query, body: &'a Value) -> Vec<&'a Value> {
    jsonpath_rust::query::js_path_process(&query.parsed, body)
        .map(|found| found.into_iter().map(jsonpath_rust::query::QueryRef::val).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Credentials, Person, Place, Scope, capture, lower};
    use crate::{
        exchange::{Content, Request, Response},
        scenario::{self, Action, Step},
        secret::Secret,
        source::{Sources, Style, render},
    };

    fn step(text: &str) -> Step {
        let mut sources = Sources::default();
        // What captures the names that the step may use comes before it.
        let before = "title: t\ngiven:\n  tenant: {clients: {spa: {public: true}, other: {}}}\n  users: {bob: {}}\n\
            steps:\n- login: {}\n- enroll: {channel: email}\n- list: {}\n- as: bob\n  login: {}\n";
        let source = sources.add("a.yaml", format!("{before}- {text}\n"));
        let mut problems = Vec::new();
        let scenarios = scenario::parse("a", source, &sources, &mut problems);
        assert!(problems.is_empty(), "{}", render(&problems, &sources, Style::default()));
        scenarios[0].steps.last().unwrap().clone()
    }

    fn scope() -> Scope {
        let client = |id: &str, secret: Option<&str>| Credentials {
            id: id.to_owned(),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
            assertion: None,
        };
        let person = |name: &str| {
            let email = format!("{name}@x.example");
            let password = Secret::new(format!("pw of {name}"));
            let id = format!("auth0|{name}");
            let phone_number = "+15550000000".to_owned();
            (name.to_owned(), Person { email, password, id, phone_number, otp_secret: None })
        };
        let clients = [("spa", client("SPA", None)), ("other", client("OTHER", Some("s2")))];
        let mut scope = Scope::new(
            Place::new("t.example".to_owned()),
            client("APP", Some("s1")),
            clients.map(|(name, client)| (name.to_owned(), client)).into(),
            BTreeMap::from([person("user"), person("bob")]),
        );
        for (name, value) in [
            ("mfa_token", json!("MT")),
            ("oob_code", json!("OC")),
            ("code", json!("123456")),
            ("access_token", json!("AT")),
            ("refresh_token", json!("RT")),
            ("recovery_code", json!("RC")),
            ("authenticators", json!([{"id": "email|dev_ü/1"}])),
        ] {
            scope.capture("user", name, value);
        }
        scope.capture("bob", "mfa_token", json!("MT of bob"));
        scope
    }

    /// A request in a line: method, path, what authorizes it, type, body.
    fn lowered(text: &str) -> String {
        let step = step(text);
        let Action::Send(draft) = &step.action else { panic!("{text} sends nothing") };
        let request: Request = lower(draft, &step.actor, &scope()).unwrap();
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| match name {
                "content-type" => value.split('/').next_back().unwrap().to_owned(),
                _ => format!("{name}={value}"),
            })
            .collect();
        let body = match request.content() {
            Content::Form(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                pairs.join("&")
            }
            _ => String::from_utf8(request.body.clone()).unwrap(),
        };
        format!("{} {} {headers:?} {body}", request.method, request.path)
    }

    #[test]
    fn basic_credentials_are_read_alike_by_everybody() {
        // `a b:c+d`, with escapes alone.
        assert_eq!(super::basic("a b", "c+d"), "Basic YSUyMGI6YyUyQmQ=");
    }

    #[test]
    fn each_verb_is_its_request() {
        const MFA: &str = "http://auth0.com/oauth/grant-type";
        let client = "client_id=APP&client_secret=s1";
        let token = |rest: &str| format!("POST /oauth/token [\"x-www-form-urlencoded\"] {rest}");
        let user = "username=user@x.example&password=pw of user";
        let bearer = |call: &str, token: &str, body: &str| {
            let json = if body.is_empty() { "" } else { ", \"json\"" };
            format!("{call} [\"authorization=Bearer {token}\"{json}] {body}")
        };
        for (text, request) in [
            ("login: {}", token(&format!("grant_type=password&{client}&{user}"))),
            ("as: bob\n  login: {scope: a b}", token(&format!("grant_type=password&{client}&username=bob@x.example&password=pw of bob&scope=a b"))),
            ("login: {realm: r, audience: a}", token(&format!("grant_type={MFA}/password-realm&{client}&{user}&realm=r&audience=a"))),
            ("enroll: {channel: email}", bearer("POST /mfa/associate", "MT", r#"{"authenticator_types":["oob"],"oob_channels":["email"]}"#)),
            ("enroll: {channel: otp}", bearer("POST /mfa/associate", "MT", r#"{"authenticator_types":["otp"]}"#)),
            ("enroll: {channel: push}", bearer("POST /mfa/associate", "MT", r#"{"authenticator_types":["oob"],"oob_channels":["auth0"]}"#)),
            ("enroll: {channel: sms, phone_number: '+1'}", bearer("POST /mfa/associate", "MT", r#"{"authenticator_types":["oob"],"oob_channels":["sms"],"phone_number":"+1"}"#)),
            ("enroll: {channel: voice, phone_number: '{{ user.phone_number }}'}", bearer("POST /mfa/associate", "MT", r#"{"authenticator_types":["oob"],"oob_channels":["voice"],"phone_number":"+15550000000"}"#)),
            ("enroll: {channel: email, email: \"{{ user.alias('b') }}\"}", bearer("POST /mfa/associate", "MT", r#"{"authenticator_types":["oob"],"oob_channels":["email"],"email":"user+b@x.example"}"#)),
            ("confirm: {}", token(&format!("grant_type={MFA}/mfa-oob&{client}&mfa_token=MT&oob_code=OC&binding_code=123456"))),
            ("verify: {code: '000000', oob_code: x}", token(&format!("grant_type={MFA}/mfa-oob&{client}&mfa_token=MT&oob_code=x&binding_code=000000"))),
            ("verify: {recovery_code: '{{ mfa_token }}'}", token(&format!("grant_type={MFA}/mfa-recovery-code&{client}&mfa_token=MT&recovery_code=MT"))),
            ("challenge: {authenticator_id: '{{ authenticators[0].id }}'}", r#"POST /mfa/challenge ["json"] {"mfa_token":"MT","challenge_type":"oob","authenticator_id":"email|dev_ü/1","client_id":"APP","client_secret":"s1"}"#.to_owned()),
            ("challenge: {channel: otp}", r#"POST /mfa/challenge ["json"] {"mfa_token":"MT","challenge_type":"otp","client_id":"APP","client_secret":"s1"}"#.to_owned()),
            ("challenge: {channel: push, challenge_type: otp oob}", r#"POST /mfa/challenge ["json"] {"mfa_token":"MT","challenge_type":"otp oob","oob_channel":"auth0","client_id":"APP","client_secret":"s1"}"#.to_owned()),
            ("list: {}", bearer("GET /mfa/authenticators", "MT", "")),
            ("remove: {authenticator_id: '{{ authenticators[0].id }}'}", bearer("DELETE /mfa/authenticators/email%7Cdev_%C3%BC%2F1", "AT", "")),
            ("refresh: {}", token(&format!("grant_type=refresh_token&{client}&refresh_token=RT"))),
            ("userinfo: {}", bearer("GET /userinfo", "AT", "")),
            ("request: {method: PUT, path: '/a?b={{ mfa_token }}', json: {c: [1, '{{ authenticators }}']}}", "PUT /a?b=MT [\"json\"] {\"c\":[1,[{\"id\":\"email|dev_ü/1\"}]]}".to_owned()),
            ("request: {method: POST, path: /a, form: {n: 1, t: 'x y'}}", "POST /a [\"x-www-form-urlencoded\"] n=1&t=x y".to_owned()),
            ("request: {method: POST, path: /a, text: '{'}", "POST /a [\"json\"] {".to_owned()),
        ] {
            assert_eq!(lowered(text), request, "{text}");
        }
    }

    #[test]
    fn every_part_can_be_overridden_or_removed() {
        for (text, request) in [
            ("userinfo: {bearer: null}", "GET /userinfo [] "),
            ("userinfo: {bearer: x}", "GET /userinfo [\"authorization=Bearer x\"] "),
            ("userinfo: {headers: {authorization: null, X-A: b}}", "GET /userinfo [\"x-a=b\"] "),
            (
                "userinfo: {headers: {Authorization: 'Basic {{ client.id }}'}}",
                "GET /userinfo [\"authorization=Basic APP\"] ",
            ),
            (
                "list: {params: {q: 'a b', n: 1}}",
                "GET /mfa/authenticators?q=a+b&n=1 [\"authorization=Bearer MT\"] ",
            ),
            (
                "refresh: {params: {client_id: null, client_secret: null, refresh_token: x, more: true}}",
                "POST /oauth/token [\"x-www-form-urlencoded\"] grant_type=refresh_token&refresh_token=x&more=true",
            ),
            (
                "refresh: {client: spa}",
                "POST /oauth/token [\"x-www-form-urlencoded\"] grant_type=refresh_token&client_id=SPA&refresh_token=RT",
            ),
            (
                "refresh: {client: other, encoding: json}",
                r#"POST /oauth/token ["json"] {"grant_type":"refresh_token","client_id":"OTHER","client_secret":"s2","refresh_token":"RT"}"#,
            ),
            (
                "refresh: {encoding: json, params: {scope: [a]}, headers: {content-type: a/b}}",
                r#"POST /oauth/token ["b"] {"grant_type":"refresh_token","client_id":"APP","client_secret":"s1","refresh_token":"RT","scope":["a"]}"#,
            ),
        ] {
            assert_eq!(lowered(text), request, "{text}");
        }
    }

    #[test]
    fn a_template_without_a_value_is_a_problem() {
        let step = step("request: {method: GET, path: '/{{ recovery_code }}'}");
        let Action::Send(draft) = &step.action else { panic!("it sends") };
        let empty = Scope::new(
            Place::new(String::new()),
            Credentials { id: String::new(), secret: None, assertion: None },
            BTreeMap::new(),
            BTreeMap::new(),
        );
        let problem = lower(draft, "user", &empty).unwrap_err();
        assert_eq!(problem.message, "`recovery_code` has no value");
    }

    #[test]
    fn a_response_becomes_captures() {
        let step =
            step("as: bob\n  enroll: {channel: email}\n  capture: {first: '$.a[0]', none: $.b}");
        let body = json!({"oob_code": "O", "recovery_codes": ["R"], "a": [7]});
        let request = Request::default().json(&body);
        let response =
            Response { status: 200, headers: request.headers.clone(), body: request.body };
        let mut scope = scope();
        let problems = capture(&step, &response, &mut scope);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, "there is no `none` to capture");
        assert_eq!(problems[0].found.as_deref(), Some("none in the body"));
        let value = |name: &str, actor: &str| {
            let span = step.span;
            scope.evaluate(&crate::scenario::Tree::expression(name, span), actor).ok()
        };
        assert_eq!(value("oob_code", "bob"), Some(json!("O")));
        assert_eq!(value("recovery_code", "bob"), Some(json!("R")));
        assert_eq!(value("first", "bob"), Some(json!(7)));
        assert_eq!(value("bob.first", "user"), Some(json!(7)));
        assert_eq!(value("oob_code", "user"), Some(json!("OC")));
        assert_eq!(value("first", "user"), None::<Value>);
        let none = capture(&step, &Response::default(), &mut scope);
        assert_eq!(none[0].found.as_deref(), Some("no JSON body"));
        assert_eq!(none.len(), 2);
    }
}
