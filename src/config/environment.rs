//! `ACTIONGATE_…`: environment variables in place of the config's values.

use std::collections::BTreeMap;
use std::env;

use super::schema::{Key, Shape};
use crate::document::{Override, Problem, nearest};

const PREFIX: &str = "ACTIONGATE_";

/// The variables of this process.
pub fn variables() -> BTreeMap<String, String> {
    env::vars_os()
        .map(|(name, value)| {
            let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
            (text(name), text(value))
        })
        .collect()
}

/// The values of those that are named after keys, as `ACTIONGATE_LISTEN_WORKERS` is after
/// `listen.workers`, and what is wrong with the names of the others.
pub fn overrides(variables: &BTreeMap<String, String>) -> (Vec<Override>, Vec<Problem>) {
    let own = variables
        .iter()
        .filter(|(name, _)| name.starts_with(PREFIX));
    let (mut overrides, mut problems) = (Vec::new(), Vec::new());
    let mut known: Option<BTreeMap<String, (Vec<String>, Shape)>> = None;
    for (name, value) in own {
        let known = known.get_or_insert_with(known_names);
        match known.get(name) {
            Some((path, shape)) => overrides.push(Override {
                source: name.clone(),
                path: path.clone(),
                value: to_toml(value, *shape),
            }),
            None if is_service_link(name, value) => {}
            None => problems.push(unknown(name, known)),
        }
    }
    (overrides, problems)
}

fn unknown(name: &str, known: &BTreeMap<String, (Vec<String>, Shape)>) -> Problem {
    let tail = |name: &str| name.trim_start_matches(PREFIX).to_owned();
    let names: Vec<String> = known.keys().map(|name| tail(name)).collect();
    let advice = nearest(&tail(name), names.iter().map(String::as_str), 0.7).map_or_else(
        || "expected one named after a key, such as `ACTIONGATE_LISTEN_ADDRESS`".to_owned(),
        |nearest| format!("did you mean `{PREFIX}{nearest}`?"),
    );
    Problem {
        file: name.to_owned(),
        line: 0,
        message: format!("the environment variable is named after no key of the config; {advice}"),
    }
}

/// Kubernetes tells each pod of the services beside it: of one called `actiongate` in variables with
/// our prefix. Nothing else that ends likewise is one, or what somebody means to say would be ignored.
fn is_service_link(name: &str, value: &str) -> bool {
    let protocols = ["tcp", "udp", "sctp"];
    let is_address = || {
        let scheme = value.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|scheme| protocols.contains(&scheme))
    };
    // As in `…_PORT_80_TCP` and `…_PORT_80_TCP_ADDR`.
    let is_numbered = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().unwrap_or_default();
        let protocol = parts.next().unwrap_or_default().to_ascii_lowercase();
        number.parse::<u16>().is_ok() && protocols.contains(&protocol.as_str())
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.ends_with("_PORT") && is_address()
        || name.split("_PORT_").skip(1).any(is_numbered)
}

/// Arrays of tables have no names to tell their items apart by.
fn known_names() -> BTreeMap<String, (Vec<String>, Shape)> {
    let mut names = BTreeMap::new();
    add(Key::root(), &[], &mut names);
    names
}

fn add(table: Key, path: &[String], names: &mut BTreeMap<String, (Vec<String>, Shape)>) {
    for (key, value) in table.keys() {
        let mut path = path.to_vec();
        path.push(key.to_owned());
        match value.shape() {
            Shape::Table => add(value, &path, names),
            Shape::Tables(_) | Shape::Names => {}
            shape => {
                let name = format!("{PREFIX}{}", path.join("_").to_ascii_uppercase());
                names.insert(name, (path, shape));
            }
        }
    }
}

/// JSON's texts and arrays of them are TOML's, too.
fn to_toml(value: &str, shape: Shape) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let is_list = match shape {
        Shape::List => true,
        Shape::OneOrMore => value.contains(','),
        Shape::Bare if is_bare(value) => return value.to_owned(),
        _ => false,
    };
    if !is_list {
        return text(value);
    }
    let items = value
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let items: Vec<String> = items.map(text).collect();
    format!("[{}]", items.join(", "))
}

/// Anything else is left for the reader to refuse as a text.
fn is_bare(value: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = match value.split_once('.') {
        Some((whole, part)) => is_digits(whole) && is_digits(part),
        None => is_digits(value) && (value == "0" || !value.starts_with('0')),
    };
    is_number || matches!(value, "true" | "false")
}
