//! What must be there before the first step: the tenant's settings and the users.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    client::{Client, distinct_ids},
    fault::{Fault, FaultShape},
    policy::{Action, BruteForceProtection, Lifetimes, Limits, Then},
    values::{Base32, EmailAddress, Filled, PhoneNumber},
};
use crate::{
    secret::Secret,
    source::{
        Diagnostic, Located,
        document::{Fields, FromNode, Reader},
        yaml::Node,
    },
};

/// The name of the user who acts when a step does not say who.
pub const DEFAULT_USER: &str = "user";

/// What must be there before the first step.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Given {
    /// The tenant's settings.
    #[schemars(default)]
    pub tenant: Tenant,
    /// The user who acts when a step does not say who.
    #[schemars(default)]
    pub user: User,
    /// Other users, by name.
    #[schemars(default, with = "BTreeMap<String, User>")]
    pub users: Vec<(Located<String>, User)>,
    /// What goes wrong between the client and the tenant.
    #[schemars(default, with = "Vec<FaultShape>")]
    pub faults: Vec<Fault>,
}

/// A tenant's settings.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Tenant {
    /// The factors that are switched on; `[email, otp]` unless given.
    #[schemars(default = "default_factors")]
    pub factors: Vec<Factor>,
    /// When a login asks for a second factor; `always` unless given.
    #[schemars(default)]
    pub policy: Policy,
    /// Whether factors are chosen by Actions; they are not unless given.
    #[schemars(default)]
    pub customize_mfa: bool,
    /// What is asked of a login beside the password, in order.
    #[schemars(default)]
    pub actions: Vec<Action>,
    /// How long tokens live.
    #[schemars(default)]
    pub lifetimes: Lifetimes,
    /// How often something may be done.
    #[schemars(default)]
    pub limits: Limits,
    /// What comes of wrong passwords.
    #[schemars(default)]
    pub brute_force_protection: BruteForceProtection,
    /// The application that sends the requests.
    #[schemars(default)]
    pub client: Client,
    /// Other applications, by name; a step takes one with `client`.
    #[schemars(default)]
    pub clients: BTreeMap<String, Client>,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            factors: default_factors(),
            policy: Policy::Always,
            customize_mfa: false,
            actions: Vec::new(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            brute_force_protection: BruteForceProtection::default(),
            client: Client::default(),
            clients: BTreeMap::new(),
        }
    }
}

fn default_factors() -> Vec<Factor> {
    vec![Factor::Email, Factor::Otp]
}

/// A user, before the first step.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct User {
    /// The address; made up unless given. A tenant of Auth0's makes up its own.
    #[schemars(with = "Option<EmailAddress>")]
    pub email: Option<Located<String>>,
    /// Whether the address is verified; it is not unless given.
    #[schemars(default)]
    pub email_verified: bool,
    /// The password; made up unless given.
    #[schemars(with = "Option<Filled>")]
    pub password: Option<Secret<String>>,
    /// Factors that are enrolled and confirmed already.
    #[schemars(default)]
    pub enrolled: Vec<Enrolled>,
}

/// A factor that a user has already.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Enrolled {
    /// How it reaches the user.
    pub channel: Located<Channel>,
    /// The address, if it is not the user's own.
    #[schemars(with = "Option<EmailAddress>")]
    pub email: Option<String>,
    /// The phone number, in E.164 form.
    #[schemars(with = "Option<PhoneNumber>")]
    pub phone_number: Option<String>,
    /// What the app makes its codes of, in base32, with `otp` and `push`; made up unless given.
    #[schemars(with = "Option<Base32>")]
    pub secret: Option<Secret<String>>,
    /// The name of the device, with `push`; made up unless given.
    #[schemars(with = "Option<Filled>")]
    pub device: Option<String>,
}

words! {
    /// A factor that can be switched on in a tenant.
    Factor "factor" {
        Email = "email",
        Sms = "sms",
        Voice = "voice",
        Otp = "otp",
        Push = "push",
        RecoveryCode = "recovery-code",
    }
}

words! {
    /// How an authenticator reaches its user.
    Channel "channel" {
        Email = "email",
        Sms = "sms",
        Voice = "voice",
        Push = "push",
        Otp = "otp",
    }
}

words! {
    /// When a login asks for a second factor.
    #[derive(Default)]
    Policy "policy" {
        #[default]
        Always = "always",
        Never = "never",
    }
}

impl Factor {
    /// Whether it can be the only factor of a tenant [doc: enable-mfa].
    const fn is_independent(self) -> bool {
        matches!(self, Self::Sms | Self::Voice | Self::Otp | Self::Push)
    }
}

impl Channel {
    /// Its word in `authenticator_types` and `challenge_type`.
    pub(super) const fn authenticator_type(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Email | Self::Sms | Self::Voice | Self::Push => "oob",
        }
    }

    /// Its word in `oob_channels` and `oob_channel`, where it has one.
    pub(super) const fn oob_channel(self) -> Option<&'static str> {
        match self {
            Self::Otp => None,
            Self::Push => Some("auth0"),
            Self::Email | Self::Sms | Self::Voice => Some(self.word()),
        }
    }
}

impl FromNode for Given {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let given = Self {
            tenant: fields.default("tenant"),
            user: fields.default("user"),
            users: fields.default("users"),
            faults: fields.default("faults"),
        };
        fields.finish();
        let others = given.users.iter().map(|(_, user)| user);
        distinct_addresses(std::iter::once(&given.user).chain(others), reader);
        for (name, _) in &given.users {
            if RESERVED.contains(&name.value.as_str()) {
                reader.problem(
                    Diagnostic::at(name.span, format!("a user cannot be called `{}`", name.value))
                        .hint("the word means something else in a template"),
                );
            }
        }
        let users = given.users.iter().map(|(name, _)| name.value.as_str());
        known_users(&given.tenant.actions, std::iter::once(DEFAULT_USER).chain(users), reader);
        Some(given)
    }
}

/// Reports the address that a user has in common with one before.
pub(super) fn distinct_addresses<'a>(
    users: impl Iterator<Item = &'a User>,
    reader: &mut Reader<'_>,
) {
    let mut known = BTreeSet::new();
    for email in users.filter_map(|user| user.email.as_ref()) {
        if !known.insert(email.value.to_lowercase()) {
            let problem = Diagnostic::at(email.span, "two users have this address");
            reader.problem(problem.hint("give each an address of their own"));
        }
    }
}

/// Reports the user that an Action is for and that there is not.
pub(super) fn known_users<'a>(
    actions: &[Action],
    known: impl Iterator<Item = &'a str>,
    reader: &mut Reader<'_>,
) {
    let known: Vec<_> = known.collect();
    // An address is of a user who comes later.
    let names = actions.iter().filter_map(|action| action.when.user.as_ref());
    for name in names.filter(|name| !name.value.contains('@')) {
        if !known.contains(&name.value.as_str()) {
            let problem = Diagnostic::at(name.span, format!("there is no user `{}`", name.value));
            reader.problem(problem.one_of(&name.value, known.iter().copied()));
        }
    }
}

/// Names that templates give to something else.
pub(super) const RESERVED: [&str; 5] = [DEFAULT_USER, "client", "clients", "target", "matrix"];

impl FromNode for Tenant {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let factors: Option<Located<Vec<Factor>>> = fields.optional("factors");
        if let Some(factors) = &factors
            && !factors.value.is_empty()
            && !factors.value.iter().any(|factor| factor.is_independent())
        {
            fields.reader.problem(
                Diagnostic::at(factors.span, "these factors need another one beside them")
                    .expected("an independent factor: `otp`, `sms`, `voice` or `push`")
                    .hint("Auth0 lets e-mail and recovery codes be switched on only with one"),
            );
        }
        let tenant = Self {
            factors: factors.map_or_else(default_factors, |factors| factors.value),
            policy: fields.default("policy"),
            customize_mfa: fields.default("customize_mfa"),
            actions: fields.default("actions"),
            lifetimes: fields.default("lifetimes"),
            limits: fields.default("limits"),
            brute_force_protection: fields.default("brute_force_protection"),
            client: fields.default("client"),
            clients: fields.default("clients"),
        };
        let chooses = |action: &Action| matches!(action.then, Then::Challenge(_) | Then::Enroll(_));
        if !tenant.customize_mfa
            && tenant.actions.iter().any(chooses)
            && let Some((key, _)) = fields.entry("actions")
        {
            fields.reader.problem(
                Diagnostic::at(key.span, "these Actions choose factors")
                    .expected("`customize_mfa: true` beside them")
                    .hint("Auth0 lets Actions choose factors only where that is switched on"),
            );
        }
        fields.finish();
        distinct_ids(&tenant.client, &tenant.clients, reader);
        for name in tenant.actions.iter().filter_map(|action| action.when.client.as_ref()) {
            let known = std::iter::once("client").chain(tenant.clients.keys().map(String::as_str));
            if !known.clone().any(|known| known == name.value) {
                let problem = format!("there is no client `{}`", name.value);
                reader.problem(Diagnostic::at(name.span, problem).one_of(&name.value, known));
            }
        }
        Some(tenant)
    }
}

impl FromNode for User {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let email: Option<Located<EmailAddress>> = fields.optional("email");
        let user = Self {
            email: email.map(|email| Located { value: email.value.0, span: email.span }),
            email_verified: fields.default("email_verified"),
            password: fields.optional("password").map(|Filled(password)| Secret::new(password)),
            enrolled: fields.default("enrolled"),
        };
        fields.finish();
        Some(user)
    }
}

/// Keys that only these have a use for. The user's number may stand beside any.
const OF_CHANNELS: [(&str, &[Channel]); 3] = [
    ("email", &[Channel::Email]),
    ("secret", &[Channel::Otp, Channel::Push]),
    ("device", &[Channel::Push]),
];

impl FromNode for Enrolled {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let channel: Option<Located<Channel>> = fields.required("channel");
        let email = fields.optional("email").map(|EmailAddress(address)| address);
        let phone_number = fields.optional("phone_number").map(|PhoneNumber(number)| number);
        let secret = fields.optional("secret").map(|Base32(secret)| Secret::new(secret));
        let device = fields.optional("device").map(|Filled(name)| name);
        for (key, channels) in OF_CHANNELS {
            if let (Some(channel), Some((key, _))) = (&channel, fields.entry(key))
                && !channels.contains(&channel.value)
            {
                let message = format!("`{}` has no `{}`", channel.value.word(), key.text);
                fields.reader.problem(Diagnostic::at(key.span, message).hint("leave it out"));
            }
        }
        fields.finish();
        Some(Self { channel: channel?, email, phone_number, secret, device })
    }
}
