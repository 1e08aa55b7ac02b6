//! The form of a rule: `rules/client.yaml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::CallKind;
use crate::{scenario::Confidence, source::Level};

/// One demand on a client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// `CLIENT-NN`.
    pub id: String,
    /// What is demanded, in our words.
    pub statement: String,
    /// Why, or what to do instead.
    pub why: String,
    /// Who says so.
    pub source: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// Whether breaking it is wrong, or only unwise.
    pub level: Level,
    /// How it is judged.
    pub check: Check,
}

/// What the judge looks for. Values are named as parameters are, and are the same where their labels are; an
/// `mfa_token` is one as a parameter and as a bearer, and nothing else is. Besides there are `call`, the kind of the
/// call, and `subject`, whom it is about: the `mfa_token`, or else the user or the refresh token.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// After such an answer there is no such call with the same values, of which the first must be there.
    NotAfter {
        /// The answer.
        after: Answer,
        /// The calls.
        then: Vec<CallKind>,
        /// The values.
        same: Vec<String>,
    },
    /// After such an answer some time passes before such a call with the same values.
    Wait {
        /// The answer.
        after: Answer,
        /// The calls.
        then: Vec<CallKind>,
        /// The values.
        same: Vec<String>,
        /// The time.
        pause: Pause,
    },
    /// The pause after an answer with this error is longer than the one before.
    Slower {
        /// The calls.
        calls: Vec<CallKind>,
        /// The error.
        error: String,
        /// The values by which calls belong together.
        same: Vec<String>,
    },
    /// An `mfa_token` is not used when it is as old as this.
    Youth {
        /// The age in seconds.
        seconds: u64,
    },
    /// An `mfa_token` is used with the same value of a parameter as the request had that it was the answer to.
    Kept {
        /// The parameter.
        parameter: String,
    },
    /// An `oob_code` is one that the tenant gave, and for the same `mfa_token`.
    Given {
        /// The calls that give one.
        by: Vec<CallKind>,
        /// The calls that send one.
        then: Vec<CallKind>,
    },
    /// An `oob_code` that came with `binding_method: prompt` is sent with what the user was asked for.
    Prompted {
        /// The calls that give one.
        by: Vec<CallKind>,
        /// The calls that send one.
        then: Vec<CallKind>,
        /// The parameter.
        parameter: String,
    },
    /// After `mfa_required` the `mfa_token` is used, and not the same login sent again at once.
    GoOn {
        /// What is at once, in seconds.
        seconds: u64,
        /// What makes it the same login.
        same: Vec<String>,
    },
    /// No value of these kinds stands in a path or a query.
    NeverInUrl(Vec<String>),
    /// These calls authenticate by this scheme.
    Scheme {
        /// The calls.
        calls: Vec<CallKind>,
        /// The scheme.
        scheme: String,
    },
    /// The bodies of these calls are of one of these types.
    ContentType {
        /// The calls.
        calls: Vec<CallKind>,
        /// The types, without parameters.
        one_of: Vec<String>,
    },
    /// The parameters that a call must have.
    Required(BTreeMap<CallKind, Vec<String>>),
}

/// What an answer must be; what is not named is free.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// To one of these calls.
    pub calls: Vec<CallKind>,
    /// With one of these errors.
    #[serde(default)]
    pub errors: Vec<String>,
    /// With this status.
    pub status: Option<u16>,
    /// With these words in its description.
    pub describing: Option<String>,
    /// With this member, which differs from what was sent by this name.
    pub replacing: Option<String>,
}

/// How long a client waits.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// This many milliseconds.
    Millis(u64),
    /// As the answer says: `Retry-After`, else `X-RateLimit-Reset`.
    Told,
}
