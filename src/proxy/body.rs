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
    receiving: Cell<bool>,
}

impl Transfer {
    /// Whether more of the client's body is to come.
    pub fn is_receiving(&self) -> bool {
        self.receiving.get()
    }
}

/// Why the client's body cannot be sent whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyFailure {
    /// The connection broke, or the framing is not valid.
    #[error("the client's body broke off")]
    Broken,
    /// The client stopped sending.
    #[error("the client stopped sending its body")]
    Timeout,
    /// More than is allowed.
    #[error("the client's body is too large")]
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
}

impl RequestBody {
    /// A body that is counted in `transfer` and ends with an error beyond `max_size` bytes.
    pub fn new(incoming: Incoming, transfer: &Rc<Transfer>, max_size: Option<u64>) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        transfer.receiving.set(true);
        Self {
            inner: Some(Counted {
                incoming,
                transfer: Rc::clone(transfer),
                max_size: max_size.unwrap_or(u64::MAX),
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

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let Some(Counted {
            incoming,
            transfer,
            max_size,
        }) = &mut self.inner
        else {
            return Poll::Ready(None);
        };
        let fail = |failure| {
            transfer.failure.set(Some(failure));
            Poll::Ready(Some(Err(failure)))
        };
        loop {
            let frame = match ready!(Pin::new(&mut *incoming).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(_)) => return fail(BodyFailure::Broken),
                None => {
                    transfer.receiving.set(false);
                    return Poll::Ready(None);
                }
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let received = transfer.received.get() + data.len() as u64;
            if received > *max_size {
                return fail(BodyFailure::TooLarge);
            }
            transfer.received.set(received);
            transfer.receiving.set(!incoming.is_end_stream());
            return Poll::Ready(Some(Ok(frame)));
        }
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
#[derive(Debug)]
pub struct UpstreamBody {
    incoming: Incoming,
    lease: Option<Lease>,
    transfer: Rc<Transfer>,
    idle_timeout: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl UpstreamBody {
    /// Ends with an error when nothing comes for `idle_timeout`.
    pub fn new(
        incoming: Incoming,
        lease: Lease,
        idle_timeout: Duration,
        transfer: Rc<Transfer>,
    ) -> Self {
        let mut body = Self {
            incoming,
            lease: Some(lease),
            transfer,
            idle_timeout,
            deadline: None,
        };
        body.give_back_at_end();
        body
    }

    fn give_back_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
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
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) else {
            let idle_timeout = self.idle_timeout;
            let deadline = self
                .deadline
                .get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
            ready!(deadline.as_mut().poll(context));
            return self.fail(AnswerFailure::Timeout);
        };
        self.deadline = None;
        match frame {
            None => {
                if let Some(lease) = self.lease.take() {
                    lease.give_back();
                }
                Poll::Ready(None)
            }
            Some(Err(_)) => self.fail(AnswerFailure::Broken),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let sent = &self.transfer.sent;
                    sent.set(sent.get() + data.len() as u64);
                }
                self.give_back_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
