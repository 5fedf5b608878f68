//! Rows as a table file spells them.

use std::fmt::Write as _;

use super::page::{Page, Row};
use super::supplement::{self, Supplement};
use super::word;
use crate::table::{
    Access, ActionName, BodySelector, Operation, PROJECT_PARAMETER, Resource, Route,
};

/// How the vendor's older pages name the project.
const TENANT_PARAMETER: &str = "tenant_id";
/// A list that makes a longer line is broken.
const MAX_WIDTH: usize = 100;

/// The comment above a page's rows.
pub fn heading(name: &str, page: &Page) -> String {
    let mut heading = format!(
        "# From {}, one [[operation]] for each row.\n",
        word::visible(name)
    );
    if !page.unread.is_empty() {
        let columns = word::visible(&page.unread.join(", "));
        let _ = writeln!(heading, "# The page says more, in the columns: {columns}.");
    }
    heading
}

pub fn operation(row: &Row, supplement: Option<&Supplement<'_>>) -> String {
    let known = supplement.copied().flatten();
    let mut text = String::from("[[operation]]\n");
    line(&mut text, "permission", &quoted(&row.permission));
    line(&mut text, "routes", &routes(&row.routes));
    if let Some(selector) = known.and_then(|known| known.selector.as_ref()) {
        write_selector(&mut text, selector);
    }
    line(&mut text, "actions", &actions("actions", &row.actions));
    let dependencies = supplement::dependencies(row, known);
    if !dependencies.is_empty() {
        let list = actions("dependencies", dependencies);
        line(&mut text, "dependencies", &list);
    }
    if let Some(known) = known {
        if !known.successors.is_empty() {
            let list = actions("successors", &known.successors);
            line(&mut text, "successors", &list);
        }
        write_judged(&mut text, known);
    }
    if let Some(project) = project(&row.routes, known) {
        line(&mut text, "project", &quoted(project));
    }
    if let Some(known) = known {
        write_rest(&mut text, known);
    }
    text
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{key} = {value}");
}

/// What JSON escapes TOML escapes in the same way; other controls no label has.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn routes(routes: &[Route]) -> String {
    let items = routes
        .iter()
        .map(|route| quoted(&format!("{} {}", route.method, route.template)));
    let items: Vec<String> = items.collect();
    match items.len() {
        1 => list("routes", &items),
        _ => broken(&items),
    }
}

fn actions<'a>(key: &str, actions: impl IntoIterator<Item = &'a ActionName>) -> String {
    let items = actions.into_iter().map(|action| quoted(action.as_str()));
    list(key, &items.collect::<Vec<_>>())
}

/// On one line, if it is not too wide with its key.
fn list(key: &str, items: &[String]) -> String {
    let list = format!("[{}]", items.join(", "));
    match key.len() + " = ".len() + list.len() > MAX_WIDTH {
        true => broken(items),
        false => list,
    }
}

/// A list with a line for each item.
fn broken(items: &[String]) -> String {
    let lines: Vec<String> = items.iter().map(|item| format!("    {item},\n")).collect();
    format!("[\n{}]", lines.concat())
}

fn write_selector(text: &mut String, selector: &BodySelector) {
    match selector {
        BodySelector::Key(key) => line(text, "body_key", &quoted(key)),
        BodySelector::Value { member, values } => {
            let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let member = match member.bytes().all(is_bare) && !member.is_empty() {
                true => member.clone(),
                false => quoted(member),
            };
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            let value = format!("{{ {member} = [{}] }}", values.join(", "));
            line(text, "body_value", &value);
        }
    }
}

/// What of a request is judged besides its route.
fn write_judged(text: &mut String, known: &Operation) {
    if !known.conditional.is_empty() {
        let items = known.conditional.iter().map(|conditional| {
            let when = quoted(&conditional.when.to_string());
            let actions = conditional.actions.iter().map(|name| quoted(name.as_str()));
            let actions: Vec<String> = actions.collect();
            format!("{{ when = {when}, actions = [{}] }}", actions.join(", "))
        });
        line(text, "conditional", &broken(&items.collect::<Vec<_>>()));
    }
    match &known.resource {
        Some(Resource::Parameter(name)) => {
            line(text, "resource", &quoted(&format!("{{{name}}}")));
        }
        Some(Resource::Body(pointer)) => line(text, "resource", &quoted(&pointer.to_string())),
        None => {}
    }
}

/// The value of `project`, where the routes need one.
fn project<'a>(routes: &[Route], known: Option<&'a Operation>) -> Option<&'a str> {
    let all_have = |name| {
        routes
            .iter()
            .all(|route| route.template.has_parameter(name))
    };
    if all_have(PROJECT_PARAMETER) {
        return None;
    }
    if all_have(TENANT_PARAMETER) {
        return Some(TENANT_PARAMETER);
    }
    // That it is about no project only a table can say.
    let known = known.filter(|known| known.access != Access::Public)?;
    Some(known.project.as_deref().unwrap_or("none"))
}

fn write_rest(text: &mut String, known: &Operation) {
    if let Some(domain) = &known.domain {
        line(text, "domain", &quoted(domain));
    }
    if let Some(most) = known.max_body {
        line(text, "max_body", &quoted(&size(most)));
    }
    if known.upgrade {
        line(text, "upgrade", "true");
    }
}

/// Exactly, in the largest unit that does.
fn size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units
        .into_iter()
        .find(|(_, unit)| bytes.is_multiple_of(*unit))
    {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}
