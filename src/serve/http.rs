//! Connections: accepting them, HTTP/1 on each, the limits, and the end.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use futures_util::{StreamExt as _, TryFutureExt as _, future, stream};
use http_body_util::{BodyExt as _, Either, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    StatusCode,
    body::{Body as _, Bytes, Frame, Incoming},
    header::{CONTENT_LENGTH, DATE, EXPECT, HeaderName, HeaderValue, ORIGIN},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{Hosted, control::Control, cors, fault::Delivery, refusal::Refusal};
use crate::{
    clock::{self, Timestamp},
    exchange::{Request, Response},
};

/// The longest body that is read: no request of the API comes near.
const BODY_LIMIT: usize = 1 << 20;
/// So much of a longer one is thrown away before the refusal: a client that is still writing does not read.
const DISCARD_LIMIT: usize = 64 << 20;
/// About the most that all headers together can take.
const HEADERS_LIMIT: usize = 64 << 10;
/// A client may take so long over a TLS handshake, over its headers and over its body, each.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing is accepted after that has failed, as it does when descriptors have run out.
const RECOVERY: Duration = Duration::from_millis(50);

pub(super) type Answer = hyper::Response<Full<Bytes>>;
/// An answer, or the part of one that comes before the connection breaks.
type Sent = hyper::Response<Either<Full<Bytes>, UnsyncBoxBody<Bytes, Broken>>>;

/// The tenant's faults want the connection to end here.
#[derive(Debug, Error)]
#[error("the connection is to break")]
struct Broken;

/// What answers at an address.
pub(super) struct Front {
    pub(super) tenant: Hosted,
    pub(super) control: Control,
}

/// Serves until `stop` says how long what is under way may still take.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    front: Arc<Front>,
    mut stop: watch::Receiver<Option<Duration>>,
) {
    // Each connection has a receiver: it hears of the end, and is gone when the receiver is.
    let (closing, _) = watch::channel(false);
    let limit = loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            limit = stop.wait_for(Option::is_some) => break limit.ok().and_then(|limit| *limit),
        };
        let Ok((stream, peer)) = accepted else {
            clock::wait(RECOVERY).await;
            continue;
        };
        // Answers are small and whole: nothing is won by waiting for more to send.
        let _ = stream.set_nodelay(true);
        let (front, tls, closing) = (Arc::clone(&front), tls.clone(), closing.subscribe());
        tokio::spawn(async move {
            let Some(tls) = tls else {
                let reset = TcpStream::set_zero_linger;
                return connection(stream, reset, peer, &front, closing).await;
            };
            if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                let reset = |stream: &TlsStream<TcpStream>| stream.get_ref().0.set_zero_linger();
                connection(stream, reset, peer, &front, closing).await;
            }
        });
    };
    drop(listener);
    closing.send_replace(true);
    let _ = timeout(limit.unwrap_or_default(), closing.closed()).await;
}

/// Whatever ends a connection early is the client's doing, or a fault's, and nobody's to hear of. `reset` makes the end
/// of a stream a reset: what the system does, too, when a server dies.
async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    reset: impl FnOnce(&S) -> io::Result<()>,
    peer: SocketAddr,
    front: &Front,
    mut closing: watch::Receiver<bool>,
) {
    let (used, unanswered) = (AtomicBool::new(false), AtomicBool::new(false));
    let service = service_fn(|request| {
        used.store(true, Ordering::Relaxed);
        let answer = front.answer(peer, request);
        answer.inspect_err(|Broken| unanswered.store(true, Ordering::Relaxed))
    });
    let mut connection = http1::Builder::new()
        .half_close(true)
        .max_buf_size(HEADERS_LIMIT)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        _ = &mut connection => true,
        _ = closing.wait_for(|closing| *closing) => false,
    };
    // One on which nothing was ever asked would be waited for in vain.
    if !ended && used.load(Ordering::Relaxed) {
        Pin::new(&mut connection).graceful_shutdown();
        let _ = (&mut connection).await;
    }
    if unanswered.load(Ordering::Relaxed) {
        // Where it cannot be reset it is closed.
        let _ = reset(connection.into_parts().io.inner());
    }
}

impl Front {
    async fn answer(
        &self,
        peer: SocketAddr,
        request: hyper::Request<Incoming>,
    ) -> Result<Sent, Broken> {
        if Control::is_for(request.uri().path()) {
            if let Err(refusal) = self.control.admit(peer, &request) {
                return Ok(Answer::from(refusal).map(Either::Left));
            }
            let (parts, body) = request.into_parts();
            let answer = match read(&parts, body).await {
                Ok(body) => self.control.answer(&parts, &body),
                Err(refusal) => refusal.into(),
            };
            return Ok(answer.map(Either::Left));
        }
        let origin = request.headers().get(ORIGIN).cloned();
        let mut answer = if let Some(answer) = cors::preflight(&request) {
            answer.map(Either::Left)
        } else {
            let (parts, body) = request.into_parts();
            match read(&parts, body).await {
                Ok(body) => self.ask(&converted(&parts, body)).await?,
                Err(refusal) => Answer::from(refusal).map(Either::Left),
            }
        };
        if let Some(origin) = origin {
            cors::allow(origin, answer.headers_mut());
        }
        // Of hyper's clock the tenant knows nothing.
        if let Some(date) = date(self.tenant.now()) {
            answer.headers_mut().insert(DATE, date);
        }
        Ok(answer)
    }

    /// What the tenant answers, and what its faults leave of that.
    async fn ask(&self, request: &Request) -> Result<Sent, Broken> {
        match self.tenant.deliver(request) {
            Delivery::Whole(response, after) => {
                if !after.is_zero() {
                    clock::wait(after).await;
                }
                Ok(written(response).map(Either::Left))
            }
            // There is nothing in it to break.
            Delivery::Half(response) if response.body.is_empty() => Err(Broken),
            Delivery::Half(response) => Ok(half(response)),
            Delivery::Nothing => Err(Broken),
        }
    }
}

/// A moment as HTTP writes it (RFC 9110, 5.6.7); nothing after the year 9999.
fn date(now: Timestamp) -> Option<HeaderValue> {
    const YEAR_10000: u64 = 253_402_300_800;
    let is_written = now.as_secs() < YEAR_10000;
    let date = is_written.then(|| UNIX_EPOCH + Duration::from_secs(now.as_secs()))?;
    HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok()
}

/// The whole body, if it is not too long and comes in time. What Auth0 answers then is not known: the bodies are
/// \[guess\].
async fn read(parts: &Parts, mut body: Incoming) -> Result<Vec<u8>, Refusal> {
    if body.is_end_stream() {
        return Ok(Vec::new());
    }
    let too_large = || {
        let text = "The body is longer than 1 MiB.";
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", text)
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > BODY_LIMIT && parts.headers.contains_key(EXPECT) {
        // It asked before sending it.
        return Err(too_large());
    }
    let whole = timeout(PATIENCE, async {
        let mut bytes = Vec::with_capacity(announced.min(BODY_LIMIT));
        let mut length = 0_usize;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length <= BODY_LIMIT {
                bytes.extend_from_slice(&data);
            } else if length > DISCARD_LIMIT {
                break;
            }
        }
        Ok::<_, hyper::Error>((length <= BODY_LIMIT).then_some(bytes))
    });
    match whole.await {
        Ok(Ok(bytes)) => bytes.ok_or_else(too_large),
        Ok(Err(_)) => {
            let text = "The body ends before its end, or is not well-formed.";
            Err(Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", text))
        }
        Err(_) => {
            let text = "The body did not come within thirty seconds.";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", text))
        }
    }
}

fn converted(parts: &Parts, body: Vec<u8>) -> Request {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let mut request = Request::new(parts.method.as_str(), path);
    for (name, value) in &parts.headers {
        request.headers.append(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    request.body = body;
    request
}

fn written(response: Response) -> Answer {
    let mut answer = hyper::Response::new(Full::from(response.body));
    *answer.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers.iter() {
        // What the emulator says is always a header.
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// The head of an answer, with the length of its whole body, and half of that.
fn half(mut response: Response) -> Sent {
    let length = response.body.len();
    response.body.truncate(length / 2);
    let half = Frame::data(Bytes::from(std::mem::take(&mut response.body)));
    let end = async {
        // What was written is sent before there is more.
        tokio::task::yield_now().await;
        Err(Broken)
    };
    let frames = stream::once(future::ready(Ok(half))).chain(stream::once(end));
    let mut answer =
        written(response).map(|_| Either::Right(StreamBody::new(frames).boxed_unsync()));
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    answer
}
