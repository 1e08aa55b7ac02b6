//! What goes wrong between a client and the tenant, and when.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{schema, values::PathStart};
use crate::source::{
    Diagnostic, Located,
    document::{Fields, FromNode, Reader},
    yaml::{Data, Node},
};

/// After this long a run gives up on an answer, so that none can be later.
pub const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A fault of the emulated tenant's.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What the path begins with.
    pub path: String,
    /// The method; any unless given.
    pub method: Option<String>,
    /// At which calls of these, counted from 1; at all of them unless given.
    pub calls: Option<Vec<u64>>,
    /// What goes wrong.
    pub kind: Kind,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer is late by this.
    Latency(Duration),
    /// An error in place of an answer: the tenant has not seen the request.
    Status(Status),
    /// The JSON of the answer breaks off: the tenant did what it was asked.
    Malformed,
}

/// A fault of the emulated tenant's: one of `latency`, `status` and `malformed`.
#[derive(JsonSchema)]
#[schemars(rename = "Fault", deny_unknown_fields)]
#[expect(dead_code, reason = "the shape of a fault, for the schema")]
pub(super) struct FaultShape {
    /// What the path begins with.
    path: PathStart,
    /// The method; any unless given.
    method: Option<String>,
    /// At which calls of these, counted from 1; at all of them unless given.
    calls: Option<Calls>,
    /// The answer is late by this; by less than `10s`.
    latency: Option<schema::Duration>,
    /// An error in place of an answer: the tenant has not seen the request.
    status: Option<Status>,
    /// The JSON of the answer breaks off: the tenant did what it was asked.
    malformed: Option<True>,
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

/// Numbers of calls: at least one.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Calls(#[schemars(length(min = 1))] pub(super) Vec<u64>);

impl FromNode for Calls {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty()) {
            let problem = Diagnostic::at(node.span, "a fault at none of the calls never comes");
            reader.problem(problem.expected("at least one number, or no `calls`"));
            return None;
        }
        FromNode::from_node(node, reader).map(Self)
    }
}

/// What is said by being there.
pub(super) struct True;

impl FromNode for True {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.data {
            Data::Bool(true) => Some(Self),
            _ => reader.wrong_type(node, "`true`"),
        }
    }
}

impl JsonSchema for True {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "True".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"const": true})
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
        let path: Option<PathStart> = fields.required("path");
        let method = fields.optional("method");
        let calls = fields.optional("calls").map(|Calls(calls)| calls);
        let latency: Option<Located<Duration>> = fields.optional("latency");
        if let Some(late) = latency.as_ref().filter(|latency| latency.value >= LONGEST_WAIT) {
            let problem = Diagnostic::at(late.span, "nobody waits for an answer for this long");
            fields.reader.problem(problem.expected("less than `10s`"));
        }
        let latency = latency.map(|latency| Kind::Latency(latency.value));
        let status = fields.optional("status").map(Kind::Status);
        let malformed = fields.optional("malformed").map(|True| Kind::Malformed);
        let kinds = ["latency", "status", "malformed", "reset", "cut"];
        if kinds.into_iter().filter(|kind| fields.entry(kind).is_some()).count() != 1 {
            let problem = Diagnostic::at(node.span, "a fault is exactly one thing");
            let expected = "one of `latency`, `status` and `malformed: true`";
            fields.reader.problem(problem.expected(expected));
        }
        fields.finish();
        let kind = latency.or(status).or(malformed)?;
        Some(Self { path: path?.0, method, calls, kind })
    }
}
