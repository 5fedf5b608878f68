//! The listener and the workers.
//!
//! A control thread accepts connections and hands each to the worker with the fewest; a worker is
//! one single-threaded runtime that owns its connections from the first byte to the last.

mod acceptor;
mod connection;
mod drain;
mod forwarded;
mod http1;
mod http2;
mod linger;
mod listener;
mod networks;
mod proxy_header;
mod refusal;
mod rewound;
mod session;
mod socket;
mod worker;

use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::Incoming;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

pub use listener::{Address, InvalidAddress, ListenError};
pub use networks::{InvalidNetwork, Network, Networks};

use acceptor::Acceptor;
use listener::{Accepted, Listener};
use refusal::{Census, Refusals};

use crate::audit::Auditor;
use crate::gateway::{Answering, Gateway, Snapshot};
use crate::metrics::Registry;
use crate::proxy::Peer;
use crate::tls;
use crate::trace::Tracer;

/// How long a client may stand still, unless the config says otherwise.
pub const CLIENT_TIMEOUT: Duration = Duration::from_mins(1);
/// Accepted connections that wait for their worker; the acceptor waits when there are more.
const HANDOVER: usize = 256;

/// How clients are served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where to listen; at least one.
    pub addresses: Vec<Address>,
    /// The permissions of Unix sockets.
    pub unix_mode: u32,
    /// TLS for every client, or else for none.
    pub tls: Option<tls::ServerSettings>,
    /// How many workers.
    pub workers: usize,
    /// How long a client may send nothing between requests or within a body, or let an answer stand
    /// half sent.
    pub client_timeout: Duration,
    /// How long a head may take from its first byte on, as may a PROXY header.
    pub header_timeout: Duration,
    /// How long connections are still accepted after the signal to stop, for load balancers to hear
    /// of it.
    pub stop_delay: Duration,
    /// How long running requests may take after that.
    pub drain_timeout: Duration,
    /// The most connections in all; more are closed at once.
    pub max_connections: usize,
    /// The most connections of one client.
    pub max_connections_per_peer: Option<usize>,
    /// The most requests of one connection, which then is closed in good order.
    pub max_requests_per_connection: usize,
    /// The most requests of one HTTP/2 connection at once.
    pub http2_streams: u32,
    /// Who begins each connection with a PROXY header, and must.
    pub proxy_protocol: Networks,
    /// Whose `Forwarded` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Networks,
}

impl Settings {
    /// The defaults at these addresses.
    pub fn new(addresses: Vec<Address>) -> Self {
        Self {
            addresses,
            unix_mode: 0o660,
            tls: None,
            // Respects the CPU quota of a container.
            workers: thread::available_parallelism().map_or(1, usize::from),
            client_timeout: CLIENT_TIMEOUT,
            header_timeout: Duration::from_secs(10),
            stop_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            max_connections_per_peer: None,
            max_requests_per_connection: 10_000,
            http2_streams: 100,
            proxy_protocol: Networks::default(),
            trusted_proxies: Networks::default(),
        }
    }
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address that cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A thread or a runtime that cannot be had.
    #[error("cannot start a worker")]
    Worker(#[from] io::Error),
}

/// Answers requests with the help of the worker's gateway, instead of that.
pub trait Handler: fmt::Debug + Send + Sync {
    /// Answers one; `peer` is the other end of the connection.
    fn handle(
        &self,
        gateway: &Rc<Gateway>,
        request: Request<Incoming>,
        peer: &Rc<Peer>,
    ) -> Answering;
}

/// What a worker needs to answer requests.
#[derive(Clone, Debug)]
pub struct Service {
    /// What requests are judged by, now and after each reload.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// TLS for every client, or else for none.
    pub tls: Option<tls::Server>,
    /// Where records go.
    pub auditor: Auditor,
    /// Where requests are counted, if they are.
    pub metrics: Option<Arc<Registry>>,
    /// Places requests in traces.
    pub tracer: Tracer,
    /// Who answers, where it is not the gateway.
    pub handler: Option<Arc<dyn Handler>>,
    /// What its first worker is called; others count on.
    pub first_worker: usize,
}

/// Listeners that are bound, and workers that wait for their connections.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    listeners: Vec<Listener>,
    workers: Vec<Worker>,
    refusals: Arc<Refusals>,
    stop: watch::Sender<Option<Instant>>,
}

/// What a server has to do, for others to look at; cheap to clone.
#[derive(Clone, Debug)]
pub struct Occupancy {
    loads: Vec<Arc<Load>>,
    refusals: Arc<Refusals>,
}

impl Occupancy {
    /// The connections of each worker: those that are open, and all there were.
    pub fn connections(&self) -> impl Iterator<Item = (usize, usize)> {
        let loads = self.loads.iter();
        loads.map(|load| (load.open(), load.total.load(Ordering::Relaxed)))
    }

    /// How many workers have ended by a panic.
    pub fn lost_workers(&self) -> usize {
        self.loads.iter().filter(|load| load.is_given_up()).count()
    }

    /// How many connections or streams each limit has ended, by its label.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.refusals.totals()
    }
}

#[derive(Debug)]
struct Worker {
    index: usize,
    connections: mpsc::Sender<Accepted>,
    load: Arc<Load>,
    thread: JoinHandle<Drained>,
}

/// How many connections a worker has, and has had.
#[derive(Debug, Default)]
struct Load {
    open: AtomicUsize,
    total: AtomicUsize,
}

impl Load {
    /// More than any worker has.
    const GONE: usize = usize::MAX / 2;

    /// Keeps the worker from being chosen ever again.
    fn give_up(&self) {
        self.open.store(Self::GONE, Ordering::Relaxed);
    }

    /// How many connections are open; none, once the worker was given up.
    fn open(&self) -> usize {
        match self.is_given_up() {
            true => 0,
            false => self.open.load(Ordering::Relaxed),
        }
    }

    fn is_given_up(&self) -> bool {
        self.open.load(Ordering::Relaxed) >= Self::GONE / 2
    }
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
    /// Binds the listeners and starts the workers. Must be called inside a runtime with I/O.
    ///
    /// # Errors
    ///
    /// An address that cannot be had, a thread that cannot be started.
    pub fn start(settings: Settings, service: &Service) -> Result<Self, StartError> {
        let listeners = listener::bind_all(&settings.addresses, settings.unix_mode)?;
        let (stop, stopping) = watch::channel(None);
        let refusals = Arc::new(Refusals::default());
        let census = Census::new(settings.max_connections_per_peer);
        let mut workers = Vec::new();
        for index in (service.first_worker..).take(settings.workers) {
            let (connections, accepted) = mpsc::channel(HANDOVER);
            let load = Arc::new(Load::default());
            let worker = worker::Worker {
                index,
                service: service.clone(),
                settings: settings.clone(),
                refusals: Arc::clone(&refusals),
                census: Arc::clone(&census),
                load: Arc::clone(&load),
                stopping: stopping.clone(),
            };
            workers.push(Worker {
                index,
                connections,
                load,
                thread: worker.start(accepted)?,
            });
        }
        Ok(Self {
            settings,
            listeners,
            workers,
            refusals,
            stop,
        })
    }

    /// The addresses that are listened on.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        self.listeners.iter().map(Listener::address).collect()
    }

    /// What it has to do, now and whenever it is looked at.
    pub fn occupancy(&self) -> Occupancy {
        let loads = self.workers.iter().map(|worker| Arc::clone(&worker.load));
        Occupancy {
            loads: loads.collect(),
            refusals: Arc::clone(&self.refusals),
        }
    }

    /// Serves until `shutdown` is ready, then lets running requests finish, for a bounded time.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Drained {
        let acceptor = Acceptor {
            workers: &self.workers,
            most: self.settings.max_connections,
            refusals: &self.refusals,
        };
        acceptor.run(&self.listeners, shutdown).await;
        for listener in self.listeners {
            // Connections that the kernel has accepted already would be reset with the listener.
            match listener.into_unwatched() {
                Ok(listener) => acceptor.accept_pending(&listener).await,
                Err(error) => warn!("the last connections cannot be accepted: {error}"),
            }
        }
        self.refusals.report();
        let open: usize = self.workers.iter().map(|worker| worker.load.open()).sum();
        info!(open, "stopping: {open} connections are open");
        let deadline = Instant::now() + self.settings.drain_timeout;
        self.stop.send_replace(Some(deadline));
        let mut drained = Drained::default();
        for worker in self.workers {
            let index = worker.index;
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
