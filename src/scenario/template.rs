//! `{{ }}`: the syntax of templates. What they evaluate to is `step`'s business.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Number, Value};

use crate::source::{
    Diagnostic, Located, Span,
    document::{FromNode, Reader},
    yaml::{Data, Node},
};

/// A value in a request or an expectation, with templates in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// What it is.
    pub data: TreeData,
    /// Where it was written; for a default, the verb.
    pub span: Span,
}

/// What a [`Tree`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum TreeData {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text, perhaps with templates.
    Text(Template),
    /// A list.
    List(Vec<Tree>),
    /// A map.
    Map(Vec<(String, Tree)>),
}

/// Text with `{{ }}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// What stands between `{{` and `}}`; apart, since most parts are text and there are very many.
    Expression(Box<Expression>),
}

/// A path to a value: `mfa_token`, `authenticators[0].id`, `user.alias('second')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The first name.
    pub root: String,
    /// What follows.
    pub path: Vec<Access>,
    /// Where it was written.
    pub span: Span,
}

/// A step along a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// `.name`
    Member(String),
    /// `[0]`
    Index(usize),
    /// `('argument')`
    Call(String),
}

impl Tree {
    /// The tree of an expression of ours, such as a default; `path` is dotted.
    #[must_use]
    pub fn expression(path: &str, span: Span) -> Self {
        let mut names = path.split('.').map(str::to_owned);
        let root = names.next().unwrap_or_default();
        let expression = Expression { root, path: names.map(Access::Member).collect(), span };
        Self { data: TreeData::Text(Template(vec![Part::Expression(Box::new(expression))])), span }
    }

    /// The tree of a text without templates.
    #[must_use]
    pub fn text(text: impl Into<String>, span: Span) -> Self {
        Self { data: TreeData::Text(Template(vec![Part::Text(text.into())])), span }
    }

    /// The tree of a list of one text.
    #[must_use]
    pub fn list_of(text: &str, span: Span) -> Self {
        Self { data: TreeData::List(vec![Self::text(text, span)]), span }
    }

    /// Calls `visit` with every expression in it.
    pub fn expressions<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match &self.data {
            TreeData::Text(template) => {
                for part in &template.0 {
                    if let Part::Expression(expression) = part {
                        visit(expression);
                    }
                }
            }
            TreeData::List(trees) => trees.iter().for_each(|tree| tree.expressions(visit)),
            TreeData::Map(entries) => {
                for (_, tree) in entries {
                    tree.expressions(visit);
                }
            }
            TreeData::Null | TreeData::Bool(_) | TreeData::Number(_) => {}
        }
    }

    /// Calls `visit` with every text in it that has no template.
    pub fn literals<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match &self.data {
            TreeData::Text(_) => self.as_literal().into_iter().for_each(visit),
            TreeData::List(trees) => trees.iter().for_each(|tree| tree.literals(visit)),
            TreeData::Map(entries) => entries.iter().for_each(|(_, tree)| tree.literals(visit)),
            TreeData::Null | TreeData::Bool(_) | TreeData::Number(_) => {}
        }
    }

    /// The value as it is written, with its templates in it.
    #[must_use]
    pub fn written(&self) -> Value {
        match &self.data {
            TreeData::Null => Value::Null,
            TreeData::Bool(value) => Value::Bool(*value),
            TreeData::Number(value) => Value::Number(value.clone()),
            TreeData::Text(template) => Value::String(template.to_string()),
            TreeData::List(trees) => trees.iter().map(Self::written).collect(),
            TreeData::Map(entries) => {
                entries.iter().map(|(name, tree)| (name.clone(), tree.written())).collect()
            }
        }
    }

    /// The text, if it is one without templates.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match &self.data {
            TreeData::Text(Template(parts)) => match parts.as_slice() {
                [Part::Text(text)] => Some(text),
                [] => Some(""),
                _ => None,
            },
            _ => None,
        }
    }
}

impl FromNode for Tree {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let data = match &node.data {
            Data::Null => TreeData::Null,
            Data::Bool(value) => TreeData::Bool(*value),
            Data::Number(value) => TreeData::Number(value.clone()),
            Data::String(text) => TreeData::Text(Template::parse(text, node.span, reader)?),
            Data::Sequence(_) => TreeData::List(FromNode::from_node(node, reader)?),
            Data::Mapping(_) => {
                let entries: Vec<(Located<String>, Self)> = FromNode::from_node(node, reader)?;
                TreeData::Map(entries.into_iter().map(|(key, tree)| (key.value, tree)).collect())
            }
        };
        Some(Self { data, span: node.span })
    }
}

/// A text with templates; a number or a flag in its place is a mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Text(pub Tree);

impl FromNode for Text {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.data {
            Data::String(_) => Tree::from_node(node, reader).map(Self),
            _ => reader.wrong_type(node, "a text"),
        }
    }
}

impl Template {
    pub(super) fn parse(text: &str, span: Span, reader: &mut Reader<'_>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let inner = &rest[open + 2..];
            let Some(close) = closing(inner) else {
                reader.problem(
                    Diagnostic::at(
                        place(span, &rest[open..], reader),
                        "this template is not closed",
                    )
                    .expected("`}}`")
                    .hint("for a literal `{{`, write `{{ '{{' }}`"),
                );
                return None;
            };
            let inner = &inner[..close];
            let at = place(span, &rest[open..open + close + 4], reader);
            if inner.trim().is_empty() {
                let problem = Diagnostic::at(at, "this template is empty");
                reader.problem(problem.expected("a name, such as `mfa_token` or `user.email`"));
                return None;
            }
            match parse_expression(inner, at) {
                Ok(part) => parts.push(part),
                Err(expected) => {
                    reader.problem(
                        Diagnostic::at(at, format!("`{}` is not a template", inner.trim()))
                            .expected(expected),
                    );
                    return None;
                }
            }
            rest = &rest[open + close + 4..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        // Most have one part, and there are many of them.
        parts.shrink_to_fit();
        Some(Self(parts))
    }
}

/// Where `}}` is, past any quoted text.
fn closing(inner: &str) -> Option<usize> {
    let mut quoted = false;
    let bytes = inner.as_bytes();
    (0..bytes.len()).find(|&at| {
        if bytes[at] == b'\'' {
            quoted = !quoted;
        }
        !quoted && bytes[at..].starts_with(b"}}")
    })
}

/// The place of a part of a scalar: where its text is found in what was written, else the whole scalar.
pub(super) fn place(span: Span, part: &str, reader: &Reader<'_>) -> Span {
    let written = &reader.source.text()[span.start as usize..span.end as usize];
    written.find(part).map_or(span, |at| {
        let start = span.start + u32::try_from(at).unwrap_or(0);
        Span { start, end: start + u32::try_from(part.len()).unwrap_or(0), ..span }
    })
}

fn parse_expression(inner: &str, span: Span) -> Result<Part, &'static str> {
    let mut rest = inner.trim();
    if let Some(quoted) = rest.strip_prefix('\'') {
        return match quoted.strip_suffix('\'') {
            Some(text) if !text.contains('\'') => Ok(Part::Text(text.to_owned())),
            _ => Err("a text in single quotes"),
        };
    }
    let root = name(&mut rest).ok_or("a name, such as `mfa_token` or `user.email`")?;
    let mut path = Vec::new();
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        path.push(match next {
            '.' => Access::Member(name(&mut rest).ok_or("a name after the dot")?),
            '[' => {
                let (index, after) = rest.split_once(']').ok_or("`]`")?;
                rest = after;
                Access::Index(index.trim().parse().map_err(|_| "a number in the brackets")?)
            }
            '(' => {
                let (argument, after) = rest.split_once(')').ok_or("`)`")?;
                rest = after;
                let argument = argument.trim();
                let quoted = argument.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                Access::Call(quoted.ok_or("a text in single quotes")?.to_owned())
            }
            _ => return Err("`.name`, `[0]` or `('text')` after a name"),
        });
    }
    Ok(Part::Expression(Box::new(Expression { root, path, span })))
}

fn name(rest: &mut &str) -> Option<String> {
    let end = rest
        .find(|next: char| !(next.is_ascii_alphanumeric() || next == '_'))
        .unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins_well.then(|| {
        *rest = after;
        name.to_owned()
    })
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => formatter.write_str(text),
            Part::Expression(expression) => write!(formatter, "{{{{ {expression} }}}}"),
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.root)?;
        self.path.iter().try_for_each(|access| match access {
            Access::Member(name) => write!(formatter, ".{name}"),
            Access::Index(index) => write!(formatter, "[{index}]"),
            Access::Call(argument) => write!(formatter, "('{argument}')"),
        })
    }
}

impl JsonSchema for Tree {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "Any value; `{{ }}` may stand in its texts."})
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "A text; `{{ }}` may stand in it."})
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Template};
    use crate::source::{Sources, Span};

    fn parse(text: &str) -> Result<String, Vec<String>> {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        let mut reader = Reader::new(sources.get(id), &mut problems);
        let span = Span { source: id, start: 0, end: u32::try_from(text.len()).unwrap() };
        let template = Template::parse(text, span, &mut reader);
        match template {
            Some(template) => Ok(template.to_string()),
            None => Err(problems.into_iter().filter_map(|problem| problem.expected).collect()),
        }
    }

    #[test]
    fn templates_are_read() {
        for (text, same) in [
            ("plain", "plain"),
            ("{{mfa_token}}", "{{ mfa_token }}"),
            ("a {{ user.alias('x y') }} b", "a {{ user.alias('x y') }} b"),
            ("{{ authenticators[0].id }}", "{{ authenticators[0].id }}"),
            ("{{ '{{' }}x{{ '}}' }}", "{{x}}"),
            ("}} {", "}} {"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(same));
        }
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, expected) in [
            ("{{ mfa_token", "`}}`"),
            ("{{ }}", "a name, such as `mfa_token` or `user.email`"),
            ("{{ 1 }}", "a name, such as `mfa_token` or `user.email`"),
            ("{{ a. }}", "a name after the dot"),
            ("{{ a[x] }}", "a number in the brackets"),
            ("{{ a[1 }}", "`]`"),
            ("{{ a(b) }}", "a text in single quotes"),
            ("{{ a | b }}", "`.name`, `[0]` or `('text')` after a name"),
            ("{{ aü }}", "`.name`, `[0]` or `('text')` after a name"),
            ("{{ 'a }}", "`}}`"),
        ] {
            assert_eq!(parse(text), Err(vec![expected.to_owned()]), "{text}");
        }
    }
}
