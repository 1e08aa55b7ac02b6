//! Whether an application proves itself, and which grants it may use: it asks for tokens with what is none of anything,
//! and how it is refused tells.
//!
//! A tenant says `unauthorized_client` of a grant that an application may not use \[doc: update-grant-types\]. That it
//! looks at who asks first, then at the grant, and then at what is given for it is \[guess\].

use serde_json::json;

use super::{
    ask::{json_of, unreachable},
    open::{Field, OpenError},
    wire::{Call, Wire},
};
use crate::{
    clock::{AdjustedClock, Entropy, SystemEntropy},
    config::{Client, Proof, TargetSpec},
    emulator::GrantType,
    exchange::{Request, Response, Retry},
    plan,
    scenario::Grant,
    target::{SendError, assertion},
};

const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// How often an assertion, which works once, is made anew when the answer to it was lost.
const RETRIES: usize = 3;

/// The grants, as the file names them and as requests do; first those of which no login fails.
pub(super) const GRANTS: [(Grant, GrantType); 8] = [
    (Grant::MfaOtp, GrantType::MfaOtp),
    (Grant::MfaOob, GrantType::MfaOob),
    (Grant::MfaRecoveryCode, GrantType::MfaRecoveryCode),
    (Grant::RefreshToken, GrantType::RefreshToken),
    (Grant::AuthorizationCode, GrantType::AuthorizationCode),
    (Grant::ClientCredentials, GrantType::ClientCredentials),
    (Grant::Password, GrantType::Password),
    (Grant::PasswordRealm, GrantType::PasswordRealm),
];

/// The applications, each with what names it.
pub(super) fn clients(spec: &TargetSpec) -> Vec<(Field, &Client)> {
    let others = spec.clients.iter().enumerate();
    let others = others.map(|(number, client)| (Field::Client(Some(number)), client));
    std::iter::once((Field::Client(None), &spec.client)).chain(others).collect()
}

/// What a refusal tells of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The application may use it.
    Allowed,
    /// It may not.
    NotAllowed,
    /// Nothing; what was answered instead.
    Nothing(String),
}

/// Asks for tokens by one grant. The error is that the tenant does not accept the application, or is not there.
pub(super) async fn try_grant(
    wire: &Wire,
    spec: &TargetSpec,
    clock: AdjustedClock,
    (field, client): (Field, &Client),
    grant: GrantType,
    retries: &mut Vec<Retry>,
) -> Result<Told, OpenError> {
    let (at, domain) = match &spec.custom_domain {
        Some(domain) => (Field::CustomDomain, domain),
        None => (Field::Domain, &spec.domain),
    };
    let mut lost = 0;
    let response = loop {
        let call = Call {
            domain,
            request: request(spec, domain, clock, (field, client), grant)?,
            what: "see whether the application can prove itself",
            is_idempotent: !matches!(client.proof, Proof::PrivateKeyJwt(_)),
            accepts: &[],
        };
        match wire.send(call, retries).await {
            Ok(exchange) => break exchange.response,
            Err(SendError::Lost(_)) if lost < RETRIES => lost += 1,
            Err(error) => return Err(unreachable(at, domain, &error)),
        }
    };
    told(&response).map_err(|error| {
        let message = format!("the tenant does not accept this application: `{error}`");
        let hint = "its id and its secret or key are on its page in Auth0's dashboard";
        OpenError::new(field, message, hint)
    })
}

/// What is compared with the file of an application's grants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Those that the file says, or takes for granted, and the tenant does not allow.
    pub(super) denied: Vec<&'static str>,
    /// Those that the tenant allows, and the file says otherwise.
    pub(super) unsaid: Vec<&'static str>,
}

impl Compared {
    pub(super) fn of(client: &Client, found: &[(Grant, Told)]) -> Self {
        let said = plan::grants_of(client);
        let mut compared = Self::default();
        for (grant, told) in found {
            let word = grant.word();
            match told {
                Told::NotAllowed if said.contains(word) => compared.denied.push(word),
                Told::Allowed if client.grants.is_some() && !said.contains(word) => {
                    compared.unsaid.push(word);
                }
                _ => {}
            }
        }
        compared
    }
}

fn request(
    spec: &TargetSpec,
    domain: &str,
    clock: AdjustedClock,
    (field, client): (Field, &Client),
    grant: GrantType,
) -> Result<Request, OpenError> {
    let random: &mut dyn Entropy = &mut SystemEntropy;
    let id = random.text(32, ALPHABET);
    // A failed login of nobody: the name is another each time.
    let (name, password) = (format!("countersign-probe-{id}@example.com"), &id);
    let mut body = match grant {
        GrantType::Password => json!({"username": name, "password": password}),
        GrantType::PasswordRealm => {
            json!({"username": name, "password": password, "realm": spec.realm})
        }
        GrantType::MfaOob => {
            json!({"mfa_token": "none", "oob_code": "none", "binding_code": "000000"})
        }
        GrantType::MfaOtp => json!({"mfa_token": "none", "otp": "000000"}),
        GrantType::MfaRecoveryCode => json!({"mfa_token": "none", "recovery_code": "none"}),
        GrantType::RefreshToken => json!({"refresh_token": "none"}),
        GrantType::AuthorizationCode => {
            json!({"code": "none", "redirect_uri": "https://example.com/"})
        }
        GrantType::ClientCredentials => json!({"audience": format!("urn:{id}")}),
    };
    body["grant_type"] = grant.uri().into();
    body["client_id"] = client.id.as_str().into();
    let mut request = Request::new("POST", "/oauth/token");
    match &client.proof {
        Proof::Public => {}
        Proof::SecretPost(secret) => body["client_secret"] = secret.expose().as_str().into(),
        Proof::SecretBasic(secret) => {
            request = request.header("authorization", basic(&client.id, secret.expose()));
        }
        Proof::PrivateKeyJwt(key) => {
            let issuer = format!("https://{domain}/");
            let signed = assertion::by_pem(key, &client.id, &issuer, &id, clock.now());
            let signed = signed.map_err(|_| {
                let message = "this key cannot sign";
                OpenError::new(field, message, "it has to be an RSA key in PEM")
            })?;
            body["client_assertion_type"] =
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into();
            body["client_assertion"] = signed.into();
        }
    }
    Ok(request.json(&body))
}

/// The error is what the tenant calls an application that it does not accept.
fn told(response: &Response) -> Result<Told, String> {
    let error = json_of(response)["error"].as_str().unwrap_or_default().to_owned();
    match (response.status, error.as_str()) {
        (_, "unauthorized_client" | "unsupported_grant_type") => Ok(Told::NotAllowed),
        // These are of what was given, and not of who gave it.
        (401, "invalid_grant" | "expired_token" | "unsupported_challenge_type")
        | (400 | 403, "invalid_grant" | "invalid_request" | "access_denied" | "invalid_target") => {
            Ok(Told::Allowed)
        }
        (401, _) | (_, "invalid_client") => Err(error),
        (status, _) => Ok(Told::Nothing(format!("{status} {error}").trim_end().to_owned())),
    }
}

fn basic(id: &str, secret: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[cfg(test)]
mod tests {
    use super::{Compared, Told, told};
    use crate::{
        config::{Client, Proof},
        exchange::Response,
        scenario::Grant,
    };

    #[test]
    fn a_refusal_tells_whether_the_grant_is_allowed() {
        let nothing = |text: &str| Ok(Told::Nothing(text.to_owned()));
        for (status, error, wanted) in [
            (403, "unauthorized_client", Ok(Told::NotAllowed)),
            (400, "unsupported_grant_type", Ok(Told::NotAllowed)),
            (403, "invalid_grant", Ok(Told::Allowed)),
            (401, "expired_token", Ok(Told::Allowed)),
            (403, "access_denied", Ok(Told::Allowed)),
            (401, "access_denied", Err("access_denied".to_owned())),
            (401, "invalid_client", Err("invalid_client".to_owned())),
            (401, "", Err(String::new())),
            (429, "too_many_requests", nothing("429 too_many_requests")),
            (404, "", nothing("404")),
        ] {
            let body = serde_json::json!({"error": error}).to_string().into_bytes();
            let response = Response { status, body, ..Response::default() };
            assert_eq!(told(&response), wanted, "{status} {error}");
        }
    }

    #[test]
    fn what_the_file_says_of_grants_is_compared() {
        let client = |grants| Client { id: "x".to_owned(), proof: Proof::Public, grants };
        let found = [
            (Grant::Password, Told::NotAllowed),
            (Grant::MfaOtp, Told::Allowed),
            (Grant::RefreshToken, Told::Allowed),
            (Grant::ClientCredentials, Told::NotAllowed),
            (Grant::MfaOob, Told::Nothing("503".to_owned())),
        ];
        let said = Compared::of(&client(Some(vec![Grant::Password, Grant::Mfa])), &found);
        assert_eq!(said, Compared { denied: vec!["password"], unsaid: vec!["refresh_token"] });
        let unsaid = Compared::of(&client(None), &found);
        assert_eq!(unsaid, Compared { denied: vec!["password"], unsaid: Vec::new() });
    }
}
