//! An Auth0 tenant as a state machine: a request, the time and randomness in; a response and the
//! messages to send out.
//!
//! No socket, no clock, no global state: whoever owns an [`Emulator`] serves it, so hours pass in
//! a test at once, and a run repeats itself from its seed.
//!
//! The behaviour follows Auth0's documentation. Where a fact is not plainly documented, a comment
//! says where it is from: `[rec]` from recorded exchanges of Auth0's own Go SDK, `[doc]` from the
//! pages, `[oas]` from the OpenAPI document, `[sdk]` from an SDK's source, `[mock]` from an SDK's
//! test with an invented answer, `[seen]` quoted from a tenant by its users, `[guess]` is ours.
//!
//! What it leaves out:
//! - APIs: a user gets any scope for any audience but the tenant's own;
//! - what was given out long ago: of each kind of token, and of the assertions that were used, the
//!   newest 50,000 are remembered;
//! - of Actions, what does not ask for a factor or refuse; of attack protection, everything but the
//!   block of a name that tries from one address;
//! - of the Management API all but users, enrolments, factors and policies, and every endpoint of a
//!   browser's login.
//!
//! ```
//! use std::collections::BTreeSet;
//! use countersign::{
//!     clock::{SeededEntropy, Timestamp},
//!     emulator::{Client, Effect, Emulator, Factor, NewUser, Tenant},
//!     exchange::Request,
//! };
//! use serde_json::{Value, json};
//!
//! let mut emulator = Emulator::new(Tenant {
//!     factors: BTreeSet::from([Factor::Email]),
//!     clients: vec![Client::public("app")],
//!     ..Tenant::new("tenant.example")
//! });
//! let (now, mut entropy) = (Timestamp::from_millis(0), SeededEntropy::new(1));
//! let ada = NewUser::new("ada@example.com", "correct horse");
//! emulator.add_user(ada, now, &mut entropy);
//! let login = Request::new("POST", "/oauth/token").form([
//!     ("grant_type", "password"),
//!     ("client_id", "app"),
//!     ("username", "ada@example.com"),
//!     ("password", "correct horse"),
//! ]);
//! let reply = emulator.handle(&login, now, &mut entropy);
//! assert_eq!(reply.response.status, 403);
//! let body: Value = serde_json::from_slice(&reply.response.body)?;
//! let mfa_token = body["mfa_token"].as_str().unwrap();
//!
//! let associate = Request::new("POST", "/mfa/associate")
//!     .header("authorization", format!("Bearer {mfa_token}"))
//!     .json(&json!({"authenticator_types": ["oob"], "oob_channels": ["email"]}));
//! let reply = emulator.handle(&associate, now, &mut entropy);
//! let Effect::Email(email) = &reply.effects[0] else { unreachable!() };
//! assert_eq!(email.to, "ada@example.com");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod action;
mod app;
mod attack;
mod authenticator;
mod client;
mod code;
mod discovery;
mod error;
mod inspect;
mod issued;
mod limits;
mod management;
mod mfa;
mod oauth;
mod push;
mod route;
mod tenant;
mod token;
mod transaction;
mod user;
mod users;

use std::fmt;

use serde_json::Value;

pub use self::{
    action::{Action, FactorType, Then, When},
    attack::BruteForceProtection,
    client::{Api, PublicKey},
    limits::{Limit, Limits},
    push::{PendingPush, PushPurpose},
    tenant::{
        Authentication, Client, Enrolled, Factor, GrantType, Lifetimes, MfaPolicy, NewUser, Scheme,
        Tenant,
    },
};
use self::{
    attack::Attempts,
    error::Refusal,
    issued::Issued,
    limits::Requests,
    push::Waiting,
    route::Endpoint,
    token::{AccessToken, RefreshToken},
    transaction::Transaction,
    user::User,
    users::Users,
};
use crate::{
    clock::{Entropy, Timestamp},
    exchange::{Request, Response},
};

/// A tenant, its users, and what was given out to them. It holds secrets in clear, and has no `Debug`.
#[derive(Clone)]
pub struct Emulator {
    tenant: Tenant,
    /// The tenant's own domain, where the one at hand is that of the request.
    own_domain: Option<String>,
    users: Users,
    /// By `mfa_token`.
    transactions: Issued<Transaction>,
    /// The `mfa_token`, by `oob_code`.
    oob_codes: Issued<String>,
    /// The pushes that wait, by their ids.
    pushes: Issued<Waiting>,
    /// By access token: one that is not here was not issued here.
    access_tokens: Issued<AccessToken>,
    /// By refresh token.
    refresh_tokens: Issued<RefreshToken>,
    /// Those that have done their work.
    spent_refresh_tokens: Issued<RefreshToken>,
    /// How many logins have brought one.
    families: u64,
    /// Client and `jti` of the assertions that were used.
    assertions: Issued<()>,
    /// By the name that was logged in with, and the address that it came from.
    attempts: Issued<Attempts>,
    requests: Requests,
}

impl Emulator {
    /// A tenant without users.
    #[must_use]
    pub fn new(tenant: Tenant) -> Self {
        Self {
            attempts: Issued::new(),
            requests: Requests::new(&tenant.limits),
            tenant,
            own_domain: None,
            users: Users::default(),
            transactions: Issued::new(),
            oob_codes: Issued::new(),
            pushes: Issued::new(),
            access_tokens: Issued::new(),
            refresh_tokens: Issued::new(),
            spent_refresh_tokens: Issued::new(),
            families: 0,
            assertions: Issued::new(),
        }
    }

    /// The same tenant under every name that it is reached by: issuer and addresses are made of
    /// the `Host` of the request at hand, and of the tenant's domain where there is none.
    #[must_use]
    pub fn following_host(self) -> Self {
        Self { own_domain: Some(self.tenant.domain.clone()), ..self }
    }

    /// Its set-up.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Adds a user and gives the id: `auth0|` and 24 hexadecimal digits.
    pub fn add_user(&mut self, user: NewUser, now: Timestamp, entropy: &mut dyn Entropy) -> String {
        let user = User::new(user, &self.tenant, now, entropy);
        let id = user.id.clone();
        self.users.insert(user);
        id
    }

    /// Asks something else of logins from now on: an Action that is for one user can be made when
    /// there is one.
    pub fn set_actions(&mut self, actions: Vec<Action>) {
        self.tenant.actions = actions;
    }

    /// Answers a request. It never fails: a bad request is a response too.
    pub fn handle(
        &mut self,
        request: &Request,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Reply {
        let mut call = Call { request, now, entropy, effects: Vec::new() };
        let counted = self.follow_host(request);
        let counted = counted.and_then(|()| self.requests.count(&request.path, now));
        let mut response = match Endpoint::of(request) {
            Ok(endpoint) => {
                let answer = counted.and_then(|()| self.answer(&endpoint, &mut call));
                respond(endpoint.content_type(), answer)
            }
            Err(refusal) => {
                let refusal = counted.err().unwrap_or(refusal);
                respond("application/json; charset=utf-8", Err(refusal))
            }
        };
        self.requests.tell(&request.path, &mut response.headers, now);
        // Whoever looks at it from outside comes by no name.
        if let Some(own) = &self.own_domain {
            own.clone_into(&mut self.tenant.domain);
        }
        if request.method == "HEAD" {
            response.body.clear();
        }
        Reply { response, effects: call.effects }
    }

    /// Takes the name that the request names it by, if it goes by that.
    fn follow_host(&mut self, request: &Request) -> Result<(), Refusal> {
        let Some(own) = &self.own_domain else { return Ok(()) };
        let host = request.headers.get("host");
        if !host.is_none_or(route::is_authority) {
            return Err(Refusal::invalid_host());
        }
        host.unwrap_or(own).clone_into(&mut self.tenant.domain);
        Ok(())
    }

    fn answer(&mut self, endpoint: &Endpoint, call: &mut Call<'_>) -> Result<Answer, Refusal> {
        match endpoint {
            Endpoint::Token => self.token(call).map(Answer::Ok),
            Endpoint::Associate => self.associate(call).map(Answer::Ok),
            Endpoint::Challenge => self.challenge(call).map(Answer::Ok),
            Endpoint::ListAuthenticators => self.list_authenticators(call).map(Answer::Ok),
            Endpoint::DeleteAuthenticator(id) => {
                self.delete_authenticator(id, call).map(|()| Answer::NoContent)
            }
            Endpoint::UserInfo => self.userinfo(call).map(Answer::Ok),
            Endpoint::Discovery => Ok(Answer::Ok(discovery::configuration(&self.tenant))),
            Endpoint::Management(operation) => self.manage(operation, call),
            Endpoint::Keys => discovery::keys().map(Answer::Ok),
        }
    }
}

/// What a request brings about.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What the client gets.
    pub response: Response,
    /// What is sent to users, in order.
    pub effects: Vec<Effect>,
}

/// Something that is sent to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An e-mail.
    Email(Email),
    /// A text message.
    Sms(PhoneMessage),
    /// A call, in which the text is read out.
    Voice(PhoneMessage),
    /// A notification on the user's device, which the user answers there.
    Push(PushNotification),
}

/// An e-mail with a code.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub to: String,
    /// The code, which is in the texts too.
    pub code: String,
    /// The subject.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

impl Email {
    /// Our own words: Auth0's templates are each tenant's to change.
    fn with_code(to: &str, code: &str) -> Self {
        Self {
            to: to.to_owned(),
            code: code.to_owned(),
            subject: "Verify your identity".to_owned(),
            text: format!("Your verification code is: {code}\n\nIt expires in five minutes.\n"),
            html: format!(
                "<p>Your verification code is: <b>{code}</b></p><p>It expires in five minutes.</p>"
            ),
        }
    }
}

/// What a telephone gets, with a code.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneMessage {
    /// The number, in the form of E.164.
    pub to: String,
    /// The code, which is in the text too.
    pub code: String,
    /// The text.
    pub text: String,
}

impl PhoneMessage {
    /// Our own words, as for an e-mail.
    fn with_code(to: &str, code: &str) -> Self {
        let text = format!("Your verification code is: {code}");
        Self { to: to.to_owned(), code: code.to_owned(), text }
    }
}

/// The code is not shown.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Email").field("to", &self.to).finish_non_exhaustive()
    }
}

/// The code is not shown.
impl fmt::Debug for PhoneMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PhoneMessage").field("to", &self.to).finish_non_exhaustive()
    }
}

/// What the Guardian app shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushNotification {
    /// The address of the user whose device it is.
    pub to: String,
    /// What its owner calls the device.
    pub device: String,
    /// By which it is answered: [`Emulator::answer_push`].
    pub id: String,
}

/// What a call that is not refused gets.
enum Answer {
    /// 200, with this body.
    Ok(Value),
    /// 201, with this body.
    Created(Value),
    /// 204, without a body.
    NoContent,
}

/// A request while it is answered.
struct Call<'a> {
    request: &'a Request,
    now: Timestamp,
    entropy: &'a mut dyn Entropy,
    effects: Vec<Effect>,
}

/// No header but the type: above all no `WWW-Authenticate`, at whose sight SDKs throw the body of
/// a refusal away \[sdk\].
fn respond(content_type: &str, answer: Result<Answer, Refusal>) -> Response {
    let mut response = Response::default();
    let body = match answer {
        Ok(Answer::Ok(body)) => {
            response.status = 200;
            body
        }
        Ok(Answer::Created(body)) => {
            response.status = 201;
            body
        }
        Ok(Answer::NoContent) => {
            response.status = 204;
            return response;
        }
        Err(refusal) => {
            response.status = refusal.status;
            for (name, value) in refusal.headers {
                response.headers.append(name, value);
            }
            Value::Object(refusal.body)
        }
    };
    response.headers.set("content-type", content_type);
    response.body = body.to_string().into_bytes();
    response
}
