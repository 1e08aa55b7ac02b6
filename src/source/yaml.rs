//! YAML with the place of every node: the one reader of all the YAML that this project reads.
//!
//! It stands on the event parser that `serde-saphyr` (our writer) has inside, not on serde: serde stops at the
//! first mistake and forgets places, and a scenario has to be told all its mistakes at once.
//! Scalars follow YAML 1.2's core schema, but a number with a leading zero, or with underscores, is text:
//! `012345` is a one-time code, not a number. `yes` and `no` are text as well.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};

use super::{Diagnostic, SourceId, Sources, Span};

/// A document may have this many nodes, those that aliases repeat included.
const MAX_NODES: usize = 50_000;
/// And be nested this deep.
const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub data: Data,
    /// Where it is; of a block collection, its first line.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order in which it was written; keys are distinct.
    Mapping(Vec<(Key, Node)>),
}

/// The key of a map, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The text; a scalar of any type is taken by its text.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// What it is, for a sentence.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.data {
            Data::Null => "nothing".to_owned(),
            Data::Bool(value) => format!("`{value}`"),
            Data::Number(value) => format!("the number `{value}`"),
            Data::String(value) if value.chars().count() > 40 => "a text".to_owned(),
            Data::String(value) => format!("the text `{value}`"),
            Data::Sequence(_) => "a list".to_owned(),
            Data::Mapping(_) => "a map".to_owned(),
        }
    }

    /// The same value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::String(value) => Value::String(value.clone()),
            Data::Sequence(nodes) => nodes.iter().map(Self::to_json).collect(),
            Data::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.text.clone(), node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// How many nodes it is, keys included.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + match &self.data {
            Data::Sequence(nodes) => nodes.iter().map(Self::count).sum(),
            Data::Mapping(entries) => entries.iter().map(|(_, node)| 1 + node.count()).sum(),
            _ => 0,
        }
    }
}

/// Reads the one document of a source. Duplicate keys and tags are reported to `problems` and reading goes on;
/// what does not parse at all is reported there too, and is `None`.
pub fn load(id: SourceId, sources: &Sources, problems: &mut Vec<Diagnostic>) -> Option<Node> {
    let text = sources.get(id).text();
    let mut loader = Loader {
        parser: Parser::new_from_str(text),
        id,
        text,
        anchors: HashMap::new(),
        nodes: 0,
        problems,
    };
    match loader.document() {
        Ok(node) => Some(node),
        Err(problem) => {
            loader.problems.push(*problem);
            None
        }
    }
}

type Fatal = Box<Diagnostic>;

struct Loader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    id: SourceId,
    text: &'a str,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    problems: &'a mut Vec<Diagnostic>,
}

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Node, Fatal> {
        let start = Span { source: self.id, start: 0, end: 0 };
        let empty = || Box::new(Diagnostic::at(start, "the file is empty").expected("a map"));
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, _) => return Err(empty()),
                (event, span) => {
                    let node = self.node(event, span, 0)?;
                    if node.data == Data::Null {
                        return Err(empty());
                    }
                    self.end()?;
                    return Ok(node);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Fatal> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), span) => {
                    return Err(Box::new(
                        Diagnostic::at(span, "a second document begins here")
                            .expected("one document in a file")
                            .hint("put it into a file of its own"),
                    ));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fatal> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, self.span(span))),
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            None => Ok((Event::StreamEnd, Span { source: self.id, start: 0, end: 0 })),
        }
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = self.byte(error.marker());
        let end = self.text[at as usize..].chars().next().map_or(at, |next| {
            if next == '\n' { at } else { at + u32::try_from(next.len_utf8()).unwrap_or(1) }
        });
        let span = Span { source: self.id, start: at, end };
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return too_deep(span);
        }
        Diagnostic::at(span, format!("this is not YAML: {}", error.info()))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fatal> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Box::new(too_large(span)));
        }
        if depth > MAX_DEPTH {
            return Err(Box::new(too_deep(span)));
        }
        let (data, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = tag.as_ref().is_some_and(|tag| tag.suffix() == "str");
                let data = if style == ScalarStyle::Plain && !text_tag {
                    plain(&text)
                } else {
                    Data::String(text.into_owned())
                };
                (data, anchor, tag.filter(|_| !text_tag))
            }
            Event::SequenceStart(_, anchor, tag) => {
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => nodes.push(self.node(event, span, depth + 1)?),
                    }
                }
                (Data::Sequence(nodes), anchor, tag)
            }
            Event::MappingStart(_, anchor, tag) => (self.mapping(depth)?, anchor, tag),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => (Data::Null, 0, None),
        };
        if let Some(tag) = tag {
            let written = format!("{}{}", tag.handle(), tag.suffix());
            self.problems.push(
                Diagnostic::at(span, format!("the tag `{written}` means nothing here"))
                    .hint("leave it out"),
            );
        }
        let node = Node { span: place(&data, span), data };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Fatal> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Box::new(Diagnostic::at(span, "an alias to what it is itself part of")));
        };
        // Counted before it is copied: what aliases of aliases would make is never made.
        self.nodes += node.count();
        if self.nodes > MAX_NODES {
            return Err(Box::new(too_large(span)));
        }
        Ok(node.clone())
    }

    fn mapping(&mut self, depth: usize) -> Result<Data, Fatal> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Data::Mapping(entries)),
                (Event::Scalar(text, ..), span) => Key { text: text.into_owned(), span },
                (event, span) => {
                    self.node(event, span, depth + 1)?;
                    self.problems
                        .push(Diagnostic::at(span, "a key must be a word").expected("a word"));
                    Key { text: String::new(), span }
                }
            };
            self.nodes += 1;
            let (event, span) = self.next()?;
            let node = self.node(event, span, depth + 1)?;
            if let Some((first, _)) = entries.iter().find(|(known, _)| known.text == key.text) {
                let line = self.text[..first.span.start as usize].matches('\n').count() + 1;
                self.problems.push(
                    Diagnostic::at(key.span, format!("the key `{}` is here twice", key.text))
                        .hint(format!("it is first given in line {line}")),
                );
            } else {
                entries.push((key, node));
            }
        }
    }

    fn span(&self, span: granit_parser::Span) -> Span {
        let start = self.byte(&span.start);
        let end = self.byte(&span.end);
        // The span of a block scalar reaches to the next token; the caret wants what is written.
        let written = self.text[start as usize..end.max(start) as usize].trim_end();
        let end = start + u32::try_from(written.len()).unwrap_or(0);
        Span { source: self.id, start, end }
    }

    fn byte(&self, marker: &granit_parser::Marker) -> u32 {
        let offset = marker.byte_offset().unwrap_or_else(|| {
            self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(at, _)| at)
        });
        u32::try_from(offset.min(self.text.len())).unwrap_or(u32::MAX)
    }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::at(span, "this is nested too deep").expected(format!("at most {MAX_DEPTH} levels"))
}

fn too_large(span: Span) -> Diagnostic {
    Diagnostic::at(span, "the document is too large, counting what aliases repeat")
        .expected(format!("at most {MAX_NODES} values"))
}

/// A block collection's own span is empty: its first line stands for it.
fn place(data: &Data, span: Span) -> Span {
    match data {
        Data::Mapping(entries) if span.start == span.end => {
            entries.first().map_or(span, |(key, _)| key.span)
        }
        Data::Sequence(nodes) if span.start == span.end => {
            nodes.first().map_or(span, |node| node.span)
        }
        _ => span,
    }
}

fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ => number(text).map_or_else(|| Data::String(text.to_owned()), Data::Number),
    }
}

/// A number as JSON has it, which is YAML's core schema without leading zeros, signs of plus, octal and hex.
fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first == b'-' || first.is_ascii_digit()) {
        return None;
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::{super::Sources, Node, load};
    use serde_json::json;

    fn read(text: &str) -> (Option<Node>, Vec<String>) {
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        let node = load(id, &sources, &mut problems);
        (node, problems.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn scalars_are_what_a_tester_means() {
        let text = "[012345, 123456, 1_000, yes, true, null, ~, 1.5, -2, 0x1F, '7', 1e3, '']";
        let (node, problems) = read(text);
        assert_eq!(problems, Vec::<String>::new());
        let expected = json!([
            "012345", 123_456, "1_000", "yes", true, null, null, 1.5, -2, "0x1F", "7", 1e3, ""
        ]);
        assert_eq!(node.map(|node| node.to_json()), Some(expected));
    }

    #[test]
    fn all_duplicate_keys_are_reported() {
        let (node, problems) = read("a: 1\nb: {c: 1, c: 2}\na: 3\n");
        assert_eq!(node.map(|node| node.to_json()), Some(json!({"a": 1, "b": {"c": 1}})));
        assert_eq!(problems, ["the key `c` is here twice", "the key `a` is here twice"]);
    }

    #[test]
    fn aliases_are_followed_within_bounds() {
        let (node, _) = read("a: &x [1, 2]\nb: *x\n");
        assert_eq!(node.map(|node| node.to_json()), Some(json!({"a": [1, 2], "b": [1, 2]})));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let below = format!("*a{}", level - 1);
            let list = vec![below; 9].join(", ");
            bomb = format!("{bomb}a{level}: &a{level} [{list}]\n");
        }
        let (node, problems) = read(&bomb);
        assert_eq!(node, None);
        assert_eq!(problems, ["the document is too large, counting what aliases repeat"]);
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        for text in ["", "# only a comment\n", "---\n"] {
            assert_eq!(read(text), (None, vec!["the file is empty".to_owned()]), "{text:?}");
        }
        assert_eq!(read("a: 1\n---\nb: 2\n").1, ["a second document begins here"]);
        assert_eq!(read(&("[".repeat(80) + &"]".repeat(80))).1, ["this is nested too deep"]);
    }

    #[test]
    fn spans_are_of_what_is_written() {
        let text = "ä: b\nlist:\n  - x: 1\n";
        let mut sources = Sources::default();
        let id = sources.add("a.yaml", text);
        let node = load(id, &sources, &mut Vec::new()).unwrap();
        let super::Data::Mapping(entries) = node.data else { panic!("a map") };
        let slice = |span: super::Span| &text[span.start as usize..span.end as usize];
        assert_eq!(slice(entries[0].0.span), "ä");
        assert_eq!(slice(entries[0].1.span), "b");
        assert_eq!(slice(entries[1].1.span), "x");
    }
}
