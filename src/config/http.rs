//! `kind: http`: a service that keeps what was sent, and is asked for it over HTTP.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header::{HeaderName, HeaderValue};

use super::{
    conceal::is_secret,
    listing::{LISTING, listing},
    text::{Sensitive, Text},
};
use crate::{
    codes::{Preset, Shape, Template},
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

#[cfg(test)]
mod tests {
    use super::Http;
    use crate::{
        codes::{Detail, Format, Newest, Shape, Template},
        config::{
            CodeSource,
            tests::{spec, variables},
        },
        scenario::Channel,
    };

    fn http_of(text: &str) -> Result<Http, String> {
        let text = format!(
            "targets:\n  staging:\n    domain: a\n    client: {{id: a, public: true}}\n    \
             users: [{{email: a@b, password: '${{SECRET}}'}}]\n    codes:\n      \
             sms: {{kind: http, address: '+15005550006', {text}}}\n"
        );
        let mut spec = spec(&text, &variables())?;
        match spec.codes.remove(&Channel::Sms).map(|codes| codes.source) {
            Some(CodeSource::Http(http, _)) => Ok(*http),
            other => panic!("no http: {other:?}"),
        }
    }

    #[test]
    fn an_http_api_is_described_in_the_words_of_code_sources() {
        let written = "url: 'https://${DOMAIN}:8443/a/${ID}?k={since}&$${x}', body: '{\"to\": \"{recipient}\"}', \
                       list: $.items, id: $.at, time: $.at, recipient: $.to, text: [$.text], html: [$.html], \
                       then: {url: '/m/{id}', response: html}, headers: {x-b: '{id}'}, user: u, password: '${SECRET}'";
        let shape = http_of(written).expect("a source").shape;
        assert_eq!(shape.base, "https://a.example.com:8443");
        let mut path = Template::from("/a/");
        path.push_text("app");
        path.push("?k={since}&");
        path.push_text("${");
        path.push("x}");
        assert_eq!(shape.path, path);
        assert_eq!(shape.body, Some(r#"{"to": "{recipient}"}"#.into()));
        assert_eq!((shape.id.as_str(), shape.newest), ("$.at", Newest::Received));
        assert_eq!(
            (&shape.to, &shape.html),
            (&vec!["$.to".to_owned()], &vec!["$.html".to_owned()])
        );
        assert_eq!(shape.detail, Some(Detail { path: "/m/{id}".into(), format: Format::Html }));
        let credentials =
            shape.credentials.map(|(user, password)| (user, password == "hunter2".into()));
        assert_eq!(credentials, Some(("u".into(), true)));
        assert_eq!(shape.headers[0].1.placeholders().count(), 0);

        let least = http_of("url: 'http://a?{recipient}', list: $, text: [$.b]").expect("a source");
        assert_eq!((least.shape.base.as_str(), least.shape.newest), ("http://a", Newest::First));
        assert_eq!(least.shape.id, "$.id");
        let twilio = http_of("preset: twilio, sid: a, token: '${SECRET}'").expect("a preset");
        assert_eq!(twilio.shape, Shape::preset("twilio").expect("a preset"));
        assert!(twilio.parameters.keys().eq(["sid", "token"]));
        let own = http_of("preset: twilio, sid: a, token: '${SECRET}', url: 'http://a/b/'");
        assert_eq!(own.expect("a preset").shape.base, "http://a/b");
    }

    #[test]
    fn an_http_api_that_cannot_be_asked_is_one_error() {
        for (written, said) in [
            ("url: 'http://a', list: $, text: [$.b]", "nothing tells to whom a message is"),
            (
                "url: 'http://a/{Recipient}', list: $, text: [$.b]",
                "nothing is known as `{Recipient}` here",
            ),
            ("url: 'http://a/{recipient}', list: $", "nothing is to be searched for a code"),
            (
                "url: 'http://a/{recipient}', list: $, then: {url: '/a'}, text: [$.a]",
                "the URL is the same",
            ),
            (
                "url: 'http://a/{recipient}', list: $, then: {url: 'm/{id}'}, text: [$.a]",
                "not a URL of a server",
            ),
            (
                "url: 'http://u:p@a/{recipient}', list: $, text: [$.b]",
                "a name or a password stands",
            ),
            (
                "url: 'http://a/{recipient}', list: $, text: [$.b], body: '{recipent}'",
                "nothing is known as `{recipent}`",
            ),
            (
                "url: 'http://a/{recipient}', list: $, text: [$.b], headers: {'a b': c}",
                "the name of a header",
            ),
            (
                "url: 'http://a/{recipient}', list: $, text: [$.b], headers: {a: '${KEY}'}",
                "the value of a header",
            ),
            (
                "preset: twilio, sid: a, token: '${SECRET}', url: 'http://a?b'",
                "more than the URL of a server",
            ),
            (
                "preset: twilio, sid: a, token: '${SECRET}', user: b",
                "the key `user` is not known here",
            ),
            ("preset: twilio, sid: a, key: '${SECRET}'", "the key `key` is not known here"),
            ("preset: maildev-2, url: 'http://a'", "this service has no codes of `sms`"),
        ] {
            let shown = http_of(written).expect_err(written);
            assert!(shown.contains(said), "{written}: {shown}");
            let errors = if written.contains("key:") { 2 } else { 1 };
            assert_eq!(shown.matches("error: ").count(), errors, "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn the_documented_inbox_can_be_asked() {
        let page = include_str!("../../docs/configuration.md");
        let (_, example) = page.split_once("```yaml\nsms:\n").expect("an example");
        let (example, _) = example.split_once("```").expect("its end");
        let codes = example.replace('\n', "\n      ");
        let text = format!(
            "targets:\n  staging:\n    domain: a\n    client: {{id: a, public: true}}\n    \
             users: [{{email: a@b, password: '${{SECRET}}'}}]\n    codes:\n      sms:\n      {codes}"
        );
        let spec = spec(&text, &variables()).expect("a target");
        assert_eq!(spec.codes[&Channel::Sms].addresses.len(), 2);
        assert!(spec.open_codes()[&Channel::Sms].is_ok());
    }
}
