//! Values: domains, addresses, numbers, times, expressions.

use std::{collections::BTreeSet, time::Duration};

use jsonpath_rust::parser::parse_json_path;

use super::text::Text;
use crate::{
    address::{is_address, is_phone_number},
    codes::{BadPattern, Pattern},
    source::{
        Diagnostic, Span,
        document::{FromNode, Reader},
        yaml::{Data, Node},
    },
};

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
