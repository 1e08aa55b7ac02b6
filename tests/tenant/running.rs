//! A run as a process: what it says while it goes on, and what is there when it is over.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Read},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::place::{Place, Ran};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Nothing takes as long.
const LIMIT: Duration = Duration::from_mins(3);

/// The lines of one of its streams.
struct Stream {
    lines: Receiver<String>,
    /// Those that were taken already.
    taken: String,
}

/// The program, while it runs; it ends with this value.
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    /// Starts a command, which leads a group of processes of its own.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let stderr = child.stderr.take().ok_or("no standard error")?;
        Ok(Self { child, stdout: Stream::of(stdout), stderr: Stream::of(stderr) })
    }

    /// Waits for the `count`th event of this name from now on, of a run with `--format json`. Whether it came before the
    /// run was over.
    pub(crate) fn wait_for(&mut self, event: &str, count: usize) -> Result<bool> {
        let mut seen = 0;
        while seen < count {
            let Some(line) = self.stdout.line()? else { return Ok(false) };
            let line: Value = serde_json::from_str(&line)?;
            seen += usize::from(line["event"] == event);
        }
        Ok(true)
    }

    /// Waits for so many events of any name. Whether they came.
    pub(crate) fn wait_for_any(&mut self, count: usize) -> Result<bool> {
        for _ in 0..count {
            if self.stdout.line()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for a line of standard error with this text.
    pub(crate) fn wait_for_note(&mut self, text: &str) -> Result<()> {
        while let Some(line) = self.stderr.line()? {
            if line.contains(text) {
                return Ok(());
            }
        }
        Err(format!("{text} was not said").into())
    }

    /// Sends a signal to it alone.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status()?;
        if sent.success() { Ok(()) } else { Err(format!("{name} was not sent").into()) }
    }

    /// Sends a signal until it ends.
    pub(crate) fn end_by(mut self, name: &str) -> Result<Ran> {
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            self.signal(name)?;
            if start.elapsed() > LIMIT {
                return Err(format!("it does not end by {name}").into());
            }
        }
        self.end()
    }

    /// Waits for its end. That nothing it started is left is asserted.
    pub(crate) fn end(mut self) -> Result<Ran> {
        while self.stdout.line()?.is_some() {}
        while self.stderr.line()?.is_some() {}
        let status = self.child.wait()?;
        let group = format!("-{}", self.child.id());
        let left =
            Command::new("kill").args(["-0", "--", &group]).stderr(Stdio::null()).status()?;
        assert!(!left.success(), "something of the run goes on");
        Ok(Ran {
            code: status.code().or(status.signal().map(|signal| -signal)),
            stdout: std::mem::take(&mut self.stdout.taken),
            stderr: std::mem::take(&mut self.stderr.taken),
        })
    }
}

impl Stream {
    /// Reads to the end, whether or not somebody waits for it: the program must not.
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(std::result::Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { lines, taken: String::new() }
    }

    /// The next line; nothing at the end.
    fn line(&mut self) -> Result<Option<String>> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => {
                self.taken += &line;
                self.taken += "\n";
                Ok(Some(line))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => Ok(None),
            Err(mpsc::RecvTimeoutError::Timeout) => Err("nothing more was said".into()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds.
pub(crate) fn until(holds: impl Fn() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !holds()? {
        if start.elapsed() > LIMIT {
            return Err("it did not come to hold".into());
        }
    }
    Ok(())
}

/// The events of a run, from its standard output or its report.
pub(crate) fn events(text: &str) -> Result<Vec<Value>> {
    Ok(text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

/// A member of the event `run_finished`, which is the last.
pub(crate) fn finished(events: &[Value]) -> Result<&Value> {
    let last = events.last().ok_or("no events")?;
    assert_eq!(last["event"], "run_finished", "{last}");
    Ok(last)
}

/// What went wrong, for the message of a failed test.
pub(crate) fn wrong(events: &[Value]) -> Vec<String> {
    let words = ["failed", "errored", "flaky"];
    let is_bad = |event: &&Value| words.iter().any(|word| event["verdict"] == *word);
    let told = |event: &Value| {
        let [failures, snapshot, retries] =
            ["failures", "snapshot", "retries"].map(|name| &event[name]);
        format!("{} {failures} {snapshot} {retries}", event["id"])
    };
    events.iter().filter(is_bad).map(told).collect()
}

/// What a tenant has for all its users.
pub(crate) fn settings(place: &Place) -> Result<[Value; 3]> {
    let paths = ["guardian/factors", "guardian/factors/phone/message-types", "guardian/policies"];
    let mut found = [(); 3].map(|()| Value::Null);
    for (path, found) in paths.iter().zip(&mut found) {
        let (status, answer) = place.manage("GET", path, None)?;
        assert_eq!(status, 200, "{path}: {answer}");
        *found = answer;
    }
    Ok(found)
}

/// Asserts that runs have left nothing: no user, no changed setting, no journal.
pub(crate) fn assert_untouched(place: &Place, before: &[Value; 3]) -> Result<()> {
    assert_eq!(place.users()?, 0, "users are left");
    assert_eq!(&settings(place)?, before, "settings are changed");
    assert_eq!(journals(place)?, Vec::<String>::new(), "a journal is left");
    Ok(())
}

/// The journals in the project's folder.
pub(crate) fn journals(place: &Place) -> Result<Vec<String>> {
    let folder = place.project().join(".countersign/staging");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.path().display().to_string()));
    let names: Vec<String> = names.collect::<std::io::Result<_>>()?;
    Ok(names.into_iter().filter(|name| name.ends_with(".journal")).collect())
}
