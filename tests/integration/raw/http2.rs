//! The same over HTTP/2, in frames written by hand.

mod head;
mod stream;

use std::{fmt, io};

use super::check::{Ledger, World};
use super::row::{View, fill, unfill};
use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, START, block, frame,
};
use crate::support::{Client, Wire};

pub fn rows() -> Vec<Http2Row> {
    let mut rows = head::rows();
    rows.extend(stream::rows());
    rows
}

/// One attack on a connection of its own.
pub struct Http2Row {
    pub name: &'static str,
    frames: Vec<u8>,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    /// The gateway's own answer.
    Refused(u16, &'static str),
    Forwarded(View),
    /// The stream is reset: its request is malformed.
    Reset,
    /// The same when its head has been read.
    Aborted,
    /// The connection ends with an error.
    Gone,
}

/// How a connection went.
enum Outcome {
    Answered(Vec<u8>),
    Reset,
    Gone,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(body) => write!(f, "the answer {}", body.escape_ascii()),
            Self::Reset => f.write_str("a reset"),
            Self::Gone => f.write_str("the connection's end"),
        }
    }
}

/// A request in the making: pseudo-headers and headers in their order.
#[derive(Clone)]
struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

fn get() -> Fields {
    Fields::new("GET", "{path}")
}

impl Fields {
    /// A good request.
    fn new(method: &str, path: &str) -> Self {
        Self(Vec::new())
            .and(":method", method)
            .and(":scheme", "http")
            .and(":authority", "api.test")
            .and(":path", path)
            .and("x-auth-token", "{token}")
    }

    fn and(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.0.push((fill(name), fill(value)));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name.as_bytes());
        self
    }

    /// In the place of the field of this name.
    fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut fields = self.0.iter_mut();
        let field = fields.find(|(own, _)| own == name.as_bytes()).unwrap();
        field.1 = fill(value);
        self
    }

    fn block(&self) -> Vec<u8> {
        let fields: Vec<(&[u8], &[u8])> = self
            .0
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        block(&fields)
    }

    /// As the first request of a connection, in as many frames as it needs.
    fn frames(&self, flags: u8) -> Vec<u8> {
        let block = self.block();
        let mut parts = block.chunks(16_000).peekable();
        let mut kind = HEADERS;
        let mut frames = Vec::new();
        while let Some(part) = parts.next() {
            let end = if parts.peek().is_none() {
                END_HEADERS
            } else {
                0
            };
            let own = if kind == HEADERS { flags } else { 0 };
            frames.extend(frame(kind, end | own, 1, part));
            kind = CONTINUATION;
        }
        frames
    }
}

impl Http2Row {
    fn new(name: &'static str, frames: Vec<u8>, expected: Expected) -> Self {
        Self {
            name,
            frames,
            expected,
        }
    }
}

/// A frame as it came.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    fn read(wire: &mut Wire) -> io::Result<Self> {
        let head = wire.exactly(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Self {
            kind: head[3],
            flags: head[4],
            stream,
            payload: wire.exactly(length as usize)?,
        })
    }
}

/// Sends each row; fails with all that are not as they should be.
pub fn check(rows: Vec<Http2Row>) {
    let mut world = World::start(|setup| setup);
    let mut ledger = Ledger::default();
    for row in rows {
        let checked = check_row(&mut world, &row);
        ledger.note(row.name, &unfill(&row.frames), checked);
    }
    ledger.finish(world);
}

fn check_row(world: &mut World, row: &Http2Row) -> Result<(), String> {
    let before = world.upstream.count();
    let outcome = outcome(world, row);
    let views: &[&View] = match &row.expected {
        Expected::Forwarded(view) => &[view],
        Expected::Refused(..) | Expected::Reset | Expected::Aborted | Expected::Gone => &[],
    };
    let told = match (&row.expected, &outcome) {
        (Expected::Refused(status, reason), Outcome::Answered(body)) => {
            world.audited(row.name, *status, reason);
            let code = format!("\"code\":{status}");
            String::from_utf8_lossy(body).contains(&code)
        }
        (Expected::Forwarded(_), Outcome::Answered(_)) => {
            world.audited(row.name, 200, "ok");
            true
        }
        (Expected::Gone, Outcome::Gone) => {
            world.audited(row.name, 400, "request_unreadable");
            true
        }
        (Expected::Aborted, Outcome::Reset) => {
            world.audited(row.name, 0, "aborted");
            true
        }
        (Expected::Reset, Outcome::Reset) => true,
        _ => false,
    };
    world.goes_on(row.name, before, views)?;
    match told {
        true => Ok(()),
        false => Err(format!("expected {:?}, got {outcome}", row.expected)),
    }
}

fn outcome(world: &World, row: &Http2Row) -> Outcome {
    let mut client: Client = world.connect();
    let _ = client.wire().write(&[START, &row.frames].concat());
    let mut body = Vec::new();
    loop {
        let Ok(frame) = Frame::read(client.wire()) else {
            return Outcome::Gone;
        };
        match (frame.kind, frame.stream) {
            (RST_STREAM, 1) => return Outcome::Reset,
            (GOAWAY, _) => return Outcome::Gone,
            (DATA, 1) => body.extend(frame.payload),
            (HEADERS, 1) => {}
            _ => continue,
        }
        if frame.flags & END_STREAM != 0 {
            return Outcome::Answered(body);
        }
    }
}
