//! What holds with our own keys and client, held against the real `openssl` and `curl`.
//!
//! Only with the feature `peers`: plain `cargo test` needs neither.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::issuer::{ED25519, Kind, P256, P384, RSA, claims, sign, trust};
use super::token::assert_signs_and_verifies;
use super::{Folder, pasted};

/// Every kind of key, and how `openssl genpkey` makes one.
const KINDS: [(Kind, &str); 4] = [
    (ED25519, "-algorithm ed25519"),
    (RSA, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    (P256, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    (P384, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
];

/// A token service with a key of `openssl`, which tells the public half as well.
fn issuer(kind: Kind) -> Folder {
    let folder = Folder::new();
    let (_, options) = KINDS
        .iter()
        .find(|(known, _)| known.algorithm == kind.algorithm)
        .unwrap();
    for script in [
        &format!("openssl genpkey {options} -out key.pem"),
        "openssl pkey -in key.pem -pubout -out public.pem",
        "openssl pkey -in key.pem -pubout -outform DER -out public.der",
    ] {
        folder.shell(script).ended(0);
    }
    trust(&folder, kind, &fs::read(folder.path("public.der")).unwrap());
    folder
}

fn curl(folder: &Folder, command: &str) -> String {
    folder.shell(command).ended(0).out
}

#[test]
fn every_kind_of_key_of_openssl_signs_and_its_key_set_verifies() {
    for (kind, _) in KINDS {
        assert_signs_and_verifies(&issuer(kind), kind);
    }
}

#[test]
fn openssl_verifies_what_was_signed() {
    for (kind, command) in [
        (
            RSA,
            "openssl dgst -sha256 -verify public.pem -signature signature message",
        ),
        (
            ED25519,
            "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile signature",
        ),
    ] {
        let folder = issuer(kind);
        let token = sign(&folder, &claims(&["ecs:*:*"]));
        let (message, signature) = token.rsplit_once('.').unwrap();
        folder.write("message", message);
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        fs::write(folder.path("signature"), signature).unwrap();
        folder.shell(command).ended(0);
        folder.write("message", &message.to_lowercase());
        folder.shell(command).ended(1);
    }
}

#[test]
fn a_key_in_the_old_form_is_refused_with_a_way_out_that_works() {
    let folder = Folder::new();
    folder
        .shell("openssl ecparam -name prime256v1 -genkey -noout -out sec1.pem")
        .ended(0);
    assert!(
        folder
            .read("sec1.pem")
            .starts_with("-----BEGIN EC PRIVATE KEY-----")
    );
    let refused = folder
        .actiongate(&["token", "sign", "--key", "sec1.pem", "--claims", "{}"])
        .ended(1);
    assert!(refused.err.contains("PKCS #8"), "{}", refused.err);
    let advice = refused
        .err
        .split('`')
        .find(|text| text.starts_with("openssl "))
        .unwrap_or_else(|| panic!("no command in {}", refused.err));
    folder
        .shell(&format!("{advice} -in sec1.pem -out pkcs8.pem"))
        .ended(0);
    folder
        .actiongate(&["token", "sign", "--key", "pkcs8.pem", "--claims", "{}"])
        .ended(0);
}

#[test]
fn the_printed_commands_do_what_is_said_of_them() {
    pasted::assert_commands_do_what_is_said_of_them(curl);
}

#[test]
fn the_printed_commands_work_in_a_folder_with_a_space() {
    pasted::assert_commands_work_in_a_folder_with_a_space(curl);
}

#[test]
fn the_printed_commands_work_in_another_working_directory() {
    pasted::assert_commands_work_in_another_working_directory(curl);
}

/// What CI systems read is XML to Python's parser, and holds what it should.
#[test]
fn python_reads_the_report_of_cases() {
    let folder = super::cases::folder();
    folder.write("report.xml", &super::cases::mixed(&folder, "junit").out);
    let script = "import xml.etree.ElementTree as xml\n\
        root = xml.parse('report.xml').getroot()\n\
        for case in root.iter('testcase'):\n    \
            failure = case.find('failure')\n    \
            print(case.get('name'), case.get('line'), failure is not None and failure.text.splitlines()[0])\n";
    folder.write("read.py", script);
    let read = folder.shell("python3 read.py").ended(0).out;
    let name = "a < b & \"c\" \u{fffd}";
    let expected = format!(
        "{name}: GET /v2.1/a1/servers/detail as the role `auditor` 4 False\n\
         {name}: DELETE /v2.1/a1/servers/s1 as the role `auditor` 4 expected  allow\n"
    );
    assert_eq!(read, expected);
}
