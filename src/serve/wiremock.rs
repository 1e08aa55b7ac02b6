//! Emulated tenants behind one wiremock server: a request goes to the tenant whose domain is its `Host`.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, PoisonError, RwLock},
};

use wiremock::{Mock, MockServer, Respond, ResponseTemplate, matchers::any};

use super::{Hosted, fault::Delivery};
use crate::exchange::{Request, Response};

type Tenants = Arc<RwLock<HashMap<String, Hosted>>>;

/// A server on loopback for any number of emulated tenants.
pub struct Server {
    address: SocketAddr,
    tenants: Tenants,
    _server: MockServer,
}

impl Server {
    /// Starts a server on a free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let server =
            MockServer::builder().listener(listener).disable_request_recording().start().await;
        let tenants = Tenants::default();
        Mock::given(any()).respond_with(Front(Arc::clone(&tenants))).mount(&server).await;
        Ok(Self { address, tenants, _server: server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves a tenant under its domain, in place of any that has it.
    pub fn add(&self, domain: &str, tenant: Hosted) {
        self.tenants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(domain.to_owned(), tenant);
    }

    /// Serves a tenant no longer.
    pub fn remove(&self, domain: &str) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(domain);
    }
}

struct Front(Tenants);

impl Respond for Front {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let host = request.headers.get("host").and_then(|host| host.to_str().ok());
        let tenants = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let tenant = host.and_then(|host| tenants.get(host)).cloned();
        drop(tenants);
        match tenant {
            Some(tenant) => match tenant.deliver(&convert(request)) {
                Delivery::Whole(response, after) => {
                    let template = template(&response);
                    if after.is_zero() { template } else { template.set_delay(after) }
                }
                // wiremock cannot close a connection in the middle of an answer. A scenario has no
                // such fault: there would be nothing to judge.
                Delivery::Half(_) | Delivery::Nothing => ResponseTemplate::new(501)
                    .set_body_string("this server cannot break a connection"),
            },
            None => ResponseTemplate::new(421).set_body_string("there is no tenant of this domain"),
        }
    }
}

fn convert(request: &wiremock::Request) -> Request {
    let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("{}{query}", request.url.path());
    let mut converted = Request::new(request.method.as_str(), path);
    for (name, value) in &request.headers {
        converted.headers.append(name.as_str(), String::from_utf8_lossy(value.as_bytes()));
    }
    converted.body.clone_from(&request.body);
    converted
}

fn template(response: &Response) -> ResponseTemplate {
    // The type of a raw body is wiremock's to set; the emulator has set it among the headers.
    let template = ResponseTemplate::new(response.status);
    let template = if response.body.is_empty() {
        template
    } else {
        let mime = response.headers.get("content-type").unwrap_or_default();
        template.set_body_raw(response.body.clone(), mime)
    };
    response
        .headers
        .iter()
        .filter(|(name, _)| *name != "content-type")
        .fold(template, |template, (name, value)| template.append_header(name, value))
}
