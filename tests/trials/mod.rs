//! Tests that a program runs of its own accord, some of them only where what they need is installed.
#![expect(clippy::print_stdout, reason = "what was skipped is a result")]

use libtest_mimic::{Arguments, Trial};

/// Runs the tests, and says at the end what was skipped and why: `tests/run` repeats these lines.
pub(crate) fn run(trials: Vec<Trial>, skipped: &[String]) -> ! {
    let arguments = Arguments::from_args();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        for what in skipped {
            println!("skipped: {what}");
        }
    }
    conclusion.exit()
}
