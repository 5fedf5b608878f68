//! The original request in an HTTP question: where each product puts it, and nowhere else.

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use hyper::http::request;
use hyper::{HeaderMap, Method};

use super::{Asker, Product};
use crate::gateway::{InvalidQuestion, Question, QuestionBody};
use crate::table::MAX_JSON_BODY;

/// Envoy's word on the body that it has sent along; a client's is not passed on.
pub const X_ENVOY_AUTH_PARTIAL_BODY: HeaderName =
    HeaderName::from_static("x-envoy-auth-partial-body");

/// One fact of the original request, and the header that alone tells it.
struct Told {
    header: HeaderName,
    /// As messages call it.
    name: &'static str,
}

const fn told(header: &'static str, name: &'static str) -> Told {
    Told {
        header: HeaderName::from_static(header),
        name,
    }
}

/// What a product sets on each question. Where it sets nothing, the question's own is the original.
struct Sources {
    method: Option<Told>,
    target: Option<Told>,
    host: Option<Told>,
    /// Its last address is the one that the product itself has seen.
    client: Option<HeaderName>,
}

impl Sources {
    fn of(product: Product) -> Self {
        match product {
            Product::Traefik | Product::Caddy => Self {
                method: Some(told("x-forwarded-method", "`X-Forwarded-Method` header")),
                target: Some(told("x-forwarded-uri", "`X-Forwarded-Uri` header")),
                host: Some(told("x-forwarded-host", "`X-Forwarded-Host` header")),
                client: Some(HeaderName::from_static("x-forwarded-for")),
            },
            Product::Nginx => Self {
                method: Some(told("x-original-method", "`X-Original-Method` header")),
                target: Some(told("x-original-uri", "`X-Original-URI` header")),
                host: None,
                client: Some(HeaderName::from_static("x-real-ip")),
            },
            Product::EnvoyHttp | Product::EnvoyGrpc | Product::Authzen => Self {
                method: None,
                target: None,
                host: None,
                // Envoy leaves `X-Forwarded-For` as the client sent it, unless it is told not to.
                client: None,
            },
        }
    }

    fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        let facts = [&self.method, &self.target, &self.host];
        facts.into_iter().flatten().map(|told| &told.header)
    }
}

/// Reads the original request of a question.
pub async fn read(
    asker: &Asker,
    head: &request::Parts,
    body: &mut Option<Incoming>,
) -> Result<Question, InvalidQuestion> {
    let sources = Sources::of(asker.product);
    let method = match &sources.method {
        Some(told) => Method::from_bytes(only(&head.headers, told)?.as_bytes())
            .map_err(|_| InvalidQuestion::Unreadable(told.name))?,
        None => head.method.clone(),
    };
    let target = match &sources.target {
        Some(told) => text(&head.headers, told)?.to_owned(),
        None => {
            let target = head.uri.path_and_query();
            target.map_or_else(String::new, ToString::to_string)
        }
    };
    let host = match (&sources.host, head.uri.authority()) {
        (Some(told), _) => Some(only(&head.headers, told)?.clone()),
        // HTTP/2 may say it there only.
        (None, Some(authority)) if !head.headers.contains_key(HOST) => {
            HeaderValue::from_str(authority.as_str()).ok()
        }
        (None, _) => None,
    };
    let client = sources.client.as_ref();
    let client = client.and_then(|name| head.headers.get_all(name).iter().next_back());
    let client = client.and_then(|list| list.to_str().ok()?.rsplit(',').next());
    let client = client.and_then(|address| address.trim().parse().ok());
    let told = match asker.product {
        Product::EnvoyHttp => envoy_body(asker, &head.headers, body).await?,
        Product::Traefik => traefik_body(asker, body).await,
        // They cannot send one.
        Product::Nginx | Product::Caddy | Product::EnvoyGrpc | Product::Authzen => {
            QuestionBody::Unknown
        }
    };
    let mut headers = head.headers.clone();
    for name in sources.headers().chain(&OWN) {
        headers.remove(name);
    }
    if let Some(host) = host {
        headers.insert(HOST, host);
    }
    Ok(Question {
        method,
        target,
        headers,
        body: told,
        client,
        subject: None,
        caller: None,
    })
}

/// What is about the question itself, not about the request.
const OWN: [HeaderName; 7] = [
    CONNECTION,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    X_ENVOY_AUTH_PARTIAL_BODY,
];

/// The only header of the name: with two, one may be the client's.
fn only<'a>(headers: &'a HeaderMap, told: &Told) -> Result<&'a HeaderValue, InvalidQuestion> {
    let mut values = headers.get_all(&told.header).iter();
    let value = values.next().ok_or(InvalidQuestion::Missing(told.name))?;
    match values.next() {
        None => Ok(value),
        Some(_) => Err(InvalidQuestion::Repeated(told.name)),
    }
}

fn text<'a>(headers: &'a HeaderMap, told: &Told) -> Result<&'a str, InvalidQuestion> {
    let value = only(headers, told)?.as_bytes();
    std::str::from_utf8(value).map_err(|_| InvalidQuestion::Unreadable(told.name))
}

/// How much of the body Envoy says to have sent, with `with_request_body`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sent {
    Nothing,
    Beginning,
    All,
}

/// What Envoy says of the body.
pub fn sent_by_envoy(headers: &HeaderMap) -> Result<Sent, InvalidQuestion> {
    let told = Told {
        header: X_ENVOY_AUTH_PARTIAL_BODY,
        name: "`x-envoy-auth-partial-body` header",
    };
    match only(headers, &told) {
        Ok(value) if value == "true" => Ok(Sent::Beginning),
        Ok(value) if value == "false" => Ok(Sent::All),
        Ok(_) => Err(InvalidQuestion::Unreadable(told.name)),
        Err(InvalidQuestion::Missing(_)) => Ok(Sent::Nothing),
        Err(error) => Err(error),
    }
}

async fn envoy_body(
    asker: &Asker,
    headers: &HeaderMap,
    body: &mut Option<Incoming>,
) -> Result<QuestionBody, InvalidQuestion> {
    Ok(match sent_by_envoy(headers)? {
        Sent::Nothing => QuestionBody::Unknown,
        Sent::Beginning => QuestionBody::Partial,
        Sent::All => whole(asker.read(body, MAX_JSON_BODY).await),
    })
}

/// With `forwardBody` it is that of the question; without it there is none, as where it is empty.
async fn traefik_body(asker: &Asker, body: &mut Option<Incoming>) -> QuestionBody {
    match body.as_ref().is_none_or(Incoming::is_end_stream) {
        true => QuestionBody::Unknown,
        false => whole(asker.read(body, MAX_JSON_BODY).await),
    }
}

/// What is longer than any body that decides is of use only where none decides.
fn whole(read: Option<Bytes>) -> QuestionBody {
    read.map_or(QuestionBody::Partial, QuestionBody::Whole)
}
