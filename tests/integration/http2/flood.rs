//! Frames that cost the sender little and are meant to cost us much: the connection ends, and
//! nobody else notices.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{Call, Gateway, PATIENCE, Setup, Upstream, metadata, token};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `GET / HTTP/2` of `http://a`, by HPACK's static table.
fn head() -> Vec<u8> {
    let mut block = vec![0x82, 0x86, 0x84, 0x41, 1];
    block.push(b'a');
    block
}

/// Sends what `next` makes until the gateway takes no more, at most so many times; what it
/// answered.
fn flood(gateway: &Gateway, first: &[u8], times: u32, next: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let answered = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // The end may be a reset: we go on sending when nobody reads any more.
        let _ = reader.read_to_end(&mut bytes);
        bytes
    });
    stream.write_all(PREFACE).unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    stream.write_all(first).unwrap();
    let sent = (0..times).take_while(|number| stream.write_all(&next(*number)).is_ok());
    assert!(sent.count() < times as usize, "nobody minded");
    answered.join().unwrap()
}

/// The reason in the last GOAWAY.
fn goodbye(mut frames: &[u8]) -> Option<u32> {
    let mut reason = None;
    while let [a, b, c, kind, _, rest @ ..] = frames {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let payload = rest.get(4..4 + length)?;
        if *kind == GOAWAY {
            reason = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        frames = &rest[4 + length..];
    }
    reason
}

/// What the gateway serves while it is flooded.
fn unharmed(gateway: &Gateway, flood: impl FnOnce() + Send) {
    let call = Call::get(metadata()).bearer(&token(&["*:*:*"]));
    std::thread::scope(|scope| {
        let flood = scope.spawn(flood);
        let mut client = gateway.connect();
        loop {
            assert_eq!(client.call(&call).status, 200);
            if flood.is_finished() {
                break;
            }
        }
    });
}

const ENHANCE_YOUR_CALM: u32 = 11;
const PROTOCOL_ERROR: u32 = 1;

#[test]
fn rapid_resets_end_the_connection() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    unharmed(&gateway, || {
        let answered = flood(&gateway, &[], 20_000, |number| {
            let stream = number * 2 + 1;
            let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &head());
            bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            bytes
        });
        if let Some(reason) = goodbye(&answered) {
            assert!([ENHANCE_YOUR_CALM, 0].contains(&reason), "{reason}");
        }
    });
}

#[test]
fn endless_continuations_end_the_connection() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    unharmed(&gateway, || {
        let first = frame(HEADERS, END_STREAM, 1, &head());
        let answered = flood(&gateway, &first, 100_000, |_| {
            // A literal that is not to be indexed: `x: ` and a kilobyte.
            let mut block = vec![0, 1, b'x', 0x7f, 0x81, 0x07];
            block.extend([b'v'; 1024]);
            frame(CONTINUATION, 0, 1, &block)
        });
        if let Some(reason) = goodbye(&answered) {
            let expected = [ENHANCE_YOUR_CALM, PROTOCOL_ERROR];
            assert!(expected.contains(&reason), "{reason}");
        }
    });
    let audit = gateway.into_audit();
    let refused = audit.iter().find(|line| line["reason"] != "ok").unwrap();
    assert_eq!(refused["reason"], "request_unreadable");
    assert_eq!(upstream.count(), audit.len() - 1);
}

#[test]
fn a_broken_frame_ends_the_connection_and_is_audited() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(PREFACE).unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    // A ping is never part of a stream (RFC 9113 §6.7).
    stream.write_all(&frame(PING, 0, 1, &[0; 8])).unwrap();
    let mut answered = Vec::new();
    stream.read_to_end(&mut answered).unwrap();
    assert_eq!(goodbye(&answered), Some(PROTOCOL_ERROR));
    let audit = gateway.into_audit();
    assert_eq!(audit[0]["reason"], "request_unreadable");
    assert_eq!(audit[0]["status"], 400);
}
