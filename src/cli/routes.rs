//! `routes`: the action table as the gateway reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::{Format, Outcome, say};
use crate::app::{self, Demands};
use crate::table::{
    Access, ActionName, ActionTable, BodySelector, Conditional, Operation, Route, Source,
};

pub fn run(config: Option<&Path>, format: Format) -> anyhow::Result<Outcome> {
    let sources = match config {
        None => Source::builtin(),
        Some(path) => super::read_config(path)?.table,
    };
    let router = app::route(&sources, Demands::Actions)?;
    match format {
        Format::Text => print_text(router.table()),
        Format::Json => print_json(router.table())?,
        Format::Markdown => print_markdown(router.table()),
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct OperationRow<'a> {
    permission: &'a str,
    actions: Vec<&'a str>,
    access: Option<&'static str>,
    dependencies: Vec<&'a str>,
    successors: Vec<&'a str>,
    conditional: Vec<ConditionalRow<'a>>,
    body_value: Option<BTreeMap<&'a str, &'a [String]>>,
    resource: Option<String>,
    max_body: Option<u64>,
    upgrade: bool,
    routes: Vec<RouteRow<'a>>,
}

#[derive(Serialize)]
struct ConditionalRow<'a> {
    when: String,
    actions: Vec<&'a str>,
}

#[derive(Serialize)]
struct RouteRow<'a> {
    method: &'a str,
    path: &'a str,
    body_key: Option<&'a str>,
}

fn print_json(table: &ActionTable) -> anyhow::Result<()> {
    let rows: Vec<OperationRow<'_>> = table.operations().iter().map(row).collect();
    say(serde_json::to_string_pretty(&rows)?);
    Ok(())
}

fn row(operation: &Operation) -> OperationRow<'_> {
    let routes = operation.routes.iter().map(|route| RouteRow {
        method: route.method.as_str(),
        path: route.template.as_str(),
        body_key: match &operation.selector {
            Some(BodySelector::Key(key)) => Some(key),
            _ => None,
        },
    });
    OperationRow {
        permission: &operation.permission,
        actions: names(&operation.actions),
        access: access(operation),
        dependencies: names(&operation.dependencies),
        successors: names(&operation.successors),
        conditional: operation.conditional.iter().map(conditional).collect(),
        body_value: match &operation.selector {
            Some(BodySelector::Value { member, values }) => {
                Some(BTreeMap::from([(member.as_str(), values.as_slice())]))
            }
            _ => None,
        },
        resource: operation.resource.as_ref().map(ToString::to_string),
        max_body: operation.max_body,
        upgrade: operation.upgrade,
        routes: routes.collect(),
    }
}

pub fn names(actions: &[ActionName]) -> Vec<&str> {
    actions.iter().map(ActionName::as_str).collect()
}

fn conditional(conditional: &Conditional) -> ConditionalRow<'_> {
    ConditionalRow {
        when: conditional.when.to_string(),
        actions: names(&conditional.actions),
    }
}

fn access(operation: &Operation) -> Option<&'static str> {
    match operation.access {
        Access::Actions => None,
        Access::Authenticated => Some("authenticated"),
        Access::Public => Some("public"),
    }
}

/// What the operation demands, in words.
fn demand(operation: &Operation) -> String {
    let mut demand = match access(operation) {
        Some(access) => format!("({access})"),
        None => names(&operation.actions).join(", "),
    };
    for ConditionalRow { when, actions } in operation.conditional.iter().map(conditional) {
        let _ = write!(demand, "; with {when}: {}", actions.join(", "));
    }
    demand
}

/// The path, and what the body must hold where that decides.
pub fn target(operation: &Operation, route: &Route) -> String {
    match &operation.selector {
        Some(body) => format!("{} {body}", route.template),
        None => route.template.to_string(),
    }
}

fn print_text(table: &ActionTable) {
    let operations = table.operations().iter();
    let targets = operations.flat_map(|operation| {
        let routes = operation.routes.iter();
        routes.map(|route| target(operation, route).len())
    });
    let targets: Vec<usize> = targets.collect();
    let width = targets.iter().copied().max().unwrap_or_default();
    for operation in table.operations() {
        say(&operation.permission);
        let demand = demand(operation);
        for route in &operation.routes {
            say(format_args!(
                "  {:<6} {:<width$}  {demand}",
                route.method.as_str(),
                target(operation, route)
            ));
        }
    }
    let (operations, routes) = (table.operations().len(), targets.len());
    say(format_args!(
        "{operations} operations, {routes} routes, {} actions",
        table.actions().count()
    ));
}

fn print_markdown(table: &ActionTable) {
    say("| APIs | Permissions | Actions |");
    say("| --- | --- | --- |");
    for operation in table.operations() {
        let routes: Vec<String> = operation
            .routes
            .iter()
            .map(|route| {
                format!("`{} {}`", route.method, target(operation, route)).replace('|', "\\|")
            })
            .collect();
        let demand = demand(operation);
        let permission = operation.permission.replace('|', "\\|");
        say(format_args!(
            "| {} | {permission} | {demand} |",
            routes.join("<br>")
        ));
    }
}
