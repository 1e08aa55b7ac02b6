//! `countersign schema`, `completions` and `man`: what is made from the types.

use std::io::Write as _;

use super::{Exit, Failure, output::Output};
use crate::{event::wire, scenario};

pub(super) fn schema(events: bool, output: &Output) -> Result<Exit, Failure> {
    let schema = if events { wire::schema() } else { scenario::schema() };
    output.write(&format!("{:#}\n", schema.as_value()))?;
    Ok(Exit::Passed)
}

pub(super) fn completions(
    shell: clap_complete::Shell,
    mut command: clap::Command,
    output: &Output,
) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "countersign", &mut script);
    let mut writer = output.result();
    writer.write_all(&script)?;
    writer.flush()?;
    Ok(Exit::Passed)
}

pub(super) fn man(mut command: clap::Command, output: &Output) -> Result<Exit, Failure> {
    // Gives every subcommand its full name, which is the title of its page.
    command.build();
    let mut writer = output.result();
    clap_mangen::Man::new(command.clone()).render(&mut writer)?;
    for subcommand in command.get_subcommands().filter(|known| known.get_name() != "help") {
        clap_mangen::Man::new(subcommand.clone()).render(&mut writer)?;
    }
    writer.flush()?;
    Ok(Exit::Passed)
}
