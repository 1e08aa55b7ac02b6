//! Actions: what a tenant asks of a login beside the password, as data.
//!
//! Auth0's are programs, run one after another once the password or the refresh token was right.
//! Here each is a condition and one call of their API. What a login still has to do is a [`Flow`],
//! which its transaction carries from one factor to the next.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{
    authenticator::{Authenticator, Channel, Means, State},
    error::Refusal,
    tenant::{Factor, Tenant},
    token::Scope,
    user::User,
};

/// A post-login Action.
#[derive(Clone, Debug)]
pub struct Action {
    /// For which logins.
    pub when: When,
    /// What it does about them.
    pub then: Then,
}

/// Which logins an Action is for: all that is named must hold, and nothing named is always.
#[derive(Clone, Debug, Default)]
pub struct When {
    /// The user's address or id.
    pub user: Option<String>,
    /// The `client_id`.
    pub client: Option<String>,
    /// A word of the scope that is asked for.
    pub scope: Option<String>,
    /// The audience that is asked for.
    pub audience: Option<String>,
}

/// What an Action does.
#[derive(Clone, Debug)]
pub enum Then {
    /// Asks for any factor at the end, unless another Action has had one proven by then \[doc\]:
    /// `api.multifactor.enable("any")`.
    Mfa,
    /// Asks at once for one of these that the user has: `api.authentication.challengeWithAny`.
    Challenge(Vec<FactorType>),
    /// Asks at once for a new one of these: `api.authentication.enrollWithAny`.
    Enroll(Vec<FactorType>),
    /// Refuses the login, for this reason: `api.access.deny`.
    Deny(String),
}

/// A kind of factor, in the words of Actions and of customised MFA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorType {
    /// A code that an app makes.
    Otp,
    /// A notification of the Guardian app.
    PushNotification,
    /// A text message or a call.
    Phone,
    /// A code that is kept for a lost device.
    RecoveryCode,
    /// A code by e-mail.
    Email,
}

impl FactorType {
    /// Every type, in the order in which the pages list them.
    pub const ALL: [Self; 5] =
        [Self::Otp, Self::PushNotification, Self::Phone, Self::RecoveryCode, Self::Email];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::PushNotification => "push-notification",
            Self::Phone => "phone",
            Self::RecoveryCode => "recovery-code",
            Self::Email => "email",
        }
    }

    /// The type of this factor.
    pub(super) const fn of(factor: Factor) -> Self {
        match factor {
            Factor::Email => Self::Email,
            Factor::Sms | Factor::Voice => Self::Phone,
            Factor::Otp => Self::Otp,
            Factor::Push => Self::PushNotification,
            Factor::RecoveryCode => Self::RecoveryCode,
        }
    }

    fn is_on(self, tenant: &Tenant) -> bool {
        tenant.factors.iter().any(|factor| Self::of(*factor) == self)
    }

    /// E-mail can be asked for as a challenge only \[doc\], and a recovery code comes along with
    /// another factor.
    const fn can_be_enrolled(self) -> bool {
        matches!(self, Self::Otp | Self::PushNotification | Self::Phone)
    }
}

impl Authenticator {
    pub(super) const fn factor_type(&self) -> FactorType {
        match &self.means {
            Means::Sent(Channel::Email { .. }) => FactorType::Email,
            Means::Sent(Channel::Sms { .. } | Channel::Voice { .. }) => FactorType::Phone,
            Means::Made(_) => FactorType::Otp,
            Means::Asked(_) => FactorType::PushNotification,
        }
    }
}

/// A login or a refresh, as Actions see it.
pub(super) struct Event<'a> {
    pub(super) occasion: Occasion,
    pub(super) user: &'a User,
    pub(super) client: &'a str,
    /// What is asked for in so many words.
    pub(super) scope: &'a Scope,
    pub(super) audience: Option<&'a str>,
}

/// Why there are to be tokens: each has its own rule for a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A password: the tenant's policy, unless Actions say otherwise.
    Login,
    /// A token for the MFA audience. Its rule holds whatever the policy \[doc\], and, but for a
    /// refusal, whatever the Actions \[guess\]: else nobody could enrol a first factor with it.
    MfaAudience,
    /// A refresh token. The login was asked already, so an Action that asks for a factor counts only
    /// where it names a scope or an audience, and the refresh does too \[guess\].
    Refresh,
}

impl When {
    fn holds(&self, event: &Event<'_>) -> bool {
        let Self { user, client, scope, audience } = self;
        user.as_ref().is_none_or(|it| event.user.is_called(it))
            && client.as_ref().is_none_or(|it| it == event.client)
            && scope.as_ref().is_none_or(|it| event.scope.has(it))
            && audience.as_ref().is_none_or(|it| Some(it.as_str()) == event.audience)
    }

    const fn names_what_is_asked_for(&self) -> bool {
        self.scope.is_some() || self.audience.is_some()
    }
}

impl Action {
    fn is_for(&self, event: &Event<'_>) -> bool {
        let asks = !matches!(self.then, Then::Deny(_));
        let counts = match event.occasion {
            Occasion::Login => true,
            Occasion::MfaAudience => !asks,
            Occasion::Refresh => !asks || self.when.names_what_is_asked_for(),
        };
        counts && self.when.holds(event)
    }
}

/// What a login still has to go through.
#[derive(Clone, Debug, Default)]
pub(super) struct Flow {
    /// What the Actions that are for it have yet to say.
    rest: VecDeque<Then>,
    /// Whether any factor is to be asked for at the end.
    any: bool,
    /// What was proven in this transaction.
    proven: Vec<FactorType>,
    /// How many factors Actions have named.
    calls: usize,
}

/// More of these calls in one login are an error \[doc\].
const MOST_CALLS: usize = 4;

impl Flow {
    /// What the tenant's Actions say of this, after which `guarded` asks for any factor.
    pub(super) fn of(tenant: &Tenant, event: &Event<'_>, guarded: bool) -> Self {
        let actions = tenant.actions.iter().filter(|action| action.is_for(event));
        let rest = actions.map(|action| action.then.clone()).collect();
        Self { rest, any: guarded, ..Self::default() }
    }

    /// Notes what was proven.
    pub(super) fn prove(&mut self, proven: FactorType) {
        self.proven.push(proven);
    }

    /// Goes on to what is demanded next: nothing, where there may be tokens.
    pub(super) fn advance(
        mut self,
        tenant: &Tenant,
        user: &User,
    ) -> Result<Option<Demanded>, Refusal> {
        while let Some(then) = self.rest.pop_front() {
            let active = user.factor_types(tenant);
            let demand = match then {
                Then::Deny(reason) => return Err(Refusal::denied(&reason)),
                Then::Mfa => {
                    self.any = true;
                    continue;
                }
                // What is not on or not enrolled is ignored [doc].
                Then::Challenge(mut types) => {
                    types.retain(|it| it.is_on(tenant) && active.contains(it));
                    Demand::Challenge(types)
                }
                // What is not on or enrolled already is ignored [doc].
                Then::Enroll(mut types) => {
                    types.retain(|it| {
                        it.can_be_enrolled() && it.is_on(tenant) && !active.contains(it)
                    });
                    Demand::Enroll(types)
                }
            };
            self.calls += 1;
            let (Demand::Challenge(types) | Demand::Enroll(types)) = &demand else { continue };
            // A page about enrolments says that the login goes on without any; the reference, that
            // it fails [doc].
            if types.is_empty() || self.calls > MOST_CALLS {
                return Err(Refusal::no_factor_left());
            }
            if let Some(demand) = demand.without(&self.proven) {
                return Ok(Some(Demanded { demand, flow: self }));
            }
        }
        // A factor that an Action has had proven is enough [doc].
        if std::mem::take(&mut self.any) && self.proven.is_empty() {
            return Ok(Some(Demanded { demand: Demand::Any, flow: self }));
        }
        Ok(None)
    }
}

/// What is demanded, and what comes after it.
#[derive(Clone, Debug)]
pub(super) struct Demanded {
    pub(super) demand: Demand,
    pub(super) flow: Flow,
}

impl Demanded {
    /// Any factor, and then the tokens.
    pub(super) fn any() -> Self {
        Self { demand: Demand::Any, flow: Flow::default() }
    }
}

/// The second factor that there have to be tokens for.
#[derive(Clone, Debug)]
pub(super) enum Demand {
    /// One that the user has, or a first one.
    Any,
    /// One of these, which the user has.
    Challenge(Vec<FactorType>),
    /// One of these, which the user does not have yet.
    Enroll(Vec<FactorType>),
}

impl Demand {
    /// Whether a factor proves what is demanded, in the state that it was in before.
    ///
    /// What a tenant answers to another factor is not said: here it is refused as if the user did
    /// not have it \[guess\].
    pub(super) fn accepts(&self, factor: FactorType, state: State) -> bool {
        match self {
            Self::Any => true,
            Self::Challenge(types) => state == State::Active && types.contains(&factor),
            Self::Enroll(types) => state == State::Pending && types.contains(&factor),
        }
    }

    /// Whether a factor may be associated now: the first one, unless another is demanded
    /// \[guess\].
    pub(super) const fn lets_enroll(&self, is_enrolled: bool) -> bool {
        match self {
            Self::Any => !is_enrolled,
            Self::Challenge(_) => false,
            Self::Enroll(_) => true,
        }
    }

    /// What of it is not proven yet: a factor is not asked for twice in a transaction \[doc\], and
    /// where no other is left, the demand is met \[guess\].
    fn without(self, proven: &[FactorType]) -> Option<Self> {
        let rest = |mut types: Vec<FactorType>| {
            types.retain(|it| !proven.contains(it));
            (!types.is_empty()).then_some(types)
        };
        match self {
            Self::Any => Some(self),
            Self::Challenge(types) => rest(types).map(Self::Challenge),
            Self::Enroll(types) => rest(types).map(Self::Enroll),
        }
    }

    /// The `mfa_requirements` \[doc\]. A verified address that is listed by itself can be
    /// challenged, so its user is not asked to enrol \[guess\].
    pub(super) fn requirements(&self, tenant: &Tenant, user: &User) -> Value {
        let active = user.factor_types(tenant);
        let of = |has: &dyn Fn(FactorType) -> bool| -> Value {
            let types = FactorType::ALL.into_iter().filter(|it| has(*it));
            types.map(|it| json!({"type": it.word()})).collect()
        };
        match self {
            Self::Challenge(types) => json!({"challenge": of(&|it| types.contains(&it))}),
            Self::Enroll(types) => json!({"enroll": of(&|it| types.contains(&it))}),
            Self::Any if active.is_empty() => {
                json!({"enroll": of(&|it| it.can_be_enrolled() && it.is_on(tenant))})
            }
            Self::Any => json!({"challenge": of(&|it| active.contains(&it))}),
        }
    }
}
