//! A stream whose beginning was looked at before its reader gets it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that one look takes; the head of a usual request fits.
const LOOK: usize = 4096;

/// See the module.
#[derive(Debug)]
pub struct Rewound<S> {
    stream: S,
    ahead: BytesMut,
}

impl<S: AsyncRead + Unpin> Rewound<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
        }
    }

    /// What was looked at and not read yet.
    pub fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Looks further ahead, by as much as there is; zero at the end of the stream.
    pub async fn look(&mut self) -> io::Result<usize> {
        std::future::poll_fn(|context| {
            // On the stack of the poll, not in the future: whoever waits needs no buffer.
            let mut space = [0; LOOK];
            let mut buffer = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            self.ahead.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
        .await
    }

    /// Drops the first `count` bytes of what was looked at.
    pub fn skip(&mut self, count: usize) {
        self.ahead.advance(count.min(self.ahead.len()));
    }

    /// Gives back what a reader has taken and not used.
    pub fn give_back(&mut self, unused: &Bytes) {
        if !unused.is_empty() {
            let later = std::mem::take(&mut self.ahead);
            self.ahead.extend_from_slice(unused);
            self.ahead.extend_from_slice(&later);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead.split_to(count));
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt as _;
    use tokio::runtime;

    use super::*;

    proptest! {
        #[test]
        fn whoever_looks_changes_nothing(text: Vec<u8>, looks in 0..3, skip in 0_usize..20) {
            let runtime = runtime::Builder::new_current_thread().build()?;
            let mut stream = Rewound::new(text.as_slice());
            let rest = runtime.block_on(async {
                for _ in 0..looks {
                    stream.look().await?;
                }
                let skipped = skip.min(stream.ahead().len());
                stream.skip(skip);
                // A reader that takes some and gives all of it back.
                let mut some = vec![0; 5];
                let count = stream.read(&mut some).await?;
                some.truncate(count);
                stream.give_back(&Bytes::from(some));
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
                io::Result::Ok((skipped, rest))
            });
            let (skipped, rest) = rest?;
            prop_assert_eq!(Some(rest.as_slice()), text.get(skipped..));
        }
    }
}
