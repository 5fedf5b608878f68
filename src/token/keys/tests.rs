use std::sync::LazyLock;

use serde_json::json;

use super::*;
use crate::token::testing::{SigningKey, encode};

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::new("rsa", Algorithm::RS256));
static EC: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::new("ec", Algorithm::ES256));

fn parse(members: &[Value]) -> KeySet {
    let text = json!({"keys": members}).to_string();
    KeySet::parse(text.as_bytes()).unwrap()
}

/// `key` with one member replaced, or removed where `value` is null.
fn with(key: &SigningKey, name: &str, value: Value) -> Value {
    let mut member = key.jwk();
    match value {
        Value::Null => drop(member.as_object_mut().unwrap().remove(name)),
        value => member[name] = value,
    }
    member
}

fn kids(set: &KeySet) -> Vec<&str> {
    let kids = set.keys().iter().map(|key| key.kid.as_deref());
    kids.map(|kid| kid.unwrap_or("(none)")).collect()
}

#[test]
fn a_member_serves_its_algorithm_and_no_other() {
    for algorithm in Algorithm::ALL {
        let signing = SigningKey::new("k", algorithm);
        let set = parse(&[signing.jwk()]);
        let [key] = set.keys() else {
            panic!("{algorithm}: {:?}", set.skipped())
        };
        assert_eq!((key.kid.as_deref(), key.algorithm), (Some("k"), algorithm));
        let signature = encode(signing.sign("message"));
        assert!(key.verifies("message", &signature), "{algorithm}");
        assert!(!key.verifies("massage", &signature), "{algorithm}");
        for other in Algorithm::ALL.iter().filter(|other| **other != algorithm) {
            let signature = encode(SigningKey::new("k", *other).sign("message"));
            assert!(!key.verifies("message", &signature), "{algorithm} {other}");
        }
    }
}

#[test]
fn members_that_need_not_be_there() {
    let ed = SigningKey::new("ed", Algorithm::EdDSA);
    let p384 = SigningKey::new("p384", Algorithm::ES384);
    let pss = SigningKey::new("pss", Algorithm::PS384);
    let cases = [
        (with(&RSA, "alg", Value::Null), Algorithm::RS256),
        (with(&pss, "use", Value::Null), Algorithm::PS384),
        (with(&EC, "alg", Value::Null), Algorithm::ES256),
        (with(&p384, "alg", Value::Null), Algorithm::ES384),
        (with(&ed, "alg", Value::Null), Algorithm::EdDSA),
        (with(&EC, "kid", Value::Null), Algorithm::ES256),
        (with(&EC, "key_ops", json!(["verify"])), Algorithm::ES256),
        (
            with(&EC, "key_ops", json!(["sign", "verify"])),
            Algorithm::ES256,
        ),
        (with(&EC, "x5c", json!(["MIIB"])), Algorithm::ES256),
        (
            with(&RSA, "n", json!(encode([0xFF; 256]))),
            Algorithm::RS256,
        ),
        (
            with(&RSA, "n", json!(encode([0xFF; 1024]))),
            Algorithm::RS256,
        ),
    ];
    for (member, expected) in cases {
        let set = parse(std::slice::from_ref(&member));
        assert_eq!(set.keys()[0].algorithm, expected, "{member}");
        assert_eq!(set.keys()[0].kid.as_deref(), member["kid"].as_str());
        assert_eq!(set.skipped(), [], "{member}");
    }
}

/// Skips each member with its reason and keeps the others.
#[track_caller]
fn assert_skipped(cases: impl IntoIterator<Item = (Value, String)>) {
    for (member, reason) in cases {
        let set = parse(&[RSA.jwk(), member.clone(), EC.jwk()]);
        let kid = member.get("kid").and_then(Value::as_str);
        let expected = SkippedKey {
            index: 1,
            kid: kid.map(str::to_owned),
            reason,
        };
        assert_eq!(set.skipped(), [expected], "{member}");
        assert_eq!(kids(&set), ["rsa", "ec"], "{member}");
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn keys_for_another_purpose_are_skipped() {
    let ec_alg =
        |name| format!("its `alg` is `{name}`, which a key of this type does not serve here");
    let rsa_alg = |name| format!("its `alg` is `{name}`, which an RSA key does not serve here");
    let ed = SigningKey::new("ed", Algorithm::EdDSA);
    assert_skipped([
        (
            with(&EC, "use", json!("enc")),
            text("its `use` is `enc`, not `sig`"),
        ),
        (
            with(&EC, "use", json!("SIG")),
            text("its `use` is `SIG`, not `sig`"),
        ),
        (
            with(&EC, "use", json!(["sig"])),
            text("its `use` is not a string"),
        ),
        (
            with(&EC, "key_ops", json!(["sign"])),
            text("its `key_ops` do not allow `verify`"),
        ),
        (
            with(&EC, "key_ops", json!([])),
            text("its `key_ops` do not allow `verify`"),
        ),
        (
            with(&EC, "key_ops", json!("verify")),
            text("its `key_ops` do not allow `verify`"),
        ),
        (with(&EC, "alg", json!("RS256")), ec_alg("RS256")),
        (with(&EC, "alg", json!("ES384")), ec_alg("ES384")),
        (with(&EC, "alg", json!("HS256")), ec_alg("HS256")),
        (with(&EC, "alg", json!("none")), ec_alg("none")),
        (with(&ed, "alg", json!("ES256")), ec_alg("ES256")),
        (
            with(&EC, "alg", json!(256)),
            text("its `alg` is not a string"),
        ),
        (with(&RSA, "alg", json!("ES256")), rsa_alg("ES256")),
        (with(&RSA, "alg", json!("HS256")), rsa_alg("HS256")),
        (with(&RSA, "alg", json!("RSA-OAEP")), rsa_alg("RSA-OAEP")),
        (with(&RSA, "alg", json!("rs256")), rsa_alg("rs256")),
    ]);
}

#[test]
fn keys_of_another_type_are_skipped() {
    let ed = SigningKey::new("ed", Algorithm::EdDSA);
    assert_skipped([
        (
            json!({"kty": "oct", "kid": "s", "k": "AAAA"}),
            text("it holds a secret; a key set is for public keys"),
        ),
        (
            json!({"kty": "oct", "kid": "s"}),
            text("keys of type oct are not used here"),
        ),
        (
            with(&EC, "d", json!("AAAA")),
            text("it holds a secret; a key set is for public keys"),
        ),
        (
            with(&RSA, "d", json!("AAAA")),
            text("it holds a secret; a key set is for public keys"),
        ),
        (
            json!({"kty": "AKP", "kid": "pq", "alg": "ML-DSA-65", "pub": "AAAA"}),
            text("keys of type AKP are not used here"),
        ),
        (
            with(&EC, "crv", json!("secp256k1")),
            text("keys of type EC on secp256k1 are not used here"),
        ),
        (
            with(&EC, "crv", json!("secp256k1")),
            text("keys of type EC on secp256k1 are not used here"),
        ),
        (
            with(&EC, "crv", json!("Ed25519")),
            text("keys of type EC on Ed25519 are not used here"),
        ),
        (
            with(&EC, "crv", Value::Null),
            text("keys of type EC are not used here"),
        ),
        (
            with(&ed, "crv", json!("X25519")),
            text("keys of type OKP on X25519 are not used here"),
        ),
        (
            with(&ed, "crv", json!("P-256")),
            text("keys of type OKP on P-256 are not used here"),
        ),
        (with(&EC, "kty", Value::Null), text("it has no `kty`")),
        (
            with(&EC, "kty", json!(1)),
            text("its `kty` is not a string"),
        ),
        (
            with(&EC, "kty", json!("ec")),
            text("keys of type ec on P-256 are not used here"),
        ),
        (
            with(&EC, "kid", json!(7)),
            text("its `kid` is not a string"),
        ),
        (json!("AAAA"), text("it is not an object")),
        (Value::Null, text("it is not an object")),
    ]);
}

#[test]
fn keys_with_other_numbers_are_skipped() {
    let base64 = "a value is not canonical base64url";
    let padded = EC.jwk()["x"].as_str().unwrap().to_owned() + "=";
    let ed = SigningKey::new("ed", Algorithm::EdDSA);
    // 32 bytes are 43 characters, whose last one has two bits too many.
    let stray = "A".repeat(42) + "B";
    assert_skipped([
        (
            with(&RSA, "n", json!(encode([0xFF; 128]))),
            text("it has 1024 bits, expected 2048 to 8192"),
        ),
        (
            with(&RSA, "n", json!(encode([0x7F; 256]))),
            text("it has 2047 bits, expected 2048 to 8192"),
        ),
        (
            with(&RSA, "n", json!(encode([[0; 128], [0xFF; 128]].concat()))),
            text("it has 1024 bits, expected 2048 to 8192"),
        ),
        (
            with(&RSA, "n", json!(encode([0xFF; 1025]))),
            text("it has 8200 bits, expected 2048 to 8192"),
        ),
        (
            with(&RSA, "n", json!("")),
            text("it has 0 bits, expected 2048 to 8192"),
        ),
        (with(&RSA, "n", Value::Null), text("it has no `n`")),
        (with(&RSA, "e", Value::Null), text("it has no `e`")),
        (with(&RSA, "e", json!("AQAB=")), text(base64)),
        (with(&RSA, "e", json!("AQ+B")), text(base64)),
        (with(&EC, "x", json!(padded)), text(base64)),
        (with(&EC, "y", json!(stray)), text(base64)),
        (with(&ed, "x", json!(stray)), text(base64)),
        (with(&EC, "y", Value::Null), text("it has no `y`")),
        (
            with(&EC, "x", json!(encode([1; 31]))),
            text("a coordinate has 31 bytes, expected 32"),
        ),
        (
            with(&EC, "y", json!(encode([0; 33]))),
            text("a coordinate has 33 bytes, expected 32"),
        ),
        (
            with(&EC, "crv", json!("P-384")),
            text("a coordinate has 32 bytes, expected 48"),
        ),
        (
            with(&ed, "x", json!(encode([1; 31]))),
            text("a coordinate has 31 bytes, expected 32"),
        ),
    ]);
}

#[test]
fn zeros_before_a_number_are_nothing() {
    let signature = encode(RSA.sign("message"));
    for name in ["n", "e"] {
        let number = URL_SAFE_NO_PAD.decode(RSA.jwk()[name].as_str().unwrap());
        let padded = [vec![0, 0], number.unwrap()].concat();
        let set = parse(&[with(&RSA, name, json!(encode(padded)))]);
        assert!(set.keys()[0].verifies("message", &signature), "{name}");
    }
}

/// Such a member passes for usable, and every token that names it is then called forged.
#[test]
fn a_member_that_no_signature_can_match_is_skipped() {
    let cases = [
        with(&EC, "x", json!(encode([1; 32]))),
        with(&EC, "y", json!(encode([0xFF; 32]))),
        with(&RSA, "e", json!("")),
        with(&RSA, "e", json!("AQ")),
        with(&RSA, "e", json!("AQAA")),
    ];
    for member in cases {
        let set = parse(&[EC.jwk(), member.clone()]);
        assert_eq!((set.keys().len(), set.skipped().len()), (1, 1), "{member}");
    }
}

#[test]
fn only_the_first_hundred_members_are_read() {
    let set = parse(&vec![EC.jwk(); 102]);
    assert_eq!(set.keys().len(), 100);
    let skipped = |index| SkippedKey {
        index,
        kid: Some("ec".to_owned()),
        reason: "only the first 100 keys are read".to_owned(),
    };
    assert_eq!(set.skipped(), [skipped(100), skipped(101)]);
}

#[test]
fn what_is_no_key_set_is_refused() {
    let json = "not one JSON object with distinct members";
    let no_keys = "there is no array `keys`, expected a JWK set (RFC 7517 §5)";
    let repeated = r#"{"keys":[{"kty":"EC","kty":"oct"}]}"#;
    let escaped = r#"{"keys":[],"\u006beys":[]}"#;
    let unusable = r#"{"keys":[{"kty":"oct"},{}]}"#;
    let cases = [
        ("", json),
        ("[]", json),
        ("<html>", json),
        (repeated, json),
        (escaped, json),
        ("{}", no_keys),
        (r#"{"keys":{}}"#, no_keys),
        (r#"{"kty":"RSA","n":"AA","e":"AQAB"}"#, no_keys),
        (r#"{"keys":[]}"#, "none of its 0 keys can be used"),
        (
            unusable,
            "none of its 2 keys can be used; the first: keys of type oct are not used here",
        ),
    ];
    for (text, expected) in cases {
        let error = KeySet::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
    assert!(KeySet::parse(b"{\"keys\":[\"\xff\"]}").is_err());
}

#[test]
fn a_repeated_member_refuses_the_whole_set() {
    let good = EC.jwk().to_string();
    let twice = good.replacen('{', "{\"kid\":\"other\",", 1);
    let text = format!("{{\"keys\":[{good},{twice}]}}");
    let error = KeySet::parse(text.as_bytes()).unwrap_err();
    assert!(matches!(error, InvalidKeySet::Json(_)), "{error}");
}

#[test]
fn candidates_are_the_named_keys_or_a_few() {
    let numbered = |number: usize| with(&EC, "kid", json!(format!("k{number}")));
    let mut members = vec![RSA.jwk(); 10];
    members.extend((0..20).map(numbered));
    members.push(with(&EC, "kid", Value::Null));
    members.push(numbered(19));
    members.push(with(&RSA, "kid", json!("k19")));
    let set = parse(&members);
    let first = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"];
    let cases: [(Option<&str>, Algorithm, &[&str]); 8] = [
        (Some("k0"), Algorithm::ES256, &["k0"]),
        (Some("k0"), Algorithm::RS256, &[]),
        (Some("k19"), Algorithm::ES256, &["k19", "k19"]),
        (Some("k19"), Algorithm::RS256, &["k19"]),
        (Some("k20"), Algorithm::ES256, &[]),
        (Some(""), Algorithm::ES256, &[]),
        (None, Algorithm::ES256, &first),
        (None, Algorithm::RS256, &["rsa"; 8]),
    ];
    for (kid, algorithm, expected) in cases {
        let found = set.candidates(kid, algorithm);
        let found: Vec<&str> = found.map(|key| key.kid.as_deref().unwrap()).collect();
        assert_eq!(found, expected, "{kid:?} {algorithm}");
    }
    let named = |kid| set.named(kid).count();
    assert_eq!(
        (named(Some("k19")), named(Some("k20")), named(None)),
        (3, 0, 33)
    );
}
