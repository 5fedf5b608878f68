//! Where lines go in the end.

use std::io::{self, Write as _};
use std::time::SystemTime;

use super::Target;
use super::file::{BUFFER, LogFile, Lost};
use super::syslog::{Severity, Syslog};

#[derive(Debug)]
pub enum Sink {
    Stdout { buffer: Vec<u8>, lines: u64 },
    File(Box<LogFile>),
    Syslog(Syslog),
}

impl Sink {
    /// None where nothing is written.
    pub fn open(target: &Target) -> io::Result<Option<Self>> {
        Ok(match target {
            Target::Off => None,
            Target::Stdout => Some(Self::Stdout {
                buffer: Vec::with_capacity(BUFFER),
                lines: 0,
            }),
            Target::File(settings) => Some(Self::File(Box::new(LogFile::open(settings)?))),
            Target::Syslog(path) => Some(Self::Syslog(Syslog::connect(path)?)),
        })
    }

    /// Adds a line without its end; the answer is how many lines were written.
    pub fn push(
        &mut self,
        time: SystemTime,
        severity: Severity,
        line: &mut Vec<u8>,
    ) -> Result<u64, Lost> {
        match self {
            Self::File(file) => file.push(line),
            Self::Syslog(syslog) => match syslog.send(time, severity, line) {
                Ok(()) => Ok(1),
                Err(error) => Err(Lost::new(1, error)),
            },
            Self::Stdout { buffer, lines } => {
                buffer.extend_from_slice(line);
                buffer.push(b'\n');
                *lines += 1;
                match buffer.len() >= BUFFER {
                    true => self.flush(),
                    false => Ok(0),
                }
            }
        }
    }

    /// Writes what was added; the answer is how many lines.
    pub fn flush(&mut self) -> Result<u64, Lost> {
        match self {
            Self::File(file) => file.flush(),
            Self::Syslog(_) => Ok(0),
            Self::Stdout { buffer, lines } => {
                let lines = std::mem::take(lines);
                let mut stdout = io::stdout().lock();
                let result = stdout.write_all(buffer).and_then(|()| stdout.flush());
                buffer.clear();
                result
                    .map(|()| lines)
                    .map_err(|error| Lost::new(lines, error))
            }
        }
    }

    /// Opens a file again by its path; the answer is how many lines were written.
    pub fn reopen(&mut self) -> Result<u64, Lost> {
        match self {
            Self::File(file) => file.reopen(),
            Self::Stdout { .. } | Self::Syslog(_) => Ok(0),
        }
    }

    /// Says among the lines that some were lost, where that is of use.
    pub fn note_dropped(&mut self, lines: u64) -> Result<(), Lost> {
        match self {
            Self::File(file) => {
                let noted = file.note_dropped(lines);
                noted.map_err(|error| Lost::new(0, error))
            }
            Self::Stdout { .. } | Self::Syslog(_) => Ok(()),
        }
    }
}
