//! `codes`: where the one-time codes of each channel come from.

use std::{collections::BTreeMap, time::Duration};

use super::{
    http::Http,
    text::{Plain, Sensitive, Text},
    value::{Domain, PhoneNumber, Time, Whole, report_repeated},
};
use crate::{
    address::is_address,
    codes::{ImapSettings, Pattern, Security},
    scenario::Channel,
    secret::Secret,
    source::{
        Diagnostic, Located,
        document::{Fields, FromNode, Reader, word},
        yaml::{Data, Node},
    },
};

/// The channels with codes.
pub(super) const CHANNELS: [Channel; 4] =
    [Channel::Email, Channel::Sms, Channel::Voice, Channel::Otp];

/// The codes of a channel.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Where its users are reached: one e-mail address with a `*` that is another for each of them, or phone numbers. An
    /// authenticator app has none.
    pub addresses: Vec<String>,
    /// Where its codes come from.
    pub source: CodeSource,
    /// How long a code is waited for.
    pub timeout: Duration,
}

/// Where codes come from, before anything is opened.
#[derive(Clone, Debug)]
pub enum CodeSource {
    /// A mailbox.
    Imap(Box<ImapSettings>, Pattern),
    /// A service that keeps messages, asked over HTTP.
    Http(Box<Http>, Pattern),
    /// Made of the secret that an enrolment gives.
    Totp,
    /// A program and its arguments, which no shell reads, and what of its output is the code.
    Command(Secret<Vec<String>>, Pattern),
    /// A person at the terminal.
    Prompt,
    /// Always the same one.
    Fixed(Secret<String>),
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

impl Kind {
    const fn serves(self, channel: Channel) -> bool {
        match self {
            Self::Imap => matches!(channel, Channel::Email),
            Self::Http => !matches!(channel, Channel::Otp),
            Self::Totp => matches!(channel, Channel::Otp),
            Self::Command | Self::Prompt | Self::Fixed => true,
        }
    }

    /// Whether it is looked there again and again.
    const fn is_inbox(self) -> bool {
        matches!(self, Self::Imap | Self::Http)
    }
}

impl Codes {
    /// What `otp` has without a source.
    pub(super) const APP: Self =
        Self { addresses: Vec::new(), source: CodeSource::Totp, timeout: TIMEOUT };
}

impl CodeSource {
    /// The word for it in a file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Imap(..) => "imap",
            Self::Http(..) => "http",
            Self::Totp => "totp",
            Self::Command(..) => "command",
            Self::Prompt => "prompt",
            Self::Fixed(_) => "fixed",
        }
    }
}

/// The codes by channel.
impl FromNode for BTreeMap<Channel, Codes> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let mut codes = Self::new();
        for channel in CHANNELS {
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
        if !kind.value.serves(channel) {
            let known =
                KINDS.iter().filter(|(_, kind)| kind.serves(channel)).map(|(word, _)| *word);
            let word = channel.word();
            let problem = Diagnostic::at(kind.span, format!("no code of `{word}` comes that way"));
            fields.reader.problem(problem.one_of("", known));
            return None;
        }
        let addresses = match channel {
            Channel::Email => fields.required("address").map(|Mailbox(address)| vec![address]),
            Channel::Sms | Channel::Voice => {
                fields.required("address").map(|PhoneNumbers(numbers)| numbers)
            }
            Channel::Otp | Channel::Push => Some(Vec::new()),
        };
        let (interval, timeout) = times(kind.value, &mut fields);
        let source = CodeSource::read(kind.value, channel, interval, &mut fields);
        fields.finish();
        Some(Self { addresses: addresses?, source: source?, timeout })
    }
}

impl FromNode for Kind {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "kind of source", &KINDS, reader)
    }
}

impl CodeSource {
    fn read(
        kind: Kind,
        channel: Channel,
        interval: Option<Duration>,
        fields: &mut Fields<'_, '_>,
    ) -> Option<Self> {
        let pattern = |fields: &mut Fields<'_, '_>| fields.default("pattern");
        match kind {
            Kind::Imap => {
                let pattern = pattern(fields);
                Some(Self::Imap(Box::new(read_imap(interval, fields)?), pattern))
            }
            Kind::Http => {
                let pattern = pattern(fields);
                Some(Self::Http(Box::new(Http::read(channel, interval, fields)?), pattern))
            }
            Kind::Totp => Some(Self::Totp),
            Kind::Command => {
                let arguments: Option<Located<Vec<Sensitive>>> = fields.required("command");
                let pattern = pattern(fields);
                let arguments = arguments?;
                if arguments.value.is_empty() {
                    let problem = Diagnostic::at(arguments.span, "there is no program in it");
                    fields.reader.problem(problem.expected("a program and its arguments"));
                }
                let words =
                    arguments.value.into_iter().map(|Sensitive(word)| word.expose().clone());
                Some(Self::Command(Secret::new(words.collect()), pattern))
            }
            Kind::Prompt => Some(Self::Prompt),
            Kind::Fixed => fields.required("code").map(Self::Fixed),
        }
    }
}

/// How long a message is waited for.
const TIMEOUT: Duration = Duration::from_mins(1);
/// How long a person is.
const PATIENCE: Duration = Duration::from_mins(5);

/// The pause between two looks, if the file says it, and the time after which to give up.
fn times(kind: Kind, fields: &mut Fields<'_, '_>) -> (Option<Duration>, Duration) {
    let time = |key, fields: &mut Fields<'_, '_>| fields.optional(key).map(|Time(time)| time);
    let timeout = match kind {
        Kind::Totp | Kind::Fixed => return (None, TIMEOUT),
        Kind::Prompt => time("timeout", fields).unwrap_or(PATIENCE),
        Kind::Imap | Kind::Http | Kind::Command => time("timeout", fields).unwrap_or(TIMEOUT),
    };
    let interval = if kind.is_inbox() { time("every", fields) } else { None };
    if interval.is_some_and(|interval| interval > timeout)
        && let Some((key, _)) = fields.entry("every")
    {
        let problem = Diagnostic::at(key.span, "the pause is longer than the time limit");
        fields.reader.problem(problem.hint("`timeout` is 1m unless given"));
    }
    (interval, timeout)
}

fn read_imap(interval: Option<Duration>, fields: &mut Fields<'_, '_>) -> Option<ImapSettings> {
    let host: Option<Located<Domain>> = fields.required("host");
    let security = fields.optional("security").unwrap_or(Security::Tls);
    let port = fields.optional("port").map(|Whole::<{ u16::MAX as u32 }>(port)| port);
    let user = fields.required("user").map(|Plain(user)| user);
    let password = fields.required("password");
    let mailbox = fields.optional("folder").map(|Plain(folder)| folder);
    let host = host?;
    if host.value.0.contains(':') {
        let problem = Diagnostic::at(host.span, "a port stands behind the host");
        fields.reader.problem(problem.hint("give it as `port` beside it"));
    }
    let usual = if security == Security::Tls { 993 } else { 143 };
    Some(ImapSettings {
        host: host.value.0,
        port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual),
        security,
        user: user?,
        password: password?,
        mailbox: mailbox.unwrap_or_else(|| "INBOX".to_owned()),
        interval,
    })
}

/// A phone number, or several of which none is there twice.
struct PhoneNumbers(Vec<String>);

impl FromNode for PhoneNumbers {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if !matches!(node.data, Data::Sequence(_)) {
            return PhoneNumber::from_node(node, reader)
                .map(|PhoneNumber(number)| Self(vec![number]));
        }
        let numbers: Vec<Located<PhoneNumber>> = FromNode::from_node(node, reader)?;
        if matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty()) {
            let problem = Diagnostic::at(node.span, "there is no number in it");
            reader.problem(problem.expected("a number in E.164 form, or a list of them"));
        }
        let keys = numbers.iter().map(|number| (&number.value.0, number.span));
        let again = |place| {
            Diagnostic::at(place, "this number is there already")
                .hint("two scenarios at once must never share a number")
        };
        report_repeated(keys, again, reader);
        Some(Self(numbers.into_iter().map(|number| number.value.0).collect()))
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
        if is_pattern && is_address(&text.value) {
            return Some(Self(text.value));
        }
        let expected = "an address such as `qa+*@example.com`";
        if !is_address(&text.value) {
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
