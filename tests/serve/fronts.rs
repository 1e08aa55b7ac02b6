//! One table of calls, answered by the tenant itself and through each front: the answers are the same to the byte.

use countersign::{
    clock::{SeededEntropy, Timestamp, VirtualClock},
    emulator::Scheme,
    exchange::{Request, Response},
    serve::{Hosted, Identity, Options, Server, Service, Setup, Transport},
};

use crate::{
    calls::{DOMAIN, Run, SEED},
    tls::trusting,
};

/// What a client gets, but for what belongs to the connection.
fn compared((name, response): (String, Response)) -> (String, u16, Vec<(String, String)>, String) {
    let headers = response.headers.iter().filter(|(name, _)| {
        !["date", "content-length", "connection", "transfer-encoding"].contains(name)
    });
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.sort();
    (name, response.status, headers, String::from_utf8_lossy(&response.body).into_owned())
}

/// Sends with a real client to `url`, under the domain.
fn sender(client: reqwest::Client, url: String) -> impl FnMut(&Request) -> Response {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    move |request| {
        let method = request.method.parse().expect("a method");
        let mut builder = client.request(method, format!("{url}{}", request.path));
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        let sent = builder.body(request.body.clone()).send();
        let got = async {
            let answer = sent.await?;
            let mut response = Response { status: answer.status().as_u16(), ..Response::default() };
            for (name, value) in answer.headers() {
                response.headers.append(name.as_str(), value.to_str().expect("text"));
            }
            response.body = answer.bytes().await?.into();
            Ok::<_, reqwest::Error>(response)
        };
        runtime.block_on(got).expect("an answer")
    }
}

/// The tenant of a service of this seed, by itself.
fn tenant() -> Hosted {
    let emulator = Setup::new(SEED).emulator.reached_at(Scheme::Https, DOMAIN);
    Hosted::new(emulator, VirtualClock::starting_at(Timestamp::from_millis(0)), entropy())
}

/// What a service of this seed draws from: not the sequence that its applications were made of.
fn entropy() -> SeededEntropy {
    SeededEntropy::new(!SEED)
}

fn served(transport: Transport) -> Service {
    let domain = Some(DOMAIN.to_owned());
    Service::start(Options { transport, domain, ..Options::new(SEED) }).expect("a service")
}

fn by_itself() -> Vec<(String, Response)> {
    let tenant = tenant();
    Run::new(tenant.clone()).answers(|request| tenant.answer(request))
}

fn assert_same(answers: Vec<(String, Response)>) {
    let expected = by_itself();
    assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.into_iter().zip(expected) {
        assert_eq!(compared(answer), compared(expected));
    }
}

#[test]
fn the_front_of_a_run_answers_as_the_tenant_does() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::start()).expect("a server");
    let tenant = tenant();
    server.add(DOMAIN, tenant.clone());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("http://{}", server.address());
    assert_same(Run::new(tenant).answers(sender(client, url)));
}

#[test]
fn a_service_answers_as_the_tenant_does() {
    let service = served(Transport::Plain);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert_same(Run::new(service.tenant().clone()).answers(sender(client, service.url())));
}

#[test]
fn a_service_with_tls_answers_as_the_tenant_does() {
    let service = served(Transport::Tls(Identity::made(&[]).expect("an identity")));
    let client = trusting(service.authority().expect("an authority"));
    assert_same(Run::new(service.tenant().clone()).answers(sender(client, service.url())));
}
