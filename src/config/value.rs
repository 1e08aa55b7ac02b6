//! Values: texts with variables in them, secrets, domains, addresses, expressions.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use jsonpath_rust::parser::parse_json_path;
use reqwest::Url;

use crate::{
    address::{is_address, is_phone_number},
    codes::{BadPattern, Pattern, Template},
    secret::Secret,
    source::{
        Diagnostic, Span,
        document::{FromNode, Reader},
        yaml::{Data, Node},
    },
};

/// A text in which `${NAME}` is replaced by that variable, and `$${` stands for `${`.
pub(super) struct Text {
    pub(super) value: String,
    pub(super) span: Span,
    has_variables: bool,
    /// The parts, in bytes, in which braces are themselves: values of variables, and what was escaped.
    literal: Vec<Range<usize>>,
}

impl Text {
    /// What stands there, for a diagnostic: never the value of a variable.
    fn found(&self) -> String {
        if self.has_variables {
            "the value of a variable, which is not shown".to_owned()
        } else {
            format!("the text `{}`", self.value)
        }
    }

    /// Reports that it is not what it should be.
    pub(super) fn wrong<T>(
        &self,
        what: &str,
        expected: &str,
        reader: &mut Reader<'_>,
    ) -> Option<T> {
        let problem = Diagnostic::at(self.span, format!("this is not {what}"));
        reader.problem(problem.expected(expected).found(self.found()));
        None
    }

    fn push_literal(&mut self, text: &str) {
        let start = self.value.len();
        self.value.push_str(text);
        self.literal.push(start..self.value.len());
    }

    /// Where the path begins, if this is the URL of something on a server. It may have a secret in its query.
    pub(super) fn url(&self, reader: &mut Reader<'_>) -> Option<usize> {
        let is_server = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(url) = Url::parse(&self.value).ok().filter(is_server) else {
            let problem = Diagnostic::at(self.span, "this is not a URL of a server");
            reader.problem(problem.expected("a URL such as `https://mail.example.com/api`"));
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            let problem = Diagnostic::at(self.span, "a name or a password stands in the URL");
            reader.problem(problem.hint("give them as `user` and `password` beside it"));
            return None;
        }
        let host = self.value.find("://").map_or(0, |at| at + 3);
        let length = self.value[host..].find(['/', '?', '#']);
        Some(length.map_or(self.value.len(), |length| host + length))
    }

    /// What stands from a byte on, with these words as placeholders where they are written in braces.
    pub(super) fn template(
        &self,
        from: usize,
        words: &[&str],
        reader: &mut Reader<'_>,
    ) -> Option<Template> {
        let mut template = Template::default();
        let mut used = Vec::new();
        let mut at = from;
        for part in self.literal.iter().filter(|part| part.end > from) {
            let start = part.start.max(from);
            used.extend(words_in_braces(&self.value[at..start]));
            template.push(&self.value[at..start]);
            template.push_text(&self.value[start..part.end]);
            at = part.end;
        }
        used.extend(words_in_braces(&self.value[at..]));
        template.push(&self.value[at..]);
        used.retain(|word| !words.contains(word));
        for word in &used {
            let problem =
                Diagnostic::at(self.span, format!("nothing is known as `{{{word}}}` here"));
            reader.problem(problem.one_of(word, words.iter().copied()));
        }
        used.is_empty().then_some(template)
    }
}

/// What may be meant as a placeholder.
fn words_in_braces(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |next: char| next.is_alphanumeric() || matches!(next, '_' | '-');
    text.match_indices('{')
        .filter_map(|(at, _)| Some(text[at + 1..].split_once('}')?.0))
        .filter(move |word| !word.is_empty() && word.chars().all(is_part))
}

impl FromNode for Text {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Data::String(written) = &node.data else {
            return reader.wrong_type(node, "a text, or a variable as `${NAME}`");
        };
        let mut text = Self {
            value: String::new(),
            span: node.span,
            has_variables: false,
            literal: Vec::new(),
        };
        let mut is_known = true;
        let mut rest = written.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                text.value.push_str(before);
                text.push_literal("${");
                rest = after;
                continue;
            }
            text.value.push_str(before);
            text.has_variables = true;
            let Some((name, after)) = after.split_once('}') else {
                let problem = Diagnostic::at(node.span, "a variable has no end");
                reader.problem(problem.hint("write `${NAME}`; `$${` stands for `${` itself"));
                return None;
            };
            rest = after;
            match variable(name, node.span, reader) {
                Some(value) => text.push_literal(value),
                None => is_known = false,
            }
        }
        text.value.push_str(rest);
        if is_known && text.value.trim().is_empty() {
            reader.problem(Diagnostic::at(node.span, "this is empty").expected("a text"));
            return None;
        }
        is_known.then_some(text)
    }
}

/// The variable's value. One that is empty is missing: that is what a CI makes of a secret that it does not have.
fn variable<'a>(name: &str, span: Span, reader: &mut Reader<'a>) -> Option<&'a str> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name || name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
        let problem = Diagnostic::at(span, format!("`{name}` is not the name of a variable"));
        reader.problem(problem.expected("letters, digits and `_`, and nothing else in `${ }`"));
        return None;
    }
    let value = reader.variables?.get(name).map(String::as_str);
    let wrong = match value {
        Some(value) if !value.trim().is_empty() => return Some(value),
        Some(_) => "is empty",
        None => "is not set",
    };
    reader.problem(Diagnostic::at(span, format!("the variable `{name}` {wrong}")).hint(format!(
        "set it in the environment, or by a line `{name}=...` in `.env` beside this file"
    )));
    None
}

impl FromNode for Secret<String> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        // What is wrong with a secret is told without it.
        let is_literal = match &node.data {
            Data::Number(_) | Data::Bool(_) => true,
            Data::String(text) => !text.replace("$${", "").contains("${"),
            _ => false,
        };
        if is_literal {
            reader.problem(
                Diagnostic::at(node.span, "a secret stands in the file")
                    .expected("a variable")
                    .hint("put it into the environment or into `.env`, and write `${NAME}` here"),
            );
            return None;
        }
        Text::from_node(node, reader).map(|text| Self::new(text.value))
    }
}

/// A text that is not secret.
pub(super) struct Plain(pub(super) String);

impl FromNode for Plain {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Text::from_node(node, reader).map(|text| Self(text.value))
    }
}

/// A text that may have a secret in it, as a header field.
pub(super) struct Sensitive(pub(super) Secret<String>);

impl FromNode for Sensitive {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Text::from_node(node, reader).map(|text| Self(Secret::new(text.value)))
    }
}

/// A host, with its port if that is not the usual one.
pub(super) struct Domain(pub(super) String);

impl FromNode for Domain {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        let value = text.value.trim();
        if is_host(value) {
            return Some(Self(value.to_owned()));
        }
        let expected = "a domain alone, such as `example.eu.auth0.com`";
        let bare = value.split_once("://").map_or(value, |(_, rest)| rest);
        let bare = bare.split(['/', '?', '#']).next().unwrap_or_default();
        if bare == value || !is_host(bare) {
            return text.wrong("a domain", expected, reader);
        }
        let problem = Diagnostic::at(text.span, "a domain has no scheme and no path");
        let problem = problem.expected(expected).found(text.found());
        reader.problem(if text.has_variables {
            problem.hint("set the variable to what is between `https://` and the next `/`")
        } else {
            problem.hint(format!("write `{bare}`"))
        });
        None
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_label = |label: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(is_part)
    };
    host.split('.').all(is_label) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// An e-mail address.
pub(super) struct Email(pub(super) String);

impl FromNode for Email {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        if is_address(&text.value) {
            return Some(Self(text.value));
        }
        text.wrong("an e-mail address", "an address such as `qa@example.com`", reader)
    }
}

/// A phone number in E.164 form.
pub(super) struct PhoneNumber(pub(super) String);

impl FromNode for PhoneNumber {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        if is_phone_number(&text.value) {
            return Some(Self(text.value));
        }
        text.wrong("a phone number", "a number in E.164 form, such as `\"+15005550006\"`", reader)
    }
}

/// A number above zero: as such, or the text of a variable.
pub(super) fn positive(node: &Node, expected: &str, reader: &mut Reader<'_>) -> Option<f64> {
    let (number, text) = match &node.data {
        Data::Number(number) => (number.as_f64(), None),
        Data::String(written) if written.contains("${") => {
            let text = Text::from_node(node, reader)?;
            (text.value.trim().parse().ok(), Some(text))
        }
        _ => return reader.wrong_type(node, expected),
    };
    match (number.filter(|number| *number > 0.0 && number.is_finite()), text) {
        (Some(number), _) => Some(number),
        (None, Some(text)) => text.wrong("such a number", expected, reader),
        (None, None) => {
            let problem = Diagnostic::at(node.span, "this number is not possible");
            reader.problem(problem.expected(expected));
            None
        }
    }
}

/// A whole number from one to the largest that there may be.
pub(super) struct Whole<const MAX: u32>(pub(super) u32);

impl<const MAX: u32> FromNode for Whole<MAX> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = format!("a whole number from 1 to {MAX}");
        let number = positive(node, &expected, reader)?;
        // A whole number is written without a point.
        let whole = number.to_string().parse().ok().filter(|whole| (1..=MAX).contains(whole));
        if whole.is_none() {
            let problem = Diagnostic::at(node.span, "this number is not possible");
            reader.problem(problem.expected(expected));
        }
        whole.map(Self)
    }
}

/// A length of time that is not nothing.
pub(super) struct Time(pub(super) Duration);

impl FromNode for Time {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let time = Duration::from_node(node, reader)?;
        if time.is_zero() {
            let problem = Diagnostic::at(node.span, "this is no time at all");
            reader.problem(problem.expected("a length of time above zero"));
            return None;
        }
        Some(Self(time))
    }
}

/// A regular expression whose one group is the code.
impl FromNode for Pattern {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        let wrong = match Self::new(&text.value) {
            Ok(pattern) => return Some(pattern),
            Err(BadPattern::Regex(_)) => {
                let expected = "one with a group: `code: ([0-9]{6})`";
                return text.wrong("a regular expression", expected, reader);
            }
            Err(BadPattern::Groups(0)) => "has no group",
            Err(BadPattern::Groups(_)) => "has more than one group",
        };
        reader.problem(
            Diagnostic::at(node.span, format!("the regular expression {wrong}"))
                .expected("one group, around the code: `code: ([0-9]{6})`")
                .hint("`(?: )` is a group that does not count"),
        );
        None
    }
}

/// A JSONPath query.
pub(super) struct Path(pub(super) String);

impl FromNode for Path {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        if parse_json_path(&text.value).is_ok() {
            return Some(Self(text.value));
        }
        text.wrong("a JSONPath query", "a query such as `$.messages`", reader)
    }
}

/// Reports the places at which is again what was there before.
pub(super) fn report_repeated<K: Ord>(
    keys: impl IntoIterator<Item = (K, Span)>,
    problem: impl Fn(Span) -> Diagnostic,
    reader: &mut Reader<'_>,
) {
    let mut known = BTreeSet::new();
    for (key, span) in keys {
        if !known.insert(key) {
            reader.problem(problem(span));
        }
    }
}
