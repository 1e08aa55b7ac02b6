//! Texts of a request with gaps in them, which are filled in when it is made.

use std::collections::BTreeMap;

use mail_parser::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{clock::Timestamp, secret::Secret};

/// A text with placeholders, as `{recipient}`: letters from a to z and `_` in braces. Other braces are themselves.
/// What stands between them may be secret, and is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Secret<String>),
    Placeholder(String),
}

/// What the placeholders of a request stand for.
pub(super) struct Values<'a> {
    pub parameters: &'a BTreeMap<String, Secret<String>>,
    /// The address or the number.
    pub recipient: &'a str,
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
const KNOWN: [&str; 5] = ["recipient", "tag", "since", "since_ms", "id"];

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        let mut template = Self::default();
        template.push(text);
        template
    }
}

impl Template {
    /// Adds a text with its placeholders.
    pub fn push(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, name, after)) = next_placeholder(rest) {
            self.push_text(before);
            self.0.push(Part::Placeholder(name.to_owned()));
            rest = after;
        }
        self.push_text(rest);
    }

    /// Adds a text as it is, whatever braces are in it.
    pub fn push_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push(Part::Text(Secret::new(text.to_owned())));
        }
    }

    /// The names of the placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Placeholder(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// A placeholder that stands for nothing.
    pub(super) fn unknown(&self, parameters: &BTreeMap<String, Secret<String>>) -> Option<&str> {
        self.placeholders().find(|name| !KNOWN.contains(name) && !parameters.contains_key(*name))
    }

    /// The text with what its placeholders stand for.
    pub(super) fn fill(&self, values: &Values<'_>, encoding: Encoding) -> String {
        let mut filled = String::new();
        for part in &self.0 {
            let value = match part {
                Part::Text(text) => {
                    filled.push_str(text.expose());
                    continue;
                }
                Part::Placeholder(name) => values.of(name),
            };
            match encoding {
                Encoding::Url => filled.extend(utf8_percent_encode(&value, ENCODED)),
                Encoding::Json => {
                    let quoted = Value::from(value).to_string();
                    filled.push_str(&quoted[1..quoted.len() - 1]);
                }
                Encoding::Header => filled.push_str(&value),
            }
        }
        filled
    }
}

impl Values<'_> {
    fn of(&self, name: &str) -> String {
        let since = self.since.as_millis().saturating_sub(SLACK_MILLIS);
        match name {
            "recipient" => self.recipient.to_owned(),
            "tag" => {
                let local = self.recipient.split('@').next().unwrap_or_default();
                local.split_once('.').map_or("", |(_, tag)| tag).to_owned()
            }
            "since" => {
                let seconds = i64::try_from(since / 1000).unwrap_or_default();
                DateTime::from_timestamp(seconds).to_rfc3339()
            }
            "since_ms" => since.to_string(),
            "id" => self.id.to_owned(),
            name => self.parameters.get(name).map(|it| it.expose().clone()).unwrap_or_default(),
        }
    }
}

/// What is before the first placeholder of a text, its name, and what is behind it.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let (name, after) = text[at + 1..].split_once('}')?;
        let is_name =
            !name.is_empty() && name.chars().all(|next| next == '_' || next.is_ascii_lowercase());
        is_name.then_some((&text[..at], name, after))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Encoding, Template, Values};
    use crate::{clock::Timestamp, secret::Secret};

    #[test]
    fn placeholders_are_filled_as_their_place_wants_it() {
        let parameters = BTreeMap::from([("key".to_owned(), Secret::new("a\"b".to_owned()))]);
        let values = Values {
            parameters: &parameters,
            recipient: "ns.ann+1@x.example",
            since: Timestamp::from_millis(1_767_225_660_000),
            id: "7",
        };
        let mut template = Template::from(r#"{"a": "{recipient}", "b": {tag} {since} {since_ms}"#);
        template.push_text("{id}");
        template.push("{id}{key}");
        assert_eq!(
            template.fill(&values, Encoding::Json),
            r#"{"a": "ns.ann+1@x.example", "b": ann+1 2026-01-01T00:00:00Z 1767225600000{id}7a\"b"#
        );
        let template = Template::from("?to={recipient}&key={key}");
        let filled = template.fill(&values, Encoding::Url);
        assert_eq!(filled, "?to=ns.ann%2B1%40x.example&key=a%22b");
        assert_eq!(template.fill(&values, Encoding::Header), "?to=ns.ann+1@x.example&key=a\"b");
        assert_eq!(template.unknown(&parameters), None);
        assert_eq!(Template::from("{inbox}").unknown(&parameters), Some("inbox"));
        assert_eq!(
            format!("{template:?}").matches("***").count(),
            2,
            "what may be secret is not shown"
        );
    }
}
