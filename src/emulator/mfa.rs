//! `/mfa/associate`, `/mfa/challenge`, `/mfa/authenticators`.

use serde_json::{Value, json};

use super::{
    Call, Effect, Email, Emulator, PhoneMessage, PushNotification, PushPurpose,
    action::{Demand, Demanded, FactorType},
    app::App,
    authenticator::{Authenticator, Channel, Device, Means, State},
    code,
    error::Refusal,
    issued::Issued,
    oauth::Opened,
    push::{self, Push, Waiting},
    route::{self, Credentials, Parameters},
    tenant::Factor,
    token::{self, AccessToken, Grant},
    transaction::{Challenge, Task, Transaction},
    user::User,
};
use crate::{
    address::{is_address, is_phone_number},
    clock::Timestamp,
};

impl Emulator {
    pub(super) fn associate(&mut self, call: &mut Call<'_>) -> Result<Value, Refusal> {
        let bearer = self.bearer(call, "enroll")?;
        let user = self.users.get_mut(bearer.user()).ok_or_else(Refusal::invalid_bearer)?;
        let demand = bearer.demand(&self.transactions);
        if demand.is_some_and(|demand| !demand.lets_enroll(user.is_enrolled(&self.tenant))) {
            return Err(Refusal::already_enrolled());
        }
        // A confidential client is to send its credentials [doc], but no SDK does [sdk]: the
        // bearer is enough.
        let parameters = Parameters::of(call.request);
        let factor = associated_factor(&parameters)?;
        if !self.tenant.has(factor) {
            return Err(Refusal::factor_is_off(factor.word()));
        }
        let factor_type = FactorType::of(factor);
        if demand.is_some_and(|demand| !demand.accepts(factor_type, State::Pending)) {
            return Err(Refusal::not_demanded(factor_type));
        }
        let channel = match factor {
            Factor::Otp => return self.associate_app(bearer, call),
            Factor::Push => return self.associate_device(bearer, call),
            Factor::Email => Channel::Email { address: address(&parameters, user)? },
            Factor::Sms => Channel::Sms { number: number(&parameters)? },
            Factor::Voice => Channel::Voice { number: number(&parameters)? },
            // No channel is called so.
            Factor::RecoveryCode => return Err(Refusal::invalid("oob_channels")),
        };
        let means = Means::Sent(channel.clone());
        user.count(&means, call.now)?;
        let recovery_code = user.first_recovery_code(&self.tenant, call.entropy);
        let id = user.associate(means, &self.tenant, call.entropy);
        let challenge = send_code(id, State::Pending, &channel, call);
        let oob_code = challenge.oob_code.clone();
        let mfa_token = self.confirmation(bearer);
        self.remember(&mfa_token, challenge, call.now);
        // In the order recorded [rec].
        let mut answer = json!({"authenticator_type": "oob", "binding_method": "prompt"});
        if let Some(recovery_code) = recovery_code {
            answer["recovery_codes"] = json!([recovery_code]);
        }
        answer["oob_channel"] = json!(channel.word());
        answer["oob_code"] = json!(oob_code);
        Ok(answer)
    }

    fn associate_app(&mut self, bearer: Bearer, call: &mut Call<'_>) -> Result<Value, Refusal> {
        let user = self.users.get_mut(bearer.user()).ok_or_else(Refusal::invalid_bearer)?;
        let recovery_code = user.first_recovery_code(&self.tenant, call.entropy);
        let app = App::new(call.entropy);
        let mut answer = json!({
            "authenticator_type": "otp",
            "secret": app.secret(),
            "barcode_uri": app.barcode_uri(self.tenant.name(), &user.email),
        });
        if let Some(recovery_code) = recovery_code {
            answer["recovery_codes"] = json!([recovery_code]);
        }
        let id = user.associate(Means::Made(app), &self.tenant, call.entropy);
        let mfa_token = self.confirmation(bearer);
        if let Some(transaction) = self.transactions.get_mut(&mfa_token) {
            transaction.associate_app(id);
        }
        Ok(answer)
    }

    /// Nothing is sent: the device scans the barcode.
    fn associate_device(&mut self, bearer: Bearer, call: &mut Call<'_>) -> Result<Value, Refusal> {
        let user = self.users.get_mut(bearer.user()).ok_or_else(Refusal::invalid_bearer)?;
        let recovery_code = user.first_recovery_code(&self.tenant, call.entropy);
        let device = Device::of(&user.email, call.entropy);
        let id = user.associate(Means::Asked(device), &self.tenant, call.entropy);
        let push = Push::new(PushPurpose::Enrollment, call.entropy);
        let barcode_uri = push.barcode_uri(&self.tenant, &user.email);
        let challenge = ask(id, State::Pending, push, call);
        // In the order recorded [rec]; where the recovery code stands is not [guess].
        let mut answer = json!({"authenticator_type": "oob", "barcode_uri": barcode_uri});
        if let Some(recovery_code) = recovery_code {
            answer["recovery_codes"] = json!([recovery_code]);
        }
        answer["oob_channel"] = json!("auth0");
        answer["oob_code"] = json!(challenge.oob_code);
        let mfa_token = self.confirmation(bearer);
        self.remember(&mfa_token, challenge, call.now);
        Ok(answer)
    }

    pub(super) fn challenge(&mut self, call: &mut Call<'_>) -> Result<Value, Refusal> {
        let parameters = Parameters::of(call.request);
        let mfa_token = parameters.required("mfa_token")?;
        // The client before what it holds, as at the token endpoint [guess].
        let credentials = Credentials::of(call.request, &parameters)?;
        self.authenticate(&credentials, call.now)?;
        // An access token for the MFA audience is no mfa_token here [seen].
        if !token::is_sealed(mfa_token) {
            return Err(Refusal::malformed_mfa_token());
        }
        let Opened { tenant, transaction, user } =
            self.opened(mfa_token, &credentials.id, call.now)?;
        let demand = transaction.demand();
        let mut active = user.authenticators(tenant);
        active.retain(|it| it.is_active() && demand.accepts(it.factor_type(), State::Active));
        let authenticator = choose(active, &parameters)?;
        user.count(&authenticator.means, call.now)?;
        let mut answer = json!({"challenge_type": authenticator.means.challenge_type()});
        let challenge = match authenticator.means {
            Means::Sent(channel) => {
                let challenge = send_code(authenticator.id, State::Active, &channel, call);
                answer["oob_code"] = json!(challenge.oob_code);
                answer["binding_method"] = json!("prompt");
                challenge
            }
            Means::Asked(device) => {
                let push = Push::new(PushPurpose::Challenge, call.entropy);
                call.effects.push(Effect::Push(PushNotification {
                    to: user.email.clone(),
                    device: device.name,
                    id: push.id.clone(),
                }));
                let challenge = ask(authenticator.id, State::Active, push, call);
                answer["oob_code"] = json!(challenge.oob_code);
                challenge
            }
            // Nothing is sent, and nothing is remembered: the code is accepted without it [doc].
            Means::Made(_) => return Ok(answer),
        };
        self.remember(mfa_token, challenge, call.now);
        Ok(answer)
    }

    pub(super) fn list_authenticators(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let bearer = self.bearer(call, "read:authenticators")?;
        let user = self.users.get(bearer.user()).ok_or_else(Refusal::invalid_bearer)?;
        Ok(Value::Array(user.entries(&self.tenant)))
    }

    pub(super) fn delete_authenticator(
        &mut self,
        id: &str,
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        const SCOPE: &str = "remove:authenticators";
        let bearer = self.bearer(call, SCOPE)?;
        if matches!(bearer, Bearer::MfaToken { .. }) {
            return Err(Refusal::insufficient_scope(SCOPE));
        }
        let user = self.users.get_mut(bearer.user()).ok_or_else(Refusal::invalid_bearer)?;
        // What is not listed, as while its factor is off, is as if it were not there.
        if !user.entries(&self.tenant).iter().any(|entry| entry["id"] == id) {
            return Err(Refusal::no_such_authenticator());
        }
        if user.remove(id) { Ok(()) } else { Err(Refusal::kept_authenticator()) }
    }
}

/// Who calls `/mfa/associate` or `/mfa/authenticators`.
#[derive(Clone)]
enum Bearer {
    /// From an `mfa_required` error: the password was right, no more.
    MfaToken { token: String, user: String },
    /// For the MFA audience.
    AccessToken { token: String, grant: Grant, expires: Timestamp },
}

impl Bearer {
    fn user(&self) -> &str {
        match self {
            Self::MfaToken { user, .. } => user,
            Self::AccessToken { grant, .. } => &grant.user,
        }
    }

    /// What the `mfa_token` was given out for; an access token is good for any factor.
    fn demand<'a>(&self, transactions: &'a Issued<Transaction>) -> Option<&'a Demand> {
        match self {
            Self::MfaToken { token, .. } => transactions.get(token).map(Transaction::demand),
            Self::AccessToken { .. } => None,
        }
    }
}

impl Emulator {
    /// Who calls, if they may: with an `mfa_token` that is good, or with an access token for the
    /// MFA audience that has `scope` \[doc\].
    fn bearer(&self, call: &Call<'_>, scope: &str) -> Result<Bearer, Refusal> {
        let token = route::bearer(call.request).ok_or_else(Refusal::invalid_bearer)?.to_owned();
        if token::is_sealed(&token) {
            let transaction = self.transactions.get(&token).filter(|known| !known.is_spent());
            let transaction = transaction.ok_or_else(Refusal::invalid_bearer)?;
            if transaction.is_expired(call.now) {
                return Err(Refusal::expired_mfa_token());
            }
            return Ok(Bearer::MfaToken { token, user: transaction.grant().user.clone() });
        }
        let audience = Some(self.tenant.mfa_audience());
        let known = self.access_tokens.get(&token);
        let known = known.filter(|known| call.now < known.expires);
        let AccessToken { grant, expires, .. } = known
            .filter(|known| known.grant.audience == audience)
            .cloned()
            .ok_or_else(Refusal::invalid_bearer)?;
        if !grant.scope.has(scope) {
            return Err(Refusal::insufficient_scope(scope));
        }
        Ok(Bearer::AccessToken { token, grant, expires })
    }

    /// The `mfa_token` of the transaction in which a new authenticator is to be confirmed.
    ///
    /// An access token opens one of its own, and is taken for an `mfa_token` where the code is
    /// verified; one poster says that this works, another that it does not \[guess\].
    fn confirmation(&mut self, bearer: Bearer) -> String {
        match bearer {
            Bearer::MfaToken { token, .. } => token,
            Bearer::AccessToken { token, grant, expires } => {
                if self.transactions.get(&token).is_none_or(Transaction::is_spent) {
                    self.transactions
                        .insert(&token, Transaction::open(grant, Demanded::any(), expires));
                }
                token
            }
        }
    }

    /// Notes what the user was asked.
    fn remember(&mut self, mfa_token: &str, challenge: Challenge, now: Timestamp) {
        // All wait equally long, so those that are over are the oldest.
        self.pushes.forget_while(|push| push.expires <= now);
        if let Task::Answer(push) = &challenge.task {
            let (oob_code, expires) = (challenge.oob_code.clone(), challenge.expires);
            self.pushes.insert(&push.id, Waiting { oob_code, expires });
        }
        self.oob_codes.insert(&challenge.oob_code, mfa_token.to_owned());
        if let Some(transaction) = self.transactions.get_mut(mfa_token) {
            transaction.challenge(challenge);
        }
    }
}

/// The factor that an association names.
fn associated_factor(parameters: &Parameters) -> Result<Factor, Refusal> {
    match parameters.first("authenticator_types")? {
        "otp" => Ok(Factor::Otp),
        "oob" => Factor::from_channel(parameters.first("oob_channels")?)
            .ok_or_else(|| Refusal::invalid("oob_channels")),
        _ => Err(Refusal::invalid("authenticator_types")),
    }
}

/// The address to enrol: the user's own if none is named \[sdk: nextjs-auth0\].
fn address(parameters: &Parameters, user: &User) -> Result<String, Refusal> {
    let address = parameters.get("email").unwrap_or(&user.email);
    if !is_address(address) {
        return Err(Refusal::invalid("email"));
    }
    Ok(address.to_owned())
}

/// The number to enrol, which must be named \[oas\].
fn number(parameters: &Parameters) -> Result<String, Refusal> {
    let number = parameters.required("phone_number")?;
    if !is_phone_number(number) {
        return Err(Refusal::invalid_phone_number());
    }
    Ok(number.to_owned())
}

/// The one of a user's active authenticators that this challenge is for.
fn choose(
    mut active: Vec<Authenticator>,
    parameters: &Parameters,
) -> Result<Authenticator, Refusal> {
    let id = parameters.get("authenticator_id");
    let channel = parameters.get("oob_channel");
    if let Some(id) = id {
        active.retain(|known| known.id == id);
    }
    if active.is_empty() {
        return Err(match id {
            Some(_) => Refusal::no_such_challenge(),
            None => Refusal::association_required(),
        });
    }
    // Any type, if none is named [doc].
    let types = parameters.get("challenge_type").unwrap_or("otp oob");
    active.retain(|known| types.split_whitespace().any(|it| it == known.means.challenge_type()));
    if let Some(name) = channel {
        active.retain(|known| known.means.oob_channel() == Some(name));
    }
    // Which one Auth0 chooses is not said; here it is the oldest [guess].
    active.into_iter().next().ok_or_else(|| Refusal::unsupported_challenge_type(types))
}

/// Sends a new code to an authenticator.
fn send_code(
    authenticator: String,
    state: State,
    channel: &Channel,
    call: &mut Call<'_>,
) -> Challenge {
    let expires = call.now + code::LIFETIME;
    let binding_code = code::six_digits(call.entropy);
    call.effects.push(match channel {
        Channel::Email { address } => Effect::Email(Email::with_code(address, &binding_code)),
        Channel::Sms { number } => Effect::Sms(PhoneMessage::with_code(number, &binding_code)),
        Channel::Voice { number } => Effect::Voice(PhoneMessage::with_code(number, &binding_code)),
    });
    let oob_code = token::sealed(expires, call.entropy);
    Challenge { oob_code, authenticator, state, task: Task::Tell { binding_code }, expires }
}

/// Asks the user something on a device.
fn ask(authenticator: String, state: State, push: Push, call: &mut Call<'_>) -> Challenge {
    let expires = call.now + push::LIFETIME;
    let oob_code = token::sealed(expires, call.entropy);
    Challenge { oob_code, authenticator, state, task: Task::Answer(push), expires }
}
