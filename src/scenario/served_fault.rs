//! What goes wrong between clients and a tenant that is served to them. A scenario has fewer kinds: where no answer
//! comes there is nothing to judge, and where chance decides nothing to repeat.

use std::time::Duration;

use super::{
    fault::{Calls, Status, True},
    values::PathStart,
};
use crate::source::{
    Diagnostic,
    document::{Fields, FromNode, Reader},
    yaml::{Data, Node},
};

/// A fault of a served tenant's.
#[derive(Clone, Debug)]
pub struct ServedFault {
    /// What the path begins with.
    pub path: String,
    /// The method; any unless given.
    pub method: Option<String>,
    /// At which calls of these.
    pub when: When,
    /// What goes wrong.
    pub kind: Kind,
}

/// At which calls.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// At all of them.
    Always,
    /// At these, counted from 1.
    Calls(Vec<u64>),
    /// At this share of them, from 0 to 1, by chance: the seed decides.
    Rate(f64),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer is late by this.
    Latency(Duration),
    /// An error in place of an answer: the tenant has not seen the request.
    Status {
        /// Which.
        status: Status,
        /// Whether it is a page of text, as something in between would send it.
        plain: bool,
    },
    /// The JSON of the answer breaks off: the tenant did what it was asked.
    Malformed,
    /// The connection is closed without an answer: the tenant did what it was asked.
    Reset,
    /// The connection is closed in the middle of the answer: the tenant did what it was asked.
    Cut,
}

const KINDS: [&str; 5] = ["latency", "status", "malformed", "reset", "cut"];

impl FromNode for ServedFault {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let path: Option<PathStart> = fields.required("path");
        let method = fields.optional("method");
        let calls = fields.optional("calls").map(|Calls(calls)| When::Calls(calls));
        let rate = fields.optional("rate").map(|Share(share)| When::Rate(share));
        if let (Some(_), Some((key, _))) = (fields.entry("calls"), fields.entry("rate")) {
            let problem = Diagnostic::at(key.span, "a fault comes at certain calls or by chance");
            fields.reader.problem(problem.expected("one of `calls` and `rate`"));
        }
        let plain = fields.optional("plain");
        if let (None, Some((key, _))) = (fields.entry("status"), fields.entry("plain")) {
            let problem = Diagnostic::at(key.span, "only a `status` can be `plain`");
            fields.reader.problem(problem);
        }
        let latency = fields.optional("latency").map(Kind::Latency);
        let status = fields.optional("status");
        let status = status.map(|status| Kind::Status { status, plain: plain.unwrap_or_default() });
        let [malformed, reset, cut] =
            [("malformed", Kind::Malformed), ("reset", Kind::Reset), ("cut", Kind::Cut)]
                .map(|(key, kind)| fields.optional(key).map(|True| kind));
        if KINDS.into_iter().filter(|kind| fields.entry(kind).is_some()).count() != 1 {
            let problem = Diagnostic::at(node.span, "a fault is exactly one thing");
            let expected = "one of `latency`, `status`, `malformed`, `reset` and `cut`";
            fields.reader.problem(problem.expected(expected));
        }
        fields.finish();
        let when = calls.or(rate).unwrap_or(When::Always);
        let kind = latency.or(status).or(malformed).or(reset).or(cut)?;
        Some(Self { path: path?.0, method, when, kind })
    }
}

/// A share of all calls.
struct Share(f64);

impl FromNode for Share {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let share = if let Data::Number(number) = &node.data { number.as_f64() } else { None };
        match share {
            Some(share) if (0.0..=1.0).contains(&share) => Some(Self(share)),
            _ => reader.wrong_type(node, "a number from 0 to 1"),
        }
    }
}
