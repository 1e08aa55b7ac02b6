//! The Management API, as a run uses it: users to be made and removed, settings to be read and changed.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    settings::{Change, Settings},
    wire::{Call, Wire},
};
use crate::{
    clock::{AdjustedClock, Timestamp},
    config,
    exchange::{Request, Response, Retry},
    secret::Secret,
    target::{PrepareError, SendError},
};

/// What an id need not be encoded for.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How many users a search finds at once.
const PAGE: usize = 50;
/// A token is not used in the last of its life.
const MARGIN: Duration = Duration::from_mins(1);

/// The Management API of a tenant.
pub(super) struct Management<'a> {
    wire: &'a Wire,
    domain: &'a str,
    client: &'a config::Management,
    token: &'a Mutex<Option<Token>>,
}

/// A token for it.
pub(super) struct Token {
    text: Secret<String>,
    expires: Timestamp,
}

impl<'a> Management<'a> {
    pub(super) const fn new(
        wire: &'a Wire,
        domain: &'a str,
        client: &'a config::Management,
        token: &'a Mutex<Option<Token>>,
    ) -> Self {
        Self { wire, domain, client, token }
    }

    /// The scopes that the tenant has granted.
    pub(super) async fn scopes(&self, retries: &mut Vec<Retry>) -> Result<String, PrepareError> {
        let answer = self.ask_for_token(retries).await?;
        Ok(answer["scope"].as_str().unwrap_or_default().to_owned())
    }

    /// What of the settings can be read. Without a scope for them the error says which.
    pub(super) async fn settings(
        &self,
        retries: &mut Vec<Retry>,
    ) -> Result<Settings, PrepareError> {
        let factors = self.get("guardian/factors", "read the factors", retries).await?;
        let path = "guardian/factors/phone/message-types";
        let types = self.get(path, "read the message types", retries).await?;
        let policies = self.get("guardian/policies", "read the policies", retries).await?;
        let strange = || refused("read the settings", "the answer has not the documented form");
        Settings::read(&factors, &types, &policies).ok_or_else(strange)
    }

    /// Makes the settings what was wanted.
    pub(super) async fn change(
        &self,
        changes: Vec<Change>,
        retries: &mut Vec<Retry>,
    ) -> Result<(), PrepareError> {
        for (path, body) in changes {
            let request = Request::new("PUT", format!("/api/v2/guardian/{path}")).json(&body);
            self.expect(request, "change the settings", &[200], retries).await?;
        }
        Ok(())
    }

    /// Makes a user of this profile, and says their id. One who was made by a request whose answer was lost is found.
    pub(super) async fn create_user(
        &self,
        profile: &Value,
        retries: &mut Vec<Retry>,
    ) -> Result<String, PrepareError> {
        let what = "make a user";
        let email = profile["email"].as_str().unwrap_or_default();
        for _ in 0..5 {
            let request = Request::new("POST", "/api/v2/users").json(profile);
            match self.send(request, what, false, retries).await {
                Ok(response) if response.status == 201 => {
                    let id = json(&response)["user_id"].as_str().map(str::to_owned);
                    return id.ok_or_else(|| refused(what, "the answer has no `user_id`"));
                }
                // The address was made up for this scenario: nobody else has it.
                Ok(response) if response.status == 409 => {
                    if let Some(id) = self.user_with(email, retries).await? {
                        return Ok(id);
                    }
                }
                Ok(response) => return Err(refusal(what, &response)),
                Err(Problem::Lost(reason)) => {
                    if let Some(id) = self.user_with(email, retries).await? {
                        return Ok(id);
                    }
                    retries.push(Retry { what: what.to_owned(), reason, wait: Duration::ZERO });
                }
                Err(Problem::Other(error)) => return Err(error),
            }
        }
        Err(refused(what, "the answers were lost, and the user is not there"))
    }

    /// The id of the user with this address, if there is one.
    pub(super) async fn user_with(
        &self,
        email: &str,
        retries: &mut Vec<Retry>,
    ) -> Result<Option<String>, PrepareError> {
        let email = utf8_percent_encode(email, ENCODED);
        let path = format!("users-by-email?email={email}");
        let found = self.get(&path, "look for a user", retries).await?;
        Ok(found[0]["user_id"].as_str().map(str::to_owned))
    }

    /// The addresses and ids of users that a search finds, the first thousand of them \[doc\].
    pub(super) async fn search(
        &self,
        query: &str,
        retries: &mut Vec<Retry>,
    ) -> Result<Vec<Value>, PrepareError> {
        let query = utf8_percent_encode(query, ENCODED);
        let mut users = Vec::new();
        for page in 0..1000 / PAGE {
            let path = format!("users?q={query}&search_engine=v3&per_page={PAGE}&page={page}");
            let found = self.get(&path, "look for users", retries).await?;
            let found = found.as_array().map_or(&[][..], Vec::as_slice);
            users.extend_from_slice(found);
            if found.len() < PAGE {
                break;
            }
        }
        Ok(users)
    }

    /// Gives a user a factor that is confirmed already, and answers what the tenant says of it.
    pub(super) async fn enroll(
        &self,
        user: &str,
        method: &Value,
        retries: &mut Vec<Retry>,
    ) -> Result<Value, PrepareError> {
        let path = format!("/api/v2/{}/authentication-methods", path_of(user));
        let what = "enrol a factor for a user";
        match self.send(Request::new("POST", &path).json(method), what, false, retries).await {
            Ok(response) if response.status == 201 => Ok(json(&response)),
            Ok(response) => Err(refusal(what, &response)),
            // Whether it was enrolled is not known: it is begun anew, with another user.
            Err(Problem::Lost(reason)) => Err(PrepareError::Lost(reason)),
            Err(Problem::Other(error)) => Err(error),
        }
    }

    /// Whether a user has any factor.
    pub(super) async fn has_factors(
        &self,
        user: &str,
        retries: &mut Vec<Retry>,
    ) -> Result<bool, PrepareError> {
        let path = format!("{}/authentication-methods", path_of(user));
        let found = self.get(&path, "read a user's factors", retries).await?;
        Ok(found.as_array().is_some_and(|methods| !methods.is_empty()))
    }

    /// Removes all factors of a user.
    pub(super) async fn remove_factors(
        &self,
        user: &str,
        retries: &mut Vec<Retry>,
    ) -> Result<(), PrepareError> {
        let path = format!("/api/v2/{}/authentication-methods", path_of(user));
        let request = Request::new("DELETE", path);
        self.expect(request, "remove a user's factors", &[204], retries).await.map(drop)
    }

    /// Removes a user, who may be gone already.
    pub(super) async fn remove_user(
        &self,
        user: &str,
        retries: &mut Vec<Retry>,
    ) -> Result<(), PrepareError> {
        let request = Request::new("DELETE", format!("/api/v2/{}", path_of(user)));
        self.expect(request, "remove a user", &[204, 404], retries).await.map(drop)
    }

    async fn get(
        &self,
        path: &str,
        what: &str,
        retries: &mut Vec<Retry>,
    ) -> Result<Value, PrepareError> {
        let request = Request::new("GET", format!("/api/v2/{path}"));
        self.expect(request, what, &[200], retries).await.map(|response| json(&response))
    }

    /// Sends a request of which twice is the same as once.
    async fn expect(
        &self,
        request: Request,
        what: &str,
        statuses: &[u16],
        retries: &mut Vec<Retry>,
    ) -> Result<Response, PrepareError> {
        match self.send(request, what, true, retries).await {
            Ok(response) if statuses.contains(&response.status) => Ok(response),
            Ok(response) => Err(refusal(what, &response)),
            Err(Problem::Other(error)) => Err(error),
            Err(Problem::Lost(reason)) => Err(PrepareError::Unreachable(reason)),
        }
    }

    async fn send(
        &self,
        request: Request,
        what: &str,
        is_idempotent: bool,
        retries: &mut Vec<Retry>,
    ) -> Result<Response, Problem> {
        let token = self.token(retries).await.map_err(Problem::Other)?;
        let request = request.header("authorization", format!("Bearer {}", token.expose()));
        let call = Call { domain: self.domain, request, what, is_idempotent, accepts: &[] };
        match self.wire.send(call, retries).await {
            Ok(exchange) => Ok(exchange.response),
            Err(SendError::Lost(reason)) => Err(Problem::Lost(reason)),
            Err(error) => Err(Problem::Other(PrepareError::Unreachable(error.to_string()))),
        }
    }

    async fn token(&self, retries: &mut Vec<Retry>) -> Result<Secret<String>, PrepareError> {
        let mut known = self.token.lock().await;
        let now = AdjustedClock::default().now();
        if let Some(token) = known.as_ref().filter(|token| now + MARGIN < token.expires) {
            return Ok(token.text.clone());
        }
        let answer = self.ask_for_token(retries).await?;
        let text = answer["access_token"].as_str().map(|text| Secret::new(text.to_owned()));
        let what = "get a token for the Management API";
        let text = text.ok_or_else(|| refused(what, "the answer has no `access_token`"))?;
        let life = Duration::from_secs(answer["expires_in"].as_u64().unwrap_or_default());
        *known = Some(Token { text: text.clone(), expires: now + life });
        Ok(text)
    }

    async fn ask_for_token(&self, retries: &mut Vec<Retry>) -> Result<Value, PrepareError> {
        let what = "get a token for the Management API";
        let audience = self.client.audience.clone();
        let audience = audience.unwrap_or_else(|| format!("https://{}/api/v2/", self.domain));
        let request = Request::new("POST", "/oauth/token").json(&json!({
            "grant_type": "client_credentials",
            "client_id": self.client.client_id,
            "client_secret": self.client.client_secret.expose(),
            "audience": audience,
        }));
        let call = Call { domain: self.domain, request, what, is_idempotent: true, accepts: &[] };
        let answer = self.wire.send(call, retries).await;
        let answer = answer.map_err(|error| PrepareError::Unreachable(error.to_string()))?;
        match answer.response.status {
            200 => Ok(json(&answer.response)),
            _ => Err(refusal(what, &answer.response)),
        }
    }
}

/// Why a call has no answer.
enum Problem {
    /// It may have been done.
    Lost(String),
    Other(PrepareError),
}

/// The path of a user below `/api/v2/`.
fn path_of(user: &str) -> String {
    format!("users/{}", utf8_percent_encode(user, ENCODED))
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

fn refused(what: &str, why: &str) -> PrepareError {
    PrepareError::Refused(format!("could not {what}: {why}"))
}

/// What the tenant says of a request that it refuses: its codes and texts have no secrets in them.
fn refusal(what: &str, response: &Response) -> PrepareError {
    let body = json(response);
    let texts = ["error", "errorCode", "error_description", "message"];
    let texts = texts.iter().filter_map(|name| body[*name].as_str()).collect::<Vec<_>>();
    let text = if texts.is_empty() { String::new() } else { format!(", {}", texts.join(", ")) };
    refused(what, &format!("the answer was {}{text}", response.status))
}
