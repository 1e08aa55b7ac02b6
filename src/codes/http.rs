//! An inbox with an HTTP API: one request lists messages as JSON, another may be needed for what is in each.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::BoxFuture;
use jsonpath_rust::parser::{model::JpQuery, parse_json_path};
use mail_parser::DateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use thiserror::Error;

use super::{
    Baseline, NoCode, Pattern,
    mail::{Mail, addresses},
    poll::{self, Arrival, Inbox, Trouble, View},
};
use crate::{
    clock::{Clock, Timestamp},
    secret::Secret,
};

/// How an API lists messages. In `path`, `headers`, `credentials`, `body` and a detail's path stand placeholders:
/// `{to}` is the address or number, `{tag}` what its local part has behind the first `.`, `{since}` a moment a minute
/// before the request (RFC 3339) and `{since_ms}` the same in milliseconds since the Unix epoch; in a detail's path
/// `{id}` is the message's id. Any other name is that of a parameter. Paths into JSON are `JSONPath` queries (RFC 9535).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The URL that paths are appended to, with no slash at its end.
    pub base: String,
    /// Below the base, with the query. What placeholders stand for is percent-encoded.
    pub path: String,
    /// The names and values of headers.
    pub headers: Vec<(String, String)>,
    /// The user and the password of HTTP Basic authentication.
    pub credentials: Option<(String, String)>,
    /// A JSON body, which makes the request a POST.
    pub body: Option<String>,
    /// Statuses that say that there is no message, besides success.
    pub empty: Vec<u16>,
    /// From the answer to the messages.
    pub messages: String,
    /// Which of them is the newest.
    pub newest: Newest,
    /// From a message to its id, and all below likewise.
    pub id: String,
    /// To the addresses or numbers that it went to. Without any, all messages are taken to be to the one asked for: the
    /// API has to choose them then.
    pub to: Vec<String>,
    /// To when it was received: RFC 3339, RFC 5322, or a number of seconds or milliseconds since the Unix epoch.
    pub received: Option<String>,
    /// To its texts, subject included.
    pub text: Vec<String>,
    /// To its HTML.
    pub html: Vec<String>,
    /// Where the rest of a message is, if not in the list. With JSON, `text` and `html` are looked for there too.
    pub detail: Option<Detail>,
}

/// Which of the messages in a list is the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newest {
    /// The first one.
    First,
    /// The last one.
    Last,
}

/// Where one message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Below the base, with `{id}`.
    pub path: String,
    /// What is there.
    pub format: Format,
}

/// What a message is given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, with texts and HTML in it.
    Json,
    /// A text.
    Text,
    /// HTML.
    Html,
    /// The message as it was sent (RFC 5322 and MIME).
    Mime,
}

/// Why an inbox cannot be used as it is set.
#[derive(Debug, Error)]
pub enum BadHttp {
    /// The base is no URL that can be called.
    #[error("`{0}` is no URL of http or https")]
    Base(String),
    /// A query is none.
    #[error("`{field}` is no JSONPath query: `{query}`")]
    Query {
        /// Which.
        field: &'static str,
        /// What it is.
        query: String,
    },
    /// A placeholder has no value.
    #[error("`{{{0}}}` has no value: it is no parameter that is set")]
    Placeholder(String),
    /// A client could not be made; of its cause, what is not secret.
    #[error("no HTTP client could be made: {0}")]
    Client(String),
}

/// An inbox with an HTTP API.
pub struct Http {
    shape: Shape,
    parameters: BTreeMap<String, Secret<String>>,
    queries: Queries,
    place: String,
    interval: Duration,
    client: reqwest::Client,
    pattern: Pattern,
}

struct Queries {
    messages: JpQuery,
    id: JpQuery,
    to: Vec<JpQuery>,
    received: Option<JpQuery>,
    text: Vec<JpQuery>,
    html: Vec<JpQuery>,
}

/// What placeholders are written into.
#[derive(Clone, Copy)]
enum Into {
    Url,
    Json,
    Header,
}

/// What an id and an address need not be encoded for.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a moment is earlier by that a server is told: its clock may be behind. What was there is known by its id.
const SLACK_MILLIS: u64 = 60_000;
/// What a request says of the message that it is about.
const KNOWN: [&str; 5] = ["to", "tag", "since", "since_ms", "id"];

impl Http {
    /// Calls nothing yet. `parameters` are what placeholders stand for, `ca` certificates of authorities to trust besides
    /// the operating system's, as PEM, and `interval` the time between two looks; if it is not set, 250 ms on loopback
    /// and else 2 s.
    pub fn new(
        shape: Shape,
        parameters: BTreeMap<String, Secret<String>>,
        pattern: Pattern,
        ca: Option<&[u8]>,
        interval: Option<Duration>,
    ) -> Result<Self, BadHttp> {
        let base = || BadHttp::Base(shape.base.clone());
        let url = reqwest::Url::parse(&shape.base).map_err(|_| base())?;
        let host = url.host_str().filter(|_| ["http", "https"].contains(&url.scheme()));
        let host = host.ok_or_else(base)?;
        let port = url.port_or_known_default().unwrap_or_default();
        let interval = interval.unwrap_or_else(|| super::interval(host));
        let place = format!("{host}:{port}");
        let queries = Queries::parse(&shape)?;
        for template in shape.templates() {
            for name in placeholders(template) {
                if !KNOWN.contains(&name) && !parameters.contains_key(name) {
                    return Err(BadHttp::Placeholder(name.to_owned()));
                }
            }
        }
        let unmade = |error: reqwest::Error| BadHttp::Client(innermost(&error.without_url()));
        let mut client = reqwest::Client::builder();
        if super::is_loopback(host) {
            client = client.no_proxy();
        }
        if let Some(pem) = ca {
            let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(unmade)?;
            client = client.tls_certs_merge(authorities);
        }
        let client = client.build().map_err(unmade)?;
        Ok(Self { shape, parameters, queries, place, interval, client, pattern })
    }

    pub(super) async fn baseline(
        &self,
        address: &str,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Baseline, NoCode> {
        let none = Baseline::of_ids(now, BTreeSet::new());
        let list = async {
            let list = self.list(address, &none).await?;
            Ok(list.iter().filter_map(|message| self.id(message)).collect())
        };
        Ok(Baseline::of_ids(now, poll::within(self, limit, list).await?))
    }

    pub(super) async fn code(
        &self,
        address: &str,
        since: &Baseline,
        limit: Duration,
        clock: &(dyn Clock + Sync),
    ) -> Result<Secret<String>, NoCode> {
        poll::wait(self, &self.pattern, (address, since), limit, clock).await
    }

    /// The messages that the API lists, the newest first.
    async fn list(&self, address: &str, since: &Baseline) -> Result<Vec<Value>, Trouble> {
        let Some(answer) = self.ask(&self.shape.path, address, since, "").await? else {
            return Ok(Vec::new());
        };
        let answer = json(&answer)?;
        let mut messages: Vec<_> =
            all(&self.queries.messages, &answer).into_iter().cloned().collect();
        if self.shape.newest == Newest::Last {
            messages.reverse();
        }
        Ok(messages)
    }

    fn id(&self, message: &Value) -> Option<String> {
        all(&self.queries.id, message).first().map(|id| text(id))
    }

    /// What a listed message says of itself.
    fn listed(&self, id: String, message: &Value, address: &str) -> Arrival {
        let queries = &self.queries;
        let to = match queries.to.as_slice() {
            [] => vec![address.to_owned()],
            to => strings(to, message).iter().flat_map(|one| addresses(one)).collect(),
        };
        let received = queries.received.as_ref();
        let received = received.and_then(|query| moment(all(query, message).first()?));
        let (texts, htmls) = (strings(&queries.text, message), strings(&queries.html, message));
        Arrival { id, received, mail: Mail { to, texts, htmls, ..Mail::default() } }
    }

    /// Adds what only the message itself says.
    async fn read(
        &self,
        arrival: &mut Arrival,
        detail: &Detail,
        address: &str,
        since: &Baseline,
    ) -> Result<(), Trouble> {
        // What has gone meanwhile has no code.
        let Some(answer) = self.ask(&detail.path, address, since, &arrival.id).await? else {
            return Ok(());
        };
        let mail = &mut arrival.mail;
        match detail.format {
            Format::Json => {
                let message = json(&answer)?;
                mail.texts.extend(strings(&self.queries.text, &message));
                mail.htmls.extend(strings(&self.queries.html, &message));
            }
            Format::Text => mail.texts.push(String::from_utf8_lossy(&answer).into_owned()),
            Format::Html => mail.htmls.push(String::from_utf8_lossy(&answer).into_owned()),
            // To whom it is, the list has said.
            Format::Mime => {
                let to = std::mem::take(&mut mail.to);
                *mail = Mail { to, ..Mail::parse(&answer) };
            }
        }
        Ok(())
    }

    /// The body of an answer; nothing if it says that there is nothing.
    async fn ask(
        &self,
        path: &str,
        address: &str,
        since: &Baseline,
        id: &str,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let fill = |template: &str, into| self.filled(template, into, address, since, id);
        let shape = &self.shape;
        let url = format!("{}{}", shape.base, fill(path, Into::Url));
        // Only the list is asked for with a body.
        let body = shape.body.as_ref().filter(|_| id.is_empty());
        let mut request = match body {
            Some(body) => self
                .client
                .post(url)
                .header("content-type", crate::exchange::JSON)
                .body(fill(body, Into::Json)),
            None => self.client.get(url),
        };
        for (name, value) in &shape.headers {
            request = request.header(name, fill(value, Into::Header));
        }
        if let Some((user, password)) = &shape.credentials {
            let password = fill(password, Into::Header);
            request = request.basic_auth(fill(user, Into::Header), Some(password));
        }
        // Parameters may be in the URL.
        let broken = |error: reqwest::Error| Trouble::Broken(innermost(&error.without_url()));
        let answer = request.send().await.map_err(broken)?;
        match answer.status().as_u16() {
            200..300 => Ok(Some(answer.bytes().await.map_err(broken)?.to_vec())),
            status if shape.empty.contains(&status) => Ok(None),
            404 if !id.is_empty() => Ok(None),
            status @ (408 | 425 | 429 | 500..) => {
                Err(Trouble::Broken(format!("it has answered {status}")))
            }
            status => Err(Trouble::Refused(format!("it has answered {status}"))),
        }
    }

    /// A template with what its placeholders stand for.
    fn filled(
        &self,
        template: &str,
        into: Into,
        address: &str,
        since: &Baseline,
        id: &str,
    ) -> String {
        let since = since.at().as_millis().saturating_sub(SLACK_MILLIS);
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, name, after)) = next_placeholder(rest) {
            filled.push_str(before);
            let value = match name {
                "to" => address.to_owned(),
                "tag" => {
                    let local = address.split('@').next().unwrap_or_default();
                    local.split_once('.').map_or("", |(_, tag)| tag).to_owned()
                }
                "since" => {
                    let seconds = i64::try_from(since / 1000).unwrap_or_default();
                    DateTime::from_timestamp(seconds).to_rfc3339()
                }
                "since_ms" => since.to_string(),
                "id" => id.to_owned(),
                name => self
                    .parameters
                    .get(name)
                    .map(|value| value.expose().clone())
                    .unwrap_or_default(),
            };
            match into {
                Into::Url => filled.extend(utf8_percent_encode(&value, ENCODED)),
                Into::Json => {
                    let quoted = Value::from(value).to_string();
                    filled.push_str(&quoted[1..quoted.len() - 1]);
                }
                Into::Header => filled.push_str(&value),
            }
            rest = after;
        }
        filled + rest
    }
}

impl Inbox for Http {
    fn place(&self) -> &str {
        &self.place
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn look<'a>(
        &'a self,
        address: &'a str,
        since: &'a Baseline,
        known: &'a BTreeSet<String>,
        _: bool,
    ) -> BoxFuture<'a, Result<View, Trouble>> {
        Box::pin(async move {
            let mut view = View::default();
            for message in self.list(address, since).await? {
                // What cannot be told from others cannot be told to be new.
                let Some(id) = self.id(&message).filter(|id| !known.contains(id)) else {
                    continue;
                };
                let old = since.has(&id);
                let mut arrival = self.listed(id, &message, address);
                if old {
                    view.earlier.push(arrival);
                    continue;
                }
                if let Some(detail) = &self.shape.detail
                    && arrival.mail.is_to(address)
                {
                    self.read(&mut arrival, detail, address, since).await?;
                }
                view.arrivals.push(arrival);
            }
            Ok(view)
        })
    }
}

impl Shape {
    fn templates(&self) -> impl Iterator<Item = &str> {
        let credentials = self.credentials.iter().flat_map(|(user, password)| [user, password]);
        [&self.path]
            .into_iter()
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(credentials)
            .chain(&self.body)
            .chain(self.detail.iter().map(|detail| &detail.path))
            .map(String::as_str)
    }
}

impl Queries {
    fn parse(shape: &Shape) -> Result<Self, BadHttp> {
        let one = |field, query: &String| {
            parse_json_path(query).map_err(|_| BadHttp::Query { field, query: query.clone() })
        };
        let several = |field, queries: &[String]| {
            queries.iter().map(|query| one(field, query)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            messages: one("messages", &shape.messages)?,
            id: one("id", &shape.id)?,
            to: several("to", &shape.to)?,
            received: shape.received.as_ref().map(|query| one("received", query)).transpose()?,
            text: several("text", &shape.text)?,
            html: several("html", &shape.html)?,
        })
    }
}

/// What is before the first placeholder of a template, its name, and what is behind it. Other braces are themselves.
fn next_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    template.match_indices('{').find_map(|(at, _)| {
        let (name, after) = template[at + 1..].split_once('}')?;
        let is_name =
            !name.is_empty() && name.chars().all(|next| next == '_' || next.is_ascii_lowercase());
        is_name.then_some((&template[..at], name, after))
    })
}

fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (_, name, after) = next_placeholder(rest)?;
        rest = after;
        Some(name)
    })
}

fn json(answer: &[u8]) -> Result<Value, Trouble> {
    serde_json::from_slice(answer)
        .map_err(|_| Trouble::Refused("it has answered what is no JSON".to_owned()))
}

fn all<'a>(query: &JpQuery, value: &'a Value) -> Vec<&'a Value> {
    jsonpath_rust::query::js_path_process(query, value)
        .map(|found| found.into_iter().map(jsonpath_rust::query::QueryRef::val).collect())
        .unwrap_or_default()
}

fn strings(queries: &[JpQuery], value: &Value) -> Vec<String> {
    let found = queries.iter().flat_map(|query| all(query, value));
    found.filter(|found| !found.is_null()).map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn moment(value: &Value) -> Option<Timestamp> {
    if let Some(number) = value.as_u64() {
        // In seconds this would be the year 33658.
        let is_millis = number > 1_000_000_000_000;
        return Some(Timestamp::from_millis(if is_millis { number } else { number * 1000 }));
    }
    let text = value.as_str()?;
    let date = DateTime::parse_rfc3339(text).or_else(|| DateTime::parse_rfc822(text))?;
    let seconds = u64::try_from(date.to_timestamp()).ok()?;
    Some(Timestamp::from_millis(0) + Duration::from_secs(seconds))
}

/// The cause at the end of the chain is the one that a person can act on.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::{BadHttp, Http, Shape, moment};
    use crate::{clock::Timestamp, codes::Pattern};

    fn refusal(change: impl FnOnce(&mut Shape)) -> String {
        let mut shape = Shape::preset("maildev").expect("a preset");
        change(&mut shape);
        let made = Http::new(shape, BTreeMap::new(), Pattern::SixDigits, None, None);
        made.err().as_ref().map(BadHttp::to_string).unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        assert_eq!(refusal(|_| {}), "");
        for base in ["", "127.0.0.1:1080", "ftp://x.example"] {
            let said = refusal(|shape| base.clone_into(&mut shape.base));
            assert_eq!(said, format!("`{base}` is no URL of http or https"));
        }
        let said = refusal(|shape| shape.id = "id".to_owned());
        assert_eq!(said, "`id` is no JSONPath query: `id`");
        let said = refusal(|shape| shape.body = Some(r#"{"a": "{key}"}"#.to_owned()));
        assert_eq!(said, "`{key}` has no value: it is no parameter that is set");
    }

    #[test]
    fn moments_are_read_however_they_are_written() {
        let second = Some(Timestamp::from_millis(1_700_000_000_000));
        for value in [
            json!(1_700_000_000),
            json!(1_700_000_000_000_u64),
            json!("2023-11-14T22:13:20.5Z"),
            json!("Tue, 14 Nov 2023 22:13:20 +0000"),
        ] {
            assert_eq!(moment(&value), second, "{value}");
        }
        assert_eq!(moment(&json!("yesterday")), None);
    }
}
