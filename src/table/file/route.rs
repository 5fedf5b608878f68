//! The routes of a row.

use hyper::Method;

use crate::document::{Located, Section};
use crate::table::{PathTemplate, Place, Route};

pub fn read(section: &Section<'_>, file: &str) -> Vec<Route> {
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
        match parse(&text) {
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

fn parse(text: &str) -> Result<(Method, PathTemplate), String> {
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

/// Protocols are switched by GET: with a body before the switch nobody could say where the new
/// protocol begins.
pub fn report_upgrades(section: &Section<'_>, routes: &[Route]) {
    for route in routes.iter().filter(|route| route.method != Method::GET) {
        let message = format!(
            "`{} {}` cannot switch protocols, expected only GET routes beside `upgrade = true`",
            route.method, route.template
        );
        section.problem(route.place.line, message);
    }
}

/// What the body decides cannot be of a method whose bodies nobody reads.
pub fn report_bodiless(section: &Section<'_>, routes: &[Route]) {
    let is_bodiless = |route: &&Route| matches!(route.method, Method::GET | Method::HEAD);
    for route in routes.iter().filter(is_bodiless) {
        let message = format!(
            "`{} {}` has no body to read, expected another method beside what the body decides",
            route.method, route.template
        );
        section.problem(route.place.line, message);
    }
}

/// Every route must have the parameter that `key` names.
pub fn report_without(section: &Section<'_>, routes: &[Route], (key, name): (&str, &str)) {
    for route in routes {
        let template = &route.template;
        if !template.has_parameter(name) {
            let message =
                format!("`{template}` has no parameter `{{{name}}}`, which `{key}` says it has");
            section.problem(route.place.line, message);
        }
    }
}
