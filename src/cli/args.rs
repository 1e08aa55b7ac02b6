//! What can be typed, and nothing of what it means.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::config::BUILT_IN;

/// Conformance tests for Auth0's MFA API: YAML scenarios, run against a tenant, an emulated one or a recording
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 all passed; 1 a verdict failed or a snapshot differs; 2 the command \
line or a file is wrong; 3 the target could not be reached or prepared; 130 interrupted"
)]
pub(super) struct Args {
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write files to begin with: a scenario, countersign.yaml, the schema for editors, a file for the CI
    Init(Init),
    /// Write another scenario, of a factor that is enrolled and then completes a login
    New(New),
    /// Run scenarios and compare what they see with their snapshots
    Run(Box<Run>),
    /// Check scenario files, and the configuration of a target; without `--probe` nothing is sent
    Check(Check),
    /// Judge what an application did at a served tenant by the rules for clients
    CheckClient(CheckClient),
    /// List scenarios, one a line
    List(List),
    /// Show the requests that a scenario would send, as HTTP and as curl
    Explain(Explain),
    /// Tell requirement by requirement what covers it, and where it was last seen to hold
    Coverage(Coverage),
    /// Make pages of scenarios and their recordings: the source of an mdBook
    Docs(Docs),
    /// Run scenarios on two targets side by side, and show what differs
    Drift(Drift),
    /// Look at pending snapshots one by one, and accept or reject each
    Review(Paths),
    /// Make pending snapshots the snapshots
    Accept(Paths),
    /// Remove pending snapshots
    Reject(Paths),
    /// Remove what an interrupted run has left in a tenant
    Cleanup(Cleanup),
    /// Serve an emulated tenant to other programs, until it is stopped
    Serve(Serve),
    /// Join the JSON reports of a run's parts into reports of the whole
    Merge(Merge),
    /// Print the JSON Schema of a scenario file
    Schema {
        /// Of a line of `--format json` and of the report `json` instead
        #[arg(long)]
        events: bool,
    },
    /// Print a completion script
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = "What is not said is asked at a terminal, and is nowhere else")]
pub(super) struct Init {
    /// The tenant's name in countersign.yaml
    #[arg(long, value_name = "NAME", value_parser = target_name)]
    pub(super) target: Option<String>,
    /// The tenant's domain; from the variable `AUTH0_DOMAIN` unless given
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub(super) domain: Option<String>,
    /// The folder to write to
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// Write a file for this CI
    #[arg(long, value_enum)]
    pub(super) ci: Option<Ci>,
    /// Overwrite what is there
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Ci {
    Github,
    Gitlab,
    None,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct New {
    /// The scenario's id, which is its path below `scenarios` without `.yaml`: `email/lost-phone`
    #[arg(value_parser = scenario_id)]
    pub(super) scenario: String,
    /// The factor
    #[arg(long, value_enum, value_name = "FACTOR")]
    pub(super) from: Factor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Factor {
    Email,
    Sms,
    Voice,
    Otp,
    Push,
    RecoveryCode,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Paths {
    /// Scenario files, or folders of them
    #[arg(default_value = "scenarios", value_name = "PATHS")]
    pub(super) paths: Vec<PathBuf>,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Selection {
    #[command(flatten)]
    pub(super) paths: Paths,
    /// Only scenarios with these tags: `email and not (slow or limits)`
    #[arg(long, value_name = "EXPR")]
    pub(super) tag: Option<String>,
    /// Only scenarios whose id matches: `email/*`
    #[arg(long, value_name = "GLOB")]
    pub(super) filter: Option<String>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person may set")]
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Where to send the requests: `emulator`, `replay` or a tenant of `countersign.yaml`
    #[arg(long, default_value = "emulator", value_name = "TARGET")]
    pub(super) target: String,
    /// With `--target replay`: play back what this tenant of `countersign.yaml` does where it is known to differ
    #[arg(long = "as", value_name = "TARGET")]
    pub(super) played_as: Option<String>,
    /// How many scenarios at once
    #[arg(short, long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: u16,
    /// Run only the Kth of N parts; `auto` takes both from the CI's environment
    #[arg(long, value_name = "K/N|auto")]
    pub(super) shard: Option<String>,
    /// Make the parts so that all take about as long, by how long each scenario took in an earlier run's
    /// `--report json=FILE`; all parts have to be given the same file
    #[arg(long, requires = "shard", value_name = "FILE")]
    pub(super) durations: Option<PathBuf>,
    /// Try a scenario that failed this often again
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(super) retries: u32,
    /// Let a scenario that the target cannot run count as one that failed
    #[arg(long)]
    pub(super) no_skip: bool,
    /// Remove first what interrupted runs have left in the tenant, as `countersign cleanup` does
    #[arg(long)]
    pub(super) cleanup: bool,
    /// Begin no scenario after one has failed
    #[arg(long, conflicts_with = "max_fail")]
    pub(super) fail_fast: bool,
    /// Begin no scenario after so many have failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_fail: Option<u32>,
    /// Exit with 1 if a scenario passed only when it was tried again
    #[arg(long)]
    pub(super) fail_on_flaky: bool,
    /// Only what failed in an earlier run, by the report that its `--report json=FILE` wrote
    #[arg(long, value_name = "FILE")]
    pub(super) rerun: Option<PathBuf>,
    /// What to write where a result is new or differs
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) update: Option<Update>,
    /// Write a report besides: `junit`, `json`, `tap`, `markdown`, `github` or `human`, as `KIND=FILE`
    #[arg(long, value_name = "KIND=FILE")]
    pub(super) report: Vec<String>,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(super) format: Format,
    /// Show the steps of each scenario; twice: all that was sent and came, with secrets masked
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Make up the same values as the run with this seed did
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Run every scenario this often
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) repeat: u16,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: those of the runs, the worst of them; 2 if a part is missing, is there twice, or \
cannot be read"
)]
pub(super) struct Merge {
    /// What `countersign run --report json=FILE` wrote
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Write a report: `junit`, `json`, `tap`, `markdown`, `github` or `human`, as `KIND=FILE`
    #[arg(long, value_name = "KIND=FILE")]
    pub(super) report: Vec<String>,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(super) format: Format,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Check what `countersign.yaml` in the current folder says of this target too
    #[arg(long, default_value = "emulator", value_name = "TARGET")]
    pub(super) target: String,
    /// Ask the target, too, whether everything is as a run needs it; nothing is changed
    #[arg(long)]
    pub(super) probe: bool,
    /// Name the scenarios that would be skipped, below the reason
    #[arg(short, long, requires = "probe")]
    pub(super) verbose: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct CheckClient {
    /// What `countersign serve --observe` wrote
    #[arg(required_unless_present = "rules", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// List the rules instead
    #[arg(long, conflicts_with = "file")]
    pub(super) rules: bool,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(super) format: Format,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// List the requirements instead, with the scenarios that cover each
    #[arg(long)]
    pub(super) requirements: bool,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(super) format: Format,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Explain {
    /// The id of the scenario, or its file
    pub(super) scenario: String,
    #[command(flatten)]
    pub(super) paths: Paths,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 done; 1 less is covered than `--fail-under` asks for; 2 the command line or \
a file is wrong"
)]
pub(super) struct Coverage {
    #[command(flatten)]
    pub(super) paths: Paths,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = MarkdownFormat::Human, value_name = "FORMAT")]
    pub(super) format: MarkdownFormat,
    /// Write a badge besides: a picture in SVG
    #[arg(long, value_name = "FILE")]
    pub(super) badge: Option<PathBuf>,
    /// Fail if less than so much of the requirements is covered
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(super) fail_under: Option<f64>,
    /// What runs have seen, as `run --report json=FILE` wrote it; without it only the recordings are known
    #[arg(long, value_name = "FILE")]
    pub(super) seen: Vec<PathBuf>,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 done, or current; 1 with `--check`: the pages are not current; 2 the command line \
or a file is wrong"
)]
pub(super) struct Docs {
    #[command(flatten)]
    pub(super) paths: Paths,
    /// The folder of the book; `docs/catalogue` unless given
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Write nothing, and fail if the pages that are there are not current
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Cleanup {
    /// The tenant, by its name in countersign.yaml
    #[arg(long, value_name = "TARGET")]
    pub(super) target: String,
    /// Also what less than an hour old runs have made that are not known in this folder: they may go on elsewhere
    #[arg(long)]
    pub(super) all: bool,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(
    after_help = "Exit codes: 0 nothing differs; 1 something does; 2 the command line or a file is wrong; \
3 a target could not be reached or prepared; 130 interrupted"
)]
pub(super) struct Drift {
    /// The target that is asked about: `emulator`, `replay` or a tenant of `countersign.yaml`
    #[arg(value_name = "A")]
    pub(super) a: String,
    /// What it is compared with: another target, or `snapshots`, which are the recordings as they are
    #[arg(value_name = "B")]
    pub(super) b: String,
    #[command(flatten)]
    pub(super) selection: Selection,
    /// How many scenarios at once, on each target
    #[arg(short, long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: u16,
    /// Compare only the Kth of N parts; `auto` takes both from the CI's environment
    #[arg(long, value_name = "K/N|auto")]
    pub(super) shard: Option<String>,
    /// A step differs, too, if one side took more than so many times as long as the other, and 100 ms
    /// longer; unless given, times are shown and are no difference
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub(super) slower: Option<f64>,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = MarkdownFormat::Human, value_name = "FORMAT")]
    pub(super) format: MarkdownFormat,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "IP:PORT", value_parser = address)]
    pub(super) addr: SocketAddr,
    /// Speak TLS, with a certificate for localhost that a CA made for this run has signed
    #[arg(long)]
    pub(super) tls: bool,
    /// Speak TLS with this certificate, in PEM, with those between it and its CA behind it
    #[arg(long, requires = "key", value_name = "FILE")]
    pub(super) cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, requires = "cert", value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// Where to write the made CA's certificate; a file in the folder for temporary ones unless given
    #[arg(long, requires = "tls", conflicts_with = "cert", value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// The tenant's domain, as `https://DOMAIN/` in the issuer; the host of each request unless given
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    pub(super) domain: Option<String>,
    /// The tenant and its users, in the form of a scenario's `given`: `tenant`, `users`
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Send the e-mails too, by this server: `smtp://127.0.0.1:1025`, `smtps://NAME:PASSWORD@HOST`
    #[arg(long, value_name = "URL")]
    pub(super) smtp: Option<String>,
    /// The sender of the e-mails
    #[arg(long, requires = "smtp", default_value = "tenant@example.com", value_name = "ADDRESS")]
    pub(super) smtp_from: String,
    /// Write what a client does to this file, without secrets, for `check-client`
    #[arg(long, value_name = "FILE")]
    pub(super) observe: Option<PathBuf>,
    /// Make up the same ids, secrets and codes each time
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Ask for this token at the control API, from anywhere; without one it is for this machine only.
    /// The variable `COUNTERSIGN_CONTROL_TOKEN` sets it too, and keeps it out of the list of processes
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    pub(super) control_token: Option<String>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, such as 127.0.0.1:0".to_owned())
}

/// A host, with a port where it has one: no scheme, no path.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "443"));
    let is_name = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if host.split('.').all(is_name) && port.parse::<u16>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("expected a host, such as tenant.example, without `https://` and without a path".to_owned())
}

/// The name of a tenant, as countersign.yaml takes it.
pub(super) fn target_name(text: &str) -> Result<String, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() || !text.bytes().all(is_part) {
        return Err("expected letters, digits, `-` and `_`".to_owned());
    }
    if BUILT_IN.contains(&text) || text == "snapshots" {
        return Err("this is the name of what is always there".to_owned());
    }
    Ok(text.to_owned())
}

/// The id of a scenario, also as the path of its file.
fn scenario_id(text: &str) -> Result<String, String> {
    let id = text.strip_prefix("scenarios/").unwrap_or(text);
    let id = id.strip_suffix(".yaml").unwrap_or(id);
    let is_part = |part: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_sign)
    };
    if id.split('/').all(is_part) && !id.ends_with("requirements") {
        return Ok(id.to_owned());
    }
    Err("expected letters, digits, `-`, `_` and `.`, with `/` between folders, such as \
         email/lost-phone"
        .to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor >= 1.0);
    factor.ok_or_else(|| "expected a number from 1 on, such as 3 or 1.5".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "expected a number from 0 to 100, such as 95 or 99.5".to_owned())
}

/// What can be sent behind `Bearer`.
pub(super) fn token(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err("expected letters, digits and signs of ASCII, at least one, and no space".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MarkdownFormat {
    Human,
    Json,
    /// For an issue, or the summary of a job
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Update {
    /// `no` where `CI` is set, else `new`
    Auto,
    /// Make it pending, as `.snap.new`
    New,
    /// Make it the snapshot
    Always,
    /// Write nothing
    No,
}
