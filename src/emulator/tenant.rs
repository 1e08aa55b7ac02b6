//! What a tenant is set up with.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    action::Action,
    attack::BruteForceProtection,
    client::{Api, PublicKey},
    limits::Limits,
};
use crate::secret::Secret;

/// The one connection, as a new tenant names it: the database that all users are in.
pub(super) const CONNECTION: &str = "Username-Password-Authentication";

/// A tenant's set-up. What is not said is as [`Tenant::new`] has it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// How it is reached: `https`, as every tenant of Auth0's is, unless it is served without TLS.
    pub scheme: Scheme,
    /// The host, with a port where it has one: issuer and addresses are made of it.
    pub domain: String,
    /// The factors that are on. Recovery codes are off by default on a tenant \[doc\].
    pub factors: BTreeSet<Factor>,
    /// When a login needs a second factor.
    pub policy: MfaPolicy,
    /// Whether factors are chosen by Actions: then `mfa_required` says what is required, and every
    /// authenticator of what type it is \[doc\]. Off by default \[doc\].
    pub customize_mfa: bool,
    /// What is asked of a login beside the password, in order.
    pub actions: Vec<Action>,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// How often something may be done.
    pub limits: Limits,
    /// What comes of wrong passwords.
    pub brute_force_protection: BruteForceProtection,
    /// The applications.
    pub clients: Vec<Client>,
}

impl Tenant {
    /// A tenant that asks every login for a second factor, and has neither factors nor
    /// applications yet.
    #[must_use]
    pub fn new(domain: impl Into<String>) -> Self {
        Self {
            scheme: Scheme::Https,
            domain: domain.into(),
            factors: BTreeSet::new(),
            policy: MfaPolicy::Always,
            customize_mfa: false,
            actions: Vec::new(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            brute_force_protection: BruteForceProtection::default(),
            clients: Vec::new(),
        }
    }

    /// The issuer of all tokens, with the slash at its end: SDKs compare it as a string \[sdk\].
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}://{}/", self.scheme.word(), self.domain)
    }

    /// The audience of access tokens that the MFA API accepts \[doc\].
    #[must_use]
    pub fn mfa_audience(&self) -> String {
        format!("{}mfa/", self.issuer())
    }

    /// The audience of access tokens that the Management API accepts \[doc\].
    #[must_use]
    pub fn management_audience(&self) -> String {
        format!("{}api/v2/", self.issuer())
    }

    /// What an authenticator app calls it: the name that it was given when it was made. An address
    /// is none.
    pub(super) fn name(&self) -> &str {
        let first = self.domain.split(['.', ':']).next().unwrap_or_default();
        if first.starts_with(|character: char| character.is_ascii_lowercase()) {
            first
        } else {
            "emulated"
        }
    }

    /// Where Guardian is: at the name of the tenant, which has no port.
    pub(super) fn guardian(&self) -> String {
        let host = match self.domain.rsplit_once(':') {
            // An address in brackets begins no name.
            _ if self.domain.starts_with('[') => self.name(),
            Some((host, _)) => host,
            None => &self.domain,
        };
        format!("https://{host}.guardian.us.auth0.com")
    }

    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    pub(super) fn has(&self, factor: Factor) -> bool {
        self.factors.contains(&factor)
    }
}

/// How a tenant is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS: only an emulated tenant is.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// Its word in an address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What can stand beside a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// A code by e-mail.
    Email,
    /// A code by text message.
    Sms,
    /// A code that is read out on the telephone.
    Voice,
    /// A time-based one-time code.
    Otp,
    /// A notification of the Guardian app.
    Push,
    /// A code that is kept for a lost device.
    RecoveryCode,
}

impl Factor {
    /// Every factor.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Sms, Self::Voice, Self::Otp, Self::Push, Self::RecoveryCode];

    /// Its word in scenarios and configurations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Otp => "otp",
            Self::Push => "push",
            Self::RecoveryCode => "recovery-code",
        }
    }

    /// The factor with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|factor| factor.word() == word)
    }

    /// The factor behind an `oob_channel`, whose words differ: push is `auth0` \[doc\].
    pub(super) fn from_channel(channel: &str) -> Option<Self> {
        Some(match channel {
            "email" => Self::Email,
            "sms" => Self::Sms,
            "voice" => Self::Voice,
            "auth0" => Self::Push,
            _ => return None,
        })
    }
}

/// When a login needs a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfaPolicy {
    /// Never.
    Never,
    /// Always: the policy `all-applications`.
    Always,
}

impl MfaPolicy {
    /// Its word in scenarios.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
        }
    }
}

/// How long tokens live, where that can be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token for an API, of at most 30 days \[doc: update-access-token-lifetime\]. Those
    /// without an audience and those for the MFA audience have lives of their own.
    pub access_token: Duration,
    /// An ID token.
    pub id_token: Duration,
}

impl Default for Lifetimes {
    /// A day, and ten hours \[doc\].
    fn default() -> Self {
        Self { access_token: Duration::from_hours(24), id_token: Duration::from_hours(10) }
    }
}

/// An application that is registered with the tenant.
#[derive(Clone, Debug)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// How it proves that it is the one.
    pub authentication: Authentication,
    /// The grants that it may use.
    pub grants: BTreeSet<GrantType>,
    /// The APIs that it may call for itself, each with the scopes: its client grants.
    pub apis: BTreeMap<Api, Vec<String>>,
}

/// How a client proves that it is the one.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// Not at all: it is a public client.
    None,
    /// By the `client_secret`, in the body or by HTTP Basic.
    Secret(Secret<String>),
    /// By a JWT that it signs: `private_key_jwt`.
    PrivateKeyJwt(PublicKey),
}

impl Client {
    /// An application that keeps a secret, and may use every grant. It may call no API for itself.
    #[must_use]
    pub fn confidential(id: impl Into<String>, secret: impl Into<String>) -> Self {
        let authentication = Authentication::Secret(Secret::new(secret.into()));
        Self { authentication, ..Self::public(id) }
    }

    /// An application without a secret, as one on a phone is. It may use every grant that does not
    /// need one.
    #[must_use]
    pub fn public(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            authentication: Authentication::None,
            grants: GrantType::ALL.into(),
            apis: BTreeMap::new(),
        }
    }

    /// The `client_secret`, if that is how it proves that it is the one.
    #[must_use]
    pub const fn secret(&self) -> Option<&Secret<String>> {
        match &self.authentication {
            Authentication::Secret(secret) => Some(secret),
            Authentication::None | Authentication::PrivateKeyJwt(_) => None,
        }
    }

    pub(super) const fn is_public(&self) -> bool {
        matches!(self.authentication, Authentication::None)
    }

    /// An application that may do everything at the Management API, and nothing else.
    #[must_use]
    pub fn management(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            grants: BTreeSet::from([GrantType::ClientCredentials]),
            apis: BTreeMap::from([(Api::Management, Api::management_scopes())]),
            ..Self::confidential(id, secret)
        }
    }
}

/// A way to get a token at `/oauth/token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantType {
    /// A name and a password.
    Password,
    /// A name and a password in a named connection.
    PasswordRealm,
    /// The answer to a challenge that went another way.
    MfaOob,
    /// A time-based one-time code.
    MfaOtp,
    /// A recovery code.
    MfaRecoveryCode,
    /// A refresh token.
    RefreshToken,
    /// The code that a browser's login gives. There is none here, so no code is ever right.
    AuthorizationCode,
    /// The client's own credentials.
    ClientCredentials,
}

impl GrantType {
    /// Every grant.
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::PasswordRealm,
        Self::MfaOob,
        Self::MfaOtp,
        Self::MfaRecoveryCode,
        Self::RefreshToken,
        Self::AuthorizationCode,
        Self::ClientCredentials,
    ];

    /// The value of `grant_type`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordRealm => "http://auth0.com/oauth/grant-type/password-realm",
            Self::MfaOob => "http://auth0.com/oauth/grant-type/mfa-oob",
            Self::MfaOtp => "http://auth0.com/oauth/grant-type/mfa-otp",
            Self::MfaRecoveryCode => "http://auth0.com/oauth/grant-type/mfa-recovery-code",
            Self::RefreshToken => "refresh_token",
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The grant with this `grant_type`.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.uri() == uri)
    }
}

/// A user to be. What is not said is as [`NewUser::new`] has it.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address, which is also the name to log in with.
    pub email: String,
    /// Whether the address is known to be the user's: it is a factor by itself then \[doc\].
    pub email_verified: bool,
    /// The password.
    pub password: Secret<String>,
    /// What the user has enrolled already.
    pub enrolled: Vec<Enrolled>,
}

impl NewUser {
    /// A user whose address is not verified, and who has enrolled nothing.
    #[must_use]
    pub fn new(email: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            email_verified: false,
            password: Secret::new(password.into()),
            enrolled: Vec::new(),
        }
    }
}

/// An authenticator that a user comes with: confirmed at once, and without a recovery code, as
/// imported users are \[doc\].
#[derive(Clone, Debug)]
pub enum Enrolled {
    /// An address that codes are sent to; the user's own where none is named.
    Email {
        /// The address.
        address: Option<String>,
    },
    /// A number that text messages are sent to, and if that factor is on too, calls: they come as
    /// a pair \[doc\].
    Sms {
        /// In the form of E.164.
        number: String,
    },
    /// A number that is called, and if that factor is on too, gets text messages.
    Voice {
        /// In the form of E.164.
        number: String,
    },
    /// An app that makes codes.
    Otp {
        /// What it makes them from, in base32.
        secret: Secret<String>,
    },
    /// A telephone with the Guardian app, which makes codes too \[doc\].
    Push {
        /// What its owner calls it.
        device: String,
        /// What it makes the codes from, in base32. Only the app is told.
        secret: Secret<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::{Factor, GrantType, Tenant};

    #[test]
    fn a_tenant_at_an_address_has_a_name_all_the_same() {
        for (domain, name) in [
            ("my-tenant.eu.auth0.com", "my-tenant"),
            ("localhost:8080", "localhost"),
            ("127.0.0.1:8080", "emulated"),
            ("[::1]:8080", "emulated"),
            ("", "emulated"),
        ] {
            assert_eq!(Tenant::new(domain).name(), name, "{domain}");
        }
    }

    #[test]
    fn guardian_has_an_address_without_a_port() {
        for (domain, host) in [
            ("my-tenant.eu.auth0.com", "my-tenant.eu.auth0.com"),
            ("127.0.0.1:43571", "127.0.0.1"),
            ("localhost:8080", "localhost"),
            ("[::1]:8080", "emulated"),
        ] {
            let expected = format!("https://{host}.guardian.us.auth0.com");
            assert_eq!(Tenant::new(domain).guardian(), expected);
        }
    }

    #[test]
    fn words_and_uris_read_back() {
        for factor in Factor::ALL {
            assert_eq!(Factor::from_word(factor.word()), Some(factor));
        }
        for grant in GrantType::ALL {
            assert_eq!(GrantType::from_uri(grant.uri()), Some(grant));
        }
        assert_eq!(Factor::from_word("fax"), None);
        assert_eq!(GrantType::from_uri("implicit"), None);
    }
}
