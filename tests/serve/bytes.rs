//! Bytes that no client of Auth0 sends: each gets a clean answer or a clean end, and the next client is served.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::Shutdown,
    thread,
};

use countersign::serve::{Options, Service};

use crate::drive::{Answer, call, connect, rest};

const KEYS: &str = "GET /.well-known/jwks.json";

/// Sends bytes and nothing more, and reads to the end.
fn exchange(service: &Service, bytes: &[u8]) -> Vec<u8> {
    let stream = connect(&service.url());
    let writer = stream.try_clone().expect("a second end");
    thread::scope(|scope| {
        // It may be refused before all of it is sent.
        scope.spawn(move || {
            let _ = (&writer).write_all(bytes);
            let _ = writer.shutdown(Shutdown::Write);
        });
        rest(&stream)
    })
}

#[test]
fn what_is_no_request_is_refused_or_ends() {
    let service = Service::start(Options::new(1)).expect("a service");
    let token = |kind: &str, body: &str| {
        format!(
            "POST /oauth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {kind}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let get =
        |extra: &str| format!("{KEYS} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{extra}\r\n");
    let many = "x: 1\r\n".repeat(100);
    let large = format!("x: {}\r\n", "y".repeat(1 << 20));
    for (what, bytes, status) in [
        (
            "a method of no endpoint",
            "PUT /oauth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(),
            405,
        ),
        (
            "a method of no standard",
            "BREW / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(),
            404,
        ),
        ("a tunnel", "CONNECT x:1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(), 404),
        (
            "a path of nothing",
            "GET /../%00?%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".into(),
            404,
        ),
        ("another type", token("text/plain", "grant_type=password"), 400),
        ("broken JSON", token("application/json", "{\"grant_type\": "), 400),
        ("JSON of another shape", token("application/json", "[[[]]]"), 400),
        ("no UTF-8", token("application/x-www-form-urlencoded", "grant_type=%ff%fe"), 400),
        ("a hundred headers", get(&many), 431),
        ("a large header", get(&large), 431),
        ("a header without a colon", get("nothing\r\n"), 400),
        ("no length", get("content-length: some\r\n"), 400),
        ("two lengths", get("content-length: 1\r\ncontent-length: 2\r\n"), 400),
        ("a broken chunk", get("transfer-encoding: chunked\r\n\r\nZZ\r\n"), 400),
        ("a body that ends early", get("content-length: 9\r\n\r\n1234"), 400),
        ("no version", "GET /\r\n\r\n".into(), 400),
        ("another version", format!("{KEYS} HTTP/3.7\r\n\r\n"), 400),
        ("HTTP/1.0", format!("{KEYS} HTTP/1.0\r\n\r\n"), 200),
        ("no host", format!("{KEYS} HTTP/1.1\r\nconnection: close\r\n\r\n"), 200),
    ] {
        let answer = Answer::of(&exchange(&service, bytes.as_bytes()));
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        if !answer.body.is_empty() && status >= 400 {
            assert!(answer.json()["error_description"].is_string(), "{what}: {answer:?}");
        }
        assert_eq!(call(&service.url(), KEYS, &[], "").status, 200, "after {what}");
    }
}

#[test]
fn what_ends_before_it_is_a_request_ends() {
    let service = Service::start(Options::new(1)).expect("a service");
    let garbage: Vec<u8> = (0..=255).cycle().take(4096).collect();
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("half a line", b"GET /.well-kn"),
        ("half of the headers", b"GET / HTTP/1.1\r\nhost: x\r\nacc"),
        ("a handshake of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("garbage", &garbage),
    ] {
        let bytes = exchange(&service, bytes);
        assert!(bytes.is_empty() || Answer::of(&bytes).status == 400, "{what}: {bytes:?}");
        assert_eq!(call(&service.url(), KEYS, &[], "").status, 200, "after {what}");
    }
}

#[test]
fn a_long_body_is_refused_in_the_shape_of_the_api() {
    let service = Service::start(Options::new(1)).expect("a service");
    let body = "x".repeat(10 << 20);
    let answer = call(&service.url(), "POST /oauth/token", &[], &body);
    assert_eq!((answer.status, &answer.json()["error"]), (413, &"payload_too_large".into()));
    // Who asks first is told before sending it.
    let mut stream = connect(&service.url());
    let head = "POST /oauth/token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
                content-length: 10485760\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("it is sent");
    assert_eq!(Answer::of(&rest(&stream)).status, 413);
}

#[test]
fn slow_clients_hold_up_nobody() {
    let service = Service::start(Options::new(1)).expect("a service");
    let mut slow: Vec<_> = (0..100).map(|_| connect(&service.url())).collect();
    for (number, stream) in slow.iter_mut().enumerate() {
        let begun =
            ["", "POST /oauth/tok", "POST /oauth/token HTTP/1.1\r\ncontent-length: 9\r\n\r\n1"];
        stream.write_all(begun[number % 3].as_bytes()).expect("it is sent");
    }
    assert_eq!(call(&service.url(), KEYS, &[], "").status, 200);
    // It ends with them still there.
    drop(service);
    drop(slow);
}

#[test]
fn requests_on_one_connection_are_answered_in_order() {
    let service = Service::start(Options::new(1)).expect("a service");
    let stream = connect(&service.url());
    let keep = format!("{KEYS} HTTP/1.1\r\nhost: x\r\n\r\n");
    let last = "GET /none HTTP/1.1\r\nhost: x\r\n\r\n";
    (&stream).write_all(format!("{keep}{last}").as_bytes()).expect("it is sent");
    // The client has said all that it will, and waits.
    stream.shutdown(Shutdown::Write).expect("half of it is closed");
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let statuses: Vec<_> = lines
        .filter_map(|line| {
            let at = line.find("HTTP/1.1 ")?;
            line.get(at + 9..at + 12).map(str::to_owned)
        })
        .collect();
    assert_eq!(statuses, ["200", "404"]);
}
