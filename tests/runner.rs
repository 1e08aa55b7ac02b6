//! The runner against a target of the tests' own, which answers what it is told to and writes down what it was asked.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign::{
    codes::NoCode,
    event::{CaseFinished, Event, Summary, Verdict, wire::Line},
    exchange::{Exchange, Request, Response},
    plan::{self, Case, Recorded},
    report::{Human, Reporter as _},
    run::{self, Options},
    scenario::{self, Channel, PushAnswer, Scenario},
    secret::Secret,
    snapshot::{Redactor, Store, Update},
    source::{Sources, Style},
    step::{Credentials, Person, Place, Scope},
    target::{Intent, NoAssertion, NoPush, NotPrepared, SendError, Session, Target},
};
use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;

/// A status, or no answer at all.
type Answer = Result<u16, SendError>;

/// Answers by a function of the path and of how many requests came before.
struct Told {
    answer: fn(&str, usize) -> Answer,
    /// Paths that were asked for, and pauses.
    log: Mutex<Vec<String>>,
    /// Told when a request for `/stop` comes.
    stop: watch::Sender<bool>,
}

impl Target for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn skip(&self, _: &Scenario) -> Option<String> {
        None
    }

    fn prepare<'a>(
        &'a self,
        _: &'a Case,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Session + 'a>, NotPrepared>> {
        Box::pin(ready(Ok(Box::new(ToldSession(self)) as Box<dyn Session>)))
    }
}

struct ToldSession<'a>(&'a Told);

impl Session for ToldSession<'_> {
    fn scope(&self) -> Scope {
        let password = Secret::new("correct horse".to_owned());
        let person = Person {
            email: "a@b.example".to_owned(),
            password,
            id: "1".to_owned(),
            phone_number: "+15550000000".to_owned(),
            otp_secret: None,
        };
        let client = Credentials { id: "app".to_owned(), secret: None, assertion: None };
        let people = BTreeMap::from([("user".to_owned(), person)]);
        Scope::new(Place::new("t.example".to_owned()), client, BTreeMap::new(), people)
    }

    fn send<'a>(
        &'a mut self,
        request: Request,
        _: Intent<'a>,
        _: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>> {
        let Told { answer, log, stop } = self.0;
        let mut log = log.lock().expect("nothing panicked");
        if request.path == "/stop" {
            stop.send_replace(true);
        }
        let answer = answer(&request.path, log.len());
        log.push(request.path.clone());
        let exchange = |status| Exchange {
            request,
            response: Response { status, ..Response::default() },
            elapsed: Duration::ZERO,
        };
        Box::pin(ready(answer.map(exchange)))
    }

    fn code<'a>(&'a mut self, _: Channel, _: &'a str) -> BoxFuture<'a, Result<String, NoCode>> {
        Box::pin(ready(Err(NoCode::NoDigits)))
    }

    fn client_assertion<'a>(
        &'a mut self,
        _: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>> {
        Box::pin(ready(Err(NoAssertion)))
    }

    fn answer_push<'a>(
        &'a mut self,
        _: &'a str,
        _: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>> {
        Box::pin(ready(Err(NoPush)))
    }

    fn advance(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.log.lock().expect("nothing panicked").push(format!("{} s", duration.as_secs()));
        Box::pin(ready(()))
    }
}

/// Runs scenarios one after the other, each a list of steps, and gives the verdicts' words, the counts and the log.
fn run(
    scenarios: &[&str],
    answer: fn(&str, usize) -> Answer,
    adjust: impl FnOnce(&mut Options),
) -> (Vec<CaseFinished>, Summary, Vec<String>) {
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let (stop, interrupt) = watch::channel(false);
    let target = Told { answer, log: Mutex::default(), stop };
    let store = Store::new("nowhere".into());
    let mut options = Options {
        jobs: 1,
        retries: 0,
        max_fail: None,
        no_skip: false,
        part: plan::Part::default(),
        seed: 1,
        store,
        update: Update::No,
    };
    adjust(&mut options);
    let mut cases = Vec::new();
    for (index, steps) in scenarios.iter().enumerate() {
        let source = sources.add("a.yaml", format!("title: t\n{steps}"));
        let parsed = scenario::parse(&index.to_string(), source, &sources, &mut problems);
        cases.extend(parsed.into_iter().map(|scenario| {
            let text = options.store.read(&scenario.id).expect("a snapshot, or none");
            let path = options.store.recorded_path(&scenario.id).display().to_string();
            let recorded = text.map(|text| Recorded { path: path.into(), text: text.into() });
            (Arc::new(scenario), recorded)
        }));
    }
    assert_eq!(problems, []);
    let mut finished = Vec::new();
    let mut emit = |event| {
        if let Event::CaseFinished(case) = event {
            finished.push(*case);
        }
    };
    let cases = plan::build(cases, 1, &|_| None);
    let execution = run::execute(cases, &target, &options, interrupt, &mut emit);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let summary = runtime.block_on(execution);
    (finished, summary, target.log.into_inner().expect("nothing panicked"))
}

const OK: fn(&str, usize) -> Answer = |_, _| Ok(200);
const AS_IS: fn(&mut Options) = |_| {};

/// A step that sends, expects 200, and is not part of a snapshot.
fn step(path: &str) -> String {
    format!(
        "- request: {{method: GET, path: {path}}}\n  expect: {{status: 200}}\n  snapshot: false\n"
    )
}

#[test]
fn a_stopped_run_ends_with_clean_up() {
    let stopped = format!("steps:\n{}{}cleanup:\n{}", step("/stop"), step("/b"), step("/undo"));
    let other = format!("steps:\n{}", step("/c"));
    let (finished, summary, log) = run(&[&stopped, &other], OK, AS_IS);
    assert_eq!(log, ["/stop", "/undo"]);
    let reason = "the run was stopped in its step 2".to_owned();
    assert_eq!(finished[0].verdict, Verdict::Skipped(reason));
    assert_eq!((summary.skipped, summary.not_run, summary.interrupted), (1, 1, true));
}

#[test]
fn clean_up_follows_a_failure_and_leaves_out_what_was_never_made() {
    let uncaptured = "- remove: {authenticator_id: \"{{ authenticators[0].id }}\", bearer: x}\n";
    let steps = format!(
        "steps:\n{}- list: {{bearer: x}}\n  snapshot: false\ncleanup:\n{uncaptured}{}",
        step("/fails"),
        step("/undo")
    );
    let answer = |path: &str, _| Ok(if path == "/fails" { 500 } else { 200 });
    let (finished, _, log) = run(&[&steps], answer, AS_IS);
    assert_eq!(log, ["/fails", "/undo"]);
    assert_eq!(finished[0].verdict, Verdict::Failed);
    assert_eq!(finished[0].failures.len(), 1);
    // What was seen is there, whatever came of it and though no snapshot has it.
    let seen = finished[0].seen.iter().map(|seen| {
        (seen.step, seen.exchange.request.path.as_str(), seen.exchange.response.status)
    });
    assert_eq!(seen.collect::<Vec<_>>(), [(1, "/fails", 500), (4, "/undo", 200)]);
    assert_eq!(finished[0].failures[0].exchange.as_ref(), Some(&finished[0].seen[0].exchange));
}

#[test]
fn a_target_that_is_gone_is_an_error_and_stops_no_other_case() {
    let answer = |path: &str, _| match path {
        "/gone" => Err(SendError::Unreachable("connection refused".to_owned())),
        "/slow" => Err(SendError::TimedOut(Duration::from_secs(10))),
        _ => Ok(200),
    };
    let steps = ["/gone", "/slow", "/ok"].map(|path| format!("steps:\n{}", step(path)));
    let (finished, summary, _) = run(&[&steps[0], &steps[1], &steps[2]], answer, AS_IS);
    let verdicts: Vec<_> = finished.iter().map(|case| case.verdict.word()).collect();
    assert_eq!(verdicts, ["errored", "errored", "passed"]);
    assert!(summary.unreachable);
}

#[test]
fn a_step_is_repeated_until_it_holds_or_time_is_up() {
    let until = |limit| {
        let step = step("/poll");
        format!("steps:\n{step}  until: {{every: 2s, timeout: {limit}}}\n")
    };
    // The log has a pause between any two requests.
    let answer = |_: &str, before| Ok(if before < 4 { 400 } else { 200 });
    let (finished, _, log) = run(&[&until("1h")], answer, AS_IS);
    assert_eq!(log, ["/poll", "2 s", "/poll", "2 s", "/poll"]);
    assert_eq!(finished[0].verdict, Verdict::Passed);
    let (finished, _, log) = run(&[&until("3s")], |_, _| Ok(400), AS_IS);
    assert_eq!(log, ["/poll", "2 s", "/poll", "2 s", "/poll"]);
    let messages = finished[0].failures[0].diagnostics.iter().map(|found| found.message.as_str());
    let expected = ["status is not what is expected", "this did not hold within 3 s"];
    assert_eq!(messages.collect::<Vec<_>>(), expected);
}

#[test]
fn what_passes_on_a_retry_is_flaky() {
    let steps = format!("steps:\n{}", step("/a"));
    let answer = |_: &str, before| Ok(if before == 0 { 500 } else { 200 });
    let (finished, summary, log) = run(&[&steps], answer, |options| options.retries = 3);
    assert_eq!((finished[0].verdict.clone(), finished[0].attempts), (Verdict::Flaky, 2));
    assert_eq!((summary.flaky, log.len()), (1, 2));
    let (finished, _, log) = run(&[&steps], |_, _| Ok(500), |options| options.retries = 3);
    assert_eq!((finished[0].verdict.clone(), log.len()), (Verdict::Failed, 4));
}

#[test]
fn nothing_is_begun_after_a_failure_if_so_wished() {
    let steps = ["/fails", "/b", "/c"].map(|path| format!("steps:\n{}", step(path)));
    let answer = |path: &str, _| Ok(if path == "/fails" { 500 } else { 200 });
    let steps = [steps[0].as_str(), &steps[1], &steps[2]];
    let (_, summary, log) = run(&steps, answer, |options| options.max_fail = Some(1));
    assert_eq!((summary.failed, summary.not_run, log.len()), (1, 2, 1));
}

#[test]
fn what_keeps_a_step_from_being_judged_is_told_without_addresses() {
    let answer = |_: &str, _| {
        let why = "for a@b.example and YUBiLmV4YW1wbGU= not, for another@c.example neither";
        Err(SendError::Unreachable(why.to_owned()))
    };
    let (finished, ..) = run(&[&format!("steps:\n{}", step("/a"))], answer, AS_IS);
    let message = &finished[0].failures[0].diagnostics[0].message;
    let told = "for [email#1] and [email#1]= not, for [email#2] neither";
    assert!(message.ends_with(told), "{message}");
}

/// A scenario whose one answer is in its snapshot.
const KEPT: &str = "steps:\n- request: {method: GET, path: /a}\n";

/// Runs [`KEPT`], whose id is `0`, on a tenant named `told` that answers 403 where the snapshot of all targets says 200.
fn differing(folder: &Path, exceptions: &[&str], update: Update) -> CaseFinished {
    let of_all = Store::new(folder.to_owned());
    if of_all.read("0").expect("it can be read").is_none() {
        run(&[KEPT], OK, |options| {
            options.store = of_all.clone();
            options.update = Update::Always;
        });
    }
    let exceptions = exceptions.iter().map(ToString::to_string);
    let (mut finished, ..) = run(
        &[KEPT],
        |_, _| Ok(403),
        |options| {
            options.store = of_all.of("told", exceptions);
            options.update = update;
            options.retries = 1;
        },
    );
    finished.remove(0)
}

/// The case as a person sees it.
fn shown(finished: &CaseFinished) -> String {
    let mut text = Vec::new();
    let mut sources = Sources::default();
    sources.add("a.yaml", "");
    let mut report = Human::new(&mut text, Style::default());
    for event in
        [Event::CaseFinished(Box::new(finished.clone())), Event::RunFinished(Summary::default())]
    {
        let line = Line::of(event, &sources, Style::default());
        report.line(&line).expect("memory can be written");
    }
    drop(report);
    String::from_utf8(text).expect("a text")
}

fn read(folder: &Path, path: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "what was written is read")]
    std::fs::read_to_string(folder.join(path)).ok()
}

#[test]
fn what_only_a_tenant_does_never_becomes_the_snapshot_of_all() {
    let folder = tempfile::tempdir().expect("a folder");
    for update in [Update::No, Update::New, Update::Always] {
        let finished = differing(folder.path(), &[], update);
        assert_eq!(finished.verdict, Verdict::Failed, "{update:?}");
        let shown = shown(&finished);
        for line in ["  or it is a property of told: give that target", "    exceptions: {\"0\": "]
        {
            assert!(shown.contains(line), "{shown}");
        }
        let difference = finished.difference.expect("a difference");
        assert_eq!(difference.property_of.as_deref(), Some("told"));
        assert_eq!(difference.pending.is_some(), update != Update::No);
        let kept = read(folder.path(), "0.snap").expect("a snapshot");
        assert!(kept.contains("status: 200"), "{kept}");
    }
    let pending = read(folder.path(), "0.snap.new").expect("a pending snapshot");
    assert!(pending.contains("status: 403"), "{pending}");
}

#[test]
fn an_exception_is_recorded_apart_and_then_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    differing(folder.path(), &[], Update::Always);
    let finished = differing(folder.path(), &["0"], Update::New);
    assert_eq!(finished.verdict, Verdict::Failed);
    let difference = finished.difference.expect("a difference");
    assert!(difference.property_of.is_none() && difference.path.ends_with("/0.snap"));
    assert!(difference.pending.is_some_and(|path| path.ends_with("/@told/0.snap.new")));
    assert_eq!(read(folder.path(), "0.snap.new"), None);
    assert_eq!(differing(folder.path(), &["0"], Update::Always).verdict, Verdict::Passed);
    assert_eq!(read(folder.path(), "@told/0.snap.new"), None);
    let own = read(folder.path(), "@told/0.snap").expect("a snapshot");
    assert!(own.contains("status: 403"), "{own}");
    assert!(read(folder.path(), "0.snap").expect("a snapshot").contains("status: 200"));
    let finished = differing(folder.path(), &["0"], Update::No);
    assert_eq!((finished.verdict, finished.needless_exception), (Verdict::Passed, false));
}

#[test]
fn an_exception_that_no_longer_applies_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    differing(folder.path(), &["0"], Update::Always);
    let of_all = Store::new(folder.path().to_owned());
    let (finished, ..) = run(&[KEPT], OK, |options| {
        options.store = of_all.of("told", ["0".to_owned()]);
        options.update = Update::Always;
    });
    assert_eq!((&finished[0].verdict, finished[0].needless_exception), (&Verdict::Passed, true));
    assert!(read(folder.path(), "@told/0.snap").expect("a snapshot").contains("status: 403"));
}
