//! The shapes of inboxes that are known by name.
//!
//! maildev 3 is the one that tests run; the others are as their documentation, clients and sources have them, and what
//! is not sure of them is marked \[guess\].

use super::shape::{Detail, Format, Newest, Shape};

/// What there is to know of a shape with a name before it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name.
    pub name: &'static str,
    /// The channel whose messages it has, as scenarios name it.
    pub channel: &'static str,
    /// Whether there is one server for all; else everyone has their own.
    pub is_service: bool,
    /// The parameters that have to be set.
    pub parameters: &'static [Parameter],
}

/// What a placeholder of a preset stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// Whether its value is secret.
    pub is_secret: bool,
}

const KEY: Parameter = Parameter { name: "key", is_secret: true };

const fn public(name: &'static str) -> Parameter {
    Parameter { name, is_secret: false }
}

const fn server(name: &'static str) -> Preset {
    Preset { name, channel: "email", is_service: false, parameters: &[] }
}

const fn service(name: &'static str, parameters: &'static [Parameter]) -> Preset {
    Preset { name, channel: "email", is_service: true, parameters }
}

impl Shape {
    /// The presets.
    pub const PRESETS: [Preset; 9] = [
        server("maildev"),
        server("maildev-2"),
        server("mailpit"),
        server("mailhog"),
        service("mailosaur", &[KEY, public("server")]),
        service("mailslurp", &[KEY, public("inbox")]),
        service("mailtrap", &[KEY, public("account"), public("inbox")]),
        service("testmail", &[KEY, public("namespace")]),
        Preset {
            channel: "sms",
            ..service("twilio", &[public("sid"), Parameter { name: "token", is_secret: true }])
        },
    ];

    /// The shape with this name, and with the base that the service has, or a server of one's own by default.
    /// [`Self::PRESETS`] says what it needs.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        Some(match name {
            "maildev" => Self {
                newest: Newest::Last,
                ..list("http://127.0.0.1:1080", "/api/email?to.address={recipient}", "$[*]")
            }
            .of(&["$.to[*].address"], "$.time")
            .reads(&["$.text", "$.subject"], &["$.html"]),
            // Up to version 2 the path had no `/api`. [guess]
            "maildev-2" => Self { path: "/email?to.address={recipient}".into(), ..Self::preset("maildev")? },
            // The search is for a part of the address.
            "mailpit" => {
                let path = "/api/v1/search?query=to:%22{recipient}%22&limit=50";
                list("http://127.0.0.1:8025", path, "$.messages[*]")
                    .with_id("$.ID")
                    .of(&["$.To[*].Address"], "$.Created")
                    .reads(&["$.Text", "$.Subject"], &["$.HTML"])
                    .with_detail("/api/v1/message/{id}", Format::Json)
            }
            // Its JSON has a message as it was sent, encodings and all; so it is taken as a whole.
            "mailhog" => list("http://127.0.0.1:8025", "/api/v2/search?kind=to&query={recipient}", "$.items[*]")
                .with_id("$.ID")
                .of(&["$.Content.Headers.To[*]"], "$.Created")
                .with_detail("/api/v1/messages/{id}/download", Format::Mime),
            "mailosaur" => Self {
                credentials: Some(("{key}".into(), "".into())),
                body: Some(r#"{"sentTo": "{recipient}"}"#.into()),
                ..list(
                    "https://mailosaur.com",
                    "/api/messages/search?server={server}&receivedAfter={since}&itemsPerPage=10",
                    "$.items[*]",
                )
            }
            .of(&["$.to[*].email", "$.to[*].phone"], "$.received")
            .reads(&["$.text.body", "$.subject"], &["$.html.body"])
            .with_detail("/api/messages/{id}", Format::Json),
            // It gives the newest message of an inbox, which is no address, or waits for one in vain. [guess]: the base,
            // the names of the members, and the statuses.
            "mailslurp" => Self {
                headers: vec![("x-api-key".into(), "{key}".into())],
                empty: vec![404, 408],
                ..list(
                    "https://api.mailslurp.com",
                    "/waitForLatestEmail?inboxId={inbox}&timeout=1000&unreadOnly=false&since={since}",
                    "$",
                )
            }
            .of(&["$.to[*]"], "$.createdAt")
            .reads(&["$.subject"], &["$.body"]),
            // [guess]: the name of the header.
            "mailtrap" => Self {
                headers: vec![("Api-Token".into(), "{key}".into())],
                ..list(
                    "https://sandbox.api.mailtrap.io",
                    "/api/accounts/{account}/inboxes/{inbox}/messages?search={recipient}",
                    "$[*]",
                )
            }
            .of(&["$.to_email"], "$.created_at")
            .reads(&["$.subject"], &[])
            .with_detail(
                "/api/accounts/{account}/inboxes/{inbox}/messages/{id}/body.html",
                Format::Html,
            ),
            // The address is `{namespace}.{tag}@inbox.testmail.app`. [guess]: the names of the members, and that the
            // newest is first.
            "testmail" => list(
                "https://api.testmail.app",
                "/api/json?apikey={key}&namespace={namespace}&tag={tag}&timestamp_from={since_ms}",
                "$.emails[*]",
            )
            .with_id("$.downloadUrl")
            .of(&["$.to"], "$.timestamp")
            .reads(&["$.text", "$.subject"], &["$.html"]),
            "twilio" => Self {
                credentials: Some(("{sid}".into(), "{token}".into())),
                ..list(
                    "https://api.twilio.com",
                    "/2010-04-01/Accounts/{sid}/Messages.json?To={recipient}&PageSize=20",
                    "$.messages[*]",
                )
            }
            .with_id("$.sid")
            .of(&["$.to"], "$.date_sent")
            .reads(&["$.body"], &[]),
            _ => return None,
        })
    }

    fn with_id(self, id: &str) -> Self {
        Self { id: id.into(), ..self }
    }

    fn of(self, to: &[&str], received: &str) -> Self {
        Self { to: owned(to), received: Some(received.into()), ..self }
    }

    fn reads(self, text: &[&str], html: &[&str]) -> Self {
        Self { text: owned(text), html: owned(html), ..self }
    }

    fn with_detail(self, path: &str, format: Format) -> Self {
        Self { detail: Some(Detail { path: path.into(), format }), ..self }
    }
}

/// A list of messages by `GET`, the newest first.
fn list(base: &str, path: &str, messages: &str) -> Shape {
    Shape {
        base: base.into(),
        path: path.into(),
        headers: Vec::new(),
        credentials: None,
        body: None,
        empty: Vec::new(),
        messages: messages.into(),
        newest: Newest::First,
        id: "$.id".into(),
        to: Vec::new(),
        received: None,
        text: Vec::new(),
        html: Vec::new(),
        detail: None,
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Shape;
    use crate::secret::Secret;

    #[test]
    fn each_preset_has_a_shape_that_needs_its_parameters() {
        for preset in Shape::PRESETS {
            let shape = Shape::preset(preset.name).expect(preset.name);
            let mut parameters: BTreeMap<_, _> = preset
                .parameters
                .iter()
                .map(|parameter| (parameter.name.to_owned(), Secret::new(String::new())))
                .collect();
            assert_eq!(shape.unknown(&parameters), None, "{}", preset.name);
            for parameter in preset.parameters {
                parameters.remove(parameter.name);
                assert!(shape.unknown(&parameters).is_some(), "{}: {parameter:?}", preset.name);
            }
        }
        assert_eq!(Shape::preset("mailbag"), None);
    }
}
