//! TLS as clients and upstreams see it: by name, with certificates of clients, replaced in use.

mod admin;
mod client;
mod file;
mod protocol;
mod reload;
mod serving;

use actiongate::tls::{CertificateFiles, ClientCertificates, Server, ServerSettings, Trust};

use crate::support::{
    Authority, Call, Claims, Files, PROJECT, Setup, Upstream, default_key, handshake, metadata,
    trusting,
};

fn server(certificates: Vec<CertificateFiles>) -> Server {
    let settings = ServerSettings {
        certificates,
        clients: ClientCertificates::Off,
    };
    Server::load(&settings).unwrap()
}

fn trust(ca: std::path::PathBuf) -> Trust {
    Trust {
        ca,
        crls: Vec::new(),
    }
}

#[test]
fn the_certificate_is_chosen_by_name() {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let default = authority.issue(&["default.test"]);
    let many = authority.issue(&["Alpha.test", "*.beta.test", "127.0.0.1"]);
    let exact = authority.issue(&["one.beta.test", "alpha.test"]);
    let nameless = authority.issue(&[]);
    let server = server(vec![
        files.pair("default", &default),
        files.pair("many", &many),
        files.pair("exact", &exact),
        files.pair("nameless", &nameless),
    ]);
    let cases = [
        ("default.test", &default),
        // Two have it: the earlier.
        ("alpha.test", &many),
        ("ALPHA.test", &many),
        ("two.beta.test", &many),
        ("one.beta.test", &exact),
        ("beta.test", &default),
        ("two.one.beta.test", &default),
        ("other.test", &default),
        ("test", &default),
        // Addresses are not sent as names (RFC 6066 §3).
        ("127.0.0.1", &default),
    ];
    for (name, expected) in cases {
        let connection = handshake(server.config(), trusting(&[]), name).unwrap();
        assert_eq!(connection.server_certificate(), expected.hash, "{name}");
    }
}

#[test]
fn a_bound_token_is_no_bearer_token() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    let mut client = gateway.connect();
    let hash = Authority::new("ca").issue(&["alice"]).hash.to_string();
    let of = |confirmation: serde_json::Value| {
        let claims = Claims::new(PROJECT, &["*:*:*"]).set("cnf", confirmation);
        claims.sign(default_key())
    };
    let bound = of(serde_json::json!({"x5t#S256": hash}));
    let other = of(serde_json::json!({"jkt": hash}));
    // The second time from the cache.
    for (token, reason) in [
        (&bound, "token_certificate"),
        (&bound, "token_certificate"),
        (&other, "token_confirmation"),
        (&other, "token_confirmation"),
    ] {
        let answer = client.call(&Call::get(metadata()).bearer(token));
        answer.refusal(401, reason, "error");
        let challenge = answer.headers.get("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    assert_eq!(upstream.count(), 0);
    let audit = gateway.into_audit();
    let subjects: Vec<Option<&str>> = audit.iter().map(|line| line["subject"].as_str()).collect();
    assert_eq!(subjects, [Some("alice"), Some("alice"), None, None]);
}
