//! The audit file: rotated by size or by somebody else, chained if that is asked for.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tracing::warn;

use super::chain::{self, Chain, Link};
use super::line::{self, Event};
use super::{FileSettings, named};
use crate::token::Secret;

/// Bytes of lines that are written at once.
pub const BUFFER: usize = 64 * 1024;
/// No line is longer, so what a file ends with is within as many bytes.
const LONGEST: u64 = 1024 * 1024;

/// A file that lines are added to.
#[derive(Debug)]
pub struct LogFile {
    settings: FileSettings,
    file: File,
    size: u64,
    chained: Option<Chained>,
    buffer: Vec<u8>,
    /// Where the records in the buffer end, in bytes from its start.
    ends: Vec<usize>,
    /// Whether the file ends within a line.
    is_open: bool,
    /// Whether it is not known what the file ends with: a write failed half-way.
    is_unsure: bool,
    /// Whether it could not be moved away when it was full.
    is_stuck: bool,
}

#[derive(Debug)]
struct Chained {
    chain: Chain,
    /// The digest of the last line of the buffer.
    last: Option<Link>,
    /// The digest of the last line of the file.
    written: Option<Link>,
}

/// Lines that were not written, and why.
#[derive(Debug)]
pub struct Lost {
    pub lines: u64,
    /// Those before them that were.
    pub written: u64,
    pub error: io::Error,
}

impl Lost {
    /// Nothing was written before.
    pub fn new(lines: u64, error: io::Error) -> Self {
        Self {
            lines,
            written: 0,
            error,
        }
    }

    /// More lines were written before.
    fn after(self, written: u64) -> Self {
        Self {
            written: self.written + written,
            ..self
        }
    }
}

impl LogFile {
    pub fn open(settings: &FileSettings) -> io::Result<Self> {
        let named = |error| named(&settings.path, &error);
        let key = read_key(settings)?;
        let chained = settings.chain.as_ref().map(|_| Chained {
            chain: Chain::new(key.as_ref().map(|key| key.reveal().as_bytes())),
            last: None,
            written: None,
        });
        let mut opened = Self {
            file: open_file(settings).map_err(named)?,
            settings: settings.clone(),
            size: 0,
            chained,
            buffer: Vec::with_capacity(BUFFER),
            ends: Vec::new(),
            is_open: ends_within_line(&settings.path),
            is_unsure: false,
            is_stuck: false,
        };
        opened.find_end().map_err(named)?;
        opened.flush().map_err(|lost| named(lost.error))?;
        Ok(opened)
    }

    /// Adds a line, an object of JSON; it is written when there are enough of them.
    pub fn push(&mut self, line: &mut Vec<u8>) -> Result<u64, Lost> {
        let mut written = 0;
        self.settle().map_err(|error| Lost::new(1, error))?;
        if self.is_full(line.len()) {
            written += self.flush().map_err(|lost| Lost {
                lines: lost.lines + 1,
                ..lost
            })?;
            let rotated = self.rotate();
            if let Err(error) = &rotated
                && !self.is_stuck
            {
                let path = self.settings.path.display();
                warn!("{path} grows on, it cannot be moved away: {error}");
            }
            self.is_stuck = rotated.is_err();
        }
        self.add(line);
        self.ends.push(self.buffer.len());
        if self.buffer.len() >= BUFFER {
            written += self.flush().map_err(|lost| lost.after(written))?;
        }
        Ok(written)
    }

    /// Says in a chained file that records were lost.
    pub fn note_dropped(&mut self, lines: u64) -> io::Result<()> {
        if self.chained.is_some() {
            self.settle()?;
            self.add_event(Event::Dropped { lines });
        }
        Ok(())
    }

    /// Writes what was added; the answer is how many lines.
    pub fn flush(&mut self) -> Result<u64, Lost> {
        let (bytes, result) = write(&mut self.file, &self.buffer);
        self.take_written(bytes, result)
    }

    /// Counts what of the buffer was written, its first so many bytes, and empties it.
    fn take_written(&mut self, bytes: usize, result: io::Result<()>) -> Result<u64, Lost> {
        let (all, ends) = (std::mem::take(&mut self.buffer), &mut self.ends);
        let (whole, _) = all.split_at_checked(bytes).unwrap_or((&all, &[]));
        self.size += whole.len() as u64;
        self.is_open = whole.last().map_or(self.is_open, |byte| *byte != b'\n');
        if let Some(chained) = &mut self.chained {
            let mut lines = whole.rsplit(|byte| *byte == b'\n');
            let written = lines.find_map(chain::split).map(|(_, link)| link);
            chained.written = written.or(chained.written.take());
            chained.last.clone_from(&chained.written);
        }
        // Of a line that lacks its end nothing is lost.
        let written = ends.iter().filter(|end| **end <= whole.len() + 1).count() as u64;
        let lines = ends.len() as u64 - written;
        ends.clear();
        self.buffer = all;
        self.buffer.clear();
        result.map(|()| written).map_err(|error| {
            self.is_unsure = true;
            Lost {
                lines,
                written,
                error,
            }
        })
    }

    /// Opens the path again, where there may be another file by now.
    pub fn reopen(&mut self) -> Result<u64, Lost> {
        // A rest is told of in its own file. Where that is full another one is all the more wanted.
        let settled = self.settle().map_err(|error| Lost::new(0, error));
        let flushed = settled.and_then(|()| self.flush());
        let (lines, written) = match &flushed {
            Ok(written) => (0, *written),
            Err(lost) => (lost.lines, lost.written),
        };
        let lost = |error| Lost {
            lines,
            written,
            error,
        };
        match self.is_at_path() {
            true => self.find_end().map_err(lost)?,
            false => self.open_again().map_err(lost)?,
        }
        self.flush().map_err(|begun| lost(begun.error))?;
        flushed
    }

    fn is_full(&self, more: usize) -> bool {
        let Some(rotation) = self.settings.rotation else {
            return false;
        };
        let size = self.size + self.buffer.len() as u64;
        size > 0 && size + more as u64 > rotation.max_size
    }

    fn rotate(&mut self) -> io::Result<()> {
        let keep = self.settings.rotation.map_or(1, |rotation| rotation.keep);
        let path = &self.settings.path;
        // Where it was moved away already, nothing has to make room, and what is there now is not ours.
        if self.is_at_path() {
            for number in (1..keep).rev() {
                move_if_there(&numbered(path, number), &numbered(path, number + 1))?;
            }
            fs::rename(path, numbered(path, 1))?;
        }
        self.open_again()
    }

    /// Takes up whatever file is at the path now.
    fn open_again(&mut self) -> io::Result<()> {
        self.file = open_file(&self.settings)?;
        self.is_open = ends_within_line(&self.settings.path);
        self.find_end()
    }

    /// Whether the file at the path is still the one that is written to.
    fn is_at_path(&self) -> bool {
        let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let own = self.file.metadata().map(place).ok();
        own.is_some() && fs::metadata(&self.settings.path).map(place).ok() == own
    }

    /// After a write that failed: nothing of the buffer counts on what the file ends with.
    fn settle(&mut self) -> io::Result<()> {
        match self.is_unsure {
            true => self.find_end(),
            false => Ok(()),
        }
    }

    /// Learns how the file ends, and goes on from there.
    fn find_end(&mut self) -> io::Result<()> {
        self.size = self.file.metadata()?.len();
        if self.chained.is_none() {
            self.is_unsure = false;
            if self.is_open {
                self.buffer.push(b'\n');
            }
            return Ok(());
        }
        let tail = self.read_tail()?;
        self.is_unsure = false;
        let (lines, rest) = match tail.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => tail.split_at(end + 1),
            None => (&[][..], &tail[..]),
        };
        // Only its end may be missing.
        let (lines, rest, is_open) = match chain::split(rest) {
            Some(_) => (rest, &[][..], true),
            None => (lines, rest, false),
        };
        if is_open {
            self.buffer.push(b'\n');
        }
        let last = lines.strip_suffix(b"\n").unwrap_or(lines);
        let last = last.rsplit(|byte| *byte == b'\n').next();
        let found = last.and_then(chain::split).map(|(_, link)| link);
        let Some(chained) = &mut self.chained else {
            return Ok(());
        };
        let is_start = chained.last.is_none();
        if is_start && found.is_none() && !lines.is_empty() {
            return Err(io::Error::other(
                "its last line carries no digest: move the file away, a chain begins with a new one",
            ));
        }
        let goes_on = found.is_some() && (is_start || chained.last == found);
        if goes_on {
            chained.written.clone_from(&found);
            chained.last = found;
        }
        if !rest.is_empty() {
            let (bytes, digest) = (rest.len(), chain::sha256(rest));
            let digest = digest.as_str();
            self.buffer.push(b'\n');
            self.add_event(Event::Torn { bytes, digest });
        } else if !goes_on {
            let previous = chained.last.clone();
            let previous = previous.as_deref();
            self.add_event(Event::Begin { previous });
        }
        Ok(())
    }

    fn read_tail(&mut self) -> io::Result<Vec<u8>> {
        let start = self.size.saturating_sub(LONGEST);
        self.file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        (&self.file).take(LONGEST).read_to_end(&mut tail)?;
        Ok(tail)
    }

    fn add_event(&mut self, event: Event<'_>) {
        let mut line = Vec::new();
        line::write_event(&mut line, SystemTime::now(), event);
        self.add(&mut line);
    }

    fn add(&mut self, line: &mut Vec<u8>) {
        if let Some(chained) = &mut self.chained {
            chained.last = Some(chained.chain.seal(chained.last.as_ref(), line));
        }
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
    }
}

/// The key of a chain, if it has one.
pub fn read_key(settings: &FileSettings) -> io::Result<Option<Secret>> {
    let Some(path) = settings.chain.as_ref().and_then(|chain| chain.key.as_ref()) else {
        return Ok(None);
    };
    let key = Secret::read(path).map_err(io::Error::other)?;
    match key.reveal().len() {
        0..32 => {
            let error = io::Error::other(
                "it has less than 32 characters, as `openssl rand -hex 32` makes more",
            );
            Err(named(path, &error))
        }
        _ => Ok(Some(key)),
    }
}

/// A chained file is one process's.
fn open_file(settings: &FileSettings) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.append(true).create(true);
    let file = options
        .read(settings.chain.is_some())
        .open(&settings.path)?;
    if settings.chain.is_some() {
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => {
                io::Error::other("another process writes to it, and a chain has one writer")
            }
        })?;
    }
    Ok(file)
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Whether a file lacks the end of its last line, as far as it can be read.
fn ends_within_line(path: &Path) -> bool {
    let is_regular = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let last = || -> io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        let [last] = last;
        Ok(last)
    };
    is_regular && last().is_ok_and(|last| last != b'\n')
}

/// How many bytes were written, all of them where there is no error.
fn write(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut rest = bytes;
    let result = loop {
        if rest.is_empty() {
            break Ok(());
        }
        match file.write(rest) {
            Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    (bytes.len() - rest.len(), result)
}

#[cfg(test)]
mod tests;
