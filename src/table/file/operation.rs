//! One `[[operation]]`.

use super::{read_actions, route};
use crate::document::{Located, Section};
use crate::json::Pointer;
use crate::table::{
    Access, BodySelector, Conditional, ItemPointer, MAX_JSON_BODY, Operation, PROJECT_PARAMETER,
    Place, Resource, Route,
};

pub fn read(section: &Section<'_>, file: &str) -> Option<Operation> {
    let permission = section.string("permission");
    if permission.is_none() {
        section.missing(
            "permission",
            "the vendor's label, such as \"Querying ECS Metadata\"",
        );
    }
    let routes = route::read(section, file);
    let access = section.parse(
        "access",
        "\"authenticated\" or \"public\"",
        |text| match text {
            "authenticated" => Ok(Access::Authenticated),
            "public" => Ok(Access::Public),
            _ => Err("operations that demand actions name them and leave `access` out"),
        },
    );
    let is_public = access
        .as_ref()
        .is_some_and(|access| access.value == Access::Public);
    let project = read_project(section, &routes, is_public);
    let domain = section.string("domain").map(|domain| domain.value);
    if let Some(domain) = &domain {
        route::report_without(section, &routes, ("domain", domain));
    }
    let texts = section.strings("actions");
    let dependencies = section.strings("dependencies");
    let successors = section.strings("successors");
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
        route::report_upgrades(section, &routes);
    }
    let actions = texts.map_or_else(Vec::new, |texts| read_actions(section, texts));
    let dependencies = dependencies.map_or_else(Vec::new, |texts| read_actions(section, texts));
    let successors = successors.map_or_else(Vec::new, |texts| read_actions(section, texts));
    let operation = Operation {
        permission: permission.as_ref().map_or("", |label| &label.value).into(),
        selector: read_selector(section),
        conditional: read_conditional(section),
        resource: read_resource(section, &routes),
        routes,
        actions,
        required: Vec::new(),
        dependencies,
        successors,
        refused_by: Vec::new(),
        project,
        domain,
        access: access.map_or(Access::Actions, |access| access.value),
        max_body,
        upgrade,
        place: Place {
            file: file.to_owned(),
            line: section.line(),
        },
    };
    if operation.reads_body() {
        report_unreadable(section, &operation);
    }
    section.finish();
    permission.map(|_| operation)
}

/// A route about something of somebody must name the project, or a caller of any project could
/// use it.
fn read_project(section: &Section<'_>, routes: &[Route], is_public: bool) -> Option<String> {
    let Some(named) = section.string("project") else {
        let unbound = routes
            .iter()
            .filter(|route| !route.template.has_parameter(PROJECT_PARAMETER));
        let mut bound = Some(PROJECT_PARAMETER.to_owned());
        for route in unbound {
            bound = None;
            if !is_public {
                let message = format!(
                    "`{}` has no parameter `{{{PROJECT_PARAMETER}}}`, expected one, or `project` with the parameter that is the project, or \"none\": without it no token's project would be checked",
                    route.template
                );
                section.problem(route.place.line, message);
            }
        }
        return bound;
    };
    if named.value == PROJECT_PARAMETER {
        route::report_without(section, routes, ("project", &named.value));
        return Some(named.value);
    }
    for route in routes {
        if route.template.has_parameter(PROJECT_PARAMETER) {
            let message = format!(
                "`{}` has the parameter `{{{PROJECT_PARAMETER}}}`, which is always checked, expected no `project = \"{}\"`",
                route.template, named.value
            );
            section.problem(route.place.line, message);
        }
    }
    if named.value == "none" {
        return None;
    }
    route::report_without(section, routes, ("project", &named.value));
    Some(named.value)
}

fn read_selector(section: &Section<'_>) -> Option<BodySelector> {
    let key = section.string("body_key");
    let value = section.section("body_value");
    if let (Some(key), Some(_)) = (&key, &value) {
        let message = "`operation.body_key` stands beside `body_value`, expected one of the two";
        section.problem(key.line, message);
    }
    if let Some(key) = key {
        return Some(BodySelector::Key(key.value));
    }
    let value = value?;
    let mut lists = value.lists().into_iter();
    let only = lists.next().filter(|(_, values)| !values.is_empty());
    let (Some((member, values)), None) = (only, lists.next()) else {
        let message = "`operation.body_value` is not one member with its values, expected such as { action = [\"create\", \"delete\"] }";
        section.problem(value.line(), message);
        return None;
    };
    Some(BodySelector::Value {
        member: member.value,
        values: values.into_iter().map(|value| value.value).collect(),
    })
}

fn read_conditional(section: &Section<'_>) -> Vec<Conditional> {
    let read = |section: &Section<'_>| {
        let expected = "a JSON pointer into the body such as \"/server/publicip/eip\"";
        if !section.has("when") {
            section.missing("when", expected);
        }
        let when = section.parse("when", expected, str::parse::<Pointer>);
        let actions = section.strings("actions");
        let is_empty = |texts: &Located<Vec<_>>| texts.value.is_empty();
        if actions.as_ref().is_none_or(is_empty) {
            section.missing("actions", "what is demanded besides where it is present");
        }
        let actions = actions.map_or_else(Vec::new, |texts| read_actions(section, texts));
        section.finish();
        Some(Conditional {
            when: when?.value,
            actions,
            required: Vec::new(),
        })
    };
    let sections = section.sections("conditional").unwrap_or_default();
    sections.iter().filter_map(read).collect()
}

fn read_resource(section: &Section<'_>, routes: &[Route]) -> Option<Resource> {
    let expected = "a path parameter such as \"{server_id}\", or a JSON pointer into the body such as \"/servers/*/id\"";
    let resource = section.parse("resource", expected, |text| {
        let name = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => Ok(Resource::Parameter(name.to_owned())),
            None => text.parse::<ItemPointer>().map(Resource::Body),
        }
    });
    let resource = resource?.value;
    if let Resource::Parameter(name) = &resource {
        route::report_without(section, routes, ("resource", name));
    }
    Some(resource)
}

fn report_unreadable(section: &Section<'_>, operation: &Operation) {
    route::report_bodiless(section, &operation.routes);
    if operation.access == Access::Public {
        let message = "a body is read here, expected no `access = \"public\"`: only known callers may make the gateway read";
        section.problem(section.line(), message);
    }
    if operation
        .max_body
        .is_some_and(|most| most > MAX_JSON_BODY as u64)
    {
        let message = format!(
            "`operation.max_body` is beyond what is read, expected at most {MAX_JSON_BODY} bytes where the body decides"
        );
        section.problem(section.line(), message);
    }
}
