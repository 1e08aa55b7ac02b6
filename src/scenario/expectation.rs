//! What a response must be, as it is written. How that is held against one is `expect`'s business.

use std::{borrow::Cow, fmt, time::Duration};

use jsonpath_rust::parser::{
    model::{JpQuery, Segment, Selector},
    parse_json_path,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::pattern::Pattern;
use crate::source::{
    Diagnostic, Located,
    document::{Fields, FromNode, Reader},
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
