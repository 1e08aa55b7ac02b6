//! A secret that is known is in no output, however it is written: percent-encoded, escaped, in base64, one within another.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use countersign::{
    exchange::{Request, Response},
    secret::Kind,
    snapshot::Redactor,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

/// A way to write a text, together with what stands before and behind it.
#[derive(Clone, Debug)]
struct Layer {
    before: String,
    behind: String,
    encoding: Encoding,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    /// As hexadecimal digits in upper or lower case; which characters need not be encoded and are, by a bit for each.
    Percent {
        upper: bool,
        also: u32,
    },
    /// As a form has it.
    Form,
    /// Which characters need not be escaped and are.
    Json {
        upper: bool,
        also: u32,
        slash: bool,
    },
    Base64 {
        url: bool,
        padded: bool,
    },
}

/// A text, and which bytes of it are the secret's and nothing else's.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    start: usize,
    end: usize,
}

impl Written {
    fn encode(&self, layer: &Layer) -> Self {
        let Layer { before, behind, encoding } = layer;
        let first = format!("{before}{}", &self.text[..self.start]);
        let secret = &self.text[self.start..self.end];
        let last = format!("{}{behind}", &self.text[self.end..]);
        if let Encoding::Base64 { url, padded } = encoding {
            let engine = match (url, padded) {
                (false, true) => STANDARD,
                (false, false) => STANDARD_NO_PAD,
                (true, true) => URL_SAFE,
                (true, false) => URL_SAFE_NO_PAD,
            };
            let text = engine.encode(format!("{first}{secret}{last}"));
            let (start, end) = (first.len() * 8, (first.len() + secret.len()) * 8);
            return Self { text, start: start.div_ceil(6), end: end / 6 };
        }
        let [first, secret, last] =
            [first.as_str(), secret, last.as_str()].map(|text| encoding.write(text));
        let (start, end) = (first.len(), first.len() + secret.len());
        Self { text: format!("{first}{secret}{last}"), start, end }
    }

    /// Whether most of the secret is to be seen in a text.
    fn is_in(&self, shown: &str) -> bool {
        let secret = &self.text.as_bytes()[self.start..self.end];
        let most = (secret.len() * 3 / 4).max(6).min(secret.len());
        let shown = shown.as_bytes();
        secret.windows(most).any(|window| shown.windows(most).any(|other| other == window))
    }
}

impl Encoding {
    /// Character by character: of two texts together it is that of the one and that of the other.
    fn write(self, text: &str) -> String {
        let is_also = |character: char, also: u32| also >> (u32::from(character) % 32) & 1 == 1;
        match self {
            Self::Percent { upper, also } => text
                .chars()
                .map(|character| {
                    let must =
                        !character.is_ascii_alphanumeric() && !"-_.~!*'()/:".contains(character);
                    if !must && !is_also(character, also) {
                        return character.to_string();
                    }
                    let bytes = character.to_string().into_bytes();
                    let hex =
                        |byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
                    bytes.into_iter().map(hex).collect()
                })
                .collect(),
            Self::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            Self::Json { upper, also, slash } => text
                .chars()
                .map(|character| match character {
                    '"' | '\\' => format!("\\{character}"),
                    '/' if slash => "\\/".to_owned(),
                    _ if character.is_control() || is_also(character, also) => {
                        let units = character.encode_utf16(&mut [0; 2]).to_vec();
                        let hex = |unit| {
                            if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") }
                        };
                        units.into_iter().map(hex).collect()
                    }
                    _ => character.to_string(),
                })
                .collect(),
            Self::Base64 { .. } => unreachable!("base64 is not by characters"),
        }
    }
}

/// Values of at least eight bytes, as passwords, tokens, codes and addresses are.
fn secrets() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[A-Za-z0-9_-]{8,24}",
        2 => "[!-~]{8,20}",
        1 => "[!-~]{4,8} [!-~]{4,8}",
        2 => "[a-z]{2,8}\\+[a-z0-9]{2,6}@[a-z]{2,6}\\.example",
        1 => "[0-9]{8,10}",
        1 => "[äöü€漢😀a-c]{8,12}",
    ]
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let also = prop_oneof![2 => Just(0_u32), 1 => Just(u32::MAX), 2 => any::<u32>()];
    let encoding = prop_oneof![
        3 => (any::<bool>(), also.clone()).prop_map(|(upper, also)| Encoding::Percent { upper, also }),
        1 => Just(Encoding::Form),
        3 => (any::<bool>(), also, any::<bool>())
            .prop_map(|(upper, also, slash)| Encoding::Json { upper, also, slash }),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(url, padded)| Encoding::Base64 { url, padded }),
    ];
    // No digits: a code of digits is one where no digit is beside it.
    let beside = r#"([ -/:-~]{0,7}|[a-z]{0,4}=|\{"a":"|:|/)"#;
    let layer = (beside, beside, encoding).prop_map(|(before, behind, encoding)| Layer {
        before,
        behind,
        encoding,
    });
    vec(layer, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_known_secret_is_hidden_however_it_is_written(
        secret in secrets(), layers in layers(), others in vec(secrets(), 0..3), many in prop::bool::weighted(0.05),
    ) {
        let known = others.iter().cloned().chain([secret.clone()]).map(|value| (Kind::Password, value));
        let mut redactor = Redactor::new(known, []);
        if many {
            (0..300).for_each(|number| redactor.learn(Kind::Secret, &format!("<another {number}>")));
        }
        let plain = Written { end: secret.len(), text: secret, start: 0 };
        let written = layers.iter().fold(plain, |written, layer| written.encode(layer));
        let text = &written.text;
        let shown = redactor.text(text);
        prop_assert!(!written.is_in(&shown), "{text:?} is shown as {shown:?}");
        prop_assert_eq!(redactor.text(&shown), shown, "of {:?}", text);
        for (place, shown) in places(&redactor, text) {
            let decoded = percent_decode_str(&shown).decode_utf8_lossy().into_owned();
            prop_assert!(!written.is_in(&shown), "{place}: {text:?} is shown as {shown:?}");
            prop_assert!(!written.is_in(&decoded), "{place}: {text:?} is shown as {shown:?}");
        }
    }
}

/// What is shown of a text in each place of an exchange that may have it. Nothing is learned of it.
fn places(redactor: &Redactor, text: &str) -> Vec<(&'static str, String)> {
    let encoded = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let is_header = text.bytes().all(|byte| byte.is_ascii_graphic());
    let request = |request: &Request| {
        serde_json::to_value(redactor.request(request)).expect("a request is JSON")
    };
    let response = |name: &str, value: &str, body: &str| {
        let mut response = Response { status: 400, body: body.into(), ..Response::default() };
        response.headers.set(name, value);
        serde_json::to_value(redactor.response(&response)).expect("a response is JSON")
    };
    let json = json!({"error_description": text}).to_string();
    let mut places = vec![
        ("query", request(&Request::new("GET", format!("/x?note={encoded}")))),
        ("segment", request(&Request::new("GET", format!("/x/{encoded}/y")))),
        ("form", request(&Request::new("POST", "/x").form([("note", text)]))),
        ("body", request(&Request::new("POST", "/x").json(&json!({"note": [text]})))),
        ("name", request(&Request::new("POST", "/x").json(&json!({text: 1})))),
        ("answer", response("content-type", "application/json", &json)),
        ("broken answer", response("content-type", "application/json", &json[..json.len() - 1])),
        ("page", response("content-type", "text/html", text)),
        ("location", response("location", &format!("https://a.example/b?c={encoded}#d"), "")),
    ];
    if is_header {
        let basic = Request::new("GET", "/x").header("authorization", format!("Basic {text}"));
        places.push(("credentials", request(&basic)));
        places.push(("challenge", response("www-authenticate", &format!("Bearer {text}"), "")));
        let is_path = !text.contains(['?', '%']);
        if is_path {
            places.push(("path", request(&Request::new("GET", format!("/x/{text}")))));
        }
    }
    places.into_iter().map(|(place, shown)| (place, texts(&shown))).collect()
}

/// All texts of a value, each in a line.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(elements) => elements.iter().map(texts).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, inner)| [format!("{name}\n"), texts(inner)]).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

#[test]
fn the_forms_of_real_traffic_are_hidden() {
    let known = [
        (Kind::Email, "ada+1@mail.example".to_owned()),
        (Kind::ClientSecret, "s3cr/t+of==the~app".to_owned()),
        (Kind::BindingCode, "482913".to_owned()),
    ];
    let redactor = Redactor::new(known, []);
    let payload = URL_SAFE_NO_PAD.encode(r#"{"iss":"x","email":"ada+1@mail.example","exp":1}"#);
    let credentials = STANDARD.encode("app:s3cr%2Ft%2Bof%3D%3Dthe~app");
    for (text, shown) in [
        ("to ada%2B1%40mail.example", "to [email#1]"),
        ("to ada%2b1%40mail.example", "to [email#1]"),
        ("?r=%2Fx%3Femail%3Dada%252B1%2540mail.example", "?r=%2Fx%3Femail%3D[email#1]"),
        (r#"{"a":"s3cr\/t+of==the~app""#, r#"{"a":"[client_secret#1]""#),
        (r#"{"a":"ada\u002b1\u0040mail.example""#, r#"{"a":"[email#1]""#),
        ("is NDgyOTEz.", "is [binding_code#1]."),
        (&format!("Basic {credentials}"), "Basic YXBwO[client_secret#1]"),
        (&payload, "eyJpc3MiOiJ4IiwiZW1haWwiOi[email#1]iLCJleHAiOjF9"),
    ] {
        assert_eq!(redactor.text(text), shown, "{text}");
    }
}

#[test]
fn a_redirect_shows_none_of_its_parameters() {
    let mut redactor = Redactor::default();
    let mut response = Response { status: 302, ..Response::default() };
    let location = "https://app.example/cb?code=Spl%2FxlOBez&state=xyz#access_token=2YotnFZFEjr1zC";
    response.headers.set("location", location);
    redactor.learn_response(&response);
    let shown = redactor.response(&response).headers["location"].clone();
    assert_eq!(
        shown,
        json!("https://app.example/cb?code=[secret#1]&state=xyz#access_token=[access_token#1]")
    );
}
