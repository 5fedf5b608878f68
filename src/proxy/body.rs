//! Bodies on their way through: counted, bounded in time, gathered only for an upstream that cannot
//! read them otherwise.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::collect::Reserved;
use super::lease::Lease;
use super::pause::Pause;
use super::tunnel::Tunnel;

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
    /// Whom it was given to last; none over a Unix socket.
    pub endpoint: Cell<Option<SocketAddr>>,
    /// The status of the upstream's answer.
    pub status: Cell<Option<StatusCode>>,
    /// Whether the next piece of the client's body is being waited for.
    pub awaits_client: Cell<bool>,
    /// The connection to the upstream, once it speaks another protocol.
    pub tunnel: RefCell<Option<Tunnel>>,
    /// When all of it has to be done.
    pub deadline: Cell<Option<Instant>>,
}

impl Transfer {
    /// The time left at `now`, at most `limit`.
    pub fn left(&self, now: Instant, limit: Duration) -> Duration {
        let deadline = self.deadline.get();
        deadline.map_or(limit, |deadline| {
            limit.min(deadline.saturating_duration_since(now))
        })
    }

    /// Leaves no more time than to `limit`.
    pub fn end_by(&self, limit: Instant) {
        let deadline = self.deadline.get();
        let sooner = deadline.map_or(limit, |deadline| deadline.min(limit));
        self.deadline.set(Some(sooner));
    }

    /// Whether no time is left at `now`.
    pub fn is_over(&self, now: Instant) -> bool {
        self.deadline.get().is_some_and(|deadline| now >= deadline)
    }
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
    #[error("the request's body is too large, expected at most {most} bytes")]
    TooLarge {
        /// Depends on the operation.
        most: u64,
    },
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
    /// The request takes too long in all.
    #[error("the request was not done in time")]
    Deadline,
}

/// What a request's body may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyLimits {
    /// The most bytes.
    pub size: u64,
    /// The most time between two pieces.
    pub pause: Duration,
}

/// The client's body on its way to the upstream; trailers are dropped.
#[derive(Debug)]
pub struct RequestBody {
    content: Content,
}

/// Boxed, because most requests have none, and all of them are moved about.
#[derive(Debug)]
enum Content {
    Empty,
    Streamed(Box<Counted>),
    Whole(Box<Collected>),
}

#[derive(Clone, Debug)]
struct Collected {
    bytes: Bytes,
    _reserved: Rc<Reserved>,
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
            content: Content::Streamed(Box::new(Counted {
                incoming,
                transfer: Rc::clone(transfer),
                max_size: limits.size,
                pause: Pause::new(limits.pause),
            })),
        }
    }

    /// No body.
    pub fn empty() -> Self {
        Self {
            content: Content::Empty,
        }
    }

    /// A body that has been collected.
    pub fn whole(bytes: Bytes, reserved: Reserved) -> Self {
        Self {
            content: Content::Whole(Box::new(Collected {
                bytes,
                _reserved: Rc::new(reserved),
            })),
        }
    }

    /// Whether there is no body at all.
    pub fn is_empty(&self) -> bool {
        matches!(self.content, Content::Empty)
    }

    /// All of a body that has been collected; nothing of one that is streamed.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Empty => Some(&[]),
            Content::Streamed(_) => None,
            Content::Whole(whole) => Some(&whole.bytes),
        }
    }

    /// The same body again, unless it can be had only once.
    pub fn copy(&self) -> Option<Self> {
        let content = match &self.content {
            Content::Empty => Content::Empty,
            Content::Streamed(_) => return None,
            Content::Whole(whole) => Content::Whole(whole.clone()),
        };
        Some(Self { content })
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
            // Until there is an answer, whoever waits for it looks at the time.
            let transfer = &self.transfer;
            if transfer.answered.get().is_some() && transfer.is_over(Instant::now()) {
                return Poll::Ready(Some(Err(BodyFailure::Timeout)));
            }
            let received = self.transfer.received.get() + data.len() as u64;
            if received > self.max_size {
                let most = self.max_size;
                return Poll::Ready(Some(Err(BodyFailure::TooLarge { most })));
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
        let counted = match &mut self.content {
            Content::Empty => return Poll::Ready(None),
            Content::Streamed(counted) => counted,
            Content::Whole(whole) => {
                let bytes = std::mem::take(&mut whole.bytes);
                let frame = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
                return Poll::Ready(frame);
            }
        };
        let frame = ready!(counted.poll_data(context));
        if let Some(Err(failure)) = frame {
            counted.transfer.failure.set(Some(failure));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Streamed(counted) => counted.incoming.is_end_stream(),
            Content::Whole(whole) => whole.bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Streamed(counted) => counted.incoming.size_hint(),
            Content::Whole(whole) => SizeHint::with_exact(whole.bytes.len() as u64),
        }
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
    /// Ends with an error when nothing comes for `pause`. Without a lease, all of it has come.
    pub fn new(
        incoming: Incoming,
        lease: Option<Lease>,
        pause: Duration,
        transfer: Rc<Transfer>,
    ) -> Self {
        let mut body = Self {
            incoming,
            lease,
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
            lease.give_back(&self.transfer);
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
            let body = &mut *self;
            let Poll::Ready(frame) = Pin::new(&mut body.incoming).poll_frame(context) else {
                let left = |limit| body.transfer.left(Instant::now(), limit);
                ready!(body.pause.poll_within(context, left));
                let failure = match body.transfer.is_over(Instant::now()) {
                    true => AnswerFailure::Deadline,
                    false => AnswerFailure::Timeout,
                };
                return body.fail(failure);
            };
            body.pause.end();
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
                    } else if self.transfer.is_over(Instant::now()) {
                        // One that never stands still has to end as well.
                        return self.fail(AnswerFailure::Deadline);
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
