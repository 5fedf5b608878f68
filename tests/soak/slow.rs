//! A thousand clients that take their time, and one that does not.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::client::{measure, request};
use crate::gateway::Gateway;
use crate::upstream::{self, LARGE};
use crate::{PATIENCE, alone, run};

const CLIENTS: usize = 1000;
/// Between two bytes of a client.
const PAUSE: Duration = Duration::from_millis(300);
const PERIOD: Duration = Duration::from_secs(15);
const BOUND: Duration = Duration::from_millis(100);

#[test]
fn a_thousand_slow_clients_leave_others_served() {
    let _alone = alone();
    let gateway = Gateway::start(upstream::start(), "");
    let address = gateway.address();
    let (sender, connected) = mpsc::channel();
    thread::spawn(move || run(LocalSet::new().run_until(attack(address, sender))));
    for _ in 0..CLIENTS {
        connected.recv_timeout(PATIENCE).unwrap();
    }
    let figures = measure(address, PERIOD);
    let memory = gateway.most_memory() / 1024;
    println!("{CLIENTS} slow clients: {figures}; at most {memory} MiB");
    assert_eq!(figures.failed, 0);
    assert!(figures.percentile(99) < BOUND);
}

/// Never ends: a client that is sent away comes again.
async fn attack(address: SocketAddr, connected: Sender<()>) {
    for index in 0..CLIENTS {
        let mut connected = Some(connected.clone());
        spawn_local(async move {
            loop {
                let Ok(stream) = connect(address).await else {
                    sleep(PAUSE).await;
                    continue;
                };
                if let Some(connected) = connected.take() {
                    let _ = connected.send(());
                }
                // Each ends with an error when the gateway has had enough.
                let _ = match index % 3 {
                    0 => slow_head(stream).await,
                    1 => slow_body(stream).await,
                    _ => slow_read(stream).await,
                };
            }
        });
    }
    std::future::pending::<()>().await;
}

/// Takes little at once.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.connect(address).await
}

async fn slow_head(mut stream: TcpStream) -> io::Result<()> {
    let head = request("GET", "", "");
    let (start, _) = head.split_at(head.len() - 2);
    stream.write_all(start.as_bytes()).await?;
    loop {
        stream.write_all(b"X: y\r\n").await?;
        sleep(PAUSE).await;
    }
}

async fn slow_body(mut stream: TcpStream) -> io::Result<()> {
    let head = request("POST", "", "Content-Length: 1000000\r\n");
    stream.write_all(head.as_bytes()).await?;
    loop {
        stream.write_all(b"x").await?;
        sleep(PAUSE).await;
    }
}

async fn slow_read(mut stream: TcpStream) -> io::Result<()> {
    let head = request("GET", &format!("/{LARGE}"), "");
    stream.write_all(head.as_bytes()).await?;
    while stream.read(&mut [0; 16]).await? > 0 {
        sleep(PAUSE).await;
    }
    Ok(())
}
