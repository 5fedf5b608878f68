//! A Keystone behind TLS: a password is for nobody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};

use actiongate::tls::{ClientCertificates, Server, ServerSettings};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::double::{Keystone, token};
use super::{ask, ask_until, setup};
use crate::support::{Authority, Files, Upstream};

/// Ends TLS and passes what is said on, until it is dropped.
struct Terminator {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Terminator {
    fn start(files: &Files, root: &Authority, to: SocketAddr) -> Self {
        let certificates = vec![files.pair("server", &root.issue(&["127.0.0.1"]))];
        let clients = ClientCertificates::Off;
        let settings = ServerSettings {
            certificates,
            clients,
        };
        let acceptor = TlsAcceptor::from(Server::load(&settings).unwrap().config());
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), acceptor, to) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Terminator {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // One that does not believe us says nothing more.
            if let Ok(mut client) = acceptor.accept(stream).await {
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

#[test]
fn only_one_of_the_authority_in_the_config_is_told_anything() {
    let (files, root, other) = (
        Files::new(),
        Authority::new("root"),
        Authority::new("other"),
    );
    let keystone = Keystone::start();
    keystone.know("alice", token(&["reader"]));
    let terminator = Terminator::start(&files, &root, keystone.address());
    let url = format!("https://{}/v3", terminator.address);
    let ca = files.write("ca.pem", &other.pem());
    let more = format!("ca = \"{}\"\ntimeout = \"300ms\"", ca.display());
    let upstream = Upstream::start();
    let gateway = setup(&upstream, &[url], &more).start();
    let answer = ask(&gateway, "alice");
    let message = answer.refusal(503, "issuer_unavailable", "error");
    assert!(message.ends_with(": it cannot be reached."), "{message}");
    assert!(keystone.logins().is_empty());
    assert_eq!(upstream.count(), 0);
    // The file counts for connections from then on.
    files.write("ca.pem", &root.pem());
    ask_until(&gateway, "alice", 200);
    assert_eq!(keystone.questions().len(), 1);
}
