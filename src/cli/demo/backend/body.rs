//! The bodies that the demo's backend takes: JSON objects.

use serde_json::{Map, Value};

use super::answer::Fault;

/// The value of the only member that a body may have.
pub fn parse_member(body: &[u8], name: &'static str) -> Result<Value, Fault> {
    let mut members = parse_object(body)?;
    let value = members.remove(name).ok_or(Fault::MissingMember(name))?;
    match members.into_iter().next() {
        Some((other, _)) => Err(Fault::UnexpectedMember(other)),
        None => Ok(value),
    }
}

/// The name and the value of the only member: what to do with a server.
pub fn parse_action(body: &[u8]) -> Result<(String, Value), Fault> {
    // Nova finds no action in a list, where any other body that is no object is malformed.
    if let Ok(Value::Array(_)) = serde_json::from_slice(body) {
        return Err(Fault::NoSuchRoute);
    }
    let mut members = parse_object(body)?.into_iter();
    match (members.next(), members.next()) {
        (Some(member), None) => Ok(member),
        _ => Err(Fault::MalformedBody),
    }
}

fn parse_object(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Fault::MalformedBody),
    }
}
