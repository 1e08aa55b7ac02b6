//! An application, played: its calls are answered by an emulated tenant, or as they are told to be, and observed.

use std::{collections::BTreeSet, time::Duration};

use countersign::{
    clock::{SeededEntropy, Timestamp},
    codes,
    emulator::{Client, Effect, Email, Emulator, Factor, NewUser, PhoneMessage, Tenant},
    exchange::{Request, Response},
    observe::Observer,
};
use serde_json::{Value, json};

pub(crate) const USER: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const GRANT: &str = "http://auth0.com/oauth/grant-type/";

pub(crate) struct Script {
    emulator: Emulator,
    entropy: SeededEntropy,
    observer: Observer,
    now: Timestamp,
    /// The code that the user was sent last.
    code: String,
    pub(crate) observed: String,
    /// Every exchange as it was.
    pub(crate) exchanges: Vec<(Request, Response)>,
}

impl Script {
    /// A tenant with every factor that is emulated and one user, who has none.
    pub(crate) fn new(seed: u64) -> Self {
        let factors =
            [Factor::Email, Factor::Otp, Factor::Sms, Factor::Voice, Factor::RecoveryCode];
        let mut script = Self {
            emulator: Emulator::new(Tenant {
                factors: BTreeSet::from(factors),
                clients: vec![Client::confidential("app", "app secret"), Client::public("page")],
                ..Tenant::new("tenant.example")
            }),
            entropy: SeededEntropy::new(seed),
            observer: Observer::default(),
            now: Timestamp::from_millis(1_700_000_000_000),
            code: String::new(),
            observed: String::new(),
            exchanges: Vec::new(),
        };
        let user = NewUser::new(USER, PASSWORD);
        script.emulator.add_user(user, script.now, &mut script.entropy);
        script
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    /// What the tenant answers.
    pub(crate) fn send(&mut self, request: Request) -> Value {
        let reply = self.emulator.handle(&request, self.now, &mut self.entropy);
        for effect in reply.effects {
            if let Effect::Email(Email { code, .. })
            | Effect::Sms(PhoneMessage { code, .. })
            | Effect::Voice(PhoneMessage { code, .. }) = effect
            {
                self.code = code;
            }
        }
        self.see(request, reply.response)
    }

    /// What is not emulated is answered like this.
    pub(crate) fn told(&mut self, request: Request, status: u16, body: &Value) -> Value {
        self.told_with(request, status, &[], body)
    }

    pub(crate) fn told_with(
        &mut self,
        request: Request,
        status: u16,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Value {
        let mut response = Response { status, ..Response::default() };
        for (name, value) in headers {
            response.headers.set(name, *value);
        }
        response.headers.set("content-type", "application/json");
        response.body = body.to_string().into_bytes();
        self.see(request, response)
    }

    fn see(&mut self, request: Request, response: Response) -> Value {
        self.observed += &self.observer.observe(self.now, &request, &response);
        self.observed += "\n";
        // No two calls are in one moment.
        self.wait(20);
        let body = serde_json::from_slice(&response.body).unwrap_or_default();
        self.exchanges.push((request, response));
        body
    }

    /// The code that the user was sent last.
    pub(crate) fn code(&self) -> String {
        self.code.clone()
    }

    /// What the app with this secret shows.
    pub(crate) fn otp(&self, secret: &str) -> String {
        codes::totp(secret, self.now).expect("a secret")
    }
}

/// Calls of an application that does as the pages say.
impl Script {
    /// An `mfa_token`.
    pub(crate) fn login(&mut self) -> String {
        text(&self.send(login()), "mfa_token")
    }

    /// A factor enrolled and confirmed; gives the answer to its association.
    pub(crate) fn enrol(&mut self, body: &Value) -> Value {
        let token = self.login();
        let association = self.send(associate(&token, body));
        let confirmation = match association["secret"].as_str() {
            Some(secret) => otp(&token, &self.otp(secret)),
            None => oob(&token, &text(&association, "oob_code"), Some(&self.code())),
        };
        let tokens = self.send(confirmation);
        assert!(tokens["access_token"].is_string(), "{tokens}");
        // The next login is another day, so that no code of an app comes twice.
        self.wait(86_400_000);
        association
    }

    /// A login and a challenge: the `mfa_token` and the `oob_code`.
    pub(crate) fn challenged(&mut self) -> (String, String) {
        let token = self.login();
        let challenge = self.send(challenge(&token));
        (token, text(&challenge, "oob_code"))
    }
}

pub(crate) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned()
}

pub(crate) fn email() -> Value {
    json!({"authenticator_types": ["oob"], "oob_channels": ["email"]})
}

pub(crate) fn app() -> Value {
    json!({"authenticator_types": ["otp"]})
}

pub(crate) fn phone(channel: &str) -> Value {
    json!({
        "authenticator_types": ["oob"], "oob_channels": [channel], "phone_number": "+15550001234",
    })
}

/// The token endpoint, by the confidential client.
pub(crate) fn token(parameters: &[(&str, &str)]) -> Request {
    let client = [("client_id", "app"), ("client_secret", "app secret")];
    Request::new("POST", "/oauth/token").form(client.iter().chain(parameters).copied())
}

pub(crate) fn login() -> Request {
    token(&[
        ("grant_type", "password"),
        ("username", USER),
        ("password", PASSWORD),
        ("scope", "openid offline_access"),
    ])
}

pub(crate) fn verify(grant: &str, parameters: &[(&str, &str)]) -> Request {
    let grant = format!("{GRANT}{grant}");
    token(&[&[("grant_type", grant.as_str())], parameters].concat())
}

pub(crate) fn otp(mfa_token: &str, otp: &str) -> Request {
    verify("mfa-otp", &[("mfa_token", mfa_token), ("otp", otp)])
}

pub(crate) fn oob(mfa_token: &str, oob_code: &str, binding_code: Option<&str>) -> Request {
    let mut parameters = vec![("mfa_token", mfa_token), ("oob_code", oob_code)];
    parameters.extend(binding_code.map(|code| ("binding_code", code)));
    verify("mfa-oob", &parameters)
}

pub(crate) fn recover(mfa_token: &str, recovery_code: &str) -> Request {
    let parameters = [("mfa_token", mfa_token), ("recovery_code", recovery_code)];
    verify("mfa-recovery-code", &parameters)
}

pub(crate) fn refresh(refresh_token: &str) -> Request {
    token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
}

pub(crate) fn associate(bearer: &str, body: &Value) -> Request {
    let request = Request::new("POST", "/mfa/associate").json(body);
    request.header("authorization", format!("Bearer {bearer}"))
}

pub(crate) fn challenge(mfa_token: &str) -> Request {
    Request::new("POST", "/mfa/challenge").json(&json!({
        "client_id": "app", "client_secret": "app secret", "mfa_token": mfa_token,
        "challenge_type": "oob",
    }))
}

pub(crate) fn list(bearer: &str) -> Request {
    let request = Request::new("GET", "/mfa/authenticators");
    request.header("authorization", format!("Bearer {bearer}"))
}
