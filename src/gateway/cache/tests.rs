use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::audit::Caller;
use crate::decision::Mode;
use crate::gateway::{Reading, Rules};
use crate::grant::{ClaimMapping, Grants, Principal, Roles, UnknownRoles};
use crate::router::Router;
use crate::table::{ActionTable, Source};
use crate::tls::CertificateHash;
use crate::token::testing::{KeyFile, SigningKey, key_set};
use crate::token::{self, Algorithm, Issuer, JwtIssuer, Kind, Recognized, Standing, TokenError};

const NOW: u64 = 1_800_000_000;

/// One issuer whose keys the test changes, and a token of it that is good for a minute.
struct World {
    key: SigningKey,
    file: KeyFile,
    issuer: Issuer,
    rules: Rules,
    token: String,
}

fn world() -> World {
    let key = SigningKey::new("k", Algorithm::ES256);
    let mut file = KeyFile::new(|_| {});
    file.put(&key_set(&[&key])).unwrap();
    let issuer = || Issuer {
        name: "iss".to_owned(),
        leeway: 30,
        kind: Kind::Jwt(JwtIssuer {
            audiences: vec!["ecs".to_owned()],
            keys: file.feed.clone(),
        }),
    };
    let pointer = |text: &str| text.parse().unwrap();
    let reading = Reading {
        mode: Mode::Enforce,
        mapping: ClaimMapping::new(pointer("/project"), pointer("/sub")),
        roles: Roles::default(),
    };
    let router = Router::new(ActionTable::load(&Source::builtin()).unwrap()).unwrap();
    let rules = Rules::new(
        router,
        vec![(issuer(), reading)],
        token::Settings::default(),
    );
    let token = key.token(&json!({"iss": "iss", "aud": "ecs", "exp": NOW + 60, "sub": "alice"}));
    World {
        issuer: issuer(),
        key,
        file,
        rules,
        token,
    }
}

impl World {
    fn identity(&self) -> Identity {
        self.identify(NOW).unwrap()
    }

    fn identify(&self, now: u64) -> Result<Identity, TokenError> {
        let issuers = std::slice::from_ref(&self.issuer);
        let settings = token::Settings::default();
        match token::verify(issuers, settings, Token::new(&self.token), now)? {
            Recognized::Verified(verified) => Ok(self.rules.read(verified).unwrap()),
            other => panic!("nobody is to be asked: {other:?}"),
        }
    }

    /// A cache that has seen the token.
    fn cache(&self) -> PrincipalCache {
        let cache = PrincipalCache::new(10_000);
        cache.remember(Token::new(&self.token), self.identity());
        cache
    }
}

fn find(cache: &PrincipalCache, token: &str, now: u64) -> Option<Rc<Identity>> {
    cache.find(Token::new(token), now)
}

/// Somebody whose token nobody has to verify.
fn stranger() -> Identity {
    let caller = Caller {
        issuer: "iss".into(),
        subject: None,
        unknown_roles: 0,
    };
    Identity {
        rehearsing: None,
        principal: Principal {
            issuer: 0,
            subject: None,
            projects: Vec::new(),
            domain: None,
            enters_all_projects: false,
            access_rules: None,
            grants: Grants::default(),
            unknown_roles: UnknownRoles::default(),
        },
        caller: Arc::new(caller),
        expires: NOW + 60,
        standing: Standing::Until(NOW + 60),
        certificate: None,
        keystone: None,
        revocable: None,
        evidence: None,
    }
}

#[test]
fn finds_what_it_was_told_to_remember() {
    let world = world();
    let cache = PrincipalCache::new(10_000);
    assert!(find(&cache, &world.token, NOW).is_none());
    let kept = cache.remember(Token::new(&world.token), world.identity());
    let found = find(&cache, &world.token, NOW).unwrap();
    assert!(Rc::ptr_eq(&kept, &found));
    assert_eq!(found.principal.subject.as_deref(), Some("alice"));
}

#[test]
fn every_byte_of_the_token_counts() {
    let world = world();
    let cache = world.cache();
    let token = &world.token;
    let mut others = vec![String::new(), format!("{token} "), token.to_lowercase()];
    for index in 0..token.len() {
        let (start, end) = token.split_at(index);
        let other = if end.starts_with('A') { "B" } else { "A" };
        others.push(format!("{start}{other}{}", end.split_at(1).1));
        others.push(start.to_owned());
    }
    for other in others {
        assert!(find(&cache, &other, NOW).is_none(), "{other}");
    }
}

#[test]
fn ends_at_exp_without_leeway() {
    let world = world();
    let cache = world.cache();
    let cases = [
        (NOW, true),
        (NOW + 59, true),
        (NOW + 60, false),
        (u64::MAX, false),
    ];
    for (now, expected) in cases {
        let found = find(&cache, &world.token, now);
        assert_eq!(found.is_some(), expected, "{now}");
    }
    // Within the leeway it is verified anew each time.
    assert!(world.identify(NOW + 89).is_ok());
}

#[test]
fn new_keys_make_it_forget() {
    let mut world = world();
    let cache = world.cache();
    world.file.put(&key_set(&[&world.key])).unwrap();
    assert!(find(&cache, &world.token, NOW).is_some(), "the same keys");
    let other = SigningKey::new("k", Algorithm::ES256);
    world.file.put(&key_set(&[&world.key, &other])).unwrap();
    assert!(find(&cache, &world.token, NOW).is_none(), "more keys");
    cache.remember(Token::new(&world.token), world.identity());
    assert!(find(&cache, &world.token, NOW).is_some());
    world.file.put(&key_set(&[&other])).unwrap();
    assert!(find(&cache, &world.token, NOW).is_none(), "a revoked key");
    assert_eq!(world.identify(NOW).unwrap_err(), TokenError::Signature);
}

#[test]
fn holds_no_more_bytes_than_it_may() {
    for capacity in [1_000, 10_000, 100_000] {
        let cache = PrincipalCache::new(capacity);
        let mut most = 0;
        for number in 0..2000 {
            let token = format!("{number:0width$}", width = 100 + number % 100);
            cache.remember(Token::new(&token), stranger());
            let identities = cache.identities.borrow();
            let held: usize = identities.iter().map(|(token, _)| token.len()).sum();
            most = most.max(held);
        }
        assert!(
            (capacity / 2..=capacity).contains(&most),
            "{most} of {capacity}"
        );
    }
}

#[test]
fn a_token_that_does_not_fit_is_good_all_the_same() {
    let world = world();
    let cache = PrincipalCache::new(world.token.len() - 1);
    let identity = cache.remember(Token::new(&world.token), world.identity());
    assert_eq!(identity.principal.subject.as_deref(), Some("alice"));
    assert!(find(&cache, &world.token, NOW).is_none());
}

#[test]
fn a_caller_who_comes_again_outlives_strangers() {
    let world = world();
    let cache = PrincipalCache::new(20_000);
    cache.remember(Token::new(&world.token), world.identity());
    for number in 0..1000 {
        assert!(find(&cache, &world.token, NOW).is_some(), "{number}");
        let other = format!("{number:0200}");
        cache.remember(Token::new(&other), stranger());
    }
}

#[test]
fn a_bound_token_is_bound_every_time() {
    let mut world = world();
    let own = CertificateHash::of_der(b"alice's");
    let other = CertificateHash::of_der(b"mallory's");
    let free = world.identity();
    for shown in [None, Some(own)] {
        assert_eq!(free.check_holder(shown), Ok(()));
    }
    world.token = world.key.token(&json!({
        "iss": "iss", "aud": "ecs", "exp": NOW + 60, "cnf": {"x5t#S256": own.to_string()},
    }));
    let cache = world.cache();
    let found = find(&cache, &world.token, NOW).unwrap();
    let cases = [
        (Some(own), Ok(())),
        (None, Err(TokenError::Certificate)),
        (Some(other), Err(TokenError::Certificate)),
        (Some(own), Ok(())),
    ];
    for (shown, expected) in cases {
        assert_eq!(found.check_holder(shown), expected, "{shown:?}");
    }
}

#[test]
fn never_shows_a_token() {
    let world = world();
    assert_eq!(format!("{:?}", world.cache()), "PrincipalCache(1 callers)");
}
