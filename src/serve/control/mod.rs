//! The control API, at `/_countersign/`: what a test has to do that no client of Auth0 can.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET` alone, `GET page.css`, `GET page.js` | the page for a person; see [`page`] |
//! | `GET outbox`, `GET outbox?to=ADDRESS`, `?last=N` | what was sent (there, the newest N), oldest first |
//! | `GET clock`, `POST clock {"advance": "6m"}` | what the tenant's clock shows (then) |
//! | `GET users` | the users, without secrets |
//! | `POST users {"email", "password", "email_verified"?, "enrolled"?}` | 201 with `user_id` |
//! | `DELETE users/ID` | 204 |
//! | `GET push` | the questions that wait for an answer on a user's device |
//! | `POST push/ID {"accept": true}` | 204 |
//! | `GET state` | the set-up, the users, what `GET push` and `GET clock` say, and how many tokens are remembered |
//! | `GET faults` | what goes wrong between the tenant and its clients |
//! | `PUT faults [RULE, ...]`, `DELETE faults` | 204; see [`Rule`](super::fault::Rule) |
//! | `POST reset` | 204: the tenant is as it was at the start |
//!
//! Moments are milliseconds since the Unix epoch. Errors have the shape of the tenant's own.

mod access;
mod faults;
mod outbox;
mod page;
mod users;

use std::{net::SocketAddr, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, StatusCode, Uri,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    http::request::Parts,
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Hosted, Start, fault::Faults, http::Answer, refusal::Refusal};
use crate::{
    clock::parse_duration,
    emulator::{PendingPush, PushPurpose},
};
pub(super) use access::Access;
use outbox::Wanted;
use page::Page;

const PREFIX: &str = "/_countersign";
/// So far the clock can be moved at once: beyond, there are no dates that programs can write.
const FARTHEST: Duration = Duration::from_hours(87_600);

/// The control API of one tenant.
pub(super) struct Control {
    tenant: Hosted,
    access: Access,
    /// As it was at the start.
    start: Start,
    /// Decides what goes wrong by chance.
    seed: u64,
}

/// What a request comes to.
enum Done {
    /// 200, with this body.
    Ok(Value),
    /// 201, with this body.
    Created(Value),
    /// 204.
    NoContent,
}

impl Control {
    pub(super) fn new(tenant: Hosted, access: Access, start: Start, seed: u64) -> Self {
        Self { tenant, access, start, seed }
    }

    /// Whether a path is the control API's.
    pub(super) fn is_for(path: &str) -> bool {
        path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether whoever sends this may.
    pub(super) fn admit(
        &self,
        peer: SocketAddr,
        request: &Request<Incoming>,
    ) -> Result<(), Refusal> {
        match Page::of(request.method(), request.uri().path()) {
            Some(_) => self.access.check_page(peer, request),
            None => self.access.check(peer, request),
        }
    }

    pub(super) fn answer(&self, parts: &Parts, body: &[u8]) -> Answer {
        if let Some(page) = Page::of(&parts.method, parts.uri.path()) {
            return page.answer();
        }
        let (status, body) = match self.act(&parts.method, &parts.uri, body) {
            Ok(Done::Ok(body)) => (StatusCode::OK, body.to_string()),
            Ok(Done::Created(body)) => (StatusCode::CREATED, body.to_string()),
            Ok(Done::NoContent) => {
                let mut answer = Answer::default();
                *answer.status_mut() = StatusCode::NO_CONTENT;
                return answer;
            }
            Err(refusal) => return refusal.into(),
        };
        let mut answer = Answer::new(Full::from(body));
        *answer.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        answer.headers_mut().insert(CONTENT_TYPE, json);
        answer
    }

    fn act(&self, method: &Method, uri: &Uri, body: &[u8]) -> Result<Done, Refusal> {
        let path = uri.path().strip_prefix(PREFIX).unwrap_or_default().trim_matches('/');
        let (name, id) = path.split_once('/').unwrap_or((path, ""));
        let id = percent_decode_str(id).decode_utf8_lossy();
        Ok(match (name, &*id, method.as_str()) {
            ("outbox", "", "GET") => {
                let wanted = Wanted::read(uri.query())?;
                Done::Ok(self.tenant.sent(|sent| outbox::list(sent, &wanted)))
            }
            ("clock", "", "GET") => Done::Ok(self.clock()),
            ("clock", "", "POST") => {
                self.tenant.advance(advance(body)?);
                Done::Ok(self.clock())
            }
            ("users", "", "GET") => {
                Done::Ok(self.tenant.with(|emulator, _, _| emulator.users().into()))
            }
            ("users", "", "POST") => Done::Created(self.add_user(body)?),
            ("users", id, "DELETE") if !id.is_empty() => {
                if !self.tenant.with(|emulator, _, _| emulator.remove_user(id)) {
                    return Err(Refusal::not_found("There is no user with this id."));
                }
                Done::NoContent
            }
            ("push", "", "GET") => {
                let pending = self.tenant.pending_pushes();
                Done::Ok(pending.iter().map(push).collect())
            }
            ("push", id, "POST") if !id.is_empty() => {
                if !self.tenant.answer_push(id, accept(body)?) {
                    return Err(Refusal::not_found("No push with this id waits for an answer."));
                }
                Done::NoContent
            }
            ("faults", "", "GET") => Done::Ok(faults::list(&self.tenant)),
            ("faults", "", "PUT") => {
                self.tenant.set_faults(Faults::new(faults::read(body)?, self.seed));
                Done::NoContent
            }
            ("faults", "", "DELETE") => {
                self.tenant.set_faults(Faults::new(Vec::new(), self.seed));
                Done::NoContent
            }
            ("state", "", "GET") => Done::Ok(self.tenant.with(|emulator, now, _| {
                let mut state = emulator.state();
                state["now"] = json!(now.as_millis());
                state["push"] = emulator.pending_pushes(now).iter().map(push).collect();
                state
            })),
            ("reset", "", "POST") => {
                self.tenant.replace(self.start.clone());
                Done::NoContent
            }
            (name, id, _) => return Err(unknown(name, !id.is_empty())),
        })
    }

    fn add_user(&self, body: &[u8]) -> Result<Value, Refusal> {
        let new = users::read(body, self.tenant.now())?;
        let user_id = self.tenant.with(|emulator, now, entropy| {
            let free = !emulator.has_user(&new.email);
            free.then(|| emulator.add_user(new, now, entropy))
        });
        let user_id = user_id.ok_or_else(|| {
            let text = "There is a user with this address already.";
            Refusal::new(StatusCode::CONFLICT, "conflict", text)
        })?;
        Ok(json!({"user_id": user_id}))
    }

    fn clock(&self) -> Value {
        json!({"now": self.tenant.now().as_millis()})
    }
}

/// Why nothing is done at an address, with an id behind it or without.
fn unknown(name: &str, has_id: bool) -> Refusal {
    let allowed = match (name, has_id) {
        ("" | "page.css" | "page.js" | "outbox" | "push" | "state", false) => "GET",
        ("clock" | "users", false) => "GET, POST",
        ("reset", false) | ("push", true) => "POST",
        ("faults", false) => "GET, PUT, DELETE",
        ("users", true) => "DELETE",
        _ => return Refusal::not_found("There is nothing at this address of the control API."),
    };
    Refusal::method_not_allowed(allowed)
}

/// Reads a body; where it cannot be read, `expected` is an example of one that can.
fn read<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, Refusal> {
    // A list could be read as the members of an object in their order.
    let is_list = body.trim_ascii_start().starts_with(b"[");
    if is_list != expected.starts_with('[') {
        return Err(Refusal::invalid(format!("Expected: {expected}")));
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal::invalid(format!("{error}. Expected: {expected}")))
}

fn push(pending: &PendingPush) -> Value {
    let purpose = match pending.purpose {
        PushPurpose::Enrollment => "enrollment",
        PushPurpose::Challenge => "challenge",
    };
    json!({
        "id": pending.id,
        "purpose": purpose,
        "user_id": pending.user_id,
        "email": pending.email,
    })
}

fn accept(body: &[u8]) -> Result<bool, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        accept: bool,
    }
    let Answer { accept } = read(body, r#"{"accept": true}"#)?;
    Ok(accept)
}

fn advance(body: &[u8]) -> Result<Duration, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Advance {
        advance: String,
    }
    let Advance { advance } = read(body, r#"{"advance": "6m"}"#)?;
    parse_duration(&advance).filter(|duration| *duration <= FARTHEST).ok_or_else(|| {
        let text = "`advance` is not a length of time of at most 87600h, which are ten years. \
                    Expected: one as `500ms`, `30s`, `6m` or `1h`";
        Refusal::invalid(text)
    })
}
