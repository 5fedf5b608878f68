//! HTTP/1.1 as bytes on a socket, read by the book and without mercy; the same for both ends.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use super::PATIENCE;

/// A socket and what was read of it but not taken yet.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// Header lines in their order, names in lower case.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Headers {
    lines: Vec<(String, String)>,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Whether the other side has neither sent anything nor closed the connection.
    pub fn is_open(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        self.buffer.is_empty() && peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Sends back every byte that comes, until the end of the stream.
    pub fn repeat(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        loop {
            let own = std::mem::take(&mut self.buffer);
            self.stream.write_all(&own)?;
            let length = self.stream.read(&mut piece)?;
            if length == 0 {
                return Ok(());
            }
            self.buffer.extend_from_slice(&piece[..length]);
        }
    }

    /// Ends both directions.
    pub fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// The next bytes into the buffer; the answer is whether there were any.
    fn fill(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 16 * 1024];
        let count = self.stream.read(&mut bytes)?;
        self.buffer.extend_from_slice(&bytes[..count]);
        Ok(count > 0)
    }

    fn fill_or_fail(&mut self) -> io::Result<()> {
        match self.fill()? {
            true => Ok(()),
            false => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    fn until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self.buffer.windows(end.len()).position(|part| part == end);
            if let Some(at) = found {
                return Ok(self.buffer.drain(..at + end.len()).collect());
            }
            self.fill_or_fail()?;
        }
    }

    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            self.fill_or_fail()?;
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// A start line and its headers with the empty line; `None` at a clean end.
    pub fn head(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.buffer.is_empty() && !self.fill()? {
            return Ok(None);
        }
        self.until(b"\r\n\r\n").map(Some)
    }

    /// The next piece of a body and its bytes as they came; `None` at the body's end.
    pub fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
        match framing {
            Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                if self.buffer.is_empty() {
                    self.fill_or_fail()?;
                }
                let count = (*left).min(self.buffer.len());
                *left -= count;
                let data: Vec<u8> = self.buffer.drain(..count).collect();
                Ok(Some((data.clone(), data)))
            }
            Framing::Chunked => {
                let mut raw = self.until(b"\r\n")?;
                let line = String::from_utf8_lossy(&raw).trim_end().to_owned();
                let size = usize::from_str_radix(&line, 16);
                let size = size.map_err(|_| io::Error::other(format!("chunk size {line:?}")))?;
                let data = self.exactly(size)?;
                let end = self.exactly(2)?;
                if end != b"\r\n" {
                    return Err(io::Error::other("a chunk without its end"));
                }
                if size == 0 {
                    *framing = Framing::Length(0);
                }
                raw.extend_from_slice(&data);
                raw.extend_from_slice(&end);
                Ok(Some((data, raw)))
            }
            Framing::UntilClose => {
                if self.buffer.is_empty() && !self.fill()? {
                    *framing = Framing::Length(0);
                    return Ok(None);
                }
                let data = std::mem::take(&mut self.buffer);
                Ok(Some((data.clone(), data)))
            }
        }
    }

    /// Waits for the end of the stream: `Ok` if it is clean and nothing stands before it.
    pub fn end(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() && !self.fill()? {
            return Ok(());
        }
        let rest = String::from_utf8_lossy(&self.buffer).into_owned();
        Err(io::Error::other(format!("not the end: {rest:?}")))
    }
}

impl Headers {
    /// The start line and the headers of a head.
    pub fn parse(head: &[u8]) -> (String, Self) {
        let text = String::from_utf8_lossy(head).into_owned();
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let lines = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let lines = lines.collect();
        (start, Self { lines })
    }

    /// The only line of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} stands there twice: {all:?}");
        all.first().copied()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(own, _)| own == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    pub fn names(&self) -> Vec<&str> {
        self.lines.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// How long the body is that these headers announce, if they do.
    pub fn framing(&self) -> Option<Framing> {
        if let Some(coding) = self.get("transfer-encoding") {
            assert_eq!(coding, "chunked");
            assert!(!self.has("content-length"), "two lengths: {self:?}");
            return Some(Framing::Chunked);
        }
        let length = self.get("content-length")?;
        Some(Framing::Length(length.parse().unwrap()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.lines.iter().map(|(name, value)| (name, value)))
            .finish()
    }
}
