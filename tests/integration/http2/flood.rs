//! Frames that cost the sender little and are meant to cost us much: the connection ends, and
//! nobody else notices.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{Call, Gateway, PATIENCE, Setup, Upstream, metadata, token};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;
const PROTOCOL_ERROR: u32 = 1;
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

/// `GET /a HTTP/2` of `http://a`, by HPACK's static table.
fn head() -> Vec<u8> {
    vec![0x82, 0x86, 0x04, 2, b'/', b'a', 0x41, 1, b'a']
}

/// A request that goes to the upstream.
fn permitted() -> Vec<u8> {
    let text = |text: &str| {
        // RFC 7541 §5.1: a length of 127 and more goes on in the next bytes.
        let rest = text.len().checked_sub(127);
        let mut bytes = vec![u8::try_from(text.len().min(127)).unwrap()];
        if let Some(rest) = rest {
            bytes.push(u8::try_from((rest % 128) | 128).unwrap());
            bytes.push(u8::try_from(rest / 128).unwrap());
        }
        bytes.extend(text.bytes());
        bytes
    };
    let mut block = vec![0x82, 0x86, 0x41, 1, b'a', 0x04];
    block.extend(text(&metadata()));
    block.extend([0x0f, 0x08]);
    block.extend(text(&format!("Bearer {}", token(&["*:*:*"]))));
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
        // The end may be a reset: we go on sending when nobody reads any more. But it must come.
        if let Err(error) = reader.read_to_end(&mut bytes) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
        bytes
    });
    stream.write_all(PREFACE).unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    stream.write_all(first).unwrap();
    let _ = (0..times).try_for_each(|number| stream.write_all(&next(number)));
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

/// A request and its end.
fn reset(block: &[u8], number: u32) -> Vec<u8> {
    let stream = number * 2 + 1;
    let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, block);
    bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    bytes
}

#[test]
fn rapid_resets_end_the_connection() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    // One after the other, and many at once.
    for count in [1, 500] {
        unharmed(&gateway, || {
            let block = permitted();
            flood(&gateway, &[], 20_000, |round| {
                let numbers = round * count..(round + 1) * count;
                numbers.flat_map(|number| reset(&block, number)).collect()
            });
        });
    }
    let aborted = gateway.into_audit();
    let aborted = aborted.iter().filter(|line| line["reason"] == "aborted");
    assert!(aborted.count() < 1000);
}

#[test]
fn whoever_goes_on_after_the_end_is_cut_off() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .listen("max_requests_per_connection = 500")
        .start();
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(PREFACE).unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    let window = 10_000_000_u32.to_be_bytes();
    stream
        .write_all(&frame(WINDOW_UPDATE, 0, 0, &window))
        .unwrap();
    // One after the other, each answered; the ping that comes with GOAWAY is not.
    let mut answered = |number: u32| -> io::Result<()> {
        let own = number * 2 + 1;
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, own, &head()))?;
        loop {
            let mut start = [0; 9];
            stream.read_exact(&mut start)?;
            let length = u32::from_be_bytes([0, start[0], start[1], start[2]]);
            stream.read_exact(&mut vec![0; length as usize])?;
            let of = u32::from_be_bytes(start[5..].try_into().unwrap());
            if of == own && start[4] & END_STREAM != 0 {
                return Ok(());
            }
        }
    };
    let ended = (0..20_000).find_map(|number| answered(number).err());
    assert!(ended.is_some_and(|error| error.kind() != ErrorKind::WouldBlock));
    let audit = gateway.into_audit();
    assert!((500..=710).contains(&audit.len()), "{}", audit.len());
    assert_eq!(upstream.count(), 0);
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
