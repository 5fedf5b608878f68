//! One worker: a thread with a runtime of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;
use tracing::{error, warn};

use super::acceptor::Accepted;
use super::connection;
use super::drain::{Drain, Phase};
use super::{Drained, Load, Service};
use crate::gateway::Gateway;

/// How long an idle connection may still send a request once the drain has begun: a client that is
/// about to gets its answer and a `Connection: close` instead of a closed connection.
const LAST_REQUEST: Duration = Duration::from_millis(250);
/// How often a drain looks whether it is done.
const TICK: Duration = Duration::from_millis(5);

/// What a worker's thread starts from.
pub struct Worker {
    pub index: usize,
    pub service: Service,
    pub header_timeout: Duration,
    pub load: Arc<Load>,
    pub stopping: watch::Receiver<Option<Instant>>,
}

impl Worker {
    /// Serves the connections that are handed over, until the drain is done.
    pub fn run(self, accepted: mpsc::Receiver<Accepted>) -> Drained {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                error!("worker {} cannot start: {error}", self.index);
                return Drained::default();
            }
        };
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, self.serve(accepted))
    }

    async fn serve(self, mut accepted: mpsc::Receiver<Accepted>) -> Drained {
        let gateway = Gateway::new(
            self.index,
            Arc::clone(&self.service.rules),
            self.service.gateway,
            &self.service.upstream,
            self.service.auditor.clone(),
        );
        let drain = Rc::new(Drain::default());
        let serve = |Accepted { stream, peer }: Accepted| {
            let counted = Counted(Arc::clone(&self.load));
            let (gateway, drain) = (Rc::clone(&gateway), Rc::clone(&drain));
            let header_timeout = self.header_timeout;
            spawn_local(async move {
                let _counted = counted;
                if let Ok(stream) = TcpStream::from_std(stream) {
                    connection::serve(stream, peer, gateway, drain, header_timeout).await;
                }
            });
        };
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
        // Lets connections that were handed over last register themselves.
        sleep(TICK).await;
        drain.advance(Phase::LastAnswer);
        let started = Instant::now();
        while drain.len() > 0 {
            if drain.phase() == Phase::LastAnswer && started.elapsed() >= LAST_REQUEST {
                drain.advance(Phase::Closing);
            }
            if Instant::now() >= deadline {
                let cut_off = drain.len();
                warn!(
                    "worker {} cuts off {cut_off} connections at the deadline",
                    self.index
                );
                return Drained { cut_off };
            }
            sleep(TICK).await;
        }
        Drained::default()
    }
}

/// Counts a connection as open for as long as it lives, even if its task panics.
struct Counted(Arc<Load>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
