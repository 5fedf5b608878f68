//! What a verified token says: each claim, its type and its limits.

use super::*;

#[test]
fn claims_must_be_there_and_of_their_type() {
    let mut cases: Vec<(&'static str, Option<Value>, &str, &str)> = Vec::new();
    let others = |claim: &'static str, fitting: &[&str], expected: &'static str| {
        let values = [
            (json!("1800000060"), "a string"),
            (json!(null), "null"),
            (json!({"ecs": 1}), "an object"),
            (json!([OURS, 1]), "an array"),
            (json!(true), "a boolean"),
            (json!(12), "a number"),
        ];
        let others = values
            .into_iter()
            .filter(|(_, found)| !fitting.contains(found));
        let rows = others.map(|(value, found)| (claim, Some(value), found, expected));
        rows.collect::<Vec<_>>()
    };
    let time = "a number of seconds since 1970";
    for claim in ["exp", "nbf", "iat"] {
        cases.extend(others(claim, &["a number"], time));
        cases.push((claim, Some(json!(-1)), "negative", time));
        cases.push((claim, Some(json!(-0.5)), "negative", time));
    }
    cases.extend(others("iss", &["a string"], "a string"));
    let audience = "a string or an array of strings";
    cases.extend(others("aud", &["a string", "an array"], audience));
    for array in [json!(["ecs", 1]), json!(["ecs", null]), json!([["ecs"]])] {
        cases.push(("aud", Some(array), "an array of other values", audience));
    }
    cases.push(("exp", None, "missing", "the time it expires"));
    cases.push(("iss", None, "missing", "a string"));
    cases.push(("aud", None, "missing", audience));
    for (claim, value, found, expected) in cases {
        let name = format!("{claim}: {value:?}");
        let mut claims = claims();
        match value {
            Some(value) => claims[claim] = value,
            None => drop(claims.as_object_mut().unwrap().remove(claim)),
        }
        let token = WORLD.ec.token(&claims);
        let refused = check(&token).unwrap_err();
        let TokenError::Claim {
            claim: named,
            found: what,
            expected: wanted,
        } = refused
        else {
            panic!("{name}: {refused}")
        };
        assert_eq!((named, what, wanted), (claim, found, expected), "{name}");
    }
}

#[test]
fn the_audience_must_be_ours() {
    let others = TokenError::Audience("`ecs`, `nova`".to_owned());
    for audience in [
        json!("ECS"),
        json!("ec"),
        json!("ecs "),
        json!("ecs nova"),
        json!(""),
        json!([]),
        json!(["x", "y"]),
    ] {
        let token = WORLD.ec.token(&with("aud", audience.clone()));
        assert_refused(&audience.to_string(), &token, others.clone());
    }
}

#[test]
fn times_hold_to_the_second() {
    let (early, late) = (TokenError::NotYetValid, TokenError::Expired);
    let cases = [
        ("exp", json!(NOW - 29), None),
        ("exp", json!(NOW - 30), Some(late.clone())),
        ("exp", json!(1_799_999_970.999), Some(late.clone())),
        ("exp", json!(0), Some(late)),
        ("nbf", json!(NOW + 30), None),
        ("nbf", json!(NOW + 31), Some(early("nbf"))),
        ("nbf", json!(u64::MAX), Some(early("nbf"))),
        ("iat", json!(NOW + 30), None),
        ("iat", json!(NOW + 31), Some(early("iat"))),
        ("iat", json!(1e300), Some(early("iat"))),
    ];
    for (claim, value, expected) in cases {
        let token = WORLD.ec.token(&with(claim, value.clone()));
        assert_eq!(check(&token).err(), expected, "{claim} {value}");
    }
    let mut strict = issuer(OURS, feed(&[&WORLD.ec]));
    strict.leeway = 0;
    let token = WORLD.ec.token(&claims());
    let at = |now| {
        verify(
            std::slice::from_ref(&strict),
            Settings::default(),
            Token::new(&token),
            now,
        )
    };
    assert!(at(NOW + 59).is_ok());
    assert_eq!(at(NOW + 60).unwrap_err(), TokenError::Expired);
    assert_eq!(at(u64::MAX).unwrap_err(), TokenError::Expired);
}

#[test]
fn a_token_may_be_bound_to_a_certificate_and_to_nothing_else() {
    let token = WORLD.ec.token(&claims());
    assert_eq!(check(&token).unwrap().certificate, None);
    let hash = CertificateHash::of_der(b"a certificate");
    let bound = with("cnf", json!({"x5t#S256": hash.to_string()}));
    let verified = check(&WORLD.ec.token(&bound)).unwrap();
    assert_eq!(verified.certificate, Some(hash));
    let (kind, form) = ("of another kind", "no SHA-256 in base64url");
    let text = hash.to_string();
    let tail: String = text.chars().skip(1).collect();
    let start: String = text.chars().take(42).collect();
    let cases = [
        (json!(null), "null"),
        (json!(text), "a string"),
        (json!([{"x5t#S256": text}]), "an array"),
        (json!({}), kind),
        (json!({"jkt": text}), kind),
        (json!({"jwk": {"kty": "oct"}}), kind),
        (json!({"kid": "k"}), kind),
        (json!({"x5t": text}), kind),
        (json!({"x5t#s256": text}), kind),
        (json!({"x5t#S256": text, "jkt": text}), kind),
        (json!({"x5t#S256": null}), form),
        (json!({"x5t#S256": [text]}), form),
        (json!({"x5t#S256": ""}), form),
        (json!({"x5t#S256": format!("{text}=")}), form),
        (json!({"x5t#S256": format!("{text}AA")}), form),
        (json!({"x5t#S256": tail}), form),
        (json!({"x5t#S256": format!(" {tail}")}), form),
        (json!({"x5t#S256": format!("+{tail}")}), form),
        // The last letter has two bits that say nothing and must be 0 (RFC 4648 §3.5).
        (json!({"x5t#S256": format!("{start}B")}), form),
    ];
    for (cnf, found) in cases {
        let token = WORLD.ec.token(&with("cnf", cnf.clone()));
        assert_refused(&cnf.to_string(), &token, TokenError::Confirmation(found));
    }
}
