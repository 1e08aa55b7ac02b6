//! The verbs as they are written, and what each of them makes of the request that it is short for.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    document::{Fields, FromNode, Reader},
    draft::{Body, Draft, Encoding, Path},
    given::{Channel, Tenant},
    template::{Text, Tree, TreeData},
};
use crate::source::{Diagnostic, Located, Span, yaml::Node};

/// A verb with its keys.
#[derive(Clone, Debug)]
pub(super) enum Verb {
    Login(Login),
    Enroll(Enroll),
    Confirm(Confirm),
    Challenge(Challenge),
    Verify(Verify),
    List(Plain),
    Remove(Remove),
    Refresh(Refresh),
    Userinfo(Plain),
    Request(Box<Request>),
    Advance(Duration),
}

/// What a verb captures on its own: names, and where in the body they are (RFC 6901).
pub type Captures = &'static [(&'static str, &'static str)];

const TOKENS: Captures = &[
    ("mfa_token", "/mfa_token"),
    ("access_token", "/access_token"),
    ("id_token", "/id_token"),
    ("refresh_token", "/refresh_token"),
    ("recovery_code", "/recovery_code"),
];

impl Verb {
    pub(super) const WORDS: [&str; 11] = [
        "login",
        "enroll",
        "confirm",
        "challenge",
        "verify",
        "list",
        "remove",
        "refresh",
        "userinfo",
        "request",
        "advance",
    ];

    pub(super) fn read(word: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match word {
            "login" => Self::Login(FromNode::from_node(node, reader)?),
            "enroll" => Self::Enroll(FromNode::from_node(node, reader)?),
            "confirm" => Self::Confirm(FromNode::from_node(node, reader)?),
            "challenge" => Self::Challenge(FromNode::from_node(node, reader)?),
            "verify" => Self::Verify(FromNode::from_node(node, reader)?),
            "list" => Self::List(FromNode::from_node(node, reader)?),
            "remove" => Self::Remove(FromNode::from_node(node, reader)?),
            "refresh" => Self::Refresh(FromNode::from_node(node, reader)?),
            "userinfo" => Self::Userinfo(FromNode::from_node(node, reader)?),
            "request" => Self::Request(Box::new(FromNode::from_node(node, reader)?)),
            "advance" => Self::Advance(FromNode::from_node(node, reader)?),
            _ => return None,
        })
    }

    pub(super) const fn captures(&self) -> Captures {
        match self {
            Self::Login(_) | Self::Confirm(_) | Self::Verify(_) | Self::Refresh(_) => TOKENS,
            Self::Enroll(_) => &[
                ("oob_code", "/oob_code"),
                ("secret", "/secret"),
                ("barcode_uri", "/barcode_uri"),
                ("recovery_codes", "/recovery_codes"),
                ("recovery_code", "/recovery_codes/0"),
            ],
            Self::Challenge(_) => {
                &[("oob_code", "/oob_code"), ("challenge_type", "/challenge_type")]
            }
            Self::List(_) => &[("authenticators", "")],
            Self::Remove(_) | Self::Userinfo(_) | Self::Request(_) | Self::Advance(_) => &[],
        }
    }

    /// The factor that a later `confirm` or `verify` is about, if this verb settles it.
    pub(super) fn channel(&self) -> Option<Channel> {
        match self {
            Self::Enroll(enroll) => Some(enroll.channel),
            Self::Challenge(challenge) => {
                let literal = challenge.challenge_type.as_ref()?.0.as_literal();
                (literal == Some("otp")).then_some(Channel::Otp)
            }
            _ => None,
        }
    }

    /// What the request will be; nothing for `advance`. `channel` is the factor that the acting user enrolled
    /// or was challenged with last.
    pub(super) fn draft(
        self,
        span: Span,
        channel: Channel,
        tenant: &Tenant,
        reader: &mut Reader<'_>,
    ) -> Option<Draft> {
        let default = |path: &str| Tree::expression(path, span);
        let or_default = |written: Option<Text>, path: &str| {
            written.map_or_else(|| default(path), |text| text.0)
        };
        let text = |text: &str| Tree::text(text, span);
        let mut draft = Draft::new(span);
        let overrides = match self {
            Self::Advance(_) => return None,
            Self::Login(login) => {
                draft.token_request(match &login.realm {
                    None => "password",
                    Some(_) => "http://auth0.com/oauth/grant-type/password-realm",
                });
                draft.set("username", or_default(login.username, "user.email"));
                draft.set("password", or_default(login.password, "user.password"));
                draft.set_written("realm", login.realm);
                draft.set_written("audience", login.audience);
                draft.set_written("scope", login.scope);
                login.overrides
            }
            Self::Enroll(enroll) => {
                draft.post("/mfa/associate", Encoding::Json);
                draft.bearer = Some(default("mfa_token"));
                let (authenticator_type, oob_channel) = match enroll.channel {
                    Channel::Otp => ("otp", None),
                    Channel::Push => ("oob", Some("auth0")),
                    channel => ("oob", Some(channel.word())),
                };
                draft.set("authenticator_types", Tree::list_of(authenticator_type, span));
                if let Some(oob_channel) = oob_channel {
                    draft.set("oob_channels", Tree::list_of(oob_channel, span));
                }
                draft.set_written("email", enroll.email);
                draft.set_written("phone_number", enroll.phone_number);
                enroll.overrides
            }
            Self::Confirm(Confirm { mfa_token, oob_code, code, overrides }) => {
                draft.proof(channel, mfa_token, oob_code, code);
                overrides
            }
            Self::Verify(Verify { mfa_token, oob_code, code, recovery_code, overrides }) => {
                if recovery_code.is_some() {
                    draft.token_request("http://auth0.com/oauth/grant-type/mfa-recovery-code");
                    draft.set("mfa_token", or_default(mfa_token, "mfa_token"));
                    draft.set_written("recovery_code", recovery_code);
                } else {
                    draft.proof(channel, mfa_token, oob_code, code);
                }
                overrides
            }
            Self::Challenge(challenge) => {
                draft.post("/mfa/challenge", Encoding::Json);
                draft.set("mfa_token", or_default(challenge.mfa_token, "mfa_token"));
                draft.set(
                    "challenge_type",
                    challenge.challenge_type.map_or_else(|| text("oob"), |text| text.0),
                );
                draft.set_written("authenticator_id", challenge.authenticator_id);
                draft.authenticate();
                challenge.overrides
            }
            Self::List(Plain { overrides }) => {
                draft.path = Path::Fixed("/mfa/authenticators");
                draft.bearer = Some(default("mfa_token"));
                overrides
            }
            Self::Remove(remove) => {
                draft.method = text("DELETE");
                draft.path = Path::Item("/mfa/authenticators/", remove.authenticator_id.0);
                draft.bearer = Some(default("access_token"));
                remove.overrides
            }
            Self::Refresh(refresh) => {
                draft.token_request("refresh_token");
                draft.set("refresh_token", or_default(refresh.refresh_token, "refresh_token"));
                draft.set_written("scope", refresh.scope);
                refresh.overrides
            }
            Self::Userinfo(Plain { overrides }) => {
                draft.path = Path::Fixed("/userinfo");
                draft.bearer = Some(default("access_token"));
                overrides
            }
            Self::Request(request) => {
                draft.method = request.method.0;
                draft.path = Path::Written(request.path.0);
                draft.body = match (request.json, request.form, request.text) {
                    (Some(json), ..) => Body::Json(json),
                    (_, Some(form), _) => Body::Parameters(Encoding::Form, named(form)),
                    (.., Some(text)) => Body::Text(text.0),
                    _ => Body::Query(Vec::new()),
                };
                request.overrides
            }
        };
        draft.apply(overrides, tenant, reader);
        Some(draft)
    }
}

impl Draft {
    fn post(&mut self, path: &'static str, encoding: Encoding) {
        self.method = Tree::text("POST", self.span);
        self.path = Path::Fixed(path);
        self.body = Body::Parameters(encoding, Vec::new());
    }

    fn token_request(&mut self, grant_type: &str) {
        self.post("/oauth/token", Encoding::Form);
        self.set("grant_type", Tree::text(grant_type, self.span));
        self.authenticate();
    }

    /// The client's id and secret, as `client_secret_post` sends them.
    fn authenticate(&mut self) {
        self.set("client_id", Tree::expression("client.id", self.span));
        self.set("client_secret", Tree::expression("client.secret", self.span));
    }

    /// The grant by which a user proves that the factor is theirs.
    fn proof(
        &mut self,
        channel: Channel,
        mfa_token: Option<Text>,
        oob_code: Option<Text>,
        code: Option<Text>,
    ) {
        let span = self.span;
        let or_capture = |written: Option<Text>, name: &str| {
            written.map_or_else(|| Tree::expression(name, span), |text| text.0)
        };
        let (grant_type, parameter) = match channel {
            Channel::Otp => ("http://auth0.com/oauth/grant-type/mfa-otp", "otp"),
            _ => ("http://auth0.com/oauth/grant-type/mfa-oob", "binding_code"),
        };
        self.token_request(grant_type);
        self.set("mfa_token", or_capture(mfa_token, "mfa_token"));
        if channel != Channel::Otp {
            self.set("oob_code", or_capture(oob_code, "oob_code"));
        }
        // A push is answered on the phone: there is no code to send.
        if channel != Channel::Push || code.is_some() {
            self.fetch = code.is_none().then_some(channel);
            self.set(parameter, or_capture(code, "code"));
        }
    }

    fn set(&mut self, name: &str, value: Tree) {
        let (Body::Parameters(_, parameters) | Body::Query(parameters)) = &mut self.body else {
            return;
        };
        match parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => parameters.push((name.to_owned(), value)),
        }
    }

    fn set_written(&mut self, name: &str, value: Option<Text>) {
        if let Some(Text(value)) = value {
            self.set(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        if let Body::Parameters(_, parameters) | Body::Query(parameters) = &mut self.body {
            parameters.retain(|(known, _)| known != name);
        }
    }

    fn apply(&mut self, overrides: Overrides, tenant: &Tenant, reader: &mut Reader<'_>) {
        let mut public = tenant.client.public;
        if let Some(name) = overrides.client {
            match tenant.clients.get(&name.value) {
                Some(client) => public = client.public,
                None => reader.problem(
                    Diagnostic::at(name.span, format!("there is no client `{}`", name.value))
                        .one_of(&name.value, tenant.clients.keys().map(String::as_str))
                        .or_hint("`given.tenant.clients` says which there are"),
                ),
            }
            let path = |member| format!("clients.{}.{member}", name.value);
            if self.has("client_id") {
                self.set("client_id", Tree::expression(&path("id"), name.span));
                self.set("client_secret", Tree::expression(&path("secret"), name.span));
            }
        }
        if public {
            self.remove("client_secret");
        }
        if let (Some(encoding), Body::Parameters(known, _)) = (overrides.encoding, &mut self.body) {
            *known = encoding;
        }
        for (name, value) in overrides.params {
            if value.data == TreeData::Null {
                self.remove(&name.value);
            } else {
                self.set(&name.value, value);
            }
        }
        if self.fetch.is_some() && !(self.uses_code("binding_code") || self.uses_code("otp")) {
            self.fetch = None;
        }
        if let Some(bearer) = overrides.bearer {
            self.bearer = (bearer.data != TreeData::Null).then_some(bearer);
        }
        self.headers = named(overrides.headers);
    }

    fn parameter(&self, name: &str) -> Option<&Tree> {
        let (Body::Parameters(_, parameters) | Body::Query(parameters)) = &self.body else {
            return None;
        };
        parameters.iter().find(|(known, _)| known == name).map(|(_, tree)| tree)
    }

    fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    fn uses_code(&self, name: &str) -> bool {
        let mut uses = false;
        if let Some(tree) = self.parameter(name) {
            tree.expressions(&mut |expression| uses |= expression.root == "code");
        }
        uses
    }
}

fn named(entries: Vec<(Located<String>, Tree)>) -> Vec<(String, Tree)> {
    entries.into_iter().map(|(name, tree)| (name.value, tree)).collect()
}

/// What every verb that sends takes, to set or remove parts of its request.
#[derive(Clone, Debug, Default, JsonSchema)]
pub(super) struct Overrides {
    /// Parameters of the body (of the query, where there is no body); `null` removes one.
    #[schemars(default, with = "BTreeMap<String, Tree>")]
    params: Vec<(Located<String>, Tree)>,
    /// Header fields; `null` removes one.
    #[schemars(default, with = "BTreeMap<String, Option<Text>>")]
    headers: Vec<(Located<String>, Tree)>,
    /// The application that sends: one of `given.tenant.clients`.
    client: Option<Located<String>>,
    /// How the parameters are written.
    encoding: Option<Encoding>,
    /// The token in `Authorization`; `null` for none.
    #[schemars(with = "Option<Text>")]
    bearer: Option<Tree>,
}

impl Overrides {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            params: fields.default("params"),
            headers: fields.default("headers"),
            client: fields.optional("client"),
            encoding: fields.optional("encoding"),
            bearer: fields.optional_even_null("bearer"),
        }
    }
}

impl FromNode for Encoding {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        super::word(node, "encoding", &[("form", Self::Form), ("json", Self::Json)], reader)
    }
}

impl JsonSchema for Encoding {
    fn schema_name() -> Cow<'static, str> {
        "Encoding".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ["form", "json"]})
    }
}

/// A verb's struct: its keys, how they are read, and the overrides.
macro_rules! verb {
    (
        $(#[$attribute:meta])*
        $name:ident { $($(#[$field_attribute:meta])* $field:ident: $type:ty = $how:ident,)* }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_attribute])* $field: $type,)*
            #[schemars(flatten)]
            overrides: Overrides,
        }

        impl FromNode for $name {
            fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let mut fields = Fields::of(node, reader)?;
                $(let $field = fields.$how(stringify!($field));)*
                let overrides = Overrides::read(&mut fields);
                fields.finish();
                Some(Self { $($field: verb!(@$how $field),)* overrides })
            }
        }
    };
    (@required $field:ident) => { $field? };
    (@$how:ident $field:ident) => { $field };
}

verb! {
    /// `POST /oauth/token` with the grant `password`, or `password-realm` if there is a realm.
    Login {
        /// The user's address, unless given.
        username: Option<Text> = optional,
        /// The user's password, unless given.
        password: Option<Text> = optional,
        /// The connection to look the user up in.
        realm: Option<Text> = optional,
        /// The API that the token is for.
        audience: Option<Text> = optional,
        /// The scopes, separated by spaces.
        scope: Option<Text> = optional,
    }
}

verb! {
    /// `POST /mfa/associate`.
    Enroll {
        /// How the new authenticator reaches its user.
        channel: Channel = required,
        /// The address to enrol, with `email`.
        email: Option<Text> = optional,
        /// The number to enrol, with `sms` and `voice`.
        phone_number: Option<Text> = optional,
    }
}

verb! {
    /// `POST /oauth/token` with the grant of the factor that was enrolled.
    Confirm {
        /// The last one, unless given.
        mfa_token: Option<Text> = optional,
        /// The last one, unless given.
        oob_code: Option<Text> = optional,
        /// Fetched from the code source, unless given.
        code: Option<Text> = optional,
    }
}

verb! {
    /// `POST /mfa/challenge`.
    Challenge {
        /// The last one, unless given.
        mfa_token: Option<Text> = optional,
        /// `oob`, unless given.
        challenge_type: Option<Text> = optional,
        /// The authenticator to use; Auth0 chooses, unless given.
        authenticator_id: Option<Text> = optional,
    }
}

verb! {
    /// `POST /oauth/token` with the grant of the challenge, or of the recovery code.
    Verify {
        /// The last one, unless given.
        mfa_token: Option<Text> = optional,
        /// The last one, unless given.
        oob_code: Option<Text> = optional,
        /// Fetched from the code source, unless given.
        code: Option<Text> = optional,
        /// A recovery code to use in place of the factor.
        recovery_code: Option<Text> = optional,
    }
}

verb! {
    /// A request without keys of its own.
    Plain {}
}

verb! {
    /// `DELETE /mfa/authenticators/{id}`.
    Remove {
        /// Which.
        authenticator_id: Text = required,
    }
}

verb! {
    /// `POST /oauth/token` with the grant `refresh_token`.
    Refresh {
        /// The last one, unless given.
        refresh_token: Option<Text> = optional,
        /// The scopes, separated by spaces.
        scope: Option<Text> = optional,
    }
}

verb! {
    /// Any request.
    Request {
        /// The method.
        method: Text = required,
        /// The path, with the query.
        path: Text = required,
        /// A JSON body.
        json: Option<Tree> = optional_even_null,
        /// A form.
        #[schemars(with = "Option<BTreeMap<String, Tree>>")]
        form: Option<Vec<(Located<String>, Tree)>> = optional,
        /// A body of any text.
        text: Option<Text> = optional,
    }
}
