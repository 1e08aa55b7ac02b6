//! From a request to what it asks for: the endpoint, the parameters, the credentials.

use std::net::Ipv6Addr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{client, error::Refusal, management::Operation};
use crate::exchange::{Content, Request};

/// What can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Token,
    Associate,
    Challenge,
    ListAuthenticators,
    DeleteAuthenticator(String),
    UserInfo,
    Management(Operation),
    Discovery,
    Keys,
}

impl Endpoint {
    /// What this request calls: 404 for an unknown path, 405 for an unknown method, which says
    /// what is known. HEAD is GET whose answer has no body: RFC 9110, section 9.3.2.
    pub(super) fn of(request: &Request) -> Result<Self, Refusal> {
        let path = request.path.split('?').next().unwrap_or_default();
        let method = if request.method == "HEAD" { "GET" } else { &request.method };
        Self::at(method, path).map_err(|mut refusal| {
            if refusal.status == 405 {
                let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter();
                let known: Vec<_> = known.filter(|method| Self::at(method, path).is_ok()).collect();
                refusal.headers.push(("allow", known.join(", ").replace("GET", "GET, HEAD")));
            }
            refusal
        })
    }

    fn at(method: &str, path: &str) -> Result<Self, Refusal> {
        if let Some(path) = path.strip_prefix("/api/v2/") {
            return Operation::of(method, path).map(Self::Management);
        }
        let (methods, endpoint): (&[&str], _) = match path {
            "/oauth/token" => (&["POST"], Self::Token),
            "/mfa/associate" => (&["POST"], Self::Associate),
            "/mfa/challenge" => (&["POST"], Self::Challenge),
            "/mfa/authenticators" => (&["GET"], Self::ListAuthenticators),
            "/userinfo" => (&["GET", "POST"], Self::UserInfo),
            "/.well-known/openid-configuration" => (&["GET"], Self::Discovery),
            "/.well-known/jwks.json" => (&["GET"], Self::Keys),
            _ => (&["DELETE"], Self::authenticator(path).ok_or_else(Refusal::not_found)?),
        };
        if methods.contains(&method) { Ok(endpoint) } else { Err(Refusal::method_not_allowed()) }
    }

    fn authenticator(path: &str) -> Option<Self> {
        let id = path.strip_prefix("/mfa/authenticators/")?;
        if id.is_empty() || id.contains('/') {
            return None;
        }
        // Clients send the `|` as `%7C` [rec].
        let id = percent_decode_str(id).decode_utf8().ok()?;
        Some(Self::DeleteAuthenticator(id.into_owned()))
    }

    /// The token endpoint names no character set, `/mfa/*` and `/userinfo` do \[rec\].
    pub(super) const fn content_type(&self) -> &'static str {
        match self {
            Self::Token => "application/json",
            _ => "application/json; charset=utf-8",
        }
    }
}

/// The parameters of a body, JSON or form alike \[doc\]\[oas\]. Whatever cannot be read has none.
#[derive(Clone)]
pub(super) struct Parameters(Map<String, Value>);

impl Parameters {
    pub(super) fn of(request: &Request) -> Self {
        Self(match request.content() {
            Content::Json(Value::Object(members)) => members,
            Content::Form(fields) => {
                fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
            }
            _ => Map::new(),
        })
    }

    /// A parameter, if it is there: `null` is absent \[sdk: auth0-python\], and so is an empty
    /// text \[guess\].
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    /// The first text of a list that must be there. Whether more than one makes sense is not said.
    pub(super) fn first(&self, name: &str) -> Result<&str, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Err(Refusal::missing(name)),
            Some(list) => list.get(0).and_then(Value::as_str).ok_or_else(|| Refusal::invalid(name)),
        }
    }
}

/// Who a client says that it is.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) id: String,
    pub(super) proof: Proof,
}

/// The one kind of assertion there is \[doc\].
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a client shows for it.
#[derive(Clone)]
pub(super) enum Proof {
    None,
    Secret(String),
    /// A JWT that is signed with the client's own key.
    Assertion(String),
}

impl Credentials {
    /// From HTTP Basic, where there is any, else from the body \[doc\]; a client must not use both:
    /// RFC 6749, section 2.3.
    pub(super) fn of(request: &Request, parameters: &Parameters) -> Result<Self, Refusal> {
        if let Some(basic) = authorization(request, "basic") {
            let basic = Self::basic(basic).ok_or_else(Refusal::invalid_client)?;
            let mut proofs = ["client_secret", "client_assertion"].into_iter();
            let is_other = parameters.get("client_id").is_some_and(|id| id != basic.id);
            if is_other || proofs.any(|name| parameters.get(name).is_some()) {
                return Err(Refusal::two_authentications());
            }
            return Ok(basic);
        }
        if let Some(assertion) = parameters.get("client_assertion") {
            if parameters.required("client_assertion_type")? != ASSERTION_TYPE {
                return Err(Refusal::invalid("client_assertion_type"));
            }
            // The assertion says whose it is, so the `client_id` may be left out [doc].
            let id = parameters.get("client_id").map(str::to_owned);
            let id = id.or_else(|| client::claimed_subject(assertion));
            let id = id.ok_or_else(Refusal::invalid_client)?;
            return Ok(Self { id, proof: Proof::Assertion(assertion.to_owned()) });
        }
        let id = parameters.required("client_id")?.to_owned();
        let secret = parameters.get("client_secret").map(str::to_owned);
        Ok(Self { id, proof: secret.map_or(Proof::None, Proof::Secret) })
    }

    /// Each half is form-encoded before they are joined: RFC 6749, section 2.3.1.
    fn basic(encoded: &str) -> Option<Self> {
        let joined = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (id, secret) = joined.split_once(':')?;
        let decode = |half| Some(percent_decode_str(half).decode_utf8().ok()?.into_owned());
        Some(Self { id: decode(id)?, proof: Proof::Secret(decode(secret)?) })
    }
}

/// Whether this is a name or an address that the tenant can be reached by, with a port or without.
pub(super) fn is_authority(text: &str) -> bool {
    let is_host = |host: &str| {
        if let Some(address) = host.strip_prefix('[') {
            address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        } else {
            let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(of_name)
        }
    };
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => port.parse::<u16>().is_ok() && is_host(host),
        _ => is_host(text),
    }
}

/// The bearer token of a request, if any.
pub(super) fn bearer(request: &Request) -> Option<&str> {
    authorization(request, "bearer")
}

fn authorization<'a>(request: &'a Request, scheme: &str) -> Option<&'a str> {
    let header = request.headers.get("authorization")?;
    let (found, value) = header.split_once(' ').unwrap_or((header, ""));
    found.eq_ignore_ascii_case(scheme).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, is_authority};
    use crate::exchange::Request;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for host in ["localhost", "a-b.c_d.example", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            assert!(is_authority(host), "{host}");
        }
        for host in
            ["", "a b", ":80", "a:", "a:x", "a:65536", "x@a", "<script>", "a/b", "::1", "[a]", "ü"]
        {
            assert!(!is_authority(host), "{host}");
        }
    }

    #[test]
    fn paths_and_methods_are_told_apart() {
        for (method, path, expected) in [
            ("POST", "/oauth/token", Ok(Endpoint::Token)),
            ("POST", "/oauth/token?x=1", Ok(Endpoint::Token)),
            ("GET", "/oauth/token", Err(405)),
            // A page has this slip; it is none of the API's paths.
            ("POST", "/oath/token", Err(404)),
            ("GET", "/mfa/authenticators", Ok(Endpoint::ListAuthenticators)),
            (
                "DELETE",
                "/mfa/authenticators/email%7Cdev_1",
                Ok(Endpoint::DeleteAuthenticator("email|dev_1".into())),
            ),
            ("DELETE", "/mfa/authenticators/", Err(404)),
            ("DELETE", "/mfa/authenticators/a/b", Err(404)),
            ("DELETE", "/mfa/authenticators/%FF", Err(404)),
            ("GET", "/mfa/authenticators/email%7Cdev_1", Err(405)),
            ("GET", "", Err(404)),
        ] {
            let found = Endpoint::of(&Request::new(method, path));
            assert_eq!(found.map_err(|refusal| refusal.status), expected, "{method} {path}");
        }
    }
}
