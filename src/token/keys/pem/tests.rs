use super::*;
use crate::token::keys::{InvalidKeySet, KeySet};
use crate::token::testing::SigningKey;

const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];

/// What is wrong with the only file of a set.
fn refused(text: &str, algorithm: Algorithm) -> String {
    let files = [("a.pem".to_owned(), text)];
    match KeySet::from_pem(&files, algorithm) {
        Err(InvalidKeySet::NoneUsable(skipped)) => {
            assert_eq!(skipped[0].kid.as_deref(), Some("a.pem"));
            skipped[0].reason.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_key_verifies_what_its_private_half_signed() {
    for algorithm in ALGORITHMS {
        let (key, other) = (
            SigningKey::new("k", algorithm),
            SigningKey::new("k", algorithm),
        );
        let parsed = parse(key.pem().as_bytes()).unwrap();
        assert_eq!(parsed.algorithm, algorithm);
        let signature = |key: &SigningKey| URL_SAFE_NO_PAD.encode(key.sign("message"));
        assert!(parsed.verifies("message", &signature(&key)), "{algorithm}");
        assert!(!parsed.verifies("massage", &signature(&key)), "{algorithm}");
        assert!(
            !parsed.verifies("message", &signature(&other)),
            "{algorithm}"
        );
        assert!(!parsed.verifies("message", ""), "{algorithm}");
    }
}

#[test]
fn refuses_what_is_no_public_key_of_the_algorithm() {
    let key = SigningKey::new("k", Algorithm::ES256);
    let pem = key.pem();
    let private = pem.replace("PUBLIC", "PRIVATE");
    let (body, _) = pem.split_at(pem.len() / 2);
    let cases = [
        (
            String::new(),
            "it is not a public key in PEM form (`BEGIN PUBLIC KEY`)",
        ),
        (
            body.to_owned(),
            "it is not a public key in PEM form (`BEGIN PUBLIC KEY`)",
        ),
        (
            pem.replace("PUBLIC KEY", "CERTIFICATE"),
            "it is not a public key in PEM form (`BEGIN PUBLIC KEY`)",
        ),
        (
            private,
            "it holds a private key; the folder is for public keys",
        ),
        (
            format!("{pem}{}", key.pem().replace("PUBLIC", "EC PRIVATE")),
            "it holds a private key; the folder is for public keys",
        ),
        (format!("{pem}{pem}"), "it holds more than one key"),
        (
            SigningKey::new("r", Algorithm::RS256).pem(),
            "keys of its type are not used here",
        ),
        (
            SigningKey::new("k", Algorithm::ES384).pem(),
            "it is a key for ES384, not ES256",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
            "its key cannot be read",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text, Algorithm::ES256), expected, "{text}");
    }
}

#[test]
fn a_folder_has_as_many_keys_as_are_tried() {
    let files: Vec<(String, String)> = (0..10)
        .map(|number| {
            let key = SigningKey::new("k", Algorithm::EdDSA);
            (format!("{number}.pem"), key.pem())
        })
        .collect();
    let set = KeySet::from_pem(&files, Algorithm::EdDSA).unwrap();
    assert_eq!(set.keys().len(), 8);
    let skipped: Vec<&str> = set
        .skipped()
        .iter()
        .map(|key| key.reason.as_str())
        .collect();
    assert_eq!(skipped, ["only 8 keys are tried"; 2]);
}
