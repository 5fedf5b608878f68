//! A connection to the upstream that takes many requests: HTTP/2.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use h2::Reason;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;
use tokio::time::sleep;
use tracing::debug;

use super::connect::Stream;
use super::{BUFFER, MAX_HEAD, RequestBody};

/// The most requests on a connection, if the upstream allows more.
const MAX_STREAMS: u32 = 100;
/// What is allowed until the upstream has said so.
const UNKNOWN: usize = 0;
/// How often it is looked whether the upstream has said so.
const LOOK: Duration = Duration::from_millis(1);
/// What the upstream may send of one answer before it is read on.
const STREAM_WINDOW: u32 = 128 * 1024;
/// What the upstream may send on a connection before it is read on: enough for all its requests, so
/// that answers that their clients do not read cannot keep those of others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS;
/// After how long without a word a connection with running requests is asked whether it lives.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long its answer may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Until it has ended.
type Driver = Rc<RefCell<Option<Pin<Box<http2::Connection<TokioIo<Stream>, RequestBody, Local>>>>>>;

/// See the module. It ends when it is dropped and its last answer has been read.
#[derive(Debug)]
pub struct Multiplexed {
    sender: SendRequest<RequestBody>,
    driver: Driver,
    running: Cell<usize>,
    /// When its last request ended.
    idle_since: Cell<Instant>,
    /// Whether it has carried a request.
    is_used: Cell<bool>,
}

/// A place for one request on a connection.
#[derive(Debug)]
pub struct Ticket {
    connection: Rc<Multiplexed>,
    /// Takes the request.
    pub sender: SendRequest<RequestBody>,
    /// Whether the connection had carried requests before.
    pub is_reused: bool,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let connection = &self.connection;
        connection.running.set(connection.running.get() - 1);
        connection.idle_since.set(Instant::now());
    }
}

/// Runs what hyper wants to run beside a connection on the worker's own thread.
#[derive(Clone, Debug)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

impl Multiplexed {
    /// Speaks HTTP/2 on `stream`, with prior knowledge, once the upstream has said how many requests
    /// it takes: more would wait unsent, while others could be waited for.
    pub async fn start(stream: Stream) -> io::Result<Rc<Self>> {
        let handshake = http2::Builder::new(Local)
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(UNKNOWN)
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .max_send_buf_size(BUFFER)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(io::Error::other)?;
        let driver: Driver = Rc::new(RefCell::new(Some(Box::pin(driver))));
        spawn_local({
            let driver = Rc::clone(&driver);
            async move {
                let polled = |context: &mut Context<'_>| match &mut *driver.borrow_mut() {
                    Some(driver) => driver.as_mut().poll(context),
                    None => Poll::Ready(Ok(())),
                };
                if let Err(error) = std::future::poll_fn(polled).await {
                    debug!("a connection to the upstream ended: {error}");
                }
                // What was not sent is handed back only then.
                driver.borrow_mut().take();
            }
        });
        let connection = Self {
            sender,
            driver,
            running: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            is_used: Cell::new(false),
        };
        // Nothing tells when it is known; the caller bounds the time.
        while connection.max_running() == UNKNOWN {
            if connection.is_closed() {
                return Err(io::Error::other("the upstream does not speak HTTP/2"));
            }
            sleep(LOOK).await;
        }
        Ok(Rc::new(connection))
    }

    /// The most requests at a time that the upstream takes now.
    fn max_running(&self) -> usize {
        let driver = self.driver.borrow();
        let allowed = driver
            .as_ref()
            .map(|driver| driver.current_max_send_streams());
        let most = usize::try_from(MAX_STREAMS).unwrap_or(usize::MAX);
        allowed.map_or(UNKNOWN, |allowed| allowed.min(most))
    }

    /// A place on it, unless it is full or at its end.
    pub fn enter(self: &Rc<Self>) -> Option<Ticket> {
        if self.is_closed() || self.running.get() >= self.max_running() {
            return None;
        }
        self.running.set(self.running.get() + 1);
        Some(Ticket {
            connection: Rc::clone(self),
            sender: self.sender.clone(),
            is_reused: self.is_used.replace(true),
        })
    }

    /// Whether it takes no more requests.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// For how long no request has been running on it; none while one is.
    pub fn idle_for(&self) -> Option<Duration> {
        (self.running.get() == 0).then(|| self.idle_since.get().elapsed())
    }
}

/// Whether the upstream has said that it did not process the request, and never will (RFC 9113
/// §8.7): it refused the stream, or goes away and does not count it among those it has seen.
pub fn is_refused(error: &hyper::Error) -> bool {
    let Some(error) = error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>())
    else {
        return false;
    };
    let is_refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    error.is_remote() && (is_refused || error.is_go_away())
}

/// Whether the upstream broke the rules of HTTP/2.
pub fn is_invalid(error: &hyper::Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(h2::Error::is_library)
}
