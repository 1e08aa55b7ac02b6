//! maildev as a process of its own: an SMTP server whose mails are read over HTTP.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use countersign::codes::{CodeSource, Http, Pattern, Shape};
use lettre::{Message, SmtpTransport, Transport as _, message::SinglePart};
use tempfile::TempDir;

use super::{end, free_ports};

fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/maildev")
}

/// Why there is no maildev, if there is none.
pub(crate) fn missing() -> Option<String> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/maildev/package-lock.json");
    let noted = fs::read(installed().join("installed")).ok();
    (noted.is_none() || noted != fs::read(list).ok())
        .then(|| "no maildev; `bash tests/run` installs it".to_owned())
}

pub(crate) struct Maildev {
    child: Child,
    _folder: TempDir,
    pub(crate) smtp: u16,
    pub(crate) web: u16,
}

impl Maildev {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        // Somebody else may take a port before maildev does.
        let mut tries = 0;
        loop {
            let [smtp, web] = free_ports()?;
            match run(folder.path(), smtp, web) {
                Ok(child) => return Ok(Self { child, _folder: folder, smtp, web }),
                Err(error) if tries == 3 => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        end(&mut self.child);
    }

    pub(crate) fn inbox(&self) -> Result<CodeSource, Box<dyn Error>> {
        let mut shape = Shape::preset("maildev").ok_or("no preset")?;
        shape.base = format!("http://127.0.0.1:{}", self.web);
        let interval = Some(Duration::from_millis(20));
        let http = Http::new(shape, BTreeMap::new(), Pattern::SixDigits, None, interval)?;
        Ok(CodeSource::Http(Box::new(http)))
    }

    pub(crate) fn send(&self, to: &str, part: SinglePart) -> Result<(), Box<dyn Error>> {
        let message = Message::builder()
            .from("tenant@x.example".parse()?)
            .to(to.parse()?)
            .subject("Your code")
            .singlepart(part)?;
        let server = SmtpTransport::builder_dangerous("127.0.0.1").port(self.smtp).build();
        server.send(&message)?;
        Ok(())
    }
}

impl Drop for Maildev {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts it, and waits until it says that it listens on both ports.
fn run(folder: &Path, smtp: u16, web: u16) -> Result<Child, Box<dyn Error>> {
    // Where the machine has no Node that is recent enough, it is installed beside the packages of other tests.
    let own = installed().with_file_name("node/runtime/bin/node");
    let mut child = Command::new(if own.exists() { own } else { "node".into() })
        .arg(installed().join("node_modules/.bin/maildev"))
        .args(["--ip", "127.0.0.1", "--web-ip", "127.0.0.1"])
        .args(["--smtp", &smtp.to_string(), "--web", &web.to_string()])
        .arg("--mail-directory")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let mut log = BufReader::new(child.stdout.take().ok_or("no standard output")?);
    let mut said = String::new();
    while !(said.contains("API running") && said.contains("Ctrl+C")) {
        if log.read_line(&mut said)? == 0 {
            child.wait()?;
            return Err(format!("maildev has not started: {said}").into());
        }
    }
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Ok(child)
}
