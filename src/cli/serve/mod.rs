//! `countersign serve`
#![expect(
    clippy::disallowed_methods,
    reason = "the certificate, its key and the token come from the user's files and environment"
)]

mod setup;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Exit, Failure,
    args::{self, Serve},
    output::{self, Output},
};
use crate::{
    clock::SeededEntropy,
    emulator::{Client, Effect},
    observe::Log,
    secret::Secret,
    serve::{Identity, MailError, Mailer, Options, Seen, Service, Setup, StartError, Transport},
    source::{Diagnostic, Sources},
};

/// How long what is under way may take once the user has had enough.
const STOP_LIMIT: Duration = Duration::from_secs(3);
const TOKEN_VARIABLE: &str = "COUNTERSIGN_CONTROL_TOKEN";

pub(super) fn serve(args: &Serve, output: &Output) -> Result<Exit, Failure> {
    let seed = args.seed.unwrap_or_else(SeededEntropy::any_seed);
    let token = control_token(args)?;
    let setup = match &args.config {
        Some(path) => setup::setup(path, seed)?,
        None => Setup::new(seed),
    };
    let options = Options {
        address: args.addr,
        transport: transport(args)?,
        setup,
        domain: args.domain.clone(),
        control_token: token.map(Secret::new),
        ..Options::new(seed)
    };
    let mailer = mailer(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Target)?;
    let ended = runtime.block_on(async {
        // Before anybody can know that there is something to stop.
        let mut stopped = Stop::listen().map_err(Failure::Target)?;
        let service = Service::start(options).map_err(failure)?;
        if let Some(mailer) = mailer {
            service.tenant().watch(move |seen| send(&mailer, seen));
        }
        // Only now: where nothing can be served, a file of before is left as it was.
        if let Some(mut log) = log(args)? {
            service.tenant().watch(move |seen| {
                if let Err(error) = log.write(seen.at, seen.request, seen.response) {
                    output::note(&format!("nothing more is observed: {error}"));
                }
            });
        }
        let authority = service.authority().map(|pem| Authority::write(pem, args.ca.as_deref()));
        let authority = authority.transpose()?;
        let authority_path = authority.as_ref().map(|file| file.path.as_path());
        output.write(&format!("{}\n", line(&service, authority_path)))?;
        explain(&service, authority_path);
        stopped.wait().await;
        // Who asks again does not wait for what is under way.
        let stop = tokio::task::spawn_blocking(move || service.stop(STOP_LIMIT));
        tokio::select! {
            _ = stop => {}
            () = stopped.wait() => {}
        }
        drop(authority);
        Ok(Exit::Passed)
    });
    runtime.shutdown_background();
    ended
}

/// The token of the control API, from the command line or else from the environment.
fn control_token(args: &Serve) -> Result<Option<String>, Failure> {
    if args.control_token.is_some() {
        return Ok(args.control_token.clone());
    }
    let Ok(variable) = std::env::var(TOKEN_VARIABLE) else { return Ok(None) };
    args::token(&variable).map(Some).map_err(|expected| {
        let problem = Diagnostic::nowhere(format!("the variable {TOKEN_VARIABLE} is no token"));
        Failure::input(problem.hint(format!("{expected}; without a token, do not set it")))
    })
}

/// What sends the e-mails, if anything is to.
fn mailer(args: &Serve) -> Result<Option<Mailer>, Failure> {
    let Some(url) = &args.smtp else { return Ok(None) };
    let complain = |error: &MailError| output::note(&error.to_string());
    let mailer = Mailer::start(url, &args.smtp_from, complain);
    mailer.map(Some).map_err(|error| {
        let example = "such as `smtp://127.0.0.1:1025`, and a sender such as `tenant@example.com`";
        Failure::input(Diagnostic::nowhere(error.to_string()).expected(example))
    })
}

fn send(mailer: &Mailer, seen: &Seen<'_>) {
    for effect in seen.effects {
        if let Effect::Email(email) = effect {
            mailer.send(email.clone());
        }
    }
}

/// What writes down what clients do, if anything is to.
fn log(args: &Serve) -> Result<Option<Log<File>>, Failure> {
    let Some(path) = &args.observe else { return Ok(None) };
    let failed = |error: &dyn std::fmt::Display| {
        let message = format!("it cannot be written: {error}");
        Failure::input(Diagnostic::file(path.display().to_string(), message))
    };
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|error| failed(&error))?;
    // Lines of two tenants in one file would be worth nothing.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(failed(&"another tenant writes it"));
    }
    // A pipe has no length to be set.
    let _ = file.set_len(0);
    Ok(Some(Log::new(file)))
}

/// What other programs read; the member names are a contract.
fn line(service: &Service, authority: Option<&Path>) -> Value {
    let clients = service.clients();
    let secret = |client: &Client| client.secret().map(|secret| secret.expose().clone());
    let mut line = json!({"url": service.url(), "issuer": service.issuer()});
    if let Some(authority) = authority {
        line["ca"] = json!(authority);
    }
    line["client_id"] = json!(clients.application.id);
    line["client_secret"] = json!(secret(&clients.application));
    line["spa_client_id"] = json!(clients.spa.id);
    line["management"] = json!({
        "client_id": clients.management.id,
        "client_secret": secret(&clients.management),
    });
    line["control"] = json!(service.control());
    line
}

/// What a person wants to know.
fn explain(service: &Service, authority: Option<&Path>) {
    output::note(&format!(
        "the tenant is at {}, its page and control API at {}/",
        service.url(),
        service.control()
    ));
    if let Some(authority) = authority {
        let path = authority.display();
        output::note("for programs to trust its certificate:");
        output::note(&format!("  Node     NODE_EXTRA_CA_CERTS={path}"));
        output::note(&format!("  Python   REQUESTS_CA_BUNDLE={path} SSL_CERT_FILE={path}"));
        output::note(&format!("  Go       SSL_CERT_FILE={path}"));
        output::note(&format!("  curl     --cacert {path}"));
    }
    output::note("Ctrl-C stops it");
}

fn transport(args: &Serve) -> Result<Transport, Failure> {
    let identity = match (&args.cert, &args.key) {
        (Some(certificate), Some(key)) => {
            let (certificates, secret) = read(certificate, key)?;
            Identity::from_pem(&certificates, &secret).map_err(|error| {
                let files = format!("{} and {}", certificate.display(), key.display());
                Failure::input(
                    Diagnostic::file(files, error.to_string())
                        .expected("PEM: a certificate, and the private key that belongs to it"),
                )
            })?
        }
        _ if args.tls => {
            let ip = args.addr.ip();
            let ip = (!ip.is_unspecified()).then(|| ip.to_string());
            let names: Vec<_> = args.domain.iter().map(|domain| host(domain)).chain(ip).collect();
            Identity::made(&names)
                .map_err(|error| Failure::input(Diagnostic::nowhere(error.to_string())))?
        }
        _ => return Ok(Transport::Plain),
    };
    Ok(Transport::Tls(identity))
}

/// A domain without its port.
fn host(domain: &str) -> String {
    let port = domain.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    port.map_or(domain, |(host, _)| host).to_owned()
}

/// Both files, or what is wrong with either.
fn read(certificate: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let mut problems = Vec::new();
    let [certificates, secret] = [certificate, key].map(|path| {
        fs::read(path).unwrap_or_else(|error| {
            let message = format!("it cannot be read: {error}");
            problems.push(Diagnostic::file(path.display().to_string(), message));
            Vec::new()
        })
    });
    if problems.is_empty() {
        Ok((certificates, secret))
    } else {
        Err(Failure::Input(problems, Sources::default()))
    }
}

fn failure(error: StartError) -> Failure {
    match error {
        StartError::Listen { address, error } if error.kind() == io::ErrorKind::AddrInUse => {
            let message = format!("{address} is in use");
            unreachable(Diagnostic::nowhere(message).hint("with port 0 a free one is taken"))
        }
        error @ StartError::Listen { .. } => unreachable(Diagnostic::nowhere(error.to_string())),
        StartError::Threads(error) => Failure::Target(error),
    }
}

fn unreachable(problem: Diagnostic) -> Failure {
    Failure::NotReady(Box::new(problem), std::sync::Arc::default(), Exit::Unreachable)
}

/// The file of an authority's certificate; one that nobody asked for is removed again.
struct Authority {
    path: PathBuf,
    temporary: bool,
}

impl Authority {
    fn write(pem: &str, path: Option<&Path>) -> Result<Self, Failure> {
        let temporary = path.is_none();
        let (path, written) = if let Some(path) = path {
            (path.to_owned(), fs::write(path, pem))
        } else {
            // A name that nobody can have taken, and a file that was not there: the folder is everybody's.
            let name = format!("countersign-ca-{:016x}.pem", SeededEntropy::any_seed());
            let path = std::env::temp_dir().join(name);
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(pem.as_bytes()));
            (path, written)
        };
        written.map_err(|error| {
            let message = format!("the CA's certificate cannot be written: {error}");
            Failure::input(Diagnostic::file(path.display().to_string(), message))
        })?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What ends it from outside.
struct Stop {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

#[cfg(unix)]
impl Stop {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn wait(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
