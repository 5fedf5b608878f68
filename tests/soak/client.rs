//! Clients that behave, and how they are served.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{fmt, io};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::token::{PROJECT, token};
use crate::{PATIENCE, run};

/// The host of every request, and the name of every certificate.
pub const HOST: &str = "a.test";

/// How long each of a client's requests took, in order of length.
#[derive(Default)]
pub struct Figures {
    times: Vec<Duration>,
    /// Those that were not answered as they should be.
    pub failed: usize,
}

/// Where and how clients connect.
#[derive(Clone)]
pub struct Place {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
    certificates: Arc<Mutex<HashSet<Vec<u8>>>>,
}

/// A connection that may have to be made first.
pub struct Client {
    place: Place,
    stream: Option<BufStream<Box<dyn Stream>>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

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
        "{method} /v2.1/{PROJECT}/servers/s1/metadata{below} HTTP/1.1\r\nHost: {HOST}\r\n\
         X-Auth-Token: {}\r\n{lines}\r\n",
        all()
    )
}

/// Asks the same again and again for so long: on one connection, and every tenth time on a new one.
pub fn measure(address: SocketAddr, period: Duration) -> Figures {
    run(async {
        let end = Instant::now() + period;
        let mut figures = Figures::default();
        let request = request("GET", "", "");
        while Instant::now() < end {
            let mut client = Client::new(Place::plain(address));
            for _ in 0..10 {
                let started = Instant::now();
                if !client.ask(&request).await.is_ok_and(|status| status == 200) {
                    figures.failed += 1;
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

impl Place {
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            certificates: Arc::default(),
        }
    }

    pub fn over_tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self {
            tls: Some(config),
            ..Self::plain(address)
        }
    }

    /// How many certificates its clients have met.
    pub fn certificates(&self) -> usize {
        self.certificates.lock().unwrap().len()
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let Some(config) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(name, stream).await?;
        let certificates = stream.get_ref().1.peer_certificates();
        let first = certificates.and_then(|chain| chain.first()).unwrap();
        self.certificates.lock().unwrap().insert(first.to_vec());
        Ok(Box::new(stream))
    }
}

impl Client {
    pub fn new(place: Place) -> Self {
        Self {
            place,
            stream: None,
        }
    }

    /// The status of the answer; after an error the next request is on a new connection.
    pub async fn ask(&mut self, request: &str) -> io::Result<u16> {
        let asked = match timeout(PATIENCE, self.exchange(request)).await {
            Ok(asked) => asked,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        if asked.is_err() {
            self.stream = None;
        }
        asked
    }

    async fn exchange(&mut self, request: &str) -> io::Result<u16> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(BufStream::new(self.place.connect().await?)),
        };
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        answer(stream).await
    }
}

/// Reads one answer; its status.
pub async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
) -> io::Result<u16> {
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
