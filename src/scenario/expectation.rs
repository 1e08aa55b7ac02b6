//! What a response must be: `expect`, and the patterns in it. How they are held against a response is `expect`'s
//! business.

use std::{borrow::Cow, fmt, time::Duration};

use jsonpath_rust::parser::{
    model::{JpQuery, Segment, Selector},
    parse_json_path,
};
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    document::{Fields, FromNode, Reader},
    template::Tree,
};
use crate::source::{
    Diagnostic, Located, Span,
    yaml::{Data, Node},
};

/// What a step's response must be; what is not named is free.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Expect {
    /// The status code, or several of which one must be it.
    pub status: Option<Located<Statuses>>,
    /// Header fields.
    #[schemars(default, with = "std::collections::BTreeMap<String, Pattern>")]
    pub headers: Vec<(Located<String>, Pattern)>,
    /// What the body must contain.
    pub body: Option<Pattern>,
    /// What the body must be, with nothing beside it.
    pub body_exact: Option<Pattern>,
    /// What RFC 9535 queries must find in the body.
    #[schemars(default, with = "std::collections::BTreeMap<String, Pattern>")]
    pub jsonpath: Vec<(Query, Pattern)>,
    /// The time within which the response must have come.
    #[schemars(with = "Option<super::schema::Duration>")]
    pub within: Option<Located<Duration>>,
}

impl FromNode for Expect {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let status = fields.optional("status");
        let headers = fields.default("headers");
        let body = fields.optional_even_null("body");
        let body_exact = fields.optional_even_null("body_exact");
        let queries: Vec<(Located<String>, Pattern)> = fields.default("jsonpath");
        let within = fields.optional("within");
        let jsonpath = queries
            .into_iter()
            .filter_map(|(text, pattern)| Some((Query::parse(&text, fields.reader)?, pattern)))
            .collect();
        fields.finish();
        Some(Self { status, headers, body, body_exact, jsonpath, within })
    }
}

/// One status code or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(pub Vec<u16>);

impl FromNode for Statuses {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Sequence(nodes) if !nodes.is_empty() => {
                Some(Self(nodes.iter().filter_map(|node| status(node, reader)).collect()))
            }
            Data::Sequence(_) => {
                let problem = Diagnostic::at(node.span, "there is no status code in this list");
                reader.problem(problem.expected("at least one"));
                None
            }
            Data::Number(_) => Some(Self(vec![status(node, reader)?])),
            _ => reader.wrong_type(node, "a status code, or a list of them"),
        }
    }
}

fn status(node: &Node, reader: &mut Reader<'_>) -> Option<u16> {
    let Data::Number(number) = &node.data else {
        return reader.wrong_type(node, "a status code");
    };
    let status = number.as_u64().and_then(|number| u16::try_from(number).ok());
    let status = status.filter(|status| (100..600).contains(status));
    if status.is_none() {
        reader.problem(
            Diagnostic::at(node.span, format!("`{number}` is not a status code"))
                .expected("a number from 100 to 599"),
        );
    }
    status
}

impl fmt::Display for Statuses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.0.iter().map(u16::to_string).collect();
        formatter.write_str(&codes.join(" or "))
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let code = json_schema!({"type": "integer", "minimum": 100, "maximum": 599});
        json_schema!({"anyOf": [code, {"type": "array", "items": code, "minItems": 1}]})
    }
}

/// An RFC 9535 query.
#[derive(Clone, Debug)]
pub struct Query {
    /// As it was written.
    pub text: Located<String>,
    /// Parsed.
    pub parsed: JpQuery,
}

impl Query {
    fn parse(text: &Located<String>, reader: &mut Reader<'_>) -> Option<Self> {
        if let Ok(parsed) = parse_json_path(&text.value) {
            return Some(Self { text: text.clone(), parsed });
        }
        // The parser's own words are the rules of its grammar, which help nobody.
        let message = format!("`{}` is not a JSONPath query", text.value);
        let problem = Diagnostic::at(text.span, message)
            .expected("a query as RFC 9535 has it, such as `$.error`");
        reader.problem(if text.value.starts_with('$') {
            problem
        } else {
            problem.hint("a query begins with `$`")
        });
        None
    }

    /// Whether it is a singular query: one that finds at most one value, whatever it is applied to.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.parsed.segments.iter().all(|segment| {
            matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_)))
        })
    }
}

impl FromNode for Query {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = Located::<String>::from_node(node, reader)?;
        Self::parse(&text, reader)
    }
}

impl JsonSchema for Query {
    fn schema_name() -> Cow<'static, str> {
        "Query".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^\\$", "description": "A JSONPath query (RFC 9535)."})
    }
}

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
        super::word(node, "type", &Self::WORDS, reader)
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
