//! A worker's connections to the upstream, the most recently used first.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::witness::Witness;
use super::{BUFFER, RequestBody, Settings};

/// How long a connection may take to be ready again after an answer's last byte.
const SETTLE: Duration = Duration::from_secs(1);

/// One connection to the upstream; dropping it closes the connection, whatever is on its way.
#[derive(Debug)]
pub struct Connection {
    /// Takes one request at a time.
    pub sender: SendRequest<RequestBody>,
    /// Whether anything was received since it was last cleared.
    pub has_read: Rc<Cell<bool>>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Idle connections, oldest first.
#[derive(Debug)]
pub struct Pool {
    settings: Settings,
    idle: RefCell<Vec<Idle>>,
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
            settings: settings.clone(),
            idle: RefCell::default(),
        });
        spawn_local(sweep(Rc::downgrade(&pool), settings.idle_timeout));
        pool
    }

    /// The connection used last, unless it has been idle for too long or is known to be closed.
    pub fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { connection, since }) = idle.pop() {
            if since.elapsed() >= self.settings.idle_timeout {
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

    /// A new connection.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        let address = (self.settings.host.as_str(), self.settings.port);
        let has_read = Rc::new(Cell::new(false));
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let stream = Witness::new(stream, Rc::clone(&has_read));
            let mut builder = http1::Builder::new();
            let handshake = builder.max_buf_size(BUFFER).handshake(TokioIo::new(stream));
            handshake.await.map_err(io::Error::other)
        };
        let connected = timeout(self.settings.connect_timeout, connecting).await;
        let (sender, driver) = connected
            .map_err(|_| ConnectError::Timeout)?
            .map_err(ConnectError::Failed)?;
        let driver = spawn_local(async move {
            if let Err(error) = driver.await {
                debug!("a connection to the upstream ended: {error}");
            }
        });
        Ok(Connection {
            sender,
            has_read,
            driver: driver.abort_handle(),
        })
    }

    /// Lends `connection` out until its answer has been read.
    pub fn lease(self: &Rc<Self>, connection: Connection) -> Lease {
        Lease {
            connection,
            pool: Rc::downgrade(self),
        }
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.settings.idle_connections {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }
}

/// A connection in use; dropping it closes the connection.
#[derive(Debug)]
pub struct Lease {
    connection: Connection,
    pool: Weak<Pool>,
}

impl Lease {
    /// Gives the connection back once the answer has been read to its end.
    pub fn give_back(self) {
        let Self {
            mut connection,
            pool,
        } = self;
        if connection.sender.is_closed() {
            return;
        }
        if connection.sender.is_ready() {
            if let Some(pool) = pool.upgrade() {
                pool.put(connection);
            }
            return;
        }
        // The request's body is still on its way, or the end of the answer was not seen yet.
        spawn_local(async move {
            if let Ok(Ok(())) = timeout(SETTLE, connection.sender.ready()).await
                && let Some(pool) = pool.upgrade()
            {
                pool.put(connection);
            }
        });
    }
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
    }
}
