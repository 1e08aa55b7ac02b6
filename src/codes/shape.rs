//! How HTTP APIs of inboxes differ, as data: what to ask, with placeholders, and where in the answer is what.

use std::collections::BTreeMap;

use mail_parser::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{clock::Timestamp, secret::Secret};

/// How an API lists messages. In `path`, `headers`, `credentials`, `body` and a detail's path stand placeholders:
/// `{to}` is the address or number, `{tag}` what its local part has behind the first `.`, `{since}` a moment a minute
/// before the request (RFC 3339) and `{since_ms}` the same in milliseconds since the Unix epoch; in a detail's path
/// `{id}` is the message's id. Any other name is that of a parameter. Paths into JSON are `JSONPath` queries (RFC 9535).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The URL that paths are appended to, with no slash at its end.
    pub base: String,
    /// Below the base, with the query. What placeholders stand for is percent-encoded.
    pub path: String,
    /// The names and values of headers.
    pub headers: Vec<(String, String)>,
    /// The user and the password of HTTP Basic authentication.
    pub credentials: Option<(String, String)>,
    /// A JSON body, which makes the request a POST.
    pub body: Option<String>,
    /// Statuses that say that there is no message, besides success.
    pub empty: Vec<u16>,
    /// From the answer to the messages.
    pub messages: String,
    /// Which of them is the newest.
    pub newest: Newest,
    /// From a message to its id, and all below likewise.
    pub id: String,
    /// To the addresses or numbers that it went to. Without any, all messages are taken to be to the one asked for: the
    /// API has to choose them then.
    pub to: Vec<String>,
    /// To when it was received: RFC 3339, RFC 5322, or a number of seconds or milliseconds since the Unix epoch.
    pub received: Option<String>,
    /// To its texts, subject included.
    pub text: Vec<String>,
    /// To its HTML.
    pub html: Vec<String>,
    /// Where the rest of a message is, if not in the list. With JSON, `text` and `html` are looked for there too.
    pub detail: Option<Detail>,
}

/// Which of the messages in a list is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newest {
    /// The first one.
    First,
    /// The last one.
    Last,
}

/// Where one message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Below the base, with `{id}`.
    pub path: String,
    /// What is there.
    pub format: Format,
}

/// What a message is given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, with texts and HTML in it.
    Json,
    /// A text.
    Text,
    /// HTML.
    Html,
    /// The message as it was sent (RFC 5322 and MIME).
    Mime,
}

/// What the placeholders of a request stand for.
pub(super) struct Values<'a> {
    pub parameters: &'a BTreeMap<String, Secret<String>>,
    /// The address or the number.
    pub to: &'a str,
    /// When the request was sent that makes a message be sent.
    pub since: Timestamp,
    /// The message's id; empty where the list is asked for.
    pub id: &'a str,
}

/// How what a placeholder stands for is written, by where it stands.
#[derive(Clone, Copy)]
pub(super) enum Encoding {
    Url,
    Json,
    Header,
}

/// What an id and an address need not be encoded for.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a moment is earlier by that a server is told: its clock may be behind. What was there is known by its id.
const SLACK_MILLIS: u64 = 60_000;
/// What a request says of the message that it is about.
const KNOWN: [&str; 5] = ["to", "tag", "since", "since_ms", "id"];

impl Shape {
    /// A placeholder that stands for nothing.
    pub(super) fn unknown(&self, parameters: &BTreeMap<String, Secret<String>>) -> Option<&str> {
        self.templates()
            .flat_map(placeholders)
            .find(|name| !KNOWN.contains(name) && !parameters.contains_key(*name))
    }

    fn templates(&self) -> impl Iterator<Item = &str> {
        let credentials = self.credentials.iter().flat_map(|(user, password)| [user, password]);
        [&self.path]
            .into_iter()
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(credentials)
            .chain(&self.body)
            .chain(self.detail.iter().map(|detail| &detail.path))
            .map(String::as_str)
    }
}

impl Values<'_> {
    /// A template with what its placeholders stand for.
    pub(super) fn fill(&self, template: &str, encoding: Encoding) -> String {
        let since = self.since.as_millis().saturating_sub(SLACK_MILLIS);
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, name, after)) = next_placeholder(rest) {
            filled.push_str(before);
            let value = match name {
                "to" => self.to.to_owned(),
                "tag" => {
                    let local = self.to.split('@').next().unwrap_or_default();
                    local.split_once('.').map_or("", |(_, tag)| tag).to_owned()
                }
                "since" => {
                    let seconds = i64::try_from(since / 1000).unwrap_or_default();
                    DateTime::from_timestamp(seconds).to_rfc3339()
                }
                "since_ms" => since.to_string(),
                "id" => self.id.to_owned(),
                name => self
                    .parameters
                    .get(name)
                    .map(|value| value.expose().clone())
                    .unwrap_or_default(),
            };
            match encoding {
                Encoding::Url => filled.extend(utf8_percent_encode(&value, ENCODED)),
                Encoding::Json => {
                    let quoted = Value::from(value).to_string();
                    filled.push_str(&quoted[1..quoted.len() - 1]);
                }
                Encoding::Header => filled.push_str(&value),
            }
            rest = after;
        }
        filled + rest
    }
}

/// What is before the first placeholder of a template, its name, and what is behind it. Other braces are themselves.
fn next_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    template.match_indices('{').find_map(|(at, _)| {
        let (name, after) = template[at + 1..].split_once('}')?;
        let is_name =
            !name.is_empty() && name.chars().all(|next| next == '_' || next.is_ascii_lowercase());
        is_name.then_some((&template[..at], name, after))
    })
}

fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (_, name, after) = next_placeholder(rest)?;
        rest = after;
        Some(name)
    })
}
