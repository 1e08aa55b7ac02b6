//! Values: texts with variables in them, secrets, domains, addresses, expressions.

use std::time::Duration;

use jsonpath_rust::parser::parse_json_path;
use regex::Regex;
use reqwest::Url;

use crate::{
    secret::Secret,
    source::{
        Diagnostic, Span,
        document::{Fields, FromNode, Reader},
        yaml::{Data, Node},
    },
};

/// A text in which `${NAME}` is replaced by that variable, and `$${` stands for `${`.
pub(super) struct Text {
    pub(super) value: String,
    pub(super) span: Span,
    has_variables: bool,
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
}

impl FromNode for Text {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Data::String(written) = &node.data else {
            return reader.wrong_type(node, "a text, or a variable as `${NAME}`");
        };
        let mut text = Self { value: String::new(), span: node.span, has_variables: false };
        let mut is_known = true;
        let mut rest = written.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                text.value.extend([before, "${"]);
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
                Some(value) => text.value.push_str(value),
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
        if is_email(&text.value) {
            return Some(Self(text.value));
        }
        text.wrong("an e-mail address", "an address such as `qa@example.com`", reader)
    }
}

pub(super) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, domain)| !local.is_empty() && is_host(domain))
        && !text.contains([' ', '\n', '\t', ':'])
}

/// A phone number in E.164 form.
pub(super) struct PhoneNumber(pub(super) String);

impl FromNode for PhoneNumber {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        let digits = text.value.strip_prefix('+').unwrap_or_default();
        if (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
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
pub(super) struct Pattern(pub(super) Regex);

impl FromNode for Pattern {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Text::from_node(node, reader)?;
        let Ok(regex) = Regex::new(&text.value) else {
            return text.wrong(
                "a regular expression",
                "one with a group: `code: ([0-9]{6})`",
                reader,
            );
        };
        let wrong = match regex.captures_len() - 1 {
            1 => return Some(Self(regex)),
            0 => "has no group",
            _ => "has more than one group",
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

/// The URL of a server, in which some words in braces are replaced later, and those that are. It may have a secret in
/// its query.
pub(super) fn url(
    key: &'static str,
    words: &[&str],
    fields: &mut Fields<'_, '_>,
) -> Option<(Secret<String>, Vec<String>)> {
    let (_, node) = fields.required_entry(key)?;
    let text = Text::from_node(node, fields.reader)?;
    let is_server = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let Some(parsed) = Url::parse(&text.value).ok().filter(is_server) else {
        let problem = Diagnostic::at(node.span, "this is not a URL of a server");
        fields.reader.problem(problem.expected("a URL such as `https://mail.example.com/api`"));
        return None;
    };
    if !parsed.username().is_empty() || parsed.password().is_some() {
        let problem = Diagnostic::at(node.span, "a name or a password stands in the URL");
        fields.reader.problem(problem.hint("give them as `user` and `password` beside it"));
        return None;
    }
    // What is written is judged: braces in the value of a variable are its own.
    let Data::String(written) = &node.data else { return None };
    let used = placeholders(written);
    for word in used.iter().filter(|word| !words.contains(&word.as_str())) {
        let problem = Diagnostic::at(node.span, format!("nothing is known as `{{{word}}}` here"));
        fields.reader.problem(problem.one_of(word, words.iter().copied()));
    }
    Some((Secret::new(text.value), used))
}

/// The words in braces that are not variables.
fn placeholders(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if character == '{' && before != '$' {
            found.extend(text[at + 1..].split_once('}').map(|(word, _)| word.to_owned()));
        }
        before = character;
    }
    found
}
