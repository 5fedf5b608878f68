//! Floods of frames: streams that are reset as soon as they are there, and heads without an end.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::{all, measure};
use crate::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, START, block, frame,
};
use crate::gateway::Gateway;
use crate::token::PROJECT;
use crate::{PATIENCE, alone, upstream};

const ATTACKERS: usize = 4;
const PERIOD: Duration = Duration::from_secs(10);
/// In MiB, at any time.
const BOUND: u64 = 64;
const SLOWEST: Duration = Duration::from_millis(500);

#[test]
fn rapid_resets_take_no_memory() {
    withstands("rapid resets", |stream, sent| {
        let path = format!("/v2.1/{PROJECT}/servers/s1/metadata");
        let fields: [(&[u8], &[u8]); 5] = [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":authority", b"a.test"),
            (b":path", path.as_bytes()),
            (b"x-auth-token", all().as_bytes()),
        ];
        let block = block(&fields);
        stream.write_all(START)?;
        for id in (1_u32..1 << 30).step_by(2) {
            let head = frame(HEADERS, END_HEADERS | END_STREAM, id, &block);
            let reset = frame(RST_STREAM, 0, id, &8_u32.to_be_bytes());
            stream.write_all(&[head, reset].concat())?;
            sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
}

#[test]
fn heads_without_an_end_take_no_memory() {
    withstands("continuations", |stream, sent| {
        let fields: [(&[u8], &[u8]); 1] = [(b"x", &[b'y'; 16_000])];
        let block = block(&fields);
        stream.write_all(START)?;
        stream.write_all(&frame(HEADERS, END_STREAM, 1, &block))?;
        loop {
            stream.write_all(&frame(CONTINUATION, 0, 1, &block))?;
            sent.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// Floods from several connections, again and again as each is ended, while another client asks.
fn withstands(name: &str, flood: fn(&mut TcpStream, &AtomicU64) -> io::Result<()>) {
    let _alone = alone();
    let gateway = Gateway::start(upstream::start(), "");
    let address = gateway.address();
    let (sent, connections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    let attackers: Vec<_> = (0..ATTACKERS)
        .map(|_| {
            let (sent, connections) = (Arc::clone(&sent), Arc::clone(&connections));
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    connections.fetch_add(1, Ordering::Relaxed);
                    // Ends with an error when the gateway ends the connection.
                    let _ = attack(address, &sent, flood);
                }
            })
        })
        .collect();
    let figures = measure(address, PERIOD);
    let most = gateway.most_memory() / 1024;
    is_over.store(true, Ordering::Relaxed);
    drop(gateway);
    for attacker in attackers {
        attacker.join().unwrap();
    }
    let (sent, connections) = (
        sent.load(Ordering::Relaxed),
        connections.load(Ordering::Relaxed),
    );
    println!("{sent} {name} on {connections} connections: {figures}; at most {most} MiB");
    assert!(sent > 0);
    assert_eq!(figures.failed, 0);
    assert!(figures.percentile(99) < SLOWEST);
    assert!(most < BOUND);
}

fn attack(
    address: SocketAddr,
    sent: &AtomicU64,
    flood: fn(&mut TcpStream, &AtomicU64) -> io::Result<()>,
) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    flood(&mut stream, sent)
}
