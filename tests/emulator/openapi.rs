//! The MFA part of Auth0's OpenAPI documents and what is needed of the Management API's, and where
//! the emulator departs from them.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock, Mutex},
};

use countersign::exchange::{Content, Request, Response};
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("auth0-openapi-mfa.json")).expect("the document is JSON")
});

static MANAGEMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("auth0-openapi-management.json"))
        .expect("the document is JSON")
});

/// The same for the Management API.
const MANAGEMENT_EXCEPTIONS: &[(&str, &str, u16, &str)] = &[
    ("get", "/guardian/enrollments/{id}", 404, "recorded of an unknown enrolment"),
    ("delete", "/guardian/enrollments/{id}", 404, "recorded of an unknown enrolment"),
    ("get", "/users", 501, "not Auth0's: a search that is not emulated"),
    ("put", "/guardian/factors/{name}", 501, "not Auth0's: a factor that is not emulated"),
    ("put", "/guardian/policies", 501, "not Auth0's: a policy that is not emulated"),
];

thread_local! {
    /// Which of [`MANAGEMENT_EXCEPTIONS`] were met in this test, by their places.
    static MET: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
}

/// Panics unless this test has met every exception.
pub(crate) fn assert_management_exceptions_are_met() {
    let met: Vec<_> = MET.take().into_iter().collect();
    assert_eq!(met, (0..MANAGEMENT_EXCEPTIONS.len()).collect::<Vec<_>>());
}

/// Panics unless an answer of the Management API is as its document has it, or an exception. An
/// error needs the form that Auth0 describes in words.
fn check_management(request: &Request, response: &Response) {
    let path = request.path.split('?').next().expect("a first part");
    let Some(path) = path.strip_prefix("/api/v2") else { return };
    let parts: Vec<_> = path.split('/').collect();
    let is_it = |template: &&String| {
        let known: Vec<_> = template.split('/').collect();
        let mut pairs = known.iter().zip(&parts);
        known.len() == parts.len() && pairs.all(|(one, two)| one == two || one.starts_with('{'))
    };
    let paths = MANAGEMENT["paths"].as_object().expect("paths");
    // A name beats a placeholder.
    let template = paths.keys().filter(is_it).min_by_key(|known| known.matches('{').count());
    let Some(template) = template else {
        assert_eq!(response.status, 404, "{path} is not in the document");
        return;
    };
    let method = request.method.to_ascii_lowercase();
    let call = &paths[template][&method];
    if call.is_null() {
        assert_eq!(response.status, 405, "{method} {path} is not in the document");
        return;
    }
    let status = response.status;
    let listed = &call["responses"][status.to_string()];
    if listed.is_null() {
        let known = MANAGEMENT_EXCEPTIONS.iter().position(|exception| {
            (exception.0, exception.1, exception.2) == (&method, template, status)
        });
        let known = known.unwrap_or_else(|| panic!("{method} {path} {status} is not listed"));
        MET.with_borrow_mut(|met| met.insert(known));
    }
    if status == 204 {
        assert!(response.body.is_empty());
        return;
    }
    let Content::Json(body) = response.content() else { panic!("{:?}", response.content()) };
    if status >= 400 {
        assert_eq!(body["statusCode"], status);
        assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
        return;
    }
    let mut schema = listed["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{method} {path} {status} has no schema");
    schema["components"] = MANAGEMENT["components"].clone();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path} {status} {body}: {errors:?}");
}

/// Statuses that the document does not list for a call, and why they are answered all the same.
const EXCEPTIONS: &[(&str, &str, u16, &str)] = &[
    ("post", "/mfa/associate", 403, "`User is already enrolled.` is told as an access_denied"),
    ("post", "/mfa/challenge", 403, "SDKs know a `Malformed mfa_token` as 403"),
    ("get", "/mfa/authenticators", 403, "a token without the scope: Auth0's way elsewhere"),
    ("delete", "/mfa/authenticators/{id}", 403, "a token without the scope, or an mfa_token"),
];

/// Panics unless the answer is as the document has it, or an exception.
pub(crate) fn check(request: &Request, response: &Response) {
    check_management(request, response);
    let path = match request.path.split('?').next().expect("a first part") {
        path if path.starts_with("/mfa/authenticators/") => "/mfa/authenticators/{id}",
        path => path,
    };
    let method = request.method.to_ascii_lowercase();
    let call = &DOCUMENT["paths"][path][&method];
    let status = response.status;
    if call.is_null() {
        return;
    }
    let listed = &call["responses"][status.to_string()];
    if listed.is_null() {
        let known = EXCEPTIONS
            .iter()
            .any(|exception| (exception.0, exception.1, exception.2) == (&method, path, status));
        assert!(known, "{method} {path} answered {status}, which is not in the document");
    }
    if status == 204 {
        assert!(response.body.is_empty());
        return;
    }
    let pointer = if listed.is_null() {
        "/components/schemas/ErrorResponse".to_owned()
    } else {
        let path = path.replace('/', "~1");
        format!("/paths/{path}/{method}/responses/{status}/content/application~1json/schema")
    };
    let Content::Json(body) = response.content() else {
        panic!("{method} {path} answered {:?}", response.content());
    };
    let validator = validator(&pointer);
    let errors: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path} {status} {body}: {errors:?}");
}

/// The validator of a part of the document; made once, as there are thousands of answers.
fn validator(pointer: &str) -> Arc<jsonschema::Validator> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<jsonschema::Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut made = MADE.lock().expect("no panic while it is made");
    let validator = made.entry(pointer.to_owned()).or_insert_with(|| {
        let mut schema = DOCUMENT.pointer(pointer).expect("a schema").clone();
        // For the references in it; by itself it says nothing to JSON Schema.
        schema["components"] = DOCUMENT["components"].clone();
        Arc::new(jsonschema::validator_for(&schema).expect("a schema"))
    });
    Arc::clone(validator)
}

#[test]
fn exceptions_are_needed_and_have_a_reason() {
    let management = MANAGEMENT_EXCEPTIONS.iter().map(|it| (&MANAGEMENT, it));
    let all = EXCEPTIONS.iter().map(|it| (&DOCUMENT, it)).chain(management);
    for (document, (method, path, status, reason)) in all {
        let responses = &document["paths"][path][method]["responses"];
        assert!(responses.is_object(), "{method} {path} is not in the document");
        assert!(responses[status.to_string()].is_null(), "{method} {path} {status} is listed");
        assert!(!reason.is_empty());
    }
}

#[test]
fn the_document_is_not_toothless() {
    let token = validator("/components/schemas/TokenResponse");
    assert!(token.is_valid(&json!({"access_token": "a", "token_type": "Bearer", "expires_in": 1})));
    assert!(!token.is_valid(&json!({"access_token": "a", "token_type": "Bearer"})));
    let list = "/paths/~1mfa~1authenticators/get/responses/200/content/application~1json/schema";
    assert!(!validator(list).is_valid(&json!([{"authenticator_type": "email"}])));
}
