//! Any text as a token's claims and its policies, a line each: what a statement says does not depend on
//! the others, a Deny takes away whatever the same Allow grants, and what is unknown is refused.

#![no_main]

use std::sync::LazyLock;

use actiongate::grant::{
    Address, CompiledPolicy, ConditionKeys, Grants, Instances, NamedPolicy, Policy, Reach,
    Reaching as _, Request, Verdict,
};
use actiongate::json as strict;
use actiongate::table::{ActionId, ActionTable, Source};
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use oracle::json::{self, Refusal};
use oracle::{mutation, wildcard};
use serde_json::{Map, Value, json};

/// Actions, each with its older names.
const ACTIONS: [(&str, &[&str]); 5] = [
    ("ecs:servers:get", &[]),
    (
        "ecs:cloudServers:showServer",
        &["ecs:cloudServers:get", "ecs:servers:get"],
    ),
    ("ecs:cloudServers:listServers", &["ecs:cloudServers:list"]),
    ("vpc:ports:create", &["vpc:publicIps:create"]),
    ("evs:volumes:use", &[]),
];
/// Keys and the claims that feed them.
const KEYS: [(&str, &str); 7] = [
    ("g:UserName", "/name"),
    ("g:DomainName", "/groups"),
    ("g:MFAPresent", "/mfa"),
    ("g:MFAAge", "/auth_time"),
    ("x:Level", "/level"),
    ("x:Until", "/until"),
    ("x:From", "/from"),
];
/// 2022-08-01T00:00:00Z.
const NOON: u64 = 1_659_312_000;
/// More would only be the same again, and slow.
const MAX_STATEMENTS: usize = 8;

struct World {
    table: ActionTable,
    keys: ConditionKeys,
    actions: Vec<ActionId>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let names = ACTIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let aliases = ACTIONS.iter().flat_map(|(name, aliases)| {
        aliases
            .iter()
            .map(move |alias| format!("[[alias]]\nalias = '{alias}'\nactions = ['{name}']\n"))
    });
    let text = format!(
        "[[operation]]\npermission = 'all'\nroutes = ['GET /{{project_id}}']\nactions = {names:?}\n{}",
        aliases.collect::<String>()
    );
    let name = "table".to_owned();
    let table = ActionTable::load(&[Source { name, text }]).expect("a table");
    let mut keys = ConditionKeys::new("/sub".parse().expect("a pointer"));
    keys.domain = Some("/domain".parse().expect("a pointer"));
    keys.region = Some("eu-de".to_owned());
    for (key, pointer) in KEYS {
        let pointer = pointer.parse().expect("a pointer");
        keys.feed(key, pointer).expect("a key");
    }
    let id = |name: &str| table.action(&name.parse().expect("a name"));
    World {
        actions: names
            .iter()
            .map(|name| id(name).expect("an action"))
            .collect(),
        table,
        keys,
    }
});

static EVERYTHING: LazyLock<Compiled> = LazyLock::new(|| {
    let statement = json!({"Effect": "Allow", "Action": ["*:*:*"]});
    compile(&json!({"Version": "1.1", "Statement": [statement]}))
});

/// What an input may be made of.
static LINES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../lines/policy").lines().collect());

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed, &LINES)
});

fuzz_target!(|input: &[u8]| -> Corpus {
    let mut lines = input.split(|byte| *byte == b'\n');
    let claims = strict::parse_object(lines.next().unwrap_or_default()).unwrap_or_default();
    let mut statements = Vec::new();
    for line in lines {
        let named = NamedPolicy::read("p".to_owned(), line);
        let read = json::read(line);
        let Ok(named) = named else { continue };
        assert_ne!(read, Err(Refusal::Certain), "{}", line.escape_ascii());
        let document: Value = serde_json::from_slice(line).expect("JSON");
        assert_eq!(Policy::parse(&document), Ok(named.policy), "{document}");
        statements.extend(check_whole(&document, &claims));
    }
    statements.truncate(MAX_STATEMENTS);
    let own: Vec<&Compiled> = statements.iter().map(Statement::own).collect();
    let all = verdicts(&own, &claims);
    for statement in &statements {
        check_unknown(&statement.document);
        check_selection(statement, &claims);
        check_effects(statement, &claims);
        if let Some(all) = &all {
            check_addition(&own, all, statement, &claims);
        }
    }
    Corpus::Keep
});

/// A policy of which nothing is known if it cannot be judged.
type Compiled = Option<CompiledPolicy>;

/// One statement, as a document of its own.
struct Statement {
    document: Value,
    /// With either effect.
    allow: Compiled,
    deny: Compiled,
}

impl Statement {
    fn new(version: &Value, statement: &Value) -> Self {
        let document = json!({"Version": version, "Statement": [statement]});
        let with_effect = |effect: &str| {
            let mut changed = document.clone();
            changed["Statement"][0]["Effect"] = json!(effect);
            compile(&changed)
        };
        Self {
            allow: with_effect("Allow"),
            deny: with_effect("Deny"),
            document,
        }
    }

    fn own(&self) -> &Compiled {
        match self.document["Statement"][0]["Effect"] == "Deny" {
            true => &self.deny,
            false => &self.allow,
        }
    }
}

fn compile(document: &Value) -> Compiled {
    let policy = Policy::parse(document).expect("a policy");
    CompiledPolicy::new(&policy, &WORLD.table, &WORLD.keys).ok()
}

/// What is granted, for each action in each of the circumstances; none if the token is refused.
fn verdicts(policies: &[&Compiled], claims: &Map<String, Value>) -> Option<Vec<Verdict>> {
    let mut grants = Grants::default();
    let values = WORLD.keys.read(claims);
    for policy in policies {
        grants.add(policy.as_ref()?, &values).ok()?;
    }
    let mut verdicts = Vec::new();
    for action in &WORLD.actions {
        each_request(|request| {
            let verdict = grants.verdict(*action, request);
            match grants.reach(*action, request.instances.is_instance_level) {
                Reach::No => assert_ne!(verdict, Verdict::Allowed, "{policies:?}"),
                Reach::Some => {}
                Reach::Every => assert_eq!(verdict, Verdict::Allowed, "{policies:?}"),
            }
            verdicts.push(verdict);
        });
    }
    Some(verdicts)
}

fn each_request(mut ask: impl FnMut(&Request<'_>)) {
    let address = |text: &str| Address::Known(text.parse().expect("an address"));
    let clients = [
        (NOON - 1, address("10.1.2.3")),
        (NOON, address("10.1.2.3")),
        (NOON, Address::Absent),
        (NOON, Address::Unclear),
        (NOON + 1, address("::ffff:192.0.2.7")),
    ];
    let instances: [(&[&str], bool); 5] = [
        (&[], false),
        (&["a1"], true),
        (&["A1", "b2"], true),
        (&["é1"], true),
        (&["a1"], false),
    ];
    for (now, address) in clients {
        for (ids, is_instance_level) in instances {
            ask(&Request {
                now,
                address,
                instances: Instances {
                    ids: ids.to_vec(),
                    is_instance_level,
                },
            });
        }
    }
}

/// One more member anywhere, or another version, and the document is refused.
fn check_unknown(document: &Value) {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        change(&mut changed);
        assert!(Policy::parse(&changed).is_err(), "accepted: {changed}");
    };
    refused(&|document| document["Id"] = json!("x"));
    refused(&|document| document["Version"] = json!("1.0"));
    refused(&|document| document["Statement"] = json!([]));
    refused(&|document| document["Statement"][0]["Effect"] = json!("allow"));
    for name in ["Principal", "action", "NotResource", "Conditions"] {
        refused(&|document| document["Statement"][0][name] = json!(["*"]));
    }
    for operator in ["StringLike", "stringEquals", "StringEqualsIfExistsIfExists"] {
        refused(&|document| {
            document["Statement"][0]["Condition"][operator]["g:UserName"] = json!(["a"]);
        });
    }
}

/// The statements of a document, in the other order and each by itself, are the document.
fn check_whole(document: &Value, claims: &Map<String, Value>) -> Vec<Statement> {
    let whole = verdicts(&[&compile(document)], claims);
    let mut reversed = document.clone();
    let statements = reversed["Statement"].as_array_mut().expect("statements");
    statements.reverse();
    let single = |statement| Statement::new(&document["Version"], statement);
    let parts: Vec<Statement> = statements.iter().map(single).collect();
    assert_eq!(
        whole,
        verdicts(&[&compile(&reversed)], claims),
        "{document}"
    );
    let together = parts.iter().map(|part| verdicts(&[part.own()], claims));
    let together = together.reduce(|a, b| {
        let pairs = a?.into_iter().zip(b?);
        Some(pairs.map(|(a, b)| stronger(a, b)).collect())
    });
    assert_eq!(Some(whole), together, "{document}");
    parts
}

fn stronger(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Denied, _) | (_, Verdict::Denied) => Verdict::Denied,
        (Verdict::Allowed, _) | (_, Verdict::Allowed) => Verdict::Allowed,
        (Verdict::NotGranted, Verdict::NotGranted) => Verdict::NotGranted,
    }
}

/// A statement says nothing of an action that it does not name; without circumstances it says the
/// same of each request.
fn check_selection(of: &Statement, claims: &Map<String, Value>) {
    let Some(verdicts) = verdicts(&[of.own()], claims) else {
        return;
    };
    let document = &of.document;
    let statement = &document["Statement"][0];
    let effect = match statement["Effect"] == "Deny" {
        true => Verdict::Denied,
        false => Verdict::Allowed,
    };
    let names = |member: &str, name: &str| {
        let patterns = statement[member].as_array().into_iter().flatten();
        let mut patterns = patterns.map(|pattern| pattern.as_str().expect("a pattern"));
        patterns.any(|pattern| is_action(pattern, name, document["Version"] == "5.0"))
    };
    let each = verdicts.len() / ACTIONS.len();
    for ((name, aliases), verdicts) in ACTIONS.iter().zip(verdicts.chunks(each)) {
        let mut known = aliases.iter().chain([name]);
        let is_named = match statement.get("Action") {
            Some(_) => known.any(|name| names("Action", name)),
            None => !known.any(|name| names("NotAction", name)),
        };
        let depends = statement.get("Resource").is_some() || statement.get("Condition").is_some();
        for verdict in verdicts {
            match is_named {
                false => assert_eq!(*verdict, Verdict::NotGranted, "{name}: {document}"),
                true if depends => {
                    assert!(
                        [Verdict::NotGranted, effect].contains(verdict),
                        "{document}"
                    );
                }
                true => assert_eq!(*verdict, effect, "{name}: {document}"),
            }
        }
    }
}

/// Whether the pattern, part by part, is the action's.
fn is_action(pattern: &str, name: &str, is_identity: bool) -> bool {
    let parts = pattern.split(':').zip(name.split(':')).enumerate();
    let mut parts = parts.map(
        |(index, (pattern, part))| match index == 0 && !is_identity {
            true => wildcard::is_like(pattern, part),
            false => wildcard::is_like(&pattern.to_lowercase(), &part.to_lowercase()),
        },
    );
    parts.all(|is_like| is_like)
}

/// Whatever a statement allows, it denies where it is a Deny, all else being allowed.
fn check_effects(statement: &Statement, claims: &Map<String, Value>) {
    let allowed = verdicts(&[&statement.allow], claims);
    let denied = verdicts(&[&EVERYTHING, &statement.deny], claims);
    let (Some(allowed), Some(denied)) = (allowed, denied) else {
        return;
    };
    let document = &statement.document;
    for (allowed, denied) in allowed.iter().zip(&denied) {
        assert_ne!(*denied, Verdict::NotGranted, "{document}");
        if *allowed == Verdict::Allowed {
            assert_eq!(*denied, Verdict::Denied, "{document}");
        }
    }
}

/// One more Deny grants nothing; one more Allow takes nothing away, and never what is denied.
fn check_addition(
    all: &[&Compiled],
    before: &[Verdict],
    more: &Statement,
    claims: &Map<String, Value>,
) {
    for (effect, policy) in [("Allow", &more.allow), ("Deny", &more.deny)] {
        let after = verdicts(&[all, &[policy]].concat(), claims);
        for (before, after) in before.iter().zip(after.iter().flatten()) {
            let is_right = match (before, effect) {
                (Verdict::Denied, _) => *after == Verdict::Denied,
                (_, "Deny") => after == before || *after == Verdict::Denied,
                (Verdict::Allowed, _) => *after == Verdict::Allowed,
                (Verdict::NotGranted, _) => *after != Verdict::Denied,
            };
            let document = &more.document;
            assert!(is_right, "{before:?}, {after:?}: {document} as {effect}");
        }
    }
}
