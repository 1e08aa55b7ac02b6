//! The mailbox that codes come to, slow, empty, full of what is old, strange, and gone.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::{
    Test,
    mail::smtp::Way,
    place::{Inbox, Place, Ran, Wish},
};

use Inbox::Dovecot;

pub(crate) const TESTS: &[Test] = &[
    ("a_mail_that_is_late", &[Dovecot], a_mail_that_is_late),
    ("a_mail_that_never_comes", &[Dovecot], a_mail_that_never_comes),
    ("old_codes", &[Dovecot], old_codes),
    ("a_mail_that_is_overtaken", &[Dovecot], a_mail_that_is_overtaken),
    ("gone_before", &[Dovecot], gone_before),
    ("gone_meanwhile", &[Dovecot], gone_meanwhile),
    ("a_wrong_password", &[Dovecot], a_wrong_password),
    ("many_share_it", &[Dovecot], many_share_it),
    ("mails_of_many_kinds", &[Dovecot], mails_of_many_kinds),
];

const RUN: &[&str] = &["run", "--target", "staging", "-j", "4"];

/// Two codes in one scenario: the first must not be taken for the second.
const TWICE: &str = "title: Enrolled, and challenged
given: {tenant: {factors: [email, otp, recovery-code]}}
steps:
  - login: {}
  - enroll: {channel: email, email: '{{ user.email }}'}
  - confirm: {}
    expect: {status: 200}
  - login: {}
  - challenge: {}
  - verify: {}
    expect: {status: 200}
";

/// A tenant whose settings are made what a scenario asks for.
fn wish() -> Wish<'static> {
    Wish { target: "    allow: [provision]\n", ..Wish::of(Dovecot) }
}

/// One that needs the mailbox, and one that does not.
fn start() -> Result<Place, Failed> {
    let place = Place::start(&wish())?;
    place.take(&["email/first-enrolment", "otp/first-enrolment"])?;
    place.edit("countersign.yaml", "every: 50ms", "every: 50ms\n        timeout: 2s")?;
    Ok(place)
}

/// The scenario that needs the mailbox ends with an error that says all of this, and the other passes.
fn fails(place: &Place, ran: &Ran, code: i32, says: &[&str]) -> Result<(), Failed> {
    let Ran { stdout, .. } = ran;
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert!(stdout.contains("1 passed, 0 failed, 0 skipped, 0 flaky, 1 errored in "), "{stdout}");
    for words in says {
        assert!(stdout.contains(words), "not said: {words}: {stdout}");
    }
    assert_eq!(place.users()?, 0);
    Ok(())
}

fn passes(place: &Place, ran: &Ran, number: usize) -> Result<(), Failed> {
    let counts = format!("{number} passed, 0 failed, 0 skipped, 0 flaky, 0 errored in ");
    assert!(ran.code == Some(0) && ran.stdout.contains(&counts), "{ran:?}");
    assert_eq!(place.users()?, 0);
    Ok(())
}

fn a_mail_that_is_late(_: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&wish())?;
    place.take(&["email/first-enrolment", "otp/first-enrolment"])?;
    place.front()?.set(Way::Held)?;
    let ran = place.run_while(RUN, |place| {
        place.front()?.wait_for(1)?;
        Ok(place.front()?.set(Way::Delivered)?)
    })?;
    passes(&place, &ran, 2)
}

/// The mail of the first challenge arrives when the second could have been sent already.
fn a_mail_that_is_overtaken(_: Inbox) -> Result<(), Failed> {
    let mut place = Place::start(&wish())?;
    place.scenario(
        "again",
        "title: Challenged again before the code was there
given: {tenant: {factors: [email, otp, recovery-code]}, user: {enrolled: [{channel: email}]}}
steps: [login: {}, challenge: {}, challenge: {}, {verify: {}, expect: {status: 200}}]
",
    )?;
    place.front()?.set(Way::Held)?;
    let ran = place.run_while(&["run", "--target", "staging", "--update", "always"], |place| {
        place.front()?.wait_for(1)?;
        Ok(place.front()?.set(Way::Delivered)?)
    })?;
    passes(&place, &ran, 1)
}

fn a_mail_that_never_comes(_: Inbox) -> Result<(), Failed> {
    let mut place = start()?;
    let old = "To: qa+old@example.com\nSubject: Your code\n\n111111\n";
    for age in [90, 120] {
        place.dovecot()?.deliver(Duration::from_mins(age), old)?;
    }
    place.front()?.set(Way::Lost)?;
    let ran = place.run_while(RUN, |place| {
        place.front()?.wait_for(1)?;
        let other = old.replace("qa+old", "ops");
        Ok(place.dovecot()?.deliver(Duration::ZERO, &other)?)
    })?;
    let says = [
        "scenarios/email/first-enrolment.yaml:",
        "there is no code to send: no code came to q***@e*** within 2 s",
        "0 messages without a code came to it, and 1 to others: 1 to o***@e***; 2 are older",
        "`timeout` in `codes` is how long it may take",
    ];
    fails(&place, &ran, 1, &says)
}

/// Users that are there already have addresses that were written to before.
fn old_codes(_: Inbox) -> Result<(), Failed> {
    let users = "    allow: [provision, remove]
    users:
      - {email: qa+one@example.com, password: \"${PASSWORD_ONE}\"}
      - {email: qa+two@example.com, password: \"${PASSWORD_TWO}\"}
";
    let mut place = Place::start(&Wish { target: users, ..Wish::of(Dovecot) })?;
    crate::pool::make_users(&place, &["qa+one@example.com", "qa+two@example.com"])?;
    place.edit("countersign.yaml", "every: 50ms", "every: 50ms\n        timeout: 2s")?;
    for (number, to) in ["qa+one", "qa+two", "qa+three", "ops"].iter().cycle().take(60).enumerate()
    {
        let mail =
            format!("To: {to}@example.com\nSubject: Your code\n\nYour code is 11{number:04}.\n");
        place.dovecot()?.deliver(Duration::from_hours(1), &mail)?;
    }
    place.scenario("twice", TWICE)?;
    place.front()?.set(Way::Lost)?;
    let ran = place.run(&["run", "--target", "staging", "--update", "no"])?;
    let says = "nothing came at all; 60 are older, the newest by 60 min, the newest to q***@e***";
    assert!(ran.code == Some(1) && ran.stdout.contains(says), "{ran:?}");
    place.front()?.set(Way::Delivered)?;
    let ran = place
        .run(&["run", "--target", "staging", "-j", "4", "--repeat", "4", "--update", "always"])?;
    assert!(ran.code == Some(0) && ran.stdout.contains("4 passed"), "{ran:?}");
    Ok(())
}

fn gone_before(_: Inbox) -> Result<(), Failed> {
    let mut place = start()?;
    place.dovecot()?.stop();
    let ran = place.run(RUN)?;
    let says = ["the inbox at localhost:", "cannot be read: Connection refused", "`codes` of the"];
    fails(&place, &ran, 3, &says)
}

fn gone_meanwhile(_: Inbox) -> Result<(), Failed> {
    let mut place = start()?;
    place.front()?.set(Way::Held)?;
    let ran = place.run_while(RUN, |place| {
        place.front()?.wait_for(1)?;
        place.dovecot()?.stop();
        Ok(())
    })?;
    let says = ["there is no code to send: the inbox at localhost:", "cannot be read: "];
    fails(&place, &ran, 3, &says)
}

/// It is tried once, however many scenarios want to read the mailbox: who tries often is locked out.
fn a_wrong_password(_: Inbox) -> Result<(), Failed> {
    let place = Place::start(&wish())?;
    place.take(&["email/first-enrolment", "otp/first-enrolment"])?;
    place.edit(".env", crate::mail::dovecot::PASSWORD, "Wrong-and-secret-3")?;
    let ran = place.run(RUN)?;
    assert!(!format!("{ran:?}").contains("Wrong-and-secret-3"), "{ran:?}");
    fails(&place, &ran, 3, &["it has not accepted the user's name and password"])
}

fn many_share_it(_: Inbox) -> Result<(), Failed> {
    let place = Place::start(&wish())?;
    place.scenario("twice", TWICE)?;
    let args = ["run", "--target", "staging", "-j", "16", "--repeat", "16", "--update", "always"];
    let ran = place.run(&args)?;
    passes(&place, &ran, 16)
}

/// As a tenant with a template of its own sends them.
fn mails_of_many_kinds(_: Inbox) -> Result<(), Failed> {
    let place = Place::start(&wish())?;
    place.front()?.set(Way::Written(written))?;
    place.scenario("twice", TWICE)?;
    let args = ["run", "--target", "staging", "-j", "1", "--repeat", "2", "--update", "always"];
    let ran = place.run(&args)?;
    passes(&place, &ran, 2)
}

fn written(number: usize, to: &str, code: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let (begin, end) = code.split_at(3);
    let (kind, encoding, body) = match number % 3 {
        0 => (
            "html",
            "quoted-printable",
            format!(
                "<style>p{{color:=23336699}}</style><p>Hello 123456789</p><td>1</td><td>{begin}=\n{end}</td>\n"
            ),
        ),
        1 => ("html", "base64", STANDARD.encode(format!("<b>{code}</b>は確認コードです"))),
        _ => (
            "plain",
            "base64",
            STANDARD.encode(format!("確認コードは{code}です。有効期限は5分です。")),
        ),
    };
    let subject = "=?utf-8?B?56K66KqN44Kz44O844OJ?=";
    format!(
        "From: x@example.com\nTo: <{to}>\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: text/{kind}; \
         charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}\n"
    )
}
