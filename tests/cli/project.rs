//! A folder as a user has it, and the program run in it.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

/// A user's enrolment from the login to the access token; it passes.
pub(crate) const ENROL: &str = r#"title: A first enrolment
tags: [email, enroll]
covers: [ASSOC-01]
steps:
  - login: {}
    expect: {status: 403, body: {error: mfa_required, mfa_token: {$regex: "^[!-~]+$"}}}
  - enroll: {channel: email, email: "{{ user.email }}"}
    expect: {status: 200}
  - name: the code is confirmed
    confirm: {}
    expect: {status: 200}
"#;

/// One request; it passes.
pub(crate) const LOGIN: &str = "title: A login\ntags: [login]\nsteps:\n  - login: {}\n";

/// One expectation that does not hold, in line 5.
pub(crate) const WRONG: &str =
    "title: A wrong login\nsteps:\n  - login: {}\n    expect:\n      status: 200\n";

/// A folder with `scenarios/`, removed in the end.
///
/// ```ignore
/// let project = Project::new(&[("email/enrol", ENROL)]);
/// project.run("run --update always").exits(0);
/// assert!(project.has("snapshots/email/enrol.snap"));
/// ```
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// With these scenarios, by their ids.
    pub(crate) fn new(scenarios: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().expect("a folder") };
        for (id, text) in scenarios {
            project.scenario(id, text);
        }
        project
    }

    /// With these scenarios and their snapshots.
    pub(crate) fn recorded(scenarios: &[(&str, &str)]) -> Self {
        let project = Self::new(scenarios);
        project.run("run --update always").exits(0);
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a scenario.
    pub(crate) fn scenario(&self, id: &str, text: &str) {
        self.write(&format!("scenarios/{id}.yaml"), text);
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file that can be written");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).expect("a text")
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path().join(path).exists()
    }

    /// The snapshots and what is pending, sorted.
    pub(crate) fn snapshots(&self) -> Vec<String> {
        let folder = self.path().join("snapshots");
        let entries = walkdir::WalkDir::new(&folder).sort_by_file_name().into_iter().flatten();
        let files = entries.filter(|entry| entry.file_type().is_file());
        let shown = |path: &Path| path.strip_prefix(&folder).expect("below").display().to_string();
        files.map(|entry| shown(entry.path())).collect()
    }

    /// Runs `countersign` with these words.
    pub(crate) fn run(&self, args: &str) -> Seen {
        self.run_with(args, &[], "")
    }

    /// Runs `countersign` with these words, variables of the environment, and this on standard input.
    pub(crate) fn run_with(&self, args: &str, env: &[(&str, &str)], stdin: &str) -> Seen {
        let mut command = self.command(args);
        let mut child = command
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        // A program that does not ask may be gone before it is answered.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        self.seen(args, &child.wait_with_output().expect("an end"))
    }

    /// The command, in the folder and with nothing of this process's environment that it would heed.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.args(args.split_whitespace()).current_dir(self.path());
        for name in
            ["CI", "CI_NODE_INDEX", "CI_NODE_TOTAL", "SHARD_INDEX", "CLICOLOR_FORCE", "COLUMNS"]
        {
            command.env_remove(name);
        }
        for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"] {
            command.env_remove(name);
        }
        for name in ["INSTA_UPDATE", "NO_COLOR", "CIRCLE_NODE_INDEX", "BUILDKITE_PARALLEL_JOB"] {
            command.env_remove(name);
        }
        command
    }

    fn seen(&self, args: &str, output: &Output) -> Seen {
        let folder = self.path().display().to_string();
        let time = Regex::new(r"in \d+\.\d\d s\b").expect("an expression");
        let millis = Regex::new(r"( ?) *\d+ ms\b").expect("an expression");
        let normal = |bytes: &[u8]| {
            let text =
                String::from_utf8(bytes.to_vec()).expect("UTF-8").replace(&folder, "[folder]");
            let text = time.replace_all(&text, "in [time] s");
            millis.replace_all(&text, "$1[time] ms").into_owned()
        };
        Seen {
            args: args.to_owned(),
            code: output.status.code(),
            stdout: normal(&output.stdout),
            stderr: normal(&output.stderr),
        }
    }
}

/// What came of a command: its texts with `[time]` and `[folder]` in place of what varies.
pub(crate) struct Seen {
    args: String,
    code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Seen {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self { args, stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "countersign {args}\n{stdout}\n{stderr}");
        self
    }

    /// Asserts that both streams together have a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let all = self.all();
        assert!(all.contains(text), "countersign {}: no `{text}` in\n{all}", self.args);
        self
    }

    /// Asserts the counts in the last line of standard output.
    #[track_caller]
    pub(crate) fn counts(self, passed: usize, failed: usize) -> Self {
        let counts =
            format!("{passed} passed, {failed} failed, 0 skipped, 0 flaky, 0 errored in [time] s");
        assert_eq!(self.stdout.lines().last(), Some(counts.as_str()), "{}", self.all());
        self
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The lines of standard output as events.
    pub(crate) fn events(&self) -> Vec<Value> {
        events(&self.stdout)
    }

    /// The ids of the cases with their verdicts, sorted; of `--format json`.
    pub(crate) fn verdicts(&self) -> Vec<(String, String)> {
        let member = |event: &Value, name: &str| event[name].as_str().expect("a text").to_owned();
        let events = self.events();
        let cases = events.iter().filter(|event| event["event"] == "case_finished");
        let mut verdicts: Vec<_> =
            cases.map(|event| (member(event, "id"), member(event, "verdict"))).collect();
        verdicts.sort_unstable();
        verdicts
    }
}

/// Lines of JSON.
pub(crate) fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
