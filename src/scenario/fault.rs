//! What goes wrong between a client and the tenant, and when.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    document::{Fields, FromNode, Reader},
    schema,
};
use crate::source::{
    Diagnostic,
    yaml::{Data, Node},
};

/// A fault of the emulated tenant's: one of `latency`, `status` and `malformed`.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fault {
    /// What the path begins with.
    pub path: String,
    /// The method; any unless given.
    pub method: Option<String>,
    /// At which calls of these, counted from 1; at all of them unless given.
    pub calls: Option<Vec<u64>>,
    /// The answer is late by this.
    #[schemars(with = "Option<schema::Duration>")]
    pub latency: Option<Duration>,
    /// An error in place of an answer: the tenant has not seen the request.
    pub status: Option<Status>,
    /// The JSON of the answer breaks off: the tenant did what it was asked.
    pub malformed: Option<bool>,
}

/// An error in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 429
    TooManyRequests,
    /// 500
    InternalServerError,
    /// 503
    ServiceUnavailable,
}

impl JsonSchema for Status {
    fn schema_name() -> Cow<'static, str> {
        "FaultStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": [429, 500, 503]})
    }
}

impl FromNode for Status {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Number(number) if number.as_u64() == Some(429) => Some(Self::TooManyRequests),
            Data::Number(number) if number.as_u64() == Some(500) => Some(Self::InternalServerError),
            Data::Number(number) if number.as_u64() == Some(503) => Some(Self::ServiceUnavailable),
            _ => reader.wrong_type(node, "429, 500 or 503"),
        }
    }
}

impl FromNode for u64 {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.data {
            Data::Number(number) if number.as_u64().is_some_and(|it| it > 0) => number.as_u64(),
            _ => reader.wrong_type(node, "a whole number from 1 on"),
        }
    }
}

impl FromNode for Fault {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        // A tenant that is served has these too; here nothing could be said of them.
        for broken in ["reset", "cut"] {
            if let Some((key, _)) = fields.entry(broken) {
                let message = format!("a scenario cannot have the fault `{broken}`");
                fields.reader.problem(
                    Diagnostic::at(key.span, message)
                        .expected("`latency`, `status` or `malformed`")
                        .hint("without an answer there is nothing to judge; `countersign serve` has it"),
                );
            }
        }
        let path: Option<String> = fields.required("path");
        let fault = Self {
            path: path.unwrap_or_default(),
            method: fields.optional("method"),
            calls: fields.optional("calls"),
            latency: fields.optional("latency"),
            status: fields.optional("status"),
            malformed: fields.optional("malformed"),
        };
        let kinds = ["latency", "status", "malformed", "reset", "cut"];
        if kinds.into_iter().filter(|kind| fields.entry(kind).is_some()).count() != 1 {
            let problem = Diagnostic::at(node.span, "a fault is exactly one thing");
            let expected = "one of `latency`, `status` and `malformed: true`";
            fields.reader.problem(problem.expected(expected));
        }
        fields.finish();
        Some(fault)
    }
}
