//! A table of calls, one after the other, of which each needs what those before it have brought.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign::{
    clock::{Timestamp, VirtualClock},
    codes,
    emulator::{self, NewUser},
    exchange::{Request, Response},
    serve::{Hosted, Setup},
};
use serde_json::Value;

/// Makes up the applications.
pub(crate) const SEED: u64 = 7;
pub(crate) const DOMAIN: &str = "tenant.example";

/// A call: what it is, the request line, what is sent, and the status of the answer. `$name` stands for a member of an
/// answer before it, or for what the test knows.
type Call = (&'static str, &'static str, Sent, u16);

enum Sent {
    Nothing,
    /// A bearer token.
    Bearer(&'static str),
    /// JSON.
    Json(&'static str),
    /// JSON, with a bearer token.
    With(&'static str, &'static str),
    /// A form.
    Form(&'static str),
    /// A form, with the application's credentials as HTTP Basic.
    Basic(&'static str),
    /// Bytes that are said to be JSON.
    Raw(&'static [u8]),
    /// No call: so much time passes.
    Later(Duration),
    /// No call: the push that waits is answered.
    Push(bool),
}
use Sent::{Basic, Bearer, Form, Json, Later, Nothing, Push, Raw, With};

const TOKEN: &str = "POST /oauth/token";
const ASSOCIATE: &str = "POST /mfa/associate";
const CHALLENGE: &str = "POST /mfa/challenge";
const LIST: &str = "GET /mfa/authenticators";
const USERS: &str = "POST /api/v2/users";

const LOGIN: Sent = Json(
    r#"{"grant_type": "password", "client_id": "$app", "client_secret": "$app_secret",
    "username": "ada@example.com", "password": "correct horse", "scope": "openid email offline_access"}"#,
);
const OOB: Sent =
    Basic("grant_type=$grants/mfa-oob&mfa_token=$mfa_token&oob_code=$oob_code&binding_code=$code");
const POLL: Sent = Basic("grant_type=$grants/mfa-oob&mfa_token=$mfa_token&oob_code=$oob_code");
const POLL_BY_PAGE: Sent =
    Form("client_id=$spa&grant_type=$grants/mfa-oob&mfa_token=$mfa_token&oob_code=$oob_code");
const RECOVERY: Sent = Json(
    r#"{"grant_type": "$grants/mfa-recovery-code", $own,
    "mfa_token": "$mfa_token", "recovery_code": "$recovery_code"}"#,
);
const REFRESH: Sent = Basic("grant_type=refresh_token&refresh_token=$refresh_token");
const EMAIL: &str = r#"{"authenticator_types": ["oob"], "oob_channels": ["email"]}"#;
const DEVICE: &str = r#"{"authenticator_types": ["oob"], "oob_channels": ["auth0"]}"#;
const EVE: &str = r#"{"connection": "Username-Password-Authentication", "email": "eve@example.com", "password": "p"}"#;

const CALLS: &[Call] = &[
    ("configuration", "GET /.well-known/openid-configuration", Nothing, 200),
    ("keys", "GET /.well-known/jwks.json", Nothing, 200),
    ("no such path", "GET /nothing?at=all", Nothing, 404),
    ("no such method", "GET /oauth/token", Nothing, 405),
    ("no body", TOKEN, Nothing, 400),
    ("broken JSON", TOKEN, Raw(b"{\"grant_type\":"), 400),
    ("no object", TOKEN, Raw(b"[[]]"), 400),
    ("no UTF-8", TOKEN, Raw(b"\xff\xfe"), 400),
    ("no such grant", TOKEN, Form("grant_type=magic&client_id=$app"), 400),
    ("no such client", TOKEN, Form("grant_type=password&client_id=nobody"), 401),
    (
        "wrong password",
        TOKEN,
        Basic("grant_type=password&username=ada@example.com&password=x"),
        403,
    ),
    ("login", TOKEN, LOGIN, 403),
    (
        "login by form",
        TOKEN,
        Form("grant_type=password&client_id=$spa&username=ADA@example.com&password=correct+horse"),
        403,
    ),
    (
        "login by Basic",
        TOKEN,
        Basic("grant_type=password&username=ada@example.com&password=correct+horse&scope=openid"),
        403,
    ),
    ("nothing enrolled", LIST, Bearer("$mfa_token"), 200),
    ("no bearer", LIST, Nothing, 401),
    ("associate nothing", ASSOCIATE, With("$mfa_token", "{}"), 400),
    (
        "associate no number",
        ASSOCIATE,
        With(
            "$mfa_token",
            r#"{"authenticator_types": ["oob"], "oob_channels": ["sms"], "phone_number": "1"}"#,
        ),
        400,
    ),
    (
        "associate voice",
        ASSOCIATE,
        With(
            "$mfa_token",
            r#"{"authenticator_types": ["oob"], "oob_channels": ["voice"], "phone_number": "+15550000001"}"#,
        ),
        200,
    ),
    (
        "associate sms",
        ASSOCIATE,
        With(
            "$mfa_token",
            r#"{"authenticator_types": ["oob"], "oob_channels": ["sms"], "phone_number": "+15550000002"}"#,
        ),
        200,
    ),
    ("associate e-mail", ASSOCIATE, With("$mfa_token", EMAIL), 200),
    (
        "wrong code",
        TOKEN,
        Basic("grant_type=$grants/mfa-oob&mfa_token=$mfa_token&oob_code=$oob_code&binding_code=0"),
        403,
    ),
    ("confirm e-mail", TOKEN, OOB, 200),
    ("the same again", TOKEN, OOB, 403),
    ("userinfo", "GET /userinfo", Bearer("$access_token"), 200),
    ("userinfo of nobody", "GET /userinfo", Bearer("nothing"), 401),
    ("login", TOKEN, LOGIN, 403),
    (
        "challenge an app",
        CHALLENGE,
        Json(r#"{$own, "mfa_token": "$mfa_token", "challenge_type": "otp"}"#),
        401,
    ),
    (
        "challenge",
        CHALLENGE,
        Json(r#"{$own, "mfa_token": "$mfa_token", "challenge_type": "oob"}"#),
        200,
    ),
    ("verify", TOKEN, OOB, 200),
    ("refresh", TOKEN, REFRESH, 200),
    (
        "refresh by another",
        TOKEN,
        Form("grant_type=refresh_token&client_id=$spa&refresh_token=$refresh_token"),
        403,
    ),
    (
        "login to the MFA API",
        TOKEN,
        Basic(
            "grant_type=password&username=ada@example.com&password=correct+horse&audience=$home/mfa/&scope=enroll",
        ),
        200,
    ),
    (
        "associate an app",
        ASSOCIATE,
        With("$access_token", r#"{"authenticator_types": ["otp"]}"#),
        200,
    ),
    (
        "confirm an app",
        TOKEN,
        Basic("grant_type=$grants/mfa-otp&mfa_token=$access_token&otp=$otp"),
        200,
    ),
    ("login", TOKEN, LOGIN, 403),
    ("recovery code", TOKEN, RECOVERY, 200),
    ("login", TOKEN, LOGIN, 403),
    (
        "recovery code of before",
        TOKEN,
        Basic(
            "grant_type=$grants/mfa-recovery-code&mfa_token=$mfa_token&recovery_code=ABCDEFGHIJKLMNOPQRSTUVWX",
        ),
        403,
    ),
    ("enrol when enrolled", ASSOCIATE, With("$mfa_token", DEVICE), 403),
    (
        "management",
        TOKEN,
        Json(r#"{"grant_type": "client_credentials", $manager, "audience": "$home/api/v2/"}"#),
        200,
    ),
    ("create", USERS, With("$access_token", EVE), 201),
    ("create again", USERS, With("$access_token", EVE), 409),
    ("create nothing", USERS, With("$access_token", "{}"), 400),
    ("get", "GET /api/v2/users/$user_id", Bearer("$access_token"), 200),
    ("find", "GET /api/v2/users-by-email?email=ada%40example.com", Bearer("$access_token"), 200),
    ("delete by nobody", "DELETE /api/v2/users/$user_id", Nothing, 401),
    ("delete", "DELETE /api/v2/users/$user_id", Bearer("$access_token"), 204),
    ("get what is deleted", "GET /api/v2/users/$user_id", Bearer("$access_token"), 404),
    (
        "bob",
        TOKEN,
        Form("grant_type=password&client_id=$spa&username=bob@example.org&password=correct+horse"),
        403,
    ),
    ("associate a device", ASSOCIATE, With("$mfa_token", DEVICE), 200),
    ("nobody has answered", TOKEN, POLL_BY_PAGE, 400),
    ("asked too soon", TOKEN, POLL_BY_PAGE, 400),
    ("the device is enrolled", "", Push(true), 0),
    ("confirm a device", TOKEN, POLL_BY_PAGE, 200),
    (
        "bob again",
        TOKEN,
        Basic("grant_type=password&username=bob@example.org&password=correct+horse"),
        403,
    ),
    ("list", LIST, Bearer("$mfa_token"), 200),
    ("delete with too little", "DELETE /mfa/authenticators/$id", Bearer("$mfa_token"), 403),
    (
        "challenge a device",
        CHALLENGE,
        Json(
            r#"{$own, "mfa_token": "$mfa_token", "challenge_type": "oob", "oob_channel": "auth0"}"#,
        ),
        200,
    ),
    ("waits", TOKEN, POLL, 400),
    ("it is refused", "", Push(false), 0),
    ("refused", TOKEN, POLL, 400),
    ("login for later", TOKEN, LOGIN, 403),
    ("eleven minutes", "", Later(Duration::from_mins(11)), 0),
    ("too late", TOKEN, RECOVERY, 401),
    ("too late to list", LIST, Bearer("$mfa_token"), 401),
];

/// A tenant under the domain, with its users; the clock stands still.
pub(crate) struct Run {
    tenant: Hosted,
    clock: VirtualClock,
    known: HashMap<String, String>,
}

impl Run {
    pub(crate) fn new(tenant: Hosted) -> Self {
        let clock = VirtualClock::starting_at(Timestamp::from_millis(1_700_000_000_000));
        tenant.set_clock(clock.clone());
        for email in ["ada@example.com", "bob@example.org"] {
            tenant.add_user(NewUser::new(email, "correct horse"));
        }
        let clients = Setup::new(SEED).clients;
        let secret =
            |client: &emulator::Client| client.secret().expect("a secret").expose().clone();
        let own = |client: &emulator::Client| {
            format!(r#""client_id": "{}", "client_secret": "{}""#, client.id, secret(client))
        };
        let known = [
            ("grants", "http://auth0.com/oauth/grant-type".to_owned()),
            ("own", own(&clients.application)),
            ("home", format!("https://{DOMAIN}")),
            ("app", clients.application.id.clone()),
            ("app_secret", secret(&clients.application)),
            ("spa", clients.spa.id.clone()),
            ("manager", own(&clients.management)),
        ];
        let known = known.map(|(name, value)| (name.to_owned(), value)).into();
        Self { tenant, clock, known }
    }

    /// All answers, by what was called.
    pub(crate) fn answers(
        mut self,
        mut send: impl FnMut(&Request) -> Response,
    ) -> Vec<(String, Response)> {
        let mut answers = Vec::new();
        for (number, (name, line, sent, status)) in CALLS.iter().enumerate() {
            let Some(request) = self.request(line, sent) else { continue };
            let response = send(&request);
            let name = format!("{number}: {name}");
            let body = String::from_utf8_lossy(&response.body).into_owned();
            assert_eq!(response.status, *status, "{name}: {body}");
            self.note(&response);
            answers.push((name, response));
        }
        answers
    }

    fn request(&self, line: &str, sent: &Sent) -> Option<Request> {
        let (method, path) = match sent {
            Later(duration) => {
                self.clock.advance(*duration);
                return None;
            }
            Push(accept) => {
                let pending = self.tenant.pending_pushes();
                assert!(self.tenant.answer_push(&pending[0].id, *accept));
                return None;
            }
            _ => line.split_once(' ').expect("a method and a path"),
        };
        let request = Request::new(method, self.filled(path)).header("host", DOMAIN);
        let bearer = |token: &str| format!("Bearer {}", self.filled(token));
        let form = |request: Request, text: &str| {
            let text = self.filled(text);
            let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
            let pairs: Vec<_> =
                pairs.map(|(name, value)| (name, value.replace('+', " "))).collect();
            request.form(pairs.iter().map(|(name, value)| (*name, value.as_str())))
        };
        let json = |request: Request, text: &str| {
            let value: Value = serde_json::from_str(&self.filled(text)).expect("JSON");
            request.json(&value)
        };
        Some(match sent {
            Bearer(token) => request.header("authorization", bearer(token)),
            Json(text) => json(request, text),
            With(token, text) => json(request.header("authorization", bearer(token)), text),
            Form(text) => form(request, text),
            Basic(text) => {
                let credentials = STANDARD.encode(self.filled("$app:$app_secret"));
                form(request.header("authorization", format!("Basic {credentials}")), text)
            }
            Raw(bytes) => Request {
                body: bytes.to_vec(),
                ..request.header("content-type", "application/json")
            },
            Nothing | Later(_) | Push(_) => request,
        })
    }

    /// The text with what is known in place of its names, the longest first.
    fn filled(&self, text: &str) -> String {
        let mut names: Vec<_> = self.known.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.iter().fold(text.to_owned(), |text, name| {
            text.replace(&format!("${name}"), &self.known[*name])
        })
    }

    fn note(&mut self, response: &Response) {
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let entry = if body.is_array() { &body[0] } else { &body };
        for (name, value) in entry.as_object().into_iter().flatten() {
            let value = if value.is_array() { &value[0] } else { value };
            if let Some(text) = value.as_str() {
                let name = if name == "recovery_codes" { "recovery_code" } else { name };
                self.known.insert(name.to_owned(), text.replace('|', "%7C"));
            }
        }
        if let Some(message) = self.tenant.outbox().last() {
            let mut numbers = message.text.split(|letter: char| !letter.is_ascii_digit());
            let code = numbers.rfind(|digits| digits.len() == 6).expect("a code");
            self.known.insert("code".to_owned(), code.to_owned());
        }
        if let Some(secret) = self.known.get("secret") {
            let otp = codes::totp(secret, self.clock.now()).expect("a secret");
            self.known.insert("otp".to_owned(), otp);
        }
    }
}
