//! What pages say otherwise than a table, route by route.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::page::Row;
use super::supplement::{self, Supplement};
use crate::table::{Access, ActionName, ActionTable, BodySelector, Operation, Route};

/// Every difference, a line each.
#[derive(Debug, Default)]
pub struct Differences {
    added: Vec<String>,
    gone: Vec<String>,
    changed: Vec<String>,
    /// How many routes the pages have.
    routes: usize,
    /// Table files of which nothing is said to be gone.
    partly: Vec<String>,
}

impl Differences {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }

    pub fn lines(&self) -> Vec<String> {
        let lists = [&self.added, &self.gone, &self.changed, &self.partly];
        let mut lines: Vec<String> = lists.into_iter().flatten().cloned().collect();
        let (count, plural) = (self.routes, if self.routes == 1 { "" } else { "s" });
        let (added, gone, changed) = (self.added.len(), self.gone.len(), self.changed.len());
        lines.push(format!(
            "{count} route{plural} on the page: {added} added, {gone} gone, {changed} changed"
        ));
        lines
    }
}

/// What one request is told by: parameter names do not matter.
type Key<'a> = (String, Option<&'a BodySelector>);

fn key<'a>(route: &Route, selector: Option<&'a BodySelector>) -> Key<'a> {
    let shape = route.template.shape();
    (format!("{} {shape}", route.method), selector)
}

/// A route as the lines show it.
struct Shown<'a>(&'a Route, Option<&'a BodySelector>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method, self.0.template)?;
        match self.1 {
            Some(selector) => write!(f, " {selector}"),
            None => Ok(()),
        }
    }
}

/// Compares the pages' `rows` with `table`; `supplements` has the body keys of the rows.
pub fn find(rows: &[&Row], supplements: &[Supplement<'_>], table: &ActionTable) -> Differences {
    let mut known = HashMap::new();
    for operation in table.operations() {
        for route in &operation.routes {
            known.insert(key(route, operation.selector.as_ref()), operation);
        }
    }
    let mut found = Differences::default();
    let mut seen = HashSet::new();
    for (row, supplement) in rows.iter().zip(supplements) {
        let selector = supplement.and_then(|operation| operation.selector.as_ref());
        for route in &row.routes {
            let key = key(route, selector);
            let (shown, place) = (Shown(route, selector), &route.place);
            let place = format!("{}:{}", place.file, place.line);
            match known.get(&key) {
                None => found.added.push(format!(
                    "added    {shown} ({place}) demands {}",
                    list(&row.actions)
                )),
                Some(operation) => found.changed.extend(change(row, operation).map(|change| {
                    let table = &operation.place;
                    format!(
                        "changed  {shown} ({place}; table {}:{}) {change}",
                        table.file, table.line
                    )
                })),
            }
            seen.insert(key);
            found.routes += 1;
        }
    }
    find_gone(&mut found, table, &seen);
    found
}

/// A table file is what a page is about if the pages have at least half of its routes: else each page
/// would seem to have lost all others' rows.
fn find_gone(found: &mut Differences, table: &ActionTable, seen: &HashSet<Key<'_>>) {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    let mut files: Vec<&str> = Vec::new();
    let routes = || {
        table.operations().iter().flat_map(|operation| {
            let routes = operation.routes.iter();
            routes.map(move |route| (operation, route))
        })
    };
    for (operation, route) in routes() {
        let (shared, all) = counts.entry(&operation.place.file).or_default();
        *all += 1;
        *shared += usize::from(seen.contains(&key(route, operation.selector.as_ref())));
        if !files.contains(&operation.place.file.as_str()) {
            files.push(&operation.place.file);
        }
    }
    let is_covered = |file: &str| {
        let (shared, all) = counts.get(file).copied().unwrap_or_default();
        2 * shared >= all
    };
    for (operation, route) in routes() {
        let selector = operation.selector.as_ref();
        if !is_covered(&operation.place.file) || seen.contains(&key(route, selector)) {
            continue;
        }
        let place = &route.place;
        found.gone.push(format!(
            "gone     {} ({}:{}) demanded {}",
            Shown(route, selector),
            place.file,
            place.line,
            demand(operation)
        ));
    }
    for file in files {
        let (shared, all) = counts.get(file).copied().unwrap_or_default();
        if shared > 0 && !is_covered(file) {
            found.partly.push(format!(
                "partly   {file}: {shared} of its {all} routes on the page, too few to say what is gone"
            ));
        }
    }
}

/// How the row's actions differ from the operation's; their order does not count.
fn change(row: &Row, operation: &Operation) -> Option<String> {
    let new: Vec<&ActionName> = row.actions.iter().collect();
    let old: Vec<&ActionName> = operation.actions.iter().collect();
    let actions = delta("actions", &new, &old);
    let access = match operation.access {
        Access::Actions => None,
        Access::Authenticated | Access::Public => Some(format!("was {}", demand(operation))),
    };
    let dependencies = row.dependencies.as_ref().and_then(|_| {
        let new = supplement::dependencies(row, Some(operation));
        let old: Vec<&ActionName> = operation.dependencies.iter().collect();
        delta("dependencies", &new, &old)
    });
    let parts = [actions, access, dependencies];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn delta(what: &str, new: &[&ActionName], old: &[&ActionName]) -> Option<String> {
    let without = |some: &[&ActionName], others: &[&ActionName], sign: &str| -> Vec<String> {
        let left = some.iter().filter(|action| !others.contains(action));
        left.map(|action| format!("{sign}{action}")).collect()
    };
    let delta = [without(new, old, "+"), without(old, new, "-")].concat();
    (!delta.is_empty()).then(|| format!("{what} {}", delta.join(" ")))
}

fn demand(operation: &Operation) -> String {
    match operation.access {
        Access::Actions => list(&operation.actions),
        Access::Authenticated => "a token".to_owned(),
        Access::Public => "nothing".to_owned(),
    }
}

fn list(actions: &[ActionName]) -> String {
    let names: Vec<&str> = actions.iter().map(ActionName::as_str).collect();
    names.join(", ")
}
