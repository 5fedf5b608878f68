//! From table files to an [`ActionTable`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use hyper::Method;

use super::{
    Access, ActionName, ActionSet, ActionTable, Operation, PROJECT_PARAMETER, PathTemplate, Place,
    Route, Segment, Source,
};
use crate::document::{Document, Located, Problem, Problems, Section};

pub fn load(sources: &[Source]) -> Result<ActionTable, Problems> {
    let mut problems = Vec::new();
    let mut operations: Vec<Operation> = Vec::new();
    for source in sources {
        let document = Document::new(&source.name, &source.text);
        let read = document.read(|root| read_file(root, &source.name));
        problems.append(&mut document.into_problems());
        for operation in read {
            let is_replaced = |known: &&mut Operation| {
                known.permission == operation.permission && known.place.file != operation.place.file
            };
            match operations.iter_mut().find(is_replaced) {
                Some(known) => *known = operation,
                None => operations.push(operation),
            }
        }
    }
    report_equal_routes(&operations, &mut problems);
    if operations.is_empty() && problems.is_empty() {
        problems.push(Problem {
            file: sources
                .last()
                .map_or_else(String::new, |source| source.name.clone()),
            line: 0,
            message:
                "there is no [[operation]], expected at least one: every request would be refused"
                    .to_owned(),
        });
    }
    problems.sort_by_key(|problem| {
        let file = sources
            .iter()
            .position(|source| source.name == problem.file);
        (file, problem.line)
    });
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let mut table = ActionTable::default();
    for mut operation in operations {
        let mut required = ActionSet::default();
        for action in &operation.actions {
            required.insert(table.actions.intern(action));
        }
        operation.required = required;
        table.operations.push(operation);
    }
    Ok(table)
}

fn read_file(root: &Section<'_>, file: &str) -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for section in root.sections("operation").unwrap_or_default() {
        let Some(operation) = read_operation(&section, file) else {
            continue;
        };
        let same = |known: &&Operation| known.permission == operation.permission;
        if let Some(earlier) = operations.iter().find(same) {
            let (permission, line) = (&operation.permission, earlier.place.line);
            let message = format!(
                "the permission `{permission}` is already defined at line {line}, expected one [[operation]] for each"
            );
            section.problem(operation.place.line, message);
        }
        operations.push(operation);
    }
    operations
}

fn read_operation(section: &Section<'_>, file: &str) -> Option<Operation> {
    let permission = section.string("permission");
    if permission.is_none() {
        section.missing(
            "permission",
            "the vendor's label, such as \"Querying ECS Metadata\"",
        );
    }
    let routes = read_routes(section, file);
    let access = section.parse(
        "access",
        "\"authenticated\" or \"public\"",
        |text| match text {
            "authenticated" => Ok(Access::Authenticated),
            "public" => Ok(Access::Public),
            _ => Err("operations that demand actions name them and leave `access` out"),
        },
    );
    if access
        .as_ref()
        .is_none_or(|access| access.value != Access::Public)
    {
        report_unbound_routes(section, &routes);
    }
    let texts = section.strings("actions");
    let dependencies = section.strings("dependencies");
    match (&texts, &access) {
        (Some(texts), None) if texts.value.is_empty() => {
            let message = "`operation.actions` is empty, expected at least one action, or `access`";
            section.problem(texts.line, message);
        }
        (Some(texts), Some(access)) if !texts.value.is_empty() => {
            let message = "`operation.access` stands beside actions, expected one of the two";
            section.problem(access.line, message);
        }
        (None, None) => section.missing(
            "actions",
            "actions such as [\"ecs:servers:get\"], or `access`",
        ),
        _ => {}
    }
    let max_body = section.size("max_body");
    let upgrade = section.boolean("upgrade").unwrap_or_default();
    if upgrade {
        report_other_methods(section, &routes);
    }
    let actions = texts.map_or_else(Vec::new, |texts| read_actions(section, texts));
    let dependencies = dependencies.map_or_else(Vec::new, |texts| read_actions(section, texts));
    section.finish();
    Some(Operation {
        permission: permission?.value.into(),
        routes,
        actions,
        required: ActionSet::default(),
        dependencies,
        access: access.map_or(Access::Actions, |access| access.value),
        max_body,
        upgrade,
        place: Place {
            file: file.to_owned(),
            line: section.line(),
        },
    })
}

fn read_routes(section: &Section<'_>, file: &str) -> Vec<Route> {
    let Some(texts) = section.strings("routes") else {
        section.missing("routes", "such as [\"GET /v2.1/{project_id}/servers\"]");
        return Vec::new();
    };
    if texts.value.is_empty() {
        section.problem(
            texts.line,
            "`operation.routes` is empty, expected at least one route",
        );
    }
    let mut routes = Vec::new();
    for Located { value: text, line } in texts.value {
        match parse_route(&text) {
            Ok((method, template)) => routes.push(Route {
                method,
                template,
                place: Place {
                    file: file.to_owned(),
                    line,
                },
            }),
            Err(reason) => {
                let message = format!(
                    "`{text}` is not a route, expected a method and a path template such as `GET /v2.1/{{project_id}}/servers`: {reason}"
                );
                section.problem(line, message);
            }
        }
    }
    routes
}

/// A route about something of somebody must name the project, or a caller of any project could
/// use it.
fn report_unbound_routes(section: &Section<'_>, routes: &[Route]) {
    for route in routes {
        let template = &route.template;
        let mut segments = template.segments().iter();
        let has_parameters = segments.any(|segment| matches!(segment, Segment::Parameter(_)));
        if has_parameters && !template.has_parameter(PROJECT_PARAMETER) {
            let message = format!(
                "`{template}` has no parameter `{{{PROJECT_PARAMETER}}}`, expected one: without it no token's project would be checked"
            );
            section.problem(route.place.line, message);
        }
    }
}

/// Protocols are switched by GET: with a body before the switch nobody could say where the new
/// protocol begins.
fn report_other_methods(section: &Section<'_>, routes: &[Route]) {
    for route in routes.iter().filter(|route| route.method != Method::GET) {
        let message = format!(
            "`{} {}` cannot switch protocols, expected only GET routes beside `upgrade = true`",
            route.method, route.template
        );
        section.problem(route.place.line, message);
    }
}

fn parse_route(text: &str) -> Result<(Method, PathTemplate), String> {
    let Some((method, path)) = text.split_once(' ') else {
        return Err("there is no space between them".to_owned());
    };
    let template = PathTemplate::parse(path).map_err(|error| error.to_string())?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    match Method::from_bytes(method.as_bytes()) {
        Ok(Method::CONNECT | Method::TRACE) => Err(format!("`{method}` is never forwarded")),
        Ok(method) if is_method => Ok((method, template)),
        _ => Err(format!("`{method}` is not a method in upper case")),
    }
}

/// The actions named by `texts`; those that cannot be read are reported and left out.
fn read_actions(section: &Section<'_>, texts: Located<Vec<Located<String>>>) -> Vec<ActionName> {
    let mut actions: Vec<ActionName> = Vec::new();
    for Located { value: text, line } in texts.value {
        match text.parse::<ActionName>() {
            Ok(action) if actions.contains(&action) => {
                section.problem(
                    line,
                    format!("`{text}` stands twice, expected each action once"),
                );
            }
            Ok(action) => actions.push(action),
            Err(error) => {
                let message = format!("`{text}` is not an action `service:resource:verb`: {error}");
                section.problem(line, message);
            }
        }
    }
    actions
}

fn report_equal_routes(operations: &[Operation], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<(&Method, String), &Route> = HashMap::new();
    for route in operations.iter().flat_map(|operation| &operation.routes) {
        match seen.entry((&route.method, route.template.shape())) {
            Entry::Vacant(entry) => {
                entry.insert(route);
            }
            Entry::Occupied(entry) => {
                let first = &entry.get().place;
                let message = format!(
                    "the route `{} {}` is already defined at {}:{}, expected each route once",
                    route.method, route.template, first.file, first.line
                );
                problems.push(Problem {
                    file: route.place.file.clone(),
                    line: route.place.line,
                    message,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
