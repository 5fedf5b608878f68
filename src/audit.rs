//! One JSON line for each request, whatever became of it.
//!
//! Workers hand a [`Record`] to a bounded queue and never wait; a thread of its own turns records
//! into text and writes it. What does not fit is dropped and counted. Never holds a token.

mod line;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use hyper::Method;
use tracing::warn;
use uuid::Uuid;

use crate::trace::TraceId;

/// Records that wait to be written; more are dropped.
const QUEUE: usize = 8192;
/// How long the writer gathers records before it writes them at once.
const GATHER: Duration = Duration::from_millis(10);
/// Bytes of lines that are written at once.
const BUFFER: usize = 64 * 1024;
/// How long stopping waits for a sink that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where audit lines go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Settings {
    /// Nowhere.
    Off,
    /// To standard output.
    #[default]
    Stdout,
    /// To the end of a file, which is made if need be.
    File(PathBuf),
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PeerAddress {
    /// A host.
    Ip(IpAddr),
    /// A process of this machine, over a Unix socket.
    Unix,
}

impl PeerAddress {
    /// The address of a host.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address),
            Self::Unix => None,
        }
    }
}

impl From<IpAddr> for PeerAddress {
    /// An IPv4 address that came over an IPv6 socket is an IPv4 address.
    fn from(address: IpAddr) -> Self {
        Self::Ip(address.to_canonical())
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// What the gateway decided about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Allowed; whether the upstream answered is another question.
    Permit,
    /// Refused because of what the caller may do.
    Deny,
    /// Refused before that was the question.
    Reject,
}

/// One request, from its first byte to its end.
#[derive(Debug)]
pub struct Record {
    /// When its head had been read.
    pub time: SystemTime,
    /// Ours, sent to the client as `x-openstack-request-id`, and to the upstream unless the client's
    /// own was well-formed.
    pub request_id: Uuid,
    /// What the client sent as `x-openstack-request-id`; not trusted, cut to 64 characters.
    pub client_request_id: Option<String>,
    /// The trace it belongs to; none where tracing is off.
    pub trace: Option<TraceId>,
    /// Who sent it.
    pub peer: PeerAddress,
    /// Which worker served it.
    pub worker: usize,
    /// As sent, cut to 64 characters; `None` where the request could not be read.
    pub method: Option<Method>,
    /// The permission label of the operation, once routed.
    pub operation: Option<Arc<str>>,
    /// The route's template, once routed.
    pub route: Option<Arc<str>>,
    /// The path's project, once routed.
    pub project: Option<String>,
    /// The caller, once authenticated.
    pub caller: Option<Arc<Caller>>,
    /// What was decided; `None` if the client hung up before that.
    pub decision: Option<Decision>,
    /// Why it ended as it did: `ok`, `aborted` or the rejection's reason.
    pub reason: &'static str,
    /// The required actions that the token does not grant.
    pub missing: Vec<String>,
    /// The answer's status; `None` if there was no answer.
    pub status: Option<u16>,
    /// Body bytes from the client to the upstream.
    pub bytes_received: u64,
    /// Body bytes from the upstream, or from us, to the client.
    pub bytes_sent: u64,
    /// From the first byte sent upstream to the head of its answer.
    pub upstream_time: Option<Duration>,
    /// From the request's head to the end of the answer.
    pub total_time: Duration,
}

/// A verified caller as the audit names it.
#[derive(Debug)]
pub struct Caller {
    /// The token's issuer.
    pub issuer: Arc<str>,
    /// The token's subject, if it has one.
    pub subject: Option<String>,
    /// How many of the token's roles the config does not map.
    pub unknown_roles: usize,
}

/// The workers' end of the queue.
#[derive(Clone, Debug)]
pub struct Auditor {
    queue: Option<SyncSender<Record>>,
    dropped: Arc<AtomicU64>,
}

impl Auditor {
    /// Takes the record, or counts it as dropped; never waits.
    pub fn record(&self, record: Record) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(record) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many records were dropped, now and later.
    pub fn drops(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }

    /// Whether records are written at all.
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }
}

/// The writing thread; see [`AuditWriter::finish`].
#[derive(Debug)]
pub struct AuditWriter {
    done: Receiver<()>,
    dropped: Arc<AtomicU64>,
}

/// Whether an audit file could be opened at `path`; makes none.
///
/// # Errors
///
/// Why not.
pub fn probe(path: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            fs::metadata(folder.unwrap_or(Path::new("."))).map(|_| ())
        }
        opened => opened.map(|_| ()),
    }
}

/// Opens the sink and starts the writer.
///
/// # Errors
///
/// A file that cannot be opened, a thread that cannot be started.
pub fn start(settings: &Settings) -> io::Result<(Auditor, AuditWriter)> {
    let sink: Option<Box<dyn Write + Send>> = match settings {
        Settings::Off => None,
        Settings::Stdout => Some(Box::new(io::stdout())),
        Settings::File(path) => {
            let file = OpenOptions::new().append(true).create(true).open(path);
            let named = |error: io::Error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            };
            Some(Box::new(file.map_err(named)?))
        }
    };
    let dropped = Arc::new(AtomicU64::new(0));
    let (finished, done) = sync_channel(1);
    let queue = match sink {
        None => None,
        Some(sink) => {
            let (queue, records) = sync_channel(QUEUE);
            let dropped = Arc::clone(&dropped);
            thread::Builder::new()
                .name("audit".to_owned())
                .spawn(move || {
                    write_all(&records, sink, &dropped);
                    let _ = finished.send(());
                })?;
            Some(queue)
        }
    };
    let auditor = Auditor {
        queue,
        dropped: Arc::clone(&dropped),
    };
    Ok((auditor, AuditWriter { done, dropped }))
}

impl AuditWriter {
    /// Waits until the last record is written, once every [`Auditor`] is gone; the answer is how
    /// many records were dropped in all.
    pub fn finish(self) -> u64 {
        if let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(PATIENCE) {
            warn!("the audit sink takes nothing, its last lines are lost");
        }
        self.dropped.load(Ordering::Relaxed)
    }
}

fn write_all(records: &Receiver<Record>, sink: Box<dyn Write + Send>, dropped: &AtomicU64) {
    let mut sink = BufWriter::with_capacity(BUFFER, sink);
    let (mut is_failing, mut reported) = (false, 0);
    while let Ok(first) = records.recv() {
        // One wake-up and one write for all that comes within this time.
        thread::sleep(GATHER);
        let mut lines = 0;
        let gathered = std::iter::once(first).chain(records.try_iter().take(QUEUE));
        let written = gathered.map(|record| {
            lines += 1;
            line::write(&mut sink, &record)
        });
        let written = written.fold(Ok(()), io::Result::and);
        match written.and_then(|()| sink.flush()) {
            Ok(()) => is_failing = false,
            Err(error) => {
                dropped.fetch_add(lines, Ordering::Relaxed);
                if !is_failing {
                    warn!("audit lines are lost until the sink works again: {error}");
                }
                is_failing = true;
                // What the buffer still holds was counted as dropped.
                sink = BufWriter::with_capacity(BUFFER, sink.into_parts().0);
            }
        }
        let total = dropped.load(Ordering::Relaxed);
        if total != reported && !is_failing {
            warn!(
                dropped = total,
                "{} audit lines were dropped",
                total - reported
            );
            reported = total;
        }
    }
}

#[cfg(test)]
mod tests;
