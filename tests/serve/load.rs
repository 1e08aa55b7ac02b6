//! Many clients at once: each gets the answers to what it asked, whoever else is slow.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
};

use countersign::{
    codes,
    emulator::NewUser,
    serve::{Options, Service},
};
use serde_json::{Value, json};

use crate::drive::connect;

const CLIENTS: usize = 64;

/// A connection that is kept for many requests.
struct Kept(BufReader<TcpStream>);

impl Kept {
    fn new(service: &Service) -> Self {
        Self(BufReader::new(connect(&service.url())))
    }

    /// The status and the JSON that come for a request.
    fn call(&mut self, line: &str, bearer: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        write!(
            self.0.get_mut(),
            "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("it is sent");
        let mut status = 0;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a line");
            let line = line.trim_end().to_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }
}

/// Enrols an app, and asks for much that is refused besides; gives how many answers came.
fn go_round(service: &Service, number: usize) -> usize {
    let mut kept = Kept::new(service);
    let mut answered = 0;
    let mut call = |line: &str, bearer: &str, body: Value, expected: u16| {
        let (status, body) = kept.call(line, bearer, &body);
        assert_eq!(status, expected, "{line} of {number}: {body}");
        answered += 1;
        body
    };
    let client = &service.clients().spa.id;
    let email = format!("user-{number}@example.com");
    let token = "POST /oauth/token";
    let login = |password: &str| {
        json!({"grant_type": "password", "client_id": client, "username": email,
            "password": password, "scope": "openid email"})
    };
    call(token, "", login("wrong"), 403);
    let mfa_token = call(token, "", login("correct horse"), 403)["mfa_token"].clone();
    let bearer = mfa_token.as_str().expect("a token");
    assert_eq!(call("GET /mfa/authenticators", bearer, Value::Null, 200), json!([]));
    let app = json!({"authenticator_types": ["otp"]});
    let app = call("POST /mfa/associate", bearer, app, 200);
    let verify = |otp: &str| {
        json!({"grant_type": "http://auth0.com/oauth/grant-type/mfa-otp", "client_id": client,
            "mfa_token": mfa_token, "otp": otp})
    };
    call(token, "", verify("000000"), 403);
    let secret = app["secret"].as_str().expect("a secret");
    let otp = codes::totp(secret, service.tenant().now()).expect("a code");
    let tokens = call(token, "", verify(&otp), 200);
    let access_token = tokens["access_token"].as_str().expect("a token");
    let claims = call("GET /userinfo", access_token, Value::Null, 200);
    assert_eq!(claims["email"], json!(email));
    call("GET /nothing", "", Value::Null, 404);
    answered
}

#[test]
fn no_answer_of_many_clients_is_lost_or_another_ones() {
    let service = Service::start(Options::new(1)).expect("a service");
    for number in 0..CLIENTS {
        let email = format!("user-{number}@example.com");
        service.tenant().add_user(NewUser::new(email, "correct horse"));
    }
    // Half of a request, to which the rest comes when somebody else has got through.
    let mut slow = connect(&service.url());
    slow.write_all(b"GET /.well-known/jwks.json HTTP/1.0\r\nho").expect("it is sent");
    let answered: usize = thread::scope(|scope| {
        let client = |number| {
            scope.spawn({
                let service = &service;
                move || go_round(service, number)
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let mut clients = clients.into_iter().map(|client| client.join().expect("all answers"));
        let first = clients.next().unwrap_or_default();
        slow.write_all(b"st: x\r\n\r\n").expect("it is sent");
        first + clients.sum::<usize>()
    });
    assert_eq!(answered, CLIENTS * 8);
    let bytes = crate::drive::rest(&slow);
    assert!(bytes.starts_with(b"HTTP/1.0 200"), "{bytes:?}");
}
