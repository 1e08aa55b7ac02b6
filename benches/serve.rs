//! How fast a served tenant answers, and how soon it is there: `cargo bench --bench serve`.
//!
//! Sixty-four connections, each a user of its own, go round a flow that needs no signature: log in, list, associate an
//! app, give a wrong code, give a wrong password, read the configuration. The same client then goes round against a
//! bare hyper server that answers the same bytes: the ratio is what the emulator and its front cost. Server and client
//! share the machine's cores.
#![expect(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark asks the clock, makes rates of counts, and prints"
)]

use std::{
    collections::HashMap,
    convert::Infallible,
    error::Error,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use countersign::{
    emulator::NewUser,
    exchange::{FORM, JSON},
    serve::{Options, Service},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{MissedTickBehavior, interval_at},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(4);
const STARTS: usize = 9;

fn main() -> Result<()> {
    let service = Service::start(Options::new(1))?;
    for number in 0..CONNECTIONS {
        service.tenant().add_user(NewUser::new(user(number), "correct horse"));
    }
    let address: SocketAddr = service.url().trim_start_matches("http://").parse()?;
    let client_id = service.clients().spa.id.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(record(address, &client_id))?;
    println!("seen: {}", seen(&answers));
    let bare = bare(Arc::new(answers))?;

    let (mut tenant_rates, mut bare_rates) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        tenant_rates.push(runtime.block_on(load("tenant", address, &client_id, None))?);
        bare_rates.push(runtime.block_on(load("bare", bare, &client_id, None))?);
    }
    let (tenant_rate, bare_rate) = (median(&mut tenant_rates), median(&mut bare_rates));
    println!("ratio {:.2}", tenant_rate / bare_rate);
    runtime.block_on(load("tenant, half load", address, &client_id, Some(tenant_rate / 2.0)))?;

    for arguments in [&["serve"][..], &["serve", "--tls"]] {
        let mut times = (0..STARTS).map(|_| start(arguments)).collect::<Result<Vec<_>>>()?;
        println!("{:<12} ready in {:.1} ms", arguments.join(" "), median(&mut times));
    }
    Ok(())
}

fn user(number: usize) -> String {
    format!("user-{number}@example.com")
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Milliseconds from the start of the process to its line.
fn start(arguments: &[&str]) -> Result<f64> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
    let elapsed = start.elapsed();
    child.kill()?;
    child.wait()?;
    Ok(elapsed.as_secs_f64() * 1000.0)
}

/// Goes round on all connections, as fast as it can or at a rate, and gives the requests a second.
async fn load(name: &str, address: SocketAddr, client_id: &str, rate: Option<f64>) -> Result<f64> {
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..CONNECTIONS {
        let mut flow = Flow::connect(address, client_id, number).await?;
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            let mut ticks = rate.map(|rate| {
                let period = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
                let first = tokio::time::Instant::now() + period.mul_f64(number as f64 / 64.0);
                let mut ticks = interval_at(first, period);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                ticks
            });
            while begin.elapsed() < TIME {
                // When it should have been sent: waiting for the one before counts.
                let due = match &mut ticks {
                    Some(ticks) => ticks.tick().await.into_std(),
                    None => Instant::now(),
                };
                flow.step().await?;
                latencies.push(due.elapsed());
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    latencies.sort_unstable();
    let rate = latencies.len() as f64 / begin.elapsed().as_secs_f64();
    let at = |part: usize| latencies[latencies.len() * part / 100].as_secs_f64() * 1000.0;
    println!("{name:<18} {rate:>7.0} requests/s, p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
    Ok(rate)
}

/// One connection of one user.
struct Flow {
    stream: TcpStream,
    received: Vec<u8>,
    client_id: String,
    user: String,
    mfa_token: String,
    next: usize,
}

/// The steps of the flow by name.
const STEPS: [&str; 6] =
    ["login", "list", "associate", "wrong code", "wrong password", "configuration"];

impl Flow {
    async fn connect(address: SocketAddr, client_id: &str, number: usize) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(4096),
            client_id: client_id.to_owned(),
            user: user(number),
            mfa_token: String::new(),
            next: 0,
        })
    }

    /// Sends the next request and reads its answer: the status and the body.
    async fn step(&mut self) -> Result<(u16, Vec<u8>)> {
        let Self { client_id, user, mfa_token, .. } = &*self;
        let request = match STEPS[self.next] {
            "login" => post(
                "/oauth/token",
                "",
                FORM,
                &format!(
                    "grant_type=password&client_id={client_id}&username={user}&password=correct+horse"
                ),
            ),
            "list" => format!(
                "GET /mfa/authenticators HTTP/1.1\r\nhost: tenant.example\r\n\
                 user-agent: benchmark\r\naccept: application/json\r\nx-step: list\r\n\
                 authorization: Bearer {mfa_token}\r\n\r\n"
            ),
            "associate" => {
                let authorization = format!("authorization: Bearer {mfa_token}\r\n");
                let app = r#"{"authenticator_types":["otp"]}"#;
                post("/mfa/associate", &authorization, JSON, app)
            }
            "wrong code" => post(
                "/oauth/token",
                "",
                FORM,
                &format!(
                    "grant_type=http://auth0.com/oauth/grant-type/mfa-otp&client_id={client_id}\
                     &mfa_token={mfa_token}&otp=000000"
                ),
            ),
            "wrong password" => post(
                "/oauth/token",
                "",
                FORM,
                &format!("grant_type=password&client_id={client_id}&username={user}&password=wrong"),
            ),
            _ => "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: tenant.example\r\n\
                  user-agent: benchmark\r\naccept: application/json\r\nx-step: configuration\r\n\r\n"
                .to_owned(),
        };
        let request = request.replace("x-step: post", &format!("x-step: {}", STEPS[self.next]));
        self.stream.write_all(request.as_bytes()).await?;
        let (status, body) = self.answer().await?;
        if self.next == 0 {
            let text = std::str::from_utf8(&body)?;
            let token =
                text.split("\"mfa_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
            token.ok_or("no mfa_token")?.clone_into(&mut self.mfa_token);
        }
        self.next = (self.next + 1) % STEPS.len();
        Ok((status, body))
    }

    async fn answer(&mut self) -> Result<(u16, Vec<u8>)> {
        self.received.clear();
        loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.received[..end])?;
                let length = head.split("content-length: ").nth(1).ok_or("no length")?;
                let length: usize = length.split('\r').next().unwrap_or_default().parse()?;
                if self.received.len() >= end + 4 + length {
                    let status = head.get(9..12).ok_or("no status")?.parse()?;
                    return Ok((status, self.received[end + 4..].to_vec()));
                }
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err("the server has closed the connection".into());
            }
        }
    }
}

fn post(path: &str, headers: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: tenant.example\r\nuser-agent: benchmark\r\n\
         accept: application/json\r\nx-step: post\r\n{headers}\
         content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An answer for each step.
type Answers = HashMap<&'static str, (u16, Bytes)>;

async fn record(address: SocketAddr, client_id: &str) -> Result<Answers> {
    let mut flow = Flow::connect(address, client_id, 0).await?;
    let mut answers = HashMap::new();
    for step in STEPS {
        let (status, body) = flow.step().await?;
        answers.insert(step, (status, body.into()));
    }
    Ok(answers)
}

fn seen(answers: &Answers) -> String {
    STEPS.map(|step| format!("{step} {} ({} B)", answers[step].0, answers[step].1.len())).join(", ")
}

/// A server on as many threads that reads each request and gives the recorded answer.
fn bare(answers: Arc<Answers>) -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    std::thread::spawn(move || {
        let served: std::io::Result<Infallible> = runtime.block_on(async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let answers = Arc::clone(&answers);
                let service = service_fn(move |request: hyper::Request<Incoming>| {
                    let answers = Arc::clone(&answers);
                    async move { Ok::<_, Infallible>(recorded(request, &answers).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        drop(served);
    });
    Ok(address)
}

async fn recorded(
    request: hyper::Request<Incoming>,
    answers: &Answers,
) -> hyper::Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let _ = body.collect().await;
    let step = parts.headers.get("x-step").and_then(|step| step.to_str().ok());
    let known = step.and_then(|step| answers.get(step));
    let (status, body) = known.cloned().unwrap_or((500, Bytes::new()));
    let mut response = hyper::Response::new(Full::new(body));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
