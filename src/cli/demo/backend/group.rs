//! The server groups of the demo's backend: names and policies; no server joins one.

use std::cell::RefCell;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Fault, OWNER, new_id, with};
use super::body::parse_member;
use super::call::Call;
use super::version::Microversion;

/// Of all projects together: Nova's quota of one.
pub const MAX_GROUPS: usize = 10;
/// Nova's bound, in characters.
const MAX_NAME: usize = 255;
/// The last two are from 2.15 on.
const POLICIES: [&str; 4] = [
    "anti-affinity",
    "affinity",
    "soft-anti-affinity",
    "soft-affinity",
];
/// From here on a group has one policy, in a member of its own.
const ONE_POLICY: Microversion = Microversion(64);

#[derive(Debug, Default)]
pub struct Groups {
    all: RefCell<Vec<Group>>,
}

#[derive(Debug)]
struct Group {
    project: String,
    id: String,
    name: String,
    policy: String,
}

impl Groups {
    pub fn operate(&self, call: &Call<'_>, project: &str, rest: &[&str]) -> Result<Answer, Fault> {
        let mut all = self.all.borrow_mut();
        let find = |all: &[Group], id: &str| {
            let mut groups = all.iter();
            let found = groups.position(|group| group.project == project && group.id == id);
            found.ok_or_else(|| Fault::GroupNotFound(id.to_owned()))
        };
        match (call.method.as_str(), rest) {
            ("GET", []) => {
                let ours = all.iter().filter(|group| group.project == project);
                let shown: Vec<Value> = ours.map(|group| group.show(call)).collect();
                Ok(Answer::show(&json!({"server_groups": shown})))
            }
            ("POST", []) => {
                let group = Group::parse(call, project)?;
                if all.len() >= MAX_GROUPS {
                    return Err(Fault::TooManyGroups);
                }
                let shown = group.show(call);
                all.push(group);
                Ok(Answer::show(&json!({"server_group": shown})))
            }
            ("GET", [id]) => {
                let place = find(&all, id)?;
                let shown = all.get(place).map(|group| group.show(call));
                Ok(Answer::show(&json!({"server_group": shown})))
            }
            ("DELETE", [id]) => {
                let place = find(&all, id)?;
                all.remove(place);
                Ok(Answer::DONE)
            }
            _ => Err(Fault::NoSuchRoute),
        }
    }
}

impl Group {
    fn parse(call: &Call<'_>, project: &str) -> Result<Self, Fault> {
        let value = parse_member(call.body, "server_group")?;
        let Value::Object(mut members) = value else {
            return Err(Fault::InvalidField("server_group".to_owned(), value));
        };
        let name = match members.remove("name") {
            None => return Err(Fault::MissingMember("name")),
            Some(Value::String(name)) if (1..=MAX_NAME).contains(&name.chars().count()) => name,
            Some(value) => return Err(Fault::InvalidField("name".to_owned(), value)),
        };
        let policy = parse_policy(call, &mut members)?;
        match members.into_iter().next() {
            Some((other, _)) => Err(Fault::UnexpectedMember(other)),
            None => Ok(Self {
                project: project.to_owned(),
                id: new_id(),
                name,
                policy,
            }),
        }
    }

    fn show(&self, call: &Call<'_>) -> Value {
        let shown = json!({"id": self.id, "name": self.name, "members": []});
        let shown = match call.version >= ONE_POLICY {
            true => with(
                shown,
                [("policy", json!(self.policy)), ("rules", json!({}))],
            ),
            false => with(
                shown,
                [("policies", json!([self.policy])), ("metadata", json!({}))],
            ),
        };
        match call.version >= Microversion(13) {
            true => with(
                shown,
                [
                    ("project_id", json!(self.project)),
                    ("user_id", json!(OWNER)),
                ],
            ),
            false => shown,
        }
    }
}

fn parse_policy(call: &Call<'_>, members: &mut Map<String, Value>) -> Result<String, Fault> {
    let name = match call.version >= ONE_POLICY {
        true => "policy",
        false => "policies",
    };
    let value = members.remove(name).ok_or(Fault::MissingMember(name))?;
    let policy = match &value {
        Value::Array(policies) if name == "policies" && policies.len() == 1 => policies.first(),
        Value::String(_) if name == "policy" => Some(&value),
        _ => None,
    };
    let known = match call.version >= Microversion(15) {
        true => POLICIES.as_slice(),
        false => POLICIES.get(..2).unwrap_or_default(),
    };
    match policy.and_then(Value::as_str) {
        Some(policy) if known.contains(&policy) => Ok(policy.to_owned()),
        _ => Err(Fault::InvalidField(name.to_owned(), value)),
    }
}
