//! Who may do an operation: a row for each role and policy.

use anyhow::bail;
use hyper::Method;
use serde::Serialize;

use super::list::{Because, because, escaped, routes_of, say_routes, told, word};
use super::{Offline, Shown};
use crate::cli::explain::unknown;
use crate::cli::{Format, routes, say};
use crate::decision::OperationReach;
use crate::grant::{Reach, RoleGrants};
use crate::router::RequestPath;
use crate::table::Operation;

#[derive(Serialize)]
struct Listed<'a> {
    permission: &'a str,
    routes: Vec<String>,
    actions: Vec<&'a str>,
    roles: Vec<Row<'a>>,
    policies: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    name: &'a str,
    reach: &'static str,
    because: Vec<Because<'a>>,
}

/// Lists who reaches the operations that `text` means.
pub fn print(offline: &Offline<'_>, text: &str, shown: Shown) -> anyhow::Result<()> {
    let (roles, policies) = (offline.roles()?, offline.policies()?);
    let row = |operation, issuer, name, grants: &RoleGrants| {
        let found = OperationReach::new(operation, grants);
        Row {
            issuer,
            name,
            reach: word(found.reach),
            because: because(offline.table(), &found, grants),
        }
    };
    let is_shown = |row: &Row<'_>| shown.all || row.reach != word(Reach::No);
    let mut listed = Vec::new();
    for operation in find(offline, text)? {
        let roles = roles.iter().map(|role| {
            let issuer = Some(role.issuer.as_str());
            row(operation, issuer, role.name.as_str(), &role.grants)
        });
        let policies = policies
            .iter()
            .map(|(name, grants)| row(operation, None, name, grants));
        listed.push(Listed {
            permission: &operation.permission,
            routes: routes_of(operation),
            actions: routes::names(&operation.actions),
            roles: roles.filter(is_shown).collect(),
            policies: policies.filter(is_shown).collect(),
        });
    }
    match shown.format {
        Format::Json => say(serde_json::to_string_pretty(&listed)?),
        Format::Text => listed.iter().for_each(print_text),
        Format::Markdown => listed.iter().for_each(print_markdown),
    }
    Ok(())
}

/// The operation with this label, or those with this method and path.
fn find<'a>(offline: &'a Offline<'_>, text: &str) -> anyhow::Result<Vec<&'a Operation>> {
    let operations = offline.table().operations();
    let labelled = operations
        .iter()
        .filter(|operation| *operation.permission == *text);
    let labelled: Vec<&Operation> = labelled.collect();
    if !labelled.is_empty() {
        return Ok(labelled);
    }
    let request = text.split_once(' ').and_then(|(method, path)| {
        let method: Method = method.parse().ok()?;
        Some((method, path.trim())).filter(|(_, path)| path.starts_with('/'))
    });
    let Some((method, path)) = request else {
        let labels = operations.iter().map(|operation| &*operation.permission);
        bail!("{}", unknown("operation", text, labels));
    };
    let is_it = |operation: &&Operation| {
        let mut routes = operation.routes.iter();
        routes.any(|route| route.method == method && route.template.as_str() == path)
    };
    let listed: Vec<&Operation> = operations.iter().filter(is_it).collect();
    if !listed.is_empty() {
        return Ok(listed);
    }
    let path: RequestPath = path.parse()?;
    let found = offline.router.resolve(&method, &path)?.operations();
    let is_found =
        |operation: &&Operation| found.iter().any(|found| std::ptr::eq(*found, *operation));
    Ok(operations.iter().filter(is_found).collect())
}

fn print_text(listed: &Listed<'_>) {
    say(listed.permission);
    say_routes(&listed.routes, 2);
    let actions = match listed.actions.as_slice() {
        [] => "nothing of a token's grants".to_owned(),
        actions => actions.join(", "),
    };
    say(format_args!("  demands {actions}"));
    for row in listed.roles.iter().chain(&listed.policies) {
        let what = match row.issuer {
            Some(issuer) => format!("the role `{}` of {issuer}", row.name),
            None => format!("the policy `{}`", row.name),
        };
        let told = told(&row.because);
        say(format_args!("  {:<4} {what}{told}", row.reach));
    }
}

fn print_markdown(listed: &Listed<'_>) {
    say(format_args!("| {} | |", escaped(listed.permission)));
    say("| --- | --- |");
    for row in listed.roles.iter().chain(&listed.policies) {
        let issuer = row.issuer.map(|issuer| format!(", {issuer}"));
        say(format_args!(
            "| {}{} | {}{} |",
            escaped(row.name),
            escaped(&issuer.unwrap_or_default()),
            row.reach,
            told(&row.because)
        ));
    }
}
