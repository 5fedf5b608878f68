//! Audits that a real gateway writes: of many requests, by callers with all kinds of grants.

use fastrand::Rng;
use serde_json::{Value, json};

use super::issuer::{CONFIG, ED25519, claims, issuer, sign};
use super::run::listening;
use super::{Folder, request};

const CLAIMS: &str = r#"roles = "/roles"
policies = "/policies"
domain = "/domain_id"
[issuer.claims.conditions]
"g:UserName" = "/name"
"#;
pub const ROLES: &str = r#"[issuer.roles]
auditor = "ECS ReadOnlyAccess"
operator = "ECS FullAccess"
helpdesk = ["ECS CommonOperations", "hands off"]
office = "from the office"
"#;
pub const POLICIES: &str = r#"[[policy]]
name = "hands off"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Deny",
  "Action": ["ecs:*:stop", "ecs:*:reboot", "ecs:servers:delete"], "Resource": ["ecs:*:*:instance:s2"]}]}'''
[[policy]]
name = "from the office"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["ecs:servers:*"],
  "Condition": {"IpAddress": {"g:SourceIp": ["127.0.0.0/8"]}, "DateLessThan": {"g:CurrentTime": "2099-01-01T00:00:00Z"}}}]}'''
"#;

/// A folder with keys, and a config `NAME.toml` for each text, whose audit is `NAME.jsonl`.
pub fn folder(configs: &[(&str, &str)]) -> Folder {
    let folder = issuer(ED25519);
    for (name, text) in configs {
        write(&folder, name, text);
    }
    folder
}

/// Writes a config; `text` is what follows the issuer's claims.
pub fn write(folder: &Folder, name: &str, text: &str) {
    let audit = format!("[audit]\nfile = \"{name}.jsonl\"\nevidence = true\n");
    folder.write(
        &format!("{name}.toml"),
        &format!("{CONFIG}{CLAIMS}{text}{audit}"),
    );
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub body: String,
    pub token: Option<String>,
}

impl Asked {
    pub fn new(method: &str, path: &str, body: &str, token: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.to_owned(),
            token: Some(token.to_owned()),
        }
    }
}

/// Has a gateway with the config `NAME.toml` answer them: the lines of its audit, in their order.
pub fn record(folder: &Folder, name: &str, requests: &[Asked]) -> Vec<Value> {
    let (running, address) = listening(folder, &format!("{name}.toml"));
    for asked in requests {
        let token = asked.token.as_deref();
        request(&address, &asked.method, &asked.path, token, &asked.body);
    }
    running.signal("TERM");
    running.end().ended(0);
    let lines = lines(folder, name);
    assert_eq!(lines.len(), requests.len());
    lines
}

pub fn lines(folder: &Folder, name: &str) -> Vec<Value> {
    let text = folder.read(&format!("{name}.jsonl"));
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut lines: Vec<Value> = lines.collect();
    lines.sort_by_key(|line| line["time"].as_str().unwrap().to_owned());
    lines
}

/// A token of `subject` with these claims besides.
pub fn token(folder: &Folder, subject: &str, members: &Value) -> String {
    let mut claims = claims(&[]);
    claims["sub"] = json!(subject);
    for (name, value) in members.as_object().unwrap() {
        claims[name] = value.clone();
    }
    sign(folder, &claims)
}

/// Callers with random roles, names of actions and policies of their own: their claims.
pub fn random_callers(random: &mut Rng) -> Vec<Value> {
    (0..16).map(|_| random_claims(random)).collect()
}

/// What the caller of that number is called.
pub fn name(number: usize) -> String {
    format!("user-{number}")
}

/// The tokens of all of them.
pub fn tokens(folder: &Folder, callers: &[Value]) -> Vec<String> {
    let callers = callers.iter().enumerate();
    callers
        .map(|(number, claims)| token(folder, &name(number), claims))
        .collect()
}

/// Requests for every operation of the table, and what each of them may turn on, by random callers.
pub fn random_requests(
    folder: &Folder,
    random: &mut Rng,
    tokens: &[String],
    count: usize,
) -> Vec<Asked> {
    let listed = folder
        .actiongate(&["routes", "--format", "json"])
        .ended(0)
        .out;
    let operations: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let asked = (0..count).map(|_| {
        let operation = random.choice(&operations).unwrap();
        let route = random
            .choice(operation["routes"].as_array().unwrap())
            .unwrap();
        let token = random.choice(tokens).filter(|_| random.u8(..20) > 0);
        Asked {
            method: route["method"].as_str().unwrap().to_owned(),
            path: random_path(random, route["path"].as_str().unwrap()),
            body: random_body(random, operation, route),
            token: token.cloned(),
        }
    });
    asked.collect()
}

fn random_claims(random: &mut Rng) -> Value {
    let some = |random: &mut Rng, words: &[&str]| -> Vec<String> {
        let kept = words.iter().filter(|_| random.u8(..3) == 0);
        kept.map(ToString::to_string).collect()
    };
    let statements = [
        json!({"Effect": "Allow", "Action": ["ecs:*:*"], "Condition": {"IpAddress": {"g:SourceIp": "10.0.0.0/8"}}}),
        json!({"Effect": "Allow", "Action": ["ecs:*:*"], "Resource": ["ecs:*:*:instance:s1"]}),
        json!({"Effect": "Allow", "Action": ["ecs:cloudServers:*", "vpc:*:update"]}),
        json!({"Effect": "Deny", "Action": ["ecs:servers:get"], "Condition": {"StringEquals": {"g:UserName": "eve"}}}),
        json!({"Effect": "Deny", "Action": ["ecs:cloudServers:*"], "Resource": ["ecs:*:*:instance:s2"]}),
    ];
    let statements: Vec<&Value> = statements.iter().filter(|_| random.u8(..4) == 0).collect();
    let mut claims = json!({
        "roles": some(random, &["auditor", "operator", "helpdesk", "office", "unknown"]),
        "actions": some(random, &["ecs:servers:*", "ecs:*:get*", "ecs:*:list*", "vpc:publicIps:create"]),
        "name": random.choice(["eve", "bob"]).unwrap(),
    });
    if !statements.is_empty() {
        claims["policies"] = json!({"Version": "1.1", "Statement": statements});
    }
    match random.u8(..4) {
        0 => claims["project_id"] = json!("b2"),
        1 => claims["project_id"] = json!(["a1", "b2"]),
        _ => {}
    }
    claims
}

fn random_path(random: &mut Rng, template: &str) -> String {
    let segments = template.split('/').map(|segment| match segment {
        "{project_id}" => random.choice(["a1", "a1", "a1", "b2"]).unwrap(),
        parameter if parameter.starts_with('{') => random.choice(["s1", "s2"]).unwrap(),
        literal => literal,
    });
    let path = segments.collect::<Vec<_>>().join("/");
    match random.bool() {
        true => path,
        false => format!("{path}?limit={}", random.u8(..)),
    }
}

fn random_body(random: &mut Rng, operation: &Value, route: &Value) -> String {
    let mut body = json!({});
    if let Some(key) = route["body_key"].as_str() {
        body[key] = json!({"of no interest": 1});
    }
    for (member, values) in operation["body_value"].as_object().into_iter().flatten() {
        body[member] = random.choice(values.as_array().unwrap()).unwrap().clone();
    }
    for conditional in operation["conditional"].as_array().unwrap() {
        if random.bool() {
            put(
                &mut body,
                conditional["when"].as_str().unwrap(),
                &json!(["secret"]),
            );
        }
    }
    if let Some(pointer) = operation["resource"]
        .as_str()
        .filter(|text| text.starts_with('/'))
    {
        let id = random.choice([json!("s1"), json!("s2"), json!(7)]).unwrap();
        put(&mut body, pointer, &id);
    }
    if random.u8(..10) == 0 {
        body["more"] = json!("secret");
    }
    body.to_string()
}

/// Makes `pointer` lead to `leaf`, through arrays of one item where it has `*`.
fn put(body: &mut Value, pointer: &str, leaf: &Value) {
    let mut place = body;
    for name in pointer.split('/').skip(1) {
        place = match name {
            "*" => {
                if !place.is_array() {
                    *place = json!([{}]);
                }
                &mut place[0]
            }
            name => {
                if !place.is_object() {
                    *place = json!({});
                }
                &mut place[name]
            }
        };
    }
    *place = leaf.clone();
}
