//! An inbox with an HTTP API: one request lists messages as JSON, another may be needed for what is in each.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::BoxFuture;
use jsonpath_rust::parser::{model::JpQuery, parse_json_path};
use mail_parser::DateTime;
use serde_json::Value;
use thiserror::Error;

use super::{
    Baseline, NoCode, Pattern,
    mail::{Mail, addresses},
    poll::{self, Arrival, Inbox, Trouble, View},
    shape::{Detail, Format, Newest, Shape},
    template::{Encoding, Template, Values},
};
use crate::{clock::Timestamp, secret::Secret};

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
        if let Some(name) = shape.unknown(&parameters) {
            return Err(BadHttp::Placeholder(name.to_owned()));
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
            Ok(list.into_iter().map(|(id, _)| id).collect())
        };
        Ok(Baseline::of_ids(now, poll::within(self, limit, list).await?))
    }

    /// The messages that the API lists with their ids, the newest first.
    async fn list(&self, address: &str, since: &Baseline) -> Result<Vec<(String, Value)>, Trouble> {
        let Some(answer) = self.ask(&self.shape.path, address, since, "").await? else {
            return Ok(Vec::new());
        };
        let answer = json(&answer)?;
        let mut messages: Vec<_> =
            all(&self.queries.messages, &answer).into_iter().cloned().collect();
        match self.shape.newest {
            Newest::First => {}
            Newest::Last => messages.reverse(),
            Newest::Received => messages.sort_by_key(|message| Reverse(self.received(message))),
        }
        // What cannot be told from others cannot be told to be new.
        let no_id = || Trouble::Refused("a message in its list has no id".to_owned());
        let with_id = |message| Ok((self.id(&message).ok_or_else(no_id)?, message));
        messages.into_iter().map(with_id).collect()
    }

    fn id(&self, message: &Value) -> Option<String> {
        let parts: Vec<_> = all(&self.queries.id, message).into_iter().map(text).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    fn received(&self, message: &Value) -> Option<Timestamp> {
        let query = self.queries.received.as_ref()?;
        moment(all(query, message).first()?)
    }

    /// What a listed message says of itself.
    fn listed(&self, id: String, message: &Value, address: &str) -> Arrival {
        let queries = &self.queries;
        let to = match queries.to.as_slice() {
            [] => vec![address.to_owned()],
            to => strings(to, message).iter().flat_map(|one| addresses(one)).collect(),
        };
        let received = self.received(message);
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
                let sent = Mail::parse(&answer);
                mail.subject = sent.subject;
                mail.texts.extend(sent.texts);
                mail.htmls.extend(sent.htmls);
            }
        }
        Ok(())
    }

    /// The body of an answer; nothing if it says that there is nothing.
    async fn ask(
        &self,
        path: &Template,
        address: &str,
        since: &Baseline,
        id: &str,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        let parameters = &self.parameters;
        let values = Values { parameters, recipient: address, since: since.at(), id };
        let fill = |template: &Template, encoding| template.fill(&values, encoding);
        let shape = &self.shape;
        let path = fill(path, Encoding::Url);
        let is_below = path.is_empty() || path.starts_with(['/', '?']);
        let url = if is_below { format!("{}{path}", shape.base) } else { path };
        // Only the list is asked for with a body.
        let body = shape.body.as_ref().filter(|_| id.is_empty());
        let mut request = match body {
            Some(body) => self.client.post(url).body(fill(body, Encoding::Json)),
            None => self.client.get(url),
        };
        let is_content_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        if body.is_some() && !shape.headers.iter().any(|(name, _)| is_content_type(name)) {
            request = request.header("content-type", crate::exchange::JSON);
        }
        for (name, value) in &shape.headers {
            request = request.header(name, fill(value, Encoding::Header));
        }
        if let Some((user, password)) = &shape.credentials {
            let password = fill(password, Encoding::Header);
            request = request.basic_auth(fill(user, Encoding::Header), Some(password));
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
}

impl Inbox for Http {
    fn place(&self) -> &str {
        &self.place
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn pattern(&self) -> &Pattern {
        &self.pattern
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
            for (id, message) in self.list(address, since).await? {
                if known.contains(&id) {
                    continue;
                }
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
    // A time of day has no other point in it.
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.chars().take_while(char::is_ascii_digit).chain("000".chars()).take(3);
    let millis = digits.collect::<String>().parse().ok()?;
    Some(Timestamp::from_millis(0) + Duration::from_secs(seconds) + Duration::from_millis(millis))
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
        let said = refusal(|shape| shape.body = Some(r#"{"a": "{key}"}"#.into()));
        assert_eq!(said, "`{key}` has no value: it is no parameter that is set");
    }

    #[test]
    fn moments_are_read_however_they_are_written() {
        let second = Some(Timestamp::from_millis(1_700_000_000_000));
        for value in [
            json!(1_700_000_000),
            json!(1_700_000_000_000_u64),
            json!("2023-11-14T22:13:20Z"),
            json!("Tue, 14 Nov 2023 22:13:20 +0000"),
        ] {
            assert_eq!(moment(&value), second, "{value}");
        }
        for (text, millis) in [("20.5", 20_500), ("20.0070001", 20_007), ("20.", 20_000)] {
            let written = json!(format!("2023-11-14T22:13:{text}Z"));
            let moment = moment(&written);
            assert_eq!(moment, Some(Timestamp::from_millis(1_699_999_980_000 + millis)), "{text}");
        }
        assert_eq!(moment(&json!("yesterday")), None);
    }
}
