//! A mailbox that is read over IMAP (RFC 3501): one connection, kept, on which is asked for what is new.
//!
//! What is new is what has a higher number than the mailbox gave before the request: no clock is compared. Nothing is
//! changed in it, not even what is read.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_imap::{Client, Session, error::Error};
use futures_util::{TryStreamExt as _, future::BoxFuture};
use rustls_platform_verifier::Verifier;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem::PemObject as _},
    },
};

use super::{
    Baseline, NoCode, Pattern,
    mail::Mail,
    poll::{self, Arrival, Inbox, Trouble, View},
};
use crate::{clock::Timestamp, secret::Secret};

/// As much of a message as is fetched, in bytes: a code stands at its beginning.
const ENOUGH: usize = 256 * 1024;
/// How many messages are asked for at once.
const BATCH: usize = 50;
/// Of how many numbers before the request the messages are looked at, to say what was seen.
const EARLIER: u32 = 20;

/// Where a mailbox is, and who reads it.
#[derive(Clone, Debug)]
pub struct ImapSettings {
    /// The server's name or IP address; its certificate has to be for it.
    pub host: String,
    /// 143 as a rule, 993 with [`Security::Tls`].
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The user's name there.
    pub user: String,
    /// The user's password there.
    pub password: Secret<String>,
    /// The folder, `INBOX` as a rule.
    pub mailbox: String,
    /// How long to wait between two looks; if it is not set, 250 ms on loopback and else 2 s.
    pub interval: Option<Duration>,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all: the password can be read on its way.
    Plain,
    /// By TLS that the client asks for before anything else.
    StartTls,
    /// By TLS from the beginning.
    Tls,
}

/// Why a mailbox cannot be used as it is set.
#[derive(Debug, Error)]
pub enum BadImap {
    /// The host is no name and no IP address.
    #[error("this is no name of a server: {0}")]
    Host(#[from] InvalidDnsNameError),
    /// The certificates cannot be read.
    #[error("the authority's certificate cannot be read: {0}")]
    Authority(#[source] rustls::pki_types::pem::Error),
    /// There is none.
    #[error("there is no certificate of an authority in it")]
    NoAuthority,
    /// The operating system tells none, or one that was given cannot be one.
    #[error("there are no authorities to trust: {0}")]
    Trust(#[from] rustls::Error),
}

/// A mailbox.
pub struct Imap {
    settings: ImapSettings,
    place: String,
    name: ServerName<'static>,
    tls: TlsConnector,
    pattern: Pattern,
    /// Nothing before the first look, and after trouble.
    kept: Mutex<Option<Kept>>,
    /// What the server says of the name and the password: who tries too often may be locked out.
    refused: OnceLock<String>,
}

impl Imap {
    /// Connects to nothing yet. `ca` are certificates of authorities to trust besides the operating system's, as PEM.
    pub fn new(
        settings: ImapSettings,
        pattern: Pattern,
        ca: Option<&[u8]>,
    ) -> Result<Self, BadImap> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = match ca {
            None => Vec::new(),
            Some(pem) => {
                let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
                let authorities = read.map_err(BadImap::Authority)?;
                if authorities.is_empty() {
                    return Err(BadImap::NoAuthority);
                }
                authorities
            }
        };
        let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let name = ServerName::try_from(settings.host.clone())?;
        Ok(Self {
            place: format!("{}:{}", settings.host, settings.port),
            name,
            tls: TlsConnector::from(Arc::new(config.with_no_client_auth())),
            pattern,
            kept: Mutex::new(None),
            refused: OnceLock::new(),
            settings,
        })
    }

    pub(super) async fn baseline(
        &self,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Baseline, NoCode> {
        let examine = async {
            let mut place = self.kept.lock().await;
            let again = match place.take() {
                Some(mut kept) => match timeout(limit / 3, self.examine(&mut kept)).await {
                    Ok(Ok(())) => Some(kept),
                    Ok(Err(refused @ Trouble::Refused(_))) => return Err(refused),
                    // One that has been idle for long may be closed, or dead without a sign.
                    Ok(Err(Trouble::Broken(_))) | Err(_) => None,
                },
                None => None,
            };
            let mut kept = match again {
                Some(kept) => kept,
                None => self.connect().await?,
            };
            let next = match kept.next {
                Some(next) => next,
                None => kept.numbers("UID *").await?.last().map_or(1, |last| last + 1),
            };
            let baseline = Baseline::of_mailbox(now, kept.validity, next, kept.messages);
            *place = Some(kept);
            Ok(baseline)
        };
        poll::within(self, limit, examine).await
    }

    async fn connect(&self) -> Result<Kept, Trouble> {
        if let Some(cause) = self.refused.get() {
            return Err(Trouble::Refused(cause.clone()));
        }
        let ImapSettings { host, port, security, user, password, .. } = &self.settings;
        let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(broken)?;
        let stream: Box<dyn Stream> = match security {
            Security::Plain => Box::new(tcp),
            Security::Tls => Box::new(self.encrypted(tcp).await?),
            Security::StartTls => {
                let mut client = Client::new(tcp);
                client.read_response().await.map_err(broken)?;
                client
                    .run_command_and_check_ok("STARTTLS", None)
                    .await
                    .map_err(|error| trouble(&error, "it offers no STARTTLS"))?;
                Box::new(self.encrypted(client.into_inner()).await?)
            }
        };
        let mut client = Client::new(stream);
        // After STARTTLS there is no second greeting.
        if *security != Security::StartTls {
            client.read_response().await.map_err(broken)?;
        }
        let refusal = match security {
            Security::Plain => {
                "it has not accepted the user's name and password; it may want TLS first"
            }
            _ => "it has not accepted the user's name and password",
        };
        let session = client.login(user, password.expose()).await.map_err(|(error, _)| {
            let trouble = trouble(&error, refusal);
            if let Trouble::Refused(cause) = &trouble {
                let _ = self.refused.set(cause.clone());
            }
            trouble
        })?;
        let mut kept = Kept { session, validity: None, next: None, messages: 0 };
        self.examine(&mut kept).await?;
        Ok(kept)
    }

    async fn encrypted(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Trouble> {
        self.tls.connect(self.name.clone(), tcp).await.map_err(broken)
    }

    /// Opens the mailbox for reading only, which tells its numbers.
    async fn examine(&self, kept: &mut Kept) -> Result<(), Trouble> {
        let name = &self.settings.mailbox;
        let refusal = format!("it does not open the mailbox `{name}`");
        let mailbox =
            kept.session.examine(name).await.map_err(|error| trouble(&error, &refusal))?;
        kept.validity = mailbox.uid_validity;
        kept.next = mailbox.uid_next;
        kept.messages = usize::try_from(mailbox.exists).unwrap_or_default();
        Ok(())
    }
}

impl Inbox for Imap {
    fn place(&self) -> &str {
        &self.place
    }

    fn interval(&self) -> Duration {
        self.settings.interval.unwrap_or_else(|| super::interval(&self.settings.host))
    }

    fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    fn look<'a>(
        &'a self,
        address: &'a str,
        since: &'a Baseline,
        known: &'a BTreeSet<String>,
        is_first: bool,
    ) -> BoxFuture<'a, Result<View, Trouble>> {
        Box::pin(async move {
            let (validity, next) = since.mailbox();
            let mut place = self.kept.lock().await;
            // Taken out, so that one in the middle of an answer is not used again.
            let mut kept = match place.take() {
                Some(kept) => kept,
                None => self.connect().await?,
            };
            if kept.validity != validity {
                let cause = "its messages have been numbered anew since the request";
                return Err(Trouble::Refused(cause.to_owned()));
            }
            let view = kept.view(address, next, known, is_first).await?;
            *place = Some(kept);
            Ok(view)
        })
    }
}

/// A connection with the mailbox open.
struct Kept {
    session: Session<Box<dyn Stream>>,
    validity: Option<u32>,
    /// The number that the next message gets, as of when the mailbox was opened; some servers do not tell it.
    next: Option<u32>,
    messages: usize,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for T {}

impl Kept {
    async fn view(
        &mut self,
        address: &str,
        next: u32,
        known: &BTreeSet<String>,
        is_first: bool,
    ) -> Result<View, Trouble> {
        // With this a server tells what has come.
        self.session.noop().await.map_err(|error| trouble(&error, NOT_SEARCHED))?;
        let mut numbers = self.numbers(&format!("UID {next}:*")).await?;
        // A range that ends with `*` has the last message always.
        numbers.retain(|number| *number >= next && !known.contains(&number.to_string()));
        numbers.reverse();
        let mut view = View::default();
        for batch in numbers.chunks(BATCH) {
            let set: Vec<_> = batch.iter().map(u32::to_string).collect();
            let headers = self.fetch(&set.join(","), HEADER).await?;
            // What is to others need not come as a whole to be counted.
            let (own, others): (Vec<_>, Vec<_>) =
                headers.into_iter().partition(|arrival| arrival.mail.is_to(address));
            view.arrivals.extend(others);
            if !own.is_empty() {
                let set: Vec<_> = own.into_iter().map(|arrival| arrival.id).collect();
                let what = format!("BODY.PEEK[]<0.{ENOUGH}>");
                view.arrivals.extend(self.fetch(&set.join(","), &what).await?);
            }
        }
        if is_first && numbers.is_empty() && next > 1 {
            let set = format!("{}:{}", next.saturating_sub(EARLIER).max(1), next - 1);
            view.earlier = self.fetch(&set, HEADER).await?;
        }
        Ok(view)
    }

    /// The numbers of the messages that a search finds, in order.
    async fn numbers(&mut self, query: &str) -> Result<Vec<u32>, Trouble> {
        let found = self.session.uid_search(query).await;
        let found = found.map_err(|error| trouble(&error, NOT_SEARCHED))?;
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable();
        Ok(found)
    }

    /// These messages, the newest first.
    async fn fetch(&mut self, set: &str, what: &str) -> Result<Vec<Arrival>, Trouble> {
        let refused = |error| trouble(&error, "it gives no messages");
        let query = format!("(UID INTERNALDATE {what})");
        let fetched = self.session.uid_fetch(set, query).await.map_err(refused)?;
        let fetched: Vec<_> = fetched.try_collect().await.map_err(refused)?;
        let mut arrivals: Vec<_> = fetched
            .iter()
            .filter_map(|message| {
                let raw = message.body().or(message.header())?;
                let received = message.internal_date();
                let received = received.and_then(|date| u64::try_from(date.timestamp()).ok());
                let received = received
                    .map(|seconds| Timestamp::from_millis(0) + Duration::from_secs(seconds));
                Some((message.uid?, received, Mail::parse(raw)))
            })
            .collect();
        arrivals.sort_unstable_by_key(|(number, ..)| std::cmp::Reverse(*number));
        let arrival = |(number, received, mail): (u32, _, _)| Arrival {
            id: number.to_string(),
            received,
            mail,
        };
        Ok(arrivals.into_iter().map(arrival).collect())
    }
}

/// The headers alone; nothing is marked as read.
const HEADER: &str = "BODY.PEEK[HEADER]";
const NOT_SEARCHED: &str = "it does not search the mailbox";

fn broken(error: impl std::error::Error) -> Trouble {
    Trouble::Broken(error.to_string())
}

/// What a server says of its own to a refusal is not repeated: it may quote what it was sent.
fn trouble(error: &Error, refusal: &str) -> Trouble {
    match error {
        Error::No(_) | Error::Bad(_) => Trouble::Refused(refusal.to_owned()),
        Error::Io(error) => Trouble::Broken(error.to_string()),
        Error::ConnectionLost => Trouble::Broken("it has closed the connection".to_owned()),
        Error::Validate(_) => {
            Trouble::Refused("a setting has a character that IMAP cannot send".to_owned())
        }
        _ => Trouble::Broken("it has answered what is no IMAP".to_owned()),
    }
}
