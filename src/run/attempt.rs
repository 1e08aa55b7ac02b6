//! One attempt at a scenario: its steps in order, up to the first that fails, and then its clean-up.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use tokio::sync::watch;

use crate::{
    codes::NoCode,
    event::{Failure, SeenStep},
    exchange::{Exchange, Request, Retry},
    expect::{self, Context, Judgement, Mismatch, Replayed, Side},
    plan::Case,
    scenario::{
        Action, Channel, DEFAULT_USER, Draft, Expect, Pattern, PushAnswer, Scenario, Step, Until,
    },
    secret::Kind,
    snapshot::{
        RecordedStep, Redactor,
        redact::{RESPONSE_HEADERS, is_label},
    },
    source::Diagnostic,
    step::{self, Scope},
    target::{Intent, NotPrepared, PrepareError, SendError, Session, Target},
};

/// How an attempt ended.
#[derive(Default)]
pub(super) struct Attempt {
    /// What is wrong.
    pub(super) failures: Vec<Failure>,
    /// Whether something kept the run from judging.
    pub(super) errored: bool,
    /// Whether that was the target or an inbox, which could not be reached.
    pub(super) unreachable: bool,
    /// Why nothing is known of what was done: all of it has to be tried again.
    pub(super) lost: Option<String>,
    /// What was done again on the way.
    pub(super) retries: Vec<Retry>,
    /// The step, from one, at which the user stopped it.
    pub(super) stopped: Option<usize>,
    /// Whether that was the snapshot, which cannot be read.
    pub(super) corrupt: bool,
    /// What was seen, step by step.
    pub(super) seen: Vec<SeenStep>,
    /// How many requests were answered.
    pub(super) requests: usize,
    /// How many expectations a recording could not judge again.
    pub(super) not_judged: usize,
}

/// Makes one attempt at a case.
pub(super) async fn run(
    case: &Case,
    target: &dyn Target,
    seed: u64,
    interrupt: watch::Receiver<bool>,
) -> Attempt {
    let scenario = &*case.scenario;
    let session = match target.prepare(case, seed).await {
        Ok(session) => session,
        Err(NotPrepared { error, retries }) => {
            return Attempt { retries, ..not_prepared(scenario, &error) };
        }
    };
    let scope = session.scope();
    let mut runner = Runner {
        redactor: Redactor::new(scope.known(), literals(scenario)),
        has_limits: scenario.given.tenant.limits.are_set(),
        scope,
        session,
        exchanges: Vec::new(),
        wrong: Vec::new(),
        keys: None,
        interrupt,
        attempt: Attempt::default(),
    };
    runner.steps(scenario).await;
    runner.finish().await
}

fn not_prepared(scenario: &Scenario, error: &PrepareError) -> Attempt {
    let problem = Diagnostic::file(scenario.file.clone(), error.to_string());
    let mut attempt = Attempt::default();
    match error {
        PrepareError::NoRecording => {
            let hint = "record it: run it on another target, then `countersign accept`";
            attempt.fail("preparation", problem.hint(hint));
        }
        PrepareError::NoServer(_)
        | PrepareError::Unreachable(_)
        | PrepareError::Refused(_)
        | PrepareError::Journal(_) => {
            attempt.fail("preparation", problem);
            attempt.errored = true;
            attempt.unreachable = true;
        }
        PrepareError::Lost(reason) => {
            attempt.fail("preparation", problem);
            attempt.errored = true;
            attempt.lost = Some(reason.clone());
        }
        PrepareError::CorruptRecording { path, corrupt } => {
            attempt.fail("preparation", corrupt.diagnostic(path.clone()));
            attempt.corrupt = true;
        }
    }
    attempt
}

impl Attempt {
    /// What goes into the snapshot, if nothing failed.
    pub(super) fn recorded(&self, scenario: &Scenario) -> impl Iterator<Item = &RecordedStep> {
        let steps: Vec<_> = scenario.steps.iter().chain(&scenario.cleanup).collect();
        let is_kept = move |seen: &&SeenStep| steps[seen.step - 1].snapshot;
        self.seen.iter().filter(is_kept).map(|seen| &seen.exchange)
    }

    /// Something is wrong that is no step's fault.
    pub(super) fn fail(&mut self, title: &str, problem: Diagnostic) {
        self.failures.push(Failure {
            step: None,
            title: title.to_owned(),
            diagnostics: vec![problem],
            exchange: None,
            difference: None,
        });
    }
}

struct Runner<'a> {
    session: Box<dyn Session + 'a>,
    scope: Scope,
    redactor: Redactor,
    /// Whether the scenario says what the tenant's limits are. Else they are those of its plan, which every answer tells,
    /// and no behaviour that the scenario is about.
    has_limits: bool,
    /// What was seen, and what is wrong, by the step's place from zero: written down when everything secret is known.
    exchanges: Vec<(usize, &'a Step, Exchange)>,
    wrong: Vec<(usize, &'a Step, Wrong)>,
    /// The tenant's keys, once a `$jwt` has asked for them.
    keys: Option<JwkSet>,
    /// Becomes true when the user stops the run.
    interrupt: watch::Receiver<bool>,
    attempt: Attempt,
}

/// What is wrong with a step, before it is redacted.
struct Wrong {
    diagnostics: Vec<Diagnostic>,
    mismatches: Vec<Mismatch>,
    difference: Option<(String, String)>,
    errored: bool,
    /// Whether it is only that the user stopped the run.
    stopped: bool,
}

impl<'a> Runner<'a> {
    async fn steps(&mut self, scenario: &'a Scenario) {
        for (index, step) in scenario.steps.iter().enumerate() {
            // A request that is under way is always waited for: what it did may have to be undone.
            if *self.interrupt.borrow() {
                self.attempt.stopped = Some(index + 1);
                break;
            }
            if let Err(found) = self.step(index, step).await {
                if found.stopped {
                    self.attempt.stopped = Some(index + 1);
                } else {
                    self.wrong.push((index, step, found));
                }
                break;
            }
        }
        let is_whole = self.wrong.is_empty() && self.attempt.stopped.is_none();
        for (index, step) in scenario.cleanup.iter().enumerate() {
            // What the steps did not come to make needs no clean-up.
            if !is_whole && !self.scope.knows_all(step) {
                continue;
            }
            let index = scenario.steps.len() + index;
            if let Err(found) = self.step(index, step).await {
                self.wrong.push((index, step, found));
            }
        }
    }

    /// Writes down what was seen and what is wrong: only now is everything secret known. Then the target is tidied up.
    async fn finish(mut self) -> Attempt {
        let seen = |(index, step, exchange): &(usize, &Step, Exchange)| SeenStep {
            step: index + 1,
            span: step.span,
            exchange: self.record(step, exchange),
            elapsed: exchange.elapsed,
        };
        let seen: Vec<_> = self.exchanges.iter().map(seen).collect();
        for (index, step, found) in std::mem::take(&mut self.wrong) {
            self.attempt.errored |= found.errored;
            let failure = self.failure(index, step, found, &seen);
            self.attempt.failures.push(failure);
        }
        self.attempt.retries = self.session.finish().await;
        for retry in &mut self.attempt.retries {
            retry.what = self.redactor.text(&retry.what);
        }
        Attempt { seen, ..self.attempt }
    }

    async fn step(&mut self, index: usize, step: &'a Step) -> Result<(), Wrong> {
        let draft = match &step.action {
            Action::Advance(duration) => {
                let passed = unless_stopped(&mut self.interrupt, self.session.advance(*duration));
                return passed.await.ok_or_else(|| Wrong::stopped(step));
            }
            Action::Answer(answer) => return self.answer_push(step, *answer).await,
            Action::Send(draft) => draft,
        };
        let mut waited = Duration::ZERO;
        let (exchange, judgement) = loop {
            let (exchange, judgement) = self.exchange(step, draft).await?;
            match step.until {
                Some(Until { every, timeout })
                    if judgement.may_hold_later()
                        && waited < timeout
                        && !*self.interrupt.borrow() =>
                {
                    let passed = unless_stopped(&mut self.interrupt, self.session.advance(every));
                    passed.await.ok_or_else(|| Wrong::stopped(step))?;
                    waited += every;
                }
                _ => break (exchange, judgement),
            }
        };
        self.attempt.not_judged += judgement.not_judged;
        let mut diagnostics = judgement.problems;
        let mismatches = judgement.mismatches;
        let captured = step::capture(step, &exchange.response, &mut self.scope);
        // A capture that finds nothing is a consequence where the answer is not the expected one.
        if mismatches.is_empty() {
            diagnostics.extend(captured);
        }
        self.redactor.learn_request(&exchange.request);
        self.redactor.learn_response(&exchange.response);
        self.learn_captured(step, &exchange);
        self.exchanges.push((index, step, exchange));
        if diagnostics.is_empty() && mismatches.is_empty() {
            return Ok(());
        }
        if let Some(until) = step.until {
            let limit = until.timeout.as_secs_f32();
            diagnostics
                .push(Diagnostic::at(step.span, format!("this did not hold within {limit} s")));
        }
        Err(Wrong { diagnostics, mismatches, difference: None, errored: false, stopped: false })
    }

    /// A value that the scenario captures under the name of a secret is one, whatever the tenant calls it.
    fn learn_captured(&mut self, step: &Step, exchange: &Exchange) {
        for (name, query) in &step.capture {
            let Some(kind) = Kind::of_field(&name.value) else { continue };
            let content = exchange.response.content();
            let found = content.as_json().map(|body| step::find(query, body)).unwrap_or_default();
            if let Some(text) = found.first().and_then(|value| value.as_str()) {
                self.redactor.learn(kind, text);
            }
        }
    }

    async fn answer_push(&mut self, step: &Step, answer: PushAnswer) -> Result<(), Wrong> {
        let user = self.scope.person(&step.actor).map(|person| person.id.clone());
        let answered = self.session.answer_push(&user.unwrap_or_default(), answer).await;
        answered.map_err(|error| {
            let problem = Diagnostic::at(step.span, error.to_string());
            Wrong::error(problem.hint("enrol a device or challenge one first"))
        })
    }

    async fn exchange(
        &mut self,
        step: &Step,
        draft: &Draft,
    ) -> Result<(Exchange, Judgement), Wrong> {
        let actor = step.actor.as_str();
        if let Some(channel) = draft.fetch {
            let source = match channel {
                Channel::Otp => self.scope.otp_secret(actor).map(str::to_owned),
                Channel::Sms | Channel::Voice => {
                    self.scope.person(actor).map(|person| person.phone_number.clone())
                }
                Channel::Email | Channel::Push => {
                    self.scope.person(actor).map(|person| person.email.clone())
                }
            };
            let source = source.unwrap_or_default();
            let code = self.session.code(channel, &source);
            let code = unless_stopped(&mut self.interrupt, code).await;
            let code = code.ok_or_else(|| Wrong::stopped(step))?.map_err(|error| {
                self.attempt.unreachable |= matches!(error, NoCode::Unavailable { .. });
                let problem =
                    Diagnostic::at(step.span, format!("there is no code to send: {error}"));
                Wrong::error(problem.hint(what_to_do(&error)))
            })?;
            let kind = if channel == Channel::Otp { Kind::Otp } else { Kind::BindingCode };
            self.redactor.learn(kind, &code);
            self.scope.capture(actor, "code", code.into());
        }
        for client in &draft.assertions {
            let client = client.as_deref();
            let id = self.scope.client_id(client).unwrap_or_default().to_owned();
            let assertion = self
                .session
                .client_assertion(&id)
                .await
                .map_err(|error| Wrong::error(Diagnostic::at(step.span, error.to_string())))?;
            self.redactor.learn(Kind::ClientAssertion, &assertion);
            self.scope.assert_client(client, assertion);
        }
        let request = step::lower(draft, actor, &self.scope)
            .map_err(|problem| Wrong { errored: false, ..Wrong::error(*problem) })?;
        let accepts = step.expect.status.as_ref().map_or(&[][..], |status| &status.value.0);
        let exchange = self
            .send(request, Intent { actor, accepts })
            .await
            .map_err(|error| not_sent(step, error))?;
        self.attempt.requests += 1;
        if self.keys.is_none() && needs_keys(&step.expect) && !self.session.is_replay() {
            self.keys = self.fetch_keys().await;
        }
        let context = Context {
            scope: &self.scope,
            actor,
            keys: self.keys.as_ref(),
            replay: self
                .session
                .is_replay()
                .then_some(Replayed { is_label, headers: &RESPONSE_HEADERS }),
        };
        let judgement = expect::check(&step.expect, &exchange, context);
        Ok((exchange, judgement))
    }

    async fn send(&mut self, request: Request, intent: Intent<'_>) -> Result<Exchange, SendError> {
        let exchange = self.session.send(request, intent, &mut self.redactor).await;
        match &exchange {
            Err(SendError::Unreachable(_) | SendError::NoInbox(_)) => {
                self.attempt.unreachable = true;
            }
            Err(SendError::Lost(reason)) => self.attempt.lost = Some(reason.clone()),
            _ => {}
        }
        exchange
    }

    /// What signs the tenant's tokens; nothing if it does not say.
    async fn fetch_keys(&mut self) -> Option<JwkSet> {
        let request = Request::new("GET", "/.well-known/jwks.json");
        let exchange =
            self.send(request, Intent { actor: DEFAULT_USER, accepts: &[] }).await.ok()?;
        serde_json::from_slice(&exchange.response.body).ok()
    }

    fn record(&self, step: &Step, exchange: &Exchange) -> RecordedStep {
        let mut response = self.redactor.response(&exchange.response);
        if !self.has_limits && response.status != 429 {
            response.headers.remove("x-ratelimit-limit");
        }
        RecordedStep {
            step: step.title().to_owned(),
            actor: (step.actor != DEFAULT_USER).then(|| step.actor.clone()),
            request: self.redactor.request(&exchange.request),
            response,
        }
    }

    fn failure(&mut self, index: usize, step: &Step, wrong: Wrong, seen: &[SeenStep]) -> Failure {
        let exchange = seen.iter().find(|seen| seen.step == index + 1);
        let diagnostics = wrong.diagnostics.into_iter();
        let diagnostics: Vec<_> = diagnostics.map(|problem| self.redacted(problem)).collect();
        let mismatches = wrong.mismatches.iter().map(|mismatch| {
            Diagnostic::at(mismatch.span, format!("{} is not what is expected", mismatch.subject))
                .expected(self.show(&mismatch.expected))
                .found(self.show(&mismatch.found))
        });
        Failure {
            step: Some(index + 1),
            title: step.title().to_owned(),
            diagnostics: mismatches.chain(diagnostics).collect(),
            exchange: exchange.map(|seen| seen.exchange.clone()),
            difference: wrong.difference,
        }
    }

    /// A problem without what it says of values: of a mailbox, say, whose messages it counts.
    fn redacted(&mut self, problem: Diagnostic) -> Diagnostic {
        let mut redacted = |text: String| {
            self.redactor.learn_text(&text);
            self.redactor.text(&text)
        };
        Diagnostic {
            message: redacted(problem.message),
            expected: problem.expected.map(&mut redacted),
            found: problem.found.map(&mut redacted),
            hint: problem.hint.map(&mut redacted),
            ..problem
        }
    }

    /// One side of a mismatch, redacted.
    fn show(&self, side: &Side) -> String {
        match side {
            Side::Words(words) => self.redactor.text(words),
            Side::Value(value) => {
                let text = self.redactor.value(value).to_string();
                if text.chars().count() <= LONGEST_SHOWN {
                    return text;
                }
                text.chars().take(LONGEST_SHOWN).chain(" ...".chars()).collect()
            }
        }
    }
}

/// Longer values are cut beside a caret; the exchange has them whole.
const LONGEST_SHOWN: usize = 160;

impl Wrong {
    fn error(problem: Diagnostic) -> Self {
        Self {
            diagnostics: vec![problem],
            mismatches: Vec::new(),
            difference: None,
            errored: true,
            stopped: false,
        }
    }

    fn stopped(step: &Step) -> Self {
        Self { stopped: true, ..Self::error(Diagnostic::at(step.span, "the run was stopped")) }
    }
}

/// What comes of it, unless the user stops the run first.
async fn unless_stopped<T>(
    interrupt: &mut watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let stopped = async {
        if interrupt.wait_for(|stopped| *stopped).await.is_err() {
            // Nobody is left who could stop it.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = stopped => None,
    }
}

fn not_sent(step: &Step, error: SendError) -> Wrong {
    let problem = Diagnostic::at(step.span, error.to_string());
    match error {
        SendError::DiffersFromRecording { recorded, sent } => Wrong {
            difference: Some((recorded, sent)),
            errored: false,
            ..Wrong::error(problem.hint("if that is meant, record the scenario anew"))
        },
        SendError::RecordingEnded => Wrong {
            errored: false,
            ..Wrong::error(problem.hint("the scenario has more steps now: record it anew"))
        },
        SendError::NoInbox(error) => Wrong::error(problem.hint(what_to_do(&error))),
        SendError::Invalid(_)
        | SendError::Unreachable(_)
        | SendError::TimedOut(_)
        | SendError::Lost(_) => Wrong::error(problem),
    }
}

/// What a person can do about a code that is not there.
const fn what_to_do(error: &NoCode) -> &'static str {
    match error {
        NoCode::Unavailable { .. } => {
            "`codes` of the target, in countersign.yaml, says where it is and who reads it"
        }
        NoCode::NotCome(_) => {
            "see whether the tenant sends mail at all; `timeout` in `codes` is how long it may take"
        }
        _ => "give one with `code`, or ask for one first",
    }
}

fn needs_keys(expect: &Expect) -> bool {
    let bodies = expect.body.iter().chain(&expect.body_exact);
    let queried = expect.jsonpath.iter().map(|(_, pattern)| pattern);
    bodies.chain(queried).any(Pattern::has_jwt)
}

/// Texts that the scenario sends in clear, which are no secrets.
fn literals(scenario: &Scenario) -> Vec<String> {
    let mut literals = Vec::new();
    for step in scenario.steps.iter().chain(&scenario.cleanup) {
        if let Action::Send(draft) = &step.action {
            draft.literals(&mut |text| literals.push(text.to_owned()));
        }
    }
    literals
}

impl Judgement {
    /// Whether another answer could be the expected one: what is missing in the scenario stays missing.
    fn may_hold_later(&self) -> bool {
        !self.mismatches.is_empty() && self.problems.is_empty()
    }
}
