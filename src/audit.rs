//! One JSON line for each request, whatever became of it.
//!
//! Workers hand a [`Record`] to a bounded queue and never wait; a thread of its own turns records
//! into text and writes it. What does not fit is dropped and counted. Never holds a token.

mod cadf;
mod chain;
mod evidence;
mod file;
mod line;
mod read;
mod ruling;
mod sink;
mod syslog;
mod verify;
mod writer;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use hyper::Method;
use tracing::warn;
use uuid::Uuid;

pub use evidence::{Circumstances, ClaimEvidence, Evidence, Excess};
pub use read::{ClaimLine, Decided, Entry, EvidenceLine, LinePlace, RequestLine, read};
pub use ruling::Ruling;
pub use verify::{Finding, Verified, verify};

use sink::Sink;
use writer::Writer;

use crate::trace::TraceId;

/// The JSON Schema (2020-12) of lines in the gateway's own format.
pub const SCHEMA: &str = include_str!("audit/schema.json");

/// Records that wait to be written; more are dropped.
const QUEUE: usize = 8192;
/// How long stopping waits for a sink that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where audit lines go, and what they look like.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Where they go.
    pub target: Target,
    /// What they look like.
    pub format: Format,
    /// Whether they hold what decisions rested on.
    pub evidence: bool,
}

/// Where audit lines go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Target {
    /// Nowhere.
    Off,
    /// To standard output.
    #[default]
    Stdout,
    /// To the end of a file.
    File(FileSettings),
    /// To the Unix datagram socket at this path, a message of RFC 5424 each.
    Syslog(PathBuf),
}

/// A file of audit lines, which is made if need be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileSettings {
    /// Where it is.
    pub path: PathBuf,
    /// When it is moved away, and how many such files are kept.
    pub rotation: Option<Rotation>,
    /// Whether each line carries a digest of the one before.
    pub chain: Option<ChainSettings>,
}

/// When a file makes room for a new one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// The most bytes of a file, unless one line has more.
    pub max_size: u64,
    /// How many older files are kept, as `FILE.1` (the newest) and so on; at least 1.
    pub keep: usize,
}

/// What the digests of a chain are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChainSettings {
    /// The file of the key of HMAC-SHA256; without one it is SHA-256, which anybody can compute anew.
    pub key: Option<PathBuf>,
}

/// What audit lines look like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// As [`SCHEMA`] says.
    #[default]
    Own,
    /// An event of CADF (DMTF DSP0262 1.0), as `OpenStack`'s audit middleware writes it.
    Cadf,
}

impl FileSettings {
    /// A file that only grows.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            rotation: None,
            chain: None,
        }
    }
}

impl From<Target> for Settings {
    fn from(target: Target) -> Self {
        Self {
            target,
            ..Self::default()
        }
    }
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
    /// For which product the decision was taken, where it was asked for by another proxy.
    pub authorizer: Option<&'static str>,
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
    /// Why it would have been refused if its refusals were not reported only.
    pub reported: Option<Box<Ruling>>,
    /// What the candidate would have decided, where that differs.
    pub candidate: Option<Box<Ruling>>,
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
    /// What the decision rested on, where the config asks for it.
    pub evidence: Option<Box<Evidence>>,
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

/// What became of records.
#[derive(Debug, Default)]
pub struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
}

impl Counts {
    /// Lines that the sink has taken.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Records that were lost: the queue was full, or the sink took nothing.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Tells the writer that its file may have been moved away.
#[derive(Clone, Debug)]
pub struct Reopener(Arc<AtomicBool>);

impl Reopener {
    /// The next line goes to whatever file is at the path then; none is lost.
    pub fn reopen(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The workers' end of the queue.
#[derive(Clone, Debug)]
pub struct Auditor {
    queue: Option<SyncSender<Record>>,
    keeps_evidence: bool,
    counts: Arc<Counts>,
    is_moved: Arc<AtomicBool>,
}

impl Auditor {
    /// Takes the record, or counts it as dropped; never waits.
    pub fn record(&self, record: Record) {
        let Some(queue) = &self.queue else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(record) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// For whoever is told that files were moved away.
    pub fn reopener(&self) -> Reopener {
        Reopener(Arc::clone(&self.is_moved))
    }

    /// What became of records, now and later.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Whether records are written at all.
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether records are to hold what decisions rested on.
    pub fn keeps_evidence(&self) -> bool {
        self.keeps_evidence
    }
}

/// The writing thread; see [`AuditWriter::finish`].
#[derive(Debug)]
pub struct AuditWriter {
    done: Receiver<()>,
    counts: Arc<Counts>,
}

/// Whether an audit could be written to `target`; makes no file.
///
/// # Errors
///
/// Why not.
pub fn probe(target: &Target) -> io::Result<()> {
    match target {
        Target::Off | Target::Stdout => Ok(()),
        Target::Syslog(path) => syslog::Syslog::connect(path).map(|_| ()),
        Target::File(settings) => {
            file::read_key(settings)?;
            probe_file(&settings.path)
        }
    }
}

fn probe_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            fs::metadata(folder.unwrap_or(Path::new("."))).map(|_| ())
        }
        opened => opened.map(|_| ()),
    }
    .map_err(|error| named(path, &error))
}

/// The same error, which says what it is about.
fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Opens the sink and starts the writer.
///
/// # Errors
///
/// A sink that cannot be opened, a thread that cannot be started.
pub fn start(settings: &Settings) -> io::Result<(Auditor, AuditWriter)> {
    let (counts, is_moved) = (Arc::new(Counts::default()), Arc::default());
    let (finished, done) = sync_channel(1);
    let queue = match Sink::open(&settings.target)? {
        None => None,
        Some(sink) => {
            let (queue, records) = sync_channel(QUEUE);
            let (counts, is_moved) = (Arc::clone(&counts), Arc::clone(&is_moved));
            let writer = Writer::new(sink, settings.format, counts, is_moved);
            thread::Builder::new()
                .name("audit".to_owned())
                .spawn(move || {
                    writer.run(&records);
                    let _ = finished.send(());
                })?;
            Some(queue)
        }
    };
    let auditor = Auditor {
        keeps_evidence: settings.evidence && queue.is_some(),
        queue,
        counts: Arc::clone(&counts),
        is_moved,
    };
    Ok((auditor, AuditWriter { done, counts }))
}

impl AuditWriter {
    /// Waits until the last record is written, once every [`Auditor`] is gone; the answer is how
    /// many records were dropped in all.
    pub fn finish(self) -> u64 {
        if let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(PATIENCE) {
            warn!("the audit sink takes nothing, its last lines are lost");
        }
        self.counts.dropped()
    }
}

#[cfg(test)]
mod tests;
