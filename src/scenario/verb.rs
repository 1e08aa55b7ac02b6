//! The verbs as they are written: their keys, and what each captures on its own.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    draft::Encoding,
    given::Channel,
    template::{Text, Tree},
};
use crate::source::{
    Located,
    document::{Fields, FromNode, Reader, word},
    yaml::Node,
};

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
    Push(PushAnswer),
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
    pub(super) const WORDS: [&str; 12] = [
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
        "push",
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
            "push" => Self::Push(FromNode::from_node(node, reader)?),
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
            Self::Remove(_)
            | Self::Userinfo(_)
            | Self::Request(_)
            | Self::Push(_)
            | Self::Advance(_) => &[],
        }
    }

    /// The factor that a later `confirm` or `verify` is about, as far as this verb settles it.
    pub(super) fn topic(&self) -> Option<Topic> {
        match self {
            Self::Enroll(enroll) => Some(Topic::Channel(enroll.channel)),
            Self::Challenge(Challenge { channel: Some(channel), .. }) => {
                Some(Topic::Channel(*channel))
            }
            Self::Challenge(Challenge { challenge_type: Some(written), .. }) => {
                match written.0.as_literal()? {
                    "otp" => Some(Topic::Channel(Channel::Otp)),
                    "oob" => Some(Topic::OutOfBand),
                    _ => None,
                }
            }
            Self::Challenge(_) => Some(Topic::OutOfBand),
            _ => None,
        }
    }
}

/// What a later `confirm` or `verify` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// This.
    Channel(Channel),
    /// Any factor but `otp`: the last one that the user had to do with.
    OutOfBand,
}

/// What a user says to a push, on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushAnswer {
    /// Yes; at enrolment, that the barcode is scanned.
    Accept,
    /// No.
    Reject,
}

impl FromNode for PushAnswer {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "answer", &[("accept", Self::Accept), ("reject", Self::Reject)], reader)
    }
}

impl JsonSchema for PushAnswer {
    fn schema_name() -> Cow<'static, str> {
        "PushAnswer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ["accept", "reject"]})
    }
}

/// What every verb that sends takes, to set or remove parts of its request.
#[derive(Clone, Debug, Default, JsonSchema)]
pub(super) struct Overrides {
    /// Parameters of the body (of the query, where there is no body); `null` removes one.
    #[schemars(default, with = "BTreeMap<String, Tree>")]
    pub(super) params: Vec<(Located<String>, Tree)>,
    /// Header fields; `null` removes one.
    #[schemars(default, with = "BTreeMap<String, Option<Text>>")]
    pub(super) headers: Vec<(Located<String>, Tree)>,
    /// The application that sends: one of `given.tenant.clients`.
    pub(super) client: Option<Located<String>>,
    /// How the parameters are written.
    pub(super) encoding: Option<Located<Encoding>>,
    /// The token in `Authorization`; `null` for none.
    #[schemars(with = "Option<Text>")]
    pub(super) bearer: Option<Tree>,
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
        word(node, "encoding", &[("form", Self::Form), ("json", Self::Json)], reader)
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
            $($(#[$field_attribute])* pub(super) $field: $type,)*
            #[schemars(flatten)]
            pub(super) overrides: Overrides,
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
        /// The factor to use; Auth0 chooses, unless given.
        channel: Option<Channel> = optional,
        /// `otp` with the channel `otp`, else `oob`, unless given.
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
