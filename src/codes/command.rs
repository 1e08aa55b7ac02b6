//! A program that finds a code by means of its own.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use thiserror::Error;
use tokio::{process, time::timeout};

use super::{NoCode, Pattern, Wanted};
use crate::{clock::Timestamp, secret::Secret};

/// A program, which is started without a shell for each code. It gets in its environment `OTP_CHANNEL` (`email`, `sms`,
/// `voice` or `otp`), `OTP_RECIPIENT` (the address, the number, or the app's secret in base32), `OTP_SINCE` (when the
/// request was sent, in milliseconds since the Unix epoch) and `OTP_TIMEOUT` (how long it may take, in milliseconds), and
/// writes to its standard output a text with the code in it. What it writes to its standard error is not shown.
pub struct Command {
    program: String,
    arguments: Vec<String>,
    pattern: Pattern,
}

/// There is no program to start.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("there is no program in the command")]
pub struct NoProgram;

impl Command {
    /// `command` is the program and its arguments.
    pub fn new(command: &[String], pattern: Pattern) -> Result<Self, NoProgram> {
        let (program, arguments) = command.split_first().ok_or(NoProgram)?;
        if program.is_empty() {
            return Err(NoProgram);
        }
        Ok(Self { program: program.clone(), arguments: arguments.to_vec(), pattern })
    }

    /// Whether the program is there: at its path, or in a folder of `PATH`.
    #[expect(clippy::disallowed_methods, reason = "programs are found by a variable")]
    pub(super) fn find(&self) -> Result<(), NoCode> {
        let program = Path::new(&self.program);
        let is_path = program.components().count() > 1;
        let folders = if is_path { None } else { env::var_os("PATH") };
        let mut places: Vec<_> = folders.iter().flat_map(env::split_paths).collect();
        if is_path {
            places.push(PathBuf::new());
        }
        let with_ending = format!("{}{}", self.program, env::consts::EXE_SUFFIX);
        let is_there =
            |place: &PathBuf| place.join(program).is_file() || place.join(&with_ending).is_file();
        if places.iter().any(is_there) {
            return Ok(());
        }
        Err(NoCode::Command { program: self.program.clone(), cause: "it is not there".to_owned() })
    }

    pub(super) async fn code(
        &self,
        wanted: Wanted<'_>,
        since: Timestamp,
        limit: Duration,
    ) -> Result<Secret<String>, NoCode> {
        let recipient = match wanted {
            Wanted::Message(address) => address.place(),
            Wanted::App(secret) => secret.expose(),
        };
        let output = process::Command::new(&self.program)
            .args(&self.arguments)
            .env("OTP_CHANNEL", wanted.channel())
            .env("OTP_RECIPIENT", recipient)
            .env("OTP_SINCE", since.as_millis().to_string())
            .env("OTP_TIMEOUT", limit.as_millis().to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        let failed = |cause| NoCode::Command { program: self.program.clone(), cause };
        let output = match timeout(limit, output).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(failed("it is not there".to_owned()));
            }
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => {
                let limit = limit.as_secs_f32();
                return Err(failed(format!("it was stopped: it took longer than {limit} s")));
            }
        };
        if !output.status.success() {
            return Err(failed(format!("it ended with {}", output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let code = self.pattern.in_text(&text).map(Secret::new);
        code.ok_or_else(|| failed("there is no code in what it wrote".to_owned()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::{Command, NoProgram};
    use crate::{
        clock::Timestamp,
        codes::{Address, NoCode, Pattern, Wanted},
        secret::Secret,
    };

    async fn code(command: &[&str], limit: Duration) -> Result<String, NoCode> {
        let command: Vec<_> = command.iter().map(|part| (*part).to_owned()).collect();
        let command = Command::new(&command, Pattern::SixDigits).expect("a program");
        let address = Address::Sms("+15550000001".to_owned());
        let since = Timestamp::from_millis(7);
        let code = command.code(Wanted::Message(&address), since, limit).await?;
        Ok(code.expose().clone())
    }

    #[tokio::test]
    async fn a_program_is_told_what_is_wanted_and_writes_the_code() {
        let limit = Duration::from_secs(10);
        let script = r#"test "$1 $OTP_CHANNEL $OTP_RECIPIENT $OTP_SINCE $OTP_TIMEOUT" \
            = '$HOME; sms +15550000001 7 10000' && echo 'It is 482913.'"#;
        let found = code(&["sh", "-c", script, "sh", "$HOME;"], limit).await;
        assert_eq!(found, Ok("482913".to_owned()));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_without_what_it_wrote() {
        let limit = Duration::from_secs(10);
        for (command, cause) in [
            (&["sh", "-c", "echo 482913; exit 3"][..], "it ended with exit status: 3"),
            (&["sh", "-c", "echo secret"], "there is no code in what it wrote"),
            (&["/nowhere/at all"], "it is not there"),
        ] {
            let program = command[0].to_owned();
            let error = NoCode::Command { program, cause: cause.to_owned() };
            assert_eq!(code(command, limit).await, Err(error));
        }
        let error = code(&["tail", "-f", "/dev/null"], Duration::from_millis(50)).await;
        let error = error.expect_err("it never ends").to_string();
        assert_eq!(error, "`tail` gives no code: it was stopped: it took longer than 0.05 s");
        assert_eq!(Command::new(&[], Pattern::SixDigits).err(), Some(NoProgram));
    }

    #[test]
    fn a_program_is_found_without_being_started() {
        for (program, is_there) in [
            ("sh", true),
            ("/bin/sh", true),
            ("/nowhere/at all", false),
            ("nothing-of-this-name", false),
        ] {
            let command = Command::new(&[program.to_owned()], Pattern::SixDigits);
            assert_eq!(command.expect("a program").find().is_ok(), is_there, "{program}");
        }
    }

    #[tokio::test]
    async fn an_apps_secret_is_told_too() {
        let command = ["sh", "-c", "test \"$OTP_CHANNEL\" = otp && echo \"$OTP_RECIPIENT\""];
        let command = command.map(str::to_owned);
        let command = Command::new(&command, Pattern::SixDigits).expect("a program");
        let secret = Secret::new("482913".to_owned());
        let limit = Duration::from_secs(10);
        let code = command.code(Wanted::App(&secret), Timestamp::from_millis(0), limit).await;
        assert_eq!(code, Ok(secret));
    }
}
