//! The listener and the workers.
//!
//! A control thread accepts connections and hands each to the worker with the fewest; a worker is
//! one single-threaded runtime that owns its connections from the first byte to the last.

mod acceptor;
mod connection;
mod drain;
mod linger;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::audit::Auditor;
use crate::gateway::Snapshot;
use crate::tls;

/// How long a client may stand still, unless the config says otherwise.
pub const CLIENT_TIMEOUT: Duration = Duration::from_mins(1);
/// Connections the kernel holds until they are accepted.
const BACKLOG: u32 = 4096;
/// Accepted connections that wait for their worker; the acceptor waits when there are more.
const HANDOVER: usize = 256;

/// How clients are served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// TLS for every client, or else for none.
    pub tls: Option<tls::ServerSettings>,
    /// How many workers.
    pub workers: usize,
    /// How long a client may take to send a request's head, idle time before it included, or let an
    /// answer stand half sent.
    pub client_timeout: Duration,
    /// How long connections are still accepted after the signal to stop, for load balancers to hear
    /// of it.
    pub stop_delay: Duration,
    /// How long running requests may take after that.
    pub drain_timeout: Duration,
}

impl Settings {
    /// The defaults at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            // Respects the CPU quota of a container.
            workers: thread::available_parallelism().map_or(1, usize::from),
            client_timeout: CLIENT_TIMEOUT,
            stop_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// What a worker needs to answer requests.
#[derive(Clone, Debug)]
pub struct Service {
    /// What requests are judged by, now and after each reload.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Where records go.
    pub auditor: Auditor,
}

/// A listener that is bound, and workers that wait for its connections.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    listener: TcpListener,
    workers: Vec<Worker>,
    stop: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
struct Worker {
    connections: mpsc::Sender<acceptor::Accepted>,
    load: Arc<Load>,
    thread: JoinHandle<Drained>,
}

/// How many connections a worker has, and has had.
#[derive(Debug, Default)]
struct Load {
    open: AtomicUsize,
    total: AtomicUsize,
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Drained {
    /// Connections that were still busy at the deadline and were cut off.
    pub cut_off: usize,
    /// Threads that ended by a panic; their connections were cut off as well.
    pub panicked: usize,
}

impl Server {
    /// Binds the listener and starts the workers. Must be called inside a runtime with I/O.
    ///
    /// # Errors
    ///
    /// An address that cannot be had, a thread that cannot be started.
    pub fn start(settings: Settings, service: &Service) -> io::Result<Self> {
        let listener = bind(settings.address)?;
        let (stop, stopping) = watch::channel(None);
        let mut workers = Vec::new();
        for index in 0..settings.workers {
            let (connections, accepted) = mpsc::channel(HANDOVER);
            let load = Arc::new(Load::default());
            let worker = worker::Worker {
                index,
                service: service.clone(),
                client_timeout: settings.client_timeout,
                load: Arc::clone(&load),
                stopping: stopping.clone(),
            };
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let thread = thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || worker.run(&runtime, accepted))?;
            workers.push(Worker {
                connections,
                load,
                thread,
            });
        }
        Ok(Self {
            settings,
            listener,
            workers,
            stop,
        })
    }

    /// The address that is listened on.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is ready, then lets running requests finish, for a bounded time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Drained {
        acceptor::run(&self.listener, &self.workers, shutdown).await;
        // Connections that the kernel has accepted already would be reset with the listener.
        match self.listener.into_std() {
            Ok(listener) => acceptor::accept_pending(&listener, &self.workers).await,
            Err(error) => warn!("the last connections cannot be accepted: {error}"),
        }
        let loads = self.workers.iter().map(|worker| &worker.load.open);
        let open: usize = loads.map(|open| open.load(Ordering::Relaxed)).sum();
        info!(open, "stopping: {open} connections are open");
        let deadline = Instant::now() + self.settings.drain_timeout;
        self.stop.send_replace(Some(deadline));
        let mut drained = Drained::default();
        for (index, worker) in self.workers.into_iter().enumerate() {
            drop(worker.connections);
            let total = worker.load.total.load(Ordering::Relaxed);
            let joined = tokio::task::spawn_blocking(move || worker.thread.join()).await;
            match joined
                .map_err(|_| ())
                .and_then(|joined| joined.map_err(|_| ()))
            {
                Ok(ended) => drained.cut_off += ended.cut_off,
                Err(()) => drained.panicked += 1,
            }
            info!(
                worker = index,
                total, "worker {index} stopped after {total} connections"
            );
        }
        drained
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
