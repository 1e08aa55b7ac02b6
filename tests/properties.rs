//! What holds for any input: redaction hides and can be undone, and whatever is read is read without a panic.
#![expect(
    clippy::disallowed_methods,
    reason = "valid files, to be mutated, are read from the tree"
)]

use std::{
    collections::{HashMap, HashSet},
    fs,
};

use countersign::{
    exchange::{Request, Response},
    plan::TagExpression,
    scenario,
    secret::Kind,
    snapshot::{RecordedRequest, RecordedResponse, RecordedStep, Redactor, Snapshot},
    source::{Sources, Style, render},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

/// Names whose values are secret, or differ from run to run.
const NAMES: [&str; 12] = [
    "mfa_token",
    "oob_code",
    "binding_code",
    "otp",
    "recovery_code",
    "access_token",
    "id_token",
    "password",
    "client_secret",
    "email",
    "user_id",
    "new_password",
];
/// What stands between values in free text.
const SEPARATORS: [&str; 8] = [" ", ", ", "=", "\"", "/", "\n", " ü ", "&"];
/// What stands in every exchange besides.
const WORDS: [&str; 4] = [
    "authorization content-type application/json application/x-www-form-urlencoded Bearer",
    "message number note recovery_codes expires_in",
    "step request response method POST path /x headers json form text status",
    "nonsense",
];
/// Shorter values are replaced only where they stand by themselves.
const SHORTEST_PART: usize = 6;

/// A value by its number, so that one stands in many places.
type Which = usize;

/// How a value is written in free text.
#[derive(Clone, Copy, Debug)]
enum Form {
    Clear,
    Percent,
    Plus,
    Escaped,
}

/// An exchange to be; which values stand where.
#[derive(Clone, Debug)]
struct Plan {
    form: bool,
    fields: Vec<(&'static str, Which)>,
    query: Vec<(&'static str, Which)>,
    segment: Option<Which>,
    bearer: Option<Which>,
    answer: Vec<(&'static str, Which)>,
    codes: Vec<Which>,
    /// A message, in the body's JSON or as the body itself.
    message: Vec<(&'static str, Which, Form)>,
    plain: bool,
    number: Option<Which>,
    /// Another parameter of the query, which is no secret.
    note: Option<Which>,
}

fn plan(values: usize) -> impl Strategy<Value = Plan> {
    let which = move || 0..values;
    let fields = move || {
        let fields = prop::collection::btree_map(select(&NAMES[..]), which(), 0..4);
        fields.prop_map(|fields| fields.into_iter().collect::<Vec<_>>())
    };
    let form = prop_oneof![
        3 => Just(Form::Clear), 1 => Just(Form::Percent), 1 => Just(Form::Plus), 1 => Just(Form::Escaped)
    ];
    (
        (any::<bool>(), fields(), fields(), option::of(which()), option::of(which())),
        (fields(), vec(which(), 0..3), any::<bool>(), option::of(which()), option::of(which())),
        vec((select(&SEPARATORS[..]), which(), form), 0..5),
    )
        .prop_map(|(request, (answer, codes, plain, number, note), message)| {
            let (form, fields, query, segment, bearer) = request;
            Plan {
                form,
                fields,
                query,
                segment,
                bearer,
                answer,
                codes,
                message,
                plain,
                number,
                note,
            }
        })
}

const CASES: u32 = 300;

/// Values, among them parts of one another, labels, numbers, short ones, and what JSON, URLs and YAML escape.
fn values() -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof![
        3 => "[A-Za-z0-9_-]{6,24}",
        2 => "[0-9]{6,8}",
        1 => "[0-9a-z]{1,5}",
        2 => r#"[a-c"'\\.*+?(){}|^$#%&=@:/ -]{6,12}"#,
        1 => "[äöü€漢😀ab]{3,8}",
        1 => "[ab]{6,9}",
        1 => r"\[(otp|mfa_token|email|nonsense)#[0-3]\]",
        1 => r"Fe26\.2\*[A-Za-z0-9*]{20}",
        1 => "eyJ[a-z]{4}\\.[a-z]{4}\\.[a-z]{4}",
        1 => "[a-z]{1,4}(\\+[a-z]{2})?@[a-z]{2,4}\\.example",
    ];
    (vec(one, 1..6), vec((any::<prop::sample::Index>(), 0..4_u8), 0..4)).prop_map(
        |(mut values, derived)| {
            for (which, how) in derived {
                let value = which.get(&values).clone();
                // A part of an address is another address, and not where it was.
                if value.contains('@') {
                    continue;
                }
                let half: String = value.chars().take(value.chars().count() / 2 + 1).collect();
                let rest: String = value.chars().skip(1).collect();
                values.push(match how {
                    0 => half,
                    1 => rest,
                    2 => format!("{value}{half}"),
                    _ => format!("x{value}"),
                });
            }
            values.retain(|value| !value.is_empty());
            values
        },
    )
}

fn exchanges() -> impl Strategy<Value = (Vec<String>, Vec<Plan>)> {
    values().prop_flat_map(|values| {
        let plans = vec(plan(values.len()), 1..4);
        (Just(values), plans)
    })
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Form {
    const ALL: [Self; 4] = [Self::Clear, Self::Percent, Self::Plus, Self::Escaped];

    fn write(self, value: &str) -> String {
        match self {
            Self::Clear => value.to_owned(),
            Self::Percent => encoded(value),
            Self::Plus => form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            Self::Escaped => {
                let quoted = Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
        }
    }
}

impl Plan {
    fn request(&self, values: &[String]) -> Request {
        let mut path = "/x".to_owned();
        if let Some(which) = self.segment {
            path = format!("{path}/{}", encoded(&values[which]));
        }
        let note = self.note.map(|which| ("note", which));
        for (index, (name, which)) in self.query.iter().copied().chain(note).enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            path = format!("{path}{mark}{name}={}", encoded(&values[which]));
        }
        let request = Request::new("POST", path);
        let fields = self.fields.iter().map(|(name, which)| (*name, values[*which].as_str()));
        let request = if self.form {
            request.form(fields)
        } else {
            let fields: Map<_, _> =
                fields.map(|(name, value)| (name.to_owned(), value.into())).collect();
            request.json(&Value::Object(fields))
        };
        match self.bearer {
            Some(which) => request.header("authorization", format!("Bearer {}", values[which])),
            None => request,
        }
    }

    fn response(&self, values: &[String]) -> Response {
        let mut message = String::new();
        for (separator, which, form) in &self.message {
            let value = form.write(&values[*which]);
            message.extend([separator, value.as_str(), separator]);
        }
        if self.plain {
            let response =
                Response { status: 200, body: message.into_bytes(), ..Response::default() };
            return response;
        }
        let mut body = json!({"message": message, "expires_in": 86_400});
        for (name, which) in &self.answer {
            body[*name] = values[*which].as_str().into();
        }
        let codes: Vec<_> = self.codes.iter().map(|which| values[*which].as_str()).collect();
        body["recovery_codes"] = codes.into();
        let number = self.number.and_then(|which| values[which].parse::<u64>().ok());
        if let Some(number) = number.filter(|number| number.to_string().len() >= SHORTEST_PART) {
            body["number"] = number.into();
        }
        let sent = Request::default().json(&body);
        Response { status: 200, headers: sent.headers, body: sent.body }
    }

    /// The values that stand where secrets stand.
    fn secrets(&self) -> impl Iterator<Item = Which> {
        let answer = self.answer.iter().filter(|_| !self.plain);
        let named = self.fields.iter().chain(&self.query).chain(answer).map(|(_, which)| *which);
        named.chain(self.bearer).chain(self.codes.iter().filter(|_| !self.plain).copied())
    }
}

/// All exchanges, redacted once everything is known.
fn redact(exchanges: &[(Request, Response)]) -> (Redactor, Vec<RecordedStep>) {
    let mut redactor = Redactor::default();
    for (request, response) in exchanges {
        redactor.learn_request(request);
        redactor.learn_response(response);
    }
    let steps = exchanges.iter().map(|(request, response)| RecordedStep {
        step: "step".to_owned(),
        actor: None,
        request: redactor.request(request),
        response: redactor.response(response),
    });
    let steps = steps.collect();
    (redactor, steps)
}

/// An exchange as a replay has it: what is recorded is what is sent and what comes.
fn played_back(step: &RecordedStep) -> (Request, Response) {
    let RecordedStep {
        request: RecordedRequest { method, path, headers, json, form, text }, ..
    } = step;
    let mut request = Request::new(method, path);
    if let Some(json) = json {
        request = request.json(json);
    } else if let Some(form) = form {
        let pairs = form.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("text")));
        request = request.form(pairs.collect::<Vec<_>>());
    } else if let Some(text) = text {
        request.body = text.clone().into_bytes();
    }
    let RecordedResponse { status, headers: received, json, text } = &step.response;
    let body = json.as_ref().map(Value::to_string).or_else(|| text.clone()).unwrap_or_default();
    let mut response = Response { status: *status, body: body.into_bytes(), ..Response::default() };
    for (name, value) in headers {
        request.headers.set(name, value.as_str().expect("text"));
    }
    for (name, value) in received {
        response.headers.set(name, value.as_str().expect("text"));
    }
    (request, response)
}

/// Every text of a snapshot; of a path its parts.
fn texts(steps: &[RecordedStep]) -> Vec<String> {
    fn collect(value: &Value, texts: &mut Vec<String>) {
        match value {
            Value::String(text) => texts.push(text.clone()),
            // Short numbers stay: most are no codes.
            Value::Number(number) if number.to_string().len() >= SHORTEST_PART => {
                texts.push(number.to_string());
            }
            Value::Array(elements) => elements.iter().for_each(|inner| collect(inner, texts)),
            Value::Object(members) => members.iter().for_each(|(name, inner)| {
                texts.push(name.clone());
                collect(inner, texts);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut all = Vec::new();
    let mut steps = steps.to_vec();
    for step in &mut steps {
        let path = std::mem::take(&mut step.request.path);
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let decoded = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        all.extend(path.split('/').map(decoded));
        all.extend(form_urlencoded::parse(query.as_bytes()).map(|(_, value)| value.into_owned()));
    }
    collect(&serde_json::to_value(steps).expect("a snapshot is JSON"), &mut all);
    all
}

/// Whether a text contains a value; a number only where it is not a part of a longer one.
fn contains(text: &str, value: &str) -> bool {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    text.match_indices(value).any(|(at, _)| {
        let before = text[..at].ends_with(|next: char| next.is_ascii_digit());
        let after = text[at + value.len()..].starts_with(|next: char| next.is_ascii_digit());
        !digits || !before && !after
    })
}

fn is_one_label(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.and_then(|inner| inner.split_once('#')).is_some_and(|(word, number)| {
        Kind::from_word(word).is_some() && number.parse::<u32>().is_ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn redaction_hides_every_secret_and_only_once((values, plans) in exchanges()) {
        let exchanges: Vec<_> =
            plans.iter().map(|plan| (plan.request(&values), plan.response(&values))).collect();
        let (redactor, steps) = redact(&exchanges);
        let secrets: HashSet<&str> =
            plans.iter().flat_map(Plan::secrets).map(|which| values[which].as_str()).collect();
        let mut owners = HashMap::new();
        let texts = texts(&steps);
        // The words of labels could be a secret by chance.
        let label = regex::Regex::new(r"\[[a-z_]+#[0-9]+\]").expect("an expression");
        let pieces: Vec<_> = texts.iter().flat_map(|text| label.split(text)).collect();
        for secret in secrets {
            let label = redactor.value(&secret.into());
            let label = label.as_str().expect("a label");
            prop_assert!(is_one_label(label), "{secret:?} is shown as {label:?}");
            let other = owners.insert(label.to_owned(), secret);
            prop_assert_eq!(other, None, "{} stands for two values", label);
            prop_assert_eq!(redactor.restore(label), secret);
            // What our own words contain is no secret.
            if NAMES.iter().chain(&WORDS).any(|word| word.contains(secret)) {
                continue;
            }
            if secret.len() < SHORTEST_PART {
                prop_assert!(!texts.iter().any(|text| text == secret), "{secret:?} by itself");
                continue;
            }
            // Nor is what comes about where another value meets what stands between values.
            if secret.trim_matches(['=', '&', '/', '?', ' ', ',', '"', '\n']) != secret {
                continue;
            }
            let forms = Form::ALL.map(|form| form.write(secret));
            for text in &pieces {
                prop_assert!(!forms.iter().any(|form| contains(text, form)), "{secret:?} in {text:?}");
            }
        }
    }

    #[test]
    fn redaction_of_what_is_redacted_changes_nothing((values, mut plans) in exchanges()) {
        for (_, which, form) in plans.iter_mut().flat_map(|plan| &mut plan.message) {
            // A value that looks like a label, escaped, could be the escaped label of another one.
            if values[*which].contains('[') {
                *form = Form::Clear;
            }
        }
        let exchanges: Vec<_> =
            plans.iter().map(|plan| (plan.request(&values), plan.response(&values))).collect();
        let (_, once) = redact(&exchanges);
        let again: Vec<_> = once.iter().map(played_back).collect();
        let (_, twice) = redact(&again);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_is_redacted_can_be_restored((values, mut plans) in exchanges()) {
        // A label becomes the value, not an escaped form of it, which another value may be or contain.
        let ambiguous = values.iter().any(|value| {
            let mut forms = Form::ALL.iter().map(|form| form.write(value)).filter(|form| form != value);
            forms.any(|form| values.iter().any(|other| other.contains(&form)))
        });
        prop_assume!(!ambiguous);
        for plan in &mut plans {
            // Nor does it become a number.
            plan.message.iter_mut().for_each(|(_, _, form)| *form = Form::Clear);
            plan.number = None;
        }
        let exchanges: Vec<_> =
            plans.iter().map(|plan| (plan.request(&values), plan.response(&values))).collect();
        let (redactor, steps) = redact(&exchanges);
        for ((request, response), step) in exchanges.iter().zip(&steps) {
            if let Some(json) = &step.request.json {
                let sent = request.content();
                prop_assert_eq!(Some(&redactor.restore_value(json)), sent.as_json());
            }
            if let Some(json) = &step.response.json {
                let came = response.content();
                prop_assert_eq!(Some(&redactor.restore_value(json)), came.as_json());
            }
            if let Some(text) = &step.response.text {
                prop_assert_eq!(redactor.restore(text).into_bytes(), response.body.clone());
            }
        }
    }
}

/// Any text, and any valid file with a piece cut out, doubled, or replaced.
fn mutated(files: Vec<String>) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        Just("{{ ".to_owned()),
        Just("\n  - ".to_owned()),
        Just(": {$len: ".to_owned()),
        Just("\"".to_owned()),
        Just("&a [*a, *a]".to_owned()),
        Just("matrix.".to_owned()),
        any::<String>(),
    ];
    let index = any::<prop::sample::Index>;
    let edit = (index(), 0..20_usize, any::<bool>(), piece);
    let edited = (select(files), vec(edit, 1..4)).prop_map(|(mut text, edits)| {
        for (at, length, double, piece) in edits {
            let places: Vec<_> =
                text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let first = at.index(places.len());
            let (start, end) = (places[first], places[(first + length).min(places.len() - 1)]);
            let kept = if double { text[start..end].to_owned() } else { String::new() };
            text.replace_range(start..end, &format!("{kept}{piece}{kept}"));
        }
        text
    });
    prop_oneof![1 => any::<String>(), 4 => edited]
}

fn tree(folder: &str, ending: &str) -> Vec<String> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    let paths = entries.map(|entry| entry.expect("the folder can be read").into_path());
    let paths = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    paths.map(|path| fs::read_to_string(path).expect("text")).collect()
}

fn json_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ \n\t#:'\"\\\\{}\\[\\],&*!|>%@`-]{0,8}",
        select(
            &["", "yes", "null", "~", "012", "0x1f", "1e3", ".inf", "2026-01-01", "---", "<<"][..]
        )
        .prop_map(str::to_owned),
        "[a-z \n]{0,200}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |number| number.is_finite())
            .prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((text.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn any_text_is_a_scenario_or_has_problems_in_it(text in mutated(tree("scenarios/email", "yaml"))) {
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", text);
        let mut problems = Vec::new();
        let scenarios = scenario::parse("a", source, &sources, &mut problems);
        prop_assert_eq!(scenarios.is_empty(), !problems.is_empty());
        // Places are inside of the text, or this panics.
        let rendered = render(&problems, &sources, Style::default());
        prop_assert_eq!(rendered.is_empty(), problems.is_empty());
    }

    #[test]
    fn any_text_with_a_template_is_read(template in r"\PC{0,12}\{\{[ a-z.0-9'()\[\]{}|\\ü]{0,12}(\}\})?\PC{0,6}") {
        let document = json!({"title": "t", "steps": [{"login": {"scope": template}}]});
        let mut sources = Sources::default();
        let source = sources.add("a.yaml", document.to_string());
        let mut problems = Vec::new();
        let scenarios = scenario::parse("a", source, &sources, &mut problems);
        prop_assert_eq!(scenarios.len(), usize::from(problems.is_empty()));
        prop_assert_eq!(render(&problems, &sources, Style::default()).is_empty(), problems.is_empty());
    }

    #[test]
    fn any_text_is_a_snapshot_or_corrupt(text in mutated(tree("snapshots/email", "snap"))) {
        if let Ok(snapshot) = Snapshot::parse(&text) {
            prop_assert_eq!(Snapshot::parse(&snapshot.to_text("a", "b")), Ok(snapshot));
        }
    }

    #[test]
    fn any_text_is_a_tag_expression_or_refused(text in prop_oneof![
        any::<String>(), "(not |\\(|\\)| and | or |[a-z-]{1,4}|ü| ){0,12}",
    ]) {
        let mut sources = Sources::default();
        let source = sources.add("--tag", text);
        match TagExpression::parse(source, &sources) {
            Ok(expression) => { let _ = expression.matches(&["a".to_owned()]); }
            Err(problem) => prop_assert!(!render(&[*problem], &sources, Style::default()).is_empty()),
        }
    }

    #[test]
    fn any_snapshot_is_read_back_as_it_was_written(
        body in json_value(), answer in json_value(), text in any::<String>(), title in any::<String>(),
    ) {
        let request = RecordedRequest { json: Some(body), method: text.clone(), path: title.clone(), ..RecordedRequest::default() };
        let json = RecordedResponse { status: 200, json: Some(answer), ..RecordedResponse::default() };
        let plain = RecordedResponse { status: 599, text: Some(text.clone()), ..RecordedResponse::default() };
        let actor = Some(title.clone());
        let steps = vec![
            RecordedStep { step: text.clone(), actor, request, response: json },
            RecordedStep { step: title.clone(), response: plain, ..RecordedStep::default() },
        ];
        let snapshot = Snapshot { steps };
        prop_assert_eq!(Snapshot::parse(&snapshot.to_text(&text, &title)), Ok(snapshot));
    }
}
