//! What a client asks of a server that is to be, or to be called otherwise.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::answer::Fault;
use super::body::parse_member;
use super::call::Call;
use super::flavor::Flavor;
use super::metadata::{Items, check_items};
use super::tag;
use super::version::Microversion;

/// Nova's bound, in characters.
const MAX_TEXT: usize = 255;

/// A server to create. Members that this backend could not keep its word on are refused.
#[derive(Debug)]
pub struct Draft {
    pub name: String,
    pub flavor: &'static Flavor,
    pub image: Option<String>,
    pub metadata: Items,
    pub tags: BTreeSet<String>,
    pub key: Option<String>,
    pub description: Option<String>,
}

impl Draft {
    pub fn parse(call: &Call<'_>) -> Result<Self, Fault> {
        let mut members = parse_server(call.body)?;
        let name = members.remove("name").ok_or(Fault::MissingMember("name"))?;
        let flavor = members
            .remove("flavorRef")
            .ok_or(Fault::MissingMember("flavorRef"))?;
        let networks = members.remove("networks");
        let draft = Self {
            name: parse_name(name)?,
            flavor: parse_flavor(&flavor)?,
            image: parse_text("imageRef", members.remove("imageRef"))?,
            metadata: members
                .remove("metadata")
                .map_or_else(|| Ok(Items::new()), |value| check_items(value, "metadata"))?,
            tags: since(call, 52, &mut members, "tags")
                .map_or_else(|| Ok(BTreeSet::new()), tag::parse_list)?,
            key: parse_text("key_name", members.remove("key_name"))?,
            description: parse_text("description", since(call, 19, &mut members, "description"))?,
        };
        // There are no networks here: `none`, and `auto` where that comes to nothing.
        match networks {
            None if call.version >= Microversion(37) => {
                return Err(Fault::MissingMember("networks"));
            }
            None => {}
            Some(value) if value == "none" || value == "auto" => {}
            Some(value) => return Err(Fault::InvalidField("networks".to_owned(), value)),
        }
        for count in ["min_count", "max_count"] {
            match members.remove(count) {
                None => {}
                Some(value) if value == 1 => {}
                Some(value) => return Err(Fault::InvalidField(count.to_owned(), value)),
            }
        }
        match members.into_iter().next() {
            Some((other, _)) => Err(Fault::UnexpectedMember(other)),
            None => Ok(draft),
        }
    }
}

/// What to change of a server.
#[derive(Debug)]
pub struct Change {
    pub name: Option<String>,
    /// Empty for none.
    pub description: Option<String>,
}

impl Change {
    pub fn parse(call: &Call<'_>) -> Result<Self, Fault> {
        let mut members = parse_server(call.body)?;
        let name = members.remove("name").map(parse_name).transpose()?;
        let description = since(call, 19, &mut members, "description")
            .map(|value| parse_text("description", Some(value)))
            .transpose()?
            .map(Option::unwrap_or_default);
        match members.into_iter().next() {
            Some((other, _)) => Err(Fault::UnexpectedMember(other)),
            None => Ok(Self { name, description }),
        }
    }
}

fn parse_server(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    match parse_member(body, "server")? {
        Value::Object(members) => Ok(members),
        value => Err(Fault::InvalidField("server".to_owned(), value)),
    }
}

/// A member that is none before a version, and left where it will be found unexpected.
fn since(
    call: &Call<'_>,
    minor: u16,
    members: &mut Map<String, Value>,
    name: &str,
) -> Option<Value> {
    match call.version >= Microversion(minor) {
        true => members.remove(name),
        false => None,
    }
}

fn parse_name(value: Value) -> Result<String, Fault> {
    match value {
        Value::String(name) if is_name(&name) => Ok(name.trim().to_owned()),
        value => Err(Fault::InvalidField("name".to_owned(), value)),
    }
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_TEXT
}

fn parse_flavor(value: &Value) -> Result<&'static Flavor, Fault> {
    let name = value.as_str();
    name.and_then(Flavor::find).ok_or(Fault::InvalidFlavor)
}

/// Text, or nothing for what is empty or null.
fn parse_text(name: &str, value: Option<Value>) -> Result<Option<String>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= MAX_TEXT => Ok(Some(text)),
        Some(value) => Err(Fault::InvalidField(name.to_owned(), value)),
    }
}
