//! `codes`: where the one-time codes of each channel come from.

use std::{collections::BTreeMap, time::Duration};

use regex::Regex;

use super::{
    http::Http,
    value::{Domain, Pattern, PhoneNumber, Plain, Sensitive, Text, Time, Whole, is_email},
};
use crate::{
    secret::Secret,
    source::{
        Diagnostic, Located,
        document::{Fields, FromNode, Reader, word},
        yaml::Node,
    },
};

/// How a code reaches its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Channel {
    Email,
    Sms,
    Voice,
    Otp,
}

/// The codes of a channel.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Where its users are reached: an e-mail address with a `*` that is another for each of them, or a phone number.
    /// An authenticator app has none.
    pub address: Option<String>,
    /// Where its codes come from.
    pub source: CodeSource,
}

/// Where codes come from.
#[derive(Clone, Debug)]
pub enum CodeSource {
    /// A mailbox.
    Imap(Imap, Search),
    /// A service that keeps messages, asked over HTTP.
    Http(Box<Http>, Search),
    /// Made of the secret that an enrolment gives.
    Totp,
    /// A program that prints the code.
    Command {
        /// The program and its arguments; no shell reads them.
        arguments: Secret<Vec<String>>,
        /// What of the output is the code, if it is not all.
        pattern: Option<Regex>,
        /// How long it may take.
        timeout: Duration,
    },
    /// A person at the terminal.
    Prompt {
        /// How long they may take.
        timeout: Duration,
    },
    /// Always the same one.
    Fixed(Secret<String>),
}

/// How a message is waited for, and the code found in it.
#[derive(Clone, Debug)]
pub struct Search {
    /// What of the message is the code; six digits unless given.
    pub pattern: Option<Regex>,
    /// The pause between two looks.
    pub every: Duration,
    /// The time after which to give up.
    pub timeout: Duration,
}

/// A mailbox.
#[derive(Clone, Debug)]
pub struct Imap {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Who owns the mailbox.
    pub user: String,
    /// Their password.
    pub password: Secret<String>,
    /// The folder.
    pub folder: String,
}

/// How the connection to a mailbox is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// By TLS, from the start.
    Tls,
    /// By TLS, after `STARTTLS`.
    StartTls,
    /// Not at all.
    Plain,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Imap,
    Http,
    Totp,
    Command,
    Prompt,
    Fixed,
}

const KINDS: [(&str, Kind); 6] = [
    ("imap", Kind::Imap),
    ("http", Kind::Http),
    ("totp", Kind::Totp),
    ("command", Kind::Command),
    ("prompt", Kind::Prompt),
    ("fixed", Kind::Fixed),
];

const SECURITIES: [(&str, Security); 3] =
    [("tls", Security::Tls), ("starttls", Security::StartTls), ("none", Security::Plain)];

impl Channel {
    /// Every channel with codes.
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::Voice, Self::Otp];

    /// The word for it in a file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Otp => "otp",
        }
    }

    const fn has(self, kind: Kind) -> bool {
        match kind {
            Kind::Imap => matches!(self, Self::Email),
            Kind::Http => !matches!(self, Self::Otp),
            Kind::Totp => matches!(self, Self::Otp),
            Kind::Command | Kind::Prompt | Kind::Fixed => true,
        }
    }
}

impl CodeSource {
    /// The word for it in a file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Imap(..) => "imap",
            Self::Http(..) => "http",
            Self::Totp => "totp",
            Self::Command { .. } => "command",
            Self::Prompt { .. } => "prompt",
            Self::Fixed(_) => "fixed",
        }
    }
}

/// The codes by channel.
impl FromNode for BTreeMap<Channel, Codes> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let mut codes = Self::new();
        for channel in Channel::ALL {
            if let Some((_, node)) = fields.entry(channel.word())
                && let Some(found) = Codes::read(channel, node, fields.reader)
            {
                codes.insert(channel, found);
            }
        }
        fields.finish();
        Some(codes)
    }
}

impl Codes {
    fn read(channel: Channel, node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let kind: Option<Located<Kind>> = fields.required("kind");
        let Some(kind) = kind else {
            // The other keys are those of a kind that is not known.
            if fields.entry("kind").is_none() {
                let problem = Diagnostic::at(fields.span(), "the key `kind` is missing");
                fields.reader.problem(problem.one_of("", KINDS.map(|(word, _)| word)));
            }
            return None;
        };
        if !channel.has(kind.value) {
            let known = KINDS.iter().filter(|(_, kind)| channel.has(*kind)).map(|(word, _)| *word);
            let word = channel.word();
            let problem = Diagnostic::at(kind.span, format!("no code of `{word}` comes that way"));
            fields.reader.problem(problem.one_of("", known));
            return None;
        }
        let address = match channel {
            Channel::Email => fields.required("address").map(|Mailbox(address)| Some(address)),
            Channel::Sms | Channel::Voice => {
                fields.required("address").map(|PhoneNumber(number)| Some(number))
            }
            Channel::Otp => Some(None),
        };
        let source = CodeSource::read(kind.value, channel, &mut fields);
        fields.finish();
        Some(Self { address: address?, source: source? })
    }
}

impl FromNode for Kind {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "kind of source", &KINDS, reader)
    }
}

impl CodeSource {
    fn read(kind: Kind, channel: Channel, fields: &mut Fields<'_, '_>) -> Option<Self> {
        match kind {
            Kind::Imap => {
                let imap = Imap::read(fields);
                let search = Search::read(fields);
                Some(Self::Imap(imap?, search?))
            }
            Kind::Http => {
                let http = Http::read(channel, fields);
                let search = Search::read(fields);
                Some(Self::Http(Box::new(http?), search?))
            }
            Kind::Totp => Some(Self::Totp),
            Kind::Command => {
                let arguments: Option<Located<Vec<Sensitive>>> = fields.required("command");
                let pattern = fields.optional("pattern").map(|Pattern(regex)| regex);
                let timeout = time("timeout", TIMEOUT, fields);
                let arguments = arguments?;
                if arguments.value.is_empty() {
                    let problem = Diagnostic::at(arguments.span, "there is no program in it");
                    fields.reader.problem(problem.expected("a program and its arguments"));
                }
                let words =
                    arguments.value.into_iter().map(|Sensitive(word)| word.expose().clone());
                Some(Self::Command { arguments: Secret::new(words.collect()), pattern, timeout })
            }
            Kind::Prompt => Some(Self::Prompt { timeout: time("timeout", PATIENCE, fields) }),
            Kind::Fixed => fields.required("code").map(Self::Fixed),
        }
    }
}

/// How long a message is waited for.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How long a person is.
const PATIENCE: Duration = Duration::from_mins(5);

fn time(key: &'static str, default: Duration, fields: &mut Fields<'_, '_>) -> Duration {
    fields.optional(key).map_or(default, |Time(time)| time)
}

impl Search {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let search = Self {
            pattern: fields.optional("pattern").map(|Pattern(regex)| regex),
            every: time("every", Duration::from_secs(1), fields),
            timeout: time("timeout", TIMEOUT, fields),
        };
        if search.every > search.timeout
            && let Some((key, _)) = fields.entry("every")
        {
            let problem = Diagnostic::at(key.span, "the pause is longer than the time limit");
            fields.reader.problem(problem.hint("`timeout` is 1m unless given"));
            return None;
        }
        Some(search)
    }
}

impl Imap {
    fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let host: Option<Located<Domain>> = fields.required("host");
        let security = fields.optional("security").unwrap_or(Security::Tls);
        let port = fields.optional("port").map(|Whole::<{ u16::MAX as u32 }>(port)| port);
        let user = fields.required("user").map(|Plain(user)| user);
        let password = fields.required("password");
        let folder = fields.optional("folder").map(|Plain(folder)| folder);
        let host = host?;
        if host.value.0.contains(':') {
            let problem = Diagnostic::at(host.span, "a port stands behind the host");
            fields.reader.problem(problem.hint("give it as `port` beside it"));
        }
        let usual = if security == Security::Tls { 993 } else { 143 };
        Some(Self {
            host: host.value.0,
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual),
            security,
            user: user?,
            password: password?,
            folder: folder.unwrap_or_else(|| "INBOX".to_owned()),
        })
    }
}

impl FromNode for Security {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "security", &SECURITIES, reader)
    }
}

/// An e-mail address with a `*` in it, once and before the `@`.
struct Mailbox(String);

impl FromNode for Mailbox {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        let is_pattern = text.value.matches('*').count() == 1
            && text.value.split('@').next().is_some_and(|local| local.contains('*'));
        if is_pattern && is_email(&text.value) {
            return Some(Self(text.value));
        }
        let is_address = is_email(&text.value);
        let expected = "an address such as `qa+*@example.com`";
        if !is_address {
            return text.wrong("an e-mail address with a `*`", expected, reader);
        }
        reader.problem(
            Diagnostic::at(text.span, "this address is the same for every user")
                .expected(expected)
                .hint("each user has an address of their own: `*` stands for what differs"),
        );
        None
    }
}
