//! `POST /oauth/token` and `/userinfo`: what is given, and for what.

use serde_json::{Map, Value, json};

use super::{
    Call, Emulator,
    action::{Demanded, Event, FactorType, Flow, Occasion},
    attack,
    authenticator::State,
    error::Refusal,
    route::{self, Credentials, Parameters},
    tenant::{CONNECTION, GrantType, MfaPolicy, Tenant},
    token::{self, AccessToken, Grant, Holder, RefreshToken, Scope},
    transaction::{self, Task, Transaction},
    user::User,
};
use crate::clock::Timestamp;

/// The life of an access token without an audience, in seconds, which cannot be configured \[doc\].
const OPAQUE_LIFETIME: u64 = 86_400;
/// The life of one for the MFA audience, which cannot be configured \[doc\].
const MFA_LIFETIME: u64 = 600;

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
                if parameters.required("realm")? != CONNECTION {
                    return Err(Refusal::unknown_realm());
                }
                self.password(client_id, &parameters, call)
            }
            GrantType::MfaOob => self.out_of_band(client_id, &parameters, call),
            GrantType::MfaOtp => self.one_time_password(client_id, &parameters, call),
            GrantType::MfaRecoveryCode => self.recovery_code(client_id, &parameters, call),
            GrantType::RefreshToken => self.refresh(client_id, &parameters, call),
            GrantType::AuthorizationCode => {
                parameters.required("code")?;
                Err(Refusal::invalid_authorization_code())
            }
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
    pub(super) fn opened(
        &mut self,
        mfa_token: &str,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Opened<'_>, Refusal> {
        let known = self.transactions.get_mut(mfa_token);
        let transaction = known.ok_or_else(Refusal::malformed_mfa_token)?;
        transaction.check(client_id, now)?;
        let user = self.users.get_mut(&transaction.grant().user);
        let user = user.ok_or_else(Refusal::malformed_mfa_token)?;
        Ok(Opened { tenant: &self.tenant, transaction, user })
    }
}

/// A login that waits for its second factor, and whose it is.
pub(super) struct Opened<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) transaction: &'a mut Transaction,
    pub(super) user: &'a mut User,
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
        let client = self.tenant.client(client_id).ok_or_else(Refusal::invalid_client)?;
        let address = attack::address(call.request, client);
        let protection = self.tenant.brute_force_protection;
        self.attempts(name, address).begin(protection, call.now)?;
        let user = self.users.with_email_mut(name);
        let Some(user_id) =
            user.and_then(|user| user.log_in(password, call.now).then(|| user.id.clone()))
        else {
            self.attempts(name, address).fail(call.now);
            return Err(Refusal::wrong_password());
        };
        self.attempts(name, address).succeed();
        let audience = parameters.get("audience").map(str::to_owned);
        let scope = self.asked_scope(parameters, audience.as_deref());
        let occasion = if audience.as_ref() == Some(&self.tenant.mfa_audience()) {
            Occasion::MfaAudience
        } else {
            Occasion::Login
        };
        let grant = Grant { client: client_id.to_owned(), user: user_id, audience, scope };
        let flow = self.flow(occasion, &grant, grant.audience.as_deref(), &grant.scope)?;
        self.go_on(grant, flow, call).map(Value::Object)
    }

    fn out_of_band(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let mfa_token = parameters.required("mfa_token")?;
        let oob_code = parameters.required("oob_code")?;
        let Opened { tenant, transaction, user } = self.opened(mfa_token, client_id, call.now)?;
        let Some(challenge) = transaction.challenged(oob_code).cloned() else {
            let other = self.oob_codes.get(oob_code).and_then(|token| self.transactions.get(token));
            return Err(if other.is_some_and(|other| other.challenged(oob_code).is_some()) {
                Refusal::mismatched_oob_code()
            } else {
                Refusal::malformed_oob_code()
            });
        };
        // It may have been deleted, or replaced by another association, in the meantime.
        let authenticators = user.authenticators(tenant);
        let proven = authenticators.iter().find(|known| known.id == challenge.authenticator);
        let proven = proven.ok_or_else(Refusal::malformed_oob_code)?;
        let factor_type = proven.factor_type();
        if !transaction.demand().accepts(factor_type, challenge.state) {
            return Err(Refusal::not_demanded(factor_type));
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
                let push = transaction.push_mut(oob_code);
                push.ok_or_else(Refusal::malformed_oob_code)?.poll(call.now)?;
            }
        }
        self.complete(mfa_token, factor_type, call).map(Value::Object)
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
        let Opened { tenant, transaction, user } = self.opened(mfa_token, client_id, call.now)?;
        let throttled = user.failed_codes.is_empty(call.now);
        let apps = user.apps(tenant);
        let apps: Vec<_> = apps
            .filter(|(id, state, _)| *state == State::Active || transaction.has_app(id))
            .filter(|(_, state, _)| transaction.demand().accepts(FactorType::Otp, *state))
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
        self.complete(mfa_token, FactorType::Otp, call).map(Value::Object)
    }

    fn recovery_code(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let mfa_token = parameters.required("mfa_token")?;
        let given = parameters.required("recovery_code")?;
        let Opened { tenant, transaction, user } = self.opened(mfa_token, client_id, call.now)?;
        if !transaction.demand().accepts(FactorType::RecoveryCode, State::Active) {
            return Err(Refusal::not_demanded(FactorType::RecoveryCode));
        }
        let throttled = user.failed_recovery_codes.is_empty(call.now);
        let known = user.recovery_code(tenant).ok_or_else(Refusal::no_recovery_code)?;
        if throttled {
            return Err(Refusal::too_many_failed_codes());
        }
        if known.code != given {
            user.failed_recovery_codes.take(call.now);
            return Err(Refusal::rejected_recovery_code());
        }
        let replacement = known.replace(call.entropy);
        // Where another factor is demanded next, the replacement comes with that answer [guess]: it
        // is shown but once.
        let mut tokens = self
            .complete(mfa_token, FactorType::RecoveryCode, call)
            .map_err(|refusal| refusal.with("recovery_code", replacement.as_str()))?;
        tokens.insert("recovery_code".into(), json!(replacement));
        Ok(Value::Object(tokens))
    }

    /// Each refresh token works once: the next comes with the answer. One that comes again was
    /// stolen, or its successor was: none of its family is good any more \[doc:
    /// refresh-token-rotation\]. Another audience than the
    /// login's gives a token for that one alone, as if the application's policy had them all
    /// \[doc: multi-resource-refresh-token\].
    ///
    /// Where a factor is demanded the refresh token is kept, and there is no other with the tokens
    /// in the end \[guess\].
    fn refresh(
        &mut self,
        client_id: &str,
        parameters: &Parameters,
        call: &mut Call<'_>,
    ) -> Result<Value, Refusal> {
        let refresh_token = parameters.required("refresh_token")?;
        if let Some(spent) = self.spent_refresh_tokens.get(refresh_token)
            && spent.grant.client == client_id
        {
            self.refresh_tokens.retain(|token| token.family != spent.family);
            // Once is enough.
            self.spent_refresh_tokens.remove(refresh_token);
        }
        let known = self.refresh_tokens.get(refresh_token);
        let known = known.filter(|token| token.grant.client == client_id).cloned();
        let known = known.ok_or_else(Refusal::invalid_refresh_token)?;
        let grant = &known.grant;
        let audience = parameters.get("audience");
        let asked = self.asked_scope(parameters, audience);
        let is_other = audience.is_some() && audience != grant.audience.as_deref();
        let wanted = if is_other {
            let audience = audience.map(str::to_owned);
            Grant { audience, scope: asked.clone(), ..grant.clone() }
        } else {
            // Words that were not granted are dropped [guess].
            Grant { scope: grant.scope.narrowed(&asked), ..grant.clone() }
        };
        let occasion = if is_other && audience == Some(&self.tenant.mfa_audience()) {
            Occasion::MfaAudience
        } else {
            Occasion::Refresh
        };
        let flow = self.flow(occasion, &wanted, audience, &asked)?;
        if let Some(demanded) = self.demanded(flow, &wanted)? {
            let wanted = Grant { scope: wanted.scope.without("offline_access"), ..wanted };
            return Err(self.mfa_required(wanted, demanded, call));
        }
        self.refresh_tokens.remove(refresh_token);
        self.spent_refresh_tokens.insert(refresh_token, known.clone());
        self.issue(&wanted, Some(known), call).map(Value::Object)
    }
}

/// The tokens.
impl Emulator {
    /// The scope that a user is asked for, as far as a user can give it.
    fn asked_scope(&self, parameters: &Parameters, audience: Option<&str>) -> Scope {
        let scope = Scope::new(parameters.get("scope").unwrap_or_default());
        if audience == Some(&self.tenant.management_audience()) {
            scope.about_the_user()
        } else {
            scope
        }
    }

    /// What there is between the right password, or refresh token, and the tokens.
    fn flow(
        &self,
        occasion: Occasion,
        grant: &Grant,
        audience: Option<&str>,
        scope: &Scope,
    ) -> Result<Flow, Refusal> {
        let user = self.users.get(&grant.user).ok_or_else(Refusal::invalid_refresh_token)?;
        let guarded = match occasion {
            Occasion::Login => self.tenant.policy == MfaPolicy::Always,
            Occasion::MfaAudience => user.guards_the_mfa_audience(&self.tenant),
            Occasion::Refresh => false,
        };
        let event = Event { occasion, user, client: &grant.client, scope, audience };
        Ok(Flow::of(&self.tenant, &event, guarded))
    }

    /// What is demanded next.
    fn demanded(&self, flow: Flow, grant: &Grant) -> Result<Option<Demanded>, Refusal> {
        let user = self.users.get(&grant.user).ok_or_else(Refusal::malformed_mfa_token)?;
        flow.advance(&self.tenant, user)
    }

    /// Issues tokens, unless something is demanded first.
    fn go_on(
        &mut self,
        grant: Grant,
        flow: Flow,
        call: &mut Call<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        if let Some(demanded) = self.demanded(flow, &grant)? {
            return Err(self.mfa_required(grant, demanded, call));
        }
        let renewable = grant.scope.has("offline_access").then(|| {
            self.families += 1;
            RefreshToken { family: self.families, grant: grant.clone() }
        });
        self.issue(&grant, renewable, call)
    }

    /// Opens a transaction. The next of a chain has a token and ten minutes of its own: the token is
    /// new \[sdk: nextjs-auth0\], the time \[guess\].
    fn mfa_required(&mut self, grant: Grant, demanded: Demanded, call: &mut Call<'_>) -> Refusal {
        let expires = call.now + transaction::LIFETIME;
        let mfa_token = token::sealed(expires, call.entropy);
        let user = self.users.get(&grant.user).filter(|_| self.tenant.customize_mfa);
        let requirements = user.map(|user| demanded.demand.requirements(&self.tenant, user));
        self.transactions.insert(&mfa_token, Transaction::open(grant, demanded, expires));
        let refusal = Refusal::mfa_required(mfa_token);
        match requirements {
            Some(requirements) => refusal.with("mfa_requirements", requirements),
            None => refusal,
        }
    }

    /// Ends a transaction in which this was proven, and issues what it was for, unless more is
    /// demanded.
    fn complete(
        &mut self,
        mfa_token: &str,
        proven: FactorType,
        call: &mut Call<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let transaction = self.transactions.get_mut(mfa_token);
        let (grant, mut flow) = transaction.ok_or_else(Refusal::malformed_mfa_token)?.spend();
        flow.prove(proven);
        self.go_on(grant, flow, call)
    }

    /// Issues what `grant` allows, with a refresh token that stands for what is `renewable`. No token carries
    /// an `amr`: those of the MFA API do not \[doc\].
    fn issue(
        &mut self,
        grant: &Grant,
        renewable: Option<RefreshToken>,
        call: &mut Call<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let scope = &grant.scope;
        let lifetime = match &grant.audience {
            None => OPAQUE_LIFETIME,
            Some(audience) if *audience == self.tenant.mfa_audience() => MFA_LIFETIME,
            Some(_) => self.tenant.lifetimes.access_token.as_secs(),
        };
        let access_token = self.access_token(grant, lifetime, call)?;
        let mut answer = Map::new();
        let expires = call.now + std::time::Duration::from_secs(lifetime);
        let token = AccessToken { holder: Holder::User, grant: grant.clone(), expires };
        self.access_tokens.insert(&access_token, token);
        answer.insert("access_token".into(), access_token.into());
        if let Some(renewable) = renewable {
            let refresh_token = token::refresh(call.entropy);
            self.refresh_tokens.insert(&refresh_token, renewable);
            answer.insert("refresh_token".into(), refresh_token.into());
        }
        if scope.has("openid") {
            answer.insert("id_token".into(), json!(self.id_token(grant, call.now)?));
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
        lifetime: u64,
        call: &mut Call<'_>,
    ) -> Result<String, Refusal> {
        let Some(audience) = &grant.audience else { return Ok(token::opaque(call.entropy)) };
        let issued_at = call.now.as_secs();
        let issuer = self.tenant.issuer();
        let scope = &grant.scope;
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

    fn id_token(&self, grant: &Grant, now: Timestamp) -> Result<String, Refusal> {
        let user = self.users.get(&grant.user);
        let mut claims = user.map(|user| user.claims(&grant.scope)).unwrap_or_default();
        let lifetime = self.tenant.lifetimes.id_token.as_secs();
        let issued_at = now.as_secs();
        claims.insert("iss".into(), json!(self.tenant.issuer()));
        claims.insert("aud".into(), json!(grant.client));
        claims.insert("iat".into(), json!(issued_at));
        claims.insert("exp".into(), json!(issued_at + lifetime));
        token::signed(&Value::Object(claims))
    }
}
