//! The tenant that is served where none is described.

use super::fault::Rule;
use crate::{
    clock::{Entropy, SeededEntropy},
    emulator::{Client, Emulator, Factor, Tenant},
};

/// A tenant as it is at the start, and what a client of it has to know.
#[derive(Clone)]
pub struct Setup {
    /// The tenant.
    pub emulator: Emulator,
    /// The applications that are told to whoever starts it; the tenant has them too.
    pub clients: Clients,
    /// What goes wrong between it and its clients.
    pub faults: Vec<Rule>,
}

/// The applications of a tenant.
#[derive(Clone, Debug)]
pub struct Clients {
    /// One with a secret and every grant.
    pub application: Client,
    /// One without a secret, as in a browser.
    pub spa: Client,
    /// One for the Management API.
    pub management: Client,
}

impl Setup {
    /// A tenant with all factors on, a second factor always required, three applications, no users and no faults. The seed
    /// decides the ids and secrets. Its domain is not said yet: it is where it is served.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let random: &mut dyn Entropy = &mut entropy;
        // As Auth0 makes them: an id of 32 characters, a secret of 64.
        let mut make = || (random.text(32, ALPHANUMERIC), random.text(64, ALPHANUMERIC));
        let (application, spa, management) = (make(), make(), make());
        let clients = Clients {
            application: Client::confidential(application.0, application.1),
            spa: Client::public(spa.0),
            management: Client::management(management.0, management.1),
        };
        let tenant = Tenant {
            factors: Factor::ALL.into(),
            clients: [&clients.application, &clients.spa, &clients.management]
                .map(Client::clone)
                .into(),
            ..Tenant::new("localhost")
        };
        Self { emulator: Emulator::new(tenant), clients, faults: Vec::new() }
    }
}

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
