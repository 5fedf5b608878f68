mod evidence;
pub mod generator;
pub mod interpreter;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use self::generator::{CLAIMS, Circumstances, REGION};
use super::*;
use crate::grant::{CallerValues, Grants, Instances, Request, Verdict};
use crate::table::Source;

/// Actions of several services, renamed ones with their old names among them.
const TABLE: &str = r#"
[[operation]]
permission = "everything else"
routes = ["GET /v1/{project_id}/everything"]
actions = [
    "ecs:cloudServers:createServers", "ecs:cloudServers:deleteServers",
    "ecs:cloudServers:deleteServerGroup", "ecs:cloudServers:deleteServerGroupMember",
    "ecs:cloudServers:showServer", "ecs:cloudServers:showServerTags", "ecs:cloudServers:get",
    "ecs:cloudServers:listServersDetails", "ecs:cloudServers:start", "ecs:cloudservers:redeploy",
    "ecs:cloudServers:batchSetServerTags", "ecs:servers:list", "ecs:serverVolumes:use",
    "vpc:publicIps:create", "vpc:ports:get", "evs:volumes:use", "evs:volumes:getAll",
]
[[alias]]
alias = "ecs:cloudServers:create"
actions = ["ecs:cloudServers:createServers"]
[[alias]]
alias = "ecs:cloudServers:delete"
actions = ["ecs:cloudServers:deleteServers", "ecs:cloudServers:deleteServerGroup", "ecs:cloudServers:deleteServerGroupMember"]
[[alias]]
alias = "ecs:cloudServers:get"
actions = ["ecs:cloudServers:showServer", "ecs:cloudServers:showServerTags"]
[[alias]]
alias = "ecs:cloudServers:list"
actions = ["ecs:cloudServers:listServersDetails"]
[[alias]]
alias = "ecs:cloudServers:put"
actions = ["ecs:cloudServers:batchSetServerTags"]
"#;

pub static FULL: LazyLock<ActionTable> = LazyLock::new(|| {
    let own = Source {
        name: "own".to_owned(),
        text: TABLE.to_owned(),
    };
    ActionTable::load(&[Source::builtin(), vec![own]].concat()).unwrap()
});

/// Every action of the table, and every alias.
pub static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let known = FULL.actions().flat_map(|(_, action)| known_as(action));
    known.collect()
});

pub fn known_as(action: &ActionName) -> Vec<String> {
    let aliases = FULL.aliases(action).iter();
    [action]
        .into_iter()
        .chain(aliases)
        .map(ToString::to_string)
        .collect()
}

/// The newer names of the operations that demand an action.
fn newer(action: &ActionName) -> Vec<String> {
    let operations = FULL.operations().iter();
    let demanding = operations.filter(|operation| operation.actions.contains(action));
    let newer = demanding.flat_map(|operation| &operation.successors);
    newer.map(ToString::to_string).collect()
}

pub fn keys() -> ConditionKeys {
    let mut keys = ConditionKeys::new("/sub".parse().unwrap());
    for (key, claim, _) in CLAIMS {
        keys.feed(key, format!("/{claim}").parse().unwrap())
            .unwrap();
    }
    keys.feed("g:MFAAge", "/auth_time".parse().unwrap())
        .unwrap();
    keys.region = Some(REGION.to_owned());
    keys.domain = Some("/domain".parse().unwrap());
    keys
}

pub fn compile(document: &Value) -> Result<CompiledPolicy, NotUnderstood> {
    CompiledPolicy::new(&Policy::parse(document).unwrap(), &FULL, &keys())
}

pub fn grants(documents: &[Value], claims: &Map<String, Value>) -> Grants {
    let keys = keys();
    let values = keys.read(claims);
    let mut grants = Grants::default();
    for document in documents {
        grants.add(&compile(document).unwrap(), &values).unwrap();
    }
    grants
}

pub fn request(circumstances: &Circumstances) -> Request<'_> {
    Request {
        now: circumstances.now,
        address: circumstances.address.into(),
        instances: Instances {
            ids: circumstances.ids.clone(),
            is_instance_level: circumstances.is_instance_level,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn bits_are_what_the_documents_say(
        documents in vec(generator::document(&NAMES, false), 1..4),
        circumstances in generator::circumstances(),
    ) {
        let claims = Map::new();
        let grants = grants(&documents, &claims);
        prop_assert!(!grants.asks_request());
        let world = generator::world(&claims, &circumstances);
        for (id, action) in FULL.actions() {
            let expected = interpreter::verdict(&documents, &known_as(action), &newer(action), &world);
            prop_assert_eq!(grants.verdict(id, &request(&circumstances)), expected, "{}", action);
            prop_assert_eq!(grants.granted().contains(id), expected == Verdict::Allowed);
        }
    }

    #[test]
    fn verdicts_are_what_the_documents_say(
        documents in vec(generator::document(&NAMES, true), 1..4),
        claims in generator::claims(),
        requests in vec(generator::circumstances(), 4),
    ) {
        let grants = grants(&documents, &claims);
        for circumstances in &requests {
            let request = request(circumstances);
            let world = generator::world(&claims, circumstances);
            for (id, action) in FULL.actions() {
                let expected = interpreter::verdict(&documents, &known_as(action), &newer(action), &world);
                prop_assert_eq!(
                    grants.verdict(id, &request), expected, "{} {:?}", action, circumstances
                );
            }
        }
    }
}

fn policy(statements: &Value) -> Value {
    json!({"Version": "1.1", "Statement": statements})
}

/// The verdicts on some actions, whatever the request.
fn verdicts<'a>(documents: &[Value], actions: &[&'a str]) -> Vec<(&'a str, Verdict)> {
    let grants = grants(documents, &Map::new());
    assert!(!grants.asks_request());
    let request = Request {
        now: 0,
        address: None.into(),
        instances: Instances::default(),
    };
    let verdict = |action: &&'a str| {
        let id = FULL.action(&action.parse().unwrap()).unwrap();
        (*action, grants.verdict(id, &request))
    };
    actions.iter().map(verdict).collect()
}

#[test]
fn a_deny_of_an_old_name_hits_every_new_one() {
    let documents = [
        policy(&json!([{"Effect": "Allow", "Action": ["ecs:*:*"]}])),
        policy(&json!([{"Effect": "Deny", "Action": ["ecs:cloudServers:delete"]}])),
    ];
    let expected = [
        ("ecs:cloudServers:deleteServers", Verdict::Denied),
        ("ecs:cloudServers:deleteServerGroup", Verdict::Denied),
        ("ecs:cloudServers:deleteServerGroupMember", Verdict::Denied),
        ("ecs:cloudServers:createServers", Verdict::Allowed),
        ("ecs:cloudservers:redeploy", Verdict::Allowed),
        ("vpc:ports:get", Verdict::NotGranted),
    ];
    let actions = expected.map(|(action, _)| action);
    assert_eq!(verdicts(&documents, &actions), expected);
    let [allow, deny] = documents;
    assert_eq!(verdicts(&[deny, allow], &actions), expected);
}

#[test]
fn read_only_access_reaches_show_by_its_old_name() {
    let document = policy(&json!([{"Effect": "Allow", "Action": [
        "ecs:*:get*", "ecs:*:list*", "ecs:serverGroups:manage", "ecs:serverVolumes:use",
        "evs:*:get*", "evs:*:list*", "ims:*:get*", "ims:*:list*", "vpc:*:get*", "vpc:*:list*",
    ]}]));
    let expected = [
        ("ecs:cloudServers:showServer", Verdict::Allowed),
        ("ecs:cloudServers:showServerTags", Verdict::Allowed),
        ("ecs:cloudServers:listServersDetails", Verdict::Allowed),
        ("evs:volumes:getAll", Verdict::Allowed),
        ("ecs:serverVolumes:use", Verdict::Allowed),
        ("ecs:cloudServers:start", Verdict::NotGranted),
        ("ecs:cloudServers:deleteServers", Verdict::NotGranted),
        ("evs:volumes:use", Verdict::NotGranted),
    ];
    assert_eq!(
        verdicts(&[document], &expected.map(|(action, _)| action)),
        expected
    );
}

#[test]
fn an_exception_covers_every_name_of_an_action() {
    let document = json!({"Version": "5.0", "Statement": [
        {"Effect": "Allow", "NotAction": ["ECS:cloudServers:Get", "vpc:*:*"]},
    ]});
    let expected = [
        ("ecs:cloudServers:showServer", Verdict::NotGranted),
        ("ecs:cloudServers:get", Verdict::NotGranted),
        ("vpc:ports:get", Verdict::NotGranted),
        ("ecs:cloudServers:start", Verdict::Allowed),
    ];
    assert_eq!(
        verdicts(&[document], &expected.map(|(action, _)| action)),
        expected
    );
}

#[test]
fn the_service_is_known_from_the_action() {
    let document = policy(&json!([{"Effect": "Allow", "Action": ["*:*:get*"],
        "Condition": {"StringEquals": {"g:ServiceName": ["vpc", "evs"]}}}]));
    let expected = [
        ("ecs:cloudServers:get", Verdict::NotGranted),
        ("vpc:ports:get", Verdict::Allowed),
        ("evs:volumes:getAll", Verdict::Allowed),
    ];
    assert_eq!(
        verdicts(&[document], &expected.map(|(action, _)| action)),
        expected
    );
}

#[test]
fn statements_about_other_services_are_no_concern() {
    let condition = json!({"StringEquals": {"obs:prefix": ["a"]}});
    let document = |action: &str| {
        policy(
            &json!([{"Effect": "Deny", "Action": [action], "Condition": condition,
            "Resource": ["obs:*:*:bucket:b"]}]),
        )
    };
    assert!(
        compile(&document("obs:bucket:*"))
            .unwrap()
            .statements
            .is_empty()
    );
    let error = compile(&document("*:*:*")).unwrap_err();
    let expected = "`Statement[0]` has a condition on `obs:prefix`, which no claim feeds";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let document = |effect: &str, urn: &str| {
        let statement = json!({"Effect": effect, "Action": ["ecs:*:*"], "Resource": [urn]});
        policy(&json!([{"Effect": "Allow", "Action": ["ecs:*:*"]}, statement]))
    };
    let part = "and the gateway knows no region";
    let cases = [
        ("Allow", "ecs:*:*:instance:a", None),
        ("Allow", "ecs:*:*:keypair:a", None),
        ("Deny", "obs:*:*:bucket:a", None),
        (
            "Allow",
            "ecs:eu-de:*:instance:a",
            Some(format!("is about `ecs:eu-de:*:instance:a`, {part}")),
        ),
        (
            "Deny",
            "ecs:eu-*:*:instance:a",
            Some(format!("is about `ecs:eu-*:*:instance:a`, {part}")),
        ),
        (
            "Deny",
            "ecs:*:*:keypair:a",
            Some("denies actions on `ecs:*:*:keypair:a`, which is not an instance".to_owned()),
        ),
        (
            "Deny",
            "*:*:*:volume:a",
            Some("denies actions on `*:*:*:volume:a`, which is not an instance".to_owned()),
        ),
        (
            "Deny",
            "ecs:*:*:*:*",
            Some("denies actions on `ecs:*:*:*:*`, which is not an instance".to_owned()),
        ),
        (
            "Deny",
            "*:*:*:inst*:a",
            Some("denies actions on `*:*:*:inst*:a`, which is not an instance".to_owned()),
        ),
        ("Deny", "ecs:*:*:Instance:*", None),
        ("Allow", "ecs:*:*:*:*", None),
    ];
    let keys = ConditionKeys::default();
    for (effect, urn, expected) in cases {
        let policy = Policy::parse(&document(effect, urn)).unwrap();
        let error = CompiledPolicy::new(&policy, &FULL, &keys).err();
        let expected = expected.map(|rest| format!("`Statement[1]` {rest}"));
        assert_eq!(
            error.map(|error| error.to_string()),
            expected,
            "{effect} {urn}"
        );
    }
    let compiled = compile(&document("Allow", "ecs:*:d:instance:a")).unwrap();
    let error = Grants::default()
        .add(&compiled, &CallerValues::default())
        .unwrap_err();
    let expected = "`Statement[1]` is about `ecs:*:d:instance:a`, and the gateway knows no domain";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn who_leaves_out_a_newer_name_leaves_out_the_older_one() {
    let document = |effect: &str, newer: &str| json!({"Version": "5.0", "Statement": [{"Effect": effect, "NotAction": [newer]}]});
    let newer = "ecs:cloudServers:batchDeleteServerTags";
    let cases = [
        (
            "Allow",
            newer,
            "ecs:cloudServers:batchSetServerTags",
            Verdict::NotGranted,
        ),
        ("Allow", newer, "ecs:servers:get", Verdict::Allowed),
        (
            "Allow",
            "ecs:cloudServers:showServer",
            "ecs:cloudServers:get",
            Verdict::Allowed,
        ),
        (
            "Deny",
            newer,
            "ecs:cloudServers:batchSetServerTags",
            Verdict::Denied,
        ),
    ];
    for (effect, newer, action, expected) in cases {
        let grants = grants(&[document(effect, newer)], &Map::new());
        let id = FULL.action(&action.parse().unwrap()).unwrap();
        let request = Request {
            now: 0,
            address: None.into(),
            instances: Instances::default(),
        };
        assert_eq!(
            grants.verdict(id, &request),
            expected,
            "{effect} {newer} {action}"
        );
    }
}
