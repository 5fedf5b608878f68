//! One worker: a thread with a runtime of its own.

use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{self, LocalOptions};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;
use tokio::time::sleep;
use tracing::warn;

use super::connection;
use super::drain::{Drain, Phase};
use super::listener::Accepted;
use super::refusal::{Census, Refusals};
use super::session::{Session, Shared, is_due};
use super::{Drained, Load, Service, Settings};
use crate::gateway::{Gateway, Snapshot};

/// How long an idle connection may still send a request once the drain has begun: a client that is
/// about to gets its answer and a `Connection: close` instead of a closed connection.
const LAST_REQUEST: Duration = Duration::from_millis(250);
/// How often a drain looks whether it is done.
const TICK: Duration = Duration::from_millis(5);
/// The most time between two looks for connections that send nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How many tasks run before it is looked for what has come in. A request takes about five; the more
/// are found by one look, which is a system call, the less each costs.
const EVENT_INTERVAL: u32 = 256;

/// What a worker's thread starts from.
pub struct Worker {
    pub index: usize,
    pub service: Service,
    pub settings: Settings,
    pub refusals: Arc<Refusals>,
    pub census: Arc<Census>,
    pub load: Arc<Load>,
    pub stopping: watch::Receiver<Option<Instant>>,
}

impl Worker {
    /// Starts the thread, which serves the connections that are handed over until the drain is done.
    pub fn start(self, accepted: mpsc::Receiver<Accepted>) -> io::Result<JoinHandle<Drained>> {
        let (built, is_built) = sync_channel(1);
        let thread = thread::Builder::new().name(format!("worker-{}", self.index));
        let thread = thread.spawn(move || {
            // Built here, because it never leaves its thread. Tasks of a `LocalSet` on any other
            // runtime cost a second scheduler.
            let mut runtime = runtime::Builder::new_current_thread();
            runtime.enable_all().event_interval(EVENT_INTERVAL);
            match runtime.build_local(LocalOptions::default()) {
                Ok(runtime) => {
                    let _ = built.send(Ok(()));
                    runtime.block_on(self.serve(accepted))
                }
                Err(error) => {
                    let _ = built.send(Err(error));
                    Drained::default()
                }
            }
        })?;
        is_built.recv().map_err(io::Error::other)??;
        Ok(thread)
    }

    async fn serve(self, mut accepted: mpsc::Receiver<Accepted>) -> Drained {
        let mut snapshots = self.service.snapshots.clone();
        let first = Arc::clone(&snapshots.borrow_and_update());
        let gateway = Gateway::new(
            self.index,
            first,
            self.service.auditor.clone(),
            self.service.metrics.clone(),
            self.service.tracer.clone(),
        );
        spawn_local(follow(Rc::downgrade(&gateway), snapshots));
        let shared = Rc::new(Shared {
            gateway,
            drain: Rc::default(),
            settings: self.settings.clone(),
            handler: self.service.handler.clone(),
            tls: self.service.tls.clone(),
            refusals: Arc::clone(&self.refusals),
            census: Arc::clone(&self.census),
        });
        let serve = |accepted: Accepted| {
            // The acceptor has counted it already.
            let counted = Counted(Arc::clone(&self.load));
            let session = Session {
                shared: Rc::clone(&shared),
                activity: Rc::default(),
            };
            spawn_local(async move {
                let _counted = counted;
                connection::serve(accepted, session).await;
            });
        };
        spawn_local(sweep(Rc::downgrade(&shared)));
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
        self.drain(&shared.drain, deadline).await
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

/// Wakes connections that may have waited long enough, until the worker is done.
async fn sweep(shared: Weak<Shared>) {
    while let Some(worker) = shared.upgrade() {
        let settings = &worker.settings;
        let now = Instant::now();
        worker
            .drain
            .wake_where(|activity| is_due(settings, activity, now));
        let shortest = settings.client_timeout.min(settings.header_timeout);
        drop(worker);
        sleep((shortest / 8).clamp(TICK, LONGEST_PAUSE)).await;
    }
}

/// Counts a connection as open for as long as it lives, even if its task panics.
struct Counted(Arc<Load>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
