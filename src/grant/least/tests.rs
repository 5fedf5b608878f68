use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::grant::compiled::tests::generator::{circumstances, claims, document};
use crate::grant::compiled::tests::{FULL, NAMES, compile, grants, keys, request};
use crate::grant::{CompiledPolicy, Pattern, Verdict};

fn holdings(documents: &[Value]) -> Holdings {
    let compiled: Vec<CompiledPolicy> = documents
        .iter()
        .map(|document| compile(document).unwrap())
        .collect();
    Holdings::new(ActionSet::default(), &compiled)
}

fn id(name: &str) -> ActionId {
    FULL.action(&name.parse().unwrap()).unwrap()
}

fn policy(statements: &Value) -> Value {
    json!({"Version": "1.1", "Statement": statements})
}

fn suggest(documents: &[Value], used: &[&str], names: Names) -> Suggestion {
    let mut usage = Usage::default();
    let used: Vec<ActionId> = used.iter().map(|name| id(name)).collect();
    usage.add(&used, &[], &holdings(documents), &FULL);
    usage.suggest(&FULL, &keys(), names).unwrap()
}

#[test]
fn what_was_used_is_permitted_by_name() {
    let all = policy(&json!([{"Effect": "Allow", "Action": ["ecs:*:*"]}]));
    let found = suggest(
        &[all],
        &["ecs:servers:list", "ecs:cloudServers:start"],
        Names::Single,
    );
    let expected =
        json!([{"Effect": "Allow", "Action": ["ecs:cloudServers:start", "ecs:servers:list"]}]);
    assert_eq!(found.document.unwrap()["Statement"], expected);
    assert!(found.left_out.is_empty());
}

#[test]
fn what_a_grant_asks_for_comes_along() {
    let statements = json!([
        {"Effect": "Allow", "Action": ["ecs:servers:*"], "Resource": ["ecs:*:*:instance:s1"],
         "Condition": {"IpAddress": {"g:SourceIp": "10.0.0.0/8"}}},
        {"Effect": "Allow", "Action": ["ecs:servers:list"], "Condition": {"Bool": {"g:MFAPresent": "true"}}},
        {"Effect": "Allow", "Action": ["ecs:servers:start"]},
        {"Effect": "Deny", "Action": ["ecs:servers:st*"], "Resource": ["ecs:*:*:instance:s2"]},
        {"Effect": "Deny", "Action": ["ecs:servers:delete"]},
    ]);
    let used = [
        "ecs:servers:list",
        "ecs:servers:start",
        "ecs:servers:delete",
    ];
    let found = suggest(&[policy(&statements)], &used, Names::Single);
    let expected = json!([
        {"Effect": "Allow", "Action": ["ecs:servers:start"]},
        {"Effect": "Allow", "Action": ["ecs:servers:list"], "Condition": {"Bool": {"g:MFAPresent": ["true"]}}},
        {"Effect": "Allow", "Action": ["ecs:servers:list"], "Resource": ["ecs:*:*:instance:s1"],
         "Condition": {"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}},
        {"Effect": "Deny", "Action": ["ecs:servers:start"], "Resource": ["ecs:*:*:instance:s2"]},
    ]);
    assert_eq!(found.document.unwrap()["Statement"], expected);
    let left_out = [(id("ecs:servers:delete"), LeftOut::NotGranted)];
    assert_eq!(found.left_out.into_iter().collect::<Vec<_>>(), left_out);
}

#[test]
fn what_one_document_cannot_say_is_left_out() {
    let allow = |more: &Value| {
        let mut statement = json!({"Effect": "Allow", "Action": ["ecs:servers:list"]});
        for (name, value) in more.as_object().unwrap() {
            statement[name] = value.clone();
        }
        statement
    };
    let near = allow(&json!({"Condition": {"IpAddress": {"g:SourceIp": "10.0.0.0/8"}}}));
    let far = allow(&json!({"Condition": {"IpAddress": {"g:SourceIp": "192.0.2.0/24"}}}));
    let deny = json!({"Effect": "Deny", "Action": ["ecs:servers:list"], "Resource": ["ecs:*:*:instance:s2"]});
    let list = [id("ecs:servers:list")];
    let mix = |holders: &[&[&Value]]| {
        let mut usage = Usage::default();
        for statements in holders {
            usage.add(&list, &[], &holdings(&[policy(&json!(statements))]), &FULL);
        }
        usage.suggest(&FULL, &keys(), Names::Single).unwrap()
    };
    let both = mix(&[&[&near], &[&far]]);
    assert_eq!(
        both.document.unwrap()["Statement"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let differing = mix(&[&[&near, &deny], &[&far]]);
    assert_eq!(differing.document, None);
    assert_eq!(differing.left_out.get(&list[0]), Some(&LeftOut::Differing));
    let always = mix(&[&[&near, &deny], &[&allow(&json!({}))]]);
    let expected = json!([{"Effect": "Allow", "Action": ["ecs:servers:list"]}]);
    assert_eq!(always.document.unwrap()["Statement"], expected);
    // A question mark is a wildcard of Version 5.0 only.
    let identity = json!({"Version": "5.0", "Statement": [allow(&json!({"Resource": ["ecs:*:*:instance:s?"]}))]});
    let found = suggest(&[identity], &["ecs:servers:list"], Names::Single);
    assert_eq!(found.left_out.get(&list[0]), Some(&LeftOut::Unwritable));
    // An older name of others, for which there is another grant.
    let get = ["ecs:cloudServers:get"];
    let all = json!({"Effect": "Allow", "Action": get});
    let near = json!({"Effect": "Allow", "Action": get, "Resource": ["ecs:*:*:instance:s1"]});
    let show = "ecs:cloudServers:showServer";
    let found = suggest(&[policy(&json!([all]))], &get, Names::Single);
    assert_eq!(found.document, Some(policy(&json!([all]))));
    assert!(found.besides.contains(&id(show)) && found.left_out.is_empty());
    let identity = json!({"Version": "5.0", "Statement": [{"Effect": "Deny", "Action": [show]}]});
    let found = suggest(&[policy(&json!([all])), identity], &get, Names::Single);
    assert_eq!(found.left_out.get(&id(get[0])), Some(&LeftOut::Misnamed));
    assert_eq!(found.document, None);
    let found = suggest(&[policy(&json!([near]))], &[get[0], show], Names::Single);
    let mut both = near.clone();
    both["Action"] = json!([get[0], show]);
    let found = found.document.unwrap()["Statement"].clone();
    assert_eq!(found, json!([both]));
    let mut usage = Usage::default();
    usage.leave_out(list[0], LeftOut::Unproven);
    assert_eq!(
        usage
            .suggest(&FULL, &keys(), Names::Single)
            .unwrap()
            .document,
        None
    );
    usage.add_unconditional(list[0]);
    assert!(
        usage
            .suggest(&FULL, &keys(), Names::Single)
            .unwrap()
            .document
            .is_some()
    );
}

#[test]
fn a_denial_of_a_newer_name_is_one_of_what_was_used() {
    let newer = id("ecs:cloudServers:start");
    let deny = |more: &str| {
        let statement =
            format!("{{\"Effect\": \"Deny\", \"Action\": [\"ecs:cloudServers:start\"]{more}}}");
        let statement: Value = serde_json::from_str(&statement).unwrap();
        let allow = json!({"Effect": "Allow", "Action": ["ecs:servers:list"]});
        let mut usage = Usage::default();
        usage.add(
            &[id("ecs:servers:list")],
            &[newer],
            &holdings(&[policy(&json!([allow, statement]))]),
            &FULL,
        );
        usage.suggest(&FULL, &keys(), Names::Single).unwrap()
    };
    let some = deny(", \"Resource\": [\"ecs:*:*:instance:s2\"]");
    let expected = json!({"Effect": "Deny", "Action": ["ecs:cloudServers:start"], "Resource": ["ecs:*:*:instance:s2"]});
    assert_eq!(some.document.unwrap()["Statement"][1], expected);
    assert_eq!(
        deny("").left_out.get(&id("ecs:servers:list")),
        Some(&LeftOut::NotGranted)
    );
}

#[test]
fn a_wildcard_selects_only_what_was_used() {
    let all = policy(&json!([{"Effect": "Allow", "Action": ["*:*:*"]}]));
    let texts = |used: &[&str]| -> Vec<String> {
        let document = suggest(std::slice::from_ref(&all), used, Names::Wildcards).document;
        let actions = document.unwrap()["Statement"][0]["Action"].clone();
        let actions = actions.as_array().unwrap().iter();
        actions
            .map(|text| text.as_str().unwrap().to_owned())
            .collect()
    };
    let named = |start: &str| -> Vec<String> {
        let names = FULL.actions().map(|(_, name)| name.to_string());
        names.filter(|name| name.starts_with(start)).collect()
    };
    let evs = named("evs:");
    let evs: Vec<&str> = evs.iter().map(String::as_str).collect();
    assert!(evs.len() > 1);
    assert_eq!(texts(&evs), ["evs:*:*"]);
    assert_eq!(texts(&evs[1..]).len(), evs.len() - 1);
    let list = named("ecs:servers:list");
    let mut list: Vec<&str> = list.iter().map(String::as_str).collect();
    assert!(list.len() > 1, "{list:?}");
    list.push("ecs:servers:start");
    assert_eq!(texts(&list), ["ecs:servers:list*", "ecs:servers:start"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whoever asks, from wherever and for whatever: what was used is decided as it was, and the rest is
    /// not granted.
    #[test]
    fn a_document_permits_what_was_used_as_it_was_granted_and_nothing_else(
        documents in vec(document(&NAMES, true), 1..4),
        used in vec(any::<prop::sample::Index>(), 1..30),
        wildcards in any::<bool>(),
        callers in vec((claims(), circumstances()), 8),
    ) {
        let holdings = holdings(&documents);
        let granted: Vec<ActionId> =
            FULL.actions().map(|(id, _)| id).filter(|id| holdings.granted().contains(*id)).collect();
        prop_assume!(!granted.is_empty());
        let used: BTreeSet<ActionId> = used.iter().map(|index| *index.get(&granted)).collect();
        let mut usage = Usage::default();
        let list: Vec<ActionId> = used.iter().copied().collect();
        usage.add(&list, &[], &holdings, &FULL);
        let names = if wildcards { Names::Wildcards } else { Names::Single };
        let found = usage.suggest(&FULL, &keys(), names).unwrap();
        let expressible = |why: &LeftOut| matches!(why, LeftOut::Misnamed | LeftOut::Unwritable);
        prop_assert!(found.left_out.values().all(expressible), "{:?}", found.left_out);
        let left = found.left_out.len();
        let Some(document) = found.document else {
            prop_assert_eq!(left, used.len());
            return Ok(());
        };
        prop_assert_eq!(&document["Version"], "1.1");
        if wildcards {
            for statement in document["Statement"].as_array().unwrap() {
                let actions = statement["Action"].as_array().unwrap().iter();
                for text in actions.filter(|_| statement["Effect"] == "Allow") {
                    let text = text.as_str().unwrap();
                    // A name may be an older one of others.
                    if !text.contains('*') {
                        continue;
                    }
                    let pattern: Pattern = text.parse().unwrap();
                    let selected = pattern.select(&FULL);
                    prop_assert!(FULL.actions().all(|(id, _)| used.contains(&id) || !selected.contains(id)));
                }
            }
        }
        for (claims, circumstances) in &callers {
            let (before, after) = (grants(&documents, claims), grants(std::slice::from_ref(&document), claims));
            for (id, name) in FULL.actions() {
                let allowed = |grants: &crate::grant::Grants| {
                    grants.verdict(id, &request(circumstances)) == Verdict::Allowed
                };
                let is_meant = used.contains(&id) && !found.left_out.contains_key(&id);
                let is_besides = found.besides.contains(&id);
                let (after, before) = (allowed(&after), allowed(&before));
                prop_assert!(!is_besides || !used.contains(&id) || found.left_out.contains_key(&id));
                match is_besides {
                    // No more than was granted.
                    true => prop_assert!(before || !after, "{} in {}", name, document),
                    false => prop_assert_eq!(after, is_meant && before, "{} in {}", name, document),
                }
            }
        }
    }
}
