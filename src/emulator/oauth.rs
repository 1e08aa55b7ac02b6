//! `POST /oauth/token` and `/userinfo`: what is given, and for what.

use serde_json::{Map, Value, json};

use super::{
    Call, Emulator,
    authenticator::State,
    error::Refusal,
    route::{self, Credentials, Parameters},
    tenant::{GrantType, MfaPolicy},
    token::{self, AccessToken, Grant, Scope},
    transaction::{self, Task, Transaction},
};
use crate::clock::Timestamp;

/// The default life of an access token, in seconds \[doc\].
const LIFETIME: u64 = 86_400;
/// The life of one for the MFA audience, which cannot be configured \[doc\].
const MFA_LIFETIME: u64 = 600;
/// The default life of an ID token \[doc\].
const ID_TOKEN_LIFETIME: u64 = 36_000;

impl Emulator {
    pub(super) fn token(&mut self, call: &mut Call<'_>) -> Result<Value, Refusal> {
        let parameters = Parameters::of(call.request);
        let uri = parameters.required("grant_type")?;
        let grant_type =
            GrantType::from_uri(uri).ok_or_else(|| Refusal::unsupported_grant_type(uri))?;
        let credentials = Credentials::of(call.request, &parameters)?;
        let client = self.authenticate(&credentials, call.now)?;
        if !client.grants.contains(&grant_type) {
            return Err(Refusal::grant_not_allowed(grant_type));
        }
        let client_id = &credentials.id;
        match grant_type {
            GrantType::Password => self.password(client_id, &parameters, call),
            GrantType::PasswordRealm => {
                // There is one connection, so any realm is it.
                parameters.required("realm")?;
                self.password(client_id, &parameters, call)
            }
            GrantType::MfaOob => self.out_of_band(client_id, &parameters, call),
            GrantType::MfaOtp => self.one_time_password(client_id, &parameters, call),
            GrantType::MfaRecoveryCode => self.recovery_code(client_id, &parameters, call),
            GrantType::RefreshToken => self.refresh(client_id, &parameters, call),
            GrantType::ClientCredentials => self.client_credentials(client_id, &parameters, call),
        }
    }

    pub(super) fn userinfo(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let token = route::bearer(call.request).and_then(|bearer| self.access_tokens.get(bearer));
        token
            .filter(|token| call.now < token.expires && token.grant.scope.has("openid"))
            .and_then(|token| Some(self.users.get(&token.grant.user)?.claims(&token.grant.scope)))
            .map(Value::Object)
            .ok_or_else(Refusal::invalid_access_token)
    }

    /// What an `mfa_token` stands for, if this client can go on with it now.
    pub(super) fn transaction(
        &self,
        mfa_token: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<&Transaction, Refusal> {
        let known = self.transactions.get(mfa_token).ok_or_else(Refusal::malformed_mfa_token)?;
        known.check(client_id, now)?;
        Ok(known)
    }
}

/// The grants.
impl Emulator {
    fn password(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let (name, password) = (parameters.required("username")?, parameters.required("password")?);
        let user = self.users.with_email_mut(name).ok_or_else(Refusal::wrong_password)?;
        if !user.log_in(password, call.now) {
            return Err(Refusal::wrong_password());
        }
        let audience = parameters.get("audience").map(str::to_owned);
        // The MFA audience has a rule of its own, whatever the policy [doc]: else nobody could
        // ever enrol a second factor with a token for it.
        let guarded = if audience.as_ref() == Some(&self.tenant.mfa_audience()) {
            user.guards_the_mfa_audience()
        } else {
            self.tenant.policy == MfaPolicy::Always
        };
        let grant = Grant {
            client: client_id.to_owned(),
            user: user.id.clone(),
            audience,
            scope: Scope::new(parameters.get("scope").unwrap_or_default()),
        };
        if !guarded {
            return self.issue(&grant, &grant.scope, call).map(Value::Object);
        }
        let expires = call.now + transaction::LIFETIME;
        let mfa_token = token::sealed(expires, call.entropy);
        self.transactions.insert(&mfa_token, Transaction::open(grant, expires));
        Err(Refusal::mfa_required(mfa_token))
    }

    fn out_of_band(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let mfa_token = parameters.required("mfa_token")?;
        let oob_code = parameters.required("oob_code")?;
        let transaction = self.transaction(mfa_token, client_id, call.now)?;
        let Some(challenge) = transaction.challenged(oob_code).cloned() else {
            let other = self.oob_codes.get(oob_code).and_then(|token| self.transactions.get(token));
            return Err(if other.is_some_and(|other| other.challenged(oob_code).is_some()) {
                Refusal::mismatched_oob_code()
            } else {
                Refusal::malformed_oob_code()
            });
        };
        let user_id = transaction.grant().user.clone();
        let user = self.users.get_mut(&user_id).ok_or_else(Refusal::malformed_mfa_token)?;
        // It may have been deleted, or replaced by another association, in the meantime.
        let authenticators = user.authenticators(&self.tenant);
        if !authenticators.iter().any(|known| known.id == challenge.authenticator) {
            return Err(Refusal::malformed_oob_code());
        }
        match &challenge.task {
            Task::Tell { binding_code } => {
                let told = parameters.required("binding_code")?;
                if user.failed_codes.is_empty(call.now) {
                    return Err(Refusal::too_many_failed_codes());
                }
                if challenge.expires <= call.now {
                    return Err(Refusal::expired_oob_code());
                }
                if binding_code != told {
                    user.failed_codes.take(call.now);
                    return Err(Refusal::invalid_binding_code());
                }
                user.activate(&challenge.authenticator);
            }
            Task::Answer(_) if challenge.expires <= call.now => {
                return Err(Refusal::expired_oob_code());
            }
            // A binding_code that nobody asked for is ignored.
            Task::Answer(_) => {
                let transaction = self.transactions.get_mut(mfa_token);
                let push = transaction.and_then(|transaction| transaction.push_mut(oob_code));
                push.ok_or_else(Refusal::malformed_oob_code)?.poll(call.now)?;
            }
        }
        self.complete(mfa_token, call).map(Value::Object)
    }

    /// A challenge may come before it, and need not \[doc\].
    fn one_time_password(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let mfa_token = parameters.required("mfa_token")?;
        let otp = parameters.required("otp")?;
        let transaction = self.transaction(mfa_token, client_id, call.now)?.clone();
        let user_id = &transaction.grant().user;
        let user = self.users.get_mut(user_id).ok_or_else(Refusal::malformed_mfa_token)?;
        let throttled = user.failed_codes.is_empty(call.now);
        let apps = user.apps();
        let apps: Vec<_> = apps
            .filter(|(id, state, _)| *state == State::Active || transaction.has_app(id))
            .collect();
        if apps.is_empty() {
            return Err(Refusal::no_otp());
        }
        if throttled {
            return Err(Refusal::too_many_failed_codes());
        }
        let mut accepted = apps.into_iter().filter_map(|(id, _, app)| {
            let is_right = app.accept(otp, call.now);
            is_right.then(|| id.to_owned())
        });
        let Some(id) = accepted.next() else {
            drop(accepted);
            user.failed_codes.take(call.now);
            return Err(Refusal::invalid_otp_code());
        };
        user.activate(&id);
        self.complete(mfa_token, call).map(Value::Object)
    }

    fn recovery_code(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let mfa_token = parameters.required("mfa_token")?;
        let given = parameters.required("recovery_code")?;
        let user_id = self.transaction(mfa_token, client_id, call.now)?.grant().user.clone();
        let user = self.users.get_mut(&user_id).ok_or_else(Refusal::malformed_mfa_token)?;
        let throttled = user.failed_recovery_codes.is_empty(call.now);
        let known = user.recovery_code().ok_or_else(Refusal::no_recovery_code)?;
        if throttled {
            return Err(Refusal::too_many_failed_codes());
        }
        if known.code != given {
            user.failed_recovery_codes.take(call.now);
            return Err(Refusal::rejected_recovery_code());
        }
        let replacement = known.replace(call.entropy);
        let mut tokens = self.complete(mfa_token, call)?;
        tokens.insert("recovery_code".into(), json!(replacement));
        Ok(Value::Object(tokens))
    }

    /// Each refresh token works once: the next comes with the answer.
    fn refresh(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let refresh_token = parameters.required("refresh_token")?;
        let known = self.refresh_tokens.get(refresh_token);
        let grant = known.filter(|grant| grant.client == client_id).cloned();
        let grant = grant.ok_or_else(Refusal::invalid_refresh_token)?;
        self.refresh_tokens.remove(refresh_token);
        // Words that were not granted are dropped [guess].
        let asked = Scope::new(parameters.get("scope").unwrap_or_default());
        self.issue(&grant, &grant.scope.narrowed(&asked), call).map(Value::Object)
    }
}

/// The tokens.
impl Emulator {
    /// Ends a transaction, and issues what it was for.
    fn complete(
        &mut self,
        mfa_token: &str,
        call: &mut Call<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let transaction = self.transactions.get_mut(mfa_token);
        let grant = transaction.ok_or_else(Refusal::malformed_mfa_token)?.spend();
        self.issue(&grant, &grant.scope, call)
    }

    /// Issues what `grant` allows, for `scope` of it. No token carries an `amr`: those of the MFA
    /// API do not \[doc\].
    fn issue(
        &mut self,
        grant: &Grant,
        scope: &Scope,
        call: &mut Call<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let for_mfa = grant.audience.as_ref() == Some(&self.tenant.mfa_audience());
        let lifetime = if for_mfa { MFA_LIFETIME } else { LIFETIME };
        let access_token = self.access_token(grant, scope, lifetime, call)?;
        let mut answer = Map::new();
        let expires = call.now + std::time::Duration::from_secs(lifetime);
        let issued = Grant { scope: scope.clone(), ..grant.clone() };
        self.access_tokens.insert(&access_token, AccessToken { grant: issued, expires });
        answer.insert("access_token".into(), access_token.into());
        if grant.scope.has("offline_access") {
            let refresh_token = token::refresh(call.entropy);
            self.refresh_tokens.insert(&refresh_token, grant.clone());
            answer.insert("refresh_token".into(), refresh_token.into());
        }
        if scope.has("openid") {
            answer.insert("id_token".into(), json!(self.id_token(grant, scope, call.now)?));
        }
        answer.insert("expires_in".into(), json!(lifetime));
        if !scope.is_empty() {
            answer.insert("scope".into(), json!(scope.to_string()));
        }
        answer.insert("token_type".into(), json!("Bearer"));
        Ok(answer)
    }

    /// Opaque without an audience, a JWT with one \[doc\].
    fn access_token(
        &self,
        grant: &Grant,
        scope: &Scope,
        lifetime: u64,
        call: &mut Call<'_>,
    ) -> Result<String, Refusal> {
        let Some(audience) = &grant.audience else { return Ok(token::opaque(call.entropy)) };
        let issued_at = call.now.as_secs();
        let issuer = self.tenant.issuer();
        // With `openid` the token is good for /userinfo too, and says so.
        let audiences = if scope.has("openid") {
            json!([audience, format!("{issuer}userinfo")])
        } else {
            json!(audience)
        };
        token::signed(&json!({
            "iss": issuer,
            "sub": grant.user,
            "aud": audiences,
            "iat": issued_at,
            "exp": issued_at + lifetime,
            "scope": scope.to_string(),
            "azp": grant.client,
        }))
    }

    fn id_token(&self, grant: &Grant, scope: &Scope, now: Timestamp) -> Result<String, Refusal> {
        let user = self.users.get(&grant.user);
        let mut claims = user.map(|user| user.claims(scope)).unwrap_or_default();
        let issued_at = now.as_secs();
        claims.insert("iss".into(), json!(self.tenant.issuer()));
        claims.insert("aud".into(), json!(grant.client));
        claims.insert("iat".into(), json!(issued_at));
        claims.insert("exp".into(), json!(issued_at + ID_TOKEN_LIFETIME));
        token::signed(&Value::Object(claims))
    }
}
