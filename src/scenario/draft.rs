//! A request before its templates are evaluated: what a verb is short for, with every override applied.

use super::{
    given::Channel,
    template::{Expression, Tree},
};
use crate::source::Span;

/// A request with templates in it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The method.
    pub method: Tree,
    /// The path.
    pub path: Path,
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<Tree>,
    /// Header fields to set, or to leave out where the value is null.
    pub headers: Vec<(String, Tree)>,
    /// The body.
    pub body: Body,
    /// The one-time code that has to be fetched first, as `code`.
    pub fetch: Option<Channel>,
    /// The verb.
    pub span: Span,
}

/// A path.
#[derive(Clone, Debug)]
pub enum Path {
    /// As it is.
    Fixed(&'static str),
    /// A prefix, and a segment that is percent-encoded.
    Item(&'static str, Tree),
    /// As the scenario has it, with its query.
    Written(Tree),
}

/// A body.
#[derive(Clone, Debug)]
pub enum Body {
    /// No body; parameters go into the query.
    Query(Vec<(String, Tree)>),
    /// Named parameters.
    Parameters(Encoding, Vec<(String, Tree)>),
    /// Any JSON.
    Json(Tree),
    /// Any text.
    Text(Tree),
}

/// How parameters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/json`
    Json,
}

impl Draft {
    pub(super) fn new(span: Span) -> Self {
        Self {
            method: Tree::text("GET", span),
            path: Path::Fixed("/"),
            bearer: None,
            headers: Vec::new(),
            body: Body::Query(Vec::new()),
            fetch: None,
            span,
        }
    }

    /// Calls `visit` with every expression in it.
    pub fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        self.trees(&mut |tree| tree.expressions(visit));
    }

    /// Calls `visit` with every text in it that has no template.
    pub fn literals<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        self.trees(&mut |tree| tree.literals(visit));
    }

    fn trees<'a>(&'a self, visit: &mut dyn FnMut(&'a Tree)) {
        visit(&self.method);
        match &self.path {
            Path::Fixed(_) => {}
            Path::Item(_, tree) | Path::Written(tree) => visit(tree),
        }
        self.bearer.iter().for_each(&mut *visit);
        self.headers.iter().for_each(|(_, tree)| visit(tree));
        match &self.body {
            Body::Query(parameters) | Body::Parameters(_, parameters) => {
                for (_, tree) in parameters {
                    visit(tree);
                }
            }
            Body::Json(tree) | Body::Text(tree) => visit(tree),
        }
    }
}
