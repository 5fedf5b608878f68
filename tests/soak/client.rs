//! A client that behaves, and how it is served.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::token::{PROJECT, token};
use crate::{PATIENCE, run};

/// How long each of a client's requests took, in order of length.
pub struct Figures {
    times: Vec<Duration>,
    /// Those that were not answered as they should be.
    pub failed: usize,
}

impl Figures {
    pub fn percentile(&self, percent: usize) -> Duration {
        self.times[(self.times.len() * percent / 100).min(self.times.len() - 1)]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (half, most) = (self.percentile(50), self.percentile(99));
        let (count, failed) = (self.times.len(), self.failed);
        let longest = self.percentile(100);
        write!(
            f,
            "{count} requests, {failed} failed, p50 {half:.1?}, p99 {most:.1?}, longest {longest:.1?}"
        )
    }
}

/// A token that may do everything.
pub fn all() -> &'static str {
    static TOKEN: OnceLock<String> = OnceLock::new();
    TOKEN.get_or_init(|| token(&["*:*:*"]))
}

/// A good request for a path below the metadata of a server, with more lines.
pub fn request(method: &str, below: &str, lines: &str) -> String {
    format!(
        "{method} /v2.1/{PROJECT}/servers/s1/metadata{below} HTTP/1.1\r\nHost: a.test\r\n\
         X-Auth-Token: {}\r\n{lines}\r\n",
        all()
    )
}

/// Asks the same again and again for so long: on one connection, and every tenth time on a new one.
pub fn measure(address: SocketAddr, period: Duration) -> Figures {
    run(async {
        let end = Instant::now() + period;
        let mut figures = Figures {
            times: Vec::new(),
            failed: 0,
        };
        while Instant::now() < end {
            let mut stream = None;
            for _ in 0..10 {
                let started = Instant::now();
                match timeout(PATIENCE, ask(address, &mut stream)).await {
                    Ok(Ok(200)) => {}
                    _ => {
                        figures.failed += 1;
                        stream = None;
                    }
                }
                figures.times.push(started.elapsed());
                // Not to measure how busy it keeps the machine itself.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        figures.times.sort();
        figures
    })
}

async fn ask(address: SocketAddr, stream: &mut Option<BufStream<TcpStream>>) -> io::Result<u16> {
    if stream.is_none() {
        *stream = Some(BufStream::new(TcpStream::connect(address).await?));
    }
    let Some(stream) = stream else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    stream.write_all(request("GET", "", "").as_bytes()).await?;
    stream.flush().await?;
    answer(stream).await
}

/// Reads one answer; its status.
pub async fn answer(stream: &mut BufStream<TcpStream>) -> io::Result<u16> {
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.trim().parse().map_err(io::Error::other)?;
        }
        match line.as_str() {
            "\r\n" => break,
            _ if status.is_none() => status = line.get(9..12).and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    status.ok_or_else(|| io::Error::other("no status"))
}
