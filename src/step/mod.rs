//! Lowering: a draft and what is known so far become one request; a response becomes what is known after it.

mod scope;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

pub use scope::{Credentials, Person, Scope};

use crate::{
    exchange::{FORM, JSON, Request, Response},
    scenario::{Body, Draft, Encoding, Path, Query, Step, Tree},
    source::Diagnostic,
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
        Path::Written(tree) => text(tree)?,
    };
    let mut request = Request::new(text(&draft.method)?, path);
    if let Some(bearer) = &draft.bearer {
        request.headers.set("authorization", format!("Bearer {}", text(bearer)?));
    }
    request = match &draft.body {
        Body::Query(parameters) => {
            let query = encode(&values(parameters)?);
            if !query.is_empty() {
                request.path = format!("{}?{query}", request.path);
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
