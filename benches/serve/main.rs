//! How fast a served tenant answers, and how soon it is there: `cargo bench --bench serve`. With `-- --soak 30`, how it
//! bears a mixed load for so many seconds: see [`soak`].
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

mod flow;
mod soak;

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
    emulator::{Emulator, Limit, Limits, NewUser, Tenant},
    serve::{Options, Service, Setup},
};
use flow::{Flow, Person, UNSIGNED};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    time::{MissedTickBehavior, interval_at},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const CONNECTIONS: usize = 64;
const TIME: Duration = Duration::from_secs(4);
const STARTS: usize = 9;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut arguments = std::env::args().skip_while(|argument| argument != "--soak").skip(1);
    if let Some(seconds) = arguments.next() {
        return runtime.block_on(soak::run(Duration::from_secs(seconds.parse()?)));
    }
    let service = Service::start(Options { setup: unlimited(), ..Options::new(1) })?;
    for number in 0..CONNECTIONS {
        service.tenant().add_user(NewUser::new(user(number), "correct horse"));
    }
    let address: SocketAddr = service.url().trim_start_matches("http://").parse()?;
    let client_id = service.clients().spa.id.clone();
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

/// A tenant whose limits do not come into play.
fn unlimited() -> Setup {
    let setup = Setup::new(1);
    let often = Limit::new(1_000_000, Duration::from_millis(1));
    let limits = Limits { logins: often, failed_codes: often, ..Limits::default() };
    let tenant = Tenant { limits, ..setup.emulator.tenant().clone() };
    Setup { emulator: Emulator::new(tenant), ..setup }
}

fn user(number: usize) -> String {
    format!("user-{number}@example.com")
}

fn person(client_id: &str, number: usize) -> Person {
    let none = String::new();
    let (client_id, email) = (client_id.to_owned(), user(number));
    Person { client_id, email, id: none.clone(), manager: none.clone(), manager_login: none }
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
        let mut flow = Flow::start(address, &UNSIGNED, person(client_id, number)).await?;
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

/// An answer for each step.
type Answers = HashMap<&'static str, (u16, Bytes)>;

async fn record(address: SocketAddr, client_id: &str) -> Result<Answers> {
    let mut flow = Flow::start(address, &UNSIGNED, person(client_id, 0)).await?;
    let mut answers = HashMap::new();
    for (step, _) in UNSIGNED.steps {
        let (status, body) = flow.step().await?;
        answers.insert(*step, (status, body.into()));
    }
    Ok(answers)
}

fn seen(answers: &Answers) -> String {
    let steps = UNSIGNED.steps.iter();
    let seen = steps.map(|(step, status)| format!("{step} {status} ({} B)", answers[step].1.len()));
    seen.collect::<Vec<_>>().join(", ")
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
