//! `routes`: the action table as the gateway reads it.

use std::path::Path;

use serde::Serialize;

use super::{Format, Outcome, say};
use crate::app::{self, Demands};
use crate::table::{Access, ActionName, ActionTable, BodySelector, Operation, Source};

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
    max_body: Option<u64>,
    upgrade: bool,
    routes: Vec<RouteRow<'a>>,
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
        actions: operation.actions.iter().map(ActionName::as_str).collect(),
        access: access(operation),
        dependencies: operation
            .dependencies
            .iter()
            .map(ActionName::as_str)
            .collect(),
        max_body: operation.max_body,
        upgrade: operation.upgrade,
        routes: routes.collect(),
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
    let names: Vec<&str> = operation.actions.iter().map(ActionName::as_str).collect();
    match access(operation) {
        Some(access) => format!("({access})"),
        None => names.join(", "),
    }
}

fn print_text(table: &ActionTable) {
    let routes = || {
        table
            .operations()
            .iter()
            .flat_map(|operation| &operation.routes)
    };
    let width = routes()
        .map(|route| route.template.as_str().len())
        .max()
        .unwrap_or(0);
    for operation in table.operations() {
        say(&operation.permission);
        let demand = demand(operation);
        for route in &operation.routes {
            say(format_args!(
                "  {:<6} {:<width$}  {demand}",
                route.method.as_str(),
                route.template.as_str()
            ));
        }
    }
    let (operations, routes) = (table.operations().len(), routes().count());
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
            .map(|route| format!("`{} {}`", route.method, route.template))
            .collect();
        let demand = demand(operation);
        let permission = operation.permission.replace('|', "\\|");
        say(format_args!(
            "| {} | {permission} | {demand} |",
            routes.join("<br>")
        ));
    }
}
