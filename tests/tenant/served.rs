//! The tenant: `countersign serve` as a process.

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::place::{CONTROL_TOKEN, PROGRAM};

/// It ends with this value.
pub(crate) struct Tenant {
    child: Child,
    /// `localhost:PORT`. What a request calls it is its issuer and its audience, so it needs no `--domain`.
    pub(crate) domain: String,
    pub(crate) line: Value,
    pub(crate) authority: PathBuf,
    pub(crate) log: PathBuf,
}

impl Tenant {
    /// Starts it, and returns when it takes connections. Its files are in `folder`; `settings` are those of `--config`,
    /// and e-mails go to the SMTP server at the port `smtp`.
    pub(crate) fn start(
        folder: &Path,
        settings: &str,
        smtp: Option<u16>,
    ) -> Result<Self, Box<dyn Error>> {
        let (authority, log) = (folder.join("tenant.pem"), folder.join("tenant.log"));
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--tls", "--addr", "127.0.0.1:0", "--ca"]).arg(&authority);
        if !settings.is_empty() {
            let path = folder.join("tenant.yaml");
            fs::write(&path, settings)?;
            command.arg("--config").arg(path);
        }
        if let Some(port) = smtp {
            command.args(["--smtp", &format!("smtp://127.0.0.1:{port}")]);
        }
        command.env_clear().env("COUNTERSIGN_CONTROL_TOKEN", CONTROL_TOKEN);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let child = command.spawn()?;
        let mut tenant = Self { child, domain: String::new(), line: Value::Null, authority, log };
        let mut line = String::new();
        let stdout = tenant.child.stdout.take().ok_or("no standard output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let not_started = |_| fs::read_to_string(&tenant.log).unwrap_or_default();
        tenant.line = serde_json::from_str(&line).map_err(not_started)?;
        let url = tenant.line["url"].as_str().unwrap_or_default();
        let port = url.rsplit(':').next().unwrap_or_default();
        tenant.domain = format!("localhost:{port}");
        Ok(tenant)
    }

    pub(crate) fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        self.end();
    }
}
