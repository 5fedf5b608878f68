//! HTTP/2 on one connection, by hyper.
//!
//! One client may have many requests at once here, so everything that a request holds is bounded
//! for the connection as a whole.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::spawn_local;
use tokio::time::{Instant as TokioInstant, sleep};
use tracing::debug;

use super::drain::Phase;
use super::linger::Lingering;
use super::refusal::Refusal;
use super::session::{Session, Shared};
use crate::proxy::{MAX_HEAD, MAX_HEADERS, Peer};

/// What a header line costs by HTTP/2's own count beside its text (RFC 9113 §6.5.2); four lines are
/// pseudo-headers.
const LINE: usize = 32;
/// The most bytes of one request's body that wait to be sent on.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for all requests of a connection.
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// The most bytes of one answer that wait for the client.
const SEND_BUFFER: usize = 64 * 1024;
/// The most streams that were reset by the client before they were looked at, and that we reset
/// because of errors of the client; one more ends the connection (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
const ERROR_RESETS: usize = 1024;
/// The most requests that a client may abandon before their answers begin, if they are more than
/// half of all: streams that are reset as soon as they are opened count against no other limit.
const MAX_ABANDONED: usize = 100;
/// How long a client that was told of the end may take to say that it knows.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves requests until the client, a limit or the drain ends the connection.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    mut stream: Lingering<S>,
    peer: &Rc<Peer>,
    session: &Session,
) {
    stream.ignore_heads();
    session.activity.forget_head();
    // There is nothing that it could give up.
    session.activity.set_asleep(true);
    let unsent = stream.unsent();
    let abandoned = Rc::new(Cell::new(0));
    let service = service_fn({
        let (session, peer) = (session.clone(), Rc::clone(peer));
        let abandoned = Rc::clone(&abandoned);
        move |request: Request<Incoming>| {
            let answer = session.answer(request, &peer);
            let waiting = Waiting(Some(Rc::clone(&abandoned)));
            async move {
                // Nobody can change the protocol of a stream.
                let (answer, _) = answer.await;
                waiting.answered();
                Ok::<_, Infallible>(answer)
            }
        }
    });
    let settings = &session.shared.settings;
    let max_list = MAX_HEAD + LINE * (MAX_HEADERS + 4);
    let connection = http2::Builder::new(Streams(Rc::clone(&session.shared)))
        // Without one, a timeout panics.
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.http2_streams)
        .max_header_list_size(u32::try_from(max_list).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Those that were on their way when GOAWAY was come on top.
    let streams = usize::try_from(settings.http2_streams).unwrap_or(usize::MAX);
    let most = streams.saturating_mul(2);
    let most = most.saturating_add(settings.max_requests_per_connection);
    let mut told: Option<Instant> = None;
    let ended = std::future::poll_fn(|context| {
        let begun = session.activity.begun();
        let is_reset = abandoned.get() > MAX_ABANDONED && abandoned.get() > begun / 2;
        if is_reset || begun > most {
            return Poll::Ready(Err(Abuse::Flood));
        }
        // GOAWAY at once, not with the next answer: the client opens its next stream elsewhere.
        let is_last = session.shared.drain.phase() >= Phase::LastAnswer || session.is_last();
        if told.is_none() && (is_last || session.over().is_some()) {
            told = Some(Instant::now());
            connection.as_mut().graceful_shutdown();
        }
        let polled = connection.as_mut().poll(context);
        let is_deaf = || told.is_some_and(|told| told.elapsed() >= GOODBYE);
        match polled {
            Poll::Pending if !unsent.get() && session.over().is_some() && is_deaf() => {
                Poll::Ready(Ok(()))
            }
            polled => polled.map_err(Abuse::of),
        }
    });
    match ended.await {
        Err(Abuse::Protocol) => {
            session.shared.refusals.count(Refusal::Http2);
            let gateway = &session.shared.gateway;
            gateway.refuse_unreadable(peer, StatusCode::BAD_REQUEST);
        }
        // Each of its requests was audited.
        Err(Abuse::Flood) => session.shared.refusals.count(Refusal::Http2),
        Err(Abuse::None(error)) => {
            debug!(peer = %peer.address(), "a connection ended early: {error}");
        }
        Ok(()) => {}
    }
}

/// What an HTTP/2 client did when its connection did not end in good order.
#[derive(Debug)]
enum Abuse {
    /// It went away.
    None(hyper::Error),
    /// It sent what HTTP/2 does not allow, or no server has to bear.
    Protocol,
    /// It asked for answers and did not wait for them, or went on after it was told of the end.
    Flood,
}

impl Abuse {
    fn of(error: hyper::Error) -> Self {
        match is_protocol_error(&error) {
            true => Self::Protocol,
            false => Self::None(error),
        }
    }
}

/// A request whose answer has not begun; counts as abandoned if it ends as that.
struct Waiting(Option<Rc<Cell<usize>>>);

impl Waiting {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(abandoned) = &self.0 {
            abandoned.set(abandoned.get() + 1);
        }
    }
}

/// Whether it was us who gave up the connection because of what the client sent.
fn is_protocol_error(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let error = source.and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_some_and(|error| error.is_library() && !error.is_io())
}

/// Runs a connection's streams beside it, on its worker.
#[derive(Clone, Debug)]
struct Streams(Rc<Shared>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let shared = Rc::clone(&self.0);
        let limit = shared.settings.client_timeout + shared.gateway.longest_wait();
        spawn_local(async move {
            if unless_still(stream, limit).await.is_none() {
                shared.refusals.count(Refusal::StalledStream);
            }
        });
    }
}

/// Runs a stream, unless nothing happens to it for `limit`.
///
/// Waits for the upstream and for the client's body have bounds of their own, which wake the stream
/// before `limit` is over. One that is not woken waits for the client to open the window for its
/// answer, and would wait for ever.
async fn unless_still<F: Future>(stream: F, limit: Duration) -> Option<F::Output> {
    let mut stream = std::pin::pin!(stream);
    let mut alarm = std::pin::pin!(sleep(limit));
    let mut moved = TokioInstant::now();
    std::future::poll_fn(|context| {
        match alarm.as_mut().poll(context).is_ready() {
            // One timer for many moves: it is put off when it rings, not at each move.
            true if moved.elapsed() < limit => {
                alarm.as_mut().reset(moved + limit);
                if alarm.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
            }
            true => return Poll::Ready(None),
            false => moved = TokioInstant::now(),
        }
        stream.as_mut().poll(context).map(Some)
    })
    .await
}
