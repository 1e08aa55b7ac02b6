//! The page at `/_countersign/`, on which a person sees and does what the control API offers to programs.
//!
//! Its files are the same for everybody and say nothing of the tenant, so that they are given without the token that the
//! page then asks for. What it shows comes from the API, by its own requests.

use http_body_util::Full;
use hyper::{
    Method, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{Answer, PREFIX};

/// Nothing but the page's own files and the API beside it, and no page around it whose buttons are pressed unseen.
/// The picture is the empty one, which keeps a browser from asking for another.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// A file of the page.
#[derive(Clone, Copy)]
pub(super) struct File {
    content_type: &'static str,
    text: &'static str,
}

/// What the page answers to.
#[derive(Clone, Copy)]
pub(super) enum Page {
    /// The address without the slash, against which the names of the files would not resolve.
    Moved,
    /// One of the files.
    File(File),
}

impl Page {
    /// What is asked for, if it is of the page.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let (content_type, text) = match path.strip_prefix(PREFIX)? {
            _ if method != Method::GET => return None,
            "" => return Some(Self::Moved),
            "/" => ("text/html; charset=utf-8", include_str!("page.html")),
            "/page.css" => ("text/css; charset=utf-8", include_str!("page.css")),
            "/page.js" => ("text/javascript; charset=utf-8", include_str!("page.js")),
            _ => return None,
        };
        Some(Self::File(File { content_type, text }))
    }

    pub(super) fn answer(self) -> Answer {
        let mut answer = match self {
            Self::Moved => {
                let mut answer = Answer::default();
                *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
                let page = HeaderValue::from_static("/_countersign/");
                answer.headers_mut().insert(LOCATION, page);
                answer
            }
            Self::File(File { content_type, text }) => {
                let mut answer = Answer::new(Full::from(text));
                let content_type = HeaderValue::from_static(content_type);
                answer.headers_mut().insert(CONTENT_TYPE, content_type);
                answer
            }
        };
        for (name, value) in HEADERS {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}
