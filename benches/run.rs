//! How long whole runs take, from start to exit: `cargo bench`.
//!
//! One scenario, and a thousand scenarios of six requests, three captures and eighteen expectations each, with their
//! snapshots compared. Each figure is the minimum, the median and the maximum of nine runs after one that is not
//! counted.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark asks the clock, and prints"
)]

use std::{
    error::Error,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

const RUNS: usize = 9;

/// Six requests.
const SCENARIO: &str = r#"title: Enrol, confirm, and log in again
given: {tenant: {factors: [email, otp, recovery-code]}}
steps:
  - login: {}
    expect:
      status: 403
      headers: {content-type: {$contains: json}}
      body: {error: mfa_required, mfa_token: {$type: string}}
  - enroll: {channel: email}
    capture: {channel: $.oob_channel}
    expect:
      status: 200
      body: {authenticator_type: oob, oob_channel: email, oob_code: {$regex: "^Fe26"}}
  - confirm: {}
    expect: {status: 200, body: {token_type: Bearer}, jsonpath: {$.expires_in: 86400}}
  - login: {}
    expect: {status: 403, body: {error: mfa_required}}
  - challenge: {}
    capture: {binding_method: $.binding_method}
    expect: {status: 200, body: {challenge_type: oob, binding_method: prompt}}
  - verify: {}
    capture: {token_type: $.token_type}
    expect:
      status: 200
      body: {access_token: {$type: string}, token_type: Bearer, expires_in: {$gt: 1}}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    for scenarios in [1, 1000] {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("scenarios"))?;
        for number in 0..scenarios {
            fs::write(folder.path().join(format!("scenarios/{number:04}.yaml")), SCENARIO)?;
        }
        run(folder.path(), &["--update", "always"])?;
        for target in ["emulator", "replay"] {
            let mut times = (0..RUNS)
                .map(|_| run(folder.path(), &["--update", "no", "--target", target]))
                .collect::<Result<Vec<_>, _>>()?;
            times.sort_by(f64::total_cmp);
            println!(
                "{scenarios:>5} scenarios, {target:<8}: min {:.1} ms, median {:.1} ms, max {:.1} ms",
                times[0],
                times[RUNS / 2],
                times[RUNS - 1]
            );
        }
    }
    Ok(())
}

/// Milliseconds from start to exit.
fn run(folder: &Path, arguments: &[&str]) -> Result<f64, Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.arg("run").args(arguments).current_dir(folder).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let elapsed = start.elapsed();
    if status.success() {
        Ok(elapsed.as_secs_f64() * 1000.0)
    } else {
        Err(status.to_string().into())
    }
}
