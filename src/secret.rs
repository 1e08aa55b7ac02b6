//! What a value is, and keeping it from being printed.
//!
//! [`Kind`] names every secret or volatile value that passes between a client and a tenant;
//! [`Secret`] wraps one so that it cannot be printed by accident.

use std::fmt;

/// A value that must not be printed: no `Display`, and a `Debug` that masks.
///
/// ```
/// use countersign::secret::Secret;
///
/// let password = Secret::new("correct horse".to_owned());
/// assert_eq!(format!("{password:?}"), "Secret(***)");
/// assert_eq!(password.expose(), "correct horse");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that has to send it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

/// What a secret or volatile value is; its word is the first half of a label: `[mfa_token#1]`.
///
/// The words are the names of the parameters that carry them (Auth0's, or RFC 6749's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The `mfa_token` of an `mfa_required` error.
    MfaToken,
    /// The `oob_code` of an association or a challenge.
    OobCode,
    /// The code that was sent to the user, as `binding_code`.
    BindingCode,
    /// A time-based one-time code, as `otp`.
    Otp,
    /// A recovery code, issued or used.
    RecoveryCode,
    /// An access token.
    AccessToken,
    /// A refresh token.
    RefreshToken,
    /// An ID token.
    IdToken,
    /// A user's password.
    Password,
    /// A client's id: no secret, but another one on every tenant.
    ClientId,
    /// A client's secret.
    ClientSecret,
    /// A client's signed assertion.
    ClientAssertion,
    /// The shared secret of an authenticator app.
    TotpSecret,
    /// The `otpauth://` URI that a user scans.
    BarcodeUri,
    /// The id of an authenticator: `email|dev_...`.
    AuthenticatorId,
    /// The masked name of an authenticator: `****@exam*******`.
    AuthenticatorName,
    /// A user's id: `auth0|...`.
    UserId,
    /// An e-mail address.
    Email,
    /// A phone number.
    PhoneNumber,
    /// What a profile derives from the address: name, nickname, picture.
    Profile,
    /// A moment: `updated_at`, `iat`, `exp`.
    Time,
    /// The tenant's domain.
    Domain,
    /// The API whose tokens are asked for.
    Audience,
    /// The connection that the users are in.
    Connection,
    /// HTTP Basic credentials.
    BasicCredentials,
    /// A JWT at a place that says nothing else of it.
    Jwt,
    /// Anything else that its name calls a secret.
    Secret,
    /// What a client sent where nothing says what it is: it may be a secret.
    Value,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 28] = [
        Self::MfaToken,
        Self::OobCode,
        Self::BindingCode,
        Self::Otp,
        Self::RecoveryCode,
        Self::AccessToken,
        Self::RefreshToken,
        Self::IdToken,
        Self::Password,
        Self::ClientId,
        Self::ClientSecret,
        Self::ClientAssertion,
        Self::TotpSecret,
        Self::BarcodeUri,
        Self::AuthenticatorId,
        Self::AuthenticatorName,
        Self::UserId,
        Self::Email,
        Self::PhoneNumber,
        Self::Profile,
        Self::Time,
        Self::Domain,
        Self::Audience,
        Self::Connection,
        Self::BasicCredentials,
        Self::Jwt,
        Self::Secret,
        Self::Value,
    ];

    /// The word of a label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MfaToken => "mfa_token",
            Self::OobCode => "oob_code",
            Self::BindingCode => "binding_code",
            Self::Otp => "otp",
            Self::RecoveryCode => "recovery_code",
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
            Self::IdToken => "id_token",
            Self::Password => "password",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::ClientAssertion => "client_assertion",
            Self::TotpSecret => "totp_secret",
            Self::BarcodeUri => "barcode_uri",
            Self::AuthenticatorId => "authenticator_id",
            Self::AuthenticatorName => "authenticator_name",
            Self::UserId => "user_id",
            Self::Email => "email",
            Self::PhoneNumber => "phone_number",
            Self::Profile => "profile",
            Self::Time => "time",
            Self::Domain => "domain",
            Self::Audience => "audience",
            Self::Connection => "connection",
            Self::BasicCredentials => "basic_credentials",
            Self::Jwt => "jwt",
            Self::Secret => "secret",
            Self::Value => "value",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The kind of the value that a parameter or a JSON member of this name carries, if any.
    ///
    /// A name that is not known, but says of itself that it is secret, is [`Kind::Secret`]:
    /// better one label too many than one secret in a file.
    #[must_use]
    pub fn of_field(name: &str) -> Option<Self> {
        Some(match name {
            "mfa_token" => Self::MfaToken,
            "oob_code" => Self::OobCode,
            "binding_code" => Self::BindingCode,
            "otp" => Self::Otp,
            "recovery_code" | "recovery_codes" => Self::RecoveryCode,
            "access_token" => Self::AccessToken,
            "refresh_token" => Self::RefreshToken,
            "id_token" => Self::IdToken,
            "password" => Self::Password,
            "client_id" | "azp" | "aud" => Self::ClientId,
            "client_secret" => Self::ClientSecret,
            "client_assertion" => Self::ClientAssertion,
            "secret" => Self::TotpSecret,
            "barcode_uri" => Self::BarcodeUri,
            "authenticator_id" => Self::AuthenticatorId,
            "user_id" | "sub" => Self::UserId,
            "email" | "username" => Self::Email,
            "phone_number" => Self::PhoneNumber,
            "nickname" | "picture" | "given_name" | "family_name" => Self::Profile,
            "updated_at" | "created_at" | "enrolled_at" | "last_auth" | "iat" | "exp"
            | "auth_time" => Self::Time,
            other
                if ["token", "secret", "password", "passcode"]
                    .iter()
                    .any(|word| other.to_ascii_lowercase().ends_with(word)) =>
            {
                Self::Secret
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn words_are_distinct_and_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
    }

    #[test]
    fn a_name_that_says_secret_is_one() {
        assert_eq!(Kind::of_field("device_secret"), Some(Kind::Secret));
        assert_eq!(Kind::of_field("newPassword"), Some(Kind::Secret));
        assert_eq!(Kind::of_field("token_type"), None);
    }
}
