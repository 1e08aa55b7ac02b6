//! A client that sends exactly what a test says, and waits for the end of the answer.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use countersign::serve::Service;
use serde_json::Value;

/// No answer takes as long: without a limit a server that hangs would hang the test.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {text}"));
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

pub(crate) fn connect(url: &str) -> TcpStream {
    let address = url.strip_prefix("http://").expect("plain HTTP");
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream
}

/// All that comes until the server closes.
pub(crate) fn rest(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        // A server that closes while something is unread resets the connection.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => bytes,
        Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
    }
}

/// A request with these header lines, on a connection of its own.
pub(crate) fn call(url: &str, line: &str, headers: &[&str], body: &str) -> Answer {
    let host = url.strip_prefix("http://").expect("plain HTTP");
    let host = if headers.iter().any(|line| line.starts_with("host:")) {
        String::new()
    } else {
        format!("host: {host}\r\n")
    };
    let lines: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\n{host}connection: close\r\n{lines}content-length: {length}\r\n\r\n{body}"
    );
    let mut stream = connect(url);
    stream.write_all(text.as_bytes()).expect("it is sent");
    Answer::of(&rest(&stream))
}

/// A request to the control API, with JSON if there is a body.
pub(crate) fn control(service: &Service, line: &str, body: &str) -> Answer {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let line = format!("{method} /_countersign/{path}");
    call(&service.url(), &line, &["content-type: application/json"], body)
}
