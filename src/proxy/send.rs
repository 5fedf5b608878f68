//! One request on one connection, to the head of its answer.

use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, StatusCode, Uri, Version};
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use super::answer;
use super::balance::Attempt;
use super::lease::Lease;
use super::pool::{Channel, Switched};
use super::settings::{Credential, Profile};
use super::tunnel::{self, Tunnel};
use super::{ForwardError, Proxy, RequestBody, Transfer, UpstreamBody, header, multiplex};

/// How long hyper may take to give up a connection whose `101` it has read.
const SWITCH: Duration = Duration::from_secs(1);

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// A request that was given to a connection.
pub struct Sending<'a> {
    /// Boxed: whoever waits need not know over what it was sent, nor move it about.
    answer: Pin<Box<dyn Future<Output = Sent>>>,
    /// The protocol that was asked for, and where the connection comes to that changes to it.
    switched: Option<(&'a HeaderValue, oneshot::Receiver<Switched>)>,
}

/// Why a request has no answer, and whether it may be sent again.
pub enum Failure {
    /// Not a byte was sent; the request is whole.
    NotSent(Box<Request<RequestBody>>),
    /// The upstream says that it did not process it.
    Refused(hyper::Error),
    /// It may have been received; nothing came back.
    Unanswered(hyper::Error),
    /// Asking again would not be safe or not help.
    Final(ForwardError),
}

impl Channel {
    /// Whether it has carried a request before, so that it may be closed without our knowing.
    pub fn is_reused(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.received.is_used(),
            Self::Http2(ticket) => ticket.is_reused,
        }
    }

    /// The request again, if it could have to be sent twice.
    pub fn spare_copy(
        &self,
        request: &Request<RequestBody>,
        may_repeat: bool,
    ) -> Option<Request<RequestBody>> {
        // Over HTTP/2 any may be refused unprocessed.
        if !may_repeat && matches!(self, Self::Http1(_)) {
            return None;
        }
        let mut copy = Request::new(request.body().copy()?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        Some(copy)
    }

    /// Gives it the request, which may ask for `protocol`.
    pub fn start<'a>(
        &mut self,
        mut request: Request<RequestBody>,
        protocol: Option<&'a HeaderValue>,
        scheme: Scheme,
    ) -> Result<Sending<'a>, ForwardError> {
        Ok(match self {
            Self::Http1(connection) => {
                let expect = |protocol| (protocol, connection.expect_switch());
                let switched = protocol.map(expect);
                connection.received.expect_answer();
                Sending {
                    answer: Box::pin(connection.sender.try_send_request(request)),
                    switched,
                }
            }
            Self::Http2(ticket) => {
                name_authority(&mut request, scheme)?;
                Sending {
                    answer: Box::pin(ticket.sender.try_send_request(request)),
                    switched: None,
                }
            }
        })
    }
}

impl Proxy {
    /// Waits for the answer; what speaks for or against the endpoint is told to it.
    pub(super) async fn receive(
        &self,
        sending: Sending<'_>,
        is_reused: bool,
        (channel, attempt): (Channel, Attempt),
        transfer: &Rc<Transfer>,
        now: Instant,
    ) -> Result<Response<UpstreamBody>, Failure> {
        if transfer.started.get().is_none() {
            transfer.started.set(Some(now));
        }
        transfer
            .endpoint
            .set(attempt.place.endpoint.address.socket());
        let Sending { answer, switched } = sending;
        let sent = self.bounded(answer, transfer, now).await;
        if let Channel::Http1(connection) = &channel {
            connection.received.answered();
        }
        let answer = match sent {
            Ok(Ok(answer)) => checked(answer),
            Ok(Err(error)) => Err(failure(error, &channel, transfer)),
            Err(error) => Err(Failure::Final(error)),
        };
        let now = Instant::now();
        let endpoint = &attempt.place.endpoint;
        let speaks_against = match &answer {
            Ok(answer) => matches!(answer.status().as_u16(), 502..=504),
            Err(failure) => failure.speaks_against(is_reused),
        };
        match &answer {
            _ if speaks_against => endpoint.failed(now, self.upstream.ejection()),
            Ok(_) => endpoint.succeeded(),
            Err(_) => {}
        }
        let mut answer = answer?;
        transfer.answered.set(Some(now));
        transfer.status.set(Some(answer.status()));
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let switched = Box::pin(self.switch(answer, switched, attempt, transfer)).await;
            return switched.ok_or(Failure::Final(ForwardError::UnexpectedUpgrade));
        }
        let is_ours = matches!(self.upstream.settings.credential, Credential::File { .. });
        if is_ours && answer.status() == StatusCode::UNAUTHORIZED {
            return Err(Failure::Final(ForwardError::CredentialRefused));
        }
        let is_last = self.upstream.settings.profile == Profile::Nova && may_be_last(&answer);
        let lease = (!is_last).then(|| Lease::new(channel, attempt));
        prepare_downstream(&mut answer);
        let pause = self.upstream.settings.response_timeout;
        Ok(answer.map(|body| UpstreamBody::new(body, lease, pause, Rc::clone(transfer))))
    }

    /// Takes the connection over from hyper, if the upstream speaks what was asked for from here on.
    async fn switch(
        &self,
        mut answer: Response<Incoming>,
        switched: Option<(&HeaderValue, oneshot::Receiver<Switched>)>,
        attempt: Attempt,
        transfer: &Rc<Transfer>,
    ) -> Option<Response<UpstreamBody>> {
        let (protocol, switched) = switched?;
        if !tunnel::is_agreed(answer.headers(), protocol) {
            return None;
        }
        let (stream, early) = timeout(SWITCH, switched).await.ok()?.ok()?;
        let idle_timeout = self.upstream.settings.tunnel_timeout;
        let tunnel = Tunnel::new(stream, early, idle_timeout, attempt);
        transfer.tunnel.replace(Some(tunnel));
        prepare_downstream(&mut answer);
        tunnel::announce(answer.headers_mut(), protocol.clone());
        // What follows is not a body's.
        Some(answer.map(|body| UpstreamBody::new(body, None, idle_timeout, Rc::clone(transfer))))
    }

    /// Waits for the answer's head while there is progress.
    async fn bounded(
        &self,
        mut sending: Pin<Box<dyn Future<Output = Sent>>>,
        transfer: &Transfer,
        mut now: Instant,
    ) -> Result<Sent, ForwardError> {
        let mut moved = transfer.received.get();
        loop {
            let limit = transfer.left(now, self.upstream.settings.response_timeout);
            if let Ok(sent) = timeout_at((now + limit).into(), sending.as_mut()).await {
                return Ok(sent);
            }
            now = Instant::now();
            if transfer.is_over(now) {
                return Err(ForwardError::RequestTimeout);
            }
            // The clock runs from the last piece of the body that was taken, and stands while the
            // client is waited for: that wait has a bound of its own.
            let received = transfer.received.get();
            if received == moved && !transfer.awaits_client.get() {
                return Err(ForwardError::ResponseTimeout);
            }
            moved = received;
        }
    }
}

impl Failure {
    /// Whether the endpoint is to blame. That a connection was closed while it was idle is nobody's
    /// fault, and what the client does is not the endpoint's.
    fn speaks_against(&self, is_reused: bool) -> bool {
        match self {
            Self::NotSent(_) | Self::Unanswered(_) => !is_reused,
            Self::Refused(_) => false,
            Self::Final(error) => !matches!(
                error,
                ForwardError::RequestBody(_) | ForwardError::RequestTimeout
            ),
        }
    }
}

fn failure(
    mut error: TrySendError<Request<RequestBody>>,
    channel: &Channel,
    transfer: &Transfer,
) -> Failure {
    if let Some(request) = error.take_message() {
        return Failure::NotSent(Box::new(request));
    }
    if let Some(failure) = transfer.failure.get() {
        return Failure::Final(ForwardError::RequestBody(failure));
    }
    let error = error.into_error();
    match channel {
        Channel::Http1(_) if error.is_parse() => {
            Failure::Final(ForwardError::InvalidAnswer(error.into()))
        }
        Channel::Http1(connection) if !connection.received.is_nothing() => {
            Failure::Final(ForwardError::BrokenAnswer(error))
        }
        Channel::Http2(_) if multiplex::is_refused(&error) => Failure::Refused(error),
        Channel::Http2(_) if multiplex::is_invalid(&error) => {
            Failure::Final(ForwardError::InvalidAnswer(error.into()))
        }
        Channel::Http1(_) | Channel::Http2(_) => Failure::Unanswered(error),
    }
}

/// uwsgi as Debian configures it for Nova closes after each answer and neither says so nor sends a
/// length. Other answers end with the connection then, but after this one it looks as if kept, and
/// the next request would meet its end.
fn may_be_last(answer: &Response<Incoming>) -> bool {
    answer.status() == StatusCode::NO_CONTENT && !answer.headers().contains_key(CONTENT_LENGTH)
}

fn checked(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    match answer::check(&answer) {
        Ok(()) => Ok(answer),
        Err(error) => Err(Failure::Final(ForwardError::InvalidAnswer(error.into()))),
    }
}

/// HTTP/2 says the host as part of the URI (RFC 9113 §8.3.1). One that another connection handed
/// back unsent says so already.
fn name_authority(request: &mut Request<RequestBody>, scheme: Scheme) -> Result<(), ForwardError> {
    let host = request.headers_mut().remove(HOST);
    let mut parts = request.uri().clone().into_parts();
    if let Some(host) = host {
        parts.authority = Authority::try_from(host.as_bytes()).ok();
    }
    if parts.authority.is_none() {
        return Err(ForwardError::Authority);
    }
    parts.scheme = Some(scheme);
    *request.uri_mut() = Uri::from_parts(parts).map_err(|_| ForwardError::Authority)?;
    *request.version_mut() = Version::HTTP_2;
    Ok(())
}

fn prepare_downstream(answer: &mut Response<Incoming>) {
    header::remove_hop_by_hop(answer.headers_mut());
    *answer.version_mut() = Version::HTTP_11;
}
