//! What somebody may do: a row for each operation.

use serde::Serialize;

use crate::cli::{Format, routes, say};
use crate::decision::OperationReach;
use crate::grant::{Reach, Reaching};
use crate::table::{ActionId, ActionName, ActionTable, Operation};

use super::Shown;

#[derive(Serialize)]
struct Listed<'a> {
    who: &'a str,
    operations: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    permission: &'a str,
    routes: Vec<String>,
    reach: &'static str,
    /// What other requests lack or are denied.
    because: Vec<Because<'a>>,
}

/// An action that keeps requests out, and how.
#[derive(Serialize)]
pub struct Because<'a> {
    action: &'a str,
    how: &'static str,
}

/// Lists the operations that each of `whose` reaches.
pub fn print(
    table: &ActionTable,
    whose: &[(String, &impl Reaching)],
    shown: Shown,
) -> anyhow::Result<()> {
    let listed = whose.iter().map(|(who, grants)| Listed {
        who,
        operations: rows(table, *grants, shown.all),
    });
    let listed: Vec<Listed<'_>> = listed.collect();
    match shown.format {
        Format::Json => say(serde_json::to_string_pretty(&listed)?),
        Format::Text => listed.iter().for_each(|listed| print_text(listed, table)),
        Format::Markdown => {
            for Listed { who, operations } in &listed {
                say(format_args!("| APIs | Permissions | {} |", escaped(who)));
                say("| --- | --- | --- |");
                for row in operations {
                    let routes: Vec<String> = row
                        .routes
                        .iter()
                        .map(|route| format!("`{}`", escaped(route)))
                        .collect();
                    say(format_args!(
                        "| {} | {} | {}{} |",
                        routes.join("<br>"),
                        escaped(row.permission),
                        row.reach,
                        told(&row.because)
                    ));
                }
            }
        }
    }
    Ok(())
}

fn rows<'a>(table: &'a ActionTable, grants: &impl Reaching, all: bool) -> Vec<Row<'a>> {
    let rows = table.operations().iter().map(|operation| {
        let found = OperationReach::new(operation, grants);
        Row {
            permission: &operation.permission,
            routes: routes_of(operation),
            reach: word(found.reach),
            because: because(table, &found, grants),
        }
    });
    rows.filter(|row| all || row.reach != word(Reach::No))
        .collect()
}

/// The operation's routes as text.
pub fn routes_of(operation: &Operation) -> Vec<String> {
    let routes = operation.routes.iter();
    routes
        .map(|route| format!("{} {}", route.method, routes::target(operation, route)))
        .collect()
}

/// The actions that keep requests out; none where all are let in.
pub fn because<'a>(
    table: &'a ActionTable,
    found: &OperationReach,
    grants: &impl Reaching,
) -> Vec<Because<'a>> {
    if found.reach == Reach::Every {
        return Vec::new();
    }
    let how = |action: ActionId| match found.reach {
        Reach::No if grants.denial_reach(action) == Reach::Every => "denied",
        Reach::No => "missing",
        Reach::Some | Reach::Every => "depends",
    };
    let actions = found.because.iter().filter_map(|action| {
        let name = table.name(*action).map(ActionName::as_str)?;
        Some(Because {
            action: name,
            how: how(*action),
        })
    });
    actions.collect()
}

pub fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::No => "no",
        Reach::Some => "some",
        Reach::Every => "yes",
    }
}

/// ` (missing a, b)`, ` (depends: a)`, or nothing.
pub fn told(because: &[Because<'_>]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for how in ["denied", "missing", "depends"] {
        let names = because.iter().filter(|because| because.how == how);
        let names: Vec<&str> = names.map(|because| because.action).collect();
        match (names.is_empty(), how) {
            (true, _) => {}
            (false, "depends") => {
                parts.push(format!("{}: depends on the request", names.join(", ")));
            }
            (false, how) => parts.push(format!("{how} {}", names.join(", "))),
        }
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!(" ({})", parts.join("; ")),
    }
}

pub fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn print_text(listed: &Listed<'_>, table: &ActionTable) {
    let Listed { who, operations } = listed;
    let count = |reach| {
        operations
            .iter()
            .filter(|row| row.reach == word(reach))
            .count()
    };
    let more = match count(Reach::Some) {
        0 => String::new(),
        some => format!(", and {some} more with some requests"),
    };
    say(format_args!(
        "{who} reaches {} of {} operations{more}",
        count(Reach::Every),
        table.operations().len()
    ));
    for row in operations {
        say(format_args!(
            "  {:<4} {}{}",
            row.reach,
            row.permission,
            told(&row.because)
        ));
        say_routes(&row.routes, 9);
    }
}

/// Each on a line of its own, so far from the left.
pub fn say_routes(routes: &[String], indent: usize) {
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap_or_default();
        say(format_args!("{:indent$}{method:<6} {path}", ""));
    }
}
