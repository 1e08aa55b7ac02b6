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
                authentication: authentication(known, given, random),
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
    let id = client.id.as_ref().map(|id| id.value.clone());
    let id = id.unwrap_or_else(|| random.text(32, ALPHANUMERIC));
    let secret = client.has_secret().then(|| {
        let made_up = || Secret::new(random.text(64, ALPHANUMERIC));
        client.secret.clone().unwrap_or_else(made_up)
    });
    Credentials { id, secret, assertion: None }
}

fn authentication(known: &Credentials, given: &Client, random: &mut dyn Entropy) -> Authentication {
    match &known.secret {
        Some(secret) => Authentication::Secret(secret.clone()),
        None if given.public => Authentication::None,
        None => {
            let jwk = given.jwk.as_ref().map(|jwk| jwk.value().clone());
            let jwk = jwk.or_else(assertion::public_key);
            by_key(jwk.and_then(|jwk| PublicKey::from_jwk(&jwk)), random)
        }
    }
}

/// An application whose key is none could not prove itself by it. It is left with a secret that nobody is told: never
/// without any, as a public one.
fn by_key(key: Option<PublicKey>, random: &mut dyn Entropy) -> Authentication {
    let untold = || Authentication::Secret(Secret::new(random.text(64, ALPHANUMERIC)));
    key.map_or_else(untold, Authentication::PrivateKeyJwt)
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
    let made_up = || Secret::new(random.text(20, ALPHANUMERIC));
    let password = user.password.clone().unwrap_or_else(made_up);
    // No country has these numbers: no area of North America is 555.
    let named = user.enrolled.iter().find_map(|enrolled| enrolled.phone_number.clone());
    let phone_number = named.unwrap_or_else(|| format!("+1555{}", random.text(7, DIGITS)));
    let number = |given: &scenario::Enrolled| {
        given.phone_number.clone().unwrap_or_else(|| phone_number.clone())
    };
    let mut otp_secret = None;
    let mut enrolled = Vec::new();
    for given in &user.enrolled {
        let mut app = || {
            let secret = given.secret.clone();
            let secret = secret.unwrap_or_else(|| Secret::new(random.text(32, BASE32)));
            otp_secret.get_or_insert_with(|| secret.clone());
            secret
        };
        match given.channel.value {
            Channel::Email => enrolled.push(Enrolled::Email { address: given.email.clone() }),
            Channel::Otp => enrolled.push(Enrolled::Otp { secret: app() }),
            Channel::Sms => enrolled.push(Enrolled::Sms { number: number(given) }),
            Channel::Voice => enrolled.push(Enrolled::Voice { number: number(given) }),
            Channel::Push => {
                let device = given.device.clone().unwrap_or_else(|| format!("{name}'s phone"));
                enrolled.push(Enrolled::Push { device, secret: app() });
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
    let Some(grants) = &client.grants else { return GrantType::ALL.into() };
    let mfa = [GrantType::MfaOob, GrantType::MfaOtp, GrantType::MfaRecoveryCode];
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

#[cfg(test)]
mod tests {
    use super::{Authentication, Client, authentication, by_key, credentials};
    use crate::{
        clock::SeededEntropy,
        scenario,
        source::{Located, Sources, Span},
    };

    #[test]
    fn only_a_public_application_needs_no_proof() {
        let entropy = &mut SeededEntropy::new(1);
        let mut of = |client: &Client| {
            let known = credentials(client, entropy);
            authentication(&known, client, entropy)
        };
        assert!(matches!(of(&Client::default()), Authentication::Secret(_)));
        let public = Client { public: true, ..Client::default() };
        assert!(matches!(of(&public), Authentication::None));
        let span = Span { source: Sources::default().add("a.yaml", ""), start: 0, end: 0 };
        let value = scenario::Authentication::PrivateKeyJwt;
        let signs = Client { authentication: Some(Located { value, span }), ..Client::default() };
        assert!(matches!(of(&signs), Authentication::PrivateKeyJwt(_)));
        // A key that is none is not as good as any.
        assert!(matches!(by_key(None, entropy), Authentication::Secret(_)));
    }
}
