//! A served tenant, as a process of its own, under load for long: no request is lost, and no memory.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign::exchange::FORM;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{interval, timeout},
};

use crate::{
    CONNECTIONS, Result,
    flow::{Connection, Flow, Person, Round, bare, member, post},
    user,
};

/// The tenant remembers so much of each kind, and then forgets the oldest: before, memory grows as it must.
const REMEMBERED: u64 = 50_000;
/// What the memory may grow by from the tenth second on, in KiB.
const GROWTH: u64 = 8 << 10;

/// Gives out one of everything that is remembered.
const FILLING: Round = Round {
    steps: &[
        ("login", 403),
        ("associate e-mail", 200),
        ("associate", 200),
        ("code", 200),
        ("refresh", 200),
        ("remove", 204),
    ],
    scope: "offline_access",
};

const MIXED: Round = Round {
    steps: &[
        ("login", 403),
        ("list", 200),
        ("associate e-mail", 200),
        ("associate", 200),
        ("wrong code", 403),
        ("code", 200),
        ("userinfo", 200),
        ("refresh", 200),
        ("wrong password", 403),
        ("configuration", 200),
        ("manage", 200),
        ("remove", 204),
    ],
    scope: "openid+offline_access",
};

/// The program, which ends with this.
struct Served {
    child: Child,
    line: Value,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests that were sent, and those that were answered as they should be.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
}

pub(crate) async fn run(time: Duration) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("tenant.yaml");
    fs::write(&path, settings())?;
    let served = start(path.to_str().ok_or("the path is no UTF-8")?)?;
    let address: SocketAddr =
        text(&served.line, "url")?.strip_prefix("http://").ok_or("no address")?.parse()?;
    println!("at the start {} KiB", memory(&served)?);

    let begin = Instant::now();
    // Three times over: a table in which much comes and goes grows once more after it is full. And in parts: the
    // manager's token is among what is forgotten.
    for _ in 0..12 {
        let people = people(address, &served.line).await?;
        let rounds = Arc::new(AtomicU64::new(0));
        let is_enough = move || rounds.fetch_add(1, Ordering::Relaxed) >= REMEMBERED / 4;
        load(address, &people, &FILLING, is_enough).await?;
    }
    println!("filled after {:.0} s: {} KiB", begin.elapsed().as_secs_f64(), memory(&served)?);
    let people = people(address, &served.line).await?;

    let slow = tokio::spawn(slow(address));
    let pid = served.child.id();
    let early = tokio::spawn(async move {
        countersign::clock::wait(Duration::from_secs(10)).await;
        resident(pid)
    });
    let begin = Instant::now();
    let (counts, latencies) =
        load(address, &people, &MIXED, move || begin.elapsed() >= time).await?;
    let elapsed = begin.elapsed().as_secs_f64();
    let (early, late) = (early.await??, self::memory(&served)?);
    let (sent, answered) = (counts.sent.into_inner(), counts.answered.into_inner());
    let at = |part: usize| latencies[(latencies.len() - 1) * part / 1000].as_secs_f64() * 1000.0;
    println!(
        "mixed: {sent} requests in {elapsed:.0} s, {} lost; p50 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms",
        sent - answered,
        at(500),
        at(999),
        at(1000)
    );
    println!("slow client: answered after {:.0} s", slow.await??.as_secs_f64());
    println!("memory: {early} KiB after 10 s, {late} KiB after {elapsed:.0} s");
    if sent != answered {
        return Err("requests were lost".into());
    }
    if late.saturating_sub(early) > GROWTH {
        return Err(format!("the memory has grown by more than {GROWTH} KiB").into());
    }
    Ok(())
}

/// A tenant whose limits do not come into play.
fn settings() -> String {
    let often = "{burst: 1000000, every: 1ms}";
    let user =
        |number| format!("  u{number}: {{email: {}, password: correct horse}}\n", user(number));
    let users: String = (0..CONNECTIONS).map(user).collect();
    format!(
        "tenant:\n  factors: [email, otp]\n  \
         limits: {{logins: {often}, failed_codes: {often}, emails: {often}}}\nusers:\n{users}"
    )
}

fn start(config: &str) -> Result<Served> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(["serve", "--config", config]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut served = Served { child: command.spawn()?, line: Value::Null };
    let mut line = String::new();
    let stdout = served.child.stdout.take().ok_or("no pipe")?;
    BufReader::new(stdout).read_line(&mut line)?;
    served.line = serde_json::from_str(&line)?;
    Ok(served)
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name].as_str().ok_or_else(|| format!("no `{name}`").into())
}

async fn people(address: SocketAddr, line: &Value) -> Result<Vec<Person>> {
    let mut connection = Connection::open(address).await?;
    let manager = &line["management"];
    let login = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&audience=http://localhost/api/v2/",
        text(manager, "client_id")?,
        text(manager, "client_secret")?
    );
    let (_, body) = connection.exchange(&post("", "/oauth/token", "", FORM, &login)).await?;
    let manager = member(&body, "access_token").ok_or("no token for the Management API")?;
    let (_, users) = connection.exchange(&bare("", "GET", "/_countersign/users", "")).await?;
    let users: Vec<Value> = serde_json::from_slice(&users)?;
    let people = users.iter().map(|user| {
        Ok(Person {
            client_id: text(line, "spa_client_id")?.to_owned(),
            email: text(user, "email")?.to_owned(),
            id: text(user, "user_id")?.replace('|', "%7C"),
            manager: manager.to_owned(),
            manager_login: login.clone(),
        })
    });
    people.collect()
}

/// Goes round on all connections until it is enough, which is asked at each round, and gives what was counted and the
/// latencies in order.
async fn load(
    address: SocketAddr,
    people: &[Person],
    round: &'static Round,
    is_enough: impl Fn() -> bool + Clone + Send + 'static,
) -> Result<(Counts, Vec<Duration>)> {
    let counts = Arc::new(Counts::default());
    let mut tasks = Vec::new();
    for person in people {
        let mut flow = Flow::start(address, round, person.clone()).await?;
        let (counts, is_enough) = (Arc::clone(&counts), is_enough.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            while !flow.is_round() || !is_enough() {
                let begin = Instant::now();
                counts.sent.fetch_add(1, Ordering::Relaxed);
                flow.step().await?;
                counts.answered.fetch_add(1, Ordering::Relaxed);
                latencies.push(begin.elapsed());
            }
            Result::Ok(latencies)
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    latencies.sort_unstable();
    Ok((Arc::try_unwrap(counts).map_err(|_| "a connection is not done")?, latencies))
}

/// Sends a byte a second, and gives how long it takes until the answer is there.
async fn slow(address: SocketAddr) -> Result<Duration> {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(address).await?;
    let mut seconds = interval(Duration::from_secs(1));
    for byte in b"GET / HTTP/1.0\r\n\r\n" {
        seconds.tick().await;
        stream.write_all(&[*byte]).await?;
    }
    let mut answer = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await??;
    if answer.starts_with("HTTP/1.0 404") {
        Ok(begin.elapsed())
    } else {
        Err("the slow client was not answered".into())
    }
}

fn memory(served: &Served) -> Result<u64> {
    resident(served.child.id())
}

/// The resident memory of a process in KiB, as Linux has it.
fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}
