//! Files that cannot be used, each named with what is wrong.

use std::error::Error as _;
use std::fs;

use actiongate::tls::{Client, ClientSettings, TlsError};

use super::*;

fn text(error: &TlsError) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn what_is_wrong_with_a_pair_is_told() {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let good = authority.issue(&["a.test"]);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n";
    let rubbish = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let half = &good.chain[..good.chain.len() / 2];
    let reversed = format!("{}{}", authority.pem(), good.chain);
    let second = format!("{}{rubbish}", good.chain);
    let other = authority.issue(&["a.test"]).key;
    let no_key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let mismatch = "the private key in `KEY` is not that of the first certificate in `CHAIN`";
    let cases = [
        (
            "",
            good.key.as_str(),
            "there is no certificate in `CHAIN`, expected PEM",
        ),
        (
            &good.key,
            &good.key,
            "there is no certificate in `CHAIN`, expected PEM",
        ),
        (half, &good.key, "`CHAIN` is not valid PEM: "),
        (
            rubbish,
            &good.key,
            "certificate 1 in `CHAIN` is not valid: ",
        ),
        (
            &second,
            &good.key,
            "certificate 2 in `CHAIN` is not valid: ",
        ),
        (
            &good.chain,
            "",
            "there is no private key in `KEY`, expected PEM",
        ),
        (
            &good.chain,
            &good.chain,
            "there is no private key in `KEY`, expected PEM",
        ),
        (
            &good.chain,
            encrypted,
            "the private key in `KEY` is encrypted, expected it in the clear",
        ),
        (
            &good.chain,
            old,
            "the private key in `KEY` is encrypted, expected it in the clear",
        ),
        (
            &good.chain,
            no_key,
            "the private key in `KEY` cannot be used: ",
        ),
        (&good.chain, &other, mismatch),
        (&reversed, &good.key, mismatch),
    ];
    for (chain, key, expected) in cases {
        let pair = CertificateFiles {
            chain: files.write("bad.pem", chain),
            key: files.write("bad.key", key),
        };
        let (chain, key) = (pair.chain.display(), pair.key.display());
        let expected = expected
            .replace("CHAIN", &chain.to_string())
            .replace("KEY", &key.to_string());
        let settings = ServerSettings {
            certificates: vec![files.pair("good", &good), pair.clone()],
            clients: ClientCertificates::Off,
        };
        let found = text(&Server::load(&settings).unwrap_err());
        assert!(found.starts_with(&expected), "{found:?}, not {expected:?}");
        let settings = ClientSettings {
            ca: Some(files.write("ca.pem", &authority.pem())),
            certificate: Some(pair),
            server_name: None,
        };
        let found = text(&Client::load(&settings, &[]).unwrap_err());
        assert!(found.starts_with(&expected), "{found:?}, not {expected:?}");
    }
    // Both in one file, in any order.
    let both = files.write("both.pem", &format!("{}{}", good.key, good.chain));
    server(vec![CertificateFiles {
        chain: both.clone(),
        key: both,
    }]);
}

#[test]
fn what_is_wrong_with_trust_is_told() {
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let good = files.pair("good", &authority.issue(&["a.test"]));
    let ca = files.write("ca.pem", &authority.pem());
    let missing = files.path("missing.pem");
    let large = files.path("large.pem");
    fs::File::create(&large)
        .unwrap()
        .set_len(16 * 1024 * 1024 + 1)
        .unwrap();
    let rubbish = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    let rubbish = files.write("rubbish.crl", rubbish);
    let cases = [
        (
            &missing,
            None,
            format!(
                "cannot read `{}`: No such file or directory (os error 2)",
                missing.display()
            ),
        ),
        (
            &large,
            None,
            format!("`{}` is larger than 16777216 bytes", large.display()),
        ),
        (
            &good.key,
            None,
            format!(
                "there is no certificate in `{}`, expected PEM",
                good.key.display()
            ),
        ),
        (
            &ca,
            Some(&missing),
            format!(
                "cannot read `{}`: No such file or directory (os error 2)",
                missing.display()
            ),
        ),
        (
            &ca,
            Some(&ca),
            format!(
                "there is no revocation list in `{}`, expected PEM",
                ca.display()
            ),
        ),
        (
            &ca,
            Some(&rubbish),
            format!(
                "revocation list 1 in `{}` cannot be used: provided CRL could not be parsed: ",
                rubbish.display()
            ),
        ),
    ];
    for (ca, list, expected) in cases {
        let trust = Trust {
            ca: ca.clone(),
            crls: list.into_iter().cloned().collect(),
        };
        let settings = ServerSettings {
            certificates: vec![good.clone()],
            clients: ClientCertificates::Optional(trust),
        };
        let found = text(&Server::load(&settings).unwrap_err());
        assert!(found.starts_with(&expected), "{found:?}, not {expected:?}");
    }
    let settings = ServerSettings {
        certificates: Vec::new(),
        clients: ClientCertificates::Off,
    };
    let found = text(&Server::load(&settings).unwrap_err());
    assert_eq!(found, "a server needs at least one certificate");
}
