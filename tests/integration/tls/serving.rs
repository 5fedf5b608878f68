//! The gateway itself over TLS: requests, and tokens that are bound to certificates.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rustls::{ClientConfig, ClientConnection, StreamOwned};

use actiongate::tls::{CertificateHash, Client, ClientSettings};

use super::*;
use crate::support::{Gateway, Issued, PATIENCE};

/// Sends one request and reads until the end: the answer, and whose it was.
fn call(
    address: SocketAddr,
    client: Arc<ClientConfig>,
    token: &str,
) -> io::Result<(String, CertificateHash)> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let connection = ClientConnection::new(client, "gate.test".try_into().unwrap());
    let mut stream = StreamOwned::new(connection.unwrap(), stream);
    let call = Call::get(metadata()).header("Connection: close");
    stream.write_all(&call.bearer(token).bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let shown = stream.conn.peer_certificates().unwrap();
    Ok((answer, CertificateHash::of_der(&shown[0])))
}

/// A gateway whose clients may, or have to, show certificates of an authority.
struct World {
    files: Files,
    authority: Authority,
    upstream: Upstream,
    gateway: Gateway,
}

impl World {
    fn new(clients: &str) -> Self {
        let (files, authority, upstream) = (Files::new(), Authority::new("ca"), Upstream::start());
        let pair = files.pair("gate", &authority.issue(&["gate.test"]));
        let ca = files.write("ca.pem", &authority.pem());
        let tls = format!(
            "[listen.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\nclient_certificates = {clients:?}\n",
            pair.chain.to_str().unwrap(),
            pair.key.to_str().unwrap()
        );
        let asks = match clients {
            "off" => String::new(),
            _ => format!("client_ca = {:?}\n", ca.to_str().unwrap()),
        };
        Self {
            gateway: Setup::new(&upstream).more(&(tls + &asks)).start(),
            files,
            authority,
            upstream,
        }
    }

    /// Status and reason for a client that shows this certificate.
    fn answer(&self, shown: Option<&Issued>, token: &str) -> io::Result<(u16, String)> {
        let settings = ClientSettings {
            ca: Some(self.files.path("ca.pem")),
            certificate: shown.map(|issued| self.files.pair("client", issued)),
            server_name: None,
        };
        let client = Client::load(&settings, &[b"http/1.1"]).unwrap();
        let (answer, _) = call(self.gateway.address(), client.config(), token)?;
        let status = answer.get(9..12).and_then(|status| status.parse().ok());
        let reason = answer
            .lines()
            .find_map(|line| line.strip_prefix("x-actiongate-reason: "));
        Ok((status.unwrap(), reason.unwrap_or_default().to_owned()))
    }
}

fn good(answer: io::Result<(u16, String)>) {
    assert_eq!(answer.unwrap(), (200, String::new()));
}

#[test]
fn a_bound_token_is_good_with_its_certificate_only() {
    let world = World::new("optional");
    let (alice, mallory) = (
        world.authority.issue(&["alice"]),
        world.authority.issue(&["mallory"]),
    );
    let free = Claims::new(PROJECT, &["*:*:*"]);
    let hash = alice.hash.to_string();
    let bound = free
        .clone()
        .set("cnf", serde_json::json!({"x5t#S256": hash}));
    let (free, bound) = (free.sign(default_key()), bound.sign(default_key()));
    let refused = (401, "token_certificate".to_owned());
    // Twice: the second time the token is known.
    for round in 1..=2 {
        good(world.answer(Some(&alice), &bound));
        assert_eq!(world.answer(Some(&mallory), &bound).unwrap(), refused);
        assert_eq!(world.answer(None, &bound).unwrap(), refused);
        assert_eq!(world.upstream.count(), 4 * round - 3);
        good(world.answer(Some(&alice), &free));
        good(world.answer(Some(&mallory), &free));
        good(world.answer(None, &free));
    }
}

#[test]
fn without_a_certificate_that_is_required_there_is_no_request() {
    let world = World::new("required");
    let token = Claims::new(PROJECT, &["*:*:*"]).sign(default_key());
    let stranger = Authority::new("other").issue(&["alice"]);
    for shown in [None, Some(&stranger)] {
        let error = world.answer(shown, &token).unwrap_err().to_string();
        assert!(error.starts_with("received fatal alert: "), "{error}");
    }
    assert_eq!(world.upstream.count(), 0);
    good(world.answer(Some(&world.authority.issue(&["alice"])), &token));
    assert_eq!(world.upstream.count(), 1);
}

#[test]
fn a_client_that_speaks_plainly_is_not_heard() {
    let world = World::new("off");
    let token = Claims::new(PROJECT, &["*:*:*"]).sign(default_key());
    let mut stream = TcpStream::connect(world.gateway.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
        .write_all(&Call::get(metadata()).bearer(&token).bytes())
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(world.upstream.count(), 0);
    good(world.answer(None, &token));
}

#[test]
fn certificates_are_replaced_under_load_without_a_failed_request() {
    let world = World::new("off");
    let token = Claims::new(PROJECT, &["*:*:*"]).sign(default_key());
    let issue = || world.authority.issue(&["gate.test"]);
    let issued = [issue(), issue()];
    let address = world.gateway.address();
    let shown = || {
        let (answer, shown) = call(address, trusting(&["http/1.1"]), &token).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        shown
    };
    let (replaced, started) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !replaced.load(Ordering::Acquire) && started.elapsed() < PATIENCE {
                    shown();
                }
            });
        }
        for round in 1..=20 {
            let next = &issued[round % 2];
            world.files.pair("gate", next);
            world.gateway.reload().unwrap();
            assert_eq!(shown(), next.hash, "{round}");
        }
        replaced.store(true, Ordering::Release);
    });
    world.files.write("gate.key", &issued[1].key);
    let refused = world.gateway.reload().unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(
        cause.contains("is not that of the first certificate"),
        "{refused:?}"
    );
    assert_eq!(shown(), issued[0].hash);
}
