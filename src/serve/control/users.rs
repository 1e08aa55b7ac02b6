//! A user as the control API is told of one.

use serde::Deserialize;

use super::super::refusal::Refusal;
use crate::{
    address::{is_address, is_phone_number},
    clock::Timestamp,
    codes,
    emulator::{Enrolled, NewUser},
    secret::Secret,
};

const EXPECTED: &str =
    r#"{"email": "ada@example.com", "password": "…", "email_verified": false, "enrolled": []}"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    email: String,
    password: String,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    enrolled: Vec<Factor>,
}

/// A factor that the user has already, in the words of a scenario's `enrolled`.
#[derive(Deserialize)]
#[serde(tag = "channel", rename_all = "lowercase", deny_unknown_fields)]
enum Factor {
    Email { email: Option<String> },
    Sms { phone_number: String },
    Voice { phone_number: String },
    Otp { secret: String },
    Push { device: String, secret: String },
}

/// Reads a user who is to be made.
pub(super) fn read(body: &[u8], now: Timestamp) -> Result<NewUser, Refusal> {
    let user: User = super::read(body, EXPECTED)?;
    if !is_address(&user.email) || user.password.is_empty() {
        let text = "A user needs an address and a password. Expected: ";
        return Err(Refusal::invalid(format!("{text}{EXPECTED}")));
    }
    let enrolled = user.enrolled.into_iter().map(|factor| enrolled(factor, now));
    Ok(NewUser {
        email: user.email,
        email_verified: user.email_verified,
        password: Secret::new(user.password),
        enrolled: enrolled.collect::<Result<_, _>>()?,
    })
}

fn enrolled(factor: Factor, now: Timestamp) -> Result<Enrolled, Refusal> {
    Ok(match factor {
        Factor::Email { email: Some(email) } if !is_address(&email) => {
            return Err(Refusal::invalid("`email` is not an address"));
        }
        Factor::Email { email } => Enrolled::Email { address: email },
        Factor::Sms { phone_number } => Enrolled::Sms { number: number(phone_number)? },
        Factor::Voice { phone_number } => Enrolled::Voice { number: number(phone_number)? },
        Factor::Otp { secret } => Enrolled::Otp { secret: app(secret, now)? },
        Factor::Push { device, secret } => Enrolled::Push { device, secret: app(secret, now)? },
    })
}

fn number(number: String) -> Result<String, Refusal> {
    if is_phone_number(&number) {
        return Ok(number);
    }
    Err(Refusal::invalid("`phone_number` is not in the form of E.164, as `+15550000001`"))
}

/// The secret of an app that makes codes. What no app can make a code of is none.
fn app(secret: String, now: Timestamp) -> Result<Secret<String>, Refusal> {
    if codes::totp(&secret, now).is_err() {
        return Err(Refusal::invalid("`secret` is not in base32"));
    }
    Ok(Secret::new(secret))
}
