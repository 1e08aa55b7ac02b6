//! An observation as a call of the MFA flow.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Answer;
use crate::{clock::Timestamp, observe::Observation};

/// What the extension grants of Auth0 begin with.
const GRANT: &str = "http://auth0.com/oauth/grant-type/";

/// What is called; of the token endpoint the grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallKind {
    /// The password grant, with a realm or without.
    Password,
    /// The mfa-otp grant.
    MfaOtp,
    /// The mfa-oob grant.
    MfaOob,
    /// The mfa-recovery-code grant.
    MfaRecoveryCode,
    /// The refresh token grant.
    RefreshToken,
    /// Any other grant, or none.
    OtherGrant,
    /// An association.
    Associate,
    /// A challenge.
    Challenge,
    /// The list of authenticators.
    List,
    /// The deletion of one.
    Delete,
    /// Anything else.
    Other,
}

impl CallKind {
    fn of(observation: &Observation, parameters: Option<&Map<String, Value>>) -> Self {
        let request = &observation.request;
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", "/oauth/token") => Self::of_grant(parameters),
            ("POST", "/mfa/associate") => Self::Associate,
            ("POST", "/mfa/challenge") => Self::Challenge,
            ("GET", "/mfa/authenticators") => Self::List,
            ("DELETE", path) if path.starts_with("/mfa/authenticators/") => Self::Delete,
            _ => Self::Other,
        }
    }

    fn of_grant(parameters: Option<&Map<String, Value>>) -> Self {
        let grant = parameters.and_then(|parameters| parameters.get("grant_type")?.as_str());
        let grant = grant.unwrap_or_default();
        match grant.strip_prefix(GRANT).unwrap_or(grant) {
            "password" | "password-realm" => Self::Password,
            "mfa-otp" => Self::MfaOtp,
            "mfa-oob" => Self::MfaOob,
            "mfa-recovery-code" => Self::MfaRecoveryCode,
            "refresh_token" => Self::RefreshToken,
            _ => Self::OtherGrant,
        }
    }

    /// What a summary says beside method and path.
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::Password => Some("password"),
            Self::MfaOtp => Some("mfa-otp"),
            Self::MfaOob => Some("mfa-oob"),
            Self::MfaRecoveryCode => Some("mfa-recovery-code"),
            Self::RefreshToken => Some("refresh_token"),
            _ => None,
        }
    }
}

/// An observation and what it is.
pub struct Call<'a> {
    observation: &'a Observation,
    parameters: Option<&'a Map<String, Value>>,
    /// What is called.
    pub kind: CallKind,
}

impl<'a> Call<'a> {
    /// Reads an observation.
    #[must_use]
    pub fn of(observation: &'a Observation) -> Self {
        let request = &observation.request;
        let json = request.json.as_ref().and_then(Value::as_object);
        let parameters = json.or(request.form.as_ref());
        Self { observation, parameters, kind: CallKind::of(observation, parameters) }
    }

    /// When it was answered.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.observation.at
    }

    /// The path, with the query.
    #[must_use]
    pub fn path(&self) -> &'a str {
        &self.observation.request.path
    }

    /// The type of the body, without its parameters; nothing where there is no body.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        let request = &self.observation.request;
        let is_empty = request.json.is_none() && request.form.is_none() && request.text.is_none();
        let value = request.headers.get("content-type").and_then(Value::as_str);
        let essence = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        (!is_empty).then_some(essence)
    }

    /// The scheme of its authorization, if it has one, and the credentials.
    #[must_use]
    pub fn authorization(&self) -> Option<(Option<&'a str>, &'a str)> {
        let value = self.observation.request.headers.get("authorization")?.as_str()?;
        let split = value.split_once(' ');
        Some(split.map_or((None, value), |(scheme, credentials)| (Some(scheme), credentials)))
    }

    /// A parameter of the body: `null` is absent, and so is an empty text.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters?.get(name)?.as_str().filter(|value| !value.is_empty())
    }

    /// Whether a parameter of any type is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parameters
            .and_then(|parameters| parameters.get(name))
            .is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// Where the MFA API is called with it: the token that says which login this is, an `mfa_token` or not.
    #[must_use]
    pub fn token(&self) -> Option<&'a str> {
        let bearer = || self.authorization().map(|(_, credentials)| credentials);
        match self.kind {
            CallKind::Associate | CallKind::List | CallKind::Delete => bearer(),
            CallKind::MfaOtp
            | CallKind::MfaOob
            | CallKind::MfaRecoveryCode
            | CallKind::Challenge => self.parameter("mfa_token"),
            _ => None,
        }
    }

    /// The `mfa_token` that is used: an access token in its place is none.
    #[must_use]
    pub fn mfa_token(&self) -> Option<&'a str> {
        self.token().filter(|token| is_mfa_token(token))
    }

    /// A value by the name that rules have for it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        match name {
            "mfa_token" => self.mfa_token(),
            "call" => self.kind.word().or_else(|| self.path().split('?').next()),
            "subject" => self
                .mfa_token()
                .or_else(|| self.parameter("username"))
                .or_else(|| self.parameter("refresh_token")),
            parameter => self.parameter(parameter),
        }
    }

    /// Whether it was answered with what was asked for.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.observation.response.status)
    }

    /// A member of the answer.
    #[must_use]
    pub fn answered(&self, name: &str) -> Option<&'a str> {
        self.observation.response.json.as_ref()?.get(name)?.as_str()
    }

    /// A whole number in a header of the answer.
    #[must_use]
    pub fn number(&self, header: &str) -> Option<u64> {
        self.observation.response.headers.get(header)?.as_str()?.trim().parse().ok()
    }

    /// Whether it was answered so.
    #[must_use]
    pub fn is(&self, answer: &Answer) -> bool {
        let error = self.answered("error").unwrap_or_default();
        let status = self.observation.response.status;
        let is_outcome = match (answer.status, answer.errors.is_empty()) {
            (None, true) => answer.describing.is_some() || self.is_accepted(),
            (Some(expected), _) => status == expected,
            (None, false) => !self.is_accepted() && answer.errors.iter().any(|one| one == error),
        };
        let describes = |words: &String| {
            self.answered("error_description").is_some_and(|text| text.contains(words))
        };
        let replaces = |name: &String| {
            self.answered(name).is_some_and(|new| self.parameter(name) != Some(new))
        };
        answer.calls.contains(&self.kind)
            && is_outcome
            && answer.describing.as_ref().is_none_or(describes)
            && answer.replacing.as_ref().is_none_or(replaces)
    }

    /// `POST /oauth/token mfa-otp -> 403 invalid_grant`: one line, of a length that can be read.
    #[must_use]
    pub fn summary(&self) -> String {
        const LONGEST: usize = 80;
        let request = &self.observation.request;
        let mut path: String = request.path.chars().take(LONGEST).collect();
        if path.len() < request.path.len() {
            path += "...";
        }
        let word = self.kind.word().map(|word| format!(" {word}")).unwrap_or_default();
        let summary = format!("{} {path}{word} -> {}", request.method, self.outcome());
        // One line, and nothing that a terminal would obey.
        summary.replace(char::is_control, "\u{FFFD}")
    }

    /// `403 invalid_grant`
    #[must_use]
    pub fn outcome(&self) -> String {
        let status = self.observation.response.status;
        match self.answered("error") {
            Some(error) => format!("{status} {error}"),
            None => status.to_string(),
        }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.summary())
    }
}

fn is_mfa_token(label: &str) -> bool {
    label.starts_with("[mfa_token#")
}
