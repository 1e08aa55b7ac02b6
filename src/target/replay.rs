//! A recording: each request is answered from the scenario's snapshot, in order, without any server.
//!
//! A request is redacted as it was when the snapshot was made, and must then be the recorded one.
//! What the run itself makes up, such as a user's address, stands for its label in the responses.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Intent, NoAssertion, NoPush, NotPrepared, PrepareError, SendError, Session, Target};
use crate::{
    codes::NoCode,
    exchange::{Exchange, JSON, Request, Response},
    plan::Case,
    scenario::{Action, Channel, Client, PushAnswer, Scenario},
    secret::{Kind, Secret},
    snapshot::{RecordedStep, Redactor, Snapshot, format::to_yaml},
    step::{Credentials, Person, Place, Scope},
};

/// The snapshots of the scenarios, played back.
pub struct Replay;

impl Target for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn skip(&self, scenario: &Scenario) -> Option<String> {
        let steps = scenario.steps.iter().chain(&scenario.cleanup);
        steps
            .filter(|step| !step.snapshot && matches!(step.action, Action::Send(_)))
            .map(|step| format!("the step `{}` is not recorded (`snapshot: false`)", step.title()))
            .next()
    }

    fn prepare<'a>(
        &'a self,
        case: &'a Case,
        _: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Session + 'a>, NotPrepared>> {
        let session = ReplaySession::new(case);
        Box::pin(async move { Ok(Box::new(session?) as Box<dyn Session>) })
    }
}

struct ReplaySession<'a> {
    scenario: &'a Scenario,
    recorded: std::vec::IntoIter<RecordedStep>,
    /// The highest number of a code's label that was handed out, of codes that are sent and of those that are made.
    newest_codes: BTreeMap<Kind, usize>,
}

impl<'a> ReplaySession<'a> {
    fn new(case: &'a Case) -> Result<Self, PrepareError> {
        let recorded = case.recorded.as_ref().ok_or(PrepareError::NoRecording)?;
        let snapshot = Snapshot::parse(&recorded.text).map_err(|corrupt| {
            PrepareError::CorruptRecording { path: recorded.path.to_string(), corrupt }
        })?;
        let recorded = snapshot.steps.into_iter();
        Ok(Self { scenario: &case.scenario, recorded, newest_codes: BTreeMap::new() })
    }
}

impl Session for ReplaySession<'_> {
    /// Values that need only be distinct: each stands for the label that it had in the recorded run.
    fn scope(&self) -> Scope {
        let tenant = &self.scenario.given.tenant;
        let credentials = |name: &str, client: &Client| Credentials {
            id: client
                .id
                .as_ref()
                .map_or_else(|| format!("replayed-client-{name}"), |id| id.value.clone()),
            secret: client.has_secret().then(|| {
                let made_up = || Secret::new(format!("secret-of-{name}"));
                client.secret.clone().unwrap_or_else(made_up)
            }),
            assertion: None,
        };
        let clients = tenant.clients.iter();
        let people = self.scenario.user_names().map(|name| {
            let user = self.scenario.user(name);
            let password = user.password.clone();
            let password = password.unwrap_or_else(|| Secret::new(format!("password-of-{name}")));
            let person = Person {
                email: user
                    .email
                    .as_ref()
                    .map_or_else(|| format!("{name}@replay.test"), |email| email.value.clone()),
                password,
                id: format!("id-of-{name}"),
                phone_number: format!("number-of-{name}"),
                // The recording has the codes.
                otp_secret: None,
            };
            (name.to_owned(), person)
        });
        Scope::new(
            Place::new("tenant.replay.test".to_owned()),
            credentials("", &tenant.client),
            clients.map(|(name, client)| (name.clone(), credentials(name, client))).collect(),
            people.collect::<BTreeMap<_, _>>(),
        )
    }

    fn is_replay(&self) -> bool {
        true
    }

    fn send<'a>(
        &'a mut self,
        request: Request,
        _: Intent<'a>,
        redactor: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>> {
        let exchange = self.answer(request, redactor);
        Box::pin(async move { exchange })
    }

    /// The label of the code that the recorded run went on to send: the next request has it.
    fn code<'a>(
        &'a mut self,
        channel: Channel,
        _: &'a str,
    ) -> BoxFuture<'a, Result<String, NoCode>> {
        let kind = if channel == Channel::Otp { Kind::Otp } else { Kind::BindingCode };
        let word = kind.word();
        let next = self.recorded.as_slice().first().map(|step| to_yaml(&step.request));
        let numbers = numbers(&next.unwrap_or_default(), word);
        // A code was labelled when it was fetched: before anything else that is new in the request.
        let newest = self.newest_codes.entry(kind).or_default();
        let new = numbers.iter().filter(|number| *number > newest).min();
        let number = new.or_else(|| numbers.iter().min()).copied();
        *newest = (*newest).max(number.unwrap_or_default());
        let code = number.map(|number| format!("[{word}#{number}]"));
        Box::pin(async move { code.ok_or(NoCode::NoMessage { others: 0 }) })
    }

    /// Any that differs from those before: it stands for the label of the recorded one.
    fn client_assertion<'a>(
        &'a mut self,
        client_id: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>> {
        let assertion = format!("assertion-{}-of-{client_id}", self.recorded.len());
        Box::pin(std::future::ready(Ok(assertion)))
    }

    /// What came of the answer is recorded.
    fn answer_push<'a>(
        &'a mut self,
        _: &'a str,
        _: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn advance(&mut self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl ReplaySession<'_> {
    fn answer(&mut self, request: Request, redactor: &mut Redactor) -> Result<Exchange, SendError> {
        let recorded = self.recorded.next().ok_or(SendError::RecordingEnded)?;
        redactor.learn_request(&request);
        let sent = redactor.request(&request);
        if sent != recorded.request {
            return Err(SendError::DiffersFromRecording {
                recorded: to_yaml(&recorded.request),
                sent: to_yaml(&sent),
            });
        }
        let mut response = Response { status: recorded.response.status, ..Response::default() };
        for (name, value) in &recorded.response.headers {
            response.headers.append(name, redactor.restore(value.as_str().unwrap_or_default()));
        }
        if let Some(json) = &recorded.response.json {
            if response.headers.get("content-type").is_none() {
                response.headers.set("content-type", JSON);
            }
            response.body = Value::to_string(&redactor.restore_value(json)).into_bytes();
        } else if let Some(text) = &recorded.response.text {
            response.body = redactor.restore(text).into_bytes();
        }
        redactor.learn_response(&response);
        Ok(Exchange { request, response, elapsed: Duration::ZERO })
    }
}

/// The numbers of all labels with this word.
fn numbers(text: &str, word: &str) -> Vec<usize> {
    let start = format!("[{word}#");
    let labels = text.split(&start).skip(1);
    labels.filter_map(|rest| rest.split_once(']')?.0.parse().ok()).collect()
}
