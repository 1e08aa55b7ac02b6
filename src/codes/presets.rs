//! The shapes of inboxes that are known by name.
//!
//! maildev 3 is the one that tests run; the others are as their documentation, clients and sources have them, and what
//! is not sure of them is marked \[guess\].

use super::shape::{Detail, Format, Newest, Shape};

impl Shape {
    /// The names of the presets.
    pub const PRESETS: [&str; 9] = [
        "maildev",
        "maildev-2",
        "mailpit",
        "mailhog",
        "mailosaur",
        "mailslurp",
        "mailtrap",
        "testmail",
        "twilio",
    ];

    /// The shape with this name, and with the base that the service has, or a server of one's own by default.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        Some(match name {
            "maildev" => Self {
                newest: Newest::Last,
                ..list("http://127.0.0.1:1080", "/api/email?to.address={to}", "$[*]")
            }
            .of(&["$.to[*].address"], "$.time")
            .reads(&["$.text", "$.subject"], &["$.html"]),
            // Up to version 2 the path had no `/api`. [guess]
            "maildev-2" => Self { path: "/email?to.address={to}".into(), ..Self::preset("maildev")? },
            // The search is for a part of the address.
            "mailpit" => {
                let path = "/api/v1/search?query=to:%22{to}%22&limit=50";
                list("http://127.0.0.1:8025", path, "$.messages[*]")
                    .with_id("$.ID")
                    .of(&["$.To[*].Address"], "$.Created")
                    .reads(&["$.Text", "$.Subject"], &["$.HTML"])
                    .with_detail("/api/v1/message/{id}", Format::Json)
            }
            // Its JSON has a message as it was sent, encodings and all; so it is taken as a whole.
            "mailhog" => list("http://127.0.0.1:8025", "/api/v2/search?kind=to&query={to}", "$.items[*]")
                .with_id("$.ID")
                .of(&["$.Content.Headers.To[*]"], "$.Created")
                .with_detail("/api/v1/messages/{id}/download", Format::Mime),
            "mailosaur" => Self {
                credentials: Some(("{key}".into(), String::new())),
                body: Some(r#"{"sentTo": "{to}"}"#.into()),
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
                    "/api/accounts/{account}/inboxes/{inbox}/messages?search={to}",
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
                    "/2010-04-01/Accounts/{sid}/Messages.json?To={to}&PageSize=20",
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
