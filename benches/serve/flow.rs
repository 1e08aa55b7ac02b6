//! A client that goes round a flow on one connection, and is cheap: it shares the machine with the server.

use std::{net::SocketAddr, time::Duration};

use countersign::{
    clock::{Clock as _, RunningClock},
    codes,
    exchange::{FORM, JSON},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::Result;

/// An answer that takes as long is lost.
const LIMIT: Duration = Duration::from_secs(10);

/// A round: its steps by name with the status that each is answered with, and the scope of its login.
pub(crate) struct Round {
    pub(crate) steps: &'static [(&'static str, u16)],
    pub(crate) scope: &'static str,
}

/// One that needs no signature.
pub(crate) const UNSIGNED: Round = Round {
    steps: &[
        ("login", 403),
        ("list", 200),
        ("associate", 200),
        ("wrong code", 403),
        ("wrong password", 403),
        ("configuration", 200),
    ],
    scope: "",
};

/// Who calls.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) client_id: String,
    pub(crate) email: String,
    /// What the step `remove` needs.
    pub(crate) id: String,
    pub(crate) manager: String,
    /// What the step `manage` sends.
    pub(crate) manager_login: String,
}

/// One connection of one user.
pub(crate) struct Flow {
    connection: Connection,
    round: &'static Round,
    person: Person,
    mfa_token: String,
    access_token: String,
    refresh_token: String,
    secret: String,
    next: usize,
}

impl Flow {
    pub(crate) async fn start(
        address: SocketAddr,
        round: &'static Round,
        person: Person,
    ) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(address).await?,
            round,
            person,
            mfa_token: String::new(),
            access_token: String::new(),
            refresh_token: String::new(),
            secret: String::new(),
            next: 0,
        })
    }

    /// Sends the next request and reads its answer: the status, which is the right one, and the body.
    pub(crate) async fn step(&mut self) -> Result<(u16, Vec<u8>)> {
        let (name, expected) = self.round.steps[self.next];
        let request = self.request(name)?;
        let (status, body) = self.connection.exchange(&request).await?;
        // Of a million apps one shows the code that is to be wrong, and this meets them.
        let is_chance = name == "wrong code" && status == 200;
        if status != expected && !is_chance {
            let body = String::from_utf8_lossy(&body);
            return Err(format!("`{name}` was answered with {status}: {body}").into());
        }
        for (member, kept) in [
            ("mfa_token", &mut self.mfa_token),
            ("access_token", &mut self.access_token),
            ("refresh_token", &mut self.refresh_token),
            ("secret", &mut self.secret),
        ] {
            if let Some(value) = self::member(&body, member) {
                value.clone_into(kept);
            }
        }
        if name == "manage" {
            self.person.manager.clone_from(&self.access_token);
        }
        // With a code that was right after all, the login is over.
        self.next = if is_chance { 0 } else { (self.next + 1) % self.round.steps.len() };
        Ok((status, body))
    }

    /// Whether the next step begins a round.
    pub(crate) const fn is_round(&self) -> bool {
        self.next == 0
    }

    fn request(&self, name: &str) -> Result<String> {
        let Self { person: Person { client_id, email, id, manager, .. }, mfa_token, .. } = self;
        let token = |parameters: &str| {
            let body = format!("client_id={client_id}&{parameters}");
            post(name, "/oauth/token", "", FORM, &body)
        };
        let associate = |body| {
            let authorization = format!("authorization: Bearer {mfa_token}\r\n");
            post(name, "/mfa/associate", &authorization, JSON, body)
        };
        let scope = self.round.scope;
        Ok(match name {
            "login" => token(&format!(
                "grant_type=password&username={email}&password=correct+horse&scope={scope}"
            )),
            "wrong password" => {
                token(&format!("grant_type=password&username={email}&password=wrong"))
            }
            "list" => bare(name, "GET", "/mfa/authenticators", mfa_token),
            "associate" => associate(r#"{"authenticator_types":["otp"]}"#),
            "associate e-mail" => {
                associate(r#"{"authenticator_types":["oob"],"oob_channels":["email"]}"#)
            }
            "wrong code" | "code" => {
                let otp = if name == "code" {
                    codes::totp(&self.secret, RunningClock::default().now())?
                } else {
                    "000000".to_owned()
                };
                token(&format!(
                    "grant_type=http://auth0.com/oauth/grant-type/mfa-otp\
                     &mfa_token={mfa_token}&otp={otp}"
                ))
            }
            "refresh" => {
                let refresh_token = &self.refresh_token;
                token(&format!("grant_type=refresh_token&refresh_token={refresh_token}"))
            }
            "userinfo" => bare(name, "GET", "/userinfo", &self.access_token),
            "manage" => post(name, "/oauth/token", "", FORM, &self.person.manager_login),
            "remove" => {
                let path = format!("/api/v2/users/{id}/authenticators");
                bare(name, "DELETE", &path, manager)
            }
            _ => bare(name, "GET", "/.well-known/openid-configuration", ""),
        })
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// The status and the body that come for a request.
    pub(crate) async fn exchange(&mut self, request: &str) -> Result<(u16, Vec<u8>)> {
        self.stream.write_all(request.as_bytes()).await?;
        timeout(LIMIT, self.answer()).await?
    }

    async fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        self.received.clear();
        loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.received[..end])?;
                let status = head.get(9..12).ok_or("no status")?.parse()?;
                // 204 has none.
                let length = head.split("content-length: ").nth(1).unwrap_or("0");
                let length: usize = length.split('\r').next().unwrap_or_default().parse()?;
                if self.received.len() >= end + 4 + length {
                    return Ok((status, self.received[end + 4..].to_vec()));
                }
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err("the server has closed the connection".into());
            }
        }
    }
}

/// A member of a JSON object that is a text without escapes.
pub(crate) fn member<'a>(body: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}

/// A request without a body.
pub(crate) fn bare(step: &str, method: &str, path: &str, bearer: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: benchmark\r\n\
         accept: application/json\r\nx-step: {step}\r\nauthorization: Bearer {bearer}\r\n\r\n"
    )
}

/// A request with a body.
pub(crate) fn post(step: &str, path: &str, headers: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: benchmark\r\n\
         accept: application/json\r\nx-step: {step}\r\n{headers}\
         content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
