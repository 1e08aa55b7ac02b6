//! A whole enrolment by e-mail as a program sees it, from within a runtime and from a browser's page.

use countersign::{
    emulator::NewUser,
    serve::{Options, Service},
};
use serde_json::{Value, json};

use crate::drive::call;

const USER: &str = "ada+first@example.com";

#[tokio::test]
async fn an_address_is_enrolled_over_the_wire() {
    let service = Service::start(Options::default()).expect("a service");
    enrol(&service, &reqwest::Client::new()).await;
}

/// Logs in, associates the address, reads the code that was sent, and confirms it.
pub(crate) async fn enrol(service: &Service, client: &reqwest::Client) {
    service.tenant().add_user(NewUser::new(USER, "correct horse"));
    let application = &service.clients().application;
    let secret = application.secret().expect("a secret").expose();
    let url = service.url();
    let post = |request: reqwest::RequestBuilder, body: Value| async move {
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str::<Value>(&text).expect("JSON"))
    };

    let login = json!({
        "grant_type": "password",
        "client_id": application.id,
        "client_secret": secret,
        "username": USER,
        "password": "correct horse",
        "scope": "openid",
    });
    let (status, refused) = post(client.post(format!("{url}/oauth/token")), login).await;
    assert_eq!((status, &refused["error"]), (403, &json!("mfa_required")), "{refused}");
    let mfa_token = refused["mfa_token"].as_str().expect("a token");

    let associate = client.post(format!("{url}/mfa/associate")).bearer_auth(mfa_token);
    let channels = json!({"authenticator_types": ["oob"], "oob_channels": ["email"]});
    let (status, associated) = post(associate, channels).await;
    assert_eq!(status, 200, "{associated}");

    let outbox = client.get(format!("{}/outbox?to={USER}", service.control()));
    let sent = outbox.send().await.expect("an answer").text().await.expect("a body");
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    let [message] = sent.as_array().expect("an array").as_slice() else { panic!("{sent}") };
    let code = message["code"].as_str().expect("a code");
    for part in ["text", "html"] {
        assert!(message[part].as_str().is_some_and(|text| text.contains(code)), "{message}");
    }
    assert_eq!((&message["channel"], &message["to"]), (&json!("email"), &json!(USER)));
    assert!(message["subject"].is_string() && message["at"].is_u64(), "{message}");
    assert_eq!(service.tenant().outbox().len(), 1);

    let confirm = json!({
        "grant_type": "http://auth0.com/oauth/grant-type/mfa-oob",
        "client_id": application.id,
        "client_secret": secret,
        "mfa_token": mfa_token,
        "oob_code": associated["oob_code"],
        "binding_code": code,
    });
    let (status, tokens) = post(client.post(format!("{url}/oauth/token")), confirm).await;
    assert_eq!((status, &tokens["token_type"]), (200, &json!("Bearer")), "{tokens}");
}

#[test]
fn the_issuer_follows_the_host_unless_there_is_a_domain() {
    let issuer = |url: &str, headers: &[&str]| {
        call(url, "GET /.well-known/openid-configuration", headers, "").json()["issuer"].clone()
    };
    let service = Service::start(Options::new(1)).expect("a service");
    let url = service.url();
    assert_eq!(service.issuer(), format!("{url}/"));
    assert_eq!(issuer(&url, &[]), service.issuer());
    assert_eq!(issuer(&url, &["host: auth.test:9"]), "http://auth.test:9/");

    let domain = Some("tenant.example".to_owned());
    let service = Service::start(Options { domain, ..Options::new(1) }).expect("a service");
    assert_eq!(service.issuer(), "https://tenant.example/");
    assert_eq!(issuer(&service.url(), &["host: auth.test:9"]), service.issuer());
}

#[test]
fn a_page_of_any_origin_may_call_the_tenant() {
    let service = Service::start(Options::new(1)).expect("a service");
    let url = service.url();
    let page = "origin: http://localhost:3000";
    let asks = [page, "access-control-request-method: POST"];
    let allowed = call(&url, "OPTIONS /oauth/token", &asks, "");
    assert_eq!((allowed.status, allowed.body.as_str()), (204, ""));
    for line in [
        "access-control-allow-origin: http://localhost:3000",
        "access-control-allow-headers: authorization, content-type, auth0-client",
        "access-control-allow-methods: get, post, put, patch, delete",
        "access-control-max-age: 600",
        "vary: origin",
    ] {
        assert!(allowed.head.contains(line), "{line}: {allowed:?}");
    }
    // Its libraries read the errors too.
    let refused = call(&url, "POST /oauth/token", &[page], "");
    assert_eq!(refused.status, 400);
    assert!(refused.head.contains("access-control-allow-origin: http://localhost:3000"));
    let same = call(&url, "POST /oauth/token", &[], "");
    assert!(!same.head.contains("access-control"), "{same:?}");
    // One that asks for nothing is no preflight.
    assert_eq!(call(&url, "OPTIONS /oauth/token", &[page], "").status, 405);
}
