//! A service that no preset knows: how its messages are listed, and where in a message is what.

use super::{text::Text, value::Path};
use crate::{
    codes::{Detail, Format, Newest, Shape, Template},
    source::{
        Diagnostic,
        document::{Fields, FromNode, Reader, word},
        yaml::{Data, Node},
    },
};

/// The keys where there is no preset.
pub(super) const LISTING: [&str; 10] =
    ["url", "body", "list", "id", "newest", "time", "recipient", "then", "text", "html"];
/// The words in the URL of a list, and in a body.
const WORDS: [&str; 3] = ["recipient", "since", "since_ms"];

/// A service of which the file says how it is asked.
pub(super) fn listing(fields: &mut Fields<'_, '_>) -> Option<Shape> {
    let url = fields.required_entry("url").and_then(|(_, node)| {
        let text = Text::from_node(node, fields.reader)?;
        let end = text.url(fields.reader)?;
        let path = text.template(end, &WORDS, fields.reader)?;
        Some((text.value[..end].to_owned(), path))
    });
    let body = fields
        .entry("body")
        .map(|(_, node)| Text::from_node(node, fields.reader)?.template(0, &WORDS, fields.reader));
    let messages = fields.required("list").map(|Path(path)| path);
    let id = fields.optional("id").map_or_else(|| "$.id".to_owned(), |Path(path)| path);
    let received = fields.optional("time").map(|Path(path)| path);
    let usual = if received.is_some() { Newest::Received } else { Newest::First };
    let newest = fields.optional("newest").unwrap_or(usual);
    let to = fields.optional("recipient").map(|Path(path)| path);
    let detail: Option<Detail> = fields.optional("then");
    let [text, html] = ["text", "html"].map(|key| -> Vec<String> {
        fields.default::<Vec<Path>>(key).into_iter().map(|Path(path)| path).collect()
    });
    let has_texts = ["text", "html"].into_iter().any(|key| !is_empty_list(key, fields));
    let is_json = detail.as_ref().is_none_or(|detail| detail.format == Format::Json);
    if !has_texts && is_json && (fields.entry("then").is_none() || detail.is_some()) {
        let place = fields.entry("text").map_or(fields.span(), |(key, _)| key.span);
        let problem = Diagnostic::at(place, "nothing is to be searched for a code");
        let expected = "`text` or `html`, with JSONPath queries such as `$.text`";
        fields.reader.problem(problem.expected(expected));
    }
    let ((base, path), body) = (url?, body.map_or(Some(None), |body| body.map(Some))?);
    let asks_for = |template: &Template| template.placeholders().any(|word| word == "recipient");
    let is_of_recipient = asks_for(&path) || body.as_ref().is_some_and(asks_for);
    if !is_of_recipient
        && fields.entry("recipient").is_none()
        && let Some((_, node)) = fields.entry("url")
    {
        let problem = Diagnostic::at(node.span, "nothing tells to whom a message is");
        let expected = "`{recipient}` in the URL or in `body`, or the key `recipient`";
        fields.reader.problem(problem.expected(expected));
    }
    Some(Shape {
        base,
        path,
        headers: Vec::new(),
        credentials: None,
        body,
        empty: Vec::new(),
        messages: messages?,
        newest,
        id,
        to: to.into_iter().collect(),
        received,
        text,
        html,
        detail,
    })
}

fn is_empty_list(key: &'static str, fields: &mut Fields<'_, '_>) -> bool {
    let empty = |node: &Node| matches!(&node.data, Data::Sequence(nodes) if nodes.is_empty());
    fields.entry(key).is_none_or(|(_, node)| node.data == Data::Null || empty(node))
}

impl FromNode for Newest {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "place", &[("first", Self::First), ("last", Self::Last)], reader)
    }
}

impl FromNode for Detail {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut fields = Fields::of(node, reader)?;
        let path = fields.required_entry("url").and_then(|(_, node)| {
            let text = Text::from_node(node, fields.reader)?;
            if !text.value.starts_with('/') {
                text.url(fields.reader)?;
            }
            let path = text.template(0, &["id", "recipient"], fields.reader)?;
            if !path.placeholders().any(|word| word == "id") {
                let problem = Diagnostic::at(node.span, "the URL is the same for every message");
                fields.reader.problem(problem.expected("`{id}` in it"));
            }
            Some(path)
        });
        let format = fields.optional("response").unwrap_or(Format::Json);
        fields.finish();
        Some(Self { path: path?, format })
    }
}

impl FromNode for Format {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let words = [
            ("json", Self::Json),
            ("text", Self::Text),
            ("html", Self::Html),
            ("mime", Self::Mime),
        ];
        word(node, "response", &words, reader)
    }
}
