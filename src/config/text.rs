//! Texts: variables in them, secrets, URLs, and words that are filled in later.

use std::ops::Range;

use reqwest::Url;

use crate::{
    codes::Template,
    secret::Secret,
    source::{
        Diagnostic, Span,
        document::{FromNode, Reader},
        yaml::{Data, Node},
    },
};

/// A text in which `${NAME}` is replaced by that variable, and `$${` stands for `${`.
pub(super) struct Text {
    pub(super) value: String,
    pub(super) span: Span,
    pub(super) has_variables: bool,
    /// The parts, in bytes, in which braces are themselves: values of variables, and what was escaped.
    literal: Vec<Range<usize>>,
}

impl Text {
    /// What stands there, for a diagnostic: never the value of a variable.
    pub(super) fn found(&self) -> String {
        if self.has_variables {
            "the value of a variable, which is not shown".to_owned()
        } else {
            format!("the text `{}`", self.value)
        }
    }

    /// Reports that it is not what it should be.
    pub(super) fn wrong<T>(
        &self,
        what: &str,
        expected: &str,
        reader: &mut Reader<'_>,
    ) -> Option<T> {
        let problem = Diagnostic::at(self.span, format!("this is not {what}"));
        reader.problem(problem.expected(expected).found(self.found()));
        None
    }

    fn push_literal(&mut self, text: &str) {
        let start = self.value.len();
        self.value.push_str(text);
        self.literal.push(start..self.value.len());
    }

    /// Where the path begins, if this is the URL of something on a server. It may have a secret in its query.
    pub(super) fn url(&self, reader: &mut Reader<'_>) -> Option<usize> {
        let is_server = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(url) = Url::parse(&self.value).ok().filter(is_server) else {
            let problem = Diagnostic::at(self.span, "this is not a URL of a server");
            reader.problem(problem.expected("a URL such as `https://mail.example.com/api`"));
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            let problem = Diagnostic::at(self.span, "a name or a password stands in the URL");
            reader.problem(problem.hint("give them as `user` and `password` beside it"));
            return None;
        }
        let host = self.value.find("://").map_or(0, |at| at + 3);
        let length = self.value[host..].find(['/', '?', '#']);
        Some(length.map_or(self.value.len(), |length| host + length))
    }

    /// What stands from a byte on, with these words as placeholders where they are written in braces.
    pub(super) fn template(
        &self,
        from: usize,
        words: &[&str],
        reader: &mut Reader<'_>,
    ) -> Option<Template> {
        let mut template = Template::default();
        let mut used = Vec::new();
        let mut at = from;
        for part in self.literal.iter().filter(|part| part.end > from) {
            let start = part.start.max(from);
            used.extend(words_in_braces(&self.value[at..start]));
            template.push(&self.value[at..start]);
            template.push_text(&self.value[start..part.end]);
            at = part.end;
        }
        used.extend(words_in_braces(&self.value[at..]));
        template.push(&self.value[at..]);
        used.retain(|word| !words.contains(word));
        for word in &used {
            let problem =
                Diagnostic::at(self.span, format!("nothing is known as `{{{word}}}` here"));
            reader.problem(problem.one_of(word, words.iter().copied()));
        }
        used.is_empty().then_some(template)
    }
}

/// What may be meant as a placeholder.
fn words_in_braces(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |next: char| next.is_alphanumeric() || matches!(next, '_' | '-');
    text.match_indices('{')
        .filter_map(|(at, _)| Some(text[at + 1..].split_once('}')?.0))
        .filter(move |word| !word.is_empty() && word.chars().all(is_part))
}

impl FromNode for Text {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Data::String(written) = &node.data else {
            return reader.wrong_type(node, "a text, or a variable as `${NAME}`");
        };
        let mut text = Self {
            value: String::new(),
            span: node.span,
            has_variables: false,
            literal: Vec::new(),
        };
        let mut is_known = true;
        let mut rest = written.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                text.value.push_str(before);
                text.push_literal("${");
                rest = after;
                continue;
            }
            text.value.push_str(before);
            text.has_variables = true;
            let Some((name, after)) = after.split_once('}') else {
                let problem = Diagnostic::at(node.span, "a variable has no end");
                reader.problem(problem.hint("write `${NAME}`; `$${` stands for `${` itself"));
                return None;
            };
            rest = after;
            match variable(name, node.span, reader) {
                Some(value) => text.push_literal(value),
                None => is_known = false,
            }
        }
        text.value.push_str(rest);
        if is_known && text.value.trim().is_empty() {
            reader.problem(Diagnostic::at(node.span, "this is empty").expected("a text"));
            return None;
        }
        is_known.then_some(text)
    }
}

/// The variable's value. One that is empty is missing: that is what a CI makes of a secret that it does not have.
fn variable<'a>(name: &str, span: Span, reader: &mut Reader<'a>) -> Option<&'a str> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name || name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
        let problem = Diagnostic::at(span, format!("`{name}` is not the name of a variable"));
        reader.problem(problem.expected("letters, digits and `_`, and nothing else in `${ }`"));
        return None;
    }
    let value = reader.variables?.get(name).map(String::as_str);
    let wrong = match value {
        Some(value) if !value.trim().is_empty() => return Some(value),
        Some(_) => "is empty",
        None => "is not set",
    };
    reader.problem(Diagnostic::at(span, format!("the variable `{name}` {wrong}")).hint(format!(
        "set it in the environment, or by a line `{name}=...` in `.env` beside this file"
    )));
    None
}

impl FromNode for Secret<String> {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        // What is wrong with a secret is told without it.
        let is_literal = match &node.data {
            Data::Number(_) | Data::Bool(_) => true,
            Data::String(text) => !text.replace("$${", "").contains("${"),
            _ => false,
        };
        if is_literal {
            reader.problem(
                Diagnostic::at(node.span, "a secret stands in the file")
                    .expected("a variable")
                    .hint("put it into the environment or into `.env`, and write `${NAME}` here"),
            );
            return None;
        }
        Text::from_node(node, reader).map(|text| Self::new(text.value))
    }
}

/// A text that is not secret.
pub(super) struct Plain(pub(super) String);

impl FromNode for Plain {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Text::from_node(node, reader).map(|text| Self(text.value))
    }
}

/// A text that may have a secret in it, as a header field.
pub(super) struct Sensitive(pub(super) Secret<String>);

impl FromNode for Sensitive {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Text::from_node(node, reader).map(|text| Self(Secret::new(text.value)))
    }
}
