//! Bodies on their way through: counted, bounded in time, never gathered.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

use super::pool::Lease;

/// What is known of one exchange while it runs; shared by its two bodies and the gateway.
#[derive(Debug, Default)]
pub struct Transfer {
    /// Body bytes taken from the client.
    pub received: Cell<u64>,
    /// Body bytes taken from the upstream.
    pub sent: Cell<u64>,
    /// Why the client's body ended early.
    pub failure: Cell<Option<BodyFailure>>,
    /// Whether the upstream's body broke off.
    pub broken: Cell<Option<AnswerFailure>>,
    /// When the request was given to a connection.
    pub started: Cell<Option<Instant>>,
    /// When the answer's head was there.
    pub answered: Cell<Option<Instant>>,
    /// Whether the next piece of the client's body is being waited for.
    pub awaits_client: Cell<bool>,
}

/// Why the client's body cannot be sent whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyFailure {
    /// The connection broke, or the framing is not valid.
    #[error("the request's body broke off")]
    Broken,
    /// The client stopped sending.
    #[error("the rest of the request's body did not come in time")]
    Timeout,
    /// More than is allowed.
    #[error("the request's body is too large")]
    TooLarge,
}

/// Why the upstream's body did not come to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AnswerFailure {
    /// The connection broke, or the framing is not valid.
    #[error("the upstream's body broke off")]
    Broken,
    /// The upstream stopped sending.
    #[error("the upstream stopped sending its body")]
    Timeout,
}

/// What a request's body may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyLimits {
    /// The most bytes.
    pub size: u64,
    /// The most time between two pieces.
    pub pause: Duration,
}

/// A deadline that runs only while something is waited for.
#[derive(Debug)]
struct Pause {
    limit: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Pause {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            running: None,
        }
    }

    /// Ready when the wait has been too long.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let running = self.running.get_or_insert_with(|| Box::pin(sleep(limit)));
        running.as_mut().poll(context)
    }

    fn end(&mut self) {
        self.running = None;
    }
}

/// The client's body on its way to the upstream; trailers are dropped.
#[derive(Debug)]
pub struct RequestBody {
    inner: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    incoming: Incoming,
    transfer: Rc<Transfer>,
    max_size: u64,
    pause: Pause,
}

impl RequestBody {
    /// A body that is counted in `transfer` and ends with an error beyond its limits.
    pub fn new(incoming: Incoming, transfer: &Rc<Transfer>, limits: BodyLimits) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        Self {
            inner: Some(Counted {
                incoming,
                transfer: Rc::clone(transfer),
                max_size: limits.size,
                pause: Pause::new(limits.pause),
            }),
        }
    }

    /// No body.
    pub fn empty() -> Self {
        Self { inner: None }
    }

    /// Whether there is no body at all.
    pub fn is_empty(&self) -> bool {
        self.inner.is_none()
    }
}

impl Counted {
    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        loop {
            let polled = Pin::new(&mut self.incoming).poll_frame(context);
            self.transfer.awaits_client.set(polled.is_pending());
            let Poll::Ready(frame) = polled else {
                ready!(self.pause.poll(context));
                return Poll::Ready(Some(Err(BodyFailure::Timeout)));
            };
            self.pause.end();
            let frame = match frame {
                Some(Ok(frame)) => frame,
                Some(Err(_)) => return Poll::Ready(Some(Err(BodyFailure::Broken))),
                None => return Poll::Ready(None),
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let received = self.transfer.received.get() + data.len() as u64;
            if received > self.max_size {
                return Poll::Ready(Some(Err(BodyFailure::TooLarge)));
            }
            self.transfer.received.set(received);
            return Poll::Ready(Some(Ok(frame)));
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let Some(counted) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = ready!(counted.poll_data(context));
        if let Some(Err(failure)) = frame {
            counted.transfer.failure.set(Some(failure));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let inner = self.inner.as_ref();
        inner.is_none_or(|counted| counted.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.as_ref();
        inner.map_or_else(
            || SizeHint::with_exact(0),
            |counted| counted.incoming.size_hint(),
        )
    }
}

/// The upstream's body on its way to the client; its connection goes back to the pool at the end.
/// Trailers are dropped.
#[derive(Debug)]
pub struct UpstreamBody {
    incoming: Incoming,
    lease: Option<Lease>,
    transfer: Rc<Transfer>,
    pause: Pause,
    has_ended: bool,
}

impl UpstreamBody {
    /// Ends with an error when nothing comes for `pause`.
    pub fn new(incoming: Incoming, lease: Lease, pause: Duration, transfer: Rc<Transfer>) -> Self {
        let mut body = Self {
            incoming,
            lease: Some(lease),
            transfer,
            pause: Pause::new(pause),
            has_ended: false,
        };
        // Known at once where there is no body; hyper never asks for it then.
        if body.incoming.is_end_stream() {
            body.end();
        }
        body
    }

    fn end(&mut self) {
        self.has_ended = true;
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    fn fail(
        &mut self,
        failure: AnswerFailure,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        self.lease = None;
        self.transfer.broken.set(Some(failure));
        Poll::Ready(Some(Err(failure)))
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = AnswerFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        loop {
            let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) else {
                ready!(self.pause.poll(context));
                return self.fail(AnswerFailure::Timeout);
            };
            self.pause.end();
            match frame {
                None => {
                    self.end();
                    return Poll::Ready(None);
                }
                Some(Err(_)) => return self.fail(AnswerFailure::Broken),
                Some(Ok(frame)) => {
                    let Some(data) = frame.data_ref() else {
                        continue;
                    };
                    let sent = &self.transfer.sent;
                    sent.set(sent.get() + data.len() as u64);
                    if self.incoming.is_end_stream() {
                        self.end();
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
