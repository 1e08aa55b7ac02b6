//! An inbox of maildev.

use countersign::codes::NoCode;
use lettre::message::SinglePart;
use libtest_mimic::Failed;

use crate::{ENOUGH, SHORT, Test, baseline, block_on, code, email, mail::maildev::Maildev};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("two_users_and_a_stale_code", two_users_and_a_stale_code),
    ("html_only", html_only),
    ("empty_and_vanished", empty_and_vanished),
];

fn plain(code: &str) -> SinglePart {
    SinglePart::plain(format!("Your code is {code}."))
}

fn two_users_and_a_stale_code() -> Result<(), Failed> {
    block_on(async {
        let maildev = Maildev::start()?;
        let source = maildev.inbox()?;
        let (one, two) = (email("inbox+one@x.example"), email("inbox+two@x.example"));
        maildev.send("inbox+one@x.example", plain("111111"))?;
        let since = [baseline(&source, &one).await?, baseline(&source, &two).await?];
        let Err(NoCode::NotCome(seen)) = code(&source, &one, &since[0], SHORT).await else {
            return Err("a stale code was taken".into());
        };
        assert_eq!(seen.before, 1);
        assert!(seen.earlier_to_address.is_some(), "{seen}");
        maildev.send("inbox+one@x.example", plain("222222"))?;
        maildev.send("inbox+one@x.example", plain("333333"))?;
        maildev.send("inbox+two@x.example", plain("444444"))?;
        assert_eq!(code(&source, &one, &since[0], ENOUGH).await?, "333333");
        assert_eq!(code(&source, &two, &since[1], ENOUGH).await?, "444444");
        Ok(())
    })
}

fn html_only() -> Result<(), Failed> {
    block_on(async {
        let maildev = Maildev::start()?;
        let source = maildev.inbox()?;
        let ann = email("ann@x.example");
        let since = baseline(&source, &ann).await?;
        let html = "<style>p{color:#111111}</style><p>Für Sie: <b>482</b><b>913</b></p>";
        maildev.send("ann@x.example", SinglePart::html(html.to_owned()))?;
        assert_eq!(code(&source, &ann, &since, ENOUGH).await?, "482913");
        Ok(())
    })
}

fn empty_and_vanished() -> Result<(), Failed> {
    block_on(async {
        let mut maildev = Maildev::start()?;
        let source = maildev.inbox()?;
        let ann = email("ann@x.example");
        let since = baseline(&source, &ann).await?;
        let missing = code(&source, &ann, &since, SHORT).await;
        assert!(matches!(missing, Err(NoCode::NotCome(_))), "{missing:?}");
        maildev.stop();
        let error = code(&source, &ann, &since, SHORT).await.expect_err("it is gone").to_string();
        assert!(error.starts_with("the inbox at 127.0.0.1:"), "{error}");
        assert!(error.contains("refused"), "{error}");
        Ok(())
    })
}
