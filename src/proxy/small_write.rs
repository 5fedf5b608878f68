//! Several small pieces as one write.
//!
//! A head and a short body are two buffers; copying them together costs less than what the kernel
//! does for a vectored write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// Up to this many bytes are copied.
const SMALL: usize = 1024;

/// Writes `slices`, or the beginning of them, as [`tokio::io::AsyncWrite::poll_write_vectored`] does.
pub fn poll_write(
    stream: &mut (impl AsyncWrite + Unpin),
    context: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    if let [only] = slices {
        return stream.poll_write(context, only);
    }
    let mut gathered = [0; SMALL];
    let mut rest = gathered.as_mut_slice();
    for slice in slices {
        let Some((place, after)) = std::mem::take(&mut rest).split_at_mut_checked(slice.len())
        else {
            return stream.poll_write_vectored(context, slices);
        };
        place.copy_from_slice(slice);
        rest = after;
    }
    let left = rest.len();
    let (text, _) = gathered.split_at(SMALL - left);
    stream.poll_write(context, text)
}
