//! A connection to the upstream that remembers how much came back.
//!
//! A request may be sent again only if nothing of an answer was received; hyper's errors do not
//! tell an answer that broke off from none. And hyper reads interim answers without end.
//!
//! An upstream may answer before it has read the whole body, and close (RFC 9112 §9.5). hyper stops
//! at the write that fails then, without reading the answer that is there; so none fails here, and
//! what comes of the connection is what can still be read.

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
    is_deaf: Cell<bool>,
}

impl Received {
    /// Whether the upstream takes nothing more on the connection.
    pub fn is_deaf(&self) -> bool {
        self.is_deaf.get()
    }

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

    /// What to say of a write, or of the attempt.
    fn written<T>(&self, polled: Poll<io::Result<T>>, all: T) -> Poll<io::Result<T>> {
        let Poll::Ready(Err(error)) = &polled else {
            return polled;
        };
        let is_closed = matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
        );
        if !is_closed {
            return polled;
        }
        self.received.is_deaf.set(true);
        Poll::Ready(Ok(all))
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
        if self.received.is_deaf() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(polled, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| slice.len()).sum();
        if self.received.is_deaf() {
            return Poll::Ready(Ok(all));
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(polled, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.received.is_deaf() {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.written(polled, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_answer_is_read_although_nothing_more_can_be_written() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_io().build().unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let received = Rc::new(Received::default());
            let stream = TcpStream::connect(address).await.unwrap();
            let mut witness = Witness::new(Stream::Tcp(stream), Rc::clone(&received));
            witness.write_all(b"request").await.unwrap();
            let (mut upstream, _) = listener.accept().await.unwrap();
            upstream.write_all(b"answer").await.unwrap();
            // Closing with something unread is a reset.
            upstream.readable().await.unwrap();
            drop(upstream);
            assert!(!received.is_deaf());
            while !received.is_deaf() {
                witness.write_all(b"more").await.unwrap();
                let slices = [IoSlice::new(b"and "), IoSlice::new(b"more")];
                assert_ne!(witness.write_vectored(&slices).await.unwrap(), 0);
                witness.flush().await.unwrap();
            }
            let mut answer = [0; 6];
            witness.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"answer");
            // And that is all, well or not.
            assert!(!matches!(witness.read(&mut answer).await, Ok(1..)));
        });
    }
}
