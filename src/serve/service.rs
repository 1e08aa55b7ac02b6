//! A tenant at an address of its own, from start to end.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use thiserror::Error;
use tokio::{runtime, sync::watch};
use tokio_rustls::TlsAcceptor;

use super::{
    Clients, Hosted, Identity, Setup, Start,
    control::{Access, Control},
    fault::Faults,
    http::{self, Front},
};
use crate::{
    clock::{RunningClock, SeededEntropy},
    emulator::{Emulator, Scheme},
    secret::Secret,
};

/// How long what is under way may take when a service is dropped.
const DROP_LIMIT: Duration = Duration::from_millis(200);
/// The threads that answer. The tenant is one, so that more would wait for each other.
const WORKERS: usize = 2;

/// What is served, and where.
pub struct Options {
    /// Where to listen; port 0 is a free one.
    pub address: SocketAddr,
    /// Whether with TLS.
    pub transport: Transport,
    /// The tenant.
    pub setup: Setup,
    /// The tenant's domain, if it is not where it is served.
    pub domain: Option<String>,
    /// Decides everything that is made up.
    pub seed: u64,
    /// What the control API asks for; without it, it is for the same machine only.
    pub control_token: Option<Secret<String>>,
}

/// What is spoken beneath HTTP.
pub enum Transport {
    /// Nothing: `http`.
    Plain,
    /// TLS: `https`.
    Tls(Identity),
}

/// Why nothing is served.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The system gives no thread, or nothing to wait with.
    #[error("the server could not be started: {0}")]
    Threads(#[source] io::Error),
}

/// A tenant that is served until this is dropped. It has threads of its own: it can be started anywhere, in a test
/// with a runtime and in one without.
pub struct Service {
    address: SocketAddr,
    scheme: Scheme,
    issuer: String,
    tenant: Hosted,
    clients: Clients,
    authority: Option<String>,
    stop: watch::Sender<Option<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Options {
    /// A tenant without users on a free port of loopback, without TLS; see [`Setup::new`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            transport: Transport::Plain,
            setup: Setup::new(seed),
            domain: None,
            seed,
            control_token: None,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new(SeededEntropy::any_seed())
    }
}

impl Service {
    /// Starts to serve; when this returns, connections are accepted.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let Options { address, transport, setup, domain, seed, control_token } = options;
        let failed = |error| StartError::Listen { address, error };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = reachable(listener.local_addr().map_err(failed)?);
        let (scheme, identity) = match transport {
            Transport::Plain => (Scheme::Http, None),
            Transport::Tls(identity) => (Scheme::Https, Some(identity)),
        };
        let Setup { emulator, clients, faults } = setup;
        let emulator = settled(emulator, scheme, address, domain);
        let issuer = emulator.tenant().issuer();
        // Not the sequence that the applications' secrets were made of.
        let entropy = SeededEntropy::new(!seed);
        let start = Start { emulator, faults: Faults::new(faults, seed) };
        let tenant = Hosted::new(start.emulator.clone(), RunningClock::default(), entropy);
        tenant.set_faults(start.faults.clone());
        let schemes = [scheme, start.emulator.tenant().scheme];
        let access = Access { token: control_token, schemes };
        let control = Control::new(tenant.clone(), access, start, seed);
        let front = Arc::new(Front { tenant: tenant.clone(), control });
        let tls = identity.as_ref().map(|identity| TlsAcceptor::from(identity.config()));

        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("countersign")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let listener = {
            let _within = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };
        let (stop, stopped) = watch::channel(None);
        let serve = move || {
            runtime.block_on(http::serve(listener, tls, front, stopped));
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("countersign".to_owned()).spawn(serve);
        let thread = Some(thread.map_err(StartError::Threads)?);
        let authority = identity.and_then(|identity| identity.authority().map(str::to_owned));
        Ok(Self { address, scheme, issuer, tenant, clients, authority, stop, thread })
    }

    /// Where it can be reached: `http://127.0.0.1:49152`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme.word(), authority(self.scheme, self.address))
    }

    /// The issuer of its tokens, with the slash at its end. For who reaches it by another host than in [`Self::url`], it
    /// is that host, unless the tenant was given a domain.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where its control API is.
    #[must_use]
    pub fn control(&self) -> String {
        format!("{}/_countersign", self.url())
    }

    /// The certificate of the authority that was made for it, as PEM.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Its applications.
    #[must_use]
    pub const fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The tenant itself: its outbox, its users, its time.
    #[must_use]
    pub const fn tenant(&self) -> &Hosted {
        &self.tenant
    }

    /// Accepts nothing any more, lets what is under way end within `limit`, and returns then.
    pub fn stop(mut self, limit: Duration) {
        self.end(limit);
    }

    fn end(&mut self, limit: Duration) {
        self.stop.send_replace(Some(limit));
        if let Some(thread) = self.thread.take() {
            // If it panicked, it has ended too.
            let _ = thread.join();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end(DROP_LIMIT);
    }
}

/// Where what listens everywhere is to be found.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(any) if any.ip().is_unspecified() => {
            (Ipv4Addr::LOCALHOST, address.port()).into()
        }
        SocketAddr::V6(any) if any.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, address.port()).into()
        }
        _ => address,
    }
}

/// How clients write an address: without the port that the scheme has anyway.
fn authority(scheme: Scheme, address: SocketAddr) -> String {
    let default = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let written = address.to_string();
    let port = format!(":{default}");
    written.strip_suffix(&port).map_or_else(|| written.clone(), str::to_owned)
}

/// The tenant under the name that it was given, or else under every name that it is reached by.
fn settled(
    emulator: Emulator,
    scheme: Scheme,
    address: SocketAddr,
    domain: Option<String>,
) -> Emulator {
    match domain {
        // Whatever is in front of it speaks TLS, as Auth0 does.
        Some(domain) => emulator.reached_at(Scheme::Https, domain),
        None => emulator.reached_at(scheme, authority(scheme, address)).following_host(),
    }
}
