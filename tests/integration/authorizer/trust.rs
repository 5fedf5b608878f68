//! Who may ask.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use actiongate::tls;
use rustls::{ClientConnection, StreamOwned};
use serde_json::json;

use super::{LIST, address, ask, facts, last_line, section, start};
use crate::support::{
    Authority, Call, Claims, Client, Files, Issued, PATIENCE, PROJECT, Setup, Upstream,
    default_key, metadata, token,
};

fn question() -> Call {
    Call::get("/")
        .header("X-Original-Method: GET")
        .header(format!("X-Original-URI: {}", metadata()))
        .bearer(&token(&[LIST]))
}

#[test]
fn others_are_refused_before_anything_is_read() {
    let upstream = Upstream::start();
    for product in [
        "nginx",
        "traefik",
        "caddy",
        "envoy-http",
        "envoy-grpc",
        "authzen",
    ] {
        let text = section(product, "").replace("[\"127.0.0.1\"]", "[\"10.0.0.0/8\"]");
        let gateway = Setup::new(&upstream).more(&text).start();
        let mut client = Client::connect(address(&gateway));
        // The body never comes, and is not waited for.
        let answer = client.call(&question().header("Content-Length: 10"));
        let message = answer.refusal(403, "asker_untrusted", "forbidden");
        let expected =
            "127.0.0.1 may not ask here, expected one of those that `authorizer.trusted` lists.";
        assert_eq!(message, expected);
        assert_eq!(answer.headers.get("connection"), Some("close"));
        client.ends();
        let line = last_line(gateway);
        let expected = json!([product, null, "reject", "asker_untrusted", 403]);
        assert_eq!(facts(&line), expected);
    }
}

#[test]
fn a_certificate_can_be_asked_for() {
    let (files, authority, upstream) = (Files::new(), Authority::new("ca"), Upstream::start());
    let pair = files.pair("gate", &authority.issue(&["gate.test"]));
    let ca = files.write("ca.pem", &authority.pem());
    let tls = format!(
        "[authorizer.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\nclient_certificates = \"required\"\nclient_ca = {ca:?}\n",
        pair.chain, pair.key,
    );
    let gateway = Setup::new(&upstream).more(&section("nginx", &tls)).start();
    let shake = |shown: Option<&Issued>| {
        let settings = tls::ClientSettings {
            ca: Some(ca.clone()),
            certificate: shown.map(|issued| files.pair("client", issued)),
            server_name: None,
        };
        let client = tls::Client::load(&settings, &[b"http/1.1"]).unwrap();
        let stream = TcpStream::connect(address(&gateway)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = "gate.test".try_into().unwrap();
        let connection = ClientConnection::new(client.config(), name).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(&question().header("Connection: close").bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let answer = shake(Some(&authority.issue(&["proxy"]))).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for shown in [None, Some(Authority::new("other").issue(&["proxy"]))] {
        shake(shown.as_ref()).unwrap_err();
    }
}

/// What a proxy's certificate proves is not about its client.
#[test]
fn a_bound_token_is_not_the_proxys() {
    let gateway = start("nginx");
    let bound = Claims::new(PROJECT, &[LIST]).set(
        "cnf",
        json!({"x5t#S256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
    );
    let call = question()
        .without_header("Authorization")
        .bearer(&bound.sign(default_key()));
    ask(&gateway, &call).refusal(401, "token_certificate", "error");
}
