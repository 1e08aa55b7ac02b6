//! No secret of an exchange is in its line or in a later one, in clear, percent-encoded, or in base64.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::{
    clock::Timestamp,
    exchange::{Content, Request, Response},
    observe::Observer,
};
use libtest_mimic::Failed;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::{
    collection::vec,
    prelude::any,
    prop_assert,
    sample::select,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::{clients::CLIENTS, script::Script};

/// Where a client puts a secret.
#[derive(Clone, Copy, Debug)]
enum Place {
    Form(&'static str),
    Json(&'static str),
    Nested(&'static str),
    List(&'static str),
    Query(&'static str),
    Path,
    Authorization(&'static str),
    Basic,
    WrongType(&'static str),
    BareBody,
    Answer(&'static str),
    Number(&'static str),
}

const PLACES: [Place; 29] = [
    Place::Form("password"),
    Place::Form("otp"),
    Place::Form("binding_code"),
    Place::Form("recovery_code"),
    Place::Form("client_secret"),
    Place::Form("client_assertion"),
    Place::Form("passwd"),
    Place::Json("password"),
    Place::Json("mfa_token"),
    Place::Json("oob_code"),
    Place::Json("pin"),
    Place::Nested("refresh_token"),
    Place::List("answers"),
    Place::Query("mfa_token"),
    Place::Query("q"),
    Place::Path,
    Place::Authorization("Bearer "),
    Place::Authorization("bearer  "),
    Place::Authorization("Mine "),
    Place::Authorization(""),
    Place::Basic,
    Place::WrongType("password"),
    Place::BareBody,
    Place::Answer("access_token"),
    Place::Answer("id_token"),
    Place::Answer("recovery_codes"),
    Place::Answer("secret"),
    Place::Number("otp"),
    Place::Number("pin"),
];

impl Place {
    fn exchange(self, secret: &str) -> (Request, Response) {
        let request = Request::new("POST", "/oauth/token");
        let with_body = |body: String| Request { body: body.into_bytes(), ..request.clone() };
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC);
        let mut response = Response { status: 403, ..Response::default() };
        let request = match self {
            Self::Form(name) => request.form([(name, secret), ("grant_type", "password")]),
            Self::Json(name) => request.json(&json!({name: secret, "scope": "openid"})),
            Self::Nested(name) => request.json(&json!({"x": {"y": [{name: secret}]}})),
            Self::List(name) => request.json(&json!({name: ["a", secret]})),
            Self::Query(name) => Request::new("GET", format!("/userinfo?{name}={encoded}")),
            Self::Path => Request::new("GET", format!("/mfa/authenticators/{encoded}")),
            Self::Authorization(scheme) => {
                request.header("authorization", format!("{scheme}{secret}"))
            }
            Self::Basic => {
                let basic = STANDARD.encode(format!("app:{encoded}"));
                request.header("authorization", format!("Basic {basic}"))
            }
            Self::WrongType(name) => with_body(json!({name: secret}).to_string())
                .header("content-type", "application/x-www-form-urlencoded"),
            Self::BareBody => with_body(secret.to_owned())
                .header("content-type", "application/x-www-form-urlencoded"),
            Self::Answer(name) => {
                response.headers.set("content-type", "application/json");
                response.body = json!({name: [secret], "more": secret}).to_string().into_bytes();
                request
            }
            Self::Number(name) => {
                let number = secret.bytes().fold(1_000_000_u64, |sum, byte| {
                    sum.wrapping_mul(31).wrapping_add(byte.into()) % 1_000_000_000
                });
                request.json(&json!({name: number + 1_000_000_000}))
            }
        };
        (request, response)
    }

    /// Whether what is secret is learnt: what is neither named nor alone cannot be known later.
    const fn is_learnt(self) -> bool {
        !matches!(self, Self::BareBody | Self::Number(_))
    }
}

fn forms(secret: &str) -> [String; 4] {
    let quoted = json!(secret).to_string();
    [
        quoted[1..quoted.len() - 1].to_owned(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        STANDARD.encode(secret),
    ]
}

pub(crate) fn no_secret_is_observed() -> Result<(), Failed> {
    let secret = "[a-zA-Z0-9!#$&'()*+./:;<=?@^_|~ \"\\\\-]{7,24}[a-zA-Z0-9]Z9";
    let exchange = (select(&PLACES[..]), secret, any::<bool>());
    // A failure is found again by itself: there is no file of them to keep.
    let config = Config { cases: 1024, failure_persistence: None, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let ran = runner.run(&vec(exchange, 1..8), |exchanges| {
        let mut observer = Observer::default();
        let mut known: Vec<String> = Vec::new();
        for (place, secret, again) in exchanges {
            let (request, mut response) = place.exchange(&secret);
            if again && let Some(earlier) = known.first() {
                // A tenant that quotes what it was sent.
                response.headers.set("content-type", "application/json");
                let quoted = format!("not allowed: '{earlier}'");
                response.body = json!({"error_description": quoted}).to_string().into_bytes();
            }
            let line = observer.observe(Timestamp::from_millis(0), &request, &response);
            if let Place::Number(_) = place {
                let text = String::from_utf8_lossy(&request.body).into_owned();
                let number: String = text.chars().filter(char::is_ascii_digit).collect();
                prop_assert!(!line.contains(&number), "{number} in {line}");
            }
            for secret in known.iter().chain([&secret]) {
                for form in forms(secret) {
                    prop_assert!(!line.contains(&form), "{place:?}: {form} in {line}");
                }
            }
            if place.is_learnt() {
                known.push(secret);
            }
        }
        Ok(())
    });
    ran.map_err(|error| error.to_string().into())
}

/// No value has two labels, and no label stands for two values.
pub(crate) fn labels_stay_the_same() -> Result<(), Failed> {
    let mut count = 0;
    for (name, play) in CLIENTS {
        let mut script = Script::new(11);
        play(&mut script);
        let mut pairs = BTreeSet::new();
        for ((request, response), line) in script.exchanges.iter().zip(script.observed.lines()) {
            let line: Value = serde_json::from_str(line)?;
            for (content, observed) in
                [(request.content(), &line["request"]), (response.content(), &line["response"])]
            {
                match content {
                    Content::Json(value) => pair(&value, &observed["json"], &mut pairs),
                    Content::Form(form) => {
                        for (name, value) in form {
                            pair(&value.into(), &observed["form"][name], &mut pairs);
                        }
                    }
                    _ => {}
                }
            }
        }
        let values: BTreeSet<_> = pairs.iter().map(|(value, _)| value).collect();
        let labels: BTreeSet<_> = pairs.iter().map(|(_, label)| label).collect();
        if (values.len(), labels.len()) != (pairs.len(), pairs.len()) {
            return Err(format!("{name}: {pairs:?}").into());
        }
        count += pairs.len();
    }
    if count > 200 { Ok(()) } else { Err(format!("only {count} labels").into()) }
}

/// Each value whose place has a label, with it.
fn pair(value: &Value, observed: &Value, pairs: &mut BTreeSet<(String, String)>) {
    match (value, observed) {
        (Value::Object(members), _) => {
            members.iter().for_each(|(name, value)| pair(value, &observed[name], pairs));
        }
        (Value::Array(elements), _) => {
            elements.iter().enumerate().for_each(|(at, value)| pair(value, &observed[at], pairs));
        }
        (value, Value::String(label)) if label.starts_with('[') => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            pairs.insert((text, label.clone()));
        }
        _ => {}
    }
}
