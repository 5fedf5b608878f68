use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::token::testing::{SigningKey, encode, feed};
use crate::token::{
    FetchError, Issuer, JwtIssuer, KeySettings, KeySource, Kind, Location, Recognized, Settings,
    Standing, Token, Verified, verify,
};

const NOW: u64 = 1_800_000_000;

/// A Keystone beside an issuer of JWTs; what `delegated` lists is accepted.
struct World {
    folder: TempDir,
    source: KeySource,
    issuers: Vec<Issuer>,
    key: SigningKey,
    jwt_key: SigningKey,
}

fn world(algorithm: Algorithm, delegated: &[Delegation]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::new("k", algorithm);
    fs::write(folder.path().join("one.pem"), key.pem()).unwrap();
    let settings = KeySettings::new(Location::Pem(folder.path().to_owned(), algorithm));
    let (source, keys) = KeySource::new("keystone", settings).unwrap();
    let jwt_key = SigningKey::new("jwt", Algorithm::ES256);
    let issuer = |name: &str, kind| Issuer {
        name: name.to_owned(),
        leeway: 30,
        kind,
    };
    let jwt = JwtIssuer {
        audiences: vec!["ecs".to_owned()],
        keys: feed(&[&jwt_key]),
    };
    let keystone = KeystoneJws {
        keys,
        algorithm,
        delegated: delegated.to_vec(),
    };
    let mut world = World {
        folder,
        source,
        issuers: vec![
            issuer("https://iam", Kind::Jwt(jwt)),
            issuer("keystone", Kind::KeystoneJws(keystone)),
        ],
        key,
        jwt_key,
    };
    world.read();
    world
}

impl World {
    fn read(&mut self) {
        self.refresh().unwrap();
    }

    fn refresh(&mut self) -> Result<(), FetchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(self.source.refresh())
    }

    fn check(&self, token: &str) -> Result<Verified, TokenError> {
        match verify(&self.issuers, Settings::default(), Token::new(token), NOW)? {
            Recognized::Verified(verified) => Ok(verified),
            other => panic!("{other:?}"),
        }
    }
}

fn claims() -> Value {
    json!({
        "sub": "u1", "iat": NOW - 10, "exp": NOW + 60,
        "openstack_methods": ["password"], "openstack_audit_ids": ["a1"],
        "openstack_project_id": "p1",
    })
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
        value => claims[claim] = value,
    }
    claims
}

/// As `PyJWT` makes it for Keystone.
fn sign(key: &SigningKey, claims: &Value) -> String {
    let header = json!({"alg": key.algorithm.name(), "typ": "JWT"});
    key.token_of(&header.to_string(), &claims.to_string())
}

#[test]
fn every_algorithm_of_keystone_is_accepted_with_its_key_and_no_other() {
    let algorithms = [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
    ];
    for algorithm in algorithms {
        let world = world(algorithm, &[]);
        let verified = world.check(&sign(&world.key, &claims())).unwrap();
        assert_eq!((verified.issuer, verified.expires), (1, NOW + 60));
        assert_eq!(Value::Object(verified.claims), claims());
        assert!(matches!(verified.standing, Standing::Keys(_)));
        let foreign = SigningKey::new("k", algorithm);
        let refused = world.check(&sign(&foreign, &claims())).unwrap_err();
        let expected = TokenError::UnknownKey {
            issuer: 1,
            kid: None,
        };
        assert_eq!(refused, expected, "{algorithm}");
        for other in algorithms.into_iter().filter(|other| *other != algorithm) {
            let refused = world.check(&sign(&SigningKey::new("k", other), &claims()));
            let expected = TokenError::AlgorithmMismatch {
                header: other,
                key: algorithm,
            };
            assert_eq!(refused.unwrap_err(), expected);
        }
    }
}

#[test]
fn a_key_counts_as_long_as_its_file_is_there() {
    let mut world = world(Algorithm::ES256, &[]);
    let second = SigningKey::new("k", Algorithm::ES256);
    let (old, new) = (sign(&world.key, &claims()), sign(&second, &claims()));
    assert!(world.check(&new).is_err());
    fs::write(world.folder.path().join("two.pem"), second.pem()).unwrap();
    fs::write(world.folder.path().join(".hidden"), "no key").unwrap();
    fs::create_dir(world.folder.path().join("folder")).unwrap();
    world.read();
    assert!(world.check(&old).is_ok());
    assert!(world.check(&new).is_ok());
    fs::remove_file(world.folder.path().join("one.pem")).unwrap();
    world.read();
    assert!(world.check(&old).is_err());
    assert!(world.check(&new).is_ok());
}

#[test]
fn a_folder_without_keys_verifies_nothing() {
    let mut world = world(Algorithm::ES256, &[]);
    let token = sign(&world.key, &claims());
    let one = world.folder.path().join("one.pem");
    let foreign = SigningKey::new("k", Algorithm::ES384).pem();
    for left in [None, Some(""), Some(foreign.as_str())] {
        let verified = world.check(&token).unwrap();
        match left {
            None => fs::remove_file(&one).unwrap(),
            Some(text) => fs::write(&one, text).unwrap(),
        }
        world.refresh().unwrap_err();
        assert_eq!(
            world.check(&token).unwrap_err(),
            TokenError::KeysUnavailable
        );
        assert!(
            !verified.standing.holds(NOW),
            "it is verified no more: {left:?}"
        );
        fs::write(&one, world.key.pem()).unwrap();
        world.read();
    }
    // Nobody knows what is in a folder that cannot be read.
    let moved = world.folder.path().with_extension("moved");
    fs::rename(world.folder.path(), &moved).unwrap();
    world.refresh().unwrap_err();
    assert!(world.check(&token).is_ok());
    fs::rename(&moved, world.folder.path()).unwrap();
}

#[test]
fn keys_are_read_anew_where_files_only_meet_elsewhere() {
    let mut world = world(Algorithm::ES256, &[]);
    let second = SigningKey::new("k", Algorithm::ES256);
    let [one, two] = ["one.pem", "two.pem"].map(|name| world.folder.path().join(name));
    let token = sign(&second, &claims());
    let third = SigningKey::new("k", Algorithm::ES256);
    fs::write(world.folder.path().join("zero.pem"), third.pem()).unwrap();
    // A file with two keys is skipped.
    fs::write(&one, world.key.pem() + &second.pem()).unwrap();
    fs::write(&two, "").unwrap();
    world.read();
    assert!(world.check(&token).is_err());
    fs::write(&one, world.key.pem()).unwrap();
    fs::write(&two, second.pem()).unwrap();
    world.read();
    assert!(world.check(&token).is_ok());
}

#[test]
fn each_issuer_verifies_what_is_in_its_form() {
    let world = world(Algorithm::ES256, &[]);
    let mut named = claims();
    named["iss"] = json!("https://iam");
    named["aud"] = json!("ecs");
    assert_eq!(world.check(&world.jwt_key.token(&named)).unwrap().issuer, 0);
    // Each other's keys, in either form.
    let forged = sign(&world.key, &named);
    assert!(matches!(
        world.check(&forged).unwrap_err(),
        TokenError::UnknownKey { issuer: 0, .. }
    ));
    let forged = sign(&world.jwt_key, &claims());
    assert!(matches!(
        world.check(&forged).unwrap_err(),
        TokenError::UnknownKey { issuer: 1, .. }
    ));
    // An issuer that is named is meant, whatever else is there.
    let named = with("iss", json!("keystone"));
    let refused = world.check(&sign(&world.key, &named)).unwrap_err();
    assert_eq!(refused, TokenError::UnknownIssuer("keystone".to_owned()));
    let none = encode("{\"alg\":\"none\"}");
    let none = format!("{none}.{}.AA", encode(claims().to_string()));
    assert_eq!(
        world.check(&none).unwrap_err(),
        TokenError::Algorithm("none".to_owned())
    );
}

#[test]
fn what_a_token_must_say_is_demanded() {
    let world = world(Algorithm::ES256, &[]);
    let invalid = |claim, found, expected| Err(invalid(claim, found, expected));
    let strings = "an array of strings";
    let id = "a string";
    let cases = [
        ("openstack_project_id", Value::Null, Ok(())),
        ("openstack_methods", json!([]), Ok(())),
        ("sub", Value::Null, invalid("sub", "missing", id)),
        ("sub", json!(7), invalid("sub", "a number", id)),
        ("sub", json!(""), invalid("sub", "empty", "the user's id")),
        (
            "iat",
            Value::Null,
            invalid("iat", "missing", "the time it was issued"),
        ),
        (
            "exp",
            Value::Null,
            invalid("exp", "missing", "the time it expires"),
        ),
        ("exp", json!(NOW - 30), Err(TokenError::Expired)),
        ("iat", json!(NOW + 31), Err(TokenError::NotYetValid("iat"))),
        (
            "openstack_methods",
            json!("password"),
            invalid("openstack_methods", "a string", strings),
        ),
        (
            "openstack_audit_ids",
            Value::Null,
            invalid("openstack_audit_ids", "missing", strings),
        ),
        (
            "openstack_audit_ids",
            json!([1]),
            invalid("openstack_audit_ids", "an array of other values", strings),
        ),
        (
            "openstack_project_id",
            json!(["p1"]),
            invalid("openstack_project_id", "an array", id),
        ),
        (
            "openstack_project_id",
            json!(""),
            invalid("openstack_project_id", "empty", "what the token is for"),
        ),
        (
            "openstack_domain_id",
            json!("d1"),
            invalid("openstack_domain_id", "a second scope", "one scope at most"),
        ),
        (
            "openstack_system",
            json!("all"),
            invalid("openstack_system", "a second scope", "one scope at most"),
        ),
        (
            "openstack_thumbprint",
            json!("short"),
            Err(TokenError::Confirmation("no SHA-256 in base64url")),
        ),
    ];
    for (claim, value, expected) in cases {
        let token = sign(&world.key, &with(claim, value.clone()));
        assert_eq!(world.check(&token).map(|_| ()), expected, "{claim} {value}");
    }
}

#[test]
fn a_delegated_token_is_accepted_where_its_kind_is() {
    let kinds = [
        ("openstack_trust_id", Delegation::Trust, "trust"),
        (
            "openstack_app_cred_id",
            Delegation::ApplicationCredential,
            "application_credential",
        ),
        ("openstack_access_token_id", Delegation::OAuth1, "oauth1"),
    ];
    for (claim, kind, name) in kinds {
        for accepted in Delegation::ALL {
            let world = world(Algorithm::ES256, &[accepted]);
            let checked = world.check(&sign(&world.key, &with(claim, json!("x"))));
            let expected = match accepted == kind {
                true => Ok(()),
                false => Err(TokenError::Delegated(name)),
            };
            assert_eq!(checked.map(|_| ()), expected, "{claim} {accepted:?}");
        }
        assert_eq!(Delegation::from_name(name), Some(kind));
    }
    assert_eq!(Delegation::from_name("federation"), None);
}

#[test]
fn a_bound_token_tells_its_certificate() {
    let world = world(Algorithm::ES256, &[]);
    let hash = CertificateHash::of_der(b"alice's");
    for text in [hash.to_string(), format!("{hash}=")] {
        let token = sign(&world.key, &with("openstack_thumbprint", json!(text)));
        assert_eq!(world.check(&token).unwrap().certificate, Some(hash));
    }
}
