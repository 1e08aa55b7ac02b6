//! Random calls against a model of what may come of them.

use std::time::Duration;

use countersign::{
    clock::Timestamp,
    codes,
    emulator::{Factor, MfaPolicy, NewUser},
    exchange::Request,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::drive::{ADA, ALL_SCOPES, Answer, BOB, Drive, MFA_AUDIENCE, WRONG_CODE, user};

/// A call; what it is made with is drawn from all that has been seen so far, whoever's it is.
/// `VerifyApp` sends what the app shows so many steps from now.
#[derive(Clone, Debug)]
enum Step {
    Login { user: usize, for_mfa: bool },
    Associate { bearer: Index, address: usize },
    AssociateApp { bearer: Index },
    AssociatePhone { bearer: Index, channel: usize, number: usize },
    Challenge { mfa_token: Index, authenticator: Option<Index> },
    Verify { mfa_token: Index, sent: Index, code: Option<Index> },
    VerifyLast { mfa_token: Index },
    VerifyApp { mfa_token: Index, app: Index, steps: i64 },
    Recover { mfa_token: Index, code: Index },
    Refresh { token: Index },
    List { bearer: Index },
    Delete { bearer: Index, authenticator: Index },
    Wait { seconds: u64 },
    Garbage { method: usize, path: usize, content_type: usize, body: Vec<u8>, bearer: Index },
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        3 => (0..3_usize, any::<bool>()).prop_map(|(user, for_mfa)| Step::Login { user, for_mfa }),
        3 => (index(), 0..4_usize)
            .prop_map(|(bearer, address)| Step::Associate { bearer, address }),
        1 => index().prop_map(|bearer| Step::AssociateApp { bearer }),
        2 => (index(), 0..2_usize, 0..2_usize).prop_map(|(bearer, channel, number)| {
            Step::AssociatePhone { bearer, channel, number }
        }),
        2 => (index(), proptest::option::of(index()))
            .prop_map(|(mfa_token, authenticator)| Step::Challenge { mfa_token, authenticator }),
        2 => (index(), index(), proptest::option::of(index()))
            .prop_map(|(mfa_token, sent, code)| Step::Verify { mfa_token, sent, code }),
        6 => index().prop_map(|mfa_token| Step::VerifyLast { mfa_token }),
        4 => (index(), index(), -2..3_i64)
            .prop_map(|(mfa_token, app, steps)| Step::VerifyApp { mfa_token, app, steps }),
        1 => (index(), index()).prop_map(|(mfa_token, code)| Step::Recover { mfa_token, code }),
        1 => index().prop_map(|token| Step::Refresh { token }),
        1 => index().prop_map(|bearer| Step::List { bearer }),
        1 => (index(), index())
            .prop_map(|(bearer, authenticator)| Step::Delete { bearer, authenticator }),
        1 => prop_oneof![0..60_u64, 240..360_u64].prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..4_usize, 0..8_usize, 0..4_usize, vec(any::<u8>(), 0..40), index()).prop_map(
            |(method, path, content_type, body, bearer)| {
                Step::Garbage { method, path, content_type, body, bearer }
            }
        ),
    ]
}

const EVE: &str = "eve@example.net";
const NAMES: [&str; 3] = [ADA, BOB, EVE];
/// Names that the masks leave distinct.
const ADDRESSES: [&str; 3] = ["x@first.example", "x@second.example", "x@third.example"];

const CHANNELS: [&str; 2] = ["sms", "voice"];
const NUMBERS: [&str; 2] = ["+15550001234", "+15550005678"];

/// Something with an owner; the number of a user.
#[derive(Clone, Debug)]
struct Owned<T> {
    user: usize,
    it: T,
}

/// A code on its way.
#[derive(Clone, Debug)]
struct Sent {
    oob_code: String,
    code: String,
    at: Timestamp,
    mfa_token: String,
    /// What it confirms, where it is an association's.
    confirms: Vec<String>,
    used: bool,
}

/// A refresh token, and the number of the login that it goes back to.
#[derive(Clone, Debug)]
struct Renewable {
    text: String,
    family: usize,
}

/// An authenticator app.
#[derive(Clone, Debug)]
struct App {
    secret: String,
    /// With what it was associated.
    bearer: String,
}

/// What was enrolled: its name in the list, and whether it is active. The channel stands before the name of a number.
/// An app has no name there: here it is its secret.
type Enrolled = Vec<(String, bool)>;

struct Model {
    drive: Drive,
    ids: [String; 3],
    /// `mfa_token`s and access tokens for the MFA API.
    bearers: Vec<Owned<String>>,
    sent: Vec<Owned<Sent>>,
    apps: Vec<Owned<App>>,
    /// Secrets, and steps whose code was accepted.
    used_steps: Vec<(String, u64)>,
    recovery_codes: Vec<Owned<String>>,
    used_recovery_codes: Vec<String>,
    refresh_tokens: Vec<Owned<Renewable>>,
    used_refresh_tokens: Vec<String>,
    /// Those of which a token came a second time.
    ended_families: Vec<usize>,
    authenticators: Vec<Owned<String>>,
    enrolled: [Enrolled; 3],
    has_recovery_entry: [bool; 3],
}

fn pick<T>(from: &[Owned<T>], index: Index) -> Option<&Owned<T>> {
    if from.is_empty() { None } else { Some(index.get(from)) }
}

fn masked(address: &str) -> String {
    let domain = address.split('@').nth(1).expect("a domain");
    format!("****@{}{}", &domain[..4], "*".repeat(domain.len() - 4))
}

impl Model {
    fn new() -> Self {
        let factors =
            [Factor::Email, Factor::Otp, Factor::Sms, Factor::Voice, Factor::RecoveryCode];
        let mut drive = Drive::with(&factors, MfaPolicy::Always);
        let ids =
            NAMES.map(|name| drive.add_user(NewUser { email_verified: name == EVE, ..user(name) }));
        Self {
            drive,
            ids,
            bearers: vec![Owned { user: 0, it: "garbage".to_owned() }],
            sent: vec![],
            apps: vec![],
            used_steps: vec![],
            recovery_codes: vec![Owned { user: 0, it: "GARBAGE".to_owned() }],
            used_recovery_codes: vec!["GARBAGE".to_owned()],
            refresh_tokens: vec![],
            used_refresh_tokens: vec![],
            ended_families: vec![],
            authenticators: vec![Owned { user: 0, it: "email|dev_0".to_owned() }],
            enrolled: [vec![], vec![], vec![]],
            has_recovery_entry: [false; 3],
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Login { user, for_mfa } => self.login(user, for_mfa),
            Step::Associate { bearer, address } => {
                let bearer = index_of(&self.bearers, bearer);
                self.associate(&bearer, ADDRESSES.get(address).copied());
            }
            Step::Challenge { mfa_token, authenticator } => {
                let bearer = index_of(&self.bearers, mfa_token);
                let authenticator =
                    authenticator.map(|index| index_of(&self.authenticators, index));
                self.challenge(&bearer, authenticator.as_ref());
            }
            Step::Verify { mfa_token, sent, code } => {
                let Some(oob_code) = pick(&self.sent, sent).map(|sent| sent.it.oob_code.clone())
                else {
                    return;
                };
                let code = code.and_then(|index| pick(&self.sent, index));
                let code = code.map_or(WRONG_CODE.to_owned(), |sent| sent.it.code.clone());
                let bearer = index_of(&self.bearers, mfa_token);
                self.verify(&bearer, &oob_code, &code);
            }
            Step::VerifyLast { mfa_token } => {
                // What a client that means well does; but now and then with a spent token.
                let bearer = index_of(&self.bearers, mfa_token);
                let of_it = |sent: &&Owned<Sent>| sent.it.mfa_token == bearer.it;
                let Some(sent) = self.sent.iter().rev().find(of_it).cloned() else { return };
                self.verify(&bearer, &sent.it.oob_code, &sent.it.code);
            }
            Step::AssociateApp { bearer } => {
                let bearer = index_of(&self.bearers, bearer);
                self.associate_app(&bearer);
            }
            Step::AssociatePhone { bearer, channel, number } => {
                let bearer = index_of(&self.bearers, bearer);
                self.associate_phone(&bearer, channel, NUMBERS[number]);
            }
            Step::VerifyApp { mfa_token, app, steps } => {
                let bearer = index_of(&self.bearers, mfa_token);
                if let Some(app) = pick(&self.apps, app).cloned() {
                    self.verify_app(&bearer, &app, steps);
                }
            }
            Step::Recover { mfa_token, code } => {
                let bearer = index_of(&self.bearers, mfa_token);
                let code = index_of(&self.recovery_codes, code);
                self.recover(&bearer, &code);
            }
            Step::Refresh { token } => {
                if let Some(token) = pick(&self.refresh_tokens, token).cloned() {
                    self.refresh(&token);
                }
            }
            Step::List { bearer } => self.list(&index_of(&self.bearers, bearer)),
            Step::Delete { bearer, authenticator } => {
                let bearer = index_of(&self.bearers, bearer);
                let authenticator = index_of(&self.authenticators, authenticator);
                self.delete(&bearer, &authenticator);
            }
            Step::Wait { seconds } => self.drive.advance(Duration::from_secs(seconds)),
            Step::Garbage { method, path, content_type, body, bearer } => {
                let bearer = index_of(&self.bearers, bearer).it;
                self.garbage([method, path, content_type], &body, &bearer);
            }
        }
    }

    fn login(&mut self, user: usize, for_mfa: bool) {
        let scope = format!("{ALL_SCOPES} offline_access");
        let mut more = vec![("scope", scope.as_str())];
        if for_mfa {
            more.push(("audience", MFA_AUDIENCE));
        }
        let answer = self.drive.login(NAMES[user], &more);
        let mut enrolled = self.enrolled[user].iter();
        let is_guarded = enrolled.any(|(name, active)| *active && !name.contains('@'));
        if for_mfa && !is_guarded {
            self.tokens(user, &answer);
        } else {
            assert_eq!(answer.outcome().1, "mfa_required");
            self.bearers.push(Owned { user, it: answer.text("mfa_token") });
        }
    }

    fn associate(&mut self, bearer: &Owned<String>, address: Option<&str>) {
        let mut body = json!({"authenticator_types": ["oob"], "oob_channels": ["email"]});
        if let Some(address) = address {
            body["email"] = json!(address);
        }
        let answer = self.drive.associate(&bearer.it, &body);
        if answer.status() != 200 {
            return;
        }
        let user = bearer.user;
        let address = address.unwrap_or(NAMES[user]);
        assert_eq!(self.drive.inbox.last().map(|mail| mail.to.as_str()), Some(address));
        let name = masked(address);
        let pending = (name.clone(), false);
        let recovery_code = answer.body()["recovery_codes"][0].as_str().map(str::to_owned);
        self.recovery_code(user, recovery_code);
        let enrolled = &mut self.enrolled[user];
        if !enrolled.contains(&pending) {
            enrolled.push(pending);
        }
        self.sent(bearer, &answer, vec![name]);
    }

    fn associate_app(&mut self, bearer: &Owned<String>) {
        let answer = self.drive.associate_otp(&bearer.it);
        if answer.status() != 200 {
            return;
        }
        let secret = answer.text("secret");
        let user = bearer.user;
        let recovery_code = answer.body()["recovery_codes"][0].as_str().map(str::to_owned);
        self.recovery_code(user, recovery_code);
        let enrolled = &mut self.enrolled[user];
        match enrolled.iter_mut().find(|(name, active)| !active && is_app(name)) {
            Some(pending) => pending.0.clone_from(&secret),
            None => enrolled.push((secret.clone(), false)),
        }
        self.apps.push(Owned { user, it: App { secret, bearer: bearer.it.clone() } });
    }

    fn associate_phone(&mut self, bearer: &Owned<String>, channel: usize, number: &str) {
        let answer = self.drive.associate_phone(&bearer.it, CHANNELS[channel], number);
        if answer.status() != 200 {
            return;
        }
        let (sent_by, message) = self.drive.phones.last().expect("a message");
        assert_eq!((*sent_by, message.to.as_str()), (CHANNELS[channel], number));
        let recovery_code = answer.body()["recovery_codes"][0].as_str().map(str::to_owned);
        self.recovery_code(bearer.user, recovery_code);
        // The one that was asked for, and its twin.
        let channels = [CHANNELS[channel], CHANNELS[1 - channel]];
        let names = channels.map(|channel| format!("{channel} XXXXXXXX{}", &number[8..]));
        // In place of the pair that was not confirmed.
        let pending = names.clone().map(|name| (name, false));
        let enrolled = &mut self.enrolled[bearer.user];
        let at = enrolled.iter().position(|known| pending.contains(known));
        let at = at.unwrap_or(enrolled.len());
        enrolled.retain(|known| !pending.contains(known));
        enrolled.splice(at..at, pending);
        self.sent(bearer, &answer, names.to_vec());
    }

    fn verify_app(&mut self, bearer: &Owned<String>, app: &Owned<App>, steps: i64) {
        let millis = self.drive.now.as_millis().saturating_add_signed(steps * 30_000);
        let shown_at = Timestamp::from_millis(millis);
        let code = codes::totp(&app.it.secret, shown_at).expect("a secret");
        let answer = self.drive.verify_otp(&bearer.it, &code);
        if answer.status() != 200 {
            return;
        }
        assert_eq!(bearer.user, app.user);
        assert!((-1..=1).contains(&steps), "a code of {steps} steps away never works");
        let used = (app.it.secret.clone(), codes::step(shown_at));
        assert!(!self.used_steps.contains(&used), "a step's code works once");
        self.used_steps.push(used);
        let mut enrolled = self.enrolled[app.user].iter_mut();
        let entry = enrolled.find(|entry| entry.0 == app.it.secret).expect("it is enrolled");
        assert!(entry.1 || app.it.bearer == bearer.it, "it is confirmed where it was associated");
        entry.1 = true;
        self.tokens(bearer.user, &answer);
    }

    /// A recovery code comes with what is enrolled first.
    fn recovery_code(&mut self, user: usize, code: Option<String>) {
        if let Some(it) = code {
            assert!(self.enrolled[user].is_empty() && !self.has_recovery_entry[user]);
            self.has_recovery_entry[user] = true;
            self.recovery_codes.push(Owned { user, it });
        }
    }

    fn challenge(&mut self, bearer: &Owned<String>, authenticator: Option<&Owned<String>>) {
        let members = authenticator.map_or(json!({}), |it| json!({"authenticator_id": it.it}));
        let answer = self.drive.challenge(&bearer.it, &members);
        if answer.status() == 200 {
            // Nobody challenges what is another's.
            assert!(authenticator.is_none_or(|it| it.user == bearer.user));
            self.sent(bearer, &answer, vec![]);
        }
    }

    fn sent(&mut self, bearer: &Owned<String>, answer: &Answer, confirms: Vec<String>) {
        let sent = Sent {
            oob_code: answer.text("oob_code"),
            code: self.drive.code(),
            at: self.drive.now,
            mfa_token: bearer.it.clone(),
            confirms,
            used: false,
        };
        self.sent.push(Owned { user: bearer.user, it: sent });
    }

    fn verify(&mut self, bearer: &Owned<String>, oob_code: &str, code: &str) {
        let answer = self.drive.verify(&bearer.it, oob_code, code);
        if answer.status() != 200 {
            return;
        }
        let now = self.drive.now;
        let sent = self.sent.iter_mut().find(|sent| sent.it.oob_code == oob_code);
        let sent = sent.expect("it was sent");
        assert!(!sent.it.used, "a code works once");
        assert!(now.since(sent.it.at) < Duration::from_mins(5), "an expired code never does");
        assert_eq!(sent.it.code, code);
        assert_eq!((sent.user, &sent.it.mfa_token), (bearer.user, &bearer.it));
        sent.it.used = true;
        for name in sent.it.confirms.clone() {
            let mut enrolled = self.enrolled[bearer.user].iter_mut();
            let entry = enrolled.find(|entry| entry.0 == name && !entry.1).expect("it was pending");
            entry.1 = true;
        }
        self.tokens(bearer.user, &answer);
    }

    fn recover(&mut self, bearer: &Owned<String>, code: &Owned<String>) {
        let answer = self.drive.recover(&bearer.it, &code.it);
        if answer.status() == 200 {
            assert_eq!(bearer.user, code.user);
            assert!(!self.used_recovery_codes.contains(&code.it), "a recovery code works once");
            self.used_recovery_codes.push(code.it.clone());
            let replacement = answer.text("recovery_code");
            self.recovery_codes.push(Owned { user: code.user, it: replacement });
            self.tokens(bearer.user, &answer);
        }
    }

    fn refresh(&mut self, token: &Owned<Renewable>) {
        let Renewable { text, family } = &token.it;
        let answer = self.drive.token(&[("grant_type", "refresh_token"), ("refresh_token", text)]);
        let is_used = self.used_refresh_tokens.contains(text);
        let is_ended = self.ended_families.contains(family);
        assert_eq!(answer.status() == 200, !is_used && !is_ended);
        if answer.status() == 200 {
            self.used_refresh_tokens.push(text.clone());
            self.tokens(token.user, &answer);
            self.refresh_tokens.last_mut().expect("the next").it.family = *family;
        } else if is_used {
            self.ended_families.push(*family);
        }
    }

    /// Tokens must be the user's, whoever asked.
    fn tokens(&mut self, user: usize, answer: &Answer) {
        assert_eq!(answer.status(), 200);
        let access_token = answer.text("access_token");
        let userinfo = self.drive.get("/userinfo", &access_token);
        assert_eq!(userinfo.body()["sub"], json!(self.ids[user]));
        let family = self.refresh_tokens.len();
        let it = Renewable { text: answer.text("refresh_token"), family };
        self.refresh_tokens.push(Owned { user, it });
        if access_token.contains('.') {
            self.bearers.push(Owned { user, it: access_token });
        }
    }

    fn list(&mut self, bearer: &Owned<String>) {
        let answer = self.drive.list(&bearer.it);
        if answer.status() == 200 {
            self.listed(bearer.user, &answer.body());
        }
    }

    /// The list shows what was enrolled, no more and no less.
    fn listed(&mut self, user: usize, list: &Value) {
        let mut names = vec![];
        let mut recovery = vec![];
        let enrolled = &self.enrolled[user];
        let is_enrolled = enrolled.iter().any(|entry| entry.1);
        for entry in list.as_array().expect("a list") {
            let active = entry["active"].as_bool().expect("a boolean");
            let channel = entry["oob_channel"].as_str().filter(|it| CHANNELS.contains(it));
            match (entry["name"].as_str(), entry["authenticator_type"].as_str()) {
                (Some(name), _) => {
                    let name = channel.map_or(name.to_owned(), |it| format!("{it} {name}"));
                    names.push((name, active));
                }
                (None, Some("otp")) => names.push((APP.to_owned(), active)),
                _ => recovery.push(active),
            }
            let id = entry["id"].as_str().expect("an id").to_owned();
            if !self.authenticators.iter().any(|known| known.it == id) {
                self.authenticators.push(Owned { user, it: id.clone() });
            }
            assert!(self.authenticators.iter().all(|known| known.it != id || known.user == user));
        }
        let name = |name: &str| if is_app(name) { APP } else { name }.to_owned();
        let mut expected: Enrolled =
            enrolled.iter().map(|entry| (name(&entry.0), entry.1)).collect();
        let own = (masked(EVE), true);
        if NAMES[user] == EVE && !expected.contains(&own) {
            expected.push(own);
        }
        assert_eq!(names, expected);
        let entry = if self.has_recovery_entry[user] { vec![is_enrolled] } else { vec![] };
        assert_eq!(recovery, entry);
    }

    fn delete(&mut self, bearer: &Owned<String>, authenticator: &Owned<String>) {
        // What is behind the id is learnt from the list before.
        let list = self.drive.list(&bearer.it).body();
        let answer = self.drive.delete(&bearer.it, &authenticator.it);
        if answer.status() != 204 {
            return;
        }
        assert_eq!(bearer.user, authenticator.user);
        let entries = list.as_array().expect("who may delete may list");
        let is_enrolled = |entry: &&Value| entry["authenticator_type"] != json!("recovery-code");
        let named: Vec<_> = entries.iter().filter(is_enrolled).collect();
        // Twins have what stands behind the channel in common.
        let device = authenticator.it.split_once('|').expect("an id").1;
        let is_gone = |entry: &&Value| entry["id"].as_str().is_some_and(|id| id.ends_with(device));
        let gone: Vec<_> = named.iter().map(is_gone).collect();
        let enrolled = &mut self.enrolled[bearer.user];
        match gone.iter().position(|is_gone| *is_gone) {
            Some(at) => {
                let twins = if enrolled[at].0.contains(' ') { 2 } else { 1 };
                assert_eq!(gone.iter().filter(|is_gone| **is_gone).count(), twins);
                let mut gone = gone.into_iter();
                enrolled.retain(|_| !gone.next().unwrap_or_default());
            }
            None => self.has_recovery_entry[bearer.user] = false,
        }
        self.list(bearer);
    }

    /// Anything may come but a panic; a message must not.
    fn garbage(&mut self, [method, path, content_type]: [usize; 3], body: &[u8], bearer: &str) {
        const METHODS: [&str; 4] = ["GET", "POST", "DELETE", "?"];
        const PATHS: [&str; 8] = [
            "/oauth/token",
            "/mfa/associate",
            "/mfa/challenge",
            "/mfa/authenticators",
            "/mfa/authenticators/%7C%FF",
            "/userinfo",
            "/.well-known/jwks.json",
            "mfa?",
        ];
        const TYPES: [&str; 4] =
            ["application/json", "application/x-www-form-urlencoded", "text/plain", ";"];
        let mut request = Request::new(METHODS[method], PATHS[path])
            .header("content-type", TYPES[content_type])
            .header("authorization", format!("Bearer {bearer}"));
        request.body = body.to_vec();
        let messages = (self.drive.inbox.len(), self.drive.phones.len());
        let answer = self.drive.send(&request);
        assert!((200..500).contains(&answer.status()));
        assert_eq!((self.drive.inbox.len(), self.drive.phones.len()), messages);
    }
}

/// What stands for the name of an app.
const APP: &str = "an app";

/// Whether a name is the secret of an app: all others are addresses, or a channel and a number.
fn is_app(name: &str) -> bool {
    !name.contains(['@', ' '])
}

fn index_of(from: &[Owned<String>], index: Index) -> Owned<String> {
    index.get(from).clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_called_the_rules_hold(steps in vec(step(), 1..60)) {
        let mut model = Model::new();
        for step in steps {
            model.take(step);
        }
        for user in 0..NAMES.len() {
            model.login(user, false);
            let bearer = model.bearers.last().expect("a token").clone();
            model.list(&bearer);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        method in "[A-Z]{0,7}",
        path in "(/(mfa|oauth|userinfo|%[0-9a-fA-F]{2}|\\PC{0,4})){0,4}",
        authorization in "(Bearer|Basic|\\PC{0,3}) \\PC{0,20}",
        body in vec(any::<u8>(), 0..80),
    ) {
        let mut drive = Drive::new();
        let request = Request { body, ..Request::new(method, path) };
        let answer = drive.send(&request.header("authorization", authorization));
        prop_assert!((200..500).contains(&answer.status()));
    }
}

/// A model that nothing happens in proves nothing.
#[test]
fn the_model_gets_somewhere() {
    let mut model = Model::new();
    model.login(0, false);
    let bearer = model.bearers.last().expect("a token").clone();
    model.associate(&bearer, None);
    let sent = model.sent.last().expect("a code").clone();
    model.verify(&bearer, &sent.it.oob_code, &sent.it.code);
    assert_eq!(model.enrolled[0], [(masked(ADA), true)]);
    model.login(0, false);
    let bearer = model.bearers.last().expect("a token").clone();
    let code = model.recovery_codes.last().expect("a code").clone();
    model.recover(&bearer, &code);
    assert_eq!(model.used_recovery_codes.last(), Some(&code.it));

    model.login(1, false);
    let bearer = model.bearers.last().expect("a token").clone();
    model.associate_app(&bearer);
    let app = model.apps.last().expect("an app").clone();
    model.verify_app(&bearer, &app, -1);
    assert_eq!(model.enrolled[1], [(app.it.secret.clone(), true)]);
    assert_eq!(model.used_steps.len(), 1);
    model.login(2, false);
    let bearer = model.bearers.last().expect("a token").clone();
    model.associate_phone(&bearer, 1, NUMBERS[0]);
    let sent = model.sent.last().expect("a code").clone();
    model.verify(&bearer, &sent.it.oob_code, &sent.it.code);
    let pair = ["voice XXXXXXXX1234", "sms XXXXXXXX1234"].map(|name| (name.to_owned(), true));
    assert_eq!(model.enrolled[2], pair);
    model.login(1, true);
    assert!(model.bearers.last().is_some_and(|bearer| bearer.it.starts_with("Fe26")));
}
