//! Which worker gets which connection.

use std::io;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::listener::{Accepted, Listener, Unwatched};
use super::refusal::{Refusal, Refusals};
use super::{Load, Worker};

/// How long to wait after a failure such as too many open files, which does not pass at once.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How often refusals are told of.
const REPORT: Duration = Duration::from_secs(1);

/// Hands connections to the workers, up to a limit.
#[derive(Debug)]
pub struct Acceptor<'a> {
    pub workers: &'a [Worker],
    /// The most connections there may be.
    pub most: usize,
    pub refusals: &'a Refusals,
}

impl Acceptor<'_> {
    /// Accepts until `shutdown` is ready; a connection that was accepted always reaches its worker.
    pub async fn run(&self, listeners: &[Listener], shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut report = tokio::time::interval(REPORT);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut first = 0;
        loop {
            let accepted = tokio::select! {
                accepted = accept_any(listeners, first) => accepted,
                _ = report.tick() => {
                    self.refusals.report();
                    continue;
                }
                () = &mut shutdown => return,
            };
            first += 1;
            match accepted {
                Ok(accepted) => self.hand_over(accepted).await,
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    warn!("cannot accept connections, trying again soon: {error}");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    /// Accepts what is waiting now and no more. The kernel is asked, not tokio, which may not have
    /// heard of the latest connections yet.
    pub async fn accept_pending(&self, listener: &Unwatched) {
        loop {
            match listener.accept() {
                Ok(accepted) => self.hand_over(accepted).await,
                Err(error)
                    if error.kind() == io::ErrorKind::Interrupted || is_the_peers(&error) => {}
                Err(_) => return,
            }
        }
    }

    /// To the worker with the fewest connections; of several, each in its turn.
    async fn hand_over(&self, accepted: Accepted) {
        let key = |worker: &&Worker| {
            let Load { open, total } = &*worker.load;
            (open.load(Ordering::Relaxed), total.load(Ordering::Relaxed))
        };
        let Some(worker) = self.workers.iter().min_by_key(key) else {
            return;
        };
        let open = self.workers.iter().map(|worker| worker.load.open());
        if open.sum::<usize>() >= self.most {
            // Closed, not left waiting: the client hears of it, and may try another gateway.
            self.refusals.count(Refusal::Connections);
            return;
        }
        worker.load.open.fetch_add(1, Ordering::Relaxed);
        worker.load.total.fetch_add(1, Ordering::Relaxed);
        if worker.connections.send(accepted).await.is_err() {
            // Its thread has panicked: with this count it is never chosen again.
            warn!("a worker is gone, its share of connections goes to the others");
            worker.load.give_up();
        }
    }
}

/// The next connection of any listener; `first` is asked first, so that none starves.
async fn accept_any(listeners: &[Listener], first: usize) -> io::Result<Accepted> {
    std::future::poll_fn(|context| {
        let (before, after) = listeners.split_at(first % listeners.len().max(1));
        for listener in after.iter().chain(before) {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}

/// Whether the failure is of one connection, not of the listener.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
