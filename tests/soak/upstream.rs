//! Upstreams that answer whatever they are asked, at once.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::thread::{self, JoinHandle};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

use crate::run;

/// What a request for this key of the metadata gets: more than fits into any buffer on the way.
pub const LARGE: &str = "large";
static LARGE_BODY: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; 1024 * 1024]);

/// How often each request came, by its `X-Id`.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<HashMap<String, usize>>>);

/// One upstream that lives until it is killed, with all its connections.
pub struct Upstream {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// A request's head, as far as anybody here is interested.
#[derive(Default)]
struct Head {
    line: String,
    length: usize,
    id: Option<String>,
}

impl Seen {
    fn note(&self, id: String) {
        *self.0.lock().unwrap().entry(id).or_default() += 1;
    }

    /// Those that came more than once.
    pub fn doubled(&self) -> Vec<String> {
        let seen = self.0.lock().unwrap();
        let doubled = seen.iter().filter(|(_, count)| **count > 1);
        doubled.map(|(id, _)| id.clone()).collect()
    }

    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Serves until the test's process ends; the answer is its address.
pub fn start() -> SocketAddr {
    let upstream = Upstream::start((Ipv4Addr::LOCALHOST, 0).into(), &Seen::default());
    let address = upstream.address;
    // Without this end it would stop.
    std::mem::forget(upstream.stop);
    address
}

impl Upstream {
    pub fn start(address: SocketAddr, seen: &Seen) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (sender, receiver) = mpsc::channel();
        let seen = seen.clone();
        let thread = thread::spawn(move || {
            let serving = async {
                let listener = TcpListener::bind(address).await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(listener, seen) => {}
                    _ = stopped => {}
                }
            };
            run(LocalSet::new().run_until(serving));
        });
        Self {
            address: receiver.recv().unwrap(),
            stop,
            thread,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes everything, whatever runs.
    pub fn kill(self) {
        drop(self.stop);
        self.thread.join().unwrap();
    }
}

async fn accept(listener: TcpListener, seen: Seen) {
    while let Ok((stream, _)) = listener.accept().await {
        spawn_local(serve(stream, seen.clone()));
    }
}

/// Until the other side has had enough.
async fn serve(stream: TcpStream, seen: Seen) {
    let mut stream = BufStream::new(stream);
    while let Some(head) = head(&mut stream).await {
        if let Some(id) = head.id {
            seen.note(id);
        }
        let read = stream.read_exact(&mut vec![0; head.length]).await;
        let body: &[u8] = match head.line.contains(&format!("/{LARGE} ")) {
            true => &LARGE_BODY,
            false => b"{}",
        };
        let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if read.is_err() || stream.write_all(start.as_bytes()).await.is_err() {
            return;
        }
        let sent = stream.write_all(body).await;
        if sent.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

async fn head(stream: &mut BufStream<TcpStream>) -> Option<Head> {
    let mut head = Head::default();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(text) = line.strip_prefix("content-length: ") {
            head.length = text.trim().parse().ok()?;
        }
        if let Some(id) = line.strip_prefix("x-id: ") {
            head.id = Some(id.trim().to_owned());
        }
        match line.as_str() {
            "\r\n" => return Some(head),
            _ if head.line.is_empty() => head.line = line,
            _ => {}
        }
    }
}
