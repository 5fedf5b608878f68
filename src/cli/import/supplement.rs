//! What a page cannot say, and a table already says of the same row.

use crate::document::Problem;
use crate::table::{ActionName, ActionTable, BodySelector, Operation, Resource, Route};

use super::page::Row;

/// The operation of a table that is the same row: same permission, and all of the row's routes.
pub type Supplement<'a> = Option<&'a Operation>;

/// One for each row, or the rows that cannot stand as they are.
pub fn find<'a>(
    rows: &[&Row],
    table: &'a ActionTable,
) -> Result<Vec<Supplement<'a>>, Vec<Problem>> {
    let mut problems = Vec::new();
    let found = rows.iter().map(|row| {
        let mut operations = table.operations().iter();
        operations.find(|operation| {
            let has = |route: &Route| operation.routes.iter().any(|other| is_same(route, other));
            row.permission.eq_ignore_ascii_case(&operation.permission) && row.routes.iter().all(has)
        })
    });
    let found: Vec<Supplement<'a>> = found.collect();
    for (index, (row, supplement)) in rows.iter().zip(&found).enumerate() {
        let mut earlier = rows.iter().take(index);
        let same = earlier.find(|other| row.permission.eq_ignore_ascii_case(&other.permission));
        if let Some(other) = same {
            problems.push(row.problem(&format!(
                "the permission already stands at {}:{}, expected each once",
                other.place.file, other.place.line
            )));
            continue;
        }
        problems.extend(incomplete(row, *supplement, rows, table));
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}

/// The row's dependencies, but for those that `known` demands only where the body holds something;
/// those of `known` where the page has no column for them.
pub fn dependencies<'a>(row: &'a Row, known: Option<&'a Operation>) -> Vec<&'a ActionName> {
    let Some(own) = &row.dependencies else {
        return known.map_or_else(Vec::new, |known| known.dependencies.iter().collect());
    };
    let conditional = known.map_or(&[][..], |known| &known.conditional);
    let is_conditional = |action: &ActionName| {
        let mut conditional = conditional.iter();
        conditional.any(|conditional| conditional.actions.contains(action))
    };
    let own = own.iter();
    own.filter(|action| !is_conditional(action)).collect()
}

/// Whether two routes match the same requests.
pub fn is_same(a: &Route, b: &Route) -> bool {
    a.method == b.method && a.template.shape() == b.template.shape()
}

/// What is wrong with a row that a table would have to say more of: without it the row would permit
/// more than is meant.
fn incomplete(
    row: &Row,
    supplement: Supplement<'_>,
    rows: &[&Row],
    table: &ActionTable,
) -> Option<Problem> {
    let leads = |routes: &[Route]| {
        let mut routes = routes.iter();
        routes.any(|route| row.routes.iter().any(|own| is_same(route, own)))
    };
    let is_other = |other: &&&Row| {
        let is_same = other.permission.eq_ignore_ascii_case(&row.permission);
        !is_same && leads(&other.routes)
    };
    let says_more = |operation: &&Operation| more(operation).is_some() && leads(&operation.routes);
    let mut operations = table.operations().iter().filter(says_more);
    let (place, key) = match supplement {
        Some(known) if known.selector.is_some() => return None,
        Some(_) => (&rows.iter().find(is_other)?.place, "body_key"),
        None => match (rows.iter().find(is_other), operations.clone().next()) {
            (Some(other), _) => (&other.place, "body_key"),
            (None, Some(operation)) => (&operation.place, more(operation)?),
            (None, None) => return None,
        },
    };
    let likely = operations.find(|operation| operation.actions == row.actions);
    let likely = likely.map_or_else(String::new, |operation| {
        format!(
            "; likely it is the table's `{}` at {}:{}",
            operation.permission, operation.place.file, operation.place.line
        )
    });
    Some(row.problem(&format!(
        "its route leads to {}:{}, too, so that `{key}` must be added, expected the permission and routes of an operation that has it in the table, or the row written by hand and taken off the page{likely}",
        place.file, place.line
    )))
}

/// The key with what a page cannot say, where leaving it out would permit more.
fn more(operation: &Operation) -> Option<&'static str> {
    match &operation.selector {
        Some(BodySelector::Key(_)) => return Some("body_key"),
        Some(BodySelector::Value { .. }) => return Some("body_value"),
        None => {}
    }
    let keys = [
        ("conditional", !operation.conditional.is_empty()),
        // What a policy denies by a parameter of the path it denies without this.
        (
            "resource",
            matches!(operation.resource, Some(Resource::Body(_))),
        ),
        ("domain", operation.domain.is_some()),
        ("successors", !operation.successors.is_empty()),
    ];
    keys.into_iter()
        .find_map(|(key, is_there)| is_there.then_some(key))
}
