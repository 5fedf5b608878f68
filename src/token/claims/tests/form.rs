//! What a token looks like before it says anything: parts, spelling, size, signature.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::*;
use crate::token::testing::KeyFile;

#[test]
fn two_readers_must_read_the_same() {
    let (ec, text) = (&WORLD.ec, claims().to_string());
    let good = header("ES256", "ec");
    let twice = |text: &str, member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let in_header = "its header is not one JSON object with distinct members";
    let in_payload = "its payload is not one JSON object with distinct members";
    let cases = [
        (
            ec.token_of(&twice(&good, r#""alg":"none""#), &text),
            malformed(in_header),
        ),
        (
            ec.token_of(&twice(&good, r#""kid":"ec""#), &text),
            malformed(in_header),
        ),
        (
            ec.token_of(&twice(&good, r#""\u006bid":"x""#), &text),
            malformed(in_header),
        ),
        (
            ec.token_of(&good, &twice(&text, r#""exp":1"#)),
            malformed(in_payload),
        ),
        (
            ec.token_of(&good, &twice(&text, r#""\u0069ss":"x""#)),
            malformed(in_payload),
        ),
        (
            ec.token_of(&good, &twice(&text, r#""n":{"a":1,"a":2}"#)),
            malformed(in_payload),
        ),
        (
            ec.token_of(&good, &format!("[{text}]")),
            malformed(in_payload),
        ),
        (
            ec.token_of(&good, &format!("{text}{text}")),
            malformed(in_payload),
        ),
        (
            ec.token_of(&good, &text.replace("1800000060", "1e999")),
            malformed(in_payload),
        ),
        (ec.token_of("\"ES256\"", &text), malformed(in_header)),
        (
            ec.token_of(r#"{"kid":"ec"}"#, &text),
            malformed("its header has no `alg` string"),
        ),
        (
            ec.token_of(r#"{"alg":null,"kid":"ec"}"#, &text),
            malformed("its header has no `alg` string"),
        ),
        (
            ec.token_of(r#"{"alg":["ES256"],"kid":"ec"}"#, &text),
            malformed("its header has no `alg` string"),
        ),
        (
            ec.token_of(r#"{"alg":"ES256","kid":1}"#, &text),
            malformed("the `kid` of its header is not a string"),
        ),
        (
            ec.token_of(r#"{"alg":"ES256","kid":null}"#, &text),
            malformed("the `kid` of its header is not a string"),
        ),
        (
            ec.token_of(&twice(&good, r#""crit":["b64"],"b64":false"#), &text),
            TokenError::Critical,
        ),
        (
            ec.token_of(&twice(&good, r#""crit":[]"#), &text),
            TokenError::Critical,
        ),
        (
            ec.token_of(&twice(&good, r#""crit":null"#), &text),
            TokenError::Critical,
        ),
        (
            ec.token_of(r#"{"alg":"none","\u0063rit":["x"]}"#, &text),
            TokenError::Critical,
        ),
    ];
    for (token, expected) in cases {
        assert_refused(&token, &token, expected);
    }
}

/// A text that decodes to the same bytes where a reader is lenient.
fn other_spellings(part: &str) -> Vec<String> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(part.chars().last().unwrap()).unwrap();
    let stray = alphabet.chars().nth(last + 1).unwrap();
    assert_ne!(part.len() % 4, 0, "{part} has no room for stray bits");
    let standard = part.replace('-', "+").replace('_', "/");
    assert_ne!(part, standard, "{part} has no letter of its own");
    let (first, rest) = part.split_at(4);
    let but_last = part.split_at(part.len() - 1).0;
    vec![
        format!("{part}="),
        format!("{part}=="),
        format!("{but_last}{stray}"),
        standard,
        format!("{part}\n"),
        format!(" {part}"),
        format!("{first}\r\n{rest}"),
    ]
}

#[test]
fn every_part_has_one_spelling() {
    let ec = &WORLD.ec;
    let header = encode(r#"{"alg":"ES256","kid":"ec","x":"???>>>~~~"} "#);
    let payload = encode(with("x", json!("???>>>~~~")).to_string() + "  ");
    // Signatures of EC keys are random: this one has a letter that the alphabets differ in.
    let signed = format!("{header}.{payload}");
    let token = std::iter::repeat_with(|| ec.seal(&signed))
        .find(|token| token.rsplit('.').next().unwrap().contains(['-', '_']))
        .unwrap();
    assert!(check(&token).is_ok());
    let signature = token.rsplit('.').next().unwrap();
    assert_eq!(
        STANDARD_NO_PAD
            .decode(signature.replace('-', "+").replace('_', "/"))
            .unwrap()
            .len(),
        64
    );
    for other in other_spellings(signature) {
        let expected = malformed("its signature is not canonical base64url");
        assert_refused(&other, &format!("{signed}.{other}"), expected);
    }
    for other in other_spellings(&header) {
        let expected = malformed("its header is not canonical base64url");
        assert_refused(&other, &ec.seal(&format!("{other}.{payload}")), expected);
    }
    for other in other_spellings(&payload) {
        let expected = malformed("its payload is not canonical base64url");
        assert_refused(&other, &ec.seal(&format!("{header}.{other}")), expected);
    }
}

#[test]
fn a_token_has_three_parts() {
    let good = WORLD.ec.token(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}")
    };
    let not_spelled = "not canonical base64url";
    let not_json = "not one JSON object with distinct members";
    let no_signature = "its signature is not canonical base64url".to_owned();
    let cases = [
        (String::new(), "it has no dots".to_owned()),
        ("abc".to_owned(), "it has no dots".to_owned()),
        (
            format!("{header}.{payload}"),
            "it has one dot, expected two".to_owned(),
        ),
        (
            format!("{good}.{signature}"),
            "it has more than two dots".to_owned(),
        ),
        (format!("{good}."), "it has more than two dots".to_owned()),
        (format!(".{good}"), "it has more than two dots".to_owned()),
        ("..".to_owned(), format!("its header is {not_json}")),
        (
            format!(".{payload}.{signature}"),
            format!("its header is {not_json}"),
        ),
        (
            format!("{header}..{signature}"),
            format!("its payload is {not_json}"),
        ),
        (format!("{header}.{payload}."), no_signature.clone()),
        (format!("{header}.{payload}.A"), no_signature),
        (
            format!("é.{payload}.{signature}"),
            format!("its header is {not_spelled}"),
        ),
        (
            format!("Bearer {good}"),
            format!("its header is {not_spelled}"),
        ),
        // The JSON serialization (RFC 7515 §7.2) and an encrypted token's five parts.
        (
            format!(r#"{{"protected":"{header}","payload":"{payload}"}}"#),
            "it has no dots".to_owned(),
        ),
        (
            "a.b.c.d.e".to_owned(),
            "it has more than two dots".to_owned(),
        ),
    ];
    for (token, expected) in cases {
        assert_refused(&token, &token, TokenError::Malformed(expected));
    }
}

#[test]
fn too_long_is_too_long_before_anything_is_read() {
    let token = WORLD.ec.token(&claims());
    let settings = |max_size| Settings { max_size, cache: 1 };
    let check = |max_size| verify(&WORLD.issuers, settings(max_size), Token::new(&token), NOW);
    assert!(check(token.len()).is_ok());
    assert_eq!(
        check(token.len() - 1).unwrap_err(),
        TokenError::TooLarge(token.len() - 1)
    );
    let garbage = |length| super::check(&".".repeat(length)).unwrap_err();
    assert_eq!(garbage(16 * 1024), malformed("it has more than two dots"));
    assert_eq!(garbage(16 * 1024 + 1), TokenError::TooLarge(16 * 1024));
}

#[test]
fn no_other_signature_fits() {
    let (ec, rsa) = (&WORLD.ec, &WORLD.rsa);
    let text = claims().to_string();
    let token = ec.token(&claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let rsa_token = rsa.token(&claims());
    let (rsa_signed, rsa_signature) = rsa_token.rsplit_once('.').unwrap();
    let rsa_bytes = URL_SAFE_NO_PAD.decode(rsa_signature).unwrap();
    let longer = [bytes.as_slice(), &[0]].concat();
    let half = bytes.len() / 2;
    // r and s that are zero fit every message where nobody looks (CVE-2022-21449).
    let cases = [
        ("DER", signed, ec.sign_der(signed)),
        ("truncated", signed, bytes[..63].to_vec()),
        ("half", signed, bytes[..half].to_vec()),
        ("longer", signed, longer),
        ("swapped", signed, [&bytes[half..], &bytes[..half]].concat()),
        ("zeros", signed, vec![0; 64]),
        ("ones", signed, vec![0xFF; 64]),
        ("of another text", signed, ec.sign(&text)),
        ("of another token", signed, rsa_bytes.clone()),
        ("RSA truncated", rsa_signed, rsa_bytes[..255].to_vec()),
        (
            "RSA with a leading zero",
            rsa_signed,
            [&[0], rsa_bytes.as_slice()].concat(),
        ),
        ("RSA zero", rsa_signed, vec![0; 256]),
        ("RSA one", rsa_signed, [vec![0; 255], vec![1]].concat()),
    ];
    for (name, signed, signature) in cases {
        let token = format!("{signed}.{}", encode(signature));
        assert_refused(name, &token, TokenError::Signature);
    }
}

#[test]
fn one_flipped_bit_anywhere_spoils_it() {
    for key in [&WORLD.ec, &WORLD.rsa] {
        let token = key.token(&claims());
        assert!(check(&token).is_ok());
        let parts: Vec<Vec<u8>> = token
            .split('.')
            .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
            .collect();
        for part in 0..3 {
            for (index, bit) in (0..parts[part].len()).zip((0..8).cycle()) {
                let mut parts = parts.clone();
                parts[part][index] ^= 1 << bit;
                let parts: Vec<String> = parts.iter().map(encode).collect();
                let flipped = check(&parts.join("."));
                assert!(flipped.is_err(), "bit {bit} of byte {index} of part {part}");
            }
        }
    }
}

#[test]
fn without_keys_nobody_can_tell() {
    let unreachable = [issuer(OURS, KeyFile::new(|_| {}).feed)];
    let token = WORLD.ec.token(&with("exp", json!(1)));
    let refused = verify(&unreachable, Settings::default(), Token::new(&token), NOW);
    assert_eq!(refused.unwrap_err(), TokenError::KeysUnavailable);
    let stranger = WORLD.ec.token(&with("iss", json!("x")));
    let refused = verify(
        &unreachable,
        Settings::default(),
        Token::new(&stranger),
        NOW,
    );
    assert_eq!(
        refused.unwrap_err(),
        TokenError::UnknownIssuer("x".to_owned())
    );
}

#[test]
fn showing_claims_verifies_nothing_but_the_form() {
    let forged = WORLD.attacker.token(&with("exp", json!("never")));
    let shown = unverified_claims(Token::new(&forged)).unwrap();
    assert_eq!(Value::Object(shown), with("exp", json!("never")));
    let none = WORLD.ec.token_of(r#"{"alg":"none"}"#, "{}");
    assert!(unverified_claims(Token::new(&none)).is_err());
}
