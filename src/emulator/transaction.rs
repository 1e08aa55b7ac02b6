//! A login that waits for its second factor.

use std::{collections::VecDeque, time::Duration};

use super::{
    action::{Demand, Demanded, Flow},
    authenticator,
    error::Refusal,
    push::Push,
    token::Grant,
};
use crate::clock::Timestamp;

/// How long an `mfa_token` can be used \[doc, by way of the MFA audience; seen\].
pub(super) const LIFETIME: Duration = Duration::from_mins(10);

/// How many challenges are remembered: no user has as many in these ten minutes, but a device can be
/// associated again and again, and nothing counts that.
const CHALLENGES: usize = 100;

/// What an `mfa_token` stands for.
#[derive(Clone)]
pub(super) struct Transaction {
    grant: Grant,
    /// What has to be proven, and what comes after it.
    demanded: Demanded,
    expires: Timestamp,
    state: State,
}

#[derive(Clone)]
enum State {
    /// It waits.
    Open {
        /// The codes on their way. All of them count, the older too: whether a second challenge
        /// ends the first is unsettled \[guess\].
        challenges: VecDeque<Challenge>,
        /// The id of the app that was associated in it last, and can be confirmed in no other
        /// \[guess\]: there is no `oob_code` that would say which association a code is for. One
        /// before it has made room for it.
        app: Option<String>,
    },
    /// It has got its tokens; its codes are forgotten with it, as a validated code cannot be used
    /// again \[doc\].
    Spent,
}

/// Something that the user was asked out of band.
#[derive(Clone)]
pub(super) struct Challenge {
    /// What the client holds.
    pub(super) oob_code: String,
    /// The id of the authenticator that it went to.
    pub(super) authenticator: String,
    /// The state that it was in then: that is what an Action's demand is about.
    pub(super) state: authenticator::State,
    /// What the user is to do.
    pub(super) task: Task,
    /// When it is too late.
    pub(super) expires: Timestamp,
}

/// What the user is to do.
#[derive(Clone)]
pub(super) enum Task {
    /// To tell the client this code, which was sent.
    Tell { binding_code: String },
    /// To answer on the device, while the client asks whether that was done.
    Answer(Push),
}

impl Transaction {
    /// One that waits for what is demanded.
    pub(super) const fn open(grant: Grant, demanded: Demanded, expires: Timestamp) -> Self {
        let state = State::Open { challenges: VecDeque::new(), app: None };
        Self { grant, demanded, expires, state }
    }

    /// What has to be proven.
    pub(super) const fn demand(&self) -> &Demand {
        &self.demanded.demand
    }

    /// What there will be tokens for.
    pub(super) const fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(super) const fn is_spent(&self) -> bool {
        matches!(self.state, State::Spent)
    }

    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    /// Whether this client can go on with it now.
    pub(super) fn check(&self, client_id: &str, now: Timestamp) -> Result<(), Refusal> {
        if self.grant.client != client_id {
            return Err(Refusal::foreign_mfa_token());
        }
        if self.is_spent() {
            return Err(Refusal::malformed_mfa_token());
        }
        if self.is_expired(now) {
            return Err(Refusal::expired_mfa_token());
        }
        Ok(())
    }

    /// Notes that a code was sent.
    pub(super) fn challenge(&mut self, challenge: Challenge) {
        if let State::Open { challenges, .. } = &mut self.state {
            if challenges.len() == CHALLENGES {
                challenges.pop_front();
            }
            challenges.push_back(challenge);
        }
    }

    /// The challenge with this `oob_code`.
    pub(super) fn challenged(&self, oob_code: &str) -> Option<&Challenge> {
        let State::Open { challenges, .. } = &self.state else { return None };
        challenges.iter().find(|challenge| challenge.oob_code == oob_code)
    }

    /// The push that this `oob_code` waits for.
    pub(super) fn push_mut(&mut self, oob_code: &str) -> Option<&mut Push> {
        let State::Open { challenges, .. } = &mut self.state else { return None };
        let mut asked = challenges.iter_mut().filter(|challenge| challenge.oob_code == oob_code);
        match &mut asked.next()?.task {
            Task::Answer(push) => Some(push),
            Task::Tell { .. } => None,
        }
    }

    /// Notes that an app was associated.
    pub(super) fn associate_app(&mut self, id: String) {
        if let State::Open { app, .. } = &mut self.state {
            *app = Some(id);
        }
    }

    /// Whether the app with this id was associated in it.
    pub(super) fn has_app(&self, id: &str) -> bool {
        matches!(&self.state, State::Open { app: Some(app), .. } if app == id)
    }

    /// Ends it, for tokens or for what is demanded next.
    pub(super) fn spend(&mut self) -> (Grant, Flow) {
        self.state = State::Spent;
        (self.grant.clone(), std::mem::take(&mut self.demanded.flow))
    }
}
