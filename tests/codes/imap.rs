//! A mailbox of dovecot.

use std::{net::TcpListener, time::Duration};

use countersign::codes::{Address, Baseline, CodeSource, NoCode, Security};
use libtest_mimic::Failed;

use crate::{
    ENOUGH, SHORT, Test, baseline, block_on, code, email,
    mail::dovecot::{Dovecot, PASSWORD},
};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("plain", || finds_a_code(Security::Plain)),
    ("starttls", || finds_a_code(Security::StartTls)),
    ("tls", || finds_a_code(Security::Tls)),
    ("who_is_not_trusted", who_is_not_trusted),
    ("what_is_refused", what_is_refused),
    ("two_users_share_an_inbox", two_users_share_an_inbox),
    ("a_stale_code_is_not_taken", a_stale_code_is_not_taken),
    ("encodings", encodings),
    ("empty", empty),
    ("full", full),
    ("slow", slow),
    ("vanished", vanished),
    ("back_again", back_again),
];

const NOW: Duration = Duration::ZERO;

fn mail(to: &str, code: &str) -> String {
    format!("To: <{to}>\nSubject: Your code\n\nYour code is: {code}\n")
}

/// A mailbox that Ann's next code comes to.
async fn asked() -> Result<(Dovecot, CodeSource, Address, Baseline), Failed> {
    let dovecot = Dovecot::start()?;
    let source = dovecot.mailbox(|_| {})?;
    let ann = email("ann@x.example");
    let since = baseline(&source, &ann).await?;
    Ok((dovecot, source, ann, since))
}

fn finds_a_code(security: Security) -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        let source = dovecot.mailbox(|settings| settings.security = security)?;
        let ann = email("ann@x.example");
        let since = baseline(&source, &ann).await?;
        dovecot.deliver(NOW, &mail("ann@x.example", "482913"))?;
        assert_eq!(code(&source, &ann, &since, ENOUGH).await?, "482913");
        Ok(())
    })
}

fn who_is_not_trusted() -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        for security in [Security::StartTls, Security::Tls] {
            // The operating system trusts no authority that was made a moment ago.
            let source = dovecot.mailbox_for(None, |settings| settings.security = security)?;
            let error = baseline(&source, &email("ann@x.example")).await;
            let error = error.expect_err("no trust").to_string();
            assert!(error.contains("certificate"), "{error}");
        }
        Ok(())
    })
}

fn what_is_refused() -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        let ann = email("ann@x.example");
        let password = dovecot.mailbox(|settings| {
            settings.password = countersign::secret::Secret::new(format!("{PASSWORD}-wrong"));
            settings.security = Security::Tls;
        })?;
        let error = baseline(&password, &ann).await.expect_err("a wrong password").to_string();
        assert!(
            error.ends_with("cannot be read: it has not accepted the user's name and password"),
            "{error}"
        );
        let folder = dovecot.mailbox(|settings| "Codes".clone_into(&mut settings.mailbox))?;
        let error = baseline(&folder, &ann).await.expect_err("no such mailbox").to_string();
        assert!(error.ends_with("it does not open the mailbox `Codes`"), "{error}");
        Ok(())
    })
}

fn two_users_share_an_inbox() -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        let source = dovecot.mailbox(|_| {})?;
        let users = [email("inbox+one@x.example"), email("inbox+two@x.example")];
        let plain = email("inbox@x.example");
        let since = baseline(&source, &users[0]).await?;
        dovecot.deliver(NOW, &mail("inbox+two@x.example", "222222"))?;
        dovecot.deliver(NOW, &mail("Inbox+One@x.example", "111111"))?;
        dovecot.deliver(NOW, &mail("inbox+three@x.example", "333333"))?;
        let (one, two) = tokio::join!(
            code(&source, &users[0], &since, ENOUGH),
            code(&source, &users[1], &since, ENOUGH)
        );
        assert_eq!((one?.as_str(), two?.as_str()), ("111111", "222222"));
        let Err(NoCode::NotCome(seen)) = code(&source, &plain, &since, SHORT).await else {
            return Err("a code of another user was taken".into());
        };
        assert_eq!(
            seen.others.into_iter().collect::<Vec<_>>(),
            [("I***@x***".to_owned(), 1), ("i***@x***".to_owned(), 2)]
        );
        Ok(())
    })
}

fn a_stale_code_is_not_taken() -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        let source = dovecot.mailbox(|_| {})?;
        let ann = email("ann@x.example");
        dovecot.deliver(NOW, &mail("ann@x.example", "111111"))?;
        let first = baseline(&source, &ann).await?;
        assert!(matches!(code(&source, &ann, &first, SHORT).await, Err(NoCode::NotCome(_))));
        dovecot.deliver(NOW, &mail("ann@x.example", "222222"))?;
        assert_eq!(code(&source, &ann, &first, ENOUGH).await?, "222222");
        let second = baseline(&source, &ann).await?;
        let missing = code(&source, &ann, &second, SHORT).await;
        assert!(matches!(missing, Err(NoCode::NotCome(_))));
        // Its clock says that it is older than what was there: the order in which they came counts.
        dovecot.deliver(Duration::from_hours(1), &mail("ann@x.example", "333333"))?;
        assert_eq!(code(&source, &ann, &second, ENOUGH).await?, "333333");
        dovecot.deliver(NOW, &mail("ann@x.example", "444444"))?;
        assert_eq!(code(&source, &ann, &second, ENOUGH).await?, "444444");
        Ok(())
    })
}

fn encodings() -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        let source = dovecot.mailbox(|_| {})?;
        let ann = email("ann@x.example");
        let typed = |kind: &str, encoding: &str, body: &str| {
            format!(
                "To: Ann <ann@x.example>\nMIME-Version: 1.0\nContent-Type: {kind}; charset=utf-8\n\
                 Content-Transfer-Encoding: {encoding}\n\n{body}\n"
            )
        };
        for mail in [
            typed("text/plain", "quoted-printable", "Ihr Code f=C3=BCr heute: 48291=\n3"),
            // "確認コードは482913です。"
            typed("text/plain", "base64", "56K66KqN44Kz44O844OJ44GvNDgyOTEz44Gn44GZ44CC"),
            typed("text/html", "8bit", "<style>p{color:#111111}</style><td>1</td><td>482913</td>"),
        ] {
            let since = baseline(&source, &ann).await?;
            dovecot.deliver(NOW, &mail)?;
            assert_eq!(code(&source, &ann, &since, ENOUGH).await?, "482913", "{mail}");
        }
        Ok(())
    })
}

fn empty() -> Result<(), Failed> {
    block_on(async {
        let (_dovecot, source, ann, since) = asked().await?;
        let error = code(&source, &ann, &since, SHORT).await.expect_err("nothing came").to_string();
        assert!(
            error.starts_with(
                "no code came to a***@x*** within 3 s; since the request, nothing came at all; \
                 0 are older (looked "
            ),
            "{error}"
        );
        Ok(())
    })
}

fn full() -> Result<(), Failed> {
    block_on(async {
        let dovecot = Dovecot::start()?;
        let source = dovecot.mailbox(|_| {})?;
        let ann = email("ann@x.example");
        for number in 0..1000 {
            let to = if number == 995 { "ann@x.example" } else { "bob@x.example" };
            dovecot.deliver(Duration::from_mins(5), &mail(to, "111111"))?;
        }
        let since = baseline(&source, &ann).await?;
        dovecot.deliver(NOW, "To: ann@x.example\n\nHello.\n")?;
        let Err(NoCode::NotCome(seen)) = code(&source, &ann, &since, SHORT).await else {
            return Err("an old code was taken".into());
        };
        assert_eq!((seen.before, seen.without_code), (1000, 1));
        // What is old is looked at where nothing is new.
        let since = baseline(&source, &ann).await?;
        let error = code(&source, &ann, &since, SHORT).await.expect_err("nothing came").to_string();
        assert!(error.contains("1001 are older, the newest by "), "{error}");
        dovecot.deliver(NOW, &mail("ann@x.example", "482913"))?;
        assert_eq!(code(&source, &ann, &since, ENOUGH).await?, "482913");
        Ok(())
    })
}

/// A server that takes connections and says nothing.
fn slow() -> Result<(), Failed> {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (mut dovecot, _, ann, since) = asked().await?;
        dovecot.stop();
        let port = listener.local_addr()?.port();
        let silent = dovecot.mailbox(|settings| settings.port = port)?;
        let error = code(&silent, &ann, &since, SHORT).await.expect_err("no answer").to_string();
        assert!(error.starts_with("the inbox at localhost:"), "{error}");
        assert!(error.contains("cannot be read: no answer within "), "{error}");
        Ok(())
    })
}

fn vanished() -> Result<(), Failed> {
    block_on(async {
        let (mut dovecot, source, ann, since) = asked().await?;
        dovecot.stop();
        let error = code(&source, &ann, &since, SHORT).await.expect_err("it is gone").to_string();
        assert!(error.contains("refused"), "{error}");
        let error = baseline(&source, &ann).await.expect_err("it is gone").to_string();
        assert!(error.contains("refused"), "{error}");
        Ok(())
    })
}

fn back_again() -> Result<(), Failed> {
    block_on(async {
        let (mut dovecot, source, ann, since) = asked().await?;
        dovecot.stop();
        dovecot.deliver(NOW, &mail("ann@x.example", "482913"))?;
        dovecot.start_again()?;
        assert_eq!(code(&source, &ann, &since, ENOUGH).await?, "482913");
        dovecot.stop();
        dovecot.start_again()?;
        baseline(&source, &ann).await?;
        Ok(())
    })
}
