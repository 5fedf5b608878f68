//! Steps that say what was found, and the advice that goes with a request's form.

use serde_json::json;

use super::caller::or_none;
use super::change::Change;
use super::explanation::{Explanation, Step};
use super::walk::member_names;
use crate::app::Inspector;
use crate::gateway::{Identity, Rejection};
use crate::router::{JsonBody, Target, Unroutable};
use crate::table::ActionName;
use crate::telemetry::chain;

/// Ends it where the table lists no such request.
pub fn unroutable(explanation: &mut Explanation, error: Unroutable) {
    let advice = match error {
        Unroutable::Parameter(_) => "send the identifier or name as the API spells it",
        Unroutable::Body(_) => {
            "send a body that `actiongate routes` lists, or add the operation to a file of [table] files"
        }
        Unroutable::NotFound | Unroutable::MethodNotAllowed(_) => {
            "send a request that `actiongate routes` lists, or add the operation to a file of [table] files"
        }
    };
    explanation.refuse("route", &Rejection::Unroutable(error));
    explanation.change = Some(Change::told(advice));
}

/// Its head cannot be wrong here: it is JSON, as it is.
pub fn read_body(text: Option<&str>, explanation: &mut Explanation) -> Option<JsonBody> {
    match JsonBody::parse(text.unwrap_or_default().as_bytes()) {
        Ok(body) => {
            let says = format!("good: a JSON object with {}", member_names(&body));
            explanation.steps.push(Step::passed("body", says));
            Some(body)
        }
        Err(error) => {
            explanation.refuse("body", &Rejection::Body(error));
            explanation.change = Some(Change::told(match text {
                None => "give the request's body with --body",
                Some(_) => "send one JSON object that every reader takes for the same",
            }));
            None
        }
    }
}

/// The host and the path of a URL, which clients are given instead of a path.
pub fn split_url(target: &str) -> (Option<&str>, &str) {
    let rest = target.strip_prefix("http://");
    let Some(rest) = rest.or_else(|| target.strip_prefix("https://")) else {
        return (None, target);
    };
    match rest.split_at(rest.find('/').unwrap_or(rest.len())) {
        (host, "") => (Some(host), "/"),
        (host, path) => (Some(host), path),
    }
}

/// Which list the token was held against, if there is one.
pub fn revocation_step(inspector: &Inspector) -> Option<Step> {
    let health = inspector.rules().revocation()?.health();
    let location = &health.location;
    let says = match (inspector.list_error(), health.entries) {
        (None, Some(entries)) => format!("{entries} entries of {location}"),
        (Some(error), _) => format!("not known: {location} cannot be had: {}", chain(error)),
        (None, None) => "not known: no list is here".to_owned(),
    };
    Some(Step::noted("revocation", says))
}

/// A command has no connection: it can only say what the gateway will ask of one.
pub fn bound_step(identity: &Identity) -> Option<Step> {
    let certificate = identity.certificate?;
    let says = format!(
        "to the client certificate with x5t#S256 {certificate}: refused on a connection without it"
    );
    Some(Step::noted("bound", says))
}

/// The route, and what it demands.
pub fn target_steps(target: &Target<'_>, body: Option<&JsonBody>) -> Vec<Step> {
    let (operation, route) = (target.operation, target.route);
    let (method, template, place) = (&route.method, &route.template, &route.place);
    let says = format!("{method} {template} ({}:{})", place.file, place.line);
    let evidence = json!({
        "method": method.as_str(),
        "template": template.as_str(),
        "file": place.file,
        "line": place.line,
    });
    let mut steps = vec![
        Step::passed("route", says).with(evidence),
        Step::noted("operation", &*operation.permission),
        Step::noted("required", listed(&operation.actions))
            .with(json!({"actions": texts(&operation.actions)})),
    ];
    if operation.required.len() > operation.actions.len() {
        let says = format!("{}, enforced", listed(&operation.dependencies));
        let evidence = json!({"actions": texts(&operation.dependencies)});
        steps.push(Step::noted("dependencies", says).with(evidence));
    }
    for conditional in &operation.conditional {
        let is_met = body.is_some_and(|body| conditional.when.find(body.members()).is_some());
        let (when, names) = (&conditional.when, listed(&conditional.actions));
        let says = match is_met {
            true => format!("`{when}` is in the body: {names}, too"),
            false => format!("`{when}` is not in the body: not {names}"),
        };
        let evidence = json!({
            "when": when.to_string(),
            "is_met": is_met,
            "actions": texts(&conditional.actions),
        });
        steps.push(Step::noted("condition", says).with(evidence));
    }
    if let Some(most) = operation.max_body {
        steps.push(Step::noted("body", format!("at most {most} bytes")));
    }
    if operation.upgrade {
        let says = "the upstream may switch protocols";
        steps.push(Step::noted("upgrade", says));
    }
    steps
}

fn texts(actions: &[ActionName]) -> Vec<&str> {
    actions.iter().map(ActionName::as_str).collect()
}

fn listed(actions: &[ActionName]) -> String {
    let names: Vec<String> = actions.iter().map(ToString::to_string).collect();
    or_none(&names)
}
