//! One worker: a thread with a runtime of its own.

use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;
use tracing::warn;

use super::acceptor::Accepted;
use super::connection;
use super::drain::{Drain, Phase};
use super::{Drained, Load, Service};
use crate::gateway::{Gateway, Snapshot};

/// How long an idle connection may still send a request once the drain has begun: a client that is
/// about to gets its answer and a `Connection: close` instead of a closed connection.
const LAST_REQUEST: Duration = Duration::from_millis(250);
/// How often a drain looks whether it is done.
const TICK: Duration = Duration::from_millis(5);
/// The most time between two looks for connections that send nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a worker's thread starts from.
pub struct Worker {
    pub index: usize,
    pub service: Service,
    pub client_timeout: Duration,
    pub load: Arc<Load>,
    pub stopping: watch::Receiver<Option<Instant>>,
}

impl Worker {
    /// Serves the connections that are handed over, until the drain is done.
    pub fn run(self, runtime: &Runtime, accepted: mpsc::Receiver<Accepted>) -> Drained {
        LocalSet::new().block_on(runtime, self.serve(accepted))
    }

    async fn serve(self, mut accepted: mpsc::Receiver<Accepted>) -> Drained {
        let mut snapshots = self.service.snapshots.clone();
        let first = Arc::clone(&snapshots.borrow_and_update());
        let gateway = Gateway::new(self.index, first, self.service.auditor.clone());
        spawn_local(follow(Rc::downgrade(&gateway), snapshots));
        let drain = Rc::new(Drain::default());
        let serve = |Accepted { stream, peer }: Accepted| {
            // The acceptor has counted it already.
            let counted = Counted(Arc::clone(&self.load));
            let (gateway, drain) = (Rc::clone(&gateway), Rc::clone(&drain));
            let client_timeout = self.client_timeout;
            spawn_local(async move {
                let _counted = counted;
                if let Ok(stream) = TcpStream::from_std(stream) {
                    connection::serve(stream, peer, gateway, drain, client_timeout).await;
                }
            });
        };
        spawn_local(sweep(Rc::downgrade(&drain), self.client_timeout));
        let mut stopping = self.stopping.clone();
        let deadline = loop {
            tokio::select! {
                Some(connection) = accepted.recv() => serve(connection),
                stopping = stopping.wait_for(Option::is_some) => {
                    // The server is gone without a word: nothing is left to wait for.
                    break stopping.ok().and_then(|deadline| *deadline).unwrap_or_else(Instant::now);
                }
            }
        };
        while let Ok(connection) = accepted.try_recv() {
            serve(connection);
        }
        self.drain(&drain, deadline).await
    }

    async fn drain(&self, drain: &Drain, deadline: Instant) -> Drained {
        drain.advance(Phase::LastAnswer);
        let started = Instant::now();
        let closing = started + LAST_REQUEST.min(deadline.duration_since(started) / 2);
        loop {
            let open = self.load.open.load(Ordering::Relaxed);
            let now = Instant::now();
            if open == 0 {
                return Drained::default();
            }
            if now >= deadline {
                let cut_off = drain.busy();
                if cut_off > 0 {
                    warn!(
                        "worker {} cuts off {cut_off} connections at the deadline",
                        self.index
                    );
                }
                return Drained {
                    cut_off,
                    panicked: 0,
                };
            }
            if drain.phase() == Phase::LastAnswer && now >= closing {
                drain.advance(Phase::Closing);
            }
            sleep(TICK).await;
        }
    }
}

/// Gives the gateway each new snapshot, until there will be no more.
async fn follow(gateway: Weak<Gateway>, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    while snapshots.changed().await.is_ok() {
        let Some(gateway) = gateway.upgrade() else {
            return;
        };
        gateway.replace(Arc::clone(&snapshots.borrow_and_update()));
    }
}

/// Ends connections that send nothing, until the worker is done.
async fn sweep(drain: Weak<Drain>, client_timeout: Duration) {
    let pause = (client_timeout / 8).clamp(TICK, LONGEST_PAUSE);
    loop {
        sleep(pause).await;
        let Some(drain) = drain.upgrade() else { return };
        drain.wake_idle(client_timeout);
    }
}

/// Counts a connection as open for as long as it lives, even if its task panics.
struct Counted(Arc<Load>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
