//! What a connection costs on which nothing happens.

use std::net::{self, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{answer, request};
use crate::gateway::Gateway;
use crate::{PATIENCE, alone, run, upstream};

const CONNECTIONS: u64 = 8000;
/// Connections that begin at once.
const BATCH: u64 = 200;
/// In bytes for each connection.
const BOUND: u64 = 12 * 1024;
/// Longer than a connection does nothing before it gives up its buffers.
const SETTLING: Duration = Duration::from_secs(3);

#[test]
fn idle_connections_cost_little() {
    let _alone = alone();
    let gateway = Gateway::start(upstream::start(), "client_timeout = \"10m\"");
    let address = gateway.address();
    // What the first requests leave behind is not the connections'.
    let _first = run(connect_all(address, BATCH));
    let before = settled(&gateway);
    let connections = run(connect_all(address, CONNECTIONS));
    let after = settled(&gateway);
    assert_eq!(connections.len() as u64, CONNECTIONS);
    let each = after.saturating_sub(before) * 1024 / CONNECTIONS;
    let (before, after) = (before / 1024, after / 1024);
    println!(
        "{CONNECTIONS} idle connections: {each} bytes each ({before} MiB before, {after} MiB after)"
    );
    assert!(each <= BOUND);
}

/// Connections that were each asked once and stay.
async fn connect_all(address: SocketAddr, count: u64) -> Vec<net::TcpStream> {
    let mut streams = Vec::new();
    while (streams.len() as u64) < count {
        let mut batch = JoinSet::new();
        for _ in 0..BATCH {
            batch.spawn(tokio::time::timeout(PATIENCE, async move {
                let mut stream = BufStream::new(TcpStream::connect(address).await?);
                stream.write_all(request("GET", "", "").as_bytes()).await?;
                stream.flush().await?;
                assert_eq!(answer(&mut stream).await?, 200);
                stream.into_inner().into_std()
            }));
        }
        while let Some(stream) = batch.join_next().await {
            streams.push(stream.unwrap().unwrap().unwrap());
        }
    }
    streams
}

/// What it holds when that does not change any more.
fn settled(gateway: &Gateway) -> u64 {
    let started = Instant::now();
    let mut last = gateway.memory();
    loop {
        thread::sleep(SETTLING);
        let now = gateway.memory();
        if now == last || started.elapsed() > PATIENCE {
            return now;
        }
        last = now;
    }
}
