//! The HTTP APIs that are no program here: what they answer was written by hand after their documentation and clients.

use std::{collections::BTreeMap, time::Duration};

use countersign::{
    codes::{Address, CodeSource, Http, NoCode, Pattern, Shape},
    secret::Secret,
};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, method, path, query_param},
};

use crate::{ENOUGH, SHORT, Test, baseline, block_on, code, email};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("maildev_2", maildev_2),
    ("mailpit", mailpit),
    ("mailhog", mailhog),
    ("mailosaur", mailosaur),
    ("mailslurp", mailslurp),
    ("mailtrap", mailtrap),
    ("testmail", testmail),
    ("twilio", twilio),
    ("every_preset_has_a_test", every_preset_has_a_test),
    ("refusals_and_passing_trouble", refusals_and_passing_trouble),
];

const ANN: &str = "ann+1@x.example";

/// A service that has one old message when it is asked first, and a new one besides afterwards.
struct Played {
    server: MockServer,
    source: CodeSource,
}

impl Played {
    async fn start(preset: &str, parameters: &[(&str, &str)]) -> Result<Self, Failed> {
        let server = MockServer::start().await;
        let mut shape = Shape::preset(preset).ok_or("no such preset")?;
        shape.base = server.uri();
        let parameters: BTreeMap<_, _> = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned())))
            .collect();
        let interval = Some(Duration::from_millis(20));
        let http = Http::new(shape, parameters, Pattern::SixDigits, None, interval)?;
        Ok(Self { server, source: CodeSource::Http(Box::new(http)) })
    }

    /// What a list is at first, and from then on.
    async fn lists(
        &self,
        request: impl Fn() -> wiremock::MockBuilder,
        before: Value,
        after: Value,
    ) {
        let answer = |body| ResponseTemplate::new(200).set_body_json(body);
        let first = request().respond_with(answer(before)).up_to_n_times(1).with_priority(1);
        first.mount(&self.server).await;
        request().respond_with(answer(after)).with_priority(2).mount(&self.server).await;
    }

    async fn shows(&self, place: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method("GET")).and(path(place)).respond_with(answer);
        mock.mount(&self.server).await;
    }

    async fn finds(&self, address: &Address, expected: &str) -> Result<(), Failed> {
        let since = baseline(&self.source, address).await?;
        assert_eq!(code(&self.source, address, &since, ENOUGH).await?, expected);
        Ok(())
    }
}

fn get(place: &'static str) -> wiremock::MockBuilder {
    Mock::given(method("GET")).and(path(place))
}

fn maildev_2() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("maildev-2", &[]).await?;
        let mail = |id: &str, text: &str| json!({"id": id, "time": "2026-01-01T00:00:00.000Z", "to": [{"address": ANN}], "text": text});
        let request = || get("/email").and(query_param("to.address", ANN));
        let [old, new, newest] =
            [mail("a", "code 111111"), mail("b", "code 222222"), mail("c", "code 333333")];
        played.lists(request, json!([old]), json!([old, new, newest])).await;
        played.finds(&email(ANN), "333333").await
    })
}

fn mailpit() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("mailpit", &[]).await?;
        let mail = |id: &str, to: &str| {
            json!({"ID": id, "Created": "2026-01-01T00:00:00Z", "To": [{"Name": "", "Address": to}],
                "Subject": "Your code", "Snippet": "Your code"})
        };
        let old = mail("old", ANN);
        // The search finds a part of the address too.
        let after =
            json!({"messages": [mail("other", "joann+1@x.example"), mail("new", ANN), old]});
        let request = || get("/api/v1/search").and(query_param("query", "to:\"ann+1@x.example\""));
        played.lists(request, json!({"messages": [old]}), after).await;
        let shown = json!({"ID": "new", "Text": "Your code is 482913.", "HTML": ""});
        played.shows("/api/v1/message/new", ResponseTemplate::new(200).set_body_json(shown)).await;
        played.finds(&email(ANN), "482913").await
    })
}

fn mailhog() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("mailhog", &[]).await?;
        let mail = |id: &str| {
            json!({"ID": id, "Created": "2026-01-01T00:00:00Z",
                "Content": {"Headers": {"To": [format!("Ann <{ANN}>")]}, "Body": "Code =\r\n111111"}})
        };
        let request =
            || get("/api/v2/search").and(query_param("kind", "to")).and(query_param("query", ANN));
        let after = json!({"items": [mail("new"), mail("old")]});
        played.lists(request, json!({"items": [mail("old")]}), after).await;
        let raw = "To: list@x.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\
                   Content-Transfer-Encoding: quoted-printable\r\n\r\nYour code=3A 48291=\r\n3\r\n";
        let answer = ResponseTemplate::new(200).set_body_string(raw);
        played.shows("/api/v1/messages/new/download", answer).await;
        played.finds(&email(ANN), "482913").await
    })
}

fn mailosaur() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("mailosaur", &[("key", "k"), ("server", "abc")]).await?;
        let mail = |id: &str| {
            json!({"id": id, "received": "2026-01-01T00:00:00Z", "to": [{"name": "", "email": ANN}],
                "subject": "Your code"})
        };
        let request = || {
            Mock::given(method("POST"))
                .and(path("/api/messages/search"))
                .and(query_param("server", "abc"))
                .and(wiremock::matchers::body_json(json!({"sentTo": ANN})))
                // `k:` in base64.
                .and(header("authorization", "Basic azo="))
        };
        let after = json!({"items": [mail("new"), mail("old")]});
        played.lists(request, json!({"items": [mail("old")]}), after).await;
        let shown = json!({"id": "new", "html": {"body": "<p>482913</p>"}, "text": {"body": ""}});
        played.shows("/api/messages/new", ResponseTemplate::new(200).set_body_json(shown)).await;
        played.finds(&email(ANN), "482913").await
    })
}

fn mailslurp() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("mailslurp", &[("key", "k"), ("inbox", "i-1")]).await?;
        let request = || {
            get("/waitForLatestEmail")
                .and(query_param("inboxId", "i-1"))
                .and(header("x-api-key", "k"))
        };
        let nothing = request().respond_with(ResponseTemplate::new(404));
        nothing.up_to_n_times(2).with_priority(1).mount(&played.server).await;
        let mail = json!({"id": "m", "to": [ANN], "subject": "Your code", "body": "<p>482913</p>",
            "createdAt": "2026-01-01T00:00:00.000Z"});
        let answer = ResponseTemplate::new(200).set_body_json(mail);
        request().respond_with(answer).with_priority(2).mount(&played.server).await;
        played.finds(&email(ANN), "482913").await
    })
}

fn mailtrap() -> Result<(), Failed> {
    block_on(async {
        let parameters = [("key", "k"), ("account", "1"), ("inbox", "2")];
        let played = Played::start("mailtrap", &parameters).await?;
        let mail = |id: u32| {
            json!({"id": id, "to_email": ANN, "created_at": "2026-01-01T00:00:00.000Z",
                "subject": "Your code", "html_path": format!("/api/accounts/1/inboxes/2/messages/{id}/body.html")})
        };
        let request = || {
            get("/api/accounts/1/inboxes/2/messages")
                .and(query_param("search", ANN))
                .and(header("Api-Token", "k"))
        };
        played.lists(request, json!([mail(7)]), json!([mail(8), mail(7)])).await;
        let html = ResponseTemplate::new(200).set_body_string("<td>1</td><td>482913</td>");
        played.shows("/api/accounts/1/inboxes/2/messages/8/body.html", html).await;
        played.finds(&email(ANN), "482913").await
    })
}

fn testmail() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("testmail", &[("key", "k"), ("namespace", "ns")]).await?;
        let to = "ns.ann-1@inbox.testmail.app";
        let mail = |id: &str, text: &str| {
            json!({"downloadUrl": id, "to": to, "timestamp": 1_767_225_600_000_u64, "subject": "Hi",
                "text": text})
        };
        let request = || {
            get("/api/json")
                .and(query_param("apikey", "k"))
                .and(query_param("namespace", "ns"))
                .and(query_param("tag", "ann-1"))
        };
        let old = mail("old", "111111");
        let after = json!({"emails": [mail("new", "482913"), old]});
        played.lists(request, json!({"emails": [old]}), after).await;
        played.finds(&email(to), "482913").await
    })
}

fn twilio() -> Result<(), Failed> {
    block_on(async {
        let played = Played::start("twilio", &[("sid", "AC1"), ("token", "t")]).await?;
        let text = |id: &str, text: &str| {
            json!({"sid": id, "to": "+15550000001", "date_sent": "Thu, 01 Jan 2026 00:00:00 +0000",
                "body": text})
        };
        let request = || {
            get("/2010-04-01/Accounts/AC1/Messages.json")
                .and(query_param("To", "+15550000001"))
                // `AC1:t` in base64.
                .and(header("authorization", "Basic QUMxOnQ="))
        };
        let old = text("SM1", "111111 is your code");
        let after = json!({"messages": [text("SM2", "482913 is your code"), old]});
        played.lists(request, json!({"messages": [old]}), after).await;
        played.finds(&Address::Sms("+15550000001".to_owned()), "482913").await
    })
}

fn every_preset_has_a_test() -> Result<(), Failed> {
    for preset in Shape::PRESETS {
        Shape::preset(preset.name).ok_or(preset.name)?;
        let name = preset.name.replace('-', "_");
        // That one is run.
        assert!(name == "maildev" || TESTS.iter().any(|(test, _)| *test == name), "{name}");
    }
    Ok(())
}

fn refusals_and_passing_trouble() -> Result<(), Failed> {
    block_on(async {
        let ann = email(ANN);
        for (status, body, cause) in [
            (401, "secret-7", "it has answered 401"),
            (404, "", "it has answered 404"),
            (200, "secret-7", "it has answered what is no JSON"),
        ] {
            let played =
                Played::start("testmail", &[("key", "secret-7"), ("namespace", "n")]).await?;
            let answer = ResponseTemplate::new(status).set_body_string(body);
            Mock::given(any()).respond_with(answer).mount(&played.server).await;
            let error = baseline(&played.source, &ann).await.expect_err("a refusal").to_string();
            assert!(error.ends_with(cause) && !error.contains("secret-7"), "{error}");
        }
        let played = Played::start("maildev", &[]).await?;
        let request = || get("/api/email");
        let mail = json!({"id": "a", "to": [{"address": ANN}], "text": "482913"});
        let [none, busy, found] = [
            ResponseTemplate::new(200).set_body_json(json!([])),
            ResponseTemplate::new(503),
            ResponseTemplate::new(200).set_body_json(json!([mail])),
        ];
        request().respond_with(none).up_to_n_times(1).with_priority(1).mount(&played.server).await;
        request()
            .respond_with(busy.clone())
            .up_to_n_times(2)
            .with_priority(2)
            .mount(&played.server)
            .await;
        request().respond_with(found).with_priority(3).mount(&played.server).await;
        played.finds(&ann, "482913").await?;
        let played = Played::start("maildev", &[]).await?;
        let none = ResponseTemplate::new(200).set_body_json(json!([]));
        request().respond_with(none).up_to_n_times(1).with_priority(1).mount(&played.server).await;
        request().respond_with(busy).with_priority(2).mount(&played.server).await;
        let since = baseline(&played.source, &ann).await?;
        let Err(NoCode::Unavailable { cause, .. }) =
            code(&played.source, &ann, &since, SHORT).await
        else {
            return Err("trouble that stays is an error".into());
        };
        assert_eq!(cause, "it has answered 503");
        Ok(())
    })
}
