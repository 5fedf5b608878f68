//! TLS towards the upstream: who is believed, and what we show.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use actiongate::tls::{ClientCertificates, Server, ServerSettings, Trust};
use bytes::Bytes;
use hyper::Response;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::support::{Authority, Call, Files, PATIENCE, Setup, metadata, token};

/// Answers one request on each connection until it is dropped.
struct Upstream {
    address: SocketAddr,
    served: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Speaks `h2` if it offers nothing else.
    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let count = Arc::clone(&served);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), config, count) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            served,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn accept(listener: TcpListener, config: Arc<ServerConfig>, served: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (config, served) = (Arc::clone(&config), Arc::clone(&served));
        tokio::spawn(async move {
            // One that does not want to talk to us.
            let _ = serve(stream, config, &served).await;
        });
    }
}

async fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    served: &AtomicUsize,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut stream = TlsAcceptor::from(config).accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        let mut connection = h2::server::handshake(stream).await?;
        while let Some(request) = connection.accept().await {
            let (_, mut respond) = request?;
            served.fetch_add(1, Ordering::Relaxed);
            let mut body = respond.send_response(Response::new(()), false)?;
            body.send_data(Bytes::from_static(b"h2"), true)?;
        }
        return Ok(());
    }
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        seen.extend_from_slice(&bytes[..count]);
    }
    served.fetch_add(1, Ordering::Relaxed);
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhttp1";
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    Ok(())
}

/// An authority, and a server with a certificate of it for `name`.
struct World {
    files: Files,
    root: Authority,
    upstream: Upstream,
}

fn world(name: &str, protocols: &[&[u8]]) -> World {
    world_with(name, protocols, |_| ClientCertificates::Off)
}

fn world_with(
    name: &str,
    protocols: &[&[u8]],
    clients: impl FnOnce(&Files) -> ClientCertificates,
) -> World {
    let (files, root) = (Files::new(), Authority::new("root"));
    files.write("root.pem", &root.pem());
    let certificates = vec![files.pair("server", &root.issue(&[name]))];
    let clients = clients(&files);
    let server = Server::load(&ServerSettings {
        certificates,
        clients,
    });
    let mut config = (*server.unwrap().config()).clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    World {
        files,
        root,
        upstream: Upstream::start(Arc::new(config)),
    }
}

impl World {
    /// A gateway whose `[upstream.tls]` has these lines.
    fn setup(&self, protocol: &str, lines: &str) -> Setup {
        Setup::at(self.upstream.address)
            .urls(&[format!("https://{}", self.upstream.address)])
            .upstream(&format!("protocol = \"{protocol}\""))
            .upstream(&format!("[upstream.tls]\n{lines}"))
    }

    fn ca(&self) -> String {
        format!("ca = \"{}\"\n", self.files.path("root.pem").display())
    }
}

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

#[test]
fn an_upstream_of_a_private_authority_is_believed() {
    let world = world("127.0.0.1", &[b"http/1.1"]);
    let gateway = world.setup("http1", &world.ca()).start();
    for _ in 0..3 {
        assert_eq!(gateway.call(&get()).text(), "http1");
    }
    assert_eq!(world.upstream.served(), 3);
}

#[test]
fn an_upstream_of_another_authority_or_name_is_sent_nothing() {
    let world = world("nova.test", &[b"http/1.1"]);
    let other = Authority::new("other");
    world.files.write("other.pem", &other.pem());
    let other = format!("ca = \"{}\"\n", world.files.path("other.pem").display());
    let named = "server_name = \"nova.test\"\n";
    for lines in [format!("{other}{named}"), world.ca()] {
        let answer = world.setup("http1", &lines).start().call(&get());
        answer.refusal(502, "upstream_connect", "badGateway");
    }
    assert_eq!(world.upstream.served(), 0);
    let lines = format!("{}{named}", world.ca());
    let answer = world.setup("http1", &lines).start().call(&get());
    assert_eq!(answer.text(), "http1");
}

#[test]
fn an_upstream_that_asks_for_our_certificate_gets_it() {
    let world = world_with("127.0.0.1", &[], |files| {
        ClientCertificates::Required(Trust {
            ca: files.path("root.pem"),
            crls: Vec::new(),
        })
    });
    let answer = world.setup("http1", &world.ca()).start().call(&get());
    assert_eq!(answer.status, 502, "{answer:?}");
    assert_eq!(world.upstream.served(), 0);
    let ours = world.files.pair("ours", &world.root.issue(&["gate.test"]));
    let lines = format!(
        "{}certificate = {{ chain = \"{}\", key = \"{}\" }}\n",
        world.ca(),
        ours.chain.display(),
        ours.key.display()
    );
    let answer = world.setup("http1", &lines).start().call(&get());
    assert_eq!(answer.text(), "http1");
}

#[test]
fn http2_is_agreed_on_or_not_spoken() {
    let both = world("127.0.0.1", &[b"h2", b"http/1.1"]);
    for (protocol, expected) in [("h2", "h2"), ("http1", "http1")] {
        let gateway = both.setup(protocol, &both.ca()).start();
        assert_eq!(gateway.call(&get()).text(), expected);
    }
    let old = world("127.0.0.1", &[]);
    let answer = old.setup("h2", &old.ca()).start().call(&get());
    answer.refusal(502, "upstream_connect", "badGateway");
    assert_eq!(old.upstream.served(), 0);
}

#[test]
fn authorities_are_read_again_when_their_file_changes() {
    let world = world("127.0.0.1", &[]);
    let good = world.root.pem();
    world
        .files
        .write("root.pem", &Authority::new("other").pem());
    let gateway = world.setup("http1", &world.ca()).start();
    assert_eq!(gateway.call(&get()).status, 502);
    world.files.write("root.pem", "nonsense");
    world.files.write("root.pem", &good);
    let started = Instant::now();
    while gateway.call(&get()).status != 200 {
        assert!(started.elapsed() < PATIENCE, "they never are");
        thread::yield_now();
    }
}
