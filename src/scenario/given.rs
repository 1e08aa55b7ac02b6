//! What must be there before the first step: the tenant's settings and the users.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::{
    document::{Fields, FromNode, Reader},
    fault::Fault,
    policy::{Action, BruteForceProtection, Lifetimes, Limits, Then},
};
use crate::source::{
    Diagnostic, Located,
    yaml::{Data, Node},
};

/// An enum whose variants are words in a file: read, shown, and listed in the schema.
macro_rules! words {
    (
        $(#[$attribute:meta])*
        $name:ident $what:literal { $($(#[$variant_attribute:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the words say it")]
        pub enum $name { $($(#[$variant_attribute])* $variant,)+ }

        impl $name {
            const WORDS: &[(&'static str, Self)] = &[$(($word, Self::$variant)),+];

            /// The word for it in a file.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromNode for $name {
            fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                super::word(node, $what, Self::WORDS, reader)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"enum": [$($word),+]})
            }
        }
    };
}

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
    #[schemars(default)]
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
    pub email: Option<Located<String>>,
    /// Whether the address is verified; it is not unless given.
    #[schemars(default)]
    pub email_verified: bool,
    /// The password; made up unless given.
    pub password: Option<String>,
    /// Factors that are enrolled and confirmed already.
    #[schemars(default)]
    pub enrolled: Vec<Enrolled>,
}

/// A factor that a user has already.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Enrolled {
    /// How it reaches the user.
    pub channel: Channel,
    /// The address, if it is not the user's own.
    pub email: Option<String>,
    /// The phone number, in E.164 form.
    pub phone_number: Option<String>,
}

/// An application.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Client {
    /// Its `client_id`; made up unless given. A tenant of Auth0's has its own.
    pub id: Option<String>,
    /// Its `client_secret`, likewise.
    pub secret: Option<String>,
    /// Without a secret, as an application on a phone.
    #[schemars(default)]
    pub public: bool,
    /// How it proves that it is the one, unless it is public; `client_secret_post` unless given.
    #[schemars(default)]
    pub authentication: Authentication,
    /// The public key of its assertions, with `private_key_jwt`: an RSA key as a JWK. That of the run unless given.
    pub jwk: Option<Value>,
    /// The grants that it may use; all unless given.
    pub grants: Option<Vec<Grant>>,
    /// What it may do at the Management API; nothing unless given.
    pub management: Option<ManagementScopes>,
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

words! {
    /// How an application proves that it is the one, in the words of `OpenID` Connect.
    #[derive(Default)]
    Authentication "authentication" {
        #[default]
        ClientSecretPost = "client_secret_post",
        ClientSecretBasic = "client_secret_basic",
        PrivateKeyJwt = "private_key_jwt",
    }
}

/// What an application may do at the Management API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementScopes {
    /// Everything.
    All,
    /// What these scopes allow.
    These(Vec<String>),
}

impl FromNode for ManagementScopes {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::String(word) if word == "all" => Some(Self::All),
            Data::Sequence(_) => Vec::from_node(node, reader).map(Self::These),
            _ => reader.wrong_type(node, "the word `all`, or a list of scopes"),
        }
    }
}

impl JsonSchema for ManagementScopes {
    fn schema_name() -> Cow<'static, str> {
        "ManagementScopes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]})
    }
}

words! {
    /// A grant of `/oauth/token`; `mfa` is all three of the MFA grants.
    Grant "grant" {
        Password = "password",
        PasswordRealm = "password-realm",
        Mfa = "mfa",
        MfaOob = "mfa-oob",
        MfaOtp = "mfa-otp",
        MfaRecoveryCode = "mfa-recovery-code",
        RefreshToken = "refresh_token",
        AuthorizationCode = "authorization_code",
        ClientCredentials = "client_credentials",
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
        // An address is of a user who comes later.
        let names = given.tenant.actions.iter().filter_map(|action| action.when.user.as_ref());
        for name in names.filter(|name| !name.value.contains('@')) {
            let users = given.users.iter().map(|(name, _)| name.value.as_str());
            let known = std::iter::once(DEFAULT_USER).chain(users);
            if !known.clone().any(|known| known == name.value) {
                let problem = format!("there is no user `{}`", name.value);
                reader.problem(Diagnostic::at(name.span, problem).one_of(&name.value, known));
            }
        }
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
        let user = Self {
            email: fields.optional("email"),
            email_verified: fields.default("email_verified"),
            password: fields.optional("password"),
            enrolled: fields.default("enrolled"),
        };
        fields.finish();
        Some(user)
    }
}

impl FromNode for Enrolled {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let channel = fields.required("channel");
        let email = fields.optional("email");
        let phone_number = fields.optional("phone_number");
        fields.finish();
        Some(Self { channel: channel?, email, phone_number })
    }
}

impl Client {
    /// Whether it has a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        !self.public && self.authentication != Authentication::PrivateKeyJwt
    }

    /// A key that is none would leave the application without any.
    fn check(&self, fields: &mut Fields<'_, '_>) {
        let Some((key, _)) = fields.entry("jwk") else { return };
        let Some(jwk) = &self.jwk else { return };
        let is_number = |name: &str| {
            jwk[name].as_str().is_some_and(|text| URL_SAFE_NO_PAD.decode(text).is_ok())
        };
        let is_known = matches!(jwk["alg"].as_str(), None | Some("RS256" | "RS384" | "PS256"));
        if jwk["kty"] != "RSA" || !is_number("n") || !is_number("e") || !is_known {
            fields.reader.problem(
                Diagnostic::at(key.span, "this is no public key that Auth0 takes").expected(
                    "a JWK with `kty: RSA`, `n`, `e`, and for `alg` RS256, RS384 or PS256",
                ),
            );
        }
        if self.public || self.authentication != Authentication::PrivateKeyJwt {
            let problem = Diagnostic::at(key.span, "a public key is of no use to this application");
            fields.reader.problem(problem.hint("`authentication: private_key_jwt` takes one"));
        }
    }
}

impl FromNode for Client {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let client = Self {
            id: fields.optional("id"),
            secret: fields.optional("secret"),
            public: fields.default("public"),
            authentication: fields.default("authentication"),
            jwk: fields.optional("jwk"),
            grants: fields.optional("grants"),
            management: fields.optional("management"),
        };
        client.check(&mut fields);
        fields.finish();
        Some(client)
    }
}
