//! What is left of a refused request's body.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use hyper::Version;
use hyper::body::{Body as _, Incoming};
use hyper::header::EXPECT;
use hyper::http::request;
use tokio::task::yield_now;

/// How much of it is read so that the connection can go on.
const MOST: usize = 64 * 1024;
/// How often the connection gets its turn to hand on what it has got.
const TURNS: usize = 4;

/// How the rest of a request's body comes.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    is_alone: bool,
    is_asked_for: bool,
}

impl Rest {
    pub fn of(head: &request::Parts) -> Self {
        Self {
            // A stream of HTTP/2 ends by itself.
            is_alone: head.version >= Version::HTTP_2,
            is_asked_for: head.headers.contains_key(EXPECT),
        }
    }

    /// Whether nothing of a body that nobody has read is to come, and to stand before the next request.
    /// What is here already is read for that, nothing is waited for.
    pub async fn is_here(self, body: Option<Incoming>) -> bool {
        match body {
            _ if self.is_alone => true,
            // Of what was on its way to the upstream hyper reads the rest, or ends the connection.
            None => true,
            Some(body) if body.is_end_stream() => true,
            // Reading would ask for it (RFC 9110 §10.1.1).
            Some(_) if self.is_asked_for => false,
            Some(body) => is_read(body).await,
        }
    }
}

async fn is_read(mut body: Incoming) -> bool {
    let mut read = 0;
    let mut turns = 0;
    while read <= MOST && turns < TURNS {
        if body.is_end_stream() {
            return true;
        }
        match poll_fn(|context| Poll::Ready(Pin::new(&mut body).poll_frame(context))).await {
            Poll::Ready(None) => return true,
            Poll::Ready(Some(Err(_))) => return false,
            Poll::Ready(Some(Ok(frame))) => read += frame.data_ref().map_or(0, bytes::Bytes::len),
            // The connection reads what it has got once it is its turn.
            Poll::Pending => {
                turns += 1;
                yield_now().await;
            }
        }
    }
    false
}
