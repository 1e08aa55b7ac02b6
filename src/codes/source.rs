//! The places that codes come from, one for each channel that a target has set up.

use std::{collections::BTreeSet, time::Duration};

use super::{Address, App, Command, Http, Imap, NoCode, Prompt, poll};
use crate::{
    clock::{Clock, Timestamp},
    secret::Secret,
};

/// Where the codes of a channel come from. One is shared by all scenarios of a run.
pub enum CodeSource {
    /// A mailbox.
    Imap(Box<Imap>),
    /// An inbox with an HTTP API.
    Http(Box<Http>),
    /// An authenticator app.
    Totp(App),
    /// A program.
    Command(Command),
    /// A person.
    Prompt(Prompt),
    /// The same code always, as test numbers of some tenants have.
    Fixed(Secret<String>),
}

/// What a code is wanted for.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// A message to a user.
    Message(&'a Address),
    /// An authenticator app with this secret, in base32.
    App(&'a Secret<String>),
}

/// What a source had before a request that makes a message be sent. Of what is older no code is taken.
#[derive(Clone, Debug)]
pub struct Baseline {
    at: Timestamp,
    had: Had,
}

#[derive(Clone, Debug)]
enum Had {
    /// Nothing: the source makes its codes, or knows itself which are new.
    Nothing,
    Mailbox {
        /// Numbers of another validity say nothing.
        validity: Option<u32>,
        next: u32,
        messages: usize,
    },
    Ids(BTreeSet<String>),
}

impl CodeSource {
    /// Whether it is something that messages arrive in, and that can be looked into as often as one likes.
    #[must_use]
    pub const fn is_inbox(&self) -> bool {
        matches!(self, Self::Imap(_) | Self::Http(_))
    }

    /// What there is now: to be asked before the request that makes a message be sent to `wanted`. Not later than
    /// `limit` there is an answer or an error.
    pub async fn baseline(
        &self,
        wanted: Wanted<'_>,
        limit: Duration,
        clock: &(dyn Clock + Sync),
    ) -> Result<Baseline, NoCode> {
        let at = clock.now();
        match (self, wanted) {
            (Self::Imap(mailbox), Wanted::Message(_)) => mailbox.baseline(limit, at).await,
            (Self::Http(inbox), Wanted::Message(address)) => {
                inbox.baseline(address.place(), limit, at).await
            }
            _ => Ok(Baseline { at, had: Had::Nothing }),
        }
    }

    /// Whether codes can be had from it, as far as that is seen without one; of an inbox also how many messages are in it.
    /// Not later than `limit` there is an answer or an error.
    pub async fn look(
        &self,
        wanted: Wanted<'_>,
        limit: Duration,
        clock: &(dyn Clock + Sync),
    ) -> Result<Option<usize>, NoCode> {
        match self {
            Self::Imap(_) | Self::Http(_) => {
                self.baseline(wanted, limit, clock).await.map(|had| Some(had.messages()))
            }
            Self::Command(command) => command.find().map(|()| None),
            Self::Totp(_) | Self::Prompt(_) | Self::Fixed(_) => Ok(None),
        }
    }

    /// The code for `wanted` in the newest message since the baseline, as soon as it is there. Not later than `limit`
    /// there is a code or an error. Asked again with the same baseline it gives the same code, or that of a newer
    /// message; an app never gives a code twice.
    ///
    /// A message that was on its way at the baseline cannot be told from a newer one: if its code is refused, take a
    /// baseline again, and wait for the next message.
    pub async fn code(
        &self,
        wanted: Wanted<'_>,
        since: &Baseline,
        limit: Duration,
        clock: &(dyn Clock + Sync),
    ) -> Result<Secret<String>, NoCode> {
        match (self, wanted) {
            (Self::Imap(mailbox), Wanted::Message(address)) => {
                poll::wait(&**mailbox, (address.place(), since), limit, clock).await
            }
            (Self::Http(inbox), Wanted::Message(address)) => {
                poll::wait(&**inbox, (address.place(), since), limit, clock).await
            }
            (Self::Totp(app), Wanted::App(secret)) => app.code(secret, limit, clock).await,
            (Self::Command(command), wanted) => command.code(wanted, since.at, limit).await,
            (Self::Prompt(prompt), wanted) => prompt.code(wanted, limit).await,
            (Self::Fixed(code), _) => Ok(code.clone()),
            (Self::Imap(_) | Self::Http(_), Wanted::App(_)) => Err(NoCode::NotHere("an app")),
            (Self::Totp(_), Wanted::Message(_)) => Err(NoCode::NotHere("messages")),
        }
    }
}

impl Wanted<'_> {
    /// The channel, as scenarios name it.
    pub(super) const fn channel(self) -> &'static str {
        match self {
            Wanted::Message(Address::Email(_)) => "email",
            Wanted::Message(Address::Sms(_)) => "sms",
            Wanted::Message(Address::Voice(_)) => "voice",
            Wanted::App(_) => "otp",
        }
    }
}

impl Baseline {
    pub(super) const fn of_mailbox(
        at: Timestamp,
        validity: Option<u32>,
        next: u32,
        messages: usize,
    ) -> Self {
        Self { at, had: Had::Mailbox { validity, next, messages } }
    }

    pub(super) const fn of_ids(at: Timestamp, ids: BTreeSet<String>) -> Self {
        Self { at, had: Had::Ids(ids) }
    }

    /// When it was taken.
    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// The validity and the first number that is new; one of another source makes all of them new to no mailbox.
    pub(super) const fn mailbox(&self) -> (Option<u32>, u32) {
        match self.had {
            Had::Mailbox { validity, next, .. } => (validity, next),
            _ => (None, u32::MAX),
        }
    }

    /// Whether a message with this id was there.
    pub(super) fn has(&self, id: &str) -> bool {
        matches!(&self.had, Had::Ids(ids) if ids.contains(id))
    }

    /// How many messages were there.
    pub(super) fn messages(&self) -> usize {
        match &self.had {
            Had::Nothing => 0,
            Had::Mailbox { messages, .. } => *messages,
            Had::Ids(ids) => ids.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CodeSource, Wanted};
    use crate::{
        clock::RunningClock,
        codes::{Address, App, NoCode},
        secret::Secret,
    };

    fn sent<T: Send>(future: T) -> T {
        future
    }

    #[tokio::test]
    async fn each_source_has_codes_of_its_kind() {
        let (clock, limit) = (RunningClock::default(), Duration::from_secs(10));
        let address = Address::Voice("+15550000001".to_owned());
        let secret = Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
        let (message, app) = (Wanted::Message(&address), Wanted::App(&secret));
        let fixed = CodeSource::Fixed(Secret::new("000000".to_owned()));
        let totp = CodeSource::Totp(App::default());
        let since = sent(fixed.baseline(message, limit, &clock)).await.expect("a baseline");
        for wanted in [message, app] {
            let code = sent(fixed.code(wanted, &since, limit, &clock)).await;
            assert_eq!(code, Ok(Secret::new("000000".to_owned())));
        }
        let code = totp.code(app, &since, limit, &clock).await.expect("a code");
        assert_eq!(code.expose().len(), 6);
        let code = totp.code(message, &since, limit, &clock).await;
        assert_eq!(code, Err(NoCode::NotHere("messages")));
    }
}
