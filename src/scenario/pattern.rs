//! Patterns: what a value must be, as it is written. How they are held against a value is `expect`'s business.

use std::{borrow::Cow, fmt};

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::template::Tree;
use crate::source::{
    Diagnostic, Located, Span,
    document::{Fields, FromNode, Reader, word},
    yaml::{Data, Node},
};

/// What a value must be.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it says.
    pub data: PatternData,
    /// Where it is written.
    pub span: Span,
}

/// What a [`Pattern`] says.
#[derive(Clone, Debug)]
pub enum PatternData {
    /// The value is this one.
    Equals(Tree),
    /// The value is a list of this length, and its elements match one by one.
    List(Vec<Pattern>),
    /// The value is a map whose named members match.
    Map(Vec<(Located<String>, Pattern)>),
    /// A matcher.
    Matcher(Matcher),
}

/// A map with one `$` key.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// `$type`
    Type(JsonType),
    /// `$regex`
    Regex(Regex),
    /// `$absent`
    Absent,
    /// `$any`
    Any,
    /// `$len`
    Len(Box<Pattern>),
    /// `$contains`
    Contains(Box<Pattern>),
    /// `$one_of`
    OneOf(Vec<Pattern>),
    /// `$not`
    Not(Box<Pattern>),
    /// `$each`
    Each(Box<Pattern>),
    /// `$jwt`
    Jwt(Box<JwtPattern>),
    /// `$gt`
    GreaterThan(f64),
    /// `$lt`
    LessThan(f64),
}

/// What a JWT must be.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct JwtPattern {
    /// Its header.
    pub header: Option<Pattern>,
    /// Its claims.
    pub claims: Option<Pattern>,
}

/// A type that JSON has; `integer` is a number without a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "JSON's own words")]
pub enum JsonType {
    String,
    Number,
    Integer,
    Boolean,
    Null,
    Array,
    Object,
}

impl Matcher {
    /// The words, without the `$`.
    pub const WORDS: [&str; 12] = [
        "$type",
        "$regex",
        "$absent",
        "$any",
        "$len",
        "$contains",
        "$one_of",
        "$not",
        "$each",
        "$jwt",
        "$gt",
        "$lt",
    ];

    /// Whether it speaks of how a value looks, which a label in its place cannot tell.
    #[must_use]
    pub const fn is_about_form(&self) -> bool {
        matches!(
            self,
            Self::Regex(_) | Self::Len(_) | Self::Jwt(_) | Self::GreaterThan(_) | Self::LessThan(_)
        )
    }

    fn read(word: &Located<String>, node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let boxed = |reader: &mut Reader<'_>| Pattern::from_node(node, reader).map(Box::new);
        Some(match word.value.as_str() {
            "$type" => Self::Type(JsonType::from_node(node, reader)?),
            "$regex" => Self::Regex(regex(node, reader)?),
            "$absent" => Self::only_true(Self::Absent, node, reader)?,
            "$any" => Self::only_true(Self::Any, node, reader)?,
            "$len" => Self::Len(boxed(reader)?),
            "$contains" => Self::Contains(boxed(reader)?),
            "$one_of" => Self::OneOf(FromNode::from_node(node, reader)?),
            "$not" => Self::Not(boxed(reader)?),
            "$each" => Self::Each(boxed(reader)?),
            "$jwt" => Self::Jwt(Box::new(JwtPattern::from_node(node, reader)?)),
            "$gt" => Self::GreaterThan(number(node, reader)?),
            "$lt" => Self::LessThan(number(node, reader)?),
            unknown => {
                reader.problem(
                    Diagnostic::at(word.span, format!("there is no matcher `{unknown}`"))
                        .one_of(unknown, Self::WORDS),
                );
                return None;
            }
        })
    }

    fn only_true(self, node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.data {
            Data::Bool(true) => Some(self),
            _ => reader.wrong_type(node, "`true`"),
        }
    }
}

fn regex(node: &Node, reader: &mut Reader<'_>) -> Option<Regex> {
    let text = String::from_node(node, reader)?;
    match Regex::new(&text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            // The error draws the expression over several lines; its last line says why.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            reader.problem(Diagnostic::at(node.span, "this is not a regular expression").hint(why));
            None
        }
    }
}

fn number(node: &Node, reader: &mut Reader<'_>) -> Option<f64> {
    match &node.data {
        Data::Number(number) => number.as_f64(),
        _ => reader.wrong_type(node, "a number"),
    }
}

impl FromNode for Pattern {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let data = match &node.data {
            Data::Sequence(_) => PatternData::List(FromNode::from_node(node, reader)?),
            Data::Mapping(entries) => {
                match entries.iter().find(|(key, _)| key.text.starts_with('$')) {
                    Some((key, value)) if entries.len() == 1 => {
                        let word = Located { value: key.text.clone(), span: key.span };
                        PatternData::Matcher(Matcher::read(&word, value, reader)?)
                    }
                    Some((key, _)) => {
                        reader.problem(
                            Diagnostic::at(key.span, "a matcher stands alone in its map")
                                .expected("a map with this one key"),
                        );
                        return None;
                    }
                    None => PatternData::Map(FromNode::from_node(node, reader)?),
                }
            }
            _ => PatternData::Equals(Tree::from_node(node, reader)?),
        };
        Some(Self { data, span: node.span })
    }
}

impl Pattern {
    /// Calls `visit` with every template in it.
    pub fn trees<'a>(&'a self, visit: &mut dyn FnMut(&'a Tree)) {
        match &self.data {
            PatternData::Equals(tree) => visit(tree),
            PatternData::List(patterns) => patterns.iter().for_each(|inner| inner.trees(visit)),
            PatternData::Map(entries) => {
                for (_, inner) in entries {
                    inner.trees(visit);
                }
            }
            PatternData::Matcher(matcher) => match matcher {
                Matcher::OneOf(patterns) => patterns.iter().for_each(|inner| inner.trees(visit)),
                Matcher::Len(inner)
                | Matcher::Contains(inner)
                | Matcher::Not(inner)
                | Matcher::Each(inner) => inner.trees(visit),
                Matcher::Jwt(parts) => {
                    parts.header.iter().chain(&parts.claims).for_each(|inner| inner.trees(visit));
                }
                Matcher::Type(_)
                | Matcher::Regex(_)
                | Matcher::Absent
                | Matcher::Any
                | Matcher::GreaterThan(_)
                | Matcher::LessThan(_) => {}
            },
        }
    }

    /// Whether a `$jwt` is in it, for which the tenant's keys are needed.
    #[must_use]
    pub fn has_jwt(&self) -> bool {
        match &self.data {
            PatternData::Equals(_) => false,
            PatternData::List(patterns) => patterns.iter().any(Self::has_jwt),
            PatternData::Map(entries) => entries.iter().any(|(_, inner)| inner.has_jwt()),
            PatternData::Matcher(matcher) => match matcher {
                Matcher::Jwt(_) => true,
                Matcher::OneOf(patterns) => patterns.iter().any(Self::has_jwt),
                Matcher::Contains(inner) | Matcher::Not(inner) | Matcher::Each(inner) => {
                    inner.has_jwt()
                }
                _ => false,
            },
        }
    }
}

impl FromNode for JwtPattern {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let pattern = Self { header: fields.optional("header"), claims: fields.optional("claims") };
        fields.finish();
        Some(pattern)
    }
}

impl JsonType {
    const WORDS: [(&'static str, Self); 7] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("null", Self::Null),
        ("array", Self::Array),
        ("object", Self::Object),
    ];
}

impl FromNode for JsonType {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "type", &Self::WORDS, reader)
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, known)| known == self);
        formatter.write_str(word.map_or("", |(word, _)| word))
    }
}

/// As it would be written, for messages.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            PatternData::Equals(tree) => tree.fmt(formatter),
            PatternData::List(patterns) => {
                formatter.write_str("[")?;
                separated(formatter, patterns, |formatter, inner| inner.fmt(formatter))?;
                formatter.write_str("]")
            }
            PatternData::Map(entries) => {
                formatter.write_str("{")?;
                separated(formatter, entries, |formatter, (key, inner)| {
                    write!(formatter, "{}: {inner}", key.value)
                })?;
                formatter.write_str("}")
            }
            PatternData::Matcher(matcher) => matcher.fmt(formatter),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(JsonType::Integer) => formatter.write_str("an integer"),
            Self::Type(JsonType::Array) => formatter.write_str("an array"),
            Self::Type(JsonType::Object) => formatter.write_str("an object"),
            Self::Type(JsonType::Null) => formatter.write_str("null"),
            Self::Type(other) => write!(formatter, "a {other}"),
            Self::Regex(regex) => write!(formatter, "a string that matches `{regex}`"),
            Self::Absent => formatter.write_str("nothing here"),
            Self::Any => formatter.write_str("something here"),
            Self::Len(inner) => write!(formatter, "a length of {inner}"),
            Self::Contains(inner) => write!(formatter, "something that contains {inner}"),
            Self::OneOf(patterns) => {
                formatter.write_str("one of ")?;
                separated(formatter, patterns, |formatter, inner| inner.fmt(formatter))
            }
            Self::Not(inner) => write!(formatter, "not {inner}"),
            Self::Each(inner) => write!(formatter, "an array of {inner}"),
            Self::Jwt(_) => formatter.write_str("a JWT that the tenant has signed"),
            Self::GreaterThan(bound) => write!(formatter, "more than {bound}"),
            Self::LessThan(bound) => write!(formatter, "less than {bound}"),
        }
    }
}

/// As JSON, with templates as they are written.
impl fmt::Display for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written().fmt(formatter)
    }
}

fn separated<T>(
    formatter: &mut fmt::Formatter<'_>,
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(index, item)| {
        if index > 0 {
            formatter.write_str(", ")?;
        }
        write(formatter, item)
    })
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    /// A value, a list or map of patterns, or a matcher: a map with one key that begins with `$`.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = generator.subschema_for::<Self>();
        let jwt = generator.subschema_for::<JwtPattern>();
        let types: Vec<_> = JsonType::WORDS.iter().map(|(word, _)| *word).collect();
        json_schema!({
            "description": "What a value must be: a value, or a matcher such as `{$type: string}`.",
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "array", "items": pattern},
                {
                    "type": "object",
                    "propertyNames": {"pattern": "^[^$]|^$"},
                    "additionalProperties": pattern,
                },
                {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": false,
                    "properties": {
                        "$type": {"enum": types},
                        "$regex": {"type": "string", "format": "regex"},
                        "$absent": {"const": true},
                        "$any": {"const": true},
                        "$len": pattern,
                        "$contains": pattern,
                        "$one_of": {"type": "array", "items": pattern},
                        "$not": pattern,
                        "$each": pattern,
                        "$jwt": jwt,
                        "$gt": {"type": "number"},
                        "$lt": {"type": "number"},
                    },
                },
            ],
        })
    }
}
