//! The facts: what the vendor's pages say, one line a row, as data beside this file.

use actiongate::table::{BodySelector, Operation, PathTemplate, Resource, Route, Segment};

/// Tells one row from all others: method, path, and the body's key where that decides.
pub type Key = (String, String, String);

/// A row of actions.
pub struct Row {
    pub key: Key,
    pub permission: &'static str,
    pub actions: Vec<&'static str>,
    pub dependencies: Vec<&'static str>,
}

/// What rows of the pages' tables say.
pub fn rows() -> Vec<Row> {
    let row = |fields: [&'static str; 6]| Row {
        key: key([fields[0], fields[1], fields[2]]),
        permission: fields[3],
        actions: list(fields[4]),
        dependencies: list(fields[5]),
    };
    lines(include_str!("rows.tsv")).map(row).collect()
}

/// An action, and an older name of it.
pub fn aliases() -> Vec<[&'static str; 2]> {
    lines(include_str!("aliases.tsv")).collect()
}

/// Rows that can be granted for single instances, and where the instances are named.
pub fn instances() -> Vec<(Key, &'static str)> {
    let row = |fields: [&'static str; 4]| (key([fields[0], fields[1], fields[2]]), fields[3]);
    lines(include_str!("instances.tsv")).map(row).collect()
}

/// Documented routes without any action, and what we make of each: `public`, `authenticated` or
/// `unlisted`.
pub fn without_actions() -> Vec<(Key, &'static str)> {
    let row = |fields: [&'static str; 4]| (key([fields[0], fields[1], fields[2]]), fields[3]);
    lines(include_str!("without_actions.tsv"))
        .map(row)
        .collect()
}

/// The routes of an operation of the table, in the facts' terms.
pub fn keys(operation: &Operation) -> Vec<Key> {
    let body_key = match &operation.selector {
        Some(BodySelector::Key(key)) => key.clone(),
        _ => String::new(),
    };
    let key = |route: &Route| {
        let (method, path) = (route.method.to_string(), route.template.to_string());
        (method, path, body_key.clone())
    };
    operation.routes.iter().map(key).collect()
}

/// Where an operation's instances are named, in the facts' terms.
pub fn instances_of(operation: &Operation) -> Option<String> {
    operation.resource.as_ref().map(Resource::to_string)
}

/// A path that the template stands for.
pub fn example(template: &PathTemplate) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(name) => format!("/some-{name}"),
    };
    let path: String = template.segments().iter().map(segment).collect();
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}

fn key(fields: [&str; 3]) -> Key {
    let [method, path, body_key] = fields.map(str::to_owned);
    (method, path, body_key)
}

fn list(cell: &'static str) -> Vec<&'static str> {
    cell.split(',').filter(|name| !name.is_empty()).collect()
}

/// The fields of every line but the first, which names them.
fn lines<const FIELDS: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; FIELDS]> {
    text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        fields.try_into().unwrap()
    })
}
