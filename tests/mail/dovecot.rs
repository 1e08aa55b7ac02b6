//! dovecot as a process of its own, with its settings and its mailboxes in a folder of its own.

use std::{
    error::Error,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use countersign::{
    codes::{CodeSource, Imap, ImapSettings, Pattern, Security},
    secret::Secret,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::{end, free_ports};

pub(crate) const PASSWORD: &str = "Moss-and-fern-7";
const PROGRAM: &str = "/usr/sbin/dovecot";
/// Whom dovecot runs as where root starts it.
const NOBODY: u32 = 65534;

/// Why there is no dovecot, if there is none.
pub(crate) fn missing() -> Option<String> {
    let Ok(output) = Command::new(PROGRAM).arg("--version").output() else {
        return Some("no dovecot; `bash tests/run` installs it".to_owned());
    };
    let version = String::from_utf8_lossy(&output.stdout);
    // Version 2.4 has another syntax of settings.
    (!version.starts_with("2.3.")).then(|| format!("dovecot is not 2.3: {}", version.trim()))
}

pub(crate) struct Dovecot {
    child: Child,
    folder: TempDir,
    plain: u16,
    pub(crate) tls: u16,
}

impl Dovecot {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        certificates(folder.path())?;
        for part in ["mail/cur", "mail/new", "mail/tmp"] {
            fs::create_dir_all(folder.path().join(part))?;
        }
        // Somebody else may take a port before dovecot does.
        let mut tries = 0;
        loop {
            let [plain, tls] = free_ports()?;
            fs::write(folder.path().join("dovecot.conf"), settings(folder.path(), plain, tls)?)?;
            match run(folder.path()) {
                Ok(child) => return Ok(Self { child, folder, plain, tls }),
                Err(error) if tries == 3 => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        end(&mut self.child);
    }

    /// On the same ports, with the same mailbox.
    pub(crate) fn start_again(&mut self) -> Result<(), Box<dyn Error>> {
        self.child = run(self.folder.path())?;
        Ok(())
    }

    /// Its one mailbox, whoever asks for it.
    pub(crate) fn mailbox(
        &self,
        change: impl FnOnce(&mut ImapSettings),
    ) -> Result<CodeSource, Box<dyn Error>> {
        let ca = fs::read(self.folder.path().join("ca.pem"))?;
        self.mailbox_for(Some(&ca), change)
    }

    /// The same for one who trusts these authorities besides those of the system.
    pub(crate) fn mailbox_for(
        &self,
        ca: Option<&[u8]>,
        change: impl FnOnce(&mut ImapSettings),
    ) -> Result<CodeSource, Box<dyn Error>> {
        let mut settings = ImapSettings {
            host: "localhost".to_owned(),
            port: self.plain,
            security: Security::Plain,
            user: "ann".to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
            mailbox: "INBOX".to_owned(),
            interval: Some(Duration::from_millis(20)),
        };
        change(&mut settings);
        if settings.security == Security::Tls {
            settings.port = self.tls;
        }
        Ok(CodeSource::Imap(Box::new(Imap::new(settings, Pattern::SixDigits, ca)?)))
    }

    /// Its authority's certificate, as PEM.
    pub(crate) fn authority(&self) -> std::io::Result<String> {
        fs::read_to_string(self.folder.path().join("ca.pem"))
    }

    /// Where the mailbox is, as a Maildir.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// Puts a mail into the mailbox that came so long ago.
    pub(crate) fn deliver(&self, age: Duration, mail: &str) -> std::io::Result<()> {
        deliver(&self.maildir(), age, mail)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Puts a mail into a Maildir that came so long ago.
pub(crate) fn deliver(maildir: &Path, age: Duration, mail: &str) -> std::io::Result<()> {
    /// Makes a file's name its own.
    static DELIVERED: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{:06}.countersign", DELIVERED.fetch_add(1, Ordering::Relaxed));
    let written = maildir.join("tmp").join(&name);
    fs::write(&written, mail.replace('\n', "\r\n"))?;
    let received = SystemTime::UNIX_EPOCH + now() - age;
    fs::File::options().write(true).open(&written)?.set_modified(received)?;
    fs::rename(&written, maildir.join("new").join(name))
}

fn now() -> Duration {
    use countersign::clock::Clock as _;
    Duration::from_millis(countersign::clock::RunningClock::default().now().as_millis())
}

/// Starts it, and waits until it says that it has started.
fn run(folder: &Path) -> Result<Child, Box<dyn Error>> {
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let mut command = if is_root {
        // It does not open mailboxes as root.
        give(folder)?;
        let mut command = Command::new("setpriv");
        command.args([
            &format!("--reuid={NOBODY}"),
            &format!("--regid={NOBODY}"),
            "--clear-groups",
            PROGRAM,
        ]);
        command
    } else {
        Command::new(PROGRAM)
    };
    command.arg("-F").arg("-c").arg(folder.join("dovecot.conf"));
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let mut log = BufReader::new(child.stderr.take().ok_or("no standard error")?);
    let mut said = String::new();
    while !said.contains("starting up") {
        if log.read_line(&mut said)? == 0 {
            child.wait()?;
            return Err(format!("dovecot has not started: {said}").into());
        }
    }
    // Somebody has to read what it says.
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Ok(child)
}

/// Makes `nobody` the owner of a folder and of all that is in it.
fn give(path: &Path) -> std::io::Result<()> {
    chown(path, Some(NOBODY), Some(NOBODY))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            // Sockets of a run before may go while they are looked at.
            let _ = give(&entry?.path());
        }
    }
    Ok(())
}

fn settings(folder: &Path, plain: u16, tls: u16) -> Result<String, Box<dyn Error>> {
    let own = fs::metadata("/proc/self")?;
    let ids = if own.uid() == 0 { (NOBODY, NOBODY) } else { (own.uid(), own.gid()) };
    let name = |file: &str, id: u32| -> Result<String, Box<dyn Error>> {
        let text = fs::read_to_string(PathBuf::from("/etc").join(file))?;
        let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let line = lines.find(|line| line.get(2) == Some(&id.to_string().as_str()));
        Ok(line.ok_or("a user without a name")?[0].to_owned())
    };
    let (user, group) = (name("passwd", ids.0)?, name("group", ids.1)?);
    let (uid, gid) = ids;
    let folder = folder.display();
    Ok(format!(
        "base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder} allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
"
    ))
}

/// An authority, and a certificate of it for `localhost`.
fn certificates(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority_key = KeyPair::generate()?;
    fs::write(folder.join("ca.pem"), authority.self_signed(&authority_key)?.pem())?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let server = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    fs::write(folder.join("cert.pem"), server.pem())?;
    fs::write(folder.join("key.pem"), key.serialize_pem())?;
    Ok(())
}
