//! Who may use the control API: whoever knows the token, or without one, programs on the same machine, but no web
//! page of another origin.

use std::net::{IpAddr, SocketAddr};

use hyper::{
    Method, Request, StatusCode,
    body::Body,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN},
};
use subtle::ConstantTimeEq as _;

use super::super::refusal::Refusal;
use crate::{emulator::Scheme, secret::Secret};

/// The rules of one server.
pub(in super::super) struct Access {
    /// What everybody has to show, if anything.
    pub(in super::super) token: Option<Secret<String>>,
    /// What the server's own pages are reached by: what it speaks itself, and what is spoken in front of it.
    pub(in super::super) schemes: [Scheme; 2],
}

impl Access {
    /// Whether whoever sends this may use the API.
    pub(super) fn check<B>(&self, peer: SocketAddr, request: &Request<B>) -> Result<(), Refusal>
    where
        B: Body,
    {
        let headers = request.headers();
        if let Some(token) = &self.token {
            let given = text(headers, &AUTHORIZATION).and_then(|value| value.split_once(' '));
            let shown = given.is_some_and(|(scheme, shown)| {
                scheme.eq_ignore_ascii_case("bearer")
                    && bool::from(shown.trim().as_bytes().ct_eq(token.expose().as_bytes()))
            });
            if !shown {
                let text = "Expected: `Authorization: Bearer` with the control token.";
                return Err(Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", text));
            }
        }
        self.check_page(peer, request)?;
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if !is_safe && !request.body().is_end_stream() && !is_json(headers) {
            let text = "Expected: `Content-Type: application/json`";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", text));
        }
        Ok(())
    }

    /// Whether whoever sends this may see the page. A browser cannot show a token before the page has asked for it.
    pub(super) fn check_page<B>(
        &self,
        peer: SocketAddr,
        request: &Request<B>,
    ) -> Result<(), Refusal> {
        let headers = request.headers();
        let host = text(headers, &HOST).unwrap_or_default();
        if self.token.is_none() {
            if !is_loopback(peer.ip()) {
                return Err(Refusal::forbidden(
                    "Without a control token the control API is for the same machine only.",
                ));
            }
            // A page can have its own name lead to this machine, and then is of the same origin. And what a proxy on
            // this machine passes on comes from anywhere.
            if !is_own(host) || PASSED_ON.iter().any(|name| headers.contains_key(*name)) {
                return Err(Refusal::forbidden(
                    "Without a control token the control API is only at `localhost` or an IP address, and not \
                     behind a proxy.",
                ));
            }
        }
        if let Some(origin) = headers.get(ORIGIN) {
            let own = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            let is_own = |(scheme, own): (&str, &str)| {
                own == host && self.schemes.iter().any(|known| known.word() == scheme)
            };
            if !own.is_some_and(is_own) {
                return Err(Refusal::forbidden(
                    "The control API is not for pages of another origin.",
                ));
            }
        }
        Ok(())
    }
}

/// What proxies say of whom they pass on.
const PASSED_ON: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via"];

fn is_own(host: &str) -> bool {
    let name = name(host);
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

/// A host without its port, and without the brackets of an IPv6 address.
fn name(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = text(headers, &CONTENT_TYPE).and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::Access;
    use crate::{emulator::Scheme, secret::Secret};
    use http_body_util::Empty;
    use hyper::{Request, body::Bytes};

    #[test]
    fn without_a_token_it_is_for_the_same_machine() {
        let token = Some(Secret::new("sesame".to_owned()));
        let schemes = [Scheme::Http; 2];
        let [open, guarded] = [None, token].map(|token| Access { token, schemes });
        for (peer, host, is_admitted) in [
            ("127.0.0.1:1", "127.0.0.1:4455", true),
            ("127.8.8.8:1", "localhost", true),
            ("[::1]:1", "[::1]:4455", true),
            ("[::ffff:127.0.0.1]:1", "localhost:4455", true),
            ("192.168.0.7:1", "192.168.0.1:4455", false),
            ("192.168.0.7:1", "localhost", false),
            ("[2001:db8::7]:1", "localhost", false),
            ("[::ffff:192.168.0.7]:1", "localhost", false),
            ("127.0.0.1:1", "evil.example", false),
            ("127.0.0.1:1", "", false),
        ] {
            let request = |bearer| {
                Request::get("/_countersign/outbox")
                    .header("host", host)
                    .header("authorization", bearer)
                    .body(Empty::<Bytes>::new())
                    .expect("a request")
            };
            let (peer, shown) = (peer.parse().expect("an address"), "Bearer sesame");
            assert_eq!(open.check(peer, &request(shown)).is_ok(), is_admitted, "{peer} {host}");
            assert!(guarded.check(peer, &request(shown)).is_ok(), "{peer} {host}");
            assert!(guarded.check(peer, &request("Bearer open")).is_err(), "{peer} {host}");
        }
    }
}
