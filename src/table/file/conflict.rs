//! Routes that lead to more than one operation.

use std::collections::HashMap;

use hyper::Method;

use crate::document::Problem;
use crate::table::{BodySelector, Operation, Route};

/// Operations may have a route in common if one member of the body tells them apart.
pub fn report(operations: &[Operation], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<(&Method, String), Vec<(&Route, Option<&BodySelector>)>> = HashMap::new();
    for operation in operations {
        for route in &operation.routes {
            let selector = operation.selector.as_ref();
            let known = seen.entry((&route.method, route.template.shape()));
            let known = known.or_default();
            let conflict = known
                .iter()
                .find_map(|(first, other)| Some((*first, conflict(*other, selector)?)));
            if let Some((first, expected)) = conflict {
                let (first, body) = (&first.place, selector.map(|body| format!(" {body}")));
                let message = format!(
                    "the route `{} {}{}` is already defined at {}:{}, expected {expected}",
                    route.method,
                    route.template,
                    body.unwrap_or_default(),
                    first.file,
                    first.line
                );
                problems.push(Problem {
                    file: route.place.file.clone(),
                    line: route.place.line,
                    message,
                });
            }
            known.push((route, selector));
        }
    }
}

/// What would be needed to tell two operations of one route apart.
fn conflict(a: Option<&BodySelector>, b: Option<&BodySelector>) -> Option<&'static str> {
    use BodySelector::{Key, Value};
    match (a, b) {
        (None, None) => Some("each route once"),
        (Some(Key(a)), Some(Key(b))) => (a == b).then_some("each body key once"),
        (
            Some(Value { member, values }),
            Some(Value {
                member: other,
                values: others,
            }),
        ) => {
            if member != other {
                return Some("one member of the body to tell its operations apart");
            }
            let is_shared = values.iter().any(|value| others.contains(value));
            is_shared.then_some("each value once")
        }
        (None, Some(_)) | (Some(_), None) => {
            Some("`body_key` or `body_value` on all of its operations, or on none")
        }
        (Some(Key(_)), Some(Value { .. })) | (Some(Value { .. }), Some(Key(_))) => {
            Some("either `body_key` or `body_value` on all of its operations")
        }
    }
}
