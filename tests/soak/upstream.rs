//! An upstream that answers whatever it is asked, at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::run;

/// What a request for this key of the metadata gets: more than fits into any buffer on the way.
pub const LARGE: &str = "large";
const LARGE_LENGTH: usize = 4 * 1024 * 1024;

/// Serves on a thread of its own until the test's process ends; the answer is its address.
pub fn start() -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let serving = async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(serve(stream));
            }
        };
        run(tokio::task::LocalSet::new().run_until(serving));
    });
    receiver.recv().unwrap()
}

/// Until the other side has had enough.
async fn serve(stream: TcpStream) {
    let mut stream = BufStream::new(stream);
    while let Some((line, length)) = head(&mut stream).await {
        let mut body = vec![0; length];
        let read = stream.read_exact(&mut body).await;
        let length = match line.contains(&format!("/{LARGE} ")) {
            true => LARGE_LENGTH,
            false => 2,
        };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let answer = [answer.into_bytes(), vec![b'x'; length]].concat();
        let sent = stream.write_all(&answer).await;
        if read.is_err() || sent.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// The start line of the next request and how long its body is.
async fn head(stream: &mut BufStream<TcpStream>) -> Option<(String, usize)> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        let mut next = String::new();
        if stream.read_line(&mut next).await.ok()? == 0 {
            return None;
        }
        if let Some(text) = next.strip_prefix("content-length: ") {
            length = text.trim().parse().ok()?;
        }
        match next.as_str() {
            "\r\n" => return Some((line, length)),
            _ if line.is_empty() => line = next,
            _ => {}
        }
    }
}
