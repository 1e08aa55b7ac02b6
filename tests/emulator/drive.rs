//! Drives an emulated tenant in a few lines: requests out of their gist, time as it is told, and
//! every answer held against the official OpenAPI document on its way.

use std::{collections::BTreeSet, time::Duration};

use countersign::{
    clock::{SeededEntropy, Timestamp},
    codes,
    emulator::{
        Action, Client, Effect, Email, Emulator, Enrolled, Factor, MfaPolicy, NewUser,
        PhoneMessage, PushNotification, Tenant,
    },
    exchange::{Content, Request, Response},
    secret::Secret,
};
use serde_json::{Value, json};

use crate::openapi;

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const BOB: &str = "bob@example.org";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const MFA_AUDIENCE: &str = "https://tenant.example/mfa/";
pub(crate) const MFA_OOB: &str = "http://auth0.com/oauth/grant-type/mfa-oob";
pub(crate) const MFA_OTP: &str = "http://auth0.com/oauth/grant-type/mfa-otp";
pub(crate) const MFA_RECOVERY_CODE: &str = "http://auth0.com/oauth/grant-type/mfa-recovery-code";
/// The scope of a token that may do everything at the MFA API.
pub(crate) const ALL_SCOPES: &str = "openid enroll read:authenticators remove:authenticators";
/// No code is ever this.
pub(crate) const WRONG_CODE: &str = "000000";

/// A tenant with two clients: `app`, confidential, and `page`, public.
pub(crate) struct Drive {
    emulator: Emulator,
    entropy: SeededEntropy,
    pub(crate) now: Timestamp,
    pub(crate) inbox: Vec<Email>,
    /// What telephones got: the channel, and what was sent.
    pub(crate) phones: Vec<(&'static str, PhoneMessage)>,
    /// What devices have shown.
    pub(crate) pushes: Vec<PushNotification>,
    last_code: Option<String>,
}

impl Drive {
    /// E-mail and recovery codes are on, a login needs a second factor; Ada and Bob have not
    /// verified their addresses.
    pub(crate) fn new() -> Self {
        let mut drive = Self::with(&[Factor::Email, Factor::RecoveryCode], MfaPolicy::Always);
        drive.add_user(user(ADA));
        drive.add_user(user(BOB));
        drive
    }

    pub(crate) fn with(factors: &[Factor], policy: MfaPolicy) -> Self {
        Self::of(Tenant { factors: factors.iter().copied().collect(), policy, ..tenant() })
    }

    pub(crate) fn of(tenant: Tenant) -> Self {
        Self {
            emulator: Emulator::new(tenant),
            entropy: SeededEntropy::new(42),
            now: Timestamp::from_millis(1_700_000_000_000),
            inbox: Vec::new(),
            phones: Vec::new(),
            pushes: Vec::new(),
            last_code: None,
        }
    }

    /// The same tenant, under the names that it is reached by.
    pub(crate) fn following_host(self) -> Self {
        Self { emulator: self.emulator.following_host(), ..self }
    }

    /// What it is called from outside.
    pub(crate) fn domain(&self) -> &str {
        &self.emulator.tenant().domain
    }

    pub(crate) fn add_user(&mut self, user: NewUser) -> String {
        self.emulator.add_user(user, self.now, &mut self.entropy)
    }

    pub(crate) fn set_actions(&mut self, actions: Vec<Action>) {
        self.emulator.set_actions(actions);
    }

    pub(crate) fn unblock(&mut self, identifier: &str) {
        self.emulator.unblock(identifier);
    }

    pub(crate) fn advance(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }

    pub(crate) fn send(&mut self, request: &Request) -> Answer {
        let reply = self.emulator.handle(request, self.now, &mut self.entropy);
        openapi::check(request, &reply.response);
        assert_eq!(reply.response.headers.get("www-authenticate"), None);
        for effect in reply.effects {
            if let Effect::Email(Email { code, .. })
            | Effect::Sms(PhoneMessage { code, .. })
            | Effect::Voice(PhoneMessage { code, .. }) = &effect
            {
                self.last_code = Some(code.clone());
            }
            match effect {
                Effect::Email(email) => self.inbox.push(email),
                Effect::Sms(message) => self.phones.push(("sms", message)),
                Effect::Voice(message) => self.phones.push(("voice", message)),
                Effect::Push(push) => self.pushes.push(push),
            }
        }
        Answer(reply.response)
    }

    /// Answers the newest push that waits, and says whether there was one.
    pub(crate) fn answer_push(&mut self, accept: bool) -> bool {
        let pending = self.emulator.pending_pushes(self.now);
        pending.last().is_some_and(|push| self.emulator.answer_push(&push.id, accept, self.now))
    }

    /// The code that was sent last.
    pub(crate) fn code(&self) -> String {
        self.last_code.clone().expect("a code")
    }
}

/// Calls.
impl Drive {
    /// `/oauth/token` with these parameters and the credentials of `app`; a parameter given twice
    /// counts as given last.
    pub(crate) fn token(&mut self, parameters: &[(&str, &str)]) -> Answer {
        let mut body = json!({"client_id": "app", "client_secret": "app secret"});
        for (name, value) in parameters {
            body[*name] = json!(value);
        }
        self.send(&Request::new("POST", "/oauth/token").json(&body))
    }

    pub(crate) fn login(&mut self, email: &str, more: &[(&str, &str)]) -> Answer {
        let parameters = [("grant_type", "password"), ("username", email), ("password", PASSWORD)];
        self.token(&[&parameters, more].concat())
    }

    /// An `mfa_token`.
    pub(crate) fn mfa_token(&mut self, email: &str) -> String {
        self.login(email, &[("scope", "openid profile email")]).text("mfa_token")
    }

    /// An access token for the MFA API.
    pub(crate) fn mfa_access_token(&mut self, email: &str, scope: &str) -> String {
        self.login(email, &[("audience", MFA_AUDIENCE), ("scope", scope)]).text("access_token")
    }

    pub(crate) fn associate(&mut self, bearer: &str, body: &Value) -> Answer {
        let request = Request::new("POST", "/mfa/associate").json(body);
        self.send(&request.header("authorization", format!("Bearer {bearer}")))
    }

    pub(crate) fn associate_email(&mut self, bearer: &str) -> Answer {
        self.associate(bearer, &json!({"authenticator_types": ["oob"], "oob_channels": ["email"]}))
    }

    /// `/mfa/challenge` by `app`, with these members beside or in place of the usual ones.
    pub(crate) fn challenge(&mut self, mfa_token: &str, members: &Value) -> Answer {
        let mut body = json!({
            "mfa_token": mfa_token,
            "client_id": "app",
            "client_secret": "app secret",
            "challenge_type": "oob",
        });
        for (name, value) in members.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.send(&Request::new("POST", "/mfa/challenge").json(&body))
    }

    pub(crate) fn verify(&mut self, mfa_token: &str, oob_code: &str, code: &str) -> Answer {
        self.token(&[
            ("grant_type", MFA_OOB),
            ("mfa_token", mfa_token),
            ("oob_code", oob_code),
            ("binding_code", code),
        ])
    }

    /// `sms` or `voice`.
    pub(crate) fn associate_phone(&mut self, bearer: &str, channel: &str, number: &str) -> Answer {
        let body = json!({
            "authenticator_types": ["oob"], "oob_channels": [channel], "phone_number": number,
        });
        self.associate(bearer, &body)
    }

    pub(crate) fn associate_push(&mut self, bearer: &str) -> Answer {
        self.associate(bearer, &json!({"authenticator_types": ["oob"], "oob_channels": ["auth0"]}))
    }

    /// Asks whether a push was answered.
    pub(crate) fn poll(&mut self, mfa_token: &str, oob_code: &str) -> Answer {
        self.token(&[("grant_type", MFA_OOB), ("mfa_token", mfa_token), ("oob_code", oob_code)])
    }

    pub(crate) fn associate_otp(&mut self, bearer: &str) -> Answer {
        self.associate(bearer, &json!({"authenticator_types": ["otp"]}))
    }

    /// The one-time-code grant.
    pub(crate) fn verify_otp(&mut self, mfa_token: &str, otp: &str) -> Answer {
        self.token(&[("grant_type", MFA_OTP), ("mfa_token", mfa_token), ("otp", otp)])
    }

    /// What an app with this secret shows now.
    pub(crate) fn otp(&self, secret: &str) -> String {
        codes::totp(secret, self.now).expect("a secret")
    }

    pub(crate) fn recover(&mut self, mfa_token: &str, recovery_code: &str) -> Answer {
        self.token(&[
            ("grant_type", MFA_RECOVERY_CODE),
            ("mfa_token", mfa_token),
            ("recovery_code", recovery_code),
        ])
    }

    pub(crate) fn list(&mut self, bearer: &str) -> Answer {
        self.get("/mfa/authenticators", bearer)
    }

    pub(crate) fn get(&mut self, path: &str, bearer: &str) -> Answer {
        let request = Request::new("GET", path).header("content-type", "application/json");
        self.send(&request.header("authorization", format!("Bearer {bearer}")))
    }

    pub(crate) fn delete(&mut self, bearer: &str, id: &str) -> Answer {
        let path = format!("/mfa/authenticators/{}", id.replace('|', "%7C"));
        let request = Request::new("DELETE", path).json(&json!({}));
        self.send(&request.header("authorization", format!("Bearer {bearer}")))
    }

    /// Enrols the user's own address, and gives the recovery code where there is one.
    pub(crate) fn enroll(&mut self, email: &str) -> Option<String> {
        let mfa_token = self.mfa_token(email);
        let association = self.associate_email(&mfa_token);
        let code = self.code();
        let answer = self.verify(&mfa_token, &association.text("oob_code"), &code);
        assert_eq!(answer.status(), 200);
        association.body()["recovery_codes"][0].as_str().map(str::to_owned)
    }
}

/// A tenant with the clients of [`Drive`].
pub(crate) fn tenant() -> Tenant {
    Tenant {
        clients: vec![
            Client::confidential("app", "app secret"),
            Client::public("page"),
            Client { grants: BTreeSet::new(), ..Client::public("idle") },
        ],
        ..Tenant::new("tenant.example")
    }
}

/// A user who has not verified the address and has enrolled nothing.
pub(crate) fn user(email: &str) -> NewUser {
    NewUser::new(email, PASSWORD)
}

/// An imported user, with the own address as a factor.
pub(crate) fn imported(email: &str) -> NewUser {
    NewUser { enrolled: vec![Enrolled::Email { address: None }], ..user(email) }
}

/// What the app of [`with_app`] makes its codes of.
pub(crate) const APP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// An imported user, with an authenticator app as the factor.
pub(crate) fn with_app(email: &str) -> NewUser {
    let secret = Secret::new(APP_SECRET.to_owned());
    NewUser { enrolled: vec![Enrolled::Otp { secret }], ..user(email) }
}

/// An imported user, with the Guardian app as the factor.
pub(crate) fn with_device(email: &str) -> NewUser {
    let (device, secret) = ("Ada's phone".to_owned(), Secret::new(APP_SECRET.to_owned()));
    NewUser { enrolled: vec![Enrolled::Push { device, secret }], ..user(email) }
}

/// The number of [`with_phone`].
pub(crate) const PHONE: &str = "+15550001234";

/// An imported user, with a number for text messages as the factor.
pub(crate) fn with_phone(email: &str) -> NewUser {
    NewUser { enrolled: vec![Enrolled::Sms { number: PHONE.to_owned() }], ..user(email) }
}

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Answer(pub(crate) Response);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.0.status
    }

    pub(crate) fn body(&self) -> Value {
        match self.0.content() {
            Content::Json(body) => body,
            Content::Empty => Value::Null,
            other => panic!("no JSON: {other:?}"),
        }
    }

    /// A member that must be there.
    pub(crate) fn text(&self, name: &str) -> String {
        let body = self.body();
        body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
    }

    /// Status, `error` and `error_description`; the latter two are empty for a success.
    pub(crate) fn outcome(&self) -> (u16, String, String) {
        let body = self.body();
        let member = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (self.status(), member("error"), member("error_description"))
    }
}
