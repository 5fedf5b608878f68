//! The thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use tracing::warn;

use super::file::Lost;
use super::sink::Sink;
use super::syslog::Severity;
use super::{Counts, Decision, Format, QUEUE, Record, cadf, line};

/// How long the writer gathers records before it writes them at once.
const GATHER: Duration = Duration::from_millis(10);
/// Room for most lines, in bytes.
const TYPICAL: usize = 768;

/// Turns records into lines until nobody makes any.
#[derive(Debug)]
pub struct Writer {
    sink: Sink,
    format: Format,
    counts: Arc<Counts>,
    is_moved: Arc<AtomicBool>,
    line: Vec<u8>,
    is_failing: bool,
    /// How many lost records the log, and the file, have been told of.
    told: u64,
}

impl Writer {
    pub fn new(sink: Sink, format: Format, counts: Arc<Counts>, is_moved: Arc<AtomicBool>) -> Self {
        Self {
            sink,
            format,
            counts,
            is_moved,
            line: Vec::with_capacity(TYPICAL),
            is_failing: false,
            told: 0,
        }
    }

    pub fn run(mut self, records: &Receiver<Record>) {
        while let Ok(first) = records.recv() {
            // One wake-up and one write for all that comes within this time.
            thread::sleep(GATHER);
            if self.is_moved.swap(false, Ordering::Acquire) {
                let reopened = self.sink.reopen();
                self.note(reopened);
            }
            for record in std::iter::once(first).chain(records.try_iter().take(QUEUE)) {
                self.write(&record);
            }
            let flushed = self.sink.flush();
            self.note(flushed);
            // Only now it is known what was lost, and perhaps nobody comes for long.
            self.tell_dropped();
        }
    }

    fn write(&mut self, record: &Record) {
        match self.format {
            Format::Own => line::write(&mut self.line, record),
            Format::Cadf => cadf::write(&mut self.line, record),
        }
        let severity = match record.decision {
            Some(Decision::Deny | Decision::Reject) => Severity::Notice,
            Some(Decision::Permit) | None => Severity::Informational,
        };
        let pushed = self.sink.push(record.time, severity, &mut self.line);
        self.note(pushed);
    }

    /// Counts what was written or lost.
    fn note(&mut self, result: Result<u64, Lost>) {
        match result {
            Ok(0) => {}
            Ok(lines) => {
                self.counts.written.fetch_add(lines, Ordering::Relaxed);
                self.is_failing = false;
            }
            Err(Lost {
                lines,
                written,
                error,
            }) => {
                self.counts.written.fetch_add(written, Ordering::Relaxed);
                self.counts.dropped.fetch_add(lines, Ordering::Relaxed);
                if !self.is_failing {
                    warn!("audit lines are lost until the sink works again: {error}");
                }
                self.is_failing = true;
            }
        }
    }

    fn tell_dropped(&mut self) {
        let total = self.counts.dropped();
        if total == self.told || self.is_failing {
            return;
        }
        let lines = total - self.told;
        let noted = self.sink.note_dropped(lines);
        match noted.and_then(|()| self.sink.flush()) {
            Ok(_) => {
                self.told = total;
                warn!(dropped = total, "{lines} audit lines were dropped");
            }
            Err(lost) => self.note(Err(lost)),
        }
    }
}
