//! Certificates, keys and revocation lists as the real `openssl` writes them.
//!
//! Only with the feature `peers`: plain `cargo test` needs no `openssl`.

use super::Folder;
use super::issuer::{CONFIG, ED25519, issuer};

/// A folder with a config that serves `chain.pem` with `key.pem`, and asks clients as told.
fn serving(clients: &str) -> Folder {
    let folder = issuer(ED25519);
    let tls = "[listen.tls]\ncertificates = [{ chain = \"chain.pem\", key = \"tls.key\" }]\n";
    folder.write("actiongate.toml", &format!("{CONFIG}{tls}{clients}"));
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
