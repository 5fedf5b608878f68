//! Decisions for other proxies, on listeners of their own: the same table, the same policies.
//!
//! Each listener is for one product, so which header tells the original request is never a guess.
//! Decides nothing itself: a question becomes a request that the gateway judges, or is refused.

mod claims;
mod envoy;
mod evaluation;
mod message;
mod original;
mod search;

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request;
use hyper::{Request, Response, StatusCode};
use tokio::time::timeout;

use crate::gateway::{Answering, Gateway, InvalidQuestion, Rejection, ResponseBody, Verdict};
use crate::proxy::{AnswerFailure, MAX_HEAD, Peer};
use crate::server::{self, Address, Handler, Networks};
use crate::table::MAX_JSON_BODY;
use crate::tls;

/// The most bytes of a question: a request's head and a body that decides, as JSON writes them.
const MAX_QUESTION: usize = 2 * (MAX_HEAD + MAX_JSON_BODY);
/// The most connections of a listener: proxies keep theirs.
const CONNECTIONS: usize = 1024;
/// The most questions of one connection at once.
const STREAMS: u32 = 1000;

/// Who asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Product {
    /// Envoy's `ext_authz` over gRPC.
    EnvoyGrpc,
    /// Envoy's `ext_authz` over HTTP, without `path_prefix`.
    EnvoyHttp,
    /// Traefik's `ForwardAuth`.
    Traefik,
    /// nginx's `auth_request`, with the two headers that its config has to set.
    Nginx,
    /// Caddy's `forward_auth`.
    Caddy,
    /// Whoever speaks `OpenID` `AuthZEN` 1.0.
    Authzen,
}

impl Product {
    const ALL: [Self; 6] = [
        Self::EnvoyGrpc,
        Self::EnvoyHttp,
        Self::Traefik,
        Self::Nginx,
        Self::Caddy,
        Self::Authzen,
    ];

    /// As the config and the audit call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::EnvoyGrpc => "envoy-grpc",
            Self::EnvoyHttp => "envoy-http",
            Self::Traefik => "traefik",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Authzen => "authzen",
        }
    }
}

/// Not a [`Product`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no such product")]
pub struct InvalidProduct;

impl FromStr for Product {
    type Err = InvalidProduct;

    fn from_str(name: &str) -> Result<Self, InvalidProduct> {
        let mut all = Self::ALL.into_iter();
        all.find(|product| product.name() == name)
            .ok_or(InvalidProduct)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where it listens.
    pub address: Address,
    /// Who asks there; nobody else is understood.
    pub product: Product,
    /// From where it may ask.
    pub trusted: Networks,
    /// TLS, with certificates of askers where they are to show one.
    pub tls: Option<tls::ServerSettings>,
    /// Whether an `AuthZEN` subject may be claims that nobody has verified.
    pub believe_claims: bool,
}

impl Settings {
    /// How its askers are served, where clients are served as `listen` says.
    pub fn server(&self, listen: &server::Settings) -> server::Settings {
        server::Settings {
            tls: self.tls.clone(),
            workers: listen.workers,
            unix_mode: listen.unix_mode,
            client_timeout: listen.client_timeout,
            header_timeout: listen.header_timeout,
            stop_delay: listen.stop_delay,
            drain_timeout: listen.drain_timeout,
            max_connections: CONNECTIONS,
            // They are few and known; to end their connections would only cost them questions.
            max_requests_per_connection: usize::MAX,
            http2_streams: STREAMS,
            ..server::Settings::new(vec![self.address.clone()])
        }
    }
}

/// Answers the questions of one listener.
#[derive(Debug)]
pub struct Authorizer {
    product: Product,
    trusted: Networks,
    believes_claims: bool,
    patience: Duration,
}

impl Authorizer {
    /// For the listener with these settings, where a question may take so long to come.
    pub fn new(settings: &Settings, patience: Duration) -> Self {
        Self {
            patience,
            product: settings.product,
            trusted: settings.trusted.clone(),
            believes_claims: settings.believe_claims,
        }
    }
}

type TextBody = UnsyncBoxBody<Bytes, AnswerFailure>;

/// Who asks, and whom.
#[derive(Clone)]
struct Asker {
    gateway: Rc<Gateway>,
    peer: Rc<Peer>,
    product: Product,
    /// How long a question may take to come.
    patience: Duration,
}

impl Asker {
    /// All of a body of at most `most` bytes; else none, and `body` still has the rest.
    async fn read(&self, body: &mut Option<Incoming>, most: usize) -> Option<Bytes> {
        let whole = Limited::new(body.as_mut()?, most).collect();
        let bytes = timeout(self.patience, whole).await.ok()?.ok()?.to_bytes();
        *body = None;
        Some(bytes)
    }

    /// `head` is the asker's own.
    fn refuse(&self, error: impl Into<Rejection>, head: &request::Parts) -> Verdict {
        let asked = (head, &*self.peer);
        self.gateway
            .refuse_question(error, asked, self.product.name())
    }
}

impl Handler for Authorizer {
    fn handle(
        &self,
        gateway: &Rc<Gateway>,
        request: Request<Incoming>,
        peer: &Rc<Peer>,
    ) -> Answering {
        let running = peer.begin(!request.body().is_end_stream());
        let asker = Asker {
            gateway: Rc::clone(gateway),
            peer: Rc::clone(peer),
            product: self.product,
            patience: self.patience,
        };
        let is_trusted = self.trusted.contain(peer.address());
        let believes_claims = self.believes_claims;
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let mut body = Some(body);
            let mut response = if is_trusted {
                answer(&asker, head, &mut body, believes_claims).await
            } else {
                let error = InvalidQuestion::Untrusted(asker.peer.address());
                text(asker.refuse(error, &head).response)
            };
            match body.is_none_or(|body| body.is_end_stream()) {
                true => running.body_is_whole(),
                // Nobody has read it, and nothing may be taken for what follows.
                false => {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
            }
            (response.map(|body| ResponseBody::told(body, running)), None)
        })
    }
}

async fn answer(
    asker: &Asker,
    head: request::Parts,
    body: &mut Option<Incoming>,
    believes_claims: bool,
) -> Response<TextBody> {
    match asker.product {
        Product::EnvoyGrpc => envoy::answer(asker, head, body).await,
        Product::Authzen => evaluation::answer(asker, &head, body, believes_claims).await,
        Product::EnvoyHttp | Product::Traefik | Product::Nginx | Product::Caddy => {
            let verdict = match original::read(asker, &head, body).await {
                Ok(question) => {
                    let (peer, product) = (&asker.peer, asker.product.name());
                    asker.gateway.judge(question, peer, product).await
                }
                Err(error) => asker.refuse(error, &head),
            };
            text(for_product(verdict.response, asker.product))
        }
    }
}

/// nginx takes 401 and 403 for a refusal, and every other one for a failure of its own.
fn for_product(mut response: Response<Bytes>, product: Product) -> Response<Bytes> {
    let status = response.status();
    if product == Product::Nginx && !status.is_success() && status != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

fn text(response: Response<Bytes>) -> Response<TextBody> {
    response.map(|text| {
        Full::new(text)
            .map_err(|never| match never {})
            .boxed_unsync()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_have_their_names() {
        for product in Product::ALL {
            assert_eq!(product.to_string().parse(), Ok(product));
        }
        assert_eq!("envoy".parse::<Product>(), Err(InvalidProduct));
    }

    #[test]
    fn nginx_is_told_what_it_understands() {
        let cases = [
            (Product::Nginx, 200, 200),
            (Product::Nginx, 401, 401),
            (Product::Nginx, 404, 403),
            (Product::Nginx, 503, 403),
            (Product::Traefik, 404, 404),
            (Product::EnvoyHttp, 503, 503),
        ];
        for (product, status, expected) in cases {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            let told = for_product(response, product);
            assert_eq!(told.status(), expected, "{product} {status}");
        }
    }
}
