//! `countersign init` and `new`: files to begin with. What they write passes at once, and is never written over what is there.
#![expect(clippy::disallowed_methods, reason = "files are what these commands write")]

mod ask;

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Parser as _;

use super::{
    Exit, Failure,
    args::{Args, Ci, Command, Factor, Init, New},
    files,
    output::Output,
    run,
};
use crate::{
    scenario,
    source::{Diagnostic, Sources},
};

/// The first scenario's id.
const FIRST: &str = "first-login";
const SCHEMA: &str = "scenario.schema.json";
/// What git has to leave out: secrets, and what runs keep.
const IGNORED: [&str; 2] = [".env", ".countersign/"];

/// A file to write.
struct NewFile {
    path: PathBuf,
    text: String,
}

pub(super) fn init(args: &Init, output: &Output) -> Result<Exit, Failure> {
    let answers = ask::complete(args)?;
    let at = |path: &str| args.dir.join(path);
    let (scenario, snapshot) = paths(&args.dir, FIRST);
    let file = |path: PathBuf, text: String| NewFile { path, text };
    let mut new = vec![
        file(scenario.clone(), scenario_text(Factor::Email, Some(format!("../{SCHEMA}")))),
        file(at(SCHEMA), format!("{:#}\n", scenario::schema().as_value())),
        file(at("countersign.yaml"), configuration(&answers.target, answers.domain.as_deref())),
        file(at(".env.example"), variables(answers.domain.is_some())),
    ];
    match answers.ci {
        Ci::Github => new.push(file(
            at(".github/workflows/countersign.yml"),
            include_str!("github.yml").to_owned(),
        )),
        Ci::Gitlab => {
            new.push(file(at(".gitlab-ci.yml"), include_str!("gitlab.yml").to_owned()));
        }
        Ci::None => {}
    }
    if !args.force {
        let taken = new.iter().map(|file| &file.path).chain([&snapshot]);
        refuse_taken(taken, "`--force` overwrites them all; `--dir` takes another folder")?;
    }
    for file in &new {
        write(file, args.force)?;
    }
    let ignored = ignore(&at(".gitignore"))?;
    let written = new.iter().map(|file| &file.path).chain(&ignored);
    let lines: Vec<_> = written.map(|path| format!("wrote  {}\n", files::shown(path))).collect();
    output.write(&lines.concat())?;
    let exit = record(&scenario, output)?;
    output.write(&next(args, &answers))?;
    Ok(exit)
}

pub(super) fn new(args: &New, output: &Output) -> Result<Exit, Failure> {
    let folder = Path::new("");
    let (path, snapshot) = paths(folder, &args.scenario);
    refuse_taken([&path, &snapshot].into_iter(), "give the scenario another id")?;
    let depth = args.scenario.split('/').count();
    let schema = Path::new(SCHEMA).exists().then(|| "../".repeat(depth) + SCHEMA);
    write(&NewFile { path: path.clone(), text: scenario_text(args.from, schema) }, false)?;
    output.write(&format!("wrote  {}\n", files::shown(&path)))?;
    record(&path, output)
}

/// Where a scenario and its snapshot are.
fn paths(folder: &Path, id: &str) -> (PathBuf, PathBuf) {
    let path = |of: &str, ending: &str| folder.join(of).join(format!("{id}.{ending}"));
    (path("scenarios", "yaml"), path("snapshots", "snap"))
}

fn scenario_text(factor: Factor, schema: Option<String>) -> String {
    let text = match factor {
        Factor::Email => include_str!("email.yaml"),
        Factor::Sms => include_str!("sms.yaml"),
        Factor::Voice => include_str!("voice.yaml"),
        Factor::Otp => include_str!("otp.yaml"),
        Factor::Push => include_str!("push.yaml"),
        Factor::RecoveryCode => include_str!("recovery-code.yaml"),
    };
    let line = schema.map(|path| format!("# yaml-language-server: $schema={path}\n"));
    line.unwrap_or_default() + text
}

fn configuration(target: &str, domain: Option<&str>) -> String {
    include_str!("countersign.yaml")
        .replace("TARGET", target)
        .replace("DOMAIN", domain.unwrap_or("${AUTH0_DOMAIN}"))
}

fn variables(is_domain_given: bool) -> String {
    let line = if is_domain_given { "" } else { "AUTH0_DOMAIN=\n" };
    include_str!("env.example").replace("DOMAIN_LINE\n", line)
}

/// All that is there already is an error, and nothing is written.
fn refuse_taken<'a>(paths: impl Iterator<Item = &'a PathBuf>, hint: &str) -> Result<(), Failure> {
    let taken = |path: &PathBuf| Diagnostic::file(files::shown(path), "this is there already");
    let mut problems: Vec<_> = paths.filter(|path| path.exists()).map(taken).collect();
    match problems.pop() {
        None => Ok(()),
        Some(last) => {
            problems.push(last.hint(hint));
            Err(Failure::Input(problems, Sources::default()))
        }
    }
}

fn write(file: &NewFile, force: bool) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        if let Some(folder) = file.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).create_new(!force);
        options.open(&file.path)?.write_all(file.text.as_bytes())
    };
    written().map_err(|error| not_written(&file.path, &error))
}

/// Adds the lines that a `.gitignore` does not have. Its path, if there were any.
fn ignore(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(not_written(path, &error)),
    };
    let has = |wanted: &str| text.lines().any(|line| line.trim().trim_start_matches('/') == wanted);
    let missing: Vec<_> = IGNORED.into_iter().filter(|wanted| !has(wanted)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in missing {
        text.extend([line, "\n"]);
    }
    fs::write(path, text).map_err(|error| not_written(path, &error))?;
    Ok(Some(path.to_owned()))
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::input(Diagnostic::file(files::shown(path), format!("this cannot be written: {error}")))
}

/// Runs a scenario on the emulated tenant and keeps what it saw as its snapshot.
fn record(scenario: &Path, output: &Output) -> Result<Exit, Failure> {
    let words = ["countersign", "run", "--update", "always", "--"].map(OsString::from);
    let args = Args::try_parse_from(words.into_iter().chain([scenario.as_os_str().to_owned()]));
    match args.map(|args| args.command) {
        Ok(Command::Run(args)) => run::run(&args, output),
        Ok(_) => Ok(Exit::Usage),
        Err(error) => Err(Failure::Output(io::Error::other(error))),
    }
}

/// What may be typed now.
fn next(args: &Init, answers: &ask::Answers) -> String {
    let mut lines = vec![String::new(), "next:".to_owned()];
    let mut line = |command: &str, what: &str| lines.push(format!("  {command:<48}{what}"));
    if args.dir != Path::new(".") {
        line(&format!("cd {}", args.dir.display()), "");
    }
    line("countersign run", "runs what is in scenarios/ on the emulated tenant");
    line(&format!("countersign explain {FIRST}"), "shows its requests, as HTTP and as curl");
    line("countersign new sms/my-own --from sms", "writes another scenario");
    line("cp .env.example .env", "and fill it in, for a tenant of your own:");
    line(&format!("countersign check --target {} --probe", answers.target), "");
    if answers.ci != Ci::None {
        let what = "and COUNTERSIGN_REVISION: variables for the CI, where it builds from";
        line("COUNTERSIGN_SOURCE", what);
    }
    let lines = lines.iter().map(|line| line.trim_end());
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
