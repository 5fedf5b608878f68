//! Messages of RFC 5424 for the machine's log, over its Unix datagram socket.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::named;

/// "log audit" (RFC 5424 §6.2.1).
const FACILITY: u8 = 13;
/// How long the log's daemon may take nothing before lines are dropped.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much a message matters (RFC 5424 §6.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// A request that was refused.
    Notice = 5,
    /// Any other.
    Informational = 6,
}

/// The daemon's socket; connected again where the daemon was started anew.
#[derive(Debug)]
pub struct Syslog {
    path: PathBuf,
    socket: UnixDatagram,
    host: String,
    message: Vec<u8>,
}

impl Syslog {
    pub fn connect(path: &Path) -> io::Result<Self> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim();
        Ok(Self {
            path: path.to_owned(),
            socket: connect(path)?,
            // The nil value of §6.2.4.
            host: if host.is_empty() { "-" } else { host }.to_owned(),
            message: Vec::new(),
        })
    }

    /// Sends one message.
    pub fn send(&mut self, time: SystemTime, severity: Severity, text: &[u8]) -> io::Result<()> {
        let priority = FACILITY * 8 + severity as u8;
        let time = humantime::format_rfc3339_micros(time);
        let (host, process) = (&self.host, std::process::id());
        self.message.clear();
        write!(
            self.message,
            "<{priority}>1 {time} {host} actiongate {process} request - "
        )?;
        self.message.extend_from_slice(text);
        match self.socket.send(&self.message) {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::NotConnected
                        | io::ErrorKind::ConnectionReset
                ) =>
            {
                self.socket = connect(&self.path)?;
                self.socket.send(&self.message).map(|_| ())
            }
            Err(error) => Err(error),
        }
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.connect(path).map_err(|error| named(path, &error))?;
    Ok(socket)
}
