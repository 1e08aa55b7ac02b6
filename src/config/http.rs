//! `kind: http`: a service that keeps what was sent, and is asked for it over HTTP.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header::{HeaderName, HeaderValue};

use super::{
    conceal::is_secret,
    value::{Path, Sensitive, Text},
};
use crate::{
    codes::{Detail, Format, Newest, Preset, Shape, Template},
    scenario::Channel,
    secret::Secret,
    source::{
        Diagnostic, Located,
        document::{Fields, FromNode, Reader, word},
        yaml::{Data, Key, Node},
    },
};

/// A service, and how to ask it.
#[derive(Clone, Debug)]
pub struct Http {
    /// How it is asked, and its answers read.
    pub shape: Shape,
    /// What placeholders of a preset stand for.
    pub parameters: BTreeMap<String, Secret<String>>,
    /// The pause between two looks, if the file says it.
    pub interval: Option<Duration>,
}

/// The keys where there is no preset.
const LISTING: [&str; 10] =
    ["url", "body", "list", "id", "newest", "time", "recipient", "then", "text", "html"];
/// The words in the URL of a list, and in a body.
const WORDS: [&str; 3] = ["recipient", "since", "since_ms"];

impl Http {
    pub(super) fn read(
        channel: Channel,
        interval: Option<Duration>,
        fields: &mut Fields<'_, '_>,
    ) -> Option<Self> {
        let preset: Option<Located<Preset>> = fields.optional("preset");
        let Headers(headers) = fields.default("headers");
        let mut parameters = Some(BTreeMap::new());
        let shape = match preset {
            // One that is not known is reported, and nothing can be said of the other keys.
            None if fields.entry("preset").is_some() => {
                let parameters = Shape::PRESETS.iter().flat_map(|preset| preset.parameters);
                let keys = parameters.map(|parameter| parameter.name).chain(LISTING);
                for key in keys.chain(["user", "password"]) {
                    let _ = fields.entry(key);
                }
                return None;
            }
            Some(preset) => {
                parameters = read_parameters(preset.value, fields);
                of_preset(preset, channel, fields)
            }
            None => listing(fields),
        };
        // Where a service has its own credentials there are none besides.
        let credentials = match &shape {
            Some(Shape { credentials: Some(_), .. }) => Some(None),
            _ => credentials(fields),
        };
        let mut shape = shape?;
        shape.headers.extend(headers);
        shape.credentials = credentials?.or(shape.credentials);
        Some(Self { shape, parameters: parameters?, interval })
    }
}

#[derive(Default)]
struct Headers(Vec<(String, Template)>);

impl FromNode for Headers {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Data::Mapping(entries) = &node.data else { return reader.wrong_type(node, "a map") };
        let headers = entries.iter().filter_map(|(name, node)| header(name, node, reader));
        Some(Self(headers.collect()))
    }
}

fn header(name: &Key, node: &Node, reader: &mut Reader<'_>) -> Option<(String, Template)> {
    if HeaderName::from_bytes(name.text.as_bytes()).is_err() {
        let problem = Diagnostic::at(name.span, "this cannot be the name of a header");
        reader.problem(problem.expected("a name such as `x-api-key`"));
    }
    let value = secret_if(is_secret(&name.text), node, reader)?;
    if HeaderValue::from_str(value.expose()).is_err() {
        let problem = Diagnostic::at(node.span, "this cannot be the value of a header");
        reader.problem(problem.expected("a text in one line"));
    }
    Some((name.text.clone(), literal(&value)))
}

/// A value that must come from a variable if it is secret.
fn secret_if(is_secret: bool, node: &Node, reader: &mut Reader<'_>) -> Option<Secret<String>> {
    if is_secret {
        return Secret::from_node(node, reader);
    }
    Sensitive::from_node(node, reader).map(|Sensitive(value)| value)
}

/// A template in which braces are themselves.
fn literal(value: &Secret<String>) -> Template {
    let mut template = Template::default();
    template.push_text(value.expose());
    template
}

/// Name and password, both or none.
#[expect(clippy::option_option, reason = "without an error there may be none")]
fn credentials(fields: &mut Fields<'_, '_>) -> Option<Option<(Template, Template)>> {
    if fields.entry("user").is_none() && fields.entry("password").is_none() {
        return Some(None);
    }
    let user = fields.required("user").map(|Sensitive(user)| user);
    let password = fields.required("password");
    Some(Some((literal(&user?), literal(&password?))))
}

fn read_parameters(
    preset: Preset,
    fields: &mut Fields<'_, '_>,
) -> Option<BTreeMap<String, Secret<String>>> {
    let mut parameters = Some(BTreeMap::new());
    for parameter in preset.parameters {
        let value = fields
            .required_entry(parameter.name)
            .and_then(|(_, node)| secret_if(parameter.is_secret, node, fields.reader));
        parameters = parameters.zip(value).map(|(mut known, value)| {
            known.insert(parameter.name.to_owned(), value);
            known
        });
    }
    parameters
}

fn of_preset(
    Located { value: preset, span }: Located<Preset>,
    channel: Channel,
    fields: &mut Fields<'_, '_>,
) -> Option<Shape> {
    let shape = Shape::preset(preset.name)?;
    let base = match fields.entry("url") {
        None if preset.is_service => Some(shape.base),
        _ => base(fields),
    };
    if preset.channel != channel.word() {
        let message = format!("this service has no codes of `{}`", channel.word());
        let known = Shape::PRESETS.into_iter().filter(|known| known.channel == channel.word());
        let problem = Diagnostic::at(span, message).one_of("", known.map(|known| known.name));
        fields.reader.problem(problem.or_hint("without `preset`, say how it is asked"));
        return None;
    }
    Some(Shape { base: base?, ..shape })
}

/// The URL of a server, below which is all that is asked for.
fn base(fields: &mut Fields<'_, '_>) -> Option<String> {
    let (_, node) = fields.required_entry("url")?;
    let text = Text::from_node(node, fields.reader)?;
    text.url(fields.reader)?;
    if text.value.contains(['?', '#', '{']) {
        let problem = Diagnostic::at(node.span, "this is more than the URL of a server");
        fields.reader.problem(problem.expected("a URL such as `http://127.0.0.1:1080`"));
        return None;
    }
    Some(text.value.trim().trim_end_matches('/').to_owned())
}

impl FromNode for Preset {
    fn from_node(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        word(node, "preset", &Shape::PRESETS.map(|preset| (preset.name, preset)), reader)
    }
}

/// A service of which the file says how it is asked.
fn listing(fields: &mut Fields<'_, '_>) -> Option<Shape> {
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
