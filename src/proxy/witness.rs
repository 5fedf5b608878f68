//! A connection to the upstream that remembers how much came back.
//!
//! A request may be sent again only if nothing of an answer was received; hyper's errors do not
//! tell an answer that broke off from none. And hyper reads interim answers without end.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Stream;

/// The most bytes that may come before an answer's head is there: its head, interim answers, and
/// what of its body hyper reads ahead.
const MAX_UNANSWERED: usize = 1024 * 1024;

/// What has come in since a request was sent.
#[derive(Debug, Default)]
pub struct Received {
    bytes: Cell<usize>,
    /// Whether the head of an answer is being waited for.
    awaits_head: Cell<bool>,
    is_used: Cell<bool>,
}

impl Received {
    /// Whether a request has been sent on the connection.
    pub fn is_used(&self) -> bool {
        self.is_used.get()
    }

    /// A request is about to be sent.
    pub fn expect_answer(&self) {
        self.is_used.set(true);
        self.bytes.set(0);
        self.awaits_head.set(true);
    }

    /// The head of the answer is there.
    pub fn answered(&self) {
        self.awaits_head.set(false);
    }

    /// Whether nothing has come in since the request was sent.
    pub fn is_nothing(&self) -> bool {
        self.bytes.get() == 0
    }
}

/// See the module.
#[derive(Debug)]
pub struct Witness {
    stream: Stream,
    received: Rc<Received>,
}

impl Witness {
    /// Counts in `received` every byte that comes in.
    pub fn new(stream: Stream, received: Rc<Received>) -> Self {
        Self { stream, received }
    }
}

impl AsyncRead for Witness {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        let received = self.received.bytes.get().saturating_add(read);
        self.received.bytes.set(received);
        if received > MAX_UNANSWERED && self.received.awaits_head.get() {
            return Poll::Ready(Err(io::Error::other("too much before the answer's head")));
        }
        polled
    }
}

impl AsyncWrite for Witness {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
