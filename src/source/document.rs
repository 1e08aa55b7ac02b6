//! Reading a located tree into types: like serde's derive, but every problem is reported and every value keeps
//! its place.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Diagnostic, Located, Source, Span, suggest,
    yaml::{Data, Key, Node},
};
use crate::clock::parse_duration;

/// A type that can be read from YAML.
pub(crate) trait FromNode: Sized {
    /// Reads it; what is wrong goes to the reader, and then there may be nothing to return.
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;
}

/// Where problems go, and what they are about.
pub(crate) struct Reader<'a> {
    pub(crate) source: &'a Source,
    pub(crate) problems: &'a mut Vec<Diagnostic>,
    /// Whether something is wrong with a value that is reported already.
    is_reported: fn(&Node) -> bool,
    /// What `${NAME}` stands for in a text of a configuration; nothing where that is not to be judged.
    pub(crate) variables: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a Source, problems: &'a mut Vec<Diagnostic>) -> Self {
        Self { source, problems, is_reported: |_| false, variables: None }
    }

    /// The same, saying nothing more of values that something is wrong with already.
    pub(crate) fn without(self, is_reported: fn(&Node) -> bool) -> Self {
        Self { is_reported, ..self }
    }

    pub(crate) fn problem(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Whether something is wrong with a value that is reported already.
    pub(crate) fn is_reported(&self, node: &Node) -> bool {
        (self.is_reported)(node)
    }

    /// Reports that `node` is of the wrong type.
    pub(crate) fn wrong_type<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        if self.is_reported(node) {
            return None;
        }
        let problem = Diagnostic::at(node.span, "this is of the wrong type")
            .expected(expected)
            .found(node.describe());
        let written_as_text = matches!(node.data, Data::Number(_) | Data::Bool(_))
            && (expected.contains("text") || expected.contains("word"));
        self.problem(if written_as_text {
            problem.hint("quote it, if it is meant as text")
        } else {
            problem
        });
        None
    }
}

/// Reads a word that must be one of a few.
pub(crate) fn word<T: Copy>(
    node: &Node,
    what: &str,
    words: &[(&'static str, T)],
    reader: &mut Reader<'_>,
) -> Option<T> {
    let Data::String(text) = &node.data else {
        return reader.wrong_type(node, &format!("a word: a {what}"));
    };
    let found = words.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
    if found.is_none() && !reader.is_reported(node) {
        reader.problem(
            Diagnostic::at(node.span, format!("there is no {what} `{text}`"))
                .one_of(text, words.iter().map(|(word, _)| *word)),
        );
    }
    found
}

/// The entries of a map, as they are taken out one by one.
pub(crate) struct Fields<'a, 'r> {
    span: Span,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
    pub(crate) reader: &'a mut Reader<'r>,
}

impl<'a, 'r> Fields<'a, 'r> {
    /// Begins to read `node` as a map; nothing in its place is an empty map.
    pub(crate) fn of(node: &'a Node, reader: &'a mut Reader<'r>) -> Option<Self> {
        let entries = match &node.data {
            Data::Mapping(entries) => entries.as_slice(),
            Data::Null => &[],
            _ => return reader.wrong_type(node, "a map"),
        };
        Some(Self { span: node.span, entries, known: Vec::new(), missing: Vec::new(), reader })
    }

    /// The entry of this key as it is, whatever its value.
    pub(crate) fn entry(&mut self, key: &'static str) -> Option<&'a (Key, Node)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.entries.iter().find(|(known, _)| known.text == key)
    }

    /// The value of this key, if it is there.
    pub(crate) fn optional<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        let (_, node) = self.entry(key)?;
        if node.data == Data::Null { None } else { T::from_node(node, self.reader) }
    }

    /// The value of this key, if it is there; `null` is a value.
    pub(crate) fn optional_even_null<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        let (_, node) = self.entry(key)?;
        T::from_node(node, self.reader)
    }

    /// The value of this key, or the type's default.
    pub(crate) fn default<T: FromNode + Default>(&mut self, key: &'static str) -> T {
        self.optional(key).unwrap_or_default()
    }

    /// The value of this key, which must be there.
    pub(crate) fn required<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        let (_, node) = self.required_entry(key)?;
        T::from_node(node, self.reader)
    }

    /// The entry of this key, which must be there, as it is.
    pub(crate) fn required_entry(&mut self, key: &'static str) -> Option<&'a (Key, Node)> {
        let entry = self.entry(key);
        if entry.is_none() {
            self.missing.push(key);
        }
        entry
    }

    /// Where the map is.
    pub(crate) const fn span(&self) -> Span {
        self.span
    }

    /// Whether there are keys that nothing asked for.
    pub(crate) fn has_unknown(&self) -> bool {
        self.entries.iter().any(|(key, _)| !self.known.contains(&key.text.as_str()))
    }

    /// Reports the keys that nothing asked for, and those that are missing and not just misspelt.
    pub(crate) fn finish(mut self) {
        for (key, _) in self.entries {
            if self.known.contains(&key.text.as_str()) {
                continue;
            }
            let meant = suggest(&key.text, self.known.iter().copied());
            self.missing.retain(|missing| Some(*missing) != meant);
            self.reader.problem(
                Diagnostic::at(key.span, format!("the key `{}` is not known here", key.text))
                    .one_of(&key.text, self.known.iter().copied()),
            );
        }
        for key in self.missing {
            self.reader.problem(Diagnostic::at(self.span, format!("the key `{key}` is missing")));
        }
    }
}

impl FromNode for String {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::String(text) => Some(text.clone()),
            _ => reader.wrong_type(node, "a text"),
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.data {
            Data::Bool(value) => Some(value),
            _ => reader.wrong_type(node, "`true` or `false`"),
        }
    }
}

impl FromNode for Value {
    fn from_node(node: &Node, _: &mut Reader<'_>) -> Option<Self> {
        Some(node.to_json())
    }
}

impl<T: FromNode> FromNode for Located<T> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let value = T::from_node(node, reader)?;
        Some(Self { value, span: node.span })
    }
}

/// What is wrong in one element does not hide the others.
impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Sequence(nodes) => {
                Some(nodes.iter().filter_map(|node| T::from_node(node, reader)).collect())
            }
            _ => reader.wrong_type(node, "a list"),
        }
    }
}

impl<T: FromNode> FromNode for BTreeMap<String, T> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Mapping(entries) => Some(
                entries
                    .iter()
                    .filter_map(|(key, node)| Some((key.text.clone(), T::from_node(node, reader)?)))
                    .collect(),
            ),
            _ => reader.wrong_type(node, "a map"),
        }
    }
}

/// A map whose order is kept, with the places of its keys.
impl<T: FromNode> FromNode for Vec<(Located<String>, T)> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Mapping(entries) => Some(
                entries
                    .iter()
                    .filter_map(|(key, node)| {
                        let key = Located { value: key.text.clone(), span: key.span };
                        Some((key, T::from_node(node, reader)?))
                    })
                    .collect(),
            ),
            _ => reader.wrong_type(node, "a map"),
        }
    }
}

/// A length of time: `500ms`, `30s`, `6m`, `1h`, or several of them, as `1m30s`.
impl FromNode for Duration {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a length of time, such as `500ms`, `30s`, `6m` or `1h`";
        let Data::String(text) = &node.data else { return reader.wrong_type(node, expected) };
        let parsed = parse_duration(text);
        if parsed.is_none() {
            reader.problem(
                Diagnostic::at(node.span, format!("`{text}` is not a length of time"))
                    .expected(expected),
            );
        }
        parsed
    }
}
