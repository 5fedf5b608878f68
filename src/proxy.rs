//! Forwarding a permitted request: to an endpoint of the upstream, streaming both ways.
//!
//! One [`Proxy`] for each worker; its connections never leave the worker. It takes a
//! [`Permit`] and sends the request line in it, so what was judged is what is sent. Never decides.

mod activity;
mod answer;
mod balance;
mod body;
mod budget;
mod collect;
mod connect;
mod credential;
mod endpoint;
mod header;
mod health;
mod identity;
mod lease;
mod multiplex;
mod pause;
mod peer;
mod pool;
mod report;
mod send;
mod settings;
mod small_write;
mod tunnel;
mod upstream;
mod witness;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use hyper::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request;
use hyper::{HeaderMap, Method, Request, Response, Uri};

pub use activity::{Activity, Running};
pub use answer::InvalidAnswer;
pub use body::{AnswerFailure, BodyFailure, BodyLimits, RequestBody, Transfer, UpstreamBody};
pub use credential::{CredentialError, Unnameable, VerifiedCaller};
pub use header::{
    AllowedHost, AllowedHosts, InvalidHeaders, InvalidHost, MAX_HEAD, MAX_HEADERS,
    X_OPENSTACK_REQUEST_ID, check_claims, check_head,
};
pub use identity::{KEYSTONE_HEADERS, KeystoneHeaders};
pub use peer::{Peer, Scheme};
pub use report::{EndpointReport, State as EndpointState};
pub use settings::{
    Credential, HealthCheck, IdentityHeaders, IdentityMode, Location, Profile, Protocol, Security,
    Settings,
};
pub use small_write::poll_write;
pub use tunnel::{Tunnel, TunnelEnd};
pub use upstream::{Upstream, UpstreamError};

use balance::{Attempt, Balance, NoPlace};
use budget::RetryBudget;
use pool::{Channel, ConnectError};
use send::Failure;

use crate::decision::Permit;
use crate::trace;

/// The most a connection gathers in one direction, in bytes; a request's head fits.
pub const BUFFER: usize = 128 * 1024;
/// How many times a request may be sent again.
const MAX_RETRIES: u32 = 2;

/// What the upstream is told about a request besides the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The client's connection.
    pub peer: &'a Peer,
    /// The gateway's id of it, `req-` and a UUID; told unless the client has sent one of this form.
    pub request_id: &'a HeaderValue,
    /// Where it stands in its trace; none where tracing is off.
    pub trace: Option<trace::Context>,
    /// Who sent it; nobody known, if everybody may.
    pub caller: Option<VerifiedCaller<'a>>,
    /// The gateway's own, where it is to stand beside the caller's.
    pub service_token: Option<&'a HeaderValue>,
}

/// Why a permitted request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The upstream cannot be told who is calling.
    #[error(transparent)]
    Identity(#[from] Unnameable),
    /// It was to be sent beside the caller's.
    #[error("the gateway has no service token for the upstream at the moment")]
    NoServiceToken,
    /// `Host` is not what HTTP/2 takes for one.
    #[error("the `Host` cannot be sent over HTTP/2")]
    Authority,
    /// Nova takes a `_method` in a form for the request's method.
    #[error("a form can change the method behind the gateway, expected a body of JSON")]
    Form,
    /// Nova takes the version from there where the path begins with none.
    #[error(
        "a parameter `version` of `Accept` or `Content-Type` can change the API behind the gateway, expected media types without it"
    )]
    MediaTypeVersion,
    /// Nova takes it for something of its API, and the rest of the path for another request.
    #[error(
        "the project `{0}` is none that Nova knows by its form, expected hexadecimal digits in lower case and `-` only"
    )]
    Project(String),
    /// No endpoint is known.
    #[error("no endpoint of the upstream is known")]
    Unavailable,
    /// Every endpoint runs as many requests as it may, or too many bodies are being collected.
    #[error("the upstream has too many requests already")]
    Busy,
    /// No connection.
    #[error("cannot connect to the upstream")]
    Connect(#[source] std::io::Error),
    /// No connection in time.
    #[error("the upstream did not accept a connection in time")]
    ConnectTimeout,
    /// No answer, and it would not be safe to ask again.
    #[error("the upstream closed the connection without an answer")]
    Unanswered(#[source] hyper::Error),
    /// The upstream says that it did not process it.
    #[error("the upstream refused the request unprocessed")]
    Refused(#[source] hyper::Error),
    /// The beginning of an answer, and no more.
    #[error("the upstream closed the connection within the head of its answer")]
    BrokenAnswer(#[source] hyper::Error),
    /// An answer that is not HTTP as we would pass it on.
    #[error("the upstream's answer is not valid HTTP")]
    InvalidAnswer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// `101 Switching Protocols` to nobody's or to another's liking.
    #[error("the upstream switched protocols, which nobody asked for")]
    UnexpectedUpgrade,
    /// 401, where the credential is ours: the caller could do nothing about it, and a challenge that
    /// is meant for us would have callers offer the upstream theirs.
    #[error("the upstream does not take the gateway's credential")]
    CredentialRefused,
    /// No answer in time.
    #[error("the upstream did not answer in time")]
    ResponseTimeout,
    /// The request takes too long in all.
    #[error("the request was not done in time")]
    RequestTimeout,
    /// The request's body cannot be sent whole.
    #[error(transparent)]
    RequestBody(BodyFailure),
}

/// A worker's way to the upstream.
#[derive(Debug)]
pub struct Proxy {
    upstream: Arc<Upstream>,
    balance: Balance,
    budget: RetryBudget,
}

impl Proxy {
    /// No connection is made yet. Must be called where tasks can be spawned on the
    /// thread, as the upkeep is.
    pub fn new(upstream: Arc<Upstream>) -> Self {
        Self {
            balance: Balance::new(Arc::clone(&upstream)),
            budget: RetryBudget::new(upstream.settings.retry_budget, Instant::now()),
            upstream,
        }
    }

    /// What kind of server the upstream is.
    pub fn profile(&self) -> Profile {
        self.upstream.settings.profile
    }

    /// The headers that tell the upstream of the caller, for whoever sends the request in our place.
    ///
    /// # Errors
    ///
    /// [`ForwardError::Identity`]: what cannot be told.
    pub fn identity(&self, caller: Option<VerifiedCaller<'_>>) -> Result<HeaderMap, ForwardError> {
        let mut headers = HeaderMap::new();
        credential::set_identity(&mut headers, &self.upstream.settings.identity, caller)?;
        Ok(headers)
    }

    /// Sends the permitted request and hands back the head of its answer, whose body streams.
    ///
    /// It is sent again only if the upstream surely did not process it: there was no connection,
    /// nothing of it had been sent, or the upstream says so. Or if it has no body, its method is
    /// idempotent (RFC 9110 §9.2.2) and nothing was answered. Where there is one endpoint only, a
    /// new connection that fails is the end. And never beyond the budget.
    ///
    /// # Errors
    ///
    /// [`ForwardError`]; nothing was passed on to the client then.
    pub async fn forward(
        &self,
        permit: Permit,
        head: &mut request::Parts,
        body: RequestBody,
        origin: Origin<'_>,
        transfer: &Rc<Transfer>,
    ) -> Result<Response<UpstreamBody>, ForwardError> {
        let mut now = Instant::now();
        self.deadline(transfer, now);
        let may_switch = permit.allows_upgrade()
            && body.is_empty()
            && self.upstream.settings.protocol == Protocol::Http1;
        let protocol = may_switch.then(|| tunnel::requested(head)).flatten();
        let headers = std::mem::take(&mut head.headers);
        let mut request = self.upstream_request(permit, headers, body, origin)?;
        let needs_length = match request.body().bytes() {
            // What was collected is counted, however the client wrote its length.
            Some(bytes) => !bytes.is_empty(),
            None => !request.headers().contains_key(CONTENT_LENGTH),
        };
        if needs_length {
            // Boxed, as what follows: it is rare, and each request would have room for it.
            request = Box::pin(self.frame(request, transfer)).await?;
            now = Instant::now();
        }
        if let Some(protocol) = &protocol {
            tunnel::announce(request.headers_mut(), protocol.clone());
        }
        self.budget.earn();
        let mut retries = 0;
        let mut avoid = None;
        loop {
            let attempt = self.balance.choose(now, avoid.as_deref());
            let attempt = attempt.map_err(|none| match none {
                NoPlace::Unavailable => ForwardError::Unavailable,
                NoPlace::Busy => ForwardError::Busy,
            })?;
            let place = Rc::clone(&attempt.place);
            // What is repeated must not meet another connection that was closed meanwhile.
            let known = match retries {
                0 => place.pool.take(now),
                _ => None,
            };
            let has_others = self.balance.has_several();
            let channel = match known {
                Some(channel) => Ok(channel),
                None => {
                    let connected = Box::pin(self.connect(&attempt, transfer, now)).await;
                    now = Instant::now();
                    connected
                }
            };
            let (error, unsent) = match channel {
                Err(error) => (error, has_others.then_some(request)),
                Ok(mut channel) => {
                    let is_reused = channel.is_reused();
                    let may_repeat = is_repeatable(&request) && (is_reused || has_others);
                    let spare = channel.spare_copy(&request, may_repeat);
                    let scheme = place.endpoint.address.scheme();
                    let sending = channel.start(request, protocol.as_ref(), scheme)?;
                    let way = (channel, attempt);
                    match self.receive(sending, is_reused, way, transfer, now).await {
                        Ok(answer) => return Ok(answer),
                        Err(Failure::NotSent(unsent)) => {
                            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                            let unsent = (is_reused || has_others).then_some(*unsent);
                            (ForwardError::Connect(reset), unsent)
                        }
                        Err(Failure::Refused(error)) => (ForwardError::Refused(error), spare),
                        Err(Failure::Unanswered(error)) => {
                            let spare = spare.filter(|_| may_repeat);
                            (ForwardError::Unanswered(error), spare)
                        }
                        Err(Failure::Final(error)) => (error, None),
                    }
                }
            };
            now = Instant::now();
            match unsent {
                Some(unsent) if retries < MAX_RETRIES && self.budget.spend(now) => request = unsent,
                _ => return Err(error),
            }
            if transfer.is_over(now) {
                return Err(ForwardError::RequestTimeout);
            }
            place.endpoint.retried();
            retries += 1;
            avoid = Some(place);
        }
    }

    async fn connect(
        &self,
        attempt: &Attempt,
        transfer: &Transfer,
        now: Instant,
    ) -> Result<Channel, ForwardError> {
        let place = &attempt.place;
        let limit = transfer.left(now, self.upstream.settings.connect_timeout);
        let connecting = place
            .pool
            .connect(&self.upstream, &place.endpoint.address, limit);
        let error = match connecting.await {
            Ok(channel) => {
                place.endpoint.connected();
                return Ok(channel);
            }
            Err(ConnectError::Failed(error)) => ForwardError::Connect(error),
            Err(ConnectError::Timeout) if transfer.is_over(Instant::now()) => {
                return Err(ForwardError::RequestTimeout);
            }
            Err(ConnectError::Timeout) => ForwardError::ConnectTimeout,
        };
        place
            .endpoint
            .failed(Instant::now(), self.upstream.ejection());
        Err(error)
    }

    fn upstream_request(
        &self,
        permit: Permit,
        mut headers: HeaderMap,
        body: RequestBody,
        origin: Origin<'_>,
    ) -> Result<Request<RequestBody>, ForwardError> {
        let settings = &self.upstream.settings;
        settings.profile.check_media_types(&headers)?;
        header::prepare_request(&mut headers, origin);
        let own = match settings.credential {
            Credential::File { .. } => self.balance.credential(),
            Credential::Forward | Credential::Strip => None,
        };
        credential::set_credential(&mut headers, &settings.credential, own.as_ref());
        credential::set_service_token(&mut headers, origin.service_token);
        credential::set_identity(&mut headers, &settings.identity, origin.caller)?;
        let (method, path) = permit.into_parts();
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Says where a body ends whose length is not known.
    async fn frame(
        &self,
        request: Request<RequestBody>,
        transfer: &Transfer,
    ) -> Result<Request<RequestBody>, ForwardError> {
        let settings = &self.upstream.settings;
        let (mut head, mut body) = request.into_parts();
        // Where a body has no meaning it is most likely empty, and then better not there.
        let has_none = matches!(head.method, Method::GET | Method::HEAD | Method::DELETE);
        let is_collected = body.bytes().is_some();
        if is_collected || has_none || settings.profile == Profile::Nova {
            if !is_collected {
                body = self.collect(body, transfer).await?;
            }
            let length = body.bytes().map_or(0, <[u8]>::len);
            if length > 0 || !has_none {
                head.headers.insert(CONTENT_LENGTH, length.into());
            }
        } else if settings.protocol == Protocol::Http1 {
            // Said here, because hyper takes a GET without a length for one without a body.
            let chunked = HeaderValue::from_static("chunked");
            head.headers.insert(TRANSFER_ENCODING, chunked);
        }
        Ok(Request::from_parts(head, body))
    }
}

/// Whether processing it twice would do no harm.
fn is_repeatable(request: &Request<RequestBody>) -> bool {
    let is_idempotent = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    );
    is_idempotent && request.body().is_empty()
}
