//! A login that waits for its second factor.

use std::time::Duration;

use super::{error::Refusal, token::Grant};
use crate::clock::Timestamp;

/// How long an `mfa_token` can be used \[doc, by way of the MFA audience; seen\].
pub(super) const LIFETIME: Duration = Duration::from_mins(10);

/// What an `mfa_token` stands for.
#[derive(Clone)]
pub(super) struct Transaction {
    grant: Grant,
    expires: Timestamp,
    state: State,
}

#[derive(Clone)]
enum State {
    /// Nothing has been sent.
    Open,
    /// At least one code is on its way. All of them count, the older too: whether a second
    /// challenge ends the first is unsettled \[guess\].
    Challenged(Vec<Challenge>),
    /// It has got its tokens; its codes are forgotten with it, as a validated code cannot be used
    /// again \[doc\].
    Spent,
}

/// A code that was sent.
#[derive(Clone)]
pub(super) struct Challenge {
    /// What the client holds.
    pub(super) oob_code: String,
    /// What the user was sent.
    pub(super) binding_code: String,
    /// The id of the authenticator that it was sent to.
    pub(super) authenticator: String,
    /// When it is too late.
    pub(super) expires: Timestamp,
}

impl Transaction {
    pub(super) const fn open(grant: Grant, expires: Timestamp) -> Self {
        Self { grant, expires, state: State::Open }
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
        match &mut self.state {
            State::Challenged(challenges) => challenges.push(challenge),
            State::Open => self.state = State::Challenged(vec![challenge]),
            State::Spent => {}
        }
    }

    /// The challenge with this `oob_code`.
    pub(super) fn challenged(&self, oob_code: &str) -> Option<&Challenge> {
        let State::Challenged(challenges) = &self.state else { return None };
        challenges.iter().find(|challenge| challenge.oob_code == oob_code)
    }

    /// Ends it, for tokens.
    pub(super) fn spend(&mut self) -> Grant {
        self.state = State::Spent;
        self.grant.clone()
    }
}
