//! Where a run is sent: an emulated tenant in the same process, or a recording.

mod assertion;
mod emulated;
mod policy;
mod provision;
mod replay;
pub mod tenant;

use std::{io, time::Duration};

use futures_util::future::BoxFuture;
use thiserror::Error;

pub use emulated::Emulated;
pub use policy::served_faults;
pub use provision::{Provisioned, provision};
pub use replay::Replay;
pub use tenant::Tenant;

use crate::{
    codes::NoCode,
    exchange::{Exchange, Request, Retry},
    plan::Case,
    scenario::{Channel, PushAnswer, Scenario},
    snapshot::{Corrupt, Redactor},
    step::Scope,
};

/// Something that scenarios can be run against.
pub trait Target: Sync {
    /// Its name, as `--target` has it.
    fn name(&self) -> &str;

    /// Why it cannot run this scenario, if it cannot.
    fn skip(&self, scenario: &Scenario) -> Option<String>;

    /// What scenarios that are best run one after another have in common: between others the target has to be changed.
    fn batch(&self, _: &Scenario) -> String {
        String::new()
    }

    /// Whether it cannot be reached, however often that was tried: no other scenario need try.
    fn is_gone(&self) -> bool {
        false
    }

    /// Makes a tenant with users as the case's scenario wants them. `seed` decides what is made up.
    fn prepare<'a>(
        &'a self,
        case: &'a Case,
        seed: u64,
    ) -> BoxFuture<'a, Result<Box<dyn Session + 'a>, NotPrepared>>;
}

/// A target that is prepared for one scenario.
pub trait Session: Send {
    /// What the scenario knows before its first step.
    fn scope(&self) -> Scope;

    /// Whether responses are played back, so that labels stand in them for values.
    fn is_replay(&self) -> bool {
        false
    }

    /// Sends a request; not later than the target's time limit there is an answer or an error.
    fn send<'a>(
        &'a mut self,
        request: Request,
        intent: Intent<'a>,
        redactor: &'a mut Redactor,
    ) -> BoxFuture<'a, Result<Exchange, SendError>>;

    /// The one-time code that the request before has had sent to the user. `source` is where to find it: the user's
    /// address or number, or for `otp` the secret of the app that makes it, of which no code is given twice.
    fn code<'a>(
        &'a mut self,
        channel: Channel,
        source: &'a str,
    ) -> BoxFuture<'a, Result<String, NoCode>>;

    /// A new assertion of the application with this id, signed with its private key.
    fn client_assertion<'a>(
        &'a mut self,
        client_id: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAssertion>>;

    /// Answers the newest push that waits for the user with this id, as the user would on the device.
    fn answer_push<'a>(
        &'a mut self,
        user_id: &'a str,
        answer: PushAnswer,
    ) -> BoxFuture<'a, Result<(), NoPush>>;

    /// Lets time pass.
    fn advance(&mut self, duration: Duration) -> BoxFuture<'_, ()>;

    /// Removes what was made for the scenario. What was done again since the beginning is told.
    #[must_use]
    fn finish<'a>(self: Box<Self>) -> BoxFuture<'a, Vec<Retry>>
    where
        Self: 'a,
    {
        Box::pin(std::future::ready(Vec::new()))
    }
}

/// What a scenario means by a request.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    /// The name of the user who acts.
    pub actor: &'a str,
    /// The statuses that it is about, whatever else an answer with one of them may mean.
    pub accepts: &'a [u16],
}

/// That a target could not be prepared.
#[derive(Debug)]
pub struct NotPrepared {
    /// Why.
    pub error: PrepareError,
    /// What was done again before that.
    pub retries: Vec<Retry>,
}

impl From<PrepareError> for NotPrepared {
    fn from(error: PrepareError) -> Self {
        Self { error, retries: Vec::new() }
    }
}

/// Why a target could not be prepared.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// No server could be started for an emulated tenant.
    #[error("no server could be started on loopback: {0}")]
    NoServer(#[source] io::Error),
    /// A tenant cannot be reached.
    #[error("{0}")]
    Unreachable(String),
    /// A tenant does not do what has to be done first.
    #[error("{0}")]
    Refused(String),
    /// What was asked of a tenant may have been done, and its answer was lost.
    #[error("the tenant's answer was lost: {0}")]
    Lost(String),
    /// What has to be remembered of a tenant cannot be written to the disk.
    #[error("the journal cannot be written: {0}")]
    Journal(#[source] io::Error),
    /// There is no recording.
    #[error("there is no snapshot to play back")]
    NoRecording,
    /// The recording cannot be read.
    #[error("the snapshot {path} is corrupt: {corrupt}")]
    CorruptRecording {
        /// The path of the snapshot.
        path: String,
        /// What is wrong with it.
        #[source]
        corrupt: Corrupt,
    },
}

/// Why a push cannot be answered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no push waits for this user's answer")]
pub struct NoPush;

/// Why there is no assertion.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the application has no private key to sign an assertion with")]
pub struct NoAssertion;

/// Why there is no response.
#[derive(Debug, Error)]
pub enum SendError {
    /// The request could not be written as HTTP.
    #[error("the request is not valid HTTP: {0}")]
    Invalid(String),
    /// What the request has sent could not be read.
    #[error("{0}")]
    NoInbox(#[source] NoCode),
    /// No connection, or it broke.
    #[error("the tenant could not be reached: {0}")]
    Unreachable(String),
    /// The time limit is over.
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// No answer came, and the request may have had its effect: only the whole scenario can be tried again.
    #[error("the answer was lost, and what was asked for may have been done: {0}")]
    Lost(String),
    /// The recording ends before this request.
    #[error("the recording has no further request")]
    RecordingEnded,
    /// The recording has another request here.
    #[error("the request differs from the one that was recorded")]
    DiffersFromRecording {
        /// The recorded request, as YAML.
        recorded: String,
        /// This request, as YAML.
        sent: String,
    },
}
