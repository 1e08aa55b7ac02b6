//! How HTTP APIs of inboxes differ, as data: what to ask, with placeholders, and where in the answer is what.

use std::collections::BTreeMap;

use super::template::Template;
use crate::secret::Secret;

/// How an API lists messages. In the templates stand placeholders: `{recipient}` is the address or number, `{tag}` what
/// its local part has behind the first `.`, `{since}` a moment a minute before the request (RFC 3339) and `{since_ms}`
/// the same in milliseconds since the Unix epoch; in a detail's path `{id}` is the message's id. Any other name is that
/// of a parameter. Paths into JSON are `JSONPath` queries (RFC 9535).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The URL that paths are appended to, with no slash at its end.
    pub base: String,
    /// Below the base, with the query. What placeholders stand for is percent-encoded.
    pub path: Template,
    /// The names and values of headers.
    pub headers: Vec<(String, Template)>,
    /// The user and the password of HTTP Basic authentication.
    pub credentials: Option<(Template, Template)>,
    /// A body, which makes the request a POST: JSON, unless a header says otherwise.
    pub body: Option<Template>,
    /// Statuses that say that there is no message, besides success.
    pub empty: Vec<u16>,
    /// From the answer to the messages.
    pub messages: String,
    /// Which of them is the newest.
    pub newest: Newest,
    /// From a message to its id, and all below likewise. Of several values all together are the id.
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
    /// The one that was received last, as it says itself.
    Received,
}

/// Where one message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Below the base if it begins with `/`, else a whole URL; with `{id}`.
    pub path: Template,
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

impl Shape {
    /// A placeholder that stands for nothing.
    pub(super) fn unknown(&self, parameters: &BTreeMap<String, Secret<String>>) -> Option<&str> {
        self.templates().find_map(|template| template.unknown(parameters))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let credentials = self.credentials.iter().flat_map(|(user, password)| [user, password]);
        [&self.path]
            .into_iter()
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(credentials)
            .chain(&self.body)
            .chain(self.detail.iter().map(|detail| &detail.path))
    }
}
