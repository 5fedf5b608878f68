//! Versions, key exchange, suites, protocols, resumption.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{HandshakeKind, NamedGroup, ProtocolVersion, ServerConnection};

use super::*;
use crate::support::{Failed, trusting_with};

fn any_server() -> Server {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    server(vec![files.pair("a", &authority.issue(&["a.test"]))])
}

#[test]
fn the_exchange_is_post_quantum_where_the_client_can() {
    let server = any_server();
    let connection = handshake(server.config(), trusting(&[]), "a.test").unwrap();
    let group = connection.client.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    assert_eq!(
        connection.server.protocol_version(),
        Some(ProtocolVersion::TLSv1_3)
    );
    assert_eq!(
        connection.client.handshake_kind(),
        Some(HandshakeKind::Full)
    );
    // Others are served without it.
    let mut classic = aws_lc_rs::default_provider();
    classic.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let classic = Arc::new(trusting_with(classic, rustls::ALL_VERSIONS));
    let connection = handshake(server.config(), classic, "a.test").unwrap();
    let group = connection.client.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519);
    let older = trusting_with(aws_lc_rs::default_provider(), &[&rustls::version::TLS12]);
    let older = Arc::new(older);
    let connection = handshake(server.config(), older, "a.test").unwrap();
    assert_eq!(
        connection.server.protocol_version(),
        Some(ProtocolVersion::TLSv1_2)
    );
}

#[test]
fn http_2_is_preferred_and_other_protocols_refused() {
    let server = any_server();
    let cases: [(&[&str], Option<&str>); 4] = [
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&["http/1.0", "http/1.1"], Some("http/1.1")),
        (&[], None),
    ];
    for (offered, expected) in cases {
        let connection = handshake(server.config(), trusting(offered), "a.test").unwrap();
        let agreed = connection.server.alpn_protocol();
        assert_eq!(agreed, expected.map(str::as_bytes), "{offered:?}");
    }
    for offered in ["http/1.0", "smtp"] {
        let refused = handshake(server.config(), trusting(&[offered]), "a.test").err();
        let expected = "peer doesn't support any known protocol";
        assert_eq!(refused, Some(Failed::Server(expected.to_owned())));
    }
}

#[test]
fn sessions_resume_only_where_no_client_certificate_is_asked() {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let ca = files.write("ca.pem", &authority.pem());
    let pair = files.pair("a", &authority.issue(&["a.test"]));
    let cases = [
        (ClientCertificates::Off, HandshakeKind::Resumed),
        (ClientCertificates::Optional(trust(ca)), HandshakeKind::Full),
    ];
    for (clients, expected) in cases {
        let certificates = vec![pair.clone()];
        let server = Server::load(&ServerSettings {
            certificates,
            clients,
        });
        let config = server.unwrap().config();
        for version in rustls::ALL_VERSIONS {
            let client = Arc::new(trusting_with(aws_lc_rs::default_provider(), &[version]));
            let shake = || handshake(Arc::clone(&config), Arc::clone(&client), "a.test");
            let first = shake().unwrap();
            assert_eq!(first.server.handshake_kind(), Some(HandshakeKind::Full));
            let mut second = shake().unwrap();
            assert_eq!(
                second.server.handshake_kind(),
                Some(expected),
                "{version:?}"
            );
            // Which could be replayed.
            assert!(second.client.early_data().is_none());
            assert!(second.server.early_data().is_none());
        }
    }
}

/// A `ClientHello` (RFC 5246 §7.4.1.2) of this version with these suites.
fn hello(version: [u8; 2], suites: &[u16]) -> Vec<u8> {
    fn sized(length: usize, body: &[u8]) -> Vec<u8> {
        let size = body.len().to_be_bytes();
        [&size[size.len() - length..], body].concat()
    }
    let suites: Vec<u8> = suites
        .iter()
        .flat_map(|suite| suite.to_be_bytes())
        .collect();
    // Groups x25519 and secp256r1; signatures by ECDSA and RSA with SHA-256 and SHA-1.
    let groups = sized(2, &[0, 29, 0, 23]);
    let signatures = sized(2, &[4, 3, 4, 1, 2, 3, 2, 1]);
    let extensions = [
        [&[0, 10][..], &sized(2, &groups)].concat(),
        [&[0, 13][..], &sized(2, &signatures)].concat(),
        vec![0, 11, 0, 2, 1, 0],
        // The extended master secret.
        vec![0, 23, 0, 0],
    ];
    let body = [
        &version[..],
        &[7; 32],
        &[0],
        &sized(2, &suites),
        &[1, 0],
        &sized(2, &extensions.concat()),
    ];
    let message = [&[1][..], &sized(3, &body.concat())].concat();
    [&[22, 3, 1][..], &sized(2, &message)].concat()
}

/// The first record that the server answers with: a `ServerHello`, or an alert with its code.
fn first_answer(server: &Server, hello: &[u8]) -> Result<(), u8> {
    let mut connection = ServerConnection::new(server.config()).unwrap();
    connection.read_tls(&mut &*hello).unwrap();
    let refused = connection.process_new_packets().is_err();
    let mut answer = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut answer).unwrap();
    }
    match (refused, answer.as_slice()) {
        (false, [22, _, _, _, _, 2, ..]) => Ok(()),
        (true, [21, _, _, 0, 2, 2, code]) => Err(*code),
        other => panic!("{other:?}"),
    }
}

#[test]
fn old_versions_and_weak_suites_are_refused() {
    const PROTOCOL_VERSION: u8 = 70;
    const HANDSHAKE_FAILURE: u8 = 40;
    let server = any_server();
    let modern: &[u16] = &[0xc02b, 0xc02f];
    let failed = Err(HANDSHAKE_FAILURE);
    let cases: [(&str, [u8; 2], &[u16], Result<(), u8>); 12] = [
        ("TLS 1.2", [3, 3], modern, Ok(())),
        ("TLS 1.2, ChaCha20", [3, 3], &[0xcca9], Ok(())),
        ("TLS 1.1", [3, 2], modern, Err(PROTOCOL_VERSION)),
        ("TLS 1.0", [3, 1], modern, Err(PROTOCOL_VERSION)),
        ("SSL 3", [3, 0], modern, Err(PROTOCOL_VERSION)),
        ("ECDHE-ECDSA-AES128-SHA", [3, 3], &[0xc009], failed),
        ("ECDHE-ECDSA-AES128-SHA256", [3, 3], &[0xc023], failed),
        ("AES128-GCM-SHA256, RSA exchange", [3, 3], &[0x009c], failed),
        ("AES128-SHA", [3, 3], &[0x002f], failed),
        ("DES-CBC3-SHA", [3, 3], &[0x000a], failed),
        ("RC4-SHA", [3, 3], &[0x0005], failed),
        ("NULL and EXPORT", [3, 3], &[0x0001, 0x0003], failed),
    ];
    for (name, version, suites, expected) in cases {
        let found = first_answer(&server, &hello(version, suites));
        assert_eq!(found, expected, "{name}");
    }
}
