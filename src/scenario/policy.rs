//! What a tenant asks of a login, and how often something may be done.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    schema,
    values::{Filled, Word},
};
use crate::source::{
    Diagnostic, Located,
    document::{Fields, FromNode, Reader},
    yaml::{Data, Node},
};

/// What is asked of a login beside the password: for which logins, and what.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Action {
    /// For which logins and refreshes: all that is named must hold; for all of them unless given.
    #[schemars(default)]
    pub when: When,
    /// What is done about them.
    pub then: Then,
}

/// Which logins an Action is for.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct When {
    /// A user: a name of `given.users`, `user`, or an address.
    pub user: Option<Located<String>>,
    /// An application: a name of `clients`, or `client`.
    pub client: Option<Located<String>>,
    /// A word of the scope that is asked for.
    #[schemars(with = "Option<Word>")]
    pub scope: Option<String>,
    /// The audience that is asked for.
    #[schemars(with = "Option<Filled>")]
    pub audience: Option<String>,
}

/// What an Action does: one of these.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Then {
    /// Asks for any factor.
    Mfa(AnyFactor),
    /// Asks for one of these, of those that the user has.
    Challenge(#[schemars(length(min = 1))] Vec<FactorType>),
    /// Asks for a new one of these.
    Enroll(#[schemars(length(min = 1))] Vec<FactorType>),
    /// Refuses, with this reason.
    Deny(#[schemars(with = "Filled")] String),
}

words! {
    /// Which factor.
    AnyFactor "choice" { Any = "any", }
}

words! {
    /// A kind of factor, in the words of Auth0's Actions.
    FactorType "factor" {
        Otp = "otp",
        PushNotification = "push-notification",
        Phone = "phone",
        RecoveryCode = "recovery-code",
        Email = "email",
    }
}

/// How long tokens live; Auth0's defaults unless given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Lifetimes {
    /// An access token for an API; `24h` unless given, at most `720h`.
    #[schemars(with = "Option<schema::Duration>")]
    pub access_token: Option<Duration>,
    /// An ID token; `10h` unless given.
    #[schemars(with = "Option<schema::Duration>")]
    pub id_token: Option<Duration>,
}

/// How often something may be done; Auth0's documented limits unless given, and none on requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Requests to everything but the Management API.
    pub authentication_api: Option<Limit>,
    /// Requests to the Management API.
    pub management_api: Option<Limit>,
    /// Requests to `/oauth/token`.
    pub oauth_token: Option<Limit>,
    /// Logins of one user from one address.
    pub logins: Option<Limit>,
    /// Wrong codes of a user.
    pub failed_codes: Option<Limit>,
    /// Wrong recovery codes of a user.
    pub failed_recovery_codes: Option<Limit>,
    /// E-mails to a user.
    pub emails: Option<Limit>,
    /// Text messages and calls to a user.
    pub messages: Option<Limit>,
    /// Push notifications to a user.
    pub push: Option<Limit>,
}

impl Limits {
    /// Whether any is given.
    #[must_use]
    pub fn are_set(&self) -> bool {
        let all = [
            self.authentication_api,
            self.management_api,
            self.oauth_token,
            self.logins,
            self.failed_codes,
            self.failed_recovery_codes,
            self.emails,
            self.messages,
            self.push,
        ];
        all.iter().any(Option::is_some)
    }
}

/// A bucket: so many at once, and one more each time a while has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limit {
    /// How many at once.
    #[schemars(range(min = 1))]
    pub burst: u32,
    /// How long it takes until there is one more.
    #[schemars(with = "schema::Duration")]
    pub every: Duration,
}

/// What comes of wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BruteForceProtection {
    /// Whether it is on; it is unless given.
    #[schemars(default = "on")]
    pub enabled: bool,
    /// After how many wrong passwords a user is blocked; 10 unless given.
    #[schemars(default = "ten", range(min = 1, max = 100))]
    pub max_attempts: u32,
}

impl Default for BruteForceProtection {
    fn default() -> Self {
        Self { enabled: on(), max_attempts: ten() }
    }
}

const fn on() -> bool {
    true
}

const fn ten() -> u32 {
    10
}

impl FromNode for Action {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let when = fields.default("when");
        let then = fields.required("then");
        fields.finish();
        Some(Self { when, then: then? })
    }
}

impl FromNode for When {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let when = Self {
            user: fields.optional("user"),
            client: fields.optional("client"),
            scope: fields.optional("scope").map(|Word(scope)| scope),
            audience: fields.optional("audience").map(|Filled(audience)| audience),
        };
        fields.finish();
        Some(when)
    }
}

impl FromNode for Then {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let mut found = Vec::new();
        found.extend(fields.optional("mfa").map(Self::Mfa));
        found.extend(fields.optional("challenge").map(|types| Self::Challenge(values(types))));
        let enroll: Option<Vec<Located<FactorType>>> = fields.optional("enroll");
        for factor in enroll.iter().flatten().filter(|factor| !factor.value.can_be_enrolled()) {
            let message = format!("nobody can be asked to enrol `{}`", factor.value.word());
            let problem = Diagnostic::at(factor.span, message);
            fields.reader.problem(problem.expected("`otp`, `push-notification` or `phone`"));
        }
        found.extend(enroll.map(|types| Self::Enroll(values(types))));
        for key in ["challenge", "enroll"] {
            if let Some((_, node)) = fields.entry(key)
                && matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty())
            {
                let message = "with none of the factors, each login fails";
                let problem = Diagnostic::at(node.span, message);
                let expected = "at least one of them; `deny` refuses a login";
                fields.reader.problem(problem.expected(expected));
            }
        }
        found.extend(fields.optional("deny").map(|Filled(reason)| Self::Deny(reason)));
        let entries = if let Data::Mapping(entries) = &node.data { entries.len() } else { 0 };
        if entries != 1 {
            let problem = Diagnostic::at(node.span, "an Action does exactly one thing");
            let expected = "one of `mfa`, `challenge`, `enroll` and `deny`";
            fields.reader.problem(problem.expected(expected));
        }
        fields.finish();
        found.pop()
    }
}

fn values<T>(located: Vec<Located<T>>) -> Vec<T> {
    located.into_iter().map(|it| it.value).collect()
}

impl FactorType {
    /// Whether an Action can ask for a new one: an address is there already, and a recovery code comes by itself.
    const fn can_be_enrolled(self) -> bool {
        matches!(self, Self::Otp | Self::PushNotification | Self::Phone)
    }
}

/// An access token lives no longer [doc: update-access-token-lifetime].
const LONGEST: Duration = Duration::from_hours(720);

impl FromNode for Lifetimes {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let access_token: Option<Located<Duration>> = fields.optional("access_token");
        let id_token: Option<Located<Duration>> = fields.optional("id_token");
        let longest = [(access_token, LONGEST), (id_token, Duration::MAX)];
        for (lifetime, longest) in longest.iter().filter_map(|(it, max)| Some((it.as_ref()?, max)))
        {
            if lifetime.value < Duration::from_secs(1) || lifetime.value > *longest {
                let problem = Diagnostic::at(lifetime.span, "a token cannot live for this long");
                let expected = "one second at least, and for an access token `720h` at most";
                fields.reader.problem(problem.expected(expected));
            }
        }
        fields.finish();
        let [access_token, id_token] = longest.map(|(lifetime, _)| Some(lifetime?.value));
        Some(Self { access_token, id_token })
    }
}

impl FromNode for Limits {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let limits = Self {
            authentication_api: fields.optional("authentication_api"),
            management_api: fields.optional("management_api"),
            oauth_token: fields.optional("oauth_token"),
            logins: fields.optional("logins"),
            failed_codes: fields.optional("failed_codes"),
            failed_recovery_codes: fields.optional("failed_recovery_codes"),
            emails: fields.optional("emails"),
            messages: fields.optional("messages"),
            push: fields.optional("push"),
        };
        fields.finish();
        Some(limits)
    }
}

impl FromNode for Limit {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let burst: Option<Count<{ u32::MAX }>> = fields.required("burst");
        let every: Option<Located<Duration>> = fields.required("every");
        if let Some(every) = every.as_ref().filter(|every| every.value.is_zero()) {
            let problem = Diagnostic::at(every.span, "a limit has to fill again over time");
            fields.reader.problem(problem.expected("more than nothing, such as `6m`"));
        }
        fields.finish();
        Some(Self { burst: burst?.0, every: every?.value })
    }
}

impl FromNode for BruteForceProtection {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let enabled = fields.optional("enabled").unwrap_or_else(on);
        let max_attempts: Option<Count<100>> = fields.optional("max_attempts");
        fields.finish();
        Some(Self { enabled, max_attempts: max_attempts.map_or_else(ten, |count| count.0) })
    }
}

/// A whole number from one to `MOST`.
struct Count<const MOST: u32>(u32);

impl<const MOST: u32> FromNode for Count<MOST> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let number = match &node.data {
            Data::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            _ => None,
        };
        match number.filter(|number| (1..=MOST).contains(number)) {
            Some(number) => Some(Self(number)),
            None if MOST == u32::MAX => reader.wrong_type(node, "a whole number from 1 on"),
            None => reader.wrong_type(node, &format!("a whole number from 1 to {MOST}")),
        }
    }
}
