use std::time::Duration;

use super::*;
use crate::token::testing::{KeyFile, SigningKey, feed};
use crate::token::{Algorithm, KeySettings};

fn keys() -> KeyFeed {
    feed(&[&SigningKey::new("k", Algorithm::ES256)])
}

fn later() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

/// As many as there is place for, called by their numbers.
fn full() -> Members {
    let (mut members, keys) = (Members::default(), keys());
    for number in 0..MAX_MEMBERS {
        members.admit(number.to_string().into(), keys.clone());
    }
    members
}

fn missing(members: &mut Members) -> Vec<String> {
    let names = (0..MAX_MEMBERS).map(|number| number.to_string());
    names.filter(|name| members.find(name).is_none()).collect()
}

#[test]
fn whoever_was_used_longest_ago_makes_room() {
    let mut members = full();
    for number in (0..MAX_MEMBERS).filter(|number| *number != 7) {
        assert!(members.find(&number.to_string()).is_some());
    }
    members.admit("new".into(), keys());
    assert!(members.find("new").is_some());
    assert_eq!(missing(&mut members), ["7"]);
    assert_eq!(members.by_value.len(), MAX_MEMBERS);
}

#[test]
fn whoever_has_no_keys_makes_room_first() {
    let mut members = full();
    let without = KeyFile::new(|_| {}).feed;
    let used = u64::MAX;
    let keyless = Member::Present {
        keys: without,
        used,
    };
    members.by_value.insert("9".into(), keyless);
    members.admit("new".into(), keys());
    assert_eq!(missing(&mut members), ["9"]);
}

#[test]
fn names_without_keys_push_out_each_other_only() {
    let mut members = full();
    let start = Instant::now();
    for number in 0..=MAX_ABSENT {
        let until = start + Duration::from_millis(number as u64);
        members.refuse(format!("x{number}").into(), Absence::Unknown, until);
    }
    assert_eq!(missing(&mut members), [""; 0]);
    assert_eq!(members.by_value.len(), MAX_MEMBERS + MAX_ABSENT);
    assert_eq!(members.settled("x0"), Some(Err(Absence::Unavailable)));
    assert_eq!(members.settled("x1"), Some(Err(Absence::Unknown)));
}

#[test]
fn each_name_is_asked_for_once_and_few_wait() {
    let (sender, mut requests) = mpsc::channel(MAX_AWAITED);
    let mut members = Members::default();
    for _ in 0..2 {
        for number in 0..MAX_AWAITED {
            assert_eq!(members.ask(&number.to_string(), &sender), Ok(()));
        }
    }
    let refused = members.ask("more", &sender);
    assert_eq!(refused, Err(Absence::Unavailable));
    assert_eq!(members.by_value.len(), MAX_AWAITED);
    assert_eq!(members.settled("0"), None);
    assert_eq!(requests.try_recv().as_deref(), Ok("0"));
    assert_eq!(members.ask("more", &sender), Ok(()));
    // Who is here, or known to have no keys, is not asked for; who has lost them is.
    members.admit("here".into(), keys());
    assert_eq!(members.ask("here", &sender), Ok(()));
    members.refuse("absent".into(), Absence::Unknown, later());
    assert_eq!(members.ask("absent", &sender), Err(Absence::Unknown));
    let mut asked = || {
        let asked = std::iter::from_fn(|| requests.try_recv().ok());
        asked.last().map(String::from)
    };
    assert_eq!(asked().as_deref(), Some("more"));
    members.refuse("absent".into(), Absence::Unknown, Instant::now());
    members.admit("lost".into(), KeyFile::new(|_| {}).feed);
    for name in ["absent", "lost"] {
        assert_eq!(members.ask(name, &sender), Ok(()));
        assert_eq!(asked().as_deref(), Some(name));
    }
}

#[test]
fn a_family_that_nobody_serves_is_not_waited_for() {
    let template = |text: &str| Template::find(text).unwrap().unwrap();
    let location = "http://127.0.0.1:9/{d}";
    let (source, keys) = FamilySource::new(Settings {
        name: template("https://iam/{d}"),
        location: template(location),
        keys: KeySettings::new(location.parse().unwrap()),
    })
    .unwrap();
    drop(source);
    let family = JwtFamily {
        name: template("https://iam/{d}"),
        audiences: vec![template("ecs:{d}")],
        keys,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let fetch = |name: &str| {
        let runtime = runtime.as_ref().unwrap();
        runtime.block_on(family.fetch(name))
    };
    assert_eq!(fetch("https://iam/a"), Err(TokenError::KeysUnavailable));
    let unknown = |name: &str| Err(TokenError::UnknownIssuer(name.to_owned()));
    for name in ["https://iam/a/b", "https://iam/", "https://iam/.."] {
        assert_eq!(fetch(name), unknown(name));
    }
}
