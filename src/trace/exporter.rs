//! The thread that exports spans: one batch after another, each a few times at most.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::runtime;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::collector::{Collector, ExportError};
use super::message::Resource;
use super::{Counts, QUEUE, Settings, Shared, Span, Tracer, convention};
use crate::telemetry::chain;
use crate::tls::TlsError;

/// The most requests of a batch.
const BATCH: usize = 512;
/// How long a batch is gathered.
const GATHER: Duration = Duration::from_secs(5);
/// How often it is looked for more meanwhile: workers need not wake the thread for each span.
const LOOK: Duration = Duration::from_millis(100);
/// How many times a batch may be sent again.
const MAX_RETRIES: u32 = 2;
/// How long stopping waits for a collector that takes nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The authorities of the collector.
    #[error("the collector of traces cannot be reached over TLS")]
    Tls(#[from] TlsError),
    /// What is sent with each export; only [`probe`] says so, exports fail and are counted.
    #[error("no traces can be sent")]
    Headers(#[source] Box<ExportError>),
    /// The thread.
    #[error("cannot start the thread that exports traces")]
    Thread(#[from] io::Error),
}

/// The exporting thread; see [`Exporter::finish`].
#[derive(Debug)]
pub struct Exporter {
    done: Receiver<()>,
    counts: Arc<Counts>,
}

/// Whether an exporter could start and send; asks nobody.
///
/// # Errors
///
/// [`StartError::Tls`] and [`StartError::Headers`].
pub fn probe(settings: &Settings) -> Result<(), StartError> {
    let sendable = Collector::new(settings)?.probe();
    sendable.map_err(|error| StartError::Headers(Box::new(error)))
}

/// Starts the exporter. The collector need not be there yet.
///
/// # Errors
///
/// [`StartError`].
pub fn start(settings: &Settings) -> Result<(Tracer, Exporter), StartError> {
    let collector = Collector::new(settings)?;
    let counts = Arc::new(Counts::default());
    let (queue, spans) = mpsc::channel(QUEUE);
    let work = Work {
        collector,
        resource: convention::resource(&settings.service_name),
        counts: Arc::clone(&counts),
        is_failing: false,
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (finished, done) = sync_channel(1);
    let thread = thread::Builder::new().name("traces".to_owned());
    thread.spawn(move || {
        runtime.block_on(work.run(spans));
        // A name may still be looked up.
        runtime.shutdown_background();
        let _ = finished.send(());
    })?;
    let shared = Shared {
        queue,
        counts: Arc::clone(&counts),
        sample: settings.sample,
        follow: settings.follow,
    };
    let tracer = Tracer {
        shared: Some(Arc::new(shared)),
    };
    Ok((tracer, Exporter { done, counts }))
}

impl Exporter {
    /// What became of the spans so far.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Waits until the last spans are exported, once every [`Tracer`] is gone; the answer is how many
    /// were dropped in all.
    pub fn finish(self) -> u64 {
        if let Err(RecvTimeoutError::Timeout) = self.done.recv_timeout(PATIENCE) {
            warn!("the collector takes no traces, the last spans are lost");
        }
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

struct Work {
    collector: Collector,
    resource: Resource,
    counts: Arc<Counts>,
    is_failing: bool,
}

impl Work {
    async fn run(mut self, mut spans: mpsc::Receiver<Box<Span>>) {
        while let Some(first) = spans.recv().await {
            let batch = gather(first, &mut spans).await;
            let message = convention::request(&self.resource, &batch);
            let message = Bytes::from(message.encode_to_vec());
            let count = batch.iter().map(|span| span.count()).sum();
            drop(batch);
            let exported = self.export(&message).await;
            self.count(count, exported);
        }
    }

    /// Sends the message, again if that may help; the answer is how many spans were refused.
    async fn export(&self, message: &Bytes) -> Result<u64, ExportError> {
        let mut retries = 0;
        loop {
            let error = match self.collector.send(message).await {
                Ok(refused) => return Ok(refused),
                Err(error) => error,
            };
            match error.retry_after() {
                Some(wait) if retries < MAX_RETRIES => sleep(wait).await,
                _ => return Err(error),
            }
            retries += 1;
        }
    }

    fn count(&mut self, spans: u64, exported: Result<u64, ExportError>) {
        let was_failing = self.is_failing;
        self.is_failing = exported.is_err();
        match exported {
            Ok(refused) => {
                let refused = refused.min(spans);
                self.counts
                    .exported
                    .fetch_add(spans - refused, Ordering::Relaxed);
                let dropped = self.counts.dropped.fetch_add(refused, Ordering::Relaxed) + refused;
                if was_failing {
                    info!(
                        dropped,
                        "the collector takes traces again; {dropped} spans were dropped so far"
                    );
                }
            }
            Err(error) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                self.counts.dropped.fetch_add(spans, Ordering::Relaxed);
                if !was_failing {
                    let cause = chain(&error);
                    warn!("spans are dropped until the collector takes traces again: {cause}");
                }
            }
        }
    }
}

/// As many as come in time, at most [`BATCH`]; no more than there are at the end.
async fn gather(first: Box<Span>, spans: &mut mpsc::Receiver<Box<Span>>) -> Vec<Box<Span>> {
    let mut batch = vec![first];
    let deadline = Instant::now() + GATHER;
    loop {
        while batch.len() < BATCH {
            match spans.try_recv() {
                Ok(span) => batch.push(span),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return batch,
            }
        }
        if batch.len() == BATCH || Instant::now() >= deadline {
            return batch;
        }
        sleep(LOOK).await;
    }
}
