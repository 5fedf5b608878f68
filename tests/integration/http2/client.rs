//! An HTTP/2 client, in the clear and over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use hyper::{HeaderMap, Request};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Gateway, PATIENCE};

/// Runs a client to its end, within [`PATIENCE`].
pub fn run(client: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let within = async { tokio::time::timeout(PATIENCE, client).await };
    runtime.block_on(within).expect("it took too long");
}

/// Lets connections run until this holds.
pub async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

pub fn get(path: &str, token: &str) -> Request<()> {
    Request::get(format!("http://api.test{path}"))
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .unwrap()
}

/// One connection.
pub struct Connection {
    send: SendRequest<Bytes>,
    driver: JoinHandle<Result<(), h2::Error>>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Connection {
    /// In the clear, by prior knowledge.
    pub async fn open(gateway: &Gateway) -> Self {
        Self::over(connect(gateway.address()).await).await
    }

    /// The same with a window of so many bytes for each answer.
    pub async fn with_window(gateway: &Gateway, window: u32) -> Self {
        let mut builder = Builder::new();
        builder.initial_window_size(window);
        Self::build(&builder, connect(gateway.address()).await).await
    }

    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let mut builder = Builder::new();
        builder.max_header_list_size(1 << 20);
        Self::build(&builder, stream).await
    }

    async fn build(
        builder: &Builder,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (send, connection) = builder.handshake(stream).await.unwrap();
        let driver = tokio::spawn(connection);
        let send = send.ready().await.unwrap();
        Self { send, driver }
    }

    /// Sends a request without a body.
    pub async fn send(&mut self, request: Request<()>) -> ResponseFuture {
        self.send = self.send.clone().ready().await.unwrap();
        self.send.send_request(request, true).unwrap().0
    }

    /// Sends the head of a request.
    pub async fn begin(&mut self, request: Request<()>) -> (ResponseFuture, h2::SendStream<Bytes>) {
        self.send = self.send.clone().ready().await.unwrap();
        self.send.send_request(request, false).unwrap()
    }

    /// How many requests may run at once.
    pub fn max_streams(&self) -> usize {
        self.send.current_max_send_streams()
    }

    /// Waits until the gateway takes no more requests; they fail before they are sent.
    pub async fn refuses_more(&mut self) -> bool {
        loop {
            match self.send.clone().ready().await {
                Err(error) => return error.is_go_away(),
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// How the gateway ended the connection.
    pub async fn ended(self) -> Result<(), h2::Error> {
        // The connection must not end because nobody wants it.
        let ended = self.driver.await.unwrap();
        drop(self.send);
        ended
    }
}

pub async fn answer(answer: ResponseFuture) -> Result<Answer, h2::Error> {
    let (head, mut stream) = answer.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn reason(&self) -> &str {
        self.header("x-actiongate-reason").unwrap_or("(none)")
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection over TLS.
pub async fn tls(gateway: &Gateway, config: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    let name = ServerName::try_from("api.test").unwrap();
    let stream = connect(gateway.address()).await;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.unwrap()
}

/// What was negotiated.
pub fn protocol(stream: &TlsStream<TcpStream>) -> Option<&str> {
    let protocol = stream.get_ref().1.alpn_protocol()?;
    Some(std::str::from_utf8(protocol).unwrap())
}

/// Sends these bytes and reads until the gateway ends the connection.
pub async fn exchange(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}
