//! Programs with which real applications talk to Auth0, as clients of a tenant that is served with TLS.
//!
//! A folder is a runtime, a file in it a program, and each of its functions whose name begins with `test_` a test with a
//! tenant of its own. A program gets the name of the test as its argument, and in `TENANT` the line that
//! `countersign serve` prints. `tests/run` installs what they need; without it they are ignored, and named at the end.
#![expect(clippy::disallowed_methods, reason = "programs are files")]

#[path = "../trials/mod.rs"]
mod trials;

use std::{
    error::Error,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = root.join("target/clients");
    let mut trials = Vec::new();
    let mut skipped = Vec::new();
    let node = Runtime::node(&installed);
    let browser = Runtime::browser(&installed);
    for runtime in [Runtime::python(&installed), node, browser, Runtime::curl()] {
        let runtime = Arc::new(runtime);
        let missing = runtime.missing(&root.join("tests/clients"));
        let programs = programs(&root.join("tests/clients").join(runtime.name), runtime.ending)?;
        if let Some(reason) = &missing {
            let names: Vec<_> = programs.iter().map(|path| name(path)).collect();
            skipped.push(format!("{}: {reason}", names.join(", ")));
        }
        for path in programs {
            for test in tests(&fs::read_to_string(&path)?) {
                let name = format!("{}::{test}", name(&path));
                let (runtime, path) = (Arc::clone(&runtime), path.clone());
                let trial = Trial::test(name, move || runtime.run(&path, &test));
                trials.push(trial.with_ignored_flag(missing.is_some()));
            }
        }
    }
    trials::run(trials, &skipped)
}

/// What runs the programs of a folder.
struct Runtime {
    /// Its folder.
    name: &'static str,
    ending: &'static str,
    program: PathBuf,
    /// The command that has to be there.
    command: PathBuf,
    /// Where its packages are, and the file in the folder that names them.
    packages: Option<(PathBuf, &'static str)>,
    /// The variables by which it trusts an authority. curl is told on its command line.
    trust: &'static [&'static str],
}

impl Runtime {
    fn python(installed: &Path) -> Self {
        let packages = installed.join("python");
        let program = packages.join("bin/python");
        Self {
            name: "python",
            ending: "py",
            command: program.clone(),
            program,
            packages: Some((packages, "requirements.txt")),
            // requests has the one, httpx the other.
            trust: &["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"],
        }
    }

    fn node(installed: &Path) -> Self {
        let packages = installed.join("node");
        // Where the machine has none that is recent enough, it is installed beside the packages.
        let own = packages.join("runtime/bin/node");
        let program = if own.exists() { own } else { "node".into() };
        Self {
            name: "node",
            ending: "js",
            command: program.clone(),
            program,
            packages: Some((packages, "package-lock.json")),
            trust: &["NODE_EXTRA_CA_CERTS"],
        }
    }

    /// Chromium, which a program of Node drives.
    fn browser(installed: &Path) -> Self {
        let node = Self::node(installed);
        let packages = node.packages.map(|(packages, _)| (packages, "../node/package-lock.json"));
        Self { name: "browser", command: "/usr/bin/chromium".into(), packages, ..node }
    }

    fn curl() -> Self {
        Self {
            name: "curl",
            ending: "sh",
            command: "curl".into(),
            program: "bash".into(),
            packages: None,
            trust: &[],
        }
    }

    /// Why its programs cannot be run, if they cannot.
    fn missing(&self, clients: &Path) -> Option<String> {
        if Command::new(&self.command).arg("--version").output().is_err() {
            return Some(format!("no {}; `bash tests/run` installs it", self.name));
        }
        let (packages, list) = self.packages.as_ref()?;
        // What was installed is noted beside it.
        let noted = fs::read(packages.join("installed")).ok();
        let wanted = fs::read(clients.join(self.name).join(list)).ok();
        let differs = noted.is_none() || noted != wanted;
        differs.then(|| {
            format!("the packages of {list} are not there; `bash tests/run` installs them")
        })
    }

    fn run(&self, path: &Path, test: &str) -> Result<(), Failed> {
        let served = Served::start()?;
        let mut command = Command::new(&self.program);
        command.arg(path).arg(test).env("TENANT", &served.line);
        // For who has to stop one, or to start it otherwise.
        command.env("COUNTERSIGN", env!("CARGO_BIN_EXE_countersign"));
        command.envs(self.trust.iter().map(|variable| (variable, served.authority())));
        if let Some((packages, _)) = &self.packages {
            command.env("NODE_PATH", packages.join("node_modules"));
        }
        // What a proxy or a user's settings would change is left out.
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NODE_OPTIONS"] {
            command.env_remove(variable);
        }
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&said)).into())
    }
}

/// The programs of a folder in order; what has no test is a part of the others.
fn programs(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut programs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == ending)
            && !tests(&fs::read_to_string(&path)?).is_empty()
        {
            programs.push(path);
        }
    }
    programs.sort();
    if programs.is_empty() {
        return Err(format!("{} has no program with a test", folder.display()).into());
    }
    Ok(programs)
}

/// A program's name, as `python/auth0-python`.
fn name(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    format!("{}/{}", folder.display(), path.file_stem().unwrap_or_default().display())
}

/// The names of a program's tests: functions as Python, JavaScript and a shell write them.
fn tests(source: &str) -> Vec<String> {
    let names = source.lines().filter_map(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let line = line.strip_prefix("def ").or(line.strip_prefix("function ")).unwrap_or(line);
        Some(line.strip_prefix("test_")?.split_once('(')?.0.to_owned())
    });
    names.collect()
}

/// A tenant of a test's own, until it is dropped.
struct Served {
    child: Child,
    /// Where its authority's certificate is.
    folder: TempDir,
    line: String,
}

impl Served {
    fn start() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["serve", "--tls", "--addr", "127.0.0.1:0", "--ca"])
            .arg(folder.path().join("ca.pem"))
            .env_remove("COUNTERSIGN_CONTROL_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take();
        let mut served = Self { child, folder, line: String::new() };
        BufReader::new(stdout.ok_or("no standard output")?).read_line(&mut served.line)?;
        Ok(served)
    }

    fn authority(&self) -> OsString {
        self.folder.path().join("ca.pem").into()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
