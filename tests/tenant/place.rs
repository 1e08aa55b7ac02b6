//! A place for a test: a tenant, where its e-mails go, and a user's folder that is configured for it.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use countersign::codes::CodeSource;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{process::Child, runtime::Runtime};
use walkdir::WalkDir;

use crate::{
    mail::{
        dovecot::{self, Dovecot},
        maildev::Maildev,
        smtp::Front,
    },
    served::Tenant,
};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_countersign");
/// Nothing takes as long: without a limit what hangs would hang the test.
const LIMIT: Duration = Duration::from_mins(5);
pub(crate) const CONTROL_TOKEN: &str = "Heron-and-reed-4";
/// Several, so that scenarios need not wait for each other.
const PHONES: &str = r#"["+15550000001", "+15550000002", "+15550000003", "+15550000004"]"#;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Where the program finds the codes of e-mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbox {
    /// The tenant's own outbox, by its control API: nothing needs to be installed.
    Outbox,
    /// maildev, over HTTP.
    Maildev,
    /// A mailbox of dovecot, by IMAP over TLS.
    Dovecot,
}

/// What runs for an [`Inbox`]; it ends with the place.
enum Mail {
    Outbox,
    Maildev(Maildev),
    Dovecot(Dovecot, Arc<Front>),
}

/// What a place is to be like.
pub(crate) struct Wish<'a> {
    pub(crate) inbox: Inbox,
    /// The settings of `serve --config`; with none the tenant has every factor and no limits.
    pub(crate) tenant: &'a str,
    /// The target's `rate`: requests a second, and at once.
    pub(crate) rate: (u32, u32),
    /// Further keys of the target, in lines that begin with four spaces.
    pub(crate) target: &'a str,
}

impl Wish<'_> {
    /// A tenant without limits, and a target that hardly paces.
    pub(crate) const fn of(inbox: Inbox) -> Self {
        Self { inbox, tenant: "", rate: (500, 100), target: "" }
    }
}

/// A tenant at `localhost`, and a folder in which it is the target `staging`. All of it is gone with this value.
///
/// ```ignore
/// let mut place = Place::start(&Wish { rate: (10, 10), ..Wish::of(Inbox::Dovecot) })?;
/// place.take(&["email/first-enrolment"])?;
/// let ran = place.run(&["run", "--target", "staging"])?;
/// assert_eq!((ran.code, place.users()?), (Some(0), 0), "{ran:?}");
/// ```
pub(crate) struct Place {
    folder: TempDir,
    tenant: Tenant,
    mail: Mail,
    client: reqwest::Client,
    runtime: Runtime,
}

impl Place {
    /// Starts everything, and returns when it takes connections.
    pub(crate) fn start(wish: &Wish<'_>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mail, smtp) = match wish.inbox {
            Inbox::Outbox => (Mail::Outbox, None),
            Inbox::Maildev => {
                let maildev = Maildev::start()?;
                let port = maildev.smtp;
                (Mail::Maildev(maildev), Some(port))
            }
            Inbox::Dovecot => {
                let dovecot = Dovecot::start()?;
                let front = Front::start(&dovecot.maildir())?;
                let port = front.port;
                (Mail::Dovecot(dovecot, front), Some(port))
            }
        };
        let tenant = Tenant::start(folder.path(), wish.tenant, smtp)?;
        let authority = fs::read_to_string(&tenant.authority)?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(LIMIT)
            // The tenant closes what is idle for long, and a run may take long.
            .pool_max_idle_per_host(0)
            .tls_certs_only([reqwest::Certificate::from_pem(authority.as_bytes())?])
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let place = Self { folder, tenant, mail, client, runtime };
        place.write_project(wish, authority)?;
        Ok(place)
    }

    /// The folder that the program is run in.
    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// Copies shipped scenarios, by their ids or folders, with their snapshots.
    pub(crate) fn take(&self, ids: &[&str]) -> Result<()> {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["scenarios", "snapshots"] {
            for entry in WalkDir::new(shipped.join(folder)) {
                let entry = entry?;
                let path = entry.path().strip_prefix(shipped)?;
                let id = path.strip_prefix(folder)?.with_extension("");
                // Those of a matrix end with its values.
                let id = id.to_str().and_then(|id| id.split('[').next()).unwrap_or_default();
                let is_wanted = ids.iter().any(|wanted| Path::new(id).starts_with(wanted));
                if entry.file_type().is_file() && is_wanted {
                    copy(entry.path(), &self.project().join(path))?;
                }
            }
        }
        Ok(())
    }

    /// A copy of the project in a folder of its own, in which the target has another name.
    pub(crate) fn second_project(&self, name: &str) -> Result<TempDir> {
        let folder = tempfile::tempdir()?;
        for entry in WalkDir::new(self.project()) {
            let entry = entry?;
            if entry.file_type().is_file() {
                let path = entry.path().strip_prefix(self.project())?;
                copy(entry.path(), &folder.path().join(path))?;
            }
        }
        let path = folder.path().join("countersign.yaml");
        let text = fs::read_to_string(&path)?.replacen("staging:", &format!("{name}:"), 1);
        fs::write(path, text)?;
        Ok(folder)
    }

    /// Puts a text in place of another in a file of the project, wherever that is there.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.project().join(file);
        let text = fs::read_to_string(&path)?;
        let edited = text.replace(from, to);
        if text == edited {
            return Err(format!("no `{from}` in {file}: {text}").into());
        }
        Ok(fs::write(path, edited)?)
    }

    /// Writes a scenario.
    pub(crate) fn scenario(&self, id: &str, text: &str) -> Result<()> {
        let path = self.project().join("scenarios").join(id).with_extension("yaml");
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// The program in the project's folder with these words, and nothing of this process's environment; for what is
    /// to be ended before its time.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.project()).env_clear().stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Result<Ran> {
        self.finish(self.command(args))
    }

    /// Runs a command to its end.
    pub(crate) fn finish(&self, command: Command) -> Result<Ran> {
        let child = self.spawned(command)?;
        self.ended(child)
    }

    /// Runs the program to its end, and does something meanwhile.
    pub(crate) fn run_while(
        &mut self,
        args: &[&str],
        meanwhile: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Ran> {
        let child = self.started(args)?;
        meanwhile(self)?;
        self.ended(child)
    }

    /// Starts the program, which ends with this value.
    pub(crate) fn started(&self, args: &[&str]) -> Result<Child> {
        self.spawned(self.command(args))
    }

    fn spawned(&self, command: Command) -> Result<Child> {
        let _within = self.runtime.enter();
        let mut command = tokio::process::Command::from(command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command.spawn()?)
    }

    /// What came of it.
    pub(crate) fn ended(&self, child: Child) -> Result<Ran> {
        let output = async { tokio::time::timeout(LIMIT, child.wait_with_output()).await };
        let output = self.block_on(output).map_err(|_| "the program did not end")??;
        Ok(Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// How many users the tenant has, by its control API: neither limits nor faults are in the way.
    pub(crate) fn users(&self) -> Result<usize> {
        let users = self.control("GET", "users", None)?;
        Ok(users.as_array().ok_or("no list of users")?.len())
    }

    /// What goes wrong from now on, as the control API has it; `[]` for nothing.
    pub(crate) fn faults(&self, rules: &Value) -> Result<()> {
        self.control("PUT", "faults", Some(rules)).map(drop)
    }

    /// Time passes in the tenant only: `{"advance": "90s"}`.
    pub(crate) fn clock(&self, change: &Value) -> Result<Value> {
        self.control("POST", "clock", Some(change))
    }

    /// A call of the control API, and what it answers; `null` where that is nothing.
    pub(crate) fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let path = format!("/_countersign/{path}");
        match self.send(method, &path, Some(CONTROL_TOKEN), body)? {
            (200..=204, answer) => Ok(answer),
            (status, answer) => Err(format!("{method} {path}: {status} {answer}").into()),
        }
    }

    /// A call of the Management API by the target's own application: the status, and the body as JSON.
    pub(crate) fn manage(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let application = &self.tenant.line["management"];
        let wanted = json!({
            "grant_type": "client_credentials", "audience": format!("{}/api/v2/", self.url()),
            "client_id": application["client_id"], "client_secret": application["client_secret"],
        });
        let (_, answer) = self.send("POST", "/oauth/token", None, Some(&wanted))?;
        let token = answer["access_token"].as_str().ok_or_else(|| format!("no token: {answer}"))?;
        self.send(method, &format!("/api/v2/{path}"), Some(token), body)
    }

    /// A call of the tenant: the status, and the body as JSON; `null` where there is none.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value)> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self.client.request(method, format!("{}{path}", self.url()));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let (status, text) = self.block_on(async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
        })?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Where the tenant is: `https://localhost:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.tenant.domain)
    }

    /// A value of the line that the tenant printed, such as `client_id`.
    pub(crate) fn told(&self, member: &str) -> &Value {
        &self.tenant.line[member]
    }

    /// What the tenant has written to standard error.
    pub(crate) fn complaints(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.tenant.log)?)
    }

    /// A text without what is another each time.
    pub(crate) fn shown(&self, text: &str) -> String {
        text.replace(&self.tenant.domain, "TENANT")
    }

    /// The inbox, for a test that looks into it; of [`Inbox::Outbox`] there is none.
    pub(crate) fn inbox(&self) -> Result<CodeSource> {
        match &self.mail {
            Mail::Outbox => Err("the outbox is no inbox".into()),
            Mail::Maildev(maildev) => maildev.inbox(),
            Mail::Dovecot(dovecot, _) => dovecot.mailbox(|_| {}),
        }
    }

    /// The mailbox, for a test that fills it, or takes it away.
    pub(crate) fn dovecot(&mut self) -> Result<&mut Dovecot> {
        match &mut self.mail {
            Mail::Dovecot(dovecot, _) => Ok(dovecot),
            _ => Err("no dovecot was wished for".into()),
        }
    }

    /// What brings mail to the mailbox, for a test that keeps it.
    pub(crate) fn front(&self) -> Result<&Front> {
        match &self.mail {
            Mail::Dovecot(_, front) => Ok(front),
            _ => Err("no dovecot was wished for".into()),
        }
    }

    /// The tenant is gone from one moment to the next, and all that it knew. For one that comes back with its users
    /// let every connection be reset: `faults(&json!([{"path": "/", "fault": "reset"}]))`.
    pub(crate) fn kill_tenant(&mut self) {
        self.tenant.end();
    }

    /// Puts a text in place of another in a file of the project, where it is once.
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.project().join(file);
        let text = fs::read_to_string(&path)?;
        if text.matches(from).count() != 1 {
            return Err(format!("`{from}` is not once in {file}").into());
        }
        Ok(fs::write(path, text.replace(from, to))?)
    }

    /// Sets a variable of `.env` to another value.
    pub(crate) fn variable(&self, name: &str, value: &str) -> Result<()> {
        let all = self.variables();
        let (_, old) = all.iter().find(|(known, _)| *known == name).ok_or("no such variable")?;
        self.change(".env", &format!("{name}={old}\n"), &format!("{name}={value}\n"))
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn write_project(&self, wish: &Wish<'_>, mut authorities: String) -> Result<()> {
        let project = self.project();
        let requirements =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/requirements.yaml");
        copy(&requirements, &project.join("scenarios/requirements.yaml"))?;
        let outbox = format!(
            "
        kind: http
        url: {}/_countersign/outbox?to={{recipient}}
        headers: {{authorization: \"${{CONTROL_AUTHORIZATION}}\"}}
        list: $[*]
        id: $['at', 'code']
        newest: last
        recipient: $.to
        text: [$.text]
        every: 50ms",
            self.url()
        );
        let email = match &self.mail {
            Mail::Outbox => outbox.clone(),
            Mail::Maildev(maildev) => format!(
                "
        kind: http
        preset: maildev
        url: http://127.0.0.1:{}
        every: 50ms",
                maildev.web
            ),
            Mail::Dovecot(dovecot, _) => {
                authorities += &dovecot.authority()?;
                format!(
                    "
        kind: imap
        host: localhost
        port: {}
        user: qa@example.com
        password: ${{MAILBOX_PASSWORD}}
        every: 50ms",
                    dovecot.tls
                )
            }
        };
        let (rate, burst) = wish.rate;
        let more = wish.target;
        let configuration = format!(
            "targets:
  staging:
    domain: ${{AUTH0_DOMAIN}}
    ca: authorities.pem
    client:
      id: ${{AUTH0_CLIENT_ID}}
      secret: ${{AUTH0_CLIENT_SECRET}}
    management:
      client_id: ${{AUTH0_MANAGEMENT_CLIENT_ID}}
      client_secret: ${{AUTH0_MANAGEMENT_CLIENT_SECRET}}
    rate: {{per_second: {rate}, burst: {burst}}}
    codes:
      email:{email}
        address: qa+*@example.com
      sms:{outbox}
        address: {PHONES}
      voice:{outbox}
        address: {PHONES}
{more}"
        );
        fs::write(project.join("countersign.yaml"), configuration)?;
        fs::write(project.join("authorities.pem"), authorities)?;
        let variables: String =
            self.variables().map(|(name, value)| format!("{name}={value}\n")).concat();
        Ok(fs::write(project.join(".env"), variables)?)
    }

    /// What is in `.env`; the last four are secrets.
    pub(crate) fn variables(&self) -> [(&'static str, String); 8] {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = &self.tenant.line;
        [
            ("AUTH0_DOMAIN", self.tenant.domain.clone()),
            ("AUTH0_CLIENT_ID", text(&line["client_id"])),
            ("AUTH0_SPA_CLIENT_ID", text(&line["spa_client_id"])),
            ("AUTH0_MANAGEMENT_CLIENT_ID", text(&line["management"]["client_id"])),
            ("AUTH0_CLIENT_SECRET", text(&line["client_secret"])),
            ("AUTH0_MANAGEMENT_CLIENT_SECRET", text(&line["management"]["client_secret"])),
            ("CONTROL_AUTHORIZATION", format!("'Bearer {CONTROL_TOKEN}'")),
            ("MAILBOX_PASSWORD", dovecot::PASSWORD.to_owned()),
        ]
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().ok_or("no folder")?)?;
    fs::copy(from, to)?;
    Ok(())
}
