//! Every kind of report of one fixed set of verdicts, with texts that each format has its own trouble with; and what
//! readers that are not ours find in them.
#![expect(clippy::disallowed_methods, reason = "reports are files")]

use std::{
    fs,
    io::Cursor,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use countersign::{
    event::wire::{
        self, Attempt, Case, Difference, Failure, Line, Place, Problem, Retry, RunStarted, Step,
        Summary, VERSION, Verdict,
    },
    report::{Github, Human, Json, Junit, Markdown, Reporter, Tap},
    snapshot::{RecordedRequest, RecordedResponse, RecordedStep},
    source::Style,
};
use serde_json::{Value, json};

/// What XML, YAML, Markdown, TAP and workflow commands would stumble over.
const AWKWARD: &str = "\"quoted\" 'too' <b>&amp; ]]> \u{1b}[31m\u{0}\u{fffe} \u{1f600} ::error:: 100% a|b `c` *d* # e \\ f\n---\n@g";

fn exchange() -> RecordedStep {
    RecordedStep {
        step: "enrol".to_owned(),
        actor: None,
        request: RecordedRequest {
            method: "POST".to_owned(),
            path: "/mfa/associate?a=1&b=%20".to_owned(),
            json: Some(json!({"email": "[email#1]", "text": AWKWARD})),
            ..RecordedRequest::default()
        },
        response: RecordedResponse {
            status: 403,
            text: Some("]]>\n...\n".to_owned()),
            ..RecordedResponse::default()
        },
    }
}

fn case(index: usize, id: &str, verdict: Verdict) -> Case {
    let file = format!("scenarios/{id}.yaml");
    let place = Place { file: file.clone(), line: Some(7), column: Some(5) };
    let is_skipped = verdict == Verdict::Skipped;
    let step = Step { step: 1, place, exchange: exchange(), seconds: 0.0125 };
    Case {
        index,
        id: id.to_owned(),
        title: format!("Title of {id}"),
        file,
        line: 1,
        tags: vec!["email".to_owned()],
        covers: Vec::new(),
        repetition: None,
        batch: String::new(),
        verdict,
        reason: is_skipped.then(|| format!("it needs a device # {AWKWARD}")),
        attempts: u32::from(!is_skipped),
        requests: usize::from(!is_skipped),
        not_judged: 0,
        retries: Vec::new(),
        seconds: 0.25,
        failures: Vec::new(),
        earlier: Vec::new(),
        snapshot: None,
        needless_exception: false,
        steps: if is_skipped { Vec::new() } else { vec![step] },
    }
}

fn failure(case: &Case, message: &str) -> Failure {
    let place = case.steps[0].place.clone();
    let rendered =
        format!("error: {message}\n --> {place}\n  |\n7 |   status: 200\n  |           ^^^\n\n");
    Failure {
        step: Some(1),
        title: "enrol".to_owned(),
        problems: vec![Problem {
            message: message.to_owned(),
            place: Some(place),
            expected: Some("200".to_owned()),
            found: Some(AWKWARD.to_owned()),
            hint: None,
            rendered,
        }],
        exchange: Some(exchange()),
        difference: None,
    }
}

/// A run with every verdict, and one case that was not begun.
fn lines() -> Vec<Line> {
    let passed = Case {
        retries: vec![Retry { what: "GET /x".to_owned(), reason: "429".to_owned(), seconds: 1.0 }],
        ..case(0, "email/passed[a, b]", Verdict::Passed)
    };
    let flaky = case(1, "email/flaky#2", Verdict::Flaky);
    let earlier = vec![Attempt { failures: vec![failure(&flaky, "it was late")], snapshot: None }];
    let flaky = Case { attempts: 2, repetition: Some(2), earlier, ..flaky };
    let differs = Case {
        snapshot: Some(Difference {
            path: "snapshots/email/differs.snap".to_owned(),
            pending: None,
            old: Some("- step: enrol\n  status: 200".to_owned()),
            new: format!("- step: enrol\n  status: 403\n  text: {AWKWARD}"),
            property_of: None,
        }),
        ..case(2, "email/differs", Verdict::Failed)
    };
    let failed = case(3, "failed", Verdict::Failed);
    let first = Attempt { failures: vec![failure(&failed, "status is wrong")], snapshot: None };
    let failures = vec![failure(&failed, AWKWARD), failure(&failed, "status is wrong")];
    let failed = Case { attempts: 2, failures, earlier: vec![first], ..failed };
    let errored = case(4, "sms/errored", Verdict::Errored);
    let failure = Failure {
        step: None,
        title: "preparation".to_owned(),
        problems: vec![Problem {
            message: "the tenant cannot be reached".to_owned(),
            place: None,
            expected: None,
            found: None,
            hint: Some("is it there?".to_owned()),
            rendered: "error: the tenant cannot be reached\n\n".to_owned(),
        }],
        exchange: None,
        difference: None,
    };
    let errored = Case { failures: vec![failure], steps: Vec::new(), ..errored };
    let skipped = case(5, "sms/skipped", Verdict::Skipped);
    let mut lines = vec![Line::RunStarted(RunStarted {
        version: VERSION,
        target: "emulator".to_owned(),
        seed: Some("7".to_owned()),
        cases: 7,
        shard: None,
        selection: "0123456789abcdef".to_owned(),
    })];
    for case in [passed, flaky, differs, failed, errored, skipped] {
        lines.push(Line::CaseStarted { index: case.index, id: case.id.clone() });
        lines.push(Line::CaseFinished(Box::new(case)));
    }
    lines.push(Line::RunFinished(Summary {
        passed: 1,
        flaky: 1,
        failed: 2,
        errored: 1,
        skipped: 1,
        not_run: 1,
        retries: 1,
        seconds: 1.5,
        interrupted: true,
        ..Summary::default()
    }));
    lines
}

fn report(make: fn(&mut Cursor<Vec<u8>>) -> Box<dyn Reporter + '_>) -> String {
    let mut written = Cursor::default();
    let mut reporter = make(&mut written);
    for line in lines() {
        reporter.line(&line).expect("memory can be written");
    }
    drop(reporter);
    String::from_utf8(written.into_inner()).expect("UTF-8")
}

fn junit() -> String {
    report(|writer| Box::new(Junit::new(writer)))
}

fn tap() -> String {
    report(|writer| Box::new(Tap::new(writer)))
}

fn json_lines() -> String {
    report(|writer| Box::new(Json::new(writer)))
}

#[test]
fn junit_is_as_it_was() {
    insta::assert_snapshot!(junit());
}

#[test]
fn tap_is_as_it_was() {
    insta::assert_snapshot!(tap());
}

#[test]
fn json_is_as_it_was() {
    insta::assert_snapshot!(json_lines());
}

#[test]
fn markdown_is_as_it_was() {
    insta::assert_snapshot!(report(|writer| Box::new(Markdown::new(writer))));
}

#[test]
fn annotations_are_as_they_were() {
    insta::assert_snapshot!(report(|writer| Box::new(Github::new(writer, "api".into()))));
}

#[test]
fn the_text_for_people_is_as_it_was() {
    insta::assert_snapshot!(report(|writer| Box::new(Human::new(writer, Style::default()))));
}

#[test]
fn lines_are_read_back_as_they_were_written() {
    let text = json_lines();
    let read: Vec<_> = text.lines().map(|line| wire::read(line).expect("an event")).collect();
    assert_eq!(read, lines());
    let newer = text.lines().next().expect("a line").replace("\"version\":1", "\"version\":9");
    let error = wire::read(&newer).expect_err("another version").to_string();
    assert_eq!(error, "the events are of version 9, and this program reads version 1");
    wire::read("{\"version\": 9, \"event\": \"novelty\"}").expect_err("another version");
    wire::read("{\"event\": \"case_started\"}").expect_err("members are missing");
}

/// As the runner of GitHub Actions reads them: each command on a line, its values escaped.
#[test]
fn annotations_can_be_read_by_the_runner() {
    let text = report(|writer| Box::new(Github::new(writer, "api".into())));
    assert_eq!(text.lines().count(), 6, "{text}");
    for line in text.lines() {
        let (properties, message) =
            line.strip_prefix("::").and_then(|rest| rest.split_once("::")).expect("a command");
        let (level, properties) = properties.split_once(' ').expect("properties");
        assert!(["error", "warning"].contains(&level), "{line}");
        let names = properties.split(',').map(|one| one.split_once('=').expect("a value").0);
        assert!(names.into_iter().all(|name| ["file", "line", "col", "title"].contains(&name)));
        assert!(!message.is_empty());
    }
    assert!(text.contains("100%25 a|b") && text.contains("%0A---%0A@g"), "{text}");
}

/// GitHub shows no summary that is longer than 1 MiB.
#[test]
fn a_summary_of_many_failures_is_short_enough() {
    let mut written = Vec::new();
    let mut reporter = Markdown::new(&mut written);
    for line in lines().into_iter().cycle().take(200_000) {
        let is_end = matches!(line, Line::RunFinished(_));
        if !is_end {
            reporter.line(&line).expect("memory can be written");
        }
    }
    reporter.line(lines().last().expect("a line")).expect("memory can be written");
    drop(reporter);
    let text = String::from_utf8(written).expect("UTF-8");
    assert!((400_000..1_000_000).contains(&text.len()), "{}", text.len());
    assert!(text.contains("more: there is no room for them here"));
}

#[test]
fn other_programs_read_junit_and_tap() {
    let Some(found) = read_by_others(&junit(), &tap()) else { return };
    assert_eq!(found["errors"], json!([]));
    let results = found["results"].as_array().expect("a list");
    let of = |name: &str| results.iter().filter_map(|one| one.get(name)).collect::<Vec<_>>();
    assert_eq!((of("version"), of("plan")), (vec![&json!(14)], vec![&json!(7)]));
    assert_eq!(of("unknown"), Vec::<&Value>::new());
    assert_eq!(of("ok"), [true, true, false, false, false, true]);
    assert_eq!(of("bail").len(), 1, "{found:#}");
    assert!(of("yaml")[1]["problems"].is_array());
    let block = &of("yaml")[3];
    assert_eq!((&block["severity"], &block["at"]["line"]), (&"fail".into(), &7.into()));
    let skip = of("skip")[5].as_str().expect("a reason");
    assert!(skip.contains("it needs a device"), "{skip}");
}

#[test]
fn a_schema_refuses_what_is_no_report() {
    let wrong = junit().replace("classname=", "class=");
    let Some(found) = read_by_others(&wrong, &tap()) else { return };
    assert_ne!(found["errors"], json!([]));
}

/// What `read.py` finds; nothing where what it needs is not installed.
fn read_by_others(junit: &str, tap: &str) -> Option<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read(root.join("tests/reports/requirements.txt")).ok();
    let installed: PathBuf = root.join("target/clients/reports");
    if fs::read(installed.join("installed")).ok() != list {
        // Past what the test framework keeps to itself: what is skipped is named.
        let what =
            "skipped: no XML Schema validator and no TAP parser; `bash tests/run` installs them";
        let _ = writeln!(std::io::stdout(), "{what}");
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    };
    let output = Command::new(installed.join("bin/python"))
        .arg(root.join("tests/reports/read.py"))
        .arg(root.join("tests/reports/junit-10.xsd"))
        .args([path("junit.xml", junit), path("report.tap", tap)])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}")))
}
