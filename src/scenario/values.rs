//! Texts that must have a form: what is none is a mistake where it stands, and not a surprise in a run.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    address::{is_address, is_phone_number},
    source::{
        Diagnostic,
        document::{FromNode, Reader},
        yaml::{Data, Node},
    },
};

/// A text with a form: the form as the schema has it, how it is recognised, and what to say of another text, which is
/// not shown: it may be a secret.
macro_rules! forms {
    ($($(#[$attribute:meta])* $name:ident $pattern:literal $is_one:ident $refusal:literal $expected:literal)+) => {$(
        $(#[$attribute])*
        pub(super) struct $name(pub(super) String);

        impl FromNode for $name {
            fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let Data::String(text) = &node.data else { return reader.wrong_type(node, "a text") };
                if $is_one(text) || reader.is_reported(node) {
                    return Some(Self(text.clone()));
                }
                let problem = Diagnostic::at(node.span, $refusal);
                reader.problem(problem.expected($expected));
                None
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    )+};
}

forms! {
    /// Any text but an empty one.
    Filled "." is_filled
        "this is empty" "some text"
    /// One word, as of a scope.
    Word "^[^ ]+$" is_word
        "this is not one word" "a word, such as `read:users`"
    /// An e-mail address, as far as it matters here.
    EmailAddress "^[^@ ]+@[^@ ]+$" is_address
        "this is not an e-mail address" "one, such as `ada@example.com`"
    /// A phone number in E.164 form.
    PhoneNumber r"^\+[1-9][0-9]{6,14}$" is_phone_number
        "this is not a phone number" "one in E.164 form, such as `+15550000001`"
    /// The secret of an app that makes codes.
    Base32 "^[A-Z2-7]+$" is_base32
        "this is not the secret of an app" "base32, such as `GEZDGNBVGY3TQOJQ`"
    /// What a path begins with.
    PathStart "^/" is_path
        "no path begins like this" "one from its `/` on, such as `/oauth/token`"
}

fn is_filled(text: &str) -> bool {
    !text.is_empty()
}

fn is_word(text: &str) -> bool {
    is_filled(text) && !text.contains(char::is_whitespace)
}

fn is_base32(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
    // Fewer than two characters are no byte.
    text.len() > 1
        && text.bytes().all(is_one)
        && totp_rs::Secret::try_from_base32(text).is_ok_and(|secret| !secret.as_bytes().is_empty())
}

fn is_path(text: &str) -> bool {
    text.starts_with('/')
}
