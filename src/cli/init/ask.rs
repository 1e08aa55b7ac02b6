//! What the flags of `init` do not say, asked of the person at the terminal, if there is one.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::ValueEnum as _;

use crate::cli::{
    Failure,
    args::{self, Ci, Init},
    output,
};

/// All that has to be known.
pub(super) struct Answers {
    pub(super) target: String,
    /// Nothing if it comes from a variable.
    pub(super) domain: Option<String>,
    pub(super) ci: Ci,
}

/// Asks for what is missing; without a terminal it is what the questions propose.
pub(super) fn complete(init: &Init) -> Result<Answers, Failure> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asks = is_terminal && !output::is_ci();
    let target = match &init.target {
        Some(target) => target.clone(),
        None if asks => ask("a name for your tenant [staging]: ", "staging", args::target_name)?,
        None => "staging".to_owned(),
    };
    let domain = match &init.domain {
        Some(domain) => Some(domain.clone()),
        None if asks => {
            let question = "its domain [from the variable AUTH0_DOMAIN]: ";
            let read = |text: &str| match text {
                "" => Ok(None),
                text => args::domain(text).map(Some),
            };
            ask(question, "", read)?
        }
        None => None,
    };
    let ci = match init.ci {
        Some(ci) => ci,
        None if asks => {
            let read = |text: &str| {
                Ci::from_str(text, true).map_err(|_| "expected github, gitlab or none".to_owned())
            };
            ask("a file for the CI: github, gitlab or none [none]: ", "none", read)?
        }
        None => Ci::None,
    };
    Ok(Answers { target, domain, ci })
}

/// Asks until the answer can be read. The end of the input takes what is proposed.
fn ask<T>(
    question: &str,
    proposed: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    loop {
        write!(io::stderr(), "{question}")?;
        let mut answer = String::new();
        let is_end = io::stdin().lock().read_line(&mut answer)? == 0;
        let answer = answer.trim();
        match read(if answer.is_empty() { proposed } else { answer }) {
            Ok(value) => return Ok(value),
            Err(wrong) if is_end => return Err(io::Error::other(wrong).into()),
            Err(wrong) => output::note(&wrong),
        }
    }
}
