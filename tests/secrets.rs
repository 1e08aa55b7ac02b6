//! The real program over the whole catalogue: no secret of the run is in any byte that it writes.
//!
//! What is secret is found out by other means than the program's: the library is run with the same seed, so that it
//! makes up the same values, on a target that writes down everything that passes.
#![expect(clippy::disallowed_methods, reason = "what the program wrote is read")]

mod shipped;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use assert_cmd::Command;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use countersign::{
    codes::NoCode,
    exchange::{Content, Exchange, Headers, Request},
    plan::{self, Case},
    run::{Options, execute},
    scenario::{Channel, PushAnswer, Scenario},
    secret::Kind,
    snapshot::{Redactor, Store, Update},
    step::Scope,
    target::{Emulated, Intent, NoAssertion, NoPush, NotPrepared, SendError, Session, Target},
};
use futures_util::future::BoxFuture;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::watch;
use walkdir::WalkDir;

const SEED: u64 = 7;
/// Parameters and members whose values are secrets, or say who a user is.
const NAMES: [&str; 15] = [
    "password",
    "client_secret",
    "mfa_token",
    "oob_code",
    "binding_code",
    "recovery_code",
    "recovery_codes",
    "access_token",
    "refresh_token",
    "id_token",
    "email",
    "phone_number",
    "otp",
    "secret",
    "barcode_uri",
];

/// Values by what they are.
type Secrets = BTreeMap<String, BTreeSet<String>>;

/// The emulated tenant, and everything secret that passes.
struct Tapped {
    emulated: Emulated,
    secrets: Mutex<Secrets>,
}

struct TappedSession<'a> {
    session: Box<dyn Session + 'a>,
    secrets: &'a Mutex<Secrets>,
}

fn keep(secrets: &Mutex<Secrets>, what: &str, value: &str) {
    let mut secrets = secrets.lock().expect("no panic");
    secrets.entry(what.to_owned()).or_default().insert(value.to_owned());
}

impl Target for Tapped {
    fn name(&self) -> &str {
        self.emulated.name()
    }

    fn skip(&self, scenario: &Scenario) -> Option<String> {
        self.emulated.skip(scenario)
    }

    fn prepare<'a>(
        &'a self,
        case: &'a Case,
        seed: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Session + 'a>, NotPrepared>> {
        Box::pin(async move {
            let session = self.emulated.prepare(case, seed).await?;
            for (kind, value) in session.scope().known() {
                if matches!(kind, Kind::Password | Kind::ClientSecret | Kind::Email) {
                    keep(&self.secrets, kind.word(), &value);
                }
            }
            Ok(Box::new(TappedSession { session, secrets: &self.secrets }) as Box<dyn Session>)
        })
    }
}

impl Session for TappedSession<'_> {
    fn scope(&self) -> Scope {
        self.session.scope()
    }

    fn send<'a>(
        &'a mut self,
        request: Request,
        intent: Intent<'a>,
        redactor: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>> {
        Box::pin(async move {
            let exchange = self.session.send(request, intent, redactor).await?;
            self.headers(&exchange.request.headers);
            self.content(&exchange.request.content());
            self.content(&exchange.response.content());
            Ok(exchange)
        })
    }

    fn code<'a>(
        &'a mut self,
        channel: Channel,
        address: &'a str,
    ) -> BoxFuture<'a, Result<String, NoCode>> {
        Box::pin(async move {
            let code = self.session.code(channel, address).await?;
            keep(self.secrets, "binding_code", &code);
            Ok(code)
        })
    }

    fn client_assertion<'a>(
        &'a mut self,
        client_id: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>> {
        self.session.client_assertion(client_id)
    }

    fn answer_push<'a>(
        &'a mut self,
        user_id: &'a str,
        answer: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>> {
        self.session.answer_push(user_id, answer)
    }

    fn advance(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        self.session.advance(duration)
    }
}

impl TappedSession<'_> {
    fn headers(&self, headers: &Headers) {
        if let Some((_, token)) = headers.get("authorization").and_then(|text| text.split_once(' '))
        {
            keep(self.secrets, "bearer", token);
        }
    }

    fn content(&self, content: &Content) {
        match content {
            Content::Json(value) => self.value("", value),
            Content::Form(pairs) => {
                for (name, value) in pairs {
                    self.value(name, &value.as_str().into());
                }
            }
            Content::Empty | Content::Text(_) | Content::Binary(_) => {}
        }
    }

    fn value(&self, name: &str, value: &Value) {
        match value {
            Value::String(text) if NAMES.contains(&name) => keep(self.secrets, name, text),
            Value::Array(elements) => elements.iter().for_each(|inner| self.value(name, inner)),
            Value::Object(members) => {
                members.iter().for_each(|(name, inner)| self.value(name, inner));
            }
            _ => {}
        }
    }
}

/// Every secret of a run with the seed, but what a scenario says in clear.
fn secrets() -> Secrets {
    let files = shipped::files();
    let (scenarios, _) = shipped::scenarios(&files);
    let tapped = Tapped { emulated: Emulated::without_server(), secrets: Mutex::default() };
    let scenarios = scenarios.into_iter().map(|scenario| (scenario, None)).collect();
    let cases = plan::build(scenarios, 1, &|scenario| tapped.skip(scenario));
    let options = Options {
        jobs: 4,
        retries: 0,
        max_fail: None,
        no_skip: false,
        part: plan::Part::default(),
        seed: SEED,
        store: Store::new(PathBuf::from("there-is-none")),
        update: Update::No,
    };
    let (_sender, interrupt) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(execute(cases, &tapped, &options, interrupt, &mut |_| {}));
    let mut secrets = tapped.secrets.into_inner().expect("no panic");
    for values in secrets.values_mut() {
        values.retain(|value| !files.iter().any(|file| file.text.contains(value)));
    }
    secrets
}

/// What stands for a value in base64, in both alphabets, where so many bytes are before it.
fn in_base64(value: &str, before: usize) -> [String; 2] {
    let bytes = [&[0; 2][..before], value.as_bytes()].concat();
    let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    [STANDARD, URL_SAFE].map(|engine| engine.encode(&bytes)[start..end].to_owned())
}

/// Looks for many values at once.
struct Search(HashMap<[u8; SHORTEST], Vec<(String, String)>>);

/// No secret of the emulated tenant is shorter.
const SHORTEST: usize = 6;
/// What is shorter may be in base64 by chance.
const SHORTEST_IN_BASE64: usize = 8;

impl Search {
    fn new(secrets: &Secrets) -> Self {
        let mut search: HashMap<_, Vec<_>> = HashMap::new();
        for (what, value) in
            secrets.iter().flat_map(|(what, all)| all.iter().map(move |one| (what, one)))
        {
            let percent = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
            let form = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let mut forms = BTreeSet::from([value.clone(), percent, form]);
            if value.len() >= SHORTEST_IN_BASE64 {
                forms.extend((0..3).flat_map(|before| in_base64(value, before)));
            }
            for form in forms {
                let first = *form.as_bytes().first_chunk().expect("long enough");
                search.entry(first).or_default().push((what.clone(), form));
            }
        }
        Self(search)
    }

    /// What is in these bytes. Digits count where they stand by themselves: a duration may contain anything.
    fn find(&self, bytes: &[u8]) -> Vec<&(String, String)> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(SHORTEST).enumerate() {
            let Some(candidates) =
                <&[u8; SHORTEST]>::try_from(window).ok().and_then(|window| self.0.get(window))
            else {
                continue;
            };
            found.extend(candidates.iter().filter(|(_, value)| {
                let (before, rest) = bytes.split_at(at);
                let digits = value.bytes().all(|byte| byte.is_ascii_digit());
                let within =
                    before.last().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
                        || rest.get(value.len()).is_some_and(u8::is_ascii_digit);
                rest.starts_with(value.as_bytes()) && !(digits && within)
            }));
        }
        found
    }
}

#[test]
fn the_secrets_are_those_of_the_seed() {
    let secrets = secrets();
    assert_eq!(secrets, self::secrets());
    for name in NAMES.into_iter().chain(["bearer"]) {
        let count = secrets.get(name).map_or(0, BTreeSet::len);
        assert!(count > 0, "no `{name}` passed");
    }
    let all: BTreeSet<_> = secrets.values().flatten().collect();
    assert!(all.len() > 500, "only {} secrets passed", all.len());
}

#[test]
fn the_search_finds_what_is_there() {
    let secrets = BTreeMap::from([(
        "x".to_owned(),
        BTreeSet::from(["123456".to_owned(), "a@b.example".to_owned()]),
    )]);
    let search = Search::new(&secrets);
    let count = |text: &str| search.find(text.as_bytes()).len();
    assert_eq!(count("code: 123456. to a@b.example or a%40b.example, or a%40b%2Eexample"), 4);
    assert_eq!(count("YUBiLmV4YW1wbGU= eGFAYi5leGFtcGxl eHhhQGIuZXhhbXBsZQ=="), 3);
    assert_eq!(count("1234567 0.123456 0123456 a@b-example"), 0);
}

#[test]
fn no_secret_is_in_what_the_program_writes() {
    let search = Search::new(&secrets());
    let broken_type = |text: &str| text.replace("$type: string", "$type: integer");
    let status = regex::Regex::new(r"status: ([0-9]+|\[[^\]]*\])").expect("an expression");
    let broken_end = |text: &str| {
        let place = status.find_iter(text).last().map_or(0..0, |found| found.range());
        let mut text = text.to_owned();
        text.replace_range(place, "status: 599");
        text
    };
    let same = |text: &str| text.to_owned();
    let ways = [
        ("as they are", &same as &dyn Fn(&str) -> String, "always", 0),
        ("without a snapshot", &same, "new", 1),
        ("a wrong type", &broken_type, "always", 1),
        ("a wrong status at the end", &broken_end, "always", 1),
    ];
    for (name, change, update, exit) in ways {
        let folder = tempfile::tempdir().expect("a folder");
        copy(folder.path(), &|file| change(&file.text));
        let outputs = run(folder.path(), update, exit);
        let total: usize = outputs.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(total > 100_000, "{name}: only {total} bytes were written");
        let stdout = String::from_utf8_lossy(&outputs[0].1);
        assert_eq!(stdout.contains("\nFAIL "), exit == 1, "{name}");
        for (place, bytes) in &outputs {
            let found = search.find(bytes);
            assert!(found.is_empty(), "{name}: {place} has {found:?}");
        }
    }
}

#[test]
fn the_program_makes_up_the_values_of_the_seed() {
    let secrets = secrets();
    // The same case makes the same user up whatever its steps are. All users' addresses stand in it in clear, which
    // makes them public, but for the one that the case has itself.
    let addresses: Vec<_> =
        secrets["email"].iter().filter(|address| !address.contains('+')).collect();
    let scenario = json!({
        "title": "All addresses",
        "given": {"user": {"enrolled": [{"channel": "email"}]}},
        "steps": [{"request": {"method": "POST", "path": "/x", "json": addresses}}],
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scenarios/email/wrong-code.yaml");
    fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
    fs::write(path, scenario.to_string()).expect("it can be written");
    let written = run(folder.path(), "always", 0);
    let (_, snapshot) =
        written.iter().find(|(place, _)| place.ends_with("wrong-code.snap")).expect("a snapshot");
    let snapshot = String::from_utf8_lossy(snapshot);
    let clear = addresses.iter().filter(|address| snapshot.contains(address.as_str())).count();
    assert_eq!((snapshot.matches("[email#1]").count(), clear), (1, addresses.len() - 1));
}

fn copy(folder: &Path, change: &dyn Fn(&shipped::File) -> String) {
    for file in shipped::files() {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, change(&file)).expect("it can be written");
    }
}

/// Runs the program over the scenarios in a folder; what it wrote, and where.
fn run(folder: &Path, update: &str, exit: i32) -> Vec<(String, Vec<u8>)> {
    let output = Command::cargo_bin("countersign")
        .expect("the program")
        .current_dir(folder)
        .env_remove("CI")
        .env_remove("INSTA_UPDATE")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", "summary.md")
        .args(["run", "-vv", "--retries", "1", "--update", update])
        .args(["--report", "json=report.json", "--report", "junit=report.xml"])
        .args(["--report", "tap=report.tap", "--report", "markdown=report.md"])
        .args(["--report", "github=report.github", "--report", "human=report.txt"])
        .args(["--seed", &SEED.to_string()])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{said}");
    let mut written =
        vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
    for entry in WalkDir::new(folder) {
        let entry = entry.expect("the folder can be read");
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).expect("the file can be read");
            written.push((entry.path().display().to_string(), bytes));
        }
    }
    written
}
