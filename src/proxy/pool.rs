//! A worker's connections to one endpoint.
//!
//! Over HTTP/1.1 the most recently used idle one is taken first; over HTTP/2 a connection takes
//! many requests, and another one is made when all are full.

use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::connect::Stream;
use super::endpoint::Address;
use super::multiplex::{Multiplexed, Ticket};
use super::settings::{Protocol, Settings};
use super::upstream::Upstream;
use super::witness::{Received, Witness};
use super::{BUFFER, MAX_HEAD, MAX_HEADERS, RequestBody};

/// How long a connection may take to be ready again after an answer's last byte.
pub const SETTLE: Duration = Duration::from_secs(1);

/// Who gets the connection once it speaks another protocol.
type Handover = RefCell<Option<oneshot::Sender<Switched>>>;

/// A connection that HTTP is done with, and what was read of it already.
pub type Switched = (Witness, Bytes);

/// One HTTP/1.1 connection; dropping it closes the connection, whatever is on its way.
#[derive(Debug)]
pub struct Connection {
    /// Takes one request at a time.
    pub sender: SendRequest<RequestBody>,
    /// What came back.
    pub received: Rc<Received>,
    handover: Rc<Handover>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Where the connection itself comes to if the answer to the next request is `101`.
    pub fn expect_switch(&self) -> oneshot::Receiver<Switched> {
        let (taker, switched) = oneshot::channel();
        self.handover.replace(Some(taker));
        switched
    }
}

/// A way for one request.
#[derive(Debug)]
pub enum Channel {
    /// A connection of its own.
    Http1(Connection),
    /// A share of a connection.
    Http2(Ticket),
}

/// See the module.
#[derive(Debug)]
pub struct Pool {
    protocol: Protocol,
    idle_timeout: Duration,
    idle_connections: usize,
    /// Oldest first.
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Rc<Multiplexed>>>,
    /// Held while a shared connection is made, so that not every request makes one.
    making: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    Failed(io::Error),
    Timeout,
}

impl Pool {
    /// Empty, and swept of connections that have been idle for too long.
    pub fn new(settings: &Settings) -> Rc<Self> {
        let pool = Rc::new(Self {
            protocol: settings.protocol,
            idle_timeout: settings.idle_timeout,
            idle_connections: settings.idle_connections,
            idle: RefCell::default(),
            shared: RefCell::default(),
            making: tokio::sync::Mutex::default(),
        });
        spawn_local(sweep(Rc::downgrade(&pool), settings.idle_timeout));
        pool
    }

    /// A way that is there: the connection used last, unless it has been idle for too long or is
    /// known to be closed.
    pub fn take(&self, now: Instant) -> Option<Channel> {
        match self.protocol {
            Protocol::Http1 => self.take_idle(now).map(Channel::Http1),
            Protocol::Http2 => self.share().map(Channel::Http2),
        }
    }

    fn take_idle(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { connection, since }) = idle.pop() {
            if now.saturating_duration_since(since) >= self.idle_timeout {
                // All others have been idle for longer.
                idle.clear();
                return None;
            }
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    fn share(&self) -> Option<Ticket> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|connection| !connection.is_closed());
        shared.iter().find_map(Multiplexed::enter)
    }

    /// A new way, in `limit`.
    pub async fn connect(
        &self,
        upstream: &Upstream,
        address: &Address,
        limit: Duration,
    ) -> Result<Channel, ConnectError> {
        let connecting = async {
            match self.protocol {
                Protocol::Http1 => connect_http1(upstream, address).await.map(Channel::Http1),
                Protocol::Http2 => self.connect_http2(upstream, address).await,
            }
        };
        let connected = timeout(limit, connecting).await;
        connected
            .map_err(|_| ConnectError::Timeout)?
            .map_err(ConnectError::Failed)
    }

    async fn connect_http2(&self, upstream: &Upstream, address: &Address) -> io::Result<Channel> {
        let _making = self.making.lock().await;
        if let Some(ticket) = self.share() {
            return Ok(Channel::Http2(ticket));
        }
        let stream = Stream::connect(upstream, address).await?;
        let connection = Multiplexed::start(stream).await?;
        let ticket = Multiplexed::enter(&connection);
        self.shared.borrow_mut().push(connection);
        ticket
            .map(Channel::Http2)
            .ok_or_else(|| io::Error::other("the new connection takes no request"))
    }

    /// Gives back a connection once its answer has been read to its end.
    pub fn give_back(self: &Rc<Self>, channel: Channel) {
        let mut connection = match channel {
            // A ticket is given back by being dropped.
            Channel::Http2(_) => return,
            Channel::Http1(connection) => connection,
        };
        if connection.sender.is_closed() {
            return;
        }
        if connection.sender.is_ready() {
            self.put(connection);
            return;
        }
        // The request's body is still on its way, or the end of the answer was not seen yet.
        let pool = Rc::downgrade(self);
        spawn_local(async move {
            if let Ok(Ok(())) = timeout(SETTLE, connection.sender.ready()).await
                && let Some(pool) = pool.upgrade()
            {
                pool.put(connection);
            }
        });
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.idle_connections && !connection.received.is_deaf() {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }
}

async fn connect_http1(upstream: &Upstream, address: &Address) -> io::Result<Connection> {
    let received = Rc::new(Received::default());
    let stream = Stream::connect(upstream, address).await?;
    let stream = Witness::new(stream, Rc::clone(&received));
    let handshake = http1::Builder::new()
        // Requests are small: together in one piece they cost less than as several.
        .writev(false)
        .max_buf_size(BUFFER)
        .max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream));
    let (sender, mut driver) = handshake.await.map_err(io::Error::other)?;
    let handover = Rc::new(Handover::default());
    let taker = Rc::clone(&handover);
    let driver = spawn_local(async move {
        if let Err(error) = (&mut driver).await {
            debug!("a connection to the upstream ended: {error}");
            return;
        }
        if let Some(taker) = taker.take() {
            let parts = driver.into_parts();
            // Whoever asked for it may be gone, and so is the connection then.
            let _ = taker.send((parts.io.into_inner(), parts.read_buf));
        }
    });
    Ok(Connection {
        sender,
        received,
        handover,
        driver: driver.abort_handle(),
    })
}

/// Closes what has been idle for too long, until the pool is gone.
async fn sweep(pool: Weak<Pool>, idle_timeout: Duration) {
    loop {
        sleep(idle_timeout / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle.borrow_mut();
        idle.retain(|idle| {
            idle.since.elapsed() < idle_timeout && !idle.connection.sender.is_closed()
        });
        let mut shared = pool.shared.borrow_mut();
        shared.retain(|shared| !shared.is_closed() && shared.idle_for() < Some(idle_timeout));
    }
}
