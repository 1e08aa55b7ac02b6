//! Applications: what a file says of one, and what of it contradicts itself.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::values::Filled;
use crate::{
    secret::Secret,
    source::{
        Diagnostic, Located,
        document::{self, Fields, FromNode, Reader},
        yaml::{Data, Node},
    },
};

/// An application.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Client {
    /// Its `client_id`; made up unless given. A tenant of Auth0's has its own.
    #[schemars(with = "Option<Filled>")]
    pub id: Option<Located<String>>,
    /// Its `client_secret`, likewise.
    #[schemars(with = "Option<Filled>")]
    pub secret: Option<Secret<String>>,
    /// Without a secret, as an application on a phone.
    #[schemars(default)]
    pub public: bool,
    /// How it proves that it is the one, unless it is public; `client_secret_post` unless given.
    pub authentication: Option<Located<Authentication>>,
    /// The public key of its assertions, with `private_key_jwt`: an RSA key as a JWK. That of the run unless given.
    pub jwk: Option<PublicJwk>,
    /// The grants that it may use; all unless given.
    pub grants: Option<Vec<Grant>>,
    /// What it may do at the Management API; nothing unless given.
    pub management: Option<ManagementScopes>,
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

/// A public key that Auth0 takes: an RSA key as a JWK.
#[derive(Clone, Debug)]
pub struct PublicJwk(Value);

/// What an application may do at the Management API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagementScopes {
    /// Everything.
    All,
    /// What these scopes allow.
    These(Vec<String>),
}

/// One of [`MANAGEMENT_SCOPES`].
#[derive(Clone, Copy)]
struct Scope(&'static str);

impl FromNode for ManagementScopes {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::String(word) if word == "all" => Some(Self::All),
            Data::Sequence(_) => {
                let scopes: Vec<Scope> = FromNode::from_node(node, reader)?;
                Some(Self::These(scopes.iter().map(|Scope(scope)| (*scope).to_owned()).collect()))
            }
            _ => reader.wrong_type(node, "the word `all`, or a list of scopes"),
        }
    }
}

impl JsonSchema for ManagementScopes {
    fn schema_name() -> Cow<'static, str> {
        "ManagementScopes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"const": "all"}, {"type": "array", "items": {"enum": MANAGEMENT_SCOPES}}]})
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

/// Every scope of the Management API that a tenant has a use for.
pub const MANAGEMENT_SCOPES: [&str; 13] = [
    "read:users",
    "create:users",
    "update:users",
    "delete:users",
    "read:authentication_methods",
    "create:authentication_methods",
    "delete:authentication_methods",
    "read:guardian_enrollments",
    "delete:guardian_enrollments",
    "read:guardian_factors",
    "update:guardian_factors",
    "read:mfa_policies",
    "update:mfa_policies",
];

impl Client {
    /// How it proves that it is the one, unless it is public.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.authentication.as_ref().map_or_else(Authentication::default, |it| it.value)
    }

    /// Whether it has a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        !self.public && self.authentication() != Authentication::PrivateKeyJwt
    }

    /// Whether it proves itself by assertions.
    pub(super) fn has_assertions(&self) -> bool {
        !self.public && self.authentication() == Authentication::PrivateKeyJwt
    }

    /// Reports what would be ignored, or could never be used.
    fn check(&self, fields: &mut Fields<'_, '_>) {
        if self.public {
            for key in ["secret", "authentication", "management"] {
                let why = "a public application has nothing to prove itself with";
                contradiction(fields, key, why, "leave it out, or `public: true`");
            }
        }
        if self.has_assertions() {
            let why = "an application with `private_key_jwt` has no secret";
            contradiction(fields, "secret", why, "leave it out, or `authentication`");
        } else {
            let why = "a public key is of no use to this application";
            contradiction(fields, "jwk", why, "`authentication: private_key_jwt` takes one");
        }
        if self.grants.as_ref().is_some_and(|it| !it.contains(&Grant::ClientCredentials)) {
            let why = "this application cannot get a token for the Management API";
            contradiction(fields, "management", why, "add `client_credentials` to its `grants`");
        }
    }
}

/// Reports a key, if it is there.
fn contradiction(fields: &mut Fields<'_, '_>, key: &'static str, why: &str, hint: &str) {
    if let Some((key, _)) = fields.entry(key) {
        fields.reader.problem(Diagnostic::at(key.span, why).hint(hint));
    }
}

impl FromNode for Client {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let id: Option<Located<Filled>> = fields.optional("id");
        let client = Self {
            id: id.map(|id| Located { value: id.value.0, span: id.span }),
            secret: fields.optional("secret").map(|Filled(secret)| Secret::new(secret)),
            public: fields.default("public"),
            authentication: fields.optional("authentication"),
            jwk: fields.optional("jwk"),
            grants: fields.optional("grants"),
            management: fields.optional("management"),
        };
        client.check(&mut fields);
        fields.finish();
        Some(client)
    }
}

/// Reports the id that an application has in common with one before it in the file.
pub(super) fn distinct_ids(
    client: &Client,
    clients: &BTreeMap<String, Client>,
    reader: &mut Reader<'_>,
) {
    let all = std::iter::once(client).chain(clients.values());
    let mut ids: Vec<_> = all.filter_map(|client| client.id.as_ref()).collect();
    ids.sort_by_key(|id| id.span.start);
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].iter().any(|earlier| earlier.value == id.value) {
            let problem = Diagnostic::at(id.span, "two applications have this id");
            reader.problem(problem.hint("give each an id of its own"));
        }
    }
}

impl PublicJwk {
    /// The key as it is written.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }
}

impl FromNode for PublicJwk {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let jwk = node.to_json();
        let is_number = |name: &str| {
            jwk[name].as_str().is_some_and(|text| {
                URL_SAFE_NO_PAD.decode(text).is_ok_and(|number| !number.is_empty())
            })
        };
        let is_known = match &jwk["alg"] {
            Value::Null => true,
            algorithm => ["RS256", "RS384", "PS256"].iter().any(|known| algorithm == known),
        };
        if jwk["kty"] == "RSA" && is_number("n") && is_number("e") && is_known {
            return Some(Self(jwk));
        }
        let problem = Diagnostic::at(node.span, "this is no public key that Auth0 takes");
        let expected = "a JWK with `kty: RSA`, `n`, `e`, and for `alg` RS256, RS384 or PS256";
        reader.problem(problem.expected(expected));
        None
    }
}

impl JsonSchema for PublicJwk {
    fn schema_name() -> Cow<'static, str> {
        "PublicJwk".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"});
        json_schema!({
            "type": "object",
            "properties": {
                "kty": {"const": "RSA"},
                "alg": {"enum": ["RS256", "RS384", "PS256"]},
                "n": number,
                "e": number,
            },
            "required": ["kty", "n", "e"],
        })
    }
}

impl FromNode for Scope {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        document::word(node, "scope", &MANAGEMENT_SCOPES.map(|scope| (scope, Self(scope))), reader)
    }
}

#[cfg(test)]
mod tests {
    use crate::{scenario::parse, source::Sources};

    #[test]
    fn no_secret_of_a_file_is_shown() {
        let client = "client: {id: app, secret: hidden-secret}";
        let app = "{channel: otp, secret: GEZDGNBVGY3TQOJQ}";
        let user = format!("user: {{password: hidden-password, enrolled: [{app}]}}");
        let text =
            format!("title: t\ngiven: {{tenant: {{{client}}}, {user}}}\nsteps:\n- login: {{}}\n");
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", text);
        let scenarios = parse("a", source, &sources, &mut Vec::new());
        let shown = format!("{:?}", scenarios[0].given);
        assert!(shown.contains("app"), "{shown}");
        for secret in ["hidden-secret", "hidden-password", "GEZDGNBVGY3TQOJQ"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
