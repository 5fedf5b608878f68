//! What clients hold by taking nothing of their answers, and for how long.

use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::http2::client::{self, run};
use crate::support::{Authority, Files, PATIENCE, Setup, Upstream, trusting};

/// TLS has a last word, and a client that takes nothing does not take that either.
#[test]
fn nobody_waits_for_ever_to_say_goodbye() {
    let upstream = Upstream::start();
    let files = Files::new();
    let pair = files.pair("server", &Authority::new("ca").issue(&["api.test"]));
    let tls = format!(
        "[listen.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\n",
        pair.chain, pair.key
    );
    let gateway = Setup::new(&upstream)
        .listen("client_timeout = \"300ms\"")
        .listen("max_connections = 1")
        .more(&tls)
        .start();
    let requests = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    run(async {
        let mut deaf = client::tls(&gateway, trusting(&[])).await;
        // Until the gateway, which cannot answer, reads no more.
        let pause = Duration::from_millis(200);
        while let Ok(Ok(())) = timeout(pause, deaf.write_all(&requests)).await {}
        let (started, connector) = (Instant::now(), TlsConnector::from(trusting(&[])));
        loop {
            let stream = TcpStream::connect(gateway.address()).await.unwrap();
            let name = ServerName::try_from("api.test").unwrap();
            if connector.connect(name, stream).await.is_ok() {
                break;
            }
            assert!(started.elapsed() < PATIENCE / 4, "it still waits");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(deaf);
    });
}
