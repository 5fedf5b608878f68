//! TLS with the real `openssl` and `curl`: files as they are written, and what is agreed on.
//!
//! Only with the feature `peers`: plain `cargo test` needs neither.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::issuer::{CONFIG, ED25519, claims_but, issuer, sign};
use super::run::listening;
use super::{Folder, Running};

/// A folder with a config that serves `chain.pem` with `tls.key`, and asks clients as told.
fn serving(clients: &str) -> Folder {
    let folder = issuer(ED25519);
    let listen = "[listen]\nclient_timeout = \"1s\"\n";
    let config = CONFIG.replace("[listen]\n", listen);
    let tls = "[listen.tls]\ncertificates = [{ chain = \"chain.pem\", key = \"tls.key\" }]\n";
    folder.write("actiongate.toml", &format!("{config}{tls}{clients}"));
    folder
}

/// Makes `chain.pem` and `tls.key`.
fn make(folder: &Folder, key: &str) {
    let script = format!(
        "openssl req -x509 {key} -nodes -keyout tls.key -out chain.pem -subj /CN=gate \
         -addext subjectAltName=DNS:gate.test -days 2"
    );
    folder.shell(&script).ended(0);
}

fn check(folder: &Folder, status: i32) -> String {
    let arguments = ["check", "--config", "actiongate.toml"];
    folder.actiongate(&arguments).ended(status).out
}

#[test]
fn every_kind_of_key_of_openssl_serves() {
    let kinds = [
        ("-newkey rsa:2048", Some("openssl rsa -traditional")),
        (
            "-newkey ec -pkeyopt ec_paramgen_curve:P-256",
            Some("openssl ec"),
        ),
        (
            "-newkey ec -pkeyopt ec_paramgen_curve:P-384",
            Some("openssl ec"),
        ),
        ("-newkey ed25519", None),
    ];
    for (key, older_form) in kinds {
        let folder = serving("");
        make(&folder, key);
        check(&folder, 0);
        if let Some(command) = older_form {
            folder
                .shell(&format!(
                    "{command} -in tls.key -out old.key && mv old.key tls.key"
                ))
                .ended(0);
            assert!(
                !folder.read("tls.key").contains("BEGIN PRIVATE KEY"),
                "{key}"
            );
            check(&folder, 0);
        }
    }
}

#[test]
fn encrypted_keys_are_told_apart_from_bad_ones() {
    let forms = [
        "openssl pkcs8 -topk8 -passout pass:secret",
        "openssl rsa -traditional -aes128 -passout pass:secret",
    ];
    for command in forms {
        let folder = serving("");
        make(&folder, "-newkey rsa:2048");
        folder
            .shell(&format!(
                "{command} -in tls.key -out new.key && mv new.key tls.key"
            ))
            .ended(0);
        let found = check(&folder, 1);
        let expected = "[listen.tls] cannot be used: the private key in `tls.key` is encrypted, expected it in the clear\n";
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_revocation_list_of_openssl_is_read() {
    let folder = serving(
        "client_certificates = \"required\"\nclient_ca = \"chain.pem\"\nclient_crls = [\"list.crl\"]\n",
    );
    make(&folder, "-newkey ec -pkeyopt ec_paramgen_curve:P-256");
    folder.write("index.txt", "");
    folder.write("number.txt", "01\n");
    let config = "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ndefault_md = sha256\ndefault_crl_days = 2\n\
         crlnumber = number.txt\ncrl_extensions = more\n[more]\nauthorityKeyIdentifier = keyid\n";
    folder.write("ca.cnf", config);
    let script = "openssl ca -gencrl -config ca.cnf -keyfile tls.key -cert chain.pem -out list.crl";
    folder.shell(script).ended(0);
    check(&folder, 0);
    folder
        .shell("openssl crl -in list.crl -outform DER -out list.der && mv list.der list.crl")
        .ended(0);
    let found = check(&folder, 1);
    assert!(
        found.contains("there is no revocation list in `list.crl`, expected PEM"),
        "{found}"
    );
}

/// A gateway that runs with a certificate of `openssl`, and what `s_client` says of it.
struct Served {
    folder: Folder,
    address: String,
    _running: Running,
}

impl Served {
    fn new(clients: &str) -> Self {
        let folder = serving(clients);
        make(&folder, "-newkey ec -pkeyopt ec_paramgen_curve:P-256");
        let (running, address) = listening(&folder, "actiongate.toml");
        Self {
            folder,
            address,
            _running: running,
        }
    }

    /// Connects with these options; status 0 is a good handshake.
    fn connect(&self, input: &str, options: &str, status: i32) -> String {
        let script = format!(
            "printf '{input}' | openssl s_client -connect {} -servername gate.test -CAfile chain.pem \
             -verify_hostname gate.test -verify_return_error {options} 2>&1",
            self.address
        );
        self.folder.shell(&script).ended(status).out
    }
}

#[test]
fn openssl_agrees_on_what_is_strong_and_on_nothing_else() {
    let served = Served::new("");
    let strong = [
        ("-tls1_3", "Protocol version: TLSv1.3"),
        ("-tls1_2", "Protocol version: TLSv1.2"),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
            "Ciphersuite: ECDHE-ECDSA-AES256-GCM-SHA384",
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305",
            "Ciphersuite: ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
    ];
    for (options, expected) in strong {
        let found = served.connect("", &format!("-brief {options}"), 0);
        assert!(found.contains(expected), "{options}: {found}");
        assert!(found.contains("Verification: OK"), "{options}: {found}");
    }
    let failure = "alert handshake failure";
    let weak = [
        ("-tls1_1 -cipher DEFAULT:@SECLEVEL=0", failure),
        ("-tls1 -cipher DEFAULT:@SECLEVEL=0", failure),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0",
            failure,
        ),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", failure),
        ("-tls1_2 -cipher AES128-GCM-SHA256", failure),
        ("-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", failure),
        ("-tls1_2 -cipher AECDH-AES128-SHA:@SECLEVEL=0", failure),
    ];
    for (options, expected) in weak {
        let found = served.connect("", &format!("-brief {options}"), 1);
        assert!(found.contains(expected), "{options}: {found}");
    }
}

#[test]
fn the_exchange_is_post_quantum_where_openssl_can() {
    let served = Served::new("");
    let kinds = served.folder.shell("openssl list -kem-algorithms").ended(0);
    let found = served.connect("", "-tls1_3", 0);
    // Since version 3.5.
    let expected = match kinds.out.contains("X25519MLKEM768") {
        true => "Negotiated TLS1.3 group: X25519MLKEM768",
        false => "Server Temp Key: X25519, ",
    };
    assert!(found.contains(expected), "{found}");
}

#[test]
fn nothing_is_renegotiated_compressed_or_sent_early() {
    let served = Served::new("");
    let found = served.connect("R\\n", "-tls1_2", 1);
    assert!(found.contains("RENEGOTIATING"), "{found}");
    assert!(found.contains("no renegotiation"), "{found}");
    let found = served.connect("", "-tls1_2", 0);
    assert!(found.contains("Compression: NONE"), "{found}");
    let found = served.connect("", "-tls1_3", 0);
    assert!(found.contains("Early data was not sent"), "{found}");
}

/// The upstream is not there: `502` is the answer to what is permitted.
#[test]
fn curl_speaks_http_2_with_the_certificate_that_a_token_is_bound_to() {
    let folder = serving("client_certificates = \"optional\"\nclient_ca = \"ca.pem\"\n");
    make(&folder, "-newkey ec -pkeyopt ec_paramgen_curve:P-256");
    folder.write("names.txt", "subjectAltName = DNS:client.test\n");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    folder
        .shell(&format!(
            "openssl req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca -days 2"
        ))
        .ended(0);
    for name in ["alice", "mallory"] {
        let script = format!(
            "openssl req {key} -keyout {name}.key -subj /CN={name} -out {name}.csr && \
             openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
             -extfile names.txt -days 2 -out {name}.pem && \
             openssl x509 -in {name}.pem -outform DER | openssl dgst -sha256 -binary > {name}.hash"
        );
        folder.shell(&script).ended(0);
    }
    let hash = URL_SAFE_NO_PAD.encode(fs::read(folder.path("alice.hash")).unwrap());
    let token = sign(&folder, &claims_but("cnf", json!({"x5t#S256": hash})));
    let (_running, address) = listening(&folder, "actiongate.toml");
    let (_, port) = address.rsplit_once(':').unwrap();
    let cases = [
        ("--cert alice.pem --key alice.key", "2 502"),
        ("--cert mallory.pem --key mallory.key", "2 401"),
        ("", "2 401"),
        ("--http1.1 --cert alice.pem --key alice.key", "1.1 502"),
        ("--http1.1", "1.1 401"),
    ];
    for (options, expected) in cases {
        let script = format!(
            "curl -sS --http2 {options} --cacert chain.pem --resolve gate.test:{port}:127.0.0.1 \
             -H 'X-Auth-Token: {token}' -o answer -w '%{{http_version}} %{{http_code}}' \
             https://gate.test:{port}/v2.1/a1/servers/s1/metadata"
        );
        assert_eq!(
            folder.shell(&script).ended(0).out.trim(),
            expected,
            "{options}"
        );
    }
}
