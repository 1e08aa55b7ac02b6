//! Redaction: every secret or volatile value becomes a label, the same value the same label.
//!
//! A value is known by where it stands (a parameter `mfa_token`), by its shape in any text (an address, a JWT, a
//! sealed token), or because the run made it (a user's password). Once known, it is replaced wherever it occurs, also
//! where it is percent-encoded, escaped as in JSON, or within base64.
//! Labels are numbered by kind in the order in which values are first met, so two runs of one scenario have the
//! same labels, and so has a run on labels: redaction of what is redacted changes nothing, which is what lets a
//! snapshot be played back.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

use memchr::memmem;
use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::{Map, Number, Value};

use super::{
    encoded,
    format::{RecordedRequest, RecordedResponse},
};
use crate::{
    exchange::{Content, Headers, Request, Response},
    secret::Kind,
};

/// Header fields of a request that a snapshot shows.
const REQUEST_HEADERS: [&str; 2] = ["authorization", "content-type"];
/// Header fields of a response that a snapshot shows.
pub const RESPONSE_HEADERS: [&str; 5] =
    ["content-type", "location", "retry-after", "www-authenticate", "x-ratelimit-limit"];

/// Values shorter than this are replaced only where they stand by themselves, not inside of other texts.
const SHORTEST_PART: usize = 6;
/// From so many values on they are not looked for one by one, but by how they end: a case never has so many, a tenant
/// that is served for hours does. Tokens begin alike and end at random.
const MANY: usize = 256;

/// Shapes that are labelled wherever they occur in a text.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    let label = r"(?P<label>\[(?P<kind>[a-z_]+)#[0-9]+\])";
    let sealed = r"(?P<sealed>Fe26\.2\*[A-Za-z0-9_*.\-]{16,})";
    let jwt = r"(?P<jwt>eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*)";
    let email = r"(?P<email>[A-Za-z0-9._+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+)";
    let device = r"(?P<device>(?:[a-z\-]+\|)?dev_[A-Za-z0-9]{16})";
    let user = r"(?P<user>auth0\|[0-9a-f]{24})";
    Regex::new(&[label, sealed, jwt, email, device, user].join("|"))
        .unwrap_or_else(|error| unreachable!("the expression is constant: {error}"))
});

/// Makes labels of values.
#[derive(Clone, Default)]
pub struct Redactor {
    labels: HashMap<String, String>,
    values: HashMap<String, String>,
    /// What is looked for inside of texts, shortest first; nothing once there are many.
    parts: Vec<Part>,
    /// All parts and their labels by how they end, once there are many.
    endings: HashMap<[u8; SHORTEST_PART], Vec<Part>>,
    /// Whether a part has a space in it, for which a form has `+`.
    spaces: bool,
    counts: BTreeMap<Kind, usize>,
    public: HashSet<String>,
}

/// A value that may be a part of a text.
#[derive(Clone)]
struct Part {
    value: String,
    label: String,
}

/// Where a value stands.
struct Spot<'a> {
    start: usize,
    end: usize,
    label: &'a str,
    is_encoded: bool,
}

impl Redactor {
    /// A redactor that labels `known` values first, in this order, and leaves alone what is `public`: values that
    /// the scenario itself has in clear, such as a code that is surely wrong. Passwords are never public.
    #[must_use]
    pub fn new(
        known: impl IntoIterator<Item = (Kind, String)>,
        public: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut redactor = Self::default();
        for (kind, value) in known {
            redactor.learn(kind, &value);
        }
        redactor.public = public.into_iter().filter(|value| !is_label(value)).collect();
        redactor
    }

    /// Learns what a request contains, without writing it down yet.
    pub fn learn_request(&mut self, request: &Request) {
        self.learn_headers(&request.headers, &REQUEST_HEADERS);
        let (path, query) = split(&request.path);
        for segment in path.split('/') {
            self.learn_text(&decode(segment));
        }
        self.learn_pairs(
            &form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>(),
        );
        self.learn_content(&request.content());
    }

    /// Learns what a response contains, without writing it down yet.
    pub fn learn_response(&mut self, response: &Response) {
        self.learn_headers(&response.headers, &RESPONSE_HEADERS);
        self.learn_content(&response.content());
    }

    /// A request, with labels in place of all that is known by now.
    #[must_use]
    pub fn request(&self, request: &Request) -> RecordedRequest {
        let (path, query) = split(&request.path);
        let mut path = self.path(path);
        if !query.is_empty() {
            let pairs = form_urlencoded::parse(query.as_bytes());
            let pairs: Vec<_> = pairs
                .map(|(name, value)| (self.text(&name), self.whole(&value)))
                .map(|(name, value)| format!("{}={}", escape(&name, "%&+="), escape(&value, "%&+")))
                .collect();
            path = format!("{path}?{}", pairs.join("&"));
        }
        let mut recorded = RecordedRequest {
            method: self.whole(&request.method),
            path,
            headers: self.headers(&request.headers, &REQUEST_HEADERS),
            ..RecordedRequest::default()
        };
        match request.content() {
            Content::Empty => {}
            Content::Json(value) => recorded.json = Some(self.value(&value)),
            Content::Form(pairs) => recorded.form = Some(self.pairs(&pairs)),
            Content::Text(text) => recorded.text = Some(self.text(&text)),
            Content::Binary(length) => recorded.text = Some(format!("({length} bytes)")),
        }
        recorded
    }

    /// A response, with labels in place of all that is known by now.
    #[must_use]
    pub fn response(&self, response: &Response) -> RecordedResponse {
        let mut recorded = RecordedResponse {
            status: response.status,
            headers: self.headers(&response.headers, &RESPONSE_HEADERS),
            ..RecordedResponse::default()
        };
        match response.content() {
            Content::Empty => {}
            Content::Json(value) => recorded.json = Some(self.value(&value)),
            Content::Text(text) => recorded.text = Some(self.text(&text)),
            Content::Form(_) | Content::Binary(_) => {
                recorded.text = Some(format!("({} bytes)", response.body.len()));
            }
        }
        recorded
    }

    /// A JSON value, with labels in place of all that is known by now.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.whole(text)),
            Value::Array(elements) => elements.iter().map(|element| self.value(element)).collect(),
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| {
                        let redacted = match (kind_of(members, name, value), value) {
                            (Some(_), Value::Number(number)) => self.number(number, 0),
                            _ => self.value(value),
                        };
                        (self.text(name), redacted)
                    })
                    .collect(),
            ),
            Value::Number(number) => self.number(number, SHORTEST_PART),
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// A number, with the label in its place if it is known and not shorter than `shortest`.
    fn number(&self, number: &Number, shortest: usize) -> Value {
        let text = number.to_string();
        let label = self.labels.get(&text).filter(|_| text.len() >= shortest);
        label.map_or_else(|| number.clone().into(), |label| label.as_str().into())
    }

    /// A text, with labels in place of all that is known by now.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let spots = self.spots(text);
        if spots.is_empty() {
            return text.to_owned();
        }
        let mut redacted = String::with_capacity(text.len());
        let mut at = 0;
        for Spot { start, end, label, .. } in spots {
            redacted += &text[at..start];
            redacted += label;
            at = end;
        }
        redacted + &text[at..]
    }

    /// Where known values stand in a text, in order.
    fn spots(&self, text: &str) -> Vec<Spot<'_>> {
        let mut spots = Vec::new();
        self.find(text.as_bytes(), &mut |start, end, part| {
            spots.push(Spot { start, end, label: &part.label, is_encoded: false });
        });
        for reading in encoded::readings(text, self.spaces) {
            self.find(&reading.bytes, &mut |start, end, part| {
                let (start, end) = reading.place(start, end);
                let is_encoded = end - start != part.value.len();
                spots.push(Spot { start, end, label: &part.label, is_encoded });
            });
        }
        // What begins first, and of those the longest: a part of a value is not a value.
        spots.sort_unstable_by_key(|spot| (spot.start, usize::MAX - spot.end));
        let mut at = 0;
        spots.retain_mut(|spot| {
            // Of base64 one character may have a part of two values.
            if spot.is_encoded && spot.end > at {
                spot.start = spot.start.max(at);
            }
            let is_apart = spot.start >= at;
            at = if is_apart { spot.end } else { at };
            is_apart
        });
        spots
    }

    /// Tells where parts stand in a text; overlapping ones too, the first may give way to another value.
    fn find<'a>(&'a self, text: &[u8], found: &mut dyn FnMut(usize, usize, &'a Part)) {
        for part in self.parts.iter().take_while(|part| part.value.len() <= text.len()) {
            let value = part.value.as_bytes();
            let mut from = 0;
            while let Some(at) = memmem::find(&text[from..], value) {
                let start = from + at;
                if stands_alone(text, start, value.len()) {
                    found(start, start + value.len(), part);
                }
                from = start + 1;
            }
        }
        if self.endings.is_empty() {
            return;
        }
        for end in SHORTEST_PART..=text.len() {
            let Some(ending) = text[..end].last_chunk() else { continue };
            for part in self.endings.get(ending).into_iter().flatten() {
                let length = part.value.len();
                if text[..end].ends_with(part.value.as_bytes())
                    && stands_alone(text, end - length, length)
                {
                    found(end - length, end, part);
                }
            }
        }
    }

    /// The same text with every known label replaced by its value: what a replay hands to the scenario.
    #[must_use]
    pub fn restore(&self, text: &str) -> String {
        let restored = |found: &regex::Captures<'_>| {
            let found = &found[0];
            self.values.get(found).map_or_else(|| found.to_owned(), Clone::clone)
        };
        if text.contains('[') {
            SHAPES.replace_all(text, restored).into_owned()
        } else {
            text.to_owned()
        }
    }

    /// [`Self::restore`] for every text of a value.
    #[must_use]
    pub fn restore_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.restore(text)),
            Value::Array(elements) => {
                elements.iter().map(|element| self.restore_value(element)).collect()
            }
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| (self.restore(name), self.restore_value(value)))
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn whole(&self, text: &str) -> String {
        self.labels.get(text).map_or_else(|| self.text(text), Clone::clone)
    }

    /// Learns that a value is of this kind, wherever it came from.
    pub fn learn(&mut self, kind: Kind, value: &str) {
        let is_public = self.public.contains(value)
            && !matches!(kind, Kind::Password | Kind::ClientSecret | Kind::Secret);
        if value.is_empty() || is_public || self.labels.contains_key(value) {
            return;
        }
        let label = self.new_label(kind, value);
        if value.len() >= SHORTEST_PART {
            self.add(Part { value: value.to_owned(), label: label.clone() });
        }
        self.values.insert(label.clone(), value.to_owned());
        self.labels.insert(value.to_owned(), label);
    }

    fn add(&mut self, part: Part) {
        self.spaces |= part.value.contains(' ');
        if self.endings.is_empty() && self.parts.len() < MANY {
            let length = part.value.len();
            let place = self.parts.partition_point(|known| known.value.len() <= length);
            self.parts.insert(place, part);
            return;
        }
        for part in self.parts.drain(..).chain([part]) {
            if let Some(ending) = part.value.as_bytes().last_chunk() {
                self.endings.entry(*ending).or_default().push(part);
            }
        }
    }

    /// A label that stands for nothing yet. A label in place of a value stays as it is: where a recording is played
    /// back, some may first be met elsewhere than their values were.
    fn new_label(&mut self, kind: Kind, value: &str) -> String {
        let is_free = |label: &str| !self.values.contains_key(label);
        if is_label(value)
            && SHAPES.find(value).is_some_and(|found| found.as_str() == value)
            && is_free(value)
        {
            return value.to_owned();
        }
        let count = self.counts.entry(kind).or_default();
        loop {
            *count += 1;
            let label = format!("[{kind}#{count}]");
            if !self.values.contains_key(&label) {
                return label;
            }
        }
    }

    /// Learns what is known by its shape.
    pub(crate) fn learn_text(&mut self, text: &str) {
        if !may_have_shape(text) {
            return;
        }
        // Known values are cut out first, so that a shape does not run into one.
        let spots = self.spots(text).into_iter().map(|spot| (spot.start, spot.end));
        let mut gaps = Vec::new();
        let mut at = 0;
        for (start, end) in spots.chain([(text.len(), text.len())]) {
            gaps.push(&text[at..start]);
            at = end;
        }
        for gap in gaps {
            self.learn_shapes(gap);
        }
    }

    fn learn_shapes(&mut self, text: &str) {
        for found in SHAPES.captures_iter(text) {
            let kind = if let Some(kind) = found.name("kind") {
                match Kind::from_word(kind.as_str()) {
                    Some(kind) => kind,
                    None => continue,
                }
            } else if found.name("sealed").is_some() {
                Kind::MfaToken
            } else if found.name("jwt").is_some() {
                Kind::Jwt
            } else if found.name("email").is_some() {
                Kind::Email
            } else if found.name("device").is_some() {
                Kind::AuthenticatorId
            } else {
                Kind::UserId
            };
            self.learn(kind, &found[0]);
        }
    }

    fn learn_field(&mut self, kind: Option<Kind>, text: &str) {
        match kind {
            Some(kind) => self.learn(kind, text),
            None => self.learn_text(text),
        }
    }

    fn learn_headers(&mut self, headers: &Headers, shown: &[&str]) {
        for (name, value) in headers.iter().filter(|(name, _)| shown.contains(name)) {
            match (name, value.split_once(' ')) {
                ("authorization", Some((scheme, credentials))) => {
                    let kind = if scheme.eq_ignore_ascii_case("basic") {
                        Kind::BasicCredentials
                    } else if credentials.starts_with("Fe26.") {
                        Kind::MfaToken
                    } else {
                        Kind::AccessToken
                    };
                    self.learn(kind_of_label(credentials).unwrap_or(kind), credentials);
                }
                ("location", _) => self.learn_location(value),
                _ => self.learn_text(value),
            }
        }
    }

    /// A redirect carries codes and tokens as parameters, of its query or behind the `#`.
    fn learn_location(&mut self, location: &str) {
        let (path, parameters) =
            location.split_at(location.find(['?', '#']).unwrap_or(location.len()));
        self.learn_text(path);
        for parameters in parameters.split(['?', '#']) {
            for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
                self.learn_text(&name);
                // In a body, `code` is the word of an error.
                let kind = if name == "code" { Some(Kind::Secret) } else { Kind::of_field(&name) };
                self.learn_field(kind, &value);
            }
        }
    }

    fn learn_pairs(&mut self, pairs: &[(String, String)]) {
        for (name, value) in pairs {
            self.learn_text(name);
            self.learn_field(Kind::of_field(name), value);
        }
    }

    fn learn_content(&mut self, content: &Content) {
        match content {
            Content::Json(value) => self.learn_value(None, value),
            Content::Form(pairs) => self.learn_pairs(pairs),
            Content::Text(text) => self.learn_text(text),
            Content::Empty | Content::Binary(_) => {}
        }
    }

    fn learn_value(&mut self, kind: Option<Kind>, value: &Value) {
        match value {
            Value::String(text) => self.learn_field(kind, text),
            Value::Number(number) => {
                if let Some(kind) = kind {
                    self.learn(kind, &number.to_string());
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    self.learn_value(kind, element);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.learn_text(name);
                    self.learn_value(kind_of(members, name, value), value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn path(&self, path: &str) -> String {
        // What has a slash in it, as base64 may, is in no segment.
        if self.spots(path).iter().any(|spot| path[spot.start..spot.end].contains('/')) {
            return self.text(path);
        }
        let segments = path.split('/').map(|segment| {
            let redacted = self.whole(&decode(segment));
            if is_label(&redacted) { escape(&redacted, "%/?") } else { segment.to_owned() }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    fn headers(&self, headers: &Headers, shown: &[&str]) -> Map<String, Value> {
        let redacted = |name: &str, value: &str| match value.split_once(' ') {
            Some((scheme, credentials)) if name == "authorization" => {
                format!("{scheme} {}", self.whole(credentials))
            }
            _ => self.text(value),
        };
        let shown = shown.iter().filter_map(|name| Some((*name, headers.get(name)?)));
        shown.map(|(name, value)| (name.to_owned(), redacted(name, value).into())).collect()
    }

    fn pairs(&self, pairs: &[(String, String)]) -> Map<String, Value> {
        pairs.iter().map(|(name, value)| (self.text(name), self.whole(value).into())).collect()
    }
}

/// Whether it is worth looking for a shape in a text: most are too plain for any.
fn may_have_shape(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b'[' | b'@' | b'|'))
        || text.contains("Fe26.")
        || text.contains("dev_")
        || text.contains("eyJ")
}

/// Whether a text contains a label: a word that is a kind, and a number.
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.contains('[')
        && SHAPES
            .captures_iter(text)
            .filter_map(|found| Some(found.name("kind")?.as_str().to_owned()))
            .any(|word| Kind::from_word(&word).is_some())
}

/// The kind that a label says its value is.
fn kind_of_label(text: &str) -> Option<Kind> {
    let word = text.strip_prefix('[')?.split_once('#')?.0;
    is_label(text).then(|| Kind::from_word(word)).flatten()
}

/// The kind of a member by its name, and by its neighbours where the name does not say enough.
fn kind_of(members: &Map<String, Value>, name: &str, value: &Value) -> Option<Kind> {
    match name {
        "id" if members.contains_key("authenticator_type") => Some(Kind::AuthenticatorId),
        "name" if members.contains_key("authenticator_type") => Some(Kind::AuthenticatorName),
        "name" if members.contains_key("sub") => Some(Kind::Profile),
        _ => Kind::of_field(name)
            .filter(|kind| value.is_string() || value.is_array() || *kind == Kind::Time),
    }
}

/// A number is not a part of a longer one.
fn stands_alone(text: &[u8], start: usize, length: usize) -> bool {
    let (found, rest) = text[start..].split_at(length);
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    !found.iter().all(u8::is_ascii_digit) || !digit(text[..start].last()) && !digit(rest.first())
}

/// A path without its query, and the query.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

/// A part of a path as it was before it was percent-encoded.
pub(crate) fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Percent-encodes what would be read as something else where it is put; labels have none of it.
pub(crate) fn escape(text: &str, reserved: &str) -> String {
    let escaped = |next: char| match next {
        next if reserved.contains(next) => format!("%{:02X}", u32::from(next)),
        next => next.to_string(),
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Redactor, is_label};
    use crate::exchange::{Request, Response};
    use serde_json::json;

    #[test]
    fn the_same_value_has_the_same_label_wherever_it_stands() {
        let known =
            [(Kind::Email, "a@b.example".to_owned()), (Kind::Domain, "t.example".to_owned())];
        let mut redactor = Redactor::new(known, ["000000".to_owned()]);
        let request = Request::new("POST", "/x/email%7Cdev_aB3dE6gH9jK2mN5p?code=482913")
            .header("authorization", "Bearer Fe26.2*abcdefghijklmnop*x")
            .json(&json!({
                "mfa_token": "Fe26.2*abcdefghijklmnop*x",
                "binding_code": "482913",
                "audience": "https://t.example/mfa/",
                "otp": "000000",
            }));
        let response = Response {
            status: 200,
            body: b"a@b.example got 482913, not 1482913".to_vec(),
            ..Response::default()
        };
        redactor.learn_request(&request);
        redactor.learn_response(&response);
        let recorded = redactor.request(&request);
        assert_eq!(recorded.path, "/x/[authenticator_id#1]?code=[binding_code#1]");
        assert_eq!(recorded.headers["authorization"], json!("Bearer [mfa_token#1]"));
        assert_eq!(
            recorded.json,
            Some(json!({
                "mfa_token": "[mfa_token#1]",
                "binding_code": "[binding_code#1]",
                "audience": "https://[domain#1]/mfa/",
                "otp": "000000",
            }))
        );
        let text = redactor.response(&response).text;
        assert_eq!(text.as_deref(), Some("[email#1] got [binding_code#1], not 1482913"));
        assert_eq!(redactor.restore("to [email#1], [email#2]"), "to a@b.example, [email#2]");
    }

    #[test]
    fn many_values_are_found_as_few_are() {
        let text =
            "ü of a+1@b.example, a%2B1%40b.example, 1482913, 482913, \\\"quoted\\\" and eyJ.x.ü6";
        let values = ["a+1@b.example", "482913", "\"quoted\"", "eyJ.x.ü6", "b.example", "quoted"];
        let mut few = Redactor::default();
        for value in values {
            few.learn(Kind::Secret, value);
        }
        let mut many = few.clone();
        for number in 0..1000 {
            many.learn(Kind::Password, &format!("another {number}"));
        }
        assert!(few.endings.is_empty() && many.parts.is_empty());
        let found = few.text(text);
        assert_eq!(
            found,
            "ü of [secret#1], [secret#1], 1482913, [secret#2], [secret#3] and [secret#4]"
        );
        assert_eq!(many.text(text), found);
        assert_eq!(many.text("(another 999)"), "([password#1000])");
    }

    #[test]
    fn labels_are_known_from_other_brackets() {
        assert!(is_label("Bearer [mfa_token#12]"));
        assert!(!is_label("[nonsense#1]") && !is_label("[mfa_token]") && !is_label("a"));
    }
}
