//! The tenant of `--config`: what the file says of it, and what every served tenant has besides.

use std::path::Path;

use crate::{
    cli::{Failure, files},
    clock::{Clock as _, Entropy, RunningClock, SeededEntropy},
    emulator,
    scenario::{Client, Grant, ManagementScopes, Settings},
    serve::{Clients, Setup},
    source::Sources,
    step::Credentials,
    target::{Provisioned, provision, served_faults},
};

/// Names of applications that a tenant is given where the file does not.
const SPA: &str = "spa";
const MANAGEMENT: &str = "management";

/// The tenant that `path` describes.
pub(super) fn setup(path: &Path, seed: u64) -> Result<Setup, Failure> {
    let (mut sources, mut problems) = (Sources::default(), Vec::new());
    let settings = files::read(path, &mut problems).and_then(|text| {
        let source = sources.add(files::shown(path), text);
        Settings::parse(source, &sources, &mut problems)
    });
    let Some(Settings { mut tenant, users, faults }) = settings else {
        return Err(Failure::Input(problems, sources));
    };
    let spa = Client { public: true, ..Client::default() };
    tenant.clients.entry(SPA.to_owned()).or_insert(spa);
    let management = Client {
        grants: Some(vec![Grant::ClientCredentials]),
        management: Some(ManagementScopes::All),
        ..Client::default()
    };
    tenant.clients.entry(MANAGEMENT.to_owned()).or_insert(management);

    let mut entropy = SeededEntropy::new(seed);
    let random: &mut dyn Entropy = &mut entropy;
    let users = users.iter().map(|(name, user)| (name.value.as_str(), user));
    let place = emulator::Tenant::new("localhost");
    let made = provision(&tenant, users, place, RunningClock::default().now(), random);
    let Provisioned { emulator, client, clients, .. } = made;
    let named = |name: &str| application(&clients[name]);
    let clients = Clients {
        application: application(&client),
        spa: named(SPA),
        management: named(MANAGEMENT),
    };
    Ok(Setup { emulator, clients, faults: served_faults(&faults) })
}

/// What is told of an application.
fn application(known: &Credentials) -> emulator::Client {
    let id = known.id.as_str();
    match &known.secret {
        Some(secret) => emulator::Client::confidential(id, secret.expose().as_str()),
        None => emulator::Client::public(id),
    }
}
