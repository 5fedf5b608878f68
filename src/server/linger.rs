//! A client's connection that neither waits for ever nor ends harshly.
//!
//! A client that takes nothing of its answer is given up after a while.
//!
//! Closing a socket with unread input resets the connection, and the client may lose the answer it
//! was just sent. So the end of our stream is sent first, then what still comes is read and dropped,
//! for a bounded time (RFC 9112 §9.6).

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::rewound::Rewound;
use crate::proxy::{self, Activity};

/// How long what the client still sends is read.
const LINGER: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Lingering<S> {
    stream: Rewound<S>,
    /// Told of what comes in, as long as that begins heads.
    activity: Option<Rc<Activity>>,
    write_timeout: Duration,
    /// Running while the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Running once the end of our stream was sent.
    deadline: Option<Pin<Box<Sleep>>>,
    unsent: Rc<Cell<bool>>,
    has_ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lingering<S> {
    pub fn new(stream: Rewound<S>, activity: &Rc<Activity>, write_timeout: Duration) -> Self {
        Self {
            stream,
            activity: Some(Rc::clone(activity)),
            write_timeout,
            stalled: None,
            deadline: None,
            unsent: Rc::default(),
            has_ended: false,
        }
    }

    /// What was looked at and not read yet.
    pub fn ahead(&self) -> &[u8] {
        self.stream.ahead()
    }

    /// Looks further ahead; zero at the end of the stream.
    pub async fn look(&mut self) -> io::Result<usize> {
        let count = self.stream.look().await?;
        self.note_received(count);
        Ok(count)
    }

    /// Gives back what a reader has taken and not used.
    pub fn give_back(&mut self, unused: &Bytes) {
        self.stream.give_back(unused);
        self.note_received(unused.len());
    }

    /// From now on, what comes in is no sign of a head: HTTP/2 has other frames.
    pub fn ignore_heads(&mut self) {
        self.activity = None;
    }

    fn note_received(&self, count: usize) {
        if count > 0
            && let Some(activity) = &self.activity
        {
            activity.received();
        }
    }

    /// Tells from now on whether something is still to be sent, be it only that nothing follows.
    pub fn unsent(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.unsent)
    }

    /// Bounds the time that a write has to wait.
    fn bounded<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        self.unsent.set(written.is_pending());
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.note_received(buffer.filled().len() - before);
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = proxy::poll_write(&mut self.stream, context, slices);
        self.bounded(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // TLS takes more than the socket does.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_ended {
            return Poll::Ready(Ok(()));
        }
        if self.deadline.is_none() {
            // TLS has a last word to say, which the client may not take either.
            let ended = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.bounded(ended, context))?;
        }
        let Self {
            stream,
            deadline,
            unsent,
            has_ended,
            ..
        } = &mut *self;
        unsent.set(true);
        let deadline = deadline.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        loop {
            if deadline.as_mut().poll(context).is_ready() {
                *has_ended = true;
                return Poll::Ready(Ok(()));
            }
            let mut unwanted = [0; 4096];
            let mut buffer = ReadBuf::new(&mut unwanted);
            let read = ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                *has_ended = true;
                return Poll::Ready(Ok(()));
            }
        }
    }
}
