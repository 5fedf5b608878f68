//! `[listen.tls]` and `[upstream.tls]`.

use super::*;
use crate::tls::{CertificateFiles, ClientCertificates, ClientSettings, ServerSettings, Trust};

fn pair(folder: &Path, chain: &str, key: &str) -> CertificateFiles {
    CertificateFiles {
        chain: folder.join(chain),
        key: folder.join(key),
    }
}

/// What [`FULL`] says, from `folder`.
pub fn server(folder: &Path) -> ServerSettings {
    let trust = Trust {
        ca: folder.join("clients.pem"),
        crls: vec![folder.join("one.crl"), folder.join("two.crl")],
    };
    ServerSettings {
        certificates: vec![
            pair(folder, "a.pem", "/a.key"),
            pair(folder, "b.pem", "b.key"),
        ],
        clients: ClientCertificates::Required(trust),
    }
}

/// What [`FULL`] says, from `folder`.
pub fn client(folder: &Path) -> ClientSettings {
    ClientSettings {
        ca: Some(folder.join("nova.pem")),
        certificate: Some(pair(folder, "gate.pem", "gate.key")),
        server_name: Some("nova.example.com".to_owned()),
    }
}

const PAIR: &str = "certificates = [{ chain = 'a.pem', key = 'a.key' }]\n";

fn listening(tls: &str) -> String {
    format!("{MINIMAL}[listen.tls]\n{tls}")
}

#[test]
fn clients_are_asked_as_told() {
    let gate = Path::new("/etc/gate");
    let trust = || Trust {
        ca: gate.join("c.pem"),
        crls: Vec::new(),
    };
    let cases = [
        ("", ClientCertificates::Off),
        ("client_certificates = 'off'", ClientCertificates::Off),
        (
            "client_certificates = 'optional'\nclient_ca = 'c.pem'",
            ClientCertificates::Optional(trust()),
        ),
        (
            "client_certificates = 'required'\nclient_ca = 'c.pem'",
            ClientCertificates::Required(trust()),
        ),
    ];
    for (keys, clients) in cases {
        let config = read(&listening(&format!("{PAIR}{keys}"))).unwrap();
        let expected = ServerSettings {
            certificates: vec![pair(gate, "a.pem", "a.key")],
            clients,
        };
        assert_eq!(config.listen.tls, Some(expected), "{keys}");
    }
    let tables = "[[listen.tls.certificates]]\nchain = 'a.pem'\nkey = 'a.key'\n";
    let config = read(&format!("{MINIMAL}{tables}")).unwrap();
    let certificates = config.listen.tls.unwrap().certificates;
    assert_eq!(certificates, [pair(gate, "a.pem", "a.key")]);
}

#[test]
fn an_empty_table_for_the_upstream_is_tls_as_the_system_has_it() {
    let text = with("http://127.0.0.1", "https://127.0.0.1");
    let config = read(&format!("{text}[upstream.tls]\n")).unwrap();
    assert_eq!(config.upstream.tls, Some(ClientSettings::default()));
    assert_eq!(read(MINIMAL).unwrap().upstream.tls, None);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let unused = "is not used, expected it only beside `client_certificates = \"optional\"` or `\"required\"`";
    let certificates = "`listen.tls.certificates` is missing, expected `certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }]`, \
         the first where no other has the name that a client asks for";
    let cases: [(&str, &str, &[&str]); 12] = [
        ("listen", "", &[&format!("12: {certificates}")]),
        (
            "listen",
            "certificates = []",
            &[&format!("12: {certificates}")],
        ),
        (
            "listen",
            "certificates = 'a.pem'",
            &["13: `listen.tls.certificates` is of type string, expected an array of tables"],
        ),
        (
            "listen",
            "certificates = [{ chain = 'a.pem' }, { key = 'b.key', keys = 1 }]",
            &[
                "13: `listen.tls.certificates.key` is missing, expected a PEM file of the certificate's private key",
                "13: `listen.tls.certificates.keys` is not a known key; did you mean `key`?",
                "13: `listen.tls.certificates.chain` is missing, expected a PEM file of the certificate and those that lead to its authority",
            ],
        ),
        (
            "listen",
            &format!("{PAIR}client_certificates = true"),
            &[
                "14: `listen.tls.client_certificates` is of type boolean, expected \"off\", \"optional\" or \"required\"",
            ],
        ),
        (
            "listen",
            &format!("{PAIR}client_certificates = 'yes'\nclient_ca = 'c.pem'"),
            &[
                "14: `listen.tls.client_certificates` is `yes`, expected \"off\", \"optional\" or \"required\": there is no such choice",
            ],
        ),
        (
            "listen",
            &format!("{PAIR}client_certificates = 'optional'"),
            &[
                "12: `listen.tls.client_ca` is missing, expected a PEM file of the authorities whose certificates clients may show",
            ],
        ),
        (
            "listen",
            &format!("{PAIR}client_ca = 'c.pem'\nclient_crls = []"),
            &[
                &format!("14: `listen.tls.client_ca` {unused}"),
                &format!("15: `listen.tls.client_crls` {unused}"),
            ],
        ),
        (
            "listen",
            &format!("{PAIR}certificate = 'a.pem'"),
            &["14: `listen.tls.certificate` is not a known key; did you mean `certificates`?"],
        ),
        (
            "upstream",
            "certificate = { chain = 'a.pem' }",
            &[
                "13: `upstream.tls.certificate.key` is missing, expected a PEM file of the certificate's private key",
            ],
        ),
        (
            "upstream",
            "certificate = 'a.pem'\nkey = 'a.key'",
            &[
                "13: `upstream.tls.certificate` is of type string, expected a table",
                "14: `upstream.tls.key` is not a known key; expected one of `ca`, `certificate`, `server_name`",
            ],
        ),
        (
            "upstream",
            "server_name = 'no name'",
            &[
                "13: `upstream.tls.server_name` is `no name`, expected a DNS name or an IP address: invalid dns name",
            ],
        ),
    ];
    let text = with("http://127.0.0.1", "https://127.0.0.1");
    for (side, keys, expected) in cases {
        let found = problems(&format!("{text}[{side}.tls]\n{keys}\n"));
        let expected: Vec<String> = expected
            .iter()
            .map(|line| format!("a.toml:{line}"))
            .collect();
        assert_eq!(found, expected, "{keys}");
    }
}
