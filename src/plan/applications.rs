//! Which of a tenant's applications stand for those that a scenario is given.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{self, Proof, TargetSpec},
    scenario::{self, Authentication, Grant, ManagementScopes},
};

/// An application of a tenant.
#[derive(Clone, Copy, Debug)]
pub enum Application<'a> {
    /// One of those that scenarios are about.
    Client(&'a config::Client),
    /// The one that users are made with.
    Management(&'a config::Management),
}

/// The applications of a scenario.
#[derive(Debug)]
pub struct Applications<'a> {
    /// The one that sends the requests.
    pub client: Application<'a>,
    /// The others, by name.
    pub clients: BTreeMap<&'a str, Application<'a>>,
}

impl<'a> Applications<'a> {
    /// Finds an application of the tenant for each of the scenario's, no two the same; else what is missing, for a
    /// person.
    pub fn find(given: &'a scenario::Tenant, target: &'a TargetSpec) -> Result<Self, String> {
        let mut free: Vec<_> = std::iter::once(&target.client).chain(&target.clients).collect();
        let mut management = target.management.as_ref();
        let mut find = |name: &str, wanted: &scenario::Client| {
            if wanted.id.is_some() || wanted.secret.is_some() || wanted.jwk.is_some() {
                return Err(format!("it says what the id, the secret or the key of {name} is"));
            }
            match &wanted.management {
                None => {}
                Some(ManagementScopes::All) => {
                    let found = management.take().map(Application::Management);
                    return found.ok_or_else(|| format!("it needs {name} for the Management API"));
                }
                Some(ManagementScopes::These(scopes)) => {
                    let scopes = scopes.join(", ");
                    return Err(format!("it needs {name} with no more than the scopes {scopes}"));
                }
            }
            let found = free.iter().position(|client| is_as_wanted(client, wanted));
            let found = found.map(|index| Application::Client(free.remove(index)));
            found.ok_or_else(|| {
                format!("it needs {}, and neither `client` nor `clients` has one", describe(wanted))
            })
        };
        let client = find("the application", &given.client)?;
        let clients = given.clients.iter().map(|(name, wanted)| {
            Ok((name.as_str(), find(&format!("the application `{name}`"), wanted)?))
        });
        Ok(Self { client, clients: clients.collect::<Result<_, String>>()? })
    }

    /// Whether one of them is for the Management API.
    #[must_use]
    pub fn manages(&self) -> bool {
        let mut all = std::iter::once(&self.client).chain(self.clients.values());
        all.any(|application| matches!(application, Application::Management(_)))
    }
}

/// What every application of Auth0's needs for the flows of these scenarios.
const FLOWS: [Grant; 4] = [Grant::Password, Grant::PasswordRealm, Grant::Mfa, Grant::RefreshToken];

fn is_as_wanted(client: &config::Client, wanted: &scenario::Client) -> bool {
    let proves = match &client.proof {
        Proof::Public => wanted.public,
        Proof::SecretPost(_) | Proof::SecretBasic(_) => wanted.has_secret(),
        Proof::PrivateKeyJwt(_) => {
            !wanted.public && wanted.authentication() == Authentication::PrivateKeyJwt
        }
    };
    let may = match &wanted.grants {
        None => grants_of(client).is_superset(&all(&FLOWS)),
        Some(wanted) => client.grants.as_ref().is_some_and(|grants| all(grants) == all(wanted)),
    };
    proves && may
}

/// The words of the grants that an application may use, as the file says; if it says nothing, those that the flows of
/// scenarios need.
#[must_use]
pub fn grants_of(client: &config::Client) -> BTreeSet<&'static str> {
    all(client.grants.as_deref().unwrap_or(&FLOWS))
}

/// The words of grants, those that stand for several written out.
fn all(grants: &[Grant]) -> BTreeSet<&'static str> {
    let mfa = [Grant::MfaOob, Grant::MfaOtp, Grant::MfaRecoveryCode];
    let all = grants.iter().flat_map(|grant| match grant {
        Grant::Mfa => mfa.to_vec(),
        grant => vec![*grant],
    });
    all.map(Grant::word).collect()
}

fn describe(wanted: &scenario::Client) -> String {
    let kind = if wanted.public {
        "a public application"
    } else if wanted.has_secret() {
        "an application with a secret"
    } else {
        "an application with a private key"
    };
    match &wanted.grants {
        None => kind.to_owned(),
        Some(grants) => {
            let words: Vec<_> = grants.iter().map(|grant| grant.word()).collect();
            format!("{kind} whose `grants` are [{}]", words.join(", "))
        }
    }
}
