mod claim;
mod form;

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use serde_json::json;

use super::*;
use crate::token::testing::{SigningKey, encode, feed};
use crate::token::{Algorithm, JwtIssuer, KeyFeed, Kind};

const NOW: u64 = 1_800_000_000;
const OURS: &str = "https://ours";
const THEIRS: &str = "https://theirs";

const ALGORITHMS: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];

/// Two issuers of ours, each with keys of its own; an attacker has one that nobody trusts.
struct World {
    issuers: Vec<Issuer>,
    /// Of the first issuer.
    rsa: SigningKey,
    ec: SigningKey,
    /// Of the second.
    other: SigningKey,
    attacker: SigningKey,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let rsa = SigningKey::new("rsa", Algorithm::RS256);
    let ec = SigningKey::new("ec", Algorithm::ES256);
    let other = SigningKey::new("other", Algorithm::ES256);
    World {
        issuers: vec![
            issuer(OURS, feed(&[&rsa, &ec])),
            issuer(THEIRS, feed(&[&other])),
        ],
        rsa,
        ec,
        other,
        attacker: SigningKey::new("ec", Algorithm::ES256),
    }
});

fn issuer(name: &str, keys: KeyFeed) -> Issuer {
    Issuer {
        name: name.to_owned(),
        leeway: 30,
        kind: Kind::Jwt(JwtIssuer {
            audiences: vec!["ecs".to_owned(), "nova".to_owned()],
            keys,
        }),
    }
}

fn claims() -> Value {
    json!({"iss": OURS, "aud": "ecs", "exp": NOW + 60, "sub": "alice"})
}

/// The claims with one of them replaced.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn check(token: &str) -> Result<Verified, TokenError> {
    verify_by(&WORLD.issuers, token)
}

fn verify_by(issuers: &[Issuer], token: &str) -> Result<Verified, TokenError> {
    match verify(issuers, Settings::default(), Token::new(token), NOW)? {
        Recognized::Verified(verified) => Ok(verified),
        other => panic!("somebody is to be asked: {other:?}"),
    }
}

#[track_caller]
fn assert_refused(name: &str, token: &str, expected: TokenError) {
    assert_eq!(check(token).map(|_| ()), Err(expected), "{name}");
}

fn malformed(what: &str) -> TokenError {
    TokenError::Malformed(what.to_owned())
}

fn unknown_key(issuer: usize, kid: Option<&str>) -> TokenError {
    TokenError::UnknownKey {
        issuer,
        kid: kid.map(str::to_owned),
    }
}

#[test]
fn every_algorithm_is_accepted_with_its_key() {
    for algorithm in ALGORITHMS {
        let key = SigningKey::new("k", algorithm);
        let issuers = [issuer(OURS, feed(&[&key]))];
        let token = key.token(&claims());
        let verified = verify_by(&issuers, &token);
        let verified = verified.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(Value::Object(verified.claims), claims());
        assert_eq!((verified.issuer, verified.expires), (0, NOW + 60));
        assert!(matches!(verified.standing, Standing::Keys(seen) if seen.version() == 1));
        // The same header over the same claims, signed for each other algorithm.
        for other in ALGORITHMS.into_iter().filter(|other| *other != algorithm) {
            let forged = SigningKey::new("k", other)
                .token_of(&header(algorithm.name(), "k"), &claims().to_string());
            let refused = verify_by(&issuers, &forged);
            assert_eq!(
                refused.unwrap_err(),
                TokenError::Signature,
                "{other} as {algorithm}"
            );
        }
    }
}

fn header(alg: &str, kid: &str) -> String {
    json!({"alg": alg, "kid": kid}).to_string()
}

#[test]
fn a_good_token_may_look_like_this() {
    let (ec, rsa) = (&WORLD.ec, &WORLD.rsa);
    let text = claims().to_string();
    let cases = [
        ("plain", ec.token(&claims())),
        ("of the other key", rsa.token(&claims())),
        ("without kid", ec.token_of(r#"{"alg":"ES256"}"#, &text)),
        (
            "with parameters that nobody has to understand",
            ec.token_of(r#"{"typ":"at+jwt","cty":"x","alg":"ES256","kid":"ec","jku":"https://e","x5t":"AA"}"#, &text),
        ),
        ("escaped", ec.token_of(r#"{"\u0061lg":"ES256","kid":"\u0065c"}"#, &text)),
        ("spaced", ec.token_of("\n{ \"alg\" : \"ES256\" , \"kid\":\"ec\" } ", &text)),
        ("second audience", ec.token(&with("aud", json!("nova")))),
        ("several audiences", ec.token(&with("aud", json!(["x", "ecs"])))),
        ("exp with a fraction", ec.token(&with("exp", json!(1_800_000_000.5)))),
        ("exp beyond all time", ec.token(&with("exp", json!(1e300)))),
        ("exp of all bits", ec.token(&with("exp", json!(u64::MAX)))),
        ("nbf and iat now", ec.token(&json!({"iss": OURS, "aud": "ecs", "exp": NOW + 1, "nbf": NOW, "iat": NOW}))),
        ("iat zero", ec.token(&with("iat", json!(0)))),
    ];
    for (name, token) in cases {
        let verified = check(&token).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.issuer, 0, "{name}");
    }
    let theirs = WORLD.other.token(&with("iss", json!(THEIRS)));
    assert_eq!(check(&theirs).unwrap().issuer, 1);
}

#[test]
fn the_key_says_which_algorithm() {
    let (ec, rsa) = (&WORLD.ec, &WORLD.rsa);
    let text = claims().to_string();
    let rs512 = SigningKey::new("rsa", Algorithm::RS512);
    let ps256 = SigningKey::new("rsa", Algorithm::PS256);
    let mismatch = |header, key| TokenError::AlgorithmMismatch { header, key };
    let cases = [
        (
            "RS256 for an EC key",
            rsa.token_of(&header("RS256", "ec"), &text),
            mismatch(Algorithm::RS256, Algorithm::ES256),
        ),
        (
            "ES256 for an RSA key",
            ec.token_of(&header("ES256", "rsa"), &text),
            mismatch(Algorithm::ES256, Algorithm::RS256),
        ),
        (
            "RS512 of an RS256 key",
            rs512.token(&claims()),
            mismatch(Algorithm::RS512, Algorithm::RS256),
        ),
        (
            "PS256 of an RS256 key",
            ps256.token(&claims()),
            mismatch(Algorithm::PS256, Algorithm::RS256),
        ),
        (
            "RS512 without kid",
            rs512.token_of(r#"{"alg":"RS512"}"#, &text),
            unknown_key(0, None),
        ),
        (
            "RS256 that is RS512",
            rs512.token_of(&header("RS256", "rsa"), &text),
            TokenError::Signature,
        ),
    ];
    for (name, token, expected) in cases {
        assert_refused(name, &token, expected);
    }
}

#[test]
fn nothing_is_accepted_unsigned_or_with_a_shared_secret() {
    let text = claims().to_string();
    for name in [
        "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "es256", "ES256K", "ES521",
        "Ed25519", "", "dir",
    ] {
        let header = header(name, "ec");
        let expected = TokenError::Algorithm(name.to_owned());
        assert_refused(name, &WORLD.ec.token_of(&header, &text), expected.clone());
        let unsigned = format!("{}.{}", encode(&header), encode(&text));
        assert_refused(name, &format!("{unsigned}.AAAA"), expected);
        let no_signature = malformed("its signature is not canonical base64url");
        assert_refused(name, &format!("{unsigned}."), no_signature);
    }
    // CVE-2015-9235: the public key, which everybody has, taken for a secret.
    let secrets = [
        WORLD.rsa.public(),
        WORLD.ec.public(),
        WORLD.rsa.jwk().to_string().into_bytes(),
        Vec::new(),
    ];
    for secret in secrets {
        for kid in ["rsa", "ec"] {
            let signed = format!("{}.{}", encode(header("HS256", kid)), encode(&text));
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let token = format!("{signed}.{}", encode(hmac::sign(&key, signed.as_bytes())));
            assert_refused("HS256", &token, TokenError::Algorithm("HS256".to_owned()));
        }
    }
}

#[test]
fn a_key_serves_its_own_issuer_only() {
    let world = &*WORLD;
    let text = claims().to_string();
    let attacker = world.attacker.jwk();
    let embedded = |name: &str, value: Value| {
        let header = json!({"alg": "ES256", "kid": "ec", name: value}).to_string();
        world.attacker.token_of(&header, &text)
    };
    let cases = [
        (
            "wrong issuer's key",
            world.other.token(&claims()),
            unknown_key(0, Some("other")),
        ),
        (
            "wrong issuer's key, our kid",
            world.other.token_of(&header("ES256", "ec"), &text),
            TokenError::Signature,
        ),
        (
            "our key, wrong issuer",
            world.ec.token(&with("iss", json!(THEIRS))),
            unknown_key(1, Some("ec")),
        ),
        (
            "our key, their kid",
            world.ec.token_of(&header("ES256", "other"), &text),
            unknown_key(0, Some("other")),
        ),
        (
            "wrong issuer's key, no kid",
            world.other.token_of(r#"{"alg":"ES256"}"#, &text),
            unknown_key(0, None),
        ),
        (
            "kid in another case",
            world.ec.token_of(&header("ES256", "EC"), &text),
            unknown_key(0, Some("EC")),
        ),
        (
            "empty kid",
            world.ec.token_of(&header("ES256", ""), &text),
            unknown_key(0, Some("")),
        ),
        (
            "kid that is a path",
            world.ec.token_of(&header("ES256", "../ec"), &text),
            unknown_key(0, Some("../ec")),
        ),
        (
            "attacker's key, our kid",
            world.attacker.token(&claims()),
            TokenError::Signature,
        ),
        (
            "embedded jwk",
            embedded("jwk", attacker.clone()),
            TokenError::Signature,
        ),
        (
            "jku",
            embedded("jku", json!("https://attacker/jwks.json")),
            TokenError::Signature,
        ),
        (
            "x5c",
            embedded("x5c", json!([encode(world.attacker.public())])),
            TokenError::Signature,
        ),
        (
            "x5u",
            embedded("x5u", json!("https://attacker/cert.pem")),
            TokenError::Signature,
        ),
        (
            "embedded jwk, its kid",
            world.attacker.token_of(
                &json!({"alg": "ES256", "kid": "evil", "jwk": attacker}).to_string(),
                &text,
            ),
            unknown_key(0, Some("evil")),
        ),
        (
            "unknown issuer",
            world.ec.token(&with("iss", json!("https://ours/"))),
            TokenError::UnknownIssuer("https://ours/".to_owned()),
        ),
        (
            "issuer in another case",
            world.ec.token(&with("iss", json!("HTTPS://ours"))),
            TokenError::UnknownIssuer("HTTPS://ours".to_owned()),
        ),
        (
            "forged and expired",
            world.attacker.token(&with("exp", json!(1))),
            TokenError::Signature,
        ),
    ];
    for (name, token, expected) in cases {
        assert_refused(name, &token, expected);
    }
}
