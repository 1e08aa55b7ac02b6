//! What a scenario wants to be given, made: a tenant of the emulator, its applications and its users.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    assertion,
    policy::{action, brute_force_protection, lifetimes, limits},
};
use crate::{
    clock::{Entropy, Timestamp},
    emulator::{
        self, Api, Authentication, Emulator, Enrolled, GrantType, MfaPolicy, NewUser, PublicKey,
    },
    scenario::{self, Channel, Client, Factor, Grant, ManagementScopes, Policy, User},
    secret::Secret,
    step::{Credentials, Person},
};

/// A tenant with all that it was to be given, and what was made up on the way.
pub struct Provisioned {
    /// The tenant.
    pub emulator: Emulator,
    /// The application that sends the requests.
    pub client: Credentials,
    /// The others, by name.
    pub clients: BTreeMap<String, Credentials>,
    /// The users, by name.
    pub people: BTreeMap<String, Person>,
}

/// Makes of `tenant`, which says where it is, what `settings` say of it, with these users.
pub fn provision<'a>(
    settings: &scenario::Tenant,
    users: impl Iterator<Item = (&'a str, &'a User)>,
    tenant: emulator::Tenant,
    now: Timestamp,
    random: &mut dyn Entropy,
) -> Provisioned {
    let client = credentials(&settings.client, random);
    let clients: BTreeMap<_, _> = settings
        .clients
        .iter()
        .map(|(name, client)| (name.clone(), credentials(client, random)))
        .collect();
    let others = clients.iter().map(|(name, known)| (known, &settings.clients[name]));
    let mut emulator = Emulator::new(emulator::Tenant {
        factors: settings.factors.iter().map(|factor| emulated_factor(*factor)).collect(),
        policy: match settings.policy {
            Policy::Always => MfaPolicy::Always,
            Policy::Never => MfaPolicy::Never,
        },
        customize_mfa: settings.customize_mfa,
        lifetimes: lifetimes(settings.lifetimes),
        limits: limits(&settings.limits),
        brute_force_protection: brute_force_protection(settings.brute_force_protection),
        clients: std::iter::once((&client, &settings.client))
            .chain(others)
            .map(|(known, given)| emulator::Client {
                id: known.id.clone(),
                authentication: authentication(known, given),
                grants: grants(given),
                apis: given
                    .management
                    .iter()
                    .map(|scopes| (Api::Management, management(scopes)))
                    .collect(),
            })
            .collect(),
        ..tenant
    });
    let people: BTreeMap<_, _> = users
        .map(|(name, user)| (name.to_owned(), add_user(&mut emulator, name, user, now, random)))
        .collect();
    let actions = settings.actions.iter().map(|it| action(it, &client, &clients, &people));
    emulator.set_actions(actions.collect());
    Provisioned { emulator, client, clients, people }
}

pub(super) const LOWER_CASE: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// An application as Auth0 makes them: an id of 32 characters, a secret of 64.
fn credentials(client: &Client, random: &mut dyn Entropy) -> Credentials {
    let mut or_made_up = |given: &Option<String>, length| {
        given.clone().unwrap_or_else(|| random.text(length, ALPHANUMERIC))
    };
    let id = or_made_up(&client.id, 32);
    let secret = client.has_secret().then(|| Secret::new(or_made_up(&client.secret, 64)));
    Credentials { id, secret, assertion: None }
}

fn authentication(known: &Credentials, given: &Client) -> Authentication {
    if let Some(secret) = &known.secret {
        return Authentication::Secret(secret.clone());
    }
    let key = given.jwk.clone().or_else(assertion::public_key);
    let key = key.filter(|_| !given.public).and_then(|jwk| PublicKey::from_jwk(&jwk));
    key.map_or(Authentication::None, Authentication::PrivateKeyJwt)
}

fn management(scopes: &ManagementScopes) -> Vec<String> {
    match scopes {
        ManagementScopes::All => Api::management_scopes(),
        ManagementScopes::These(scopes) => scopes.clone(),
    }
}

fn add_user(
    emulator: &mut Emulator,
    name: &str,
    user: &User,
    now: Timestamp,
    random: &mut dyn Entropy,
) -> Person {
    let made_up = || format!("{name}-{}@mailbox.test", random.text(8, LOWER_CASE));
    let email = user.email.as_ref().map_or_else(made_up, |email| email.value.clone());
    let password = user.password.clone().unwrap_or_else(|| random.text(20, ALPHANUMERIC));
    let password = Secret::new(password);
    // No country has these numbers: no area of North America is 555.
    let named = user.enrolled.iter().find_map(|enrolled| enrolled.phone_number.clone());
    let phone_number = named.unwrap_or_else(|| format!("+1555{}", random.text(7, DIGITS)));
    let number = |given: &scenario::Enrolled| {
        given.phone_number.clone().unwrap_or_else(|| phone_number.clone())
    };
    let mut otp_secret = None;
    let mut enrolled = Vec::new();
    for given in &user.enrolled {
        match given.channel {
            Channel::Email => enrolled.push(Enrolled::Email { address: given.email.clone() }),
            Channel::Otp => {
                let secret = Secret::new(random.text(32, BASE32));
                otp_secret.get_or_insert_with(|| secret.clone());
                enrolled.push(Enrolled::Otp { secret });
            }
            Channel::Sms => enrolled.push(Enrolled::Sms { number: number(given) }),
            Channel::Voice => enrolled.push(Enrolled::Voice { number: number(given) }),
            Channel::Push => {
                let secret = Secret::new(random.text(32, BASE32));
                otp_secret.get_or_insert_with(|| secret.clone());
                enrolled.push(Enrolled::Push { device: format!("{name}'s phone"), secret });
            }
        }
    }
    let new = NewUser {
        email_verified: user.email_verified,
        enrolled,
        ..NewUser::new(email.as_str(), password.expose().as_str())
    };
    let id = emulator.add_user(new, now, random);
    Person { email, password, id, phone_number, otp_secret }
}

const fn emulated_factor(factor: Factor) -> emulator::Factor {
    match factor {
        Factor::Email => emulator::Factor::Email,
        Factor::Sms => emulator::Factor::Sms,
        Factor::Voice => emulator::Factor::Voice,
        Factor::Otp => emulator::Factor::Otp,
        Factor::Push => emulator::Factor::Push,
        Factor::RecoveryCode => emulator::Factor::RecoveryCode,
    }
}

fn grants(client: &Client) -> BTreeSet<GrantType> {
    let mfa = [GrantType::MfaOob, GrantType::MfaOtp, GrantType::MfaRecoveryCode];
    let Some(grants) = &client.grants else {
        let others = [
            GrantType::Password,
            GrantType::PasswordRealm,
            GrantType::RefreshToken,
            GrantType::AuthorizationCode,
            GrantType::ClientCredentials,
        ];
        return mfa.into_iter().chain(others).collect();
    };
    grants
        .iter()
        .flat_map(|grant| match grant {
            Grant::Mfa => mfa.to_vec(),
            Grant::Password => vec![GrantType::Password],
            Grant::PasswordRealm => vec![GrantType::PasswordRealm],
            Grant::MfaOob => vec![GrantType::MfaOob],
            Grant::MfaOtp => vec![GrantType::MfaOtp],
            Grant::MfaRecoveryCode => vec![GrantType::MfaRecoveryCode],
            Grant::RefreshToken => vec![GrantType::RefreshToken],
            Grant::AuthorizationCode => vec![GrantType::AuthorizationCode],
            Grant::ClientCredentials => vec![GrantType::ClientCredentials],
        })
        .collect()
}
