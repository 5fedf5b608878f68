//! What a line tells of its decision's grounds.

use serde_json::{Value, json};

use super::*;
use crate::grant::Address;

fn claims() -> ClaimEvidence {
    let found = json!({"sub": "alice", "\"chain": [",\"chain\":\"" ]});
    let pointers = ["/sub".to_owned(), "/x".to_owned()];
    ClaimEvidence::new(&pointers, found.as_object().unwrap())
}

fn written(evidence: Evidence) -> Value {
    let mut text = Vec::new();
    let record = Record {
        evidence: Some(Box::new(evidence)),
        ..record()
    };
    line::write(&mut text, &record);
    let line: Value = serde_json::from_slice(&text).unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(validator.is_valid(&line), "{line}");
    crate::audit::chain::Chain::new(None).seal(None, &mut text);
    let (before, _) = crate::audit::chain::split(&text).unwrap();
    assert!(before.len() > 100);
    assert!(validator.is_valid(&serde_json::from_slice(&text).unwrap()));
    line["evidence"].clone()
}

#[test]
fn a_line_holds_what_was_decided_on() {
    let target = "/v2.1/p/ser\"vers?a=\\b".parse().unwrap();
    let mut evidence = Evidence::new(Some(&target));
    assert_eq!(
        written(evidence.clone()),
        json!({"target": "/v2.1/p/ser\"vers?a=\\b"})
    );
    assert_eq!(written(Evidence::new(None)), json!({"target": null}));
    evidence.identified(claims());
    let read =
        json!({"read": ["/sub", "/x"], "found": {"sub": "alice", "\"chain": [",\"chain\":\""]}});
    assert_eq!(written(evidence.clone())["claims"], read);
    for (address, expected) in [
        (Address::Known([10, 0, 0, 1].into()), json!("10.0.0.1")),
        (Address::Absent, Value::Null),
        (Address::Unclear, json!("unclear")),
    ] {
        let body = json!({"os-start": null});
        evidence.judged(
            &target,
            Circumstances { at: 7, address },
            body.as_object().cloned(),
        );
        let found = written(evidence.clone());
        assert_eq!(found["address"], expected);
        assert_eq!((&found["at"], &found["body"]), (&json!(7), &body));
        assert_eq!(found["claims"], read);
    }
}

/// A part would be taken for the whole.
#[test]
fn what_is_too_long_is_absent_as_a_whole() {
    let short = "/a".parse().unwrap();
    let long = |length: usize| format!("/{}", "a".repeat(length - 1)).parse().unwrap();
    assert!(written(Evidence::new(Some(&long(8192))))["absent"].is_null());
    let target = Evidence::new(Some(&long(8193)));
    let mut claims = Evidence::new(Some(&short));
    let much = json!({"a": "a".repeat(33_000)});
    claims.identified(ClaimEvidence::new(&[], much.as_object().unwrap()));
    let mut body = Evidence::new(Some(&short));
    let circumstances = Circumstances {
        at: 7,
        address: Address::Absent,
    };
    body.judged(&short, circumstances, much.as_object().cloned());
    for (evidence, expected) in [
        (
            target,
            "too long: a path of 8193 bytes, expected at most 8192",
        ),
        (
            claims,
            "too long: a set of claims of 33028 bytes, expected at most 32768",
        ),
        (
            body,
            "too long: a body of 33008 bytes, expected at most 8192",
        ),
    ] {
        assert_eq!(written(evidence), json!({"absent": expected}));
    }
}
