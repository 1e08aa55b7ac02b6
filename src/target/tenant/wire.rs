//! The way to a tenant: HTTPS, at the tenant's pace, with what was refused or lost sent again where that does no harm.
//!
//! A request that was refused for its number, or for which no connection was had, has done nothing: it is sent again. One
//! whose answer was lost may have had its effect. It is sent again only if that is the same as once; else the caller has
//! to decide.

use std::{
    error::Error,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio_rustls::rustls::{self, CertificateError};

use super::pace::{self, Api, Pace};
use crate::{
    clock::{self, AdjustedClock, Entropy, Stopwatch, SystemEntropy, Timestamp},
    exchange::{Exchange, Request, Response, Retry},
    target::SendError,
};

/// A tenant that says nothing for so long says nothing.
const PATIENCE: Duration = Duration::from_secs(30);
/// A connection that was not used for so long is not used again: the tenant may be about to close it, and what is sent
/// then is lost.
const IDLE: Duration = Duration::from_secs(10);
/// One that could not be reached before is not waited for as long.
const LITTLE_PATIENCE: Duration = Duration::from_secs(5);
/// How often a request is sent again.
const RETRIES: usize = 6;
/// The same before there was any answer: it may be that nobody is there at all.
const FIRST_RETRIES: usize = 3;
/// How long is waited before the first repetition, unless the answer says; twice as long before each other.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// A client of a tenant. All scenarios of a run share it.
pub(super) struct Wire {
    client: reqwest::Client,
    pace: Mutex<Pace>,
    /// Whether the tenant could not be reached however often it was tried: others need not try as often.
    is_gone: AtomicBool,
    /// Whether there was ever an answer.
    was_reached: AtomicBool,
}

/// A request, and what may be done about it.
pub(super) struct Call<'a> {
    /// The domain that it goes to.
    pub(super) domain: &'a str,
    /// The request.
    pub(super) request: Request,
    /// What it is for, to be told with a repetition.
    pub(super) what: &'a str,
    /// Whether twice is the same as once.
    pub(super) is_idempotent: bool,
    /// Statuses that are no trouble here.
    pub(super) accepts: &'a [u16],
}

/// Why there is no answer to one request.
enum Missed {
    /// It cannot be written as HTTP.
    Invalid(String),
    /// No connection was had, so nothing was sent.
    NotSent(String),
    /// It may have been received.
    Lost(String),
    /// It may have been received, and nothing was said for as long as can be waited.
    Silent(String),
    /// The certificate is not trusted, or is another's: it will not be the next time.
    NotTrusted(String),
}

impl Wire {
    /// Trusts the system's authorities, and those in `ca`, which is PEM.
    pub(super) fn new(ca: Option<&[u8]>, pace: Pace) -> Result<Self, String> {
        let wrong = |error: reqwest::Error| innermost(&error.without_url());
        let mut client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(IDLE);
        if let Some(pem) = ca {
            let authorities = reqwest::Certificate::from_pem_bundle(pem).map_err(wrong)?;
            client = client.tls_certs_merge(authorities);
        }
        let client = client.build().map_err(wrong)?;
        let [is_gone, was_reached] = [false, false].map(AtomicBool::new);
        Ok(Self { client, pace: Mutex::new(pace), is_gone, was_reached })
    }

    /// Whether the tenant could not be reached the last time, however often that was tried.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Sends a request until there is an answer, as far as that does no harm; what was done again goes to `retries`.
    pub(super) async fn send(
        &self,
        call: Call<'_>,
        retries: &mut Vec<Retry>,
    ) -> Result<Exchange, SendError> {
        let Call { domain, mut request, what, is_idempotent, accepts } = call;
        let api = Api::of(&request.path);
        let mut tries = 0;
        loop {
            self.turn(api).await;
            let once = self.once(domain, request).await;
            let (again, sent) = match once {
                Ok(exchange) => {
                    let response = &exchange.response;
                    let accepted = accepts.contains(&response.status);
                    let heard = (!accepted).then_some((response.status, &response.headers));
                    self.hear(api, heard);
                    let Some(reason) = trouble(response).filter(|_| !accepted) else {
                        return Ok(exchange);
                    };
                    if response.status != 429 && !is_idempotent {
                        return Err(SendError::Lost(reason));
                    }
                    if tries == RETRIES {
                        return Ok(exchange);
                    }
                    let asked = pace::pause(&response.headers, now());
                    ((reason, asked), exchange.request)
                }
                Err((missed, sent)) => {
                    self.hear(api, None);
                    (self.again(missed, is_idempotent, tries)?, sent)
                }
            };
            let (reason, asked) = again;
            let wait = asked.unwrap_or_else(|| backoff(tries));
            retries.push(Retry { what: what.to_owned(), reason, wait });
            clock::wait(wait).await;
            request = sent;
            tries += 1;
        }
    }

    /// Why a request without an answer is to be sent again; else the error.
    fn again(
        &self,
        missed: Missed,
        is_idempotent: bool,
        tries: usize,
    ) -> Result<(String, Option<Duration>), SendError> {
        let (reason, is_safe, most) = match missed {
            Missed::Invalid(reason) => return Err(SendError::Invalid(reason)),
            Missed::NotTrusted(reason) => return Err(SendError::Unreachable(reason)),
            Missed::NotSent(reason) => (reason, true, RETRIES),
            Missed::Lost(reason) => (reason, is_idempotent, RETRIES),
            Missed::Silent(reason) => (reason, is_idempotent, 1),
        };
        if !is_safe {
            return Err(SendError::Lost(reason));
        }
        let was_reached = self.was_reached.load(Ordering::Relaxed);
        let most = if was_reached { most } else { most.min(FIRST_RETRIES) };
        if tries >= most || self.is_gone() {
            self.is_gone.store(true, Ordering::Relaxed);
            return Err(SendError::Unreachable(reason));
        }
        Ok((reason, None))
    }

    /// Waits until one more may be sent.
    async fn turn(&self, api: Api) {
        loop {
            let wait = self.pace().take(api, now());
            let Some(wait) = wait else { return };
            clock::wait(wait).await;
        }
    }

    fn hear(&self, api: Api, answer: Option<(u16, &crate::exchange::Headers)>) {
        self.pace().hear(api, answer, now());
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        // What it counts is whole after each call.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn once(&self, domain: &str, request: Request) -> Result<Exchange, (Missed, Request)> {
        match self.exchange(domain, &request).await {
            Ok((response, elapsed)) => {
                self.is_gone.store(false, Ordering::Relaxed);
                self.was_reached.store(true, Ordering::Relaxed);
                Ok(Exchange { request, response, elapsed })
            }
            Err(missed) => Err((missed, request)),
        }
    }

    async fn exchange(
        &self,
        domain: &str,
        request: &Request,
    ) -> Result<(Response, Duration), Missed> {
        let invalid = |error: &(dyn Error + 'static)| Missed::Invalid(innermost(error));
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|error| invalid(&error))?;
        let url = format!("https://{domain}{}", request.path);
        let patience = if self.is_gone() { LITTLE_PATIENCE } else { PATIENCE };
        let builder = self.client.request(method, url).timeout(patience);
        let mut builder = builder.body(request.body.clone());
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        let built = builder.build().map_err(|error| invalid(&error.without_url()))?;
        let missed = |error| missed(error, patience);
        let watch = Stopwatch::start();
        let answer = self.client.execute(built).await.map_err(missed)?;
        let mut response = Response { status: answer.status().as_u16(), ..Response::default() };
        for (name, value) in answer.headers() {
            response.headers.append(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
        }
        response.body = answer.bytes().await.map_err(missed)?.to_vec();
        Ok((response, watch.elapsed()))
    }
}

/// The moment by this machine's clock: pauses are counted by it.
fn now() -> Timestamp {
    AdjustedClock::default().now()
}

/// What is wrong with an answer that is about the way and not about the request.
fn trouble(response: &Response) -> Option<String> {
    // A user's own limit, as of wrong codes, is what a scenario may be about: it comes without a moment to try again.
    let is_limit = response.status == 429 && pace::pause(&response.headers, now()).is_some();
    (is_limit || response.status >= 500).then(|| format!("the answer was {}", response.status))
}

/// Longer each time, and not the same for all that wait.
fn backoff(tries: usize) -> Duration {
    let longest = FIRST_WAIT.saturating_mul(1 << tries.min(5));
    let random: &mut dyn Entropy = &mut SystemEntropy;
    let part = random.below(u64::try_from(longest.as_millis()).unwrap_or(1) / 2 + 1);
    longest / 2 + Duration::from_millis(part)
}

fn missed(error: reqwest::Error, patience: Duration) -> Missed {
    let error = error.without_url();
    let reason = innermost(&error);
    if reason.contains("certificate") {
        Missed::NotTrusted(reason)
    } else if error.is_connect() {
        Missed::NotSent(reason)
    } else if error.is_timeout() {
        Missed::Silent(format!("no answer within {} s", patience.as_secs()))
    } else {
        Missed::Lost(reason)
    }
}

/// The cause at the end of the chain is the one that a person can act on.
fn innermost(error: &(dyn Error + 'static)) -> String {
    if let Some(words) = in_words(error) {
        return words.to_owned();
    }
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

/// What is there and is no tenant, where the libraries tell it in their own words.
fn in_words(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
        return Some("what is there does not speak HTTP");
    }
    // What a stream has failed with is no source of its error.
    if let Some(within) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return in_words(within);
    }
    match error.downcast_ref()? {
        rustls::Error::InvalidMessage(_) => Some("what is there does not speak TLS"),
        rustls::Error::InvalidCertificate(wrong) => Some(match wrong {
            CertificateError::UnknownIssuer => {
                "its certificate is of an authority that is not trusted"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            CertificateError::BadEncoding => "a certificate in it cannot be read",
            _ => return None,
        }),
        _ => None,
    }
}
