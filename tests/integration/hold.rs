//! What clients hold by taking nothing of their answers, and for how long.

use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::http2::client::{self, run};
use crate::support::{Authority, Files, Gateway, PATIENCE, Setup, Upstream, frames, trusting};

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
    let requests = b"GET /unlisted HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
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

#[test]
fn why_a_request_was_refused_is_not_for_the_client_to_hide() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let fields: [(&[u8], &[u8]); 5] = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"a"),
        (b":path", b"/unlisted"),
        (b"x-auth-token", b"rubbish"),
    ];
    let ended = frames::END_HEADERS | frames::END_STREAM;
    let request = frames::frame(frames::HEADERS, ended, 1, &frames::block(&fields));
    let reset = frames::frame(frames::RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    let mut client = gateway.connect();
    client.send([frames::START, &request, &reset].concat());
    let line = gateway.wait_for_audit(1).remove(0);
    assert_eq!(line["decision"], "reject");
    assert_eq!(line["reason"], "token_malformed");
}
