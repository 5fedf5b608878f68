//! What a page cannot say, and a table already says of the same row.

use crate::document::Problem;
use crate::table::{ActionName, ActionTable, Operation, Route};

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
        if supplement.is_none_or(|operation| operation.selector.is_none()) {
            problems.extend(ambiguity(row, rows, table));
        }
    }
    match problems.is_empty() {
        true => Ok(found),
        false => Err(problems),
    }
}

/// The row's dependencies, but for those that `known` demands only where the body holds something.
pub fn dependencies<'a>(row: &'a Row, known: Option<&Operation>) -> Vec<&'a ActionName> {
    let conditional = known.map_or(&[][..], |known| &known.conditional);
    let is_conditional = |action: &ActionName| {
        let mut conditional = conditional.iter();
        conditional.any(|conditional| conditional.actions.contains(action))
    };
    let dependencies = row.dependencies.iter().flatten();
    dependencies
        .filter(|action| !is_conditional(action))
        .collect()
}

/// Whether two routes match the same requests.
pub fn is_same(a: &Route, b: &Route) -> bool {
    a.method == b.method && a.template.shape() == b.template.shape()
}

/// What is wrong with a row without body key whose route leads to other rows, too.
fn ambiguity(row: &Row, rows: &[&Row], table: &ActionTable) -> Option<Problem> {
    let leads = |routes: &[Route]| {
        let mut routes = routes.iter();
        routes.any(|route| row.routes.iter().any(|own| is_same(route, own)))
    };
    let chosen = |operation: &&Operation| operation.selector.is_some() && leads(&operation.routes);
    let is_other = |other: &&&Row| {
        let is_same = other.permission.eq_ignore_ascii_case(&row.permission);
        !is_same && leads(&other.routes)
    };
    let other = rows.iter().find(is_other);
    let place = match (other, table.operations().iter().find(chosen)) {
        (Some(other), _) => &other.place,
        (None, Some(operation)) => &operation.place,
        (None, None) => return None,
    };
    let mut operations = table.operations().iter().filter(chosen);
    let likely = operations.find(|operation| operation.actions == row.actions);
    let likely = likely.map_or_else(String::new, |operation| {
        format!(
            "; likely it is the table's `{}` at {}:{}",
            operation.permission, operation.place.file, operation.place.line
        )
    });
    Some(row.problem(&format!(
        "its route leads to {}:{}, too, so that `body_key` must be added, expected a permission that has one in the table, or the row written by hand and taken off the page{likely}",
        place.file, place.line
    )))
}
