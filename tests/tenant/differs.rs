//! A tenant that is another than the snapshots say: what is said of it, and what a person can do.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    Test,
    place::{Inbox, Place, Wish},
};

use Inbox::Outbox;

pub(crate) const TESTS: &[Test] = &[
    ("from_its_snapshots", &[Outbox], from_its_snapshots),
    ("no_longer", &[Outbox], no_longer),
    ("from_another_target", &[Outbox], from_another_target),
    ("in_nothing", &[Outbox], in_nothing),
    ("a_tenant_that_is_gone", &[Outbox], a_tenant_that_is_gone),
];

const RUN: [&str; 3] = ["run", "--target", "staging"];
const ID: &str = "api/token";

/// What is recorded of the emulator is what the documentation says.
const TOKEN: &str = "title: A token for an API
given: {tenant: {factors: [otp, recovery-code]}}
steps:
  - login: {audience: 'https://api.example.com/'}
  - enroll: {channel: otp}
  - confirm: {}
    expect: {status: 200}
";

/// Tokens of this one live for an hour, where a new one's live for a day.
const DIFFERENT: &str = "tenant:
  factors: [otp, recovery-code]
  lifetimes: {access_token: 1h}
";

fn start(tenant: &str) -> Result<Place, Failed> {
    let place = Place::start(&Wish { tenant, ..Wish::of(Outbox) })?;
    place.take(&["otp/first-enrolment"])?;
    place.scenario(ID, TOKEN)?;
    assert_eq!(place.run(&["run", "--update", "always"])?.code, Some(0));
    Ok(place)
}

fn except(place: &Place) -> Result<(), Failed> {
    let more = format!("    exceptions: {{{ID}: the tokens of this tenant live for an hour}}\n");
    place.edit("countersign.yaml", "    rate:", &format!("{more}    rate:"))?;
    Ok(())
}

fn from_its_snapshots(_: Inbox) -> Result<(), Failed> {
    let place = start(DIFFERENT)?;
    let snapshots = place.project().join("snapshots");
    let [own, shared] = ["@staging", ""].map(|part| snapshots.join(part).join(ID));
    let pending = shared.with_extension("snap.new");
    let ran = place.run(&[&RUN[..], &["--update", "no"]].concat())?;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    insta::assert_snapshot!("differs", ran.stdout.rsplit_once(" in ").ok_or("no counts")?.0);
    assert!(!pending.exists());
    let ran = place.run(&[&RUN[..], &["--update", "new"]].concat())?;
    assert!(ran.code == Some(1) && pending.exists(), "{ran:?}");
    assert_eq!(place.run(&["reject"])?.code, Some(0));

    except(&place)?;
    let ran = place.run(&[&RUN[..], &["--update", "new"]].concat())?;
    assert!(ran.code == Some(1) && own.with_extension("snap.new").exists(), "{ran:?}");
    assert!(!pending.exists());
    assert_eq!(place.run(&["accept"])?.code, Some(0));
    for args in [&RUN[..], &["run", "--target", "replay", "--as", "staging"]] {
        let ran = place.run(args)?;
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        assert!(ran.stdout.contains("2 passed, 0 failed"), "{ran:?}");
    }
    let told = std::fs::read_to_string(own.with_extension("snap"))?;
    assert!(told.contains("expires_in: 3600"), "{told}");
    assert_eq!(place.users()?, 0);
    Ok(())
}

/// The exception outlives what it was for.
fn no_longer(_: Inbox) -> Result<(), Failed> {
    let place = start("tenant: {factors: [otp, recovery-code]}\n")?;
    except(&place)?;
    let ran = place.run(&RUN)?;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let said = "warning: `staging` does not differ from the snapshot here";
    assert!(ran.stderr.contains(said) && ran.stderr.contains("remove the exception"), "{ran:?}");
    Ok(())
}

fn from_another_target(_: Inbox) -> Result<(), Failed> {
    let place = start(DIFFERENT)?;
    for other in ["emulator", "snapshots"] {
        let args = ["drift", "staging", other];
        let ran = place.run(&args)?;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        for words in ["$['expires_in']", "3600", "86400", ID] {
            assert!(ran.stdout.contains(words), "no {words}: {ran:?}");
        }
        let ran = place.run(&[&args[..], &["--format", "json"]].concat())?;
        let told: Value = serde_json::from_str(&ran.stdout)?;
        assert_eq!((ran.code, &told["differ"]), (Some(1), &json!(1)), "{told}");
        let ran = place.run(&[&args[..], &["--format", "markdown"]].concat())?;
        assert!(ran.code == Some(1) && ran.stdout.contains("expires_in"), "{ran:?}");
    }
    assert_eq!(place.users()?, 0);
    Ok(())
}

fn in_nothing(_: Inbox) -> Result<(), Failed> {
    let place = start("tenant: {factors: [otp, recovery-code]}\n")?;
    for other in ["emulator", "snapshots"] {
        for format in ["human", "json", "markdown"] {
            let ran = place.run(&["drift", "staging", other, "--format", format])?;
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        }
    }
    assert_eq!(place.users()?, 0);
    Ok(())
}

fn a_tenant_that_is_gone(_: Inbox) -> Result<(), Failed> {
    let mut place = start("")?;
    place.kill_tenant();
    for other in ["emulator", "snapshots"] {
        let ran = place.run(&["drift", "staging", other])?;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{ran:?}");
        assert!(ran.stderr.contains("cannot be reached: Connection refused"), "{ran:?}");
        assert!(ran.stderr.contains("countersign.yaml:3:5"), "{ran:?}");
    }
    Ok(())
}
