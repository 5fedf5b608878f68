//! The admin listener over TLS, and to those who show a certificate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustls::{ClientConnection, StreamOwned};

use actiongate::tls::{Client, ClientSettings};

use super::*;
use crate::support::{Issued, PATIENCE};

#[test]
fn only_a_certificate_of_the_authority_opens_it() {
    let (files, authority, upstream) = (Files::new(), Authority::new("ca"), Upstream::start());
    let pair = files.pair("gate", &authority.issue(&["gate.test"]));
    let ca = files.write("ca.pem", &authority.pem());
    let admin = format!(
        "[admin]\naddress = \"127.0.0.1:0\"\n[admin.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\nclient_certificates = \"required\"\nclient_ca = {ca:?}\n",
        pair.chain, pair.key,
    );
    let gateway = Setup::new(&upstream).more(&admin).start();
    let ask = |shown: Option<&Issued>, protocol: &[u8]| {
        let settings = ClientSettings {
            ca: Some(ca.clone()),
            certificate: shown.map(|issued| files.pair("client", issued)),
            server_name: None,
        };
        let client = Client::load(&settings, &[protocol]).unwrap();
        let stream = TcpStream::connect(gateway.admin_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = "gate.test".try_into().unwrap();
        let connection = ClientConnection::new(client.config(), name).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let call = Call::get("/metrics").header("Connection: close");
        stream.write_all(&call.bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let good = authority.issue(&["prometheus"]);
    let answer = ask(Some(&good), b"http/1.1").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("actiongate_ready 1.0\n"), "{answer}");
    for shown in [None, Some(Authority::new("other").issue(&["prometheus"]))] {
        ask(shown.as_ref(), b"http/1.1").unwrap_err();
    }
}
