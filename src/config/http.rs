//! `kind: http`: a service that keeps what was sent, and is asked for it over HTTP.

use std::collections::BTreeMap;

use super::{
    Channel,
    conceal::is_secret,
    value::{Path, Sensitive, url},
};
use crate::{
    secret::Secret,
    source::{
        Diagnostic, Located,
        document::{Fields, FromNode, Reader, word},
        yaml::{Data, Node},
    },
};

/// A service, and how to ask it.
#[derive(Clone, Debug)]
pub struct Http {
    /// Where it is: of a preset the server, else the list of messages, with words in braces to replace.
    pub url: Secret<String>,
    /// Header fields of every request.
    pub headers: Vec<(String, Secret<String>)>,
    /// Name and password for HTTP Basic.
    pub basic: Option<(Secret<String>, Secret<String>)>,
    /// How its answers are read.
    pub inbox: Inbox,
}

/// How a service is asked, and its answers read.
#[derive(Clone, Debug)]
pub enum Inbox {
    /// As this one is.
    Preset(Preset, BTreeMap<&'static str, Secret<String>>),
    /// As the file says.
    Listing(Box<Listing>),
}

/// A service that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Preset {
    Maildev,
    Mailpit,
    Mailhog,
    Mailosaur,
    Mailslurp,
    Mailtrap,
    Testmail,
    Twilio,
}

/// A list of messages.
#[derive(Clone, Debug)]
pub struct Listing {
    /// What a POST sends, with words in braces to replace; without it the list is asked for by GET.
    pub body: Option<Body>,
    /// Where the messages are in the answer, as JSONPath.
    pub list: String,
    /// Which of them is the newest.
    pub newest: Newest,
    /// Where the receiver is in a message.
    pub recipient: Option<String>,
    /// The request for a whole message, where the list does not have it.
    pub then: Option<Then>,
    /// Where the texts to search are in a message; none where the answer is the text itself.
    pub text: Vec<String>,
}

/// The body of a request.
#[derive(Clone, Debug)]
pub struct Body(pub Secret<String>);

/// Which message is the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Newest {
    /// The first of the list.
    First,
    /// The last of the list.
    Last,
    /// That with the latest time at this JSONPath.
    Time(String),
}

/// The request for a whole message.
#[derive(Clone, Debug)]
pub struct Then {
    /// Where it is; `{id}` is the message's.
    pub url: Secret<String>,
    /// Where the id is in a message of the list.
    pub id: String,
    /// What is answered.
    pub response: Response,
}

/// What the answer with a whole message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// JSON.
    Json,
    /// The text itself.
    Text,
    /// The message as it was sent.
    Mime,
}

const PRESETS: [(&str, Preset); 8] = [
    ("maildev", Preset::Maildev),
    ("mailpit", Preset::Mailpit),
    ("mailhog", Preset::Mailhog),
    ("mailosaur", Preset::Mailosaur),
    ("mailslurp", Preset::Mailslurp),
    ("mailtrap", Preset::Mailtrap),
    ("testmail", Preset::Testmail),
    ("twilio", Preset::Twilio),
];

impl Preset {
    /// The service's own server; `None` where everyone has their own.
    const fn url(self) -> Option<&'static str> {
        match self {
            Self::Maildev | Self::Mailpit | Self::Mailhog => None,
            Self::Mailosaur => Some("https://mailosaur.com"),
            Self::Mailslurp => Some("https://api.mailslurp.com"),
            Self::Mailtrap => Some("https://sandbox.api.mailtrap.io"),
            Self::Testmail => Some("https://api.testmail.app"),
            Self::Twilio => Some("https://api.twilio.com"),
        }
    }

    /// What its URLs need besides.
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Maildev | Self::Mailpit | Self::Mailhog => &[],
            Self::Mailosaur => &["server"],
            Self::Mailslurp => &["inbox"],
            Self::Mailtrap => &["account", "inbox"],
            Self::Testmail => &["api_key", "namespace"],
            Self::Twilio => &["account"],
        }
    }

    const fn has(self, channel: Channel) -> bool {
        match self {
            Self::Twilio => matches!(channel, Channel::Sms),
            _ => matches!(channel, Channel::Email),
        }
    }
}

/// The keys where there is no preset.
const LISTING: [&str; 8] = ["url", "body", "list", "newest", "time", "recipient", "then", "text"];
/// The words in the URL of a list, and in a body.
const WORDS: [&str; 2] = ["recipient", "since"];

impl Http {
    pub(super) fn read(channel: Channel, fields: &mut Fields<'_, '_>) -> Option<Self> {
        let preset: Option<Located<Preset>> = fields.optional("preset");
        let Headers(headers) = fields.default("headers");
        let basic = basic(fields);
        let (address, inbox) = match preset {
            // One that is not known is reported, and nothing can be said of the other keys.
            None if fields.entry("preset").is_some() => {
                let parameters = PRESETS.iter().flat_map(|(_, preset)| preset.parameters());
                for key in parameters.chain(&LISTING) {
                    let _ = fields.entry(key);
                }
                return None;
            }
            Some(preset) => {
                let inbox = Inbox::of_preset(preset, channel, fields);
                let address = match preset.value.url() {
                    Some(own) if fields.entry("url").is_none() => Some(Secret::new(own.to_owned())),
                    _ => url("url", &[], fields).map(|(url, _)| url),
                };
                (address, inbox)
            }
            None => {
                let address = url("url", &WORDS, fields).map(|(url, _)| url);
                (address, Listing::read(fields).map(|listing| Inbox::Listing(Box::new(listing))))
            }
        };
        Some(Self { url: address?, headers, basic: basic?, inbox: inbox? })
    }
}

#[derive(Default)]
struct Headers(Vec<(String, Secret<String>)>);

impl FromNode for Headers {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Data::Mapping(entries) = &node.data else { return reader.wrong_type(node, "a map") };
        let headers = entries.iter().filter_map(|(name, node)| {
            Some((name.text.clone(), secret_by_name(&name.text, node, reader)?))
        });
        Some(Self(headers.collect()))
    }
}

/// A value that must come from a variable if its name says that it is secret.
fn secret_by_name(name: &str, node: &Node, reader: &mut Reader<'_>) -> Option<Secret<String>> {
    if is_secret(name) {
        return Secret::from_node(node, reader);
    }
    Sensitive::from_node(node, reader).map(|Sensitive(value)| value)
}

/// Name and password, both or none.
#[expect(clippy::option_option, reason = "without an error there may be none")]
fn basic(fields: &mut Fields<'_, '_>) -> Option<Option<(Secret<String>, Secret<String>)>> {
    if fields.entry("user").is_none() && fields.entry("password").is_none() {
        return Some(None);
    }
    let user = fields.required("user").map(|Sensitive(user)| user);
    let password = fields.required("password");
    Some(Some((user?, password?)))
}

impl Inbox {
    fn of_preset(
        preset: Located<Preset>,
        channel: Channel,
        fields: &mut Fields<'_, '_>,
    ) -> Option<Self> {
        let mut parameters = Some(BTreeMap::new());
        for name in preset.value.parameters() {
            let value = fields
                .required_entry(name)
                .and_then(|(_, node)| secret_by_name(name, node, fields.reader));
            parameters = parameters.zip(value).map(|(mut known, value)| {
                known.insert(*name, value);
                known
            });
        }
        if !preset.value.has(channel) {
            let message = format!("this service has no codes of `{}`", channel.word());
            let known = PRESETS.iter().filter(|(_, preset)| preset.has(channel));
            let problem = Diagnostic::at(preset.span, message);
            let problem = problem.one_of("", known.map(|(word, _)| *word));
            fields.reader.problem(problem.or_hint("without `preset`, say how it is asked"));
            return None;
        }
        Some(Self::Preset(preset.value, parameters?))
    }
}

impl FromNode for Preset {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "preset", &PRESETS, reader)
    }
}

impl Listing {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let body = fields.optional("body").map(|Sensitive(body)| Body(body));
        let list = fields.required("list").map(|Path(path)| path);
        let time = fields.optional("time").map(|Path(path)| path);
        let newest = match (fields.entry("newest").map(|(_, node)| node), time) {
            (None, None) => Some(Newest::First),
            (None, Some(path)) => Some(Newest::Time(path)),
            (Some(node), None) => Newest::from_node(node, fields.reader),
            (Some(node), Some(_)) => {
                let problem = Diagnostic::at(node.span, "`time` says already which is the newest");
                fields.reader.problem(problem.hint("leave one of them out"));
                None
            }
        };
        let recipient = fields.optional("recipient").map(|Path(path)| path);
        let then: Option<Then> = fields.optional("then");
        let is_text = then.as_ref().is_some_and(|then| then.response != Response::Json);
        let text: Option<Located<Vec<Path>>> = match fields.entry("text") {
            Some((key, _)) if is_text => {
                let problem = Diagnostic::at(key.span, "`text` is of no use here");
                fields.reader.problem(problem.hint("`then.response` says that the answer is it"));
                None
            }
            None if is_text || fields.entry("then").is_some() && then.is_none() => None,
            _ => fields.required("text"),
        };
        if let Some(text) = text.as_ref().filter(|text| text.value.is_empty()) {
            let problem = Diagnostic::at(text.span, "nothing is to be searched for a code");
            fields.reader.problem(problem.expected("JSONPath queries, such as `$.text`"));
        }
        if text.is_none() && !is_text {
            return None;
        }
        let text = text.into_iter().flat_map(|text| text.value).map(|Path(path)| path).collect();
        Some(Self { body, list: list?, newest: newest?, recipient, then, text })
    }
}

impl FromNode for Newest {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let is_first = word(node, "place", &[("first", true), ("last", false)], reader)?;
        Some(if is_first { Self::First } else { Self::Last })
    }
}

impl FromNode for Then {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let id = fields.required("id").map(|Path(path)| path);
        let address = url("url", &["id"], &mut fields);
        if let Some((_, words)) = &address
            && !words.iter().any(|word| word == "id")
            && let Some((_, node)) = fields.entry("url")
        {
            let problem = Diagnostic::at(node.span, "the URL is the same for every message");
            fields.reader.problem(problem.expected("`{id}` in it"));
        }
        let response = fields.optional("response").unwrap_or(Response::Json);
        fields.finish();
        let (url, _) = address?;
        Some(Self { url, id: id?, response })
    }
}

impl FromNode for Response {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let words = [("json", Self::Json), ("text", Self::Text), ("mime", Self::Mime)];
        word(node, "response", &words, reader)
    }
}
