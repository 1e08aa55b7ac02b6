//! The command line: what was typed, and what is done about it. Only this module prints, reads the environment,
//! and finds files.

mod args;
mod check;
mod check_client;
mod cleanup;
mod configuration;
mod coverage;
mod docs;
mod drift;
mod earlier;
mod exceptions;
mod explain;
mod files;
mod generate;
mod github;
mod init;
mod list;
mod listen;
mod merge;
mod output;
mod probe;
mod report_file;
mod review;
mod run;
mod serve;
mod target;

use std::{io, process::ExitCode, sync::Arc};

use clap::{CommandFactory as _, Parser as _};
use thiserror::Error;

use crate::source::{Diagnostic, Sources};
use args::{Args, Command};
use output::Output;

/// How the program ends; the numbers are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All passed.
    Passed = 0,
    /// A verdict failed or a snapshot differs.
    Failed = 1,
    /// The command line, a configuration or a scenario file is wrong.
    Usage = 2,
    /// The target could not be reached or prepared.
    Unreachable = 3,
    /// The user stopped it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do its work.
#[derive(Debug, Error)]
enum Failure {
    /// What the user gave is wrong: all of it, and the texts it is in.
    #[error("the input is wrong")]
    Input(Vec<Diagnostic>, Sources),
    /// The target could not be prepared.
    #[error("the target could not be prepared: {0}")]
    Target(#[source] io::Error),
    /// What was to be reached or served cannot be; and how the program ends.
    #[error("it cannot be reached")]
    NotReady(Box<Diagnostic>, Arc<Sources>, Exit),
    /// The result could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Reads the command line, does what it says, and says how to exit.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are results, and go to standard output.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Passed.into() };
        }
    };
    let output = Output::new(args.color);
    match dispatch(args.command, &output) {
        Ok(exit) => exit.into(),
        Err(Failure::Input(problems, sources)) => {
            output.problems(&problems, &sources);
            Exit::Usage.into()
        }
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            // Whoever read the result has read enough.
            Exit::Passed.into()
        }
        Err(error @ Failure::Output(_)) => {
            output.problems(&[Diagnostic::nowhere(error.to_string())], &Sources::default());
            Exit::Usage.into()
        }
        Err(Failure::NotReady(problem, sources, exit)) => {
            output.problems(&[*problem], &sources);
            exit.into()
        }
        Err(error @ Failure::Target(_)) => {
            output.problems(&[Diagnostic::nowhere(error.to_string())], &Sources::default());
            Exit::Unreachable.into()
        }
    }
}

fn dispatch(command: Command, output: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Init(args) => init::init(&args, output),
        Command::New(args) => init::new(&args, output),
        Command::Run(args) => run::run(&args, output),
        Command::Check(args) => check::check(&args, output),
        Command::CheckClient(args) => check_client::check_client(&args, output),
        Command::List(args) => list::list(&args, output),
        Command::Explain(args) => explain::explain(&args, output),
        Command::Coverage(args) => coverage::coverage(&args, output),
        Command::Docs(args) => docs::docs(&args, output),
        Command::Drift(args) => drift::drift(&args, output),
        Command::Review(args) => review::review(&args, output),
        Command::Accept(args) => review::resolve(&args, true, output),
        Command::Reject(args) => review::resolve(&args, false, output),
        Command::Cleanup(args) => cleanup::cleanup(&args, output),
        Command::Serve(args) => serve::serve(&args, output),
        Command::Merge(args) => merge::merge(&args, output),
        Command::Schema { events } => generate::schema(events, output),
        Command::Completions { shell } => generate::completions(shell, Args::command(), output),
        Command::Man => generate::man(Args::command(), output),
    }
}

impl Failure {
    fn input(problem: Diagnostic) -> Self {
        Self::Input(vec![problem], Sources::default())
    }
}
