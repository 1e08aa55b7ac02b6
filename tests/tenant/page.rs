//! docs/tenant.md, followed word for word: its files, and its commands in their order, with the exit codes that it says.
//! A served tenant stands for one of Auth0's by the variables that the page names, and dovecot for the mailbox.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libtest_mimic::Failed;
use walkdir::WalkDir;

use crate::{
    Test,
    mail::dovecot,
    place::{Inbox, PROGRAM, Place, Wish},
};

use Inbox::{Dovecot, Outbox};

pub(crate) const TESTS: &[Test] = &[
    ("from_nothing_to_a_run", &[Dovecot], from_nothing_to_a_run),
    ("from_what_differs_to_every_night", &[Dovecot], from_what_differs_to_every_night),
    ("numbers_are_added", &[Dovecot], numbers_are_added),
    ("ci_files_run_what_the_page_runs", &[Outbox], ci_files_run_what_the_page_runs),
    ("reasons_and_messages_are_there", &[Outbox], reasons_and_messages_are_there),
];

const PAGE: &str = include_str!("../../docs/tenant.md");
/// Where the way goes on with a tenant that differs.
const DIFFERS: &str = "\n## 10. ";
/// A few of each kind: e-mail, what differs later, and what no tenant can do.
const SCENARIOS: &[&str] = &[
    "email/first-enrolment",
    "email/challenge-and-verify",
    "email/token-for-an-api",
    "email/code-expired",
    "policy/chained",
];

fn from_nothing_to_a_run(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    set_up(&mut place)?;
    let (before, _) = PAGE.split_once(DIFFERS).ok_or("no step 10")?;
    follow(&place, before)?;
    let last = place.run(&["check", "--target", "staging"])?;
    assert!(last.stdout.contains("2 of 5 scenarios would be skipped"), "{last:?}");
    Ok(())
}

fn from_what_differs_to_every_night(inbox: Inbox) -> Result<(), Failed> {
    let tenant = "tenant:\n  lifetimes: {access_token: 1h}\n";
    let mut place = Place::start(&Wish { tenant, ..Wish::of(inbox) })?;
    set_up(&mut place)?;
    follow_one(&place, "countersign run --target staging", 1)?;
    let (_, after) = PAGE.split_once(DIFFERS).ok_or("no step 10")?;
    let exceptions = block("yaml", after).ok_or("no exceptions")?;
    let (begin, go_on) = after.split_once(exceptions).ok_or("no exceptions")?;
    follow(&place, begin)?;
    let file = place.project().join("countersign.yaml");
    fs::write(&file, fs::read_to_string(&file)? + exceptions)?;
    follow(&place, go_on)?;
    assert_eq!(place.users()?, 0);
    let entries = fs::read_dir(place.project().join(".countersign/staging"))?;
    let left: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

/// What the page adds for text messages is read. What Twilio would answer nobody here can say.
fn numbers_are_added(inbox: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&Wish::of(inbox))?;
    set_up(&mut place)?;
    let file = place.project().join("countersign.yaml");
    fs::write(&file, fs::read_to_string(&file)? + block("yaml", PAGE).ok_or("no numbers")?)?;
    let missing = follow_one(&place, "countersign check --target staging", 2)?;
    assert!(missing.contains("TWILIO_SID") && missing.contains("TWILIO_TOKEN"), "{missing}");
    let with = "TWILIO_SID=AC1 TWILIO_TOKEN=x countersign check --target staging";
    let told = follow_one(&place, with, 0)?;
    assert!(told.contains("sms by http"), "{told}");
    Ok(())
}

fn ci_files_run_what_the_page_runs(_: Inbox) -> Result<(), Failed> {
    let known: BTreeSet<_> = commands(PAGE).map(|(command, _)| command).collect();
    let mut found = 0;
    for file in fs::read_dir(root().join("docs/ci"))? {
        let text = fs::read_to_string(file?.path())?;
        for line in text.lines().map(|line| line.trim_start_matches(['-', ' '])) {
            let line = line.strip_prefix("run: ").unwrap_or(line);
            if !line.starts_with("countersign ") {
                continue;
            }
            let command = line.split(" > ").next().unwrap_or_default();
            let command = command.split(" >> ").next().unwrap_or_default();
            let command = command.split(" || ").next().unwrap_or_default();
            assert!(known.contains(command), "the page does not run `{command}`");
            found += 1;
        }
    }
    assert_eq!(found, 10);
    Ok(())
}

/// Each reason and message of the tables is one of the program's, each reason for which a scenario is skipped is in the
/// table, and the scopes are those that a run asks for.
fn reasons_and_messages_are_there(_: Inbox) -> Result<(), Failed> {
    let mut program = String::new();
    for entry in WalkDir::new(root().join("src")) {
        let entry = entry?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|it| it == "rs") {
            program += &fs::read_to_string(entry.path())?.replace('`', "");
        }
    }
    let mut rows = 0;
    for table in ["\n| reason |", "\n| message |"] {
        let (_, after) = PAGE.split_once(table).ok_or("no table")?;
        for row in after.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let cell = row.split('|').nth(1).unwrap_or_default();
            for said in cell.split('`').skip(1).step_by(2).filter(|said| !said.starts_with("--")) {
                for part in said.split('…').filter(|part| part.len() > 3) {
                    assert!(program.contains(part), "nothing says `{part}` of `{said}`");
                }
            }
            rows += 1;
        }
    }
    assert!(rows > 25, "{rows}");
    let page = PAGE.replace('`', "");
    let wanted: BTreeSet<_> = PAGE.split("```text\n").skip(1).flat_map(first_lines).collect();
    let text = fs::read_to_string(root().join("src/target/tenant/ask.rs"))?;
    let is_scope = |text: &&str| {
        text.contains(':')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || b":_".contains(&byte))
    };
    assert_eq!(wanted, text.split('"').filter(is_scope).collect());
    for source in ["src/plan/gap.rs", "src/plan/applications.rs", "src/target/tenant/settings.rs"] {
        let text = fs::read_to_string(root().join(source))?.replace('`', "");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for reason in text.split('"').filter(|text| text.starts_with("it ")) {
            for part in reason.split(['{', '}']).step_by(2).filter(|part| part.len() > 3) {
                assert!(page.contains(part.trim_end()), "the page does not explain `{reason}`");
            }
        }
    }
    Ok(())
}

/// The files of the page, with a served tenant's values of the variables that it names.
fn set_up(place: &mut Place) -> Result<(), Failed> {
    place.take(SCENARIOS)?;
    let port = place.dovecot()?.tls.to_string();
    let told = place.variables();
    let value = |name: &str| told.iter().find(|(known, _)| *known == name).map(|(_, it)| &**it);
    let (_, files) = PAGE.split_once("\n## 6. ").ok_or("no step 6")?;
    let mut variables = String::new();
    for line in block("sh", files).ok_or("no .env")?.lines() {
        let (name, example) = line.split_once('=').ok_or("no variable")?;
        let value = match name {
            "IMAP_HOST" => "localhost",
            "IMAP_PORT" => &port,
            "IMAP_PASSWORD" => dovecot::PASSWORD,
            name => value(name).unwrap_or(example),
        };
        assert_ne!(value, "...", "nothing is known as {name}");
        variables.extend([name, "=", value, "\n"]);
    }
    fs::write(place.project().join(".env"), variables)?;
    let configuration = block("yaml", files).ok_or("no countersign.yaml")?;
    Ok(fs::write(place.project().join("countersign.yaml"), configuration)?)
}

/// Runs the commands of a part of the page.
fn follow(place: &Place, part: &str) -> Result<(), Failed> {
    let mut count = 0;
    for (command, code) in commands(part) {
        follow_one(place, command, code)?;
        count += 1;
    }
    assert!(count > 0, "there are no commands in it");
    Ok(())
}

/// Runs a line of the page in a shell, and says what it wrote. The authorities of the tenant and the mailbox are those of
/// this machine for it; of its secrets none is told.
fn follow_one(place: &Place, line: &str, code: i32) -> Result<String, Failed> {
    let program = Path::new(PROGRAM).parent().ok_or("no folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(program.to_owned()).chain(env::split_paths(&path));
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(place.project()).stdin(Stdio::null()).env_clear();
    command.env("PATH", env::join_paths(paths)?);
    command.env("SSL_CERT_FILE", place.project().join("authorities.pem"));
    let ran = place.finish(command)?;
    assert_eq!(ran.code, Some(code), "{line}: {ran:?}");
    let told = ran.stdout + &ran.stderr;
    for name in ["AUTH0_CLIENT_SECRET", "AUTH0_MANAGEMENT_CLIENT_SECRET", "MAILBOX_PASSWORD"] {
        let all = place.variables();
        let (_, secret) = all.iter().find(|(known, _)| *known == name).ok_or("no secret")?;
        assert!(!told.contains(&**secret), "{line} tells {name}");
    }
    Ok(told)
}

/// The commands in the blocks of a part of the page, in order, with the exit codes that stand behind them.
fn commands(part: &str) -> impl Iterator<Item = (&str, i32)> {
    let blocks = part.split("```sh\n").skip(1).filter_map(|after| after.split("```").next());
    let lines = blocks.flat_map(str::lines).filter(|line| line.starts_with("countersign "));
    lines.map(|line| match line.split_once("  # exit code ") {
        Some((command, after)) => {
            let code = after.split(':').next().and_then(|code| code.parse().ok());
            (command, code.expect("an exit code is a number"))
        }
        None => (line, 0),
    })
}

/// The lines until a block ends.
fn first_lines(after: &str) -> impl Iterator<Item = &str> {
    after.lines().take_while(|line| !line.starts_with("```"))
}

/// The first block of a language.
fn block<'a>(language: &str, part: &'a str) -> Option<&'a str> {
    let (_, after) = part.split_once(&format!("```{language}\n"))?;
    after.split("```").next()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
