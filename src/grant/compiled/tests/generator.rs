//! Random policies, tokens and requests.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::interpreter::World;

pub const REGION: &str = "eu-de";
pub const DOMAIN: &str = "d1";

/// 2022-08-01T00:00:00Z.
const NOON: u64 = 1_659_312_000;

/// The texts that keys and conditions are made of, so that they often meet.
const TEXTS: [&str; 5] = ["dev", "Dev", "de", "ops", ""];
const TEXT_PATTERNS: [&str; 8] = ["dev", "DEV", "d*", "*v", "d?v", "de", "ops", ""];
const NUMBERS: [&str; 5] = ["-1.5", "0", "1", "1.5", "60"];
const DATES: [&str; 3] = [
    "2022-07-31T23:59:59Z",
    "2022-08-01T00:00:00Z",
    "2022-08-01T00:00:01Z",
];
const ADDRESSES: [&str; 3] = ["10.1.2.3", "10.200.0.1", "192.0.2.7"];
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "0.0.0.0/0"];
const BOOLS: [&str; 2] = ["true", "false"];

/// Keys that a claim feeds, their claims and what they are compared with.
pub const CLAIMS: [(&str, &str, Kind); 7] = [
    ("g:UserId", "sub", Kind::Text),
    ("g:UserName", "name", Kind::Text),
    ("g:DomainName", "groups", Kind::Text),
    ("g:MFAPresent", "mfa", Kind::Bool),
    ("x:Level", "level", Kind::Number),
    ("x:Until", "until", Kind::Date),
    ("x:From", "from", Kind::Address),
];

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    Number,
    Date,
    Bool,
    Address,
}

impl Kind {
    fn operators(self) -> &'static [&'static str] {
        match self {
            Self::Text => &[
                "StringEquals",
                "StringNotEquals",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
                "StringMatch",
                "StringNotMatch",
                "StringStartWith",
                "StringNotStartWith",
                "StringEndWith",
                "StringNotEndWith",
            ],
            Self::Number => &[
                "NumberEquals",
                "NumberNotEquals",
                "NumberLessThan",
                "NumberLessThanEquals",
                "NumberGreaterThan",
                "NumberGreaterThanEquals",
            ],
            Self::Date => &[
                "DateLessThan",
                "DateLessThanEquals",
                "DateGreaterThan",
                "DateGreaterThanEquals",
            ],
            Self::Bool => &["Bool"],
            Self::Address => &["IpAddress", "NotIpAddress"],
        }
    }

    /// What a policy compares with.
    fn expected(self) -> &'static [&'static str] {
        match self {
            Self::Text => &TEXT_PATTERNS,
            Self::Number => &NUMBERS,
            Self::Date => &DATES,
            Self::Bool => &BOOLS,
            Self::Address => &NETWORKS,
        }
    }

    /// What a claim holds.
    fn found(self) -> &'static [&'static str] {
        match self {
            Self::Text => &TEXTS,
            Self::Number => &NUMBERS,
            Self::Date => &DATES,
            Self::Bool => &BOOLS,
            Self::Address => &ADDRESSES,
        }
    }
}

/// Actions and aliases with wildcards in any part, or none.
fn pattern(names: &'static [String], is_identity: bool) -> impl Strategy<Value = String> {
    let part = (0..8_u8, any::<Index>());
    (select(names), [part.clone(), part.clone(), part]).prop_map(move |(name, changes)| {
        let parts = name.split(':').zip(changes).enumerate();
        let parts = parts.map(|(index, (part, (change, at)))| {
            let (start, end) = part.split_at(at.index(part.len() + 1));
            let is_free = is_identity || index > 0;
            match change {
                0 => "*".to_owned(),
                1 => format!("{start}*"),
                2 => format!("*{end}"),
                3 => format!("{start}*{end}"),
                4 if is_free => part.to_uppercase(),
                5 if is_identity && !end.is_empty() => format!("{start}?{}", end.get(1..).unwrap()),
                _ => part.to_owned(),
            }
        });
        parts.collect::<Vec<_>>().join(":")
    })
}

fn condition() -> impl Strategy<Value = (String, &'static str, Vec<&'static str>)> {
    let mut keys: Vec<(&'static str, Kind)> =
        CLAIMS.iter().map(|(key, _, kind)| (*key, *kind)).collect();
    keys.extend([
        ("g:CurrentTime", Kind::Date),
        ("g:SourceIp", Kind::Address),
        ("g:MFAAge", Kind::Number),
        ("g:ServiceName", Kind::Text),
    ]);
    select(keys).prop_flat_map(|(key, kind)| {
        let mut expected = kind.expected().to_vec();
        if key == "g:ServiceName" {
            expected = vec!["ecs", "e*", "*s", "VPC", "evs"];
        }
        let prefix = select(&["", "", "ForAllValues:", "ForAnyValue:"][..]);
        let suffix = select(&["", "IfExists"][..]);
        let values = (
            prefix,
            select(kind.operators()),
            suffix,
            vec(select(expected), 1..3),
        );
        let values = values.prop_map(move |(prefix, operator, suffix, values)| {
            (format!("{prefix}{operator}{suffix}"), key, values)
        });
        let null = select(&BOOLS[..]).prop_map(move |value| ("Null".to_owned(), key, vec![value]));
        prop_oneof![6 => values, 1 => null]
    })
}

fn resources(is_identity: bool) -> impl Strategy<Value = Option<Vec<&'static str>>> {
    let mut urns = vec![
        "*",
        "ecs:*:*:instance:a1",
        "ECS:eu-de:*:Instance:A*",
        "ecs:eu-*:d1:instance:*",
        "ecs:us:*:instance:*",
        "ecs:*:d2:instance:*",
        "*:*:*:instance:b2",
        "obs:*:*:bucket:a1",
        "rds:*:*:instance:a1",
    ];
    if is_identity {
        urns.push("e?s:*:d?:instance:?2");
    }
    option::of(vec(select(urns), 1..4))
}

/// A document; one without `is_rich` has actions only.
pub fn document(names: &'static [String], is_rich: bool) -> impl Strategy<Value = Value> {
    any::<bool>().prop_flat_map(move |is_identity| {
        let statement = (
            any::<bool>(),
            any::<bool>(),
            vec(pattern(names, is_identity), 1..3),
            resources(is_identity),
            vec(condition(), 0..4),
        );
        let statement =
            statement.prop_map(move |(denies, excludes, patterns, urns, conditions)| {
                let name = if excludes && is_identity {
                    "NotAction"
                } else {
                    "Action"
                };
                let effect = if denies { "Deny" } else { "Allow" };
                let mut statement = json!({"Effect": effect, name: patterns});
                if let Some(urns) = urns.filter(|_| is_rich) {
                    statement["Resource"] = json!(urns);
                }
                for (operator, key, values) in conditions.into_iter().filter(|_| is_rich) {
                    statement["Condition"][operator][key] = json!(values);
                }
                statement
            });
        let version = if is_identity { "5.0" } else { "1.1" };
        vec(statement, 1..4).prop_map(move |all| json!({"Version": version, "Statement": all}))
    })
}

/// A token's claims: each absent, null, one value or several.
pub fn claims() -> impl Strategy<Value = Map<String, Value>> {
    let value = |kind: Kind| {
        prop_oneof![
            1 => Just(None),
            1 => Just(Some(Value::Null)),
            4 => select(kind.found()).prop_map(|text| Some(json!(text))),
            3 => vec(select(kind.found()), 0..3).prop_map(|texts| Some(json!(texts))),
        ]
    };
    let all: Vec<_> = CLAIMS.iter().map(|(_, _, kind)| value(*kind)).collect();
    let authenticated = option::of(select(&[NOON - 60, NOON - 1, NOON, NOON + 60][..]));
    (all, authenticated).prop_map(|(all, authenticated)| {
        let mut claims = Map::new();
        for ((_, claim, _), value) in CLAIMS.iter().zip(all) {
            if let Some(value) = value {
                claims.insert((*claim).to_owned(), value);
            }
        }
        if let Some(moment) = authenticated {
            claims.insert("auth_time".to_owned(), json!(moment));
        }
        claims.insert("domain".to_owned(), json!(DOMAIN));
        claims
    })
}

/// What a request is about, and when and from where it came.
#[derive(Clone, Debug)]
pub struct Circumstances {
    pub now: u64,
    pub address: Option<IpAddr>,
    pub ids: Vec<&'static str>,
    pub is_instance_level: bool,
}

pub fn circumstances() -> impl Strategy<Value = Circumstances> {
    (
        select(&[NOON - 1, NOON, NOON + 1][..]),
        option::of(select(&ADDRESSES[..])),
        vec(select(&["a1", "A1", "b2", "c3", "é1"][..]), 0..3),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(now, address, ids, is_instance_level, is_mapped)| Circumstances {
                now,
                address: address.map(|text| match is_mapped {
                    true => format!("::ffff:{text}").parse().unwrap(),
                    false => text.parse().unwrap(),
                }),
                ids,
                is_instance_level,
            },
        )
}

/// The same in the interpreter's words.
pub fn world(claims: &Map<String, Value>, circumstances: &Circumstances) -> World {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut keys: Vec<(&'static str, Vec<String>)> = Vec::new();
    for (key, claim, _) in CLAIMS {
        match claims.get(claim) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => keys.push((key, items.iter().map(text).collect())),
            Some(value) => keys.push((key, vec![text(value)])),
        }
    }
    let now = circumstances.now;
    if let Some(moment) = claims.get("auth_time").and_then(Value::as_u64) {
        let age = now.saturating_sub(moment);
        keys.push(("g:MFAAge", vec![age.to_string()]));
    }
    let [before, noon, after] = DATES;
    let date = match now {
        NOON => noon,
        _ if now < NOON => before,
        _ => after,
    };
    keys.push(("g:CurrentTime", vec![date.to_owned()]));
    if let Some(address) = circumstances.address {
        keys.push(("g:SourceIp", vec![address.to_canonical().to_string()]));
    }
    World {
        keys,
        region: REGION,
        domain: DOMAIN,
        ids: circumstances.ids.clone(),
        is_instance_level: circumstances.is_instance_level,
    }
}
