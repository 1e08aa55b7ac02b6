//! An HTTP API that no preset knows, described in `countersign.yaml`: its messages have no ids, but times.

use std::collections::BTreeMap;

use countersign::{
    codes::{Address, CodeSource},
    config,
    scenario::Channel,
    source::Sources,
};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path, query_param},
};

use crate::{ENOUGH, Test, baseline, block_on, code};

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("the_newest_of_a_channel", || finds("newest: last, id: $.at", true)),
    ("the_newest_by_its_time", || finds("time: $.at, id: $.at", false)),
    ("an_id_of_several_values", || finds("newest: last, id: \"$['at', 'code']\"", true)),
    ("a_whole_message_elsewhere", a_whole_message_elsewhere),
    ("messages_without_ids", messages_without_ids),
];

const NUMBER: &str = "+15550000001";

fn described(url: &str, more: &str) -> Result<CodeSource, Failed> {
    let text = format!(
        r#"
targets:
  here:
    domain: tenant.example
    client: {{id: app, public: true}}
    users: [{{email: ann@x.example, password: "${{PASSWORD}}"}}]
    codes:
      sms: {{kind: http, address: "{NUMBER}", every: 20ms, url: "{url}", list: "$[?@.channel=='sms']", {more}}}
"#
    );
    let mut sources = Sources::default();
    let source = sources.add("countersign.yaml", text);
    let variables = BTreeMap::from([("PASSWORD".to_owned(), "x".to_owned())]);
    let mut problems = Vec::new();
    let spec = config::read(source, &mut sources, &variables, "here", &mut problems);
    assert_eq!(problems, []);
    let mut opened = spec.ok_or("no target")?.open_codes();
    Ok(opened.remove(&Channel::Sms).ok_or("no source")??)
}

fn message(at: u64, channel: &str, code: &str) -> Value {
    json!({"at": at, "channel": channel, "to": NUMBER, "code": code, "subject": null,
        "text": format!("Your code is {code}."), "html": null})
}

/// An outbox with one message at first, and then with more; none of the other channels' is taken.
fn finds(more: &'static str, is_oldest_first: bool) -> Result<(), Failed> {
    block_on(async {
        let server = MockServer::start().await;
        let start = 1_767_225_600_000;
        let old = message(start, "sms", "111111");
        let mut after = vec![
            old.clone(),
            message(start + 1, "sms", "222222"),
            message(start + 2, "sms", "333333"),
            message(start + 3, "voice", "444444"),
        ];
        if !is_oldest_first {
            after.swap(1, 2);
        }
        let list =
            || Mock::given(method("GET")).and(path("/outbox")).and(query_param("to", NUMBER));
        let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
        let first = list().respond_with(answer(json!([old]))).up_to_n_times(1).with_priority(1);
        first.mount(&server).await;
        list().respond_with(answer(json!(after))).with_priority(2).mount(&server).await;
        let url = format!("{}/outbox?to={{recipient}}", server.uri());
        let source =
            described(&url, &format!("recipient: $.to, text: [$.text], html: [$.html], {more}"))?;
        let number = Address::Sms(NUMBER.to_owned());
        let since = baseline(&source, &number).await?;
        assert_eq!(code(&source, &number, &since, ENOUGH).await?, "333333");
        Ok(())
    })
}

fn a_whole_message_elsewhere() -> Result<(), Failed> {
    block_on(async {
        let (lists, messages) = (MockServer::start().await, MockServer::start().await);
        let answer = ResponseTemplate::new(200).set_body_json(json!([message(7, "sms", "111111")]));
        let none = ResponseTemplate::new(200).set_body_json(json!([]));
        let list = || Mock::given(method("POST")).and(path("/list"));
        list().respond_with(none).up_to_n_times(1).with_priority(1).mount(&lists).await;
        list().respond_with(answer).with_priority(2).mount(&lists).await;
        let text = |_: &Request| ResponseTemplate::new(200).set_body_string("It is 482913.");
        Mock::given(path("/message/7")).respond_with(text).mount(&messages).await;
        let more = format!(
            "body: '{{\"to\": \"{{recipient}}\"}}', headers: {{content-type: application/vnd.x+json}}, \
             id: $.at, then: {{url: \"{}/message/{{id}}\", response: text}}",
            messages.uri()
        );
        let source = described(&format!("{}/list", lists.uri()), &more)?;
        let number = Address::Sms(NUMBER.to_owned());
        let since = baseline(&source, &number).await?;
        assert_eq!(code(&source, &number, &since, ENOUGH).await?, "482913");
        let asked = lists.received_requests().await.ok_or("no requests")?;
        assert_eq!(asked[0].body, format!("{{\"to\": \"{NUMBER}\"}}").as_bytes());
        let types: Vec<_> = asked[0].headers.get_all("content-type").iter().collect();
        assert_eq!(types, ["application/vnd.x+json"]);
        Ok(())
    })
}

fn messages_without_ids() -> Result<(), Failed> {
    block_on(async {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_json(json!([message(7, "sms", "111111")]));
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        let url = format!("{}/?to={{recipient}}", server.uri());
        let source = described(&url, "text: [$.text]")?;
        let error = baseline(&source, &Address::Sms(NUMBER.to_owned())).await;
        let error = error.expect_err("no ids").to_string();
        assert!(error.ends_with("cannot be read: a message in its list has no id"), "{error}");
        Ok(())
    })
}
