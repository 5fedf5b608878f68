//! Which worker gets which connection.

use std::io;
use std::net::{IpAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::warn;

use super::{Load, Worker};

/// How long to wait after a failure such as too many open files, which does not pass at once.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A connection on its way to its worker.
#[derive(Debug)]
pub struct Accepted {
    pub stream: TcpStream,
    pub peer: IpAddr,
}

/// Accepts until `shutdown` is ready; a connection that was accepted always reaches its worker.
pub async fn run(listener: &TcpListener, workers: &[Worker], shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Ok(stream) = stream.into_std() {
                    hand_over(stream, peer.ip().to_canonical(), workers).await;
                }
            }
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
pub async fn accept_pending(listener: &std::net::TcpListener, workers: &[Worker]) {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                if stream.set_nonblocking(true).is_ok() {
                    hand_over(stream, peer.ip().to_canonical(), workers).await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted || is_the_peers(&error) => {}
            Err(_) => return,
        }
    }
}

/// To the worker with the fewest connections; of several, each in its turn.
async fn hand_over(stream: TcpStream, peer: IpAddr, workers: &[Worker]) {
    let key = |worker: &&Worker| {
        let Load { open, total } = &*worker.load;
        (open.load(Ordering::Relaxed), total.load(Ordering::Relaxed))
    };
    let Some(worker) = workers.iter().min_by_key(key) else {
        return;
    };
    if stream.set_nodelay(true).is_err() {
        return;
    }
    worker.load.open.fetch_add(1, Ordering::Relaxed);
    worker.load.total.fetch_add(1, Ordering::Relaxed);
    let accepted = Accepted { stream, peer };
    if worker.connections.send(accepted).await.is_err() {
        // Its thread has panicked: with this count it is never chosen again.
        warn!("a worker is gone, its share of connections goes to the others");
        worker.load.open.store(usize::MAX / 2, Ordering::Relaxed);
    }
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
