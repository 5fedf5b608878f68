//! Forwarding a permitted request: HTTP/1.1 to the upstream, streaming both ways.
//!
//! One [`Proxy`] for each worker; its connections never leave the worker. It takes a
//! [`Permit`] and sends the request line in it, so what was judged is what is sent. Never decides.

mod activity;
mod body;
mod header;
mod peer;
mod pool;
mod small_write;
mod witness;

use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::http::{request, response};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use tokio::time::timeout;

pub use activity::{Activity, Running};
pub use body::{AnswerFailure, BodyFailure, BodyLimits, RequestBody, Transfer, UpstreamBody};
pub use header::{
    AllowedHost, AllowedHosts, InvalidHeaders, InvalidHost, MAX_HEAD, MAX_HEADERS,
    X_OPENSTACK_REQUEST_ID, check_head,
};
pub use peer::{Peer, Scheme};
use pool::{ConnectError, Connection, Pool};
pub use small_write::poll_write;

use crate::decision::Permit;
use crate::tls;

/// The most a connection gathers in one direction, in bytes; a request's head fits.
pub const BUFFER: usize = 128 * 1024;

/// How the upstream is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS, or else plain TCP.
    pub tls: Option<tls::ClientSettings>,
    /// The most time to establish a connection, name resolution included.
    pub connect_timeout: Duration,
    /// The most time without any progress: from the end of the request to the answer's head, and
    /// between two pieces of a body.
    pub response_timeout: Duration,
    /// How long a connection is kept for the next request; shorter than the upstream's own.
    pub idle_timeout: Duration,
    /// How many idle connections a worker keeps.
    pub idle_connections: usize,
}

impl Settings {
    /// The defaults for an upstream at this address.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_mins(1),
            idle_timeout: Duration::from_secs(4),
            idle_connections: 256,
        }
    }
}

/// What the upstream is told about a request besides the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// The gateway's id of it, `req-` and a UUID.
    pub request_id: &'a HeaderValue,
}

/// Why a permitted request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// No connection.
    #[error("cannot connect to the upstream")]
    Connect(#[source] std::io::Error),
    /// No connection in time.
    #[error("the upstream did not accept a connection in time")]
    ConnectTimeout,
    /// No answer, and it would not be safe to ask again.
    #[error("the upstream closed the connection without an answer")]
    Unanswered(#[source] hyper::Error),
    /// The beginning of an answer, and no more.
    #[error("the upstream closed the connection within the head of its answer")]
    BrokenAnswer(#[source] hyper::Error),
    /// An answer that is not HTTP/1.1 as we would pass it on.
    #[error("the upstream's answer is not valid HTTP")]
    InvalidAnswer(#[source] hyper::Error),
    /// `101 Switching Protocols`, which nobody asked for.
    #[error("the upstream switched protocols, which nobody asked for")]
    UnexpectedUpgrade,
    /// No answer in time.
    #[error("the upstream did not answer in time")]
    ResponseTimeout,
    /// The request's body cannot be sent whole.
    #[error(transparent)]
    RequestBody(BodyFailure),
}

/// A worker's way to the upstream.
#[derive(Debug)]
pub struct Proxy {
    pool: Rc<Pool>,
    response_timeout: Duration,
}

impl Proxy {
    /// No connection is made yet. Must be called inside a `LocalSet`, which then owns the upkeep.
    pub fn new(settings: &Settings) -> Self {
        Self {
            pool: Pool::new(settings),
            response_timeout: settings.response_timeout,
        }
    }

    /// Sends the permitted request and hands back the head of its answer, whose body streams.
    ///
    /// A connection that had been idle may turn out to be closed. The request is then sent on a new
    /// one, if nothing of it had been sent, or if it has no body, its method is idempotent
    /// (RFC 9110 §9.2.2) and nothing was answered; once, and never otherwise.
    ///
    /// # Errors
    ///
    /// [`ForwardError`]; nothing was passed on to the client then.
    pub async fn forward(
        &self,
        permit: Permit,
        head: request::Parts,
        body: RequestBody,
        origin: Origin<'_>,
        transfer: &Rc<Transfer>,
    ) -> Result<Response<UpstreamBody>, ForwardError> {
        let mut request = upstream_request(permit, head, body, origin);
        if let Some(connection) = self.pool.take() {
            let spare = spare_copy(&request);
            match self.send(connection, request, transfer).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::NotSent(unsent)) => request = *unsent,
                Err(Failure::Unanswered(error)) => match spare {
                    Some(copy) => request = copy,
                    None => return Err(ForwardError::Unanswered(error)),
                },
                Err(Failure::Final(error)) => return Err(error),
            }
        }
        let connection = self.pool.connect().await.map_err(|error| match error {
            ConnectError::Failed(error) => ForwardError::Connect(error),
            ConnectError::Timeout => ForwardError::ConnectTimeout,
        })?;
        match self.send(connection, request, transfer).await {
            Ok(answer) => Ok(answer),
            Err(Failure::NotSent(_)) => {
                let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                Err(ForwardError::Connect(error))
            }
            Err(Failure::Unanswered(error)) => Err(ForwardError::Unanswered(error)),
            Err(Failure::Final(error)) => Err(error),
        }
    }

    async fn send(
        &self,
        mut connection: Connection,
        request: Request<RequestBody>,
        transfer: &Rc<Transfer>,
    ) -> Result<Response<UpstreamBody>, Failure> {
        transfer.started.set(Some(Instant::now()));
        connection.has_read.set(false);
        let mut answer = std::pin::pin!(connection.sender.try_send_request(request));
        let mut moved = 0;
        let answer = loop {
            if let Ok(answer) = timeout(self.response_timeout, &mut answer).await {
                break answer;
            }
            // The clock runs from the last piece of the body that was taken, and stands while the
            // client is waited for: that wait has a bound of its own.
            let received = transfer.received.get();
            if received == moved && !transfer.awaits_client.get() {
                return Err(Failure::Final(ForwardError::ResponseTimeout));
            }
            moved = received;
        };
        let response =
            answer.map_err(
                |mut failed| match (failed.take_message(), transfer.failure.get()) {
                    (Some(request), _) => Failure::NotSent(Box::new(request)),
                    (None, Some(failure)) => Failure::Final(ForwardError::RequestBody(failure)),
                    (None, None) => match failed.into_error() {
                        error if error.is_parse() => {
                            Failure::Final(ForwardError::InvalidAnswer(error))
                        }
                        error if connection.has_read.get() => {
                            Failure::Final(ForwardError::BrokenAnswer(error))
                        }
                        error => Failure::Unanswered(error),
                    },
                },
            )?;
        transfer.answered.set(Some(Instant::now()));
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::Final(ForwardError::UnexpectedUpgrade));
        }
        let (head, body) = response.into_parts();
        let lease = self.pool.lease(connection);
        let body = UpstreamBody::new(body, lease, self.response_timeout, Rc::clone(transfer));
        Ok(Response::from_parts(downstream_head(head), body))
    }
}

enum Failure {
    /// Not a byte was sent; the request is whole.
    NotSent(Box<Request<RequestBody>>),
    /// It may have been received; nothing came back.
    Unanswered(hyper::Error),
    /// Asking again would not be safe or not help.
    Final(ForwardError),
}

fn upstream_request(
    permit: Permit,
    mut head: request::Parts,
    body: RequestBody,
    origin: Origin<'_>,
) -> Request<RequestBody> {
    header::prepare_request(&mut head.headers, origin);
    if !body.is_empty() && !head.headers.contains_key(CONTENT_LENGTH) {
        // Said here, because hyper takes a GET without a length for one without a body.
        let chunked = HeaderValue::from_static("chunked");
        head.headers.insert(TRANSFER_ENCODING, chunked);
    }
    let (method, path) = permit.into_parts();
    head.method = method;
    head.uri = Uri::from(path);
    head.version = Version::HTTP_11;
    Request::from_parts(head, body)
}

/// The request again, if sending it twice would do no harm.
fn spare_copy(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let is_idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    );
    if !is_idempotent || !request.body().is_empty() {
        return None;
    }
    let mut copy = Request::new(RequestBody::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

fn downstream_head(mut head: response::Parts) -> response::Parts {
    if head.headers.contains_key(TRANSFER_ENCODING) {
        // RFC 9112 §6.3: the coding counts, and the length would be wrong.
        head.headers.remove(CONTENT_LENGTH);
    }
    header::remove_hop_by_hop(&mut head.headers);
    head.version = Version::HTTP_11;
    head
}
