//! Finitely many requests that stand for all that two routers can tell apart.

use std::collections::{BTreeMap, BTreeSet};

use hyper::Method;

use crate::router::{RequestPath, Router};
use crate::table::{ActionTable, ParameterKind, PathTemplate, Segment};

/// The paths that the same templates of both tables match, with one method.
#[derive(Debug)]
pub struct RequestClass {
    pub method: Method,
    /// As a table writes it, if one does.
    pub route: String,
    /// Whether one does: the others are what two templates have in common.
    pub is_listed: bool,
    pub segments: Vec<Part>,
}

/// What stands between two slashes.
#[derive(Clone, Debug)]
pub enum Part {
    Literal(String),
    /// What no template has as a literal there.
    Free {
        /// One for each class of values that the parameters' kinds tell apart.
        samples: Vec<String>,
        /// The literals of other templates.
        reserved: Vec<String>,
    },
}

/// A literal, or whatever stands for a parameter.
type Shape = Vec<Option<String>>;

impl RequestClass {
    /// The path with these values of its free segments, the first sample where there is none.
    pub fn path(&self, values: &BTreeMap<usize, String>) -> Option<RequestPath> {
        let mut path = String::new();
        for (at, part) in self.segments.iter().enumerate() {
            path.push('/');
            path.push_str(match (values.get(&at), part) {
                (Some(value), _) => value,
                (None, Part::Literal(text)) => text,
                (None, Part::Free { samples, .. }) => samples.first()?,
            });
        }
        let path = if path.is_empty() { "/" } else { &path };
        path.parse().ok()
    }
}

/// Every class of requests that one of the routers leads to an operation.
///
/// The router goes by the set of templates that match a path, and by their methods. The templates of
/// both tables together with all that two of them have in common are closed under meeting: of those that
/// match a path one is the narrowest, and a path made from it, with segments that nobody has as literals
/// in place of its parameters, is matched by the same templates.
pub fn classes(routers: [&Router; 2]) -> Vec<RequestClass> {
    let mut templates: Vec<(&Method, &PathTemplate)> = Vec::new();
    for router in routers {
        let operations = router.table().operations().iter();
        let listed = operations.flat_map(|operation| &operation.routes);
        templates.extend(listed.map(|route| (&route.method, &route.template)));
    }
    let literals = literals(routers.map(Router::table));
    let mut found = Vec::new();
    for shape in meets(templates.iter().map(|(_, template)| shape(template))) {
        let wider: Vec<&(&Method, &PathTemplate)> = templates
            .iter()
            .filter(|(_, template)| is_within(&shape, template))
            .collect();
        let mut methods: Vec<&Method> = wider.iter().map(|(method, _)| *method).collect();
        methods.sort_unstable_by_key(|method| method.as_str());
        methods.dedup();
        let parts = shape.iter().enumerate().map(|(at, literal)| match literal {
            Some(text) => Part::Literal(text.clone()),
            None => {
                let kinds = wider
                    .iter()
                    .filter_map(|(_, template)| kind_at(template, at));
                Part::Free {
                    samples: samples(at, kinds, &literals),
                    reserved: rivals(&shape, at, &templates),
                }
            }
        });
        let segments: Vec<Part> = parts.collect();
        let own = wider
            .iter()
            .find(|(_, template)| self::shape(template) == shape);
        let route = match own {
            Some((_, template)) => template.to_string(),
            None => spelled(&shape),
        };
        for method in methods {
            let class = RequestClass {
                method: method.clone(),
                route: route.clone(),
                is_listed: own.is_some(),
                segments: segments.clone(),
            };
            let is_routed = class.path(&BTreeMap::new()).is_some_and(|path| {
                let mut routers = routers.iter();
                routers.any(|router| router.resolve(method, &path).is_ok())
            });
            if is_routed {
                found.push(class);
            }
        }
    }
    found
}

fn shape(template: &PathTemplate) -> Shape {
    let segments = template.segments().iter();
    segments
        .map(|segment| match segment {
            Segment::Literal(text) => Some(text.clone()),
            Segment::Parameter(_) => None,
        })
        .collect()
}

fn spelled(shape: &Shape) -> String {
    let segments = shape.iter().map(|part| part.as_deref().unwrap_or("{…}"));
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        text.push_str(segment);
    }
    text
}

fn literals(tables: [&ActionTable; 2]) -> BTreeSet<String> {
    let operations = tables.into_iter().flat_map(ActionTable::operations);
    let routes = operations.flat_map(|operation| &operation.routes);
    let segments = routes.flat_map(|route| route.template.segments());
    segments
        .filter_map(|segment| match segment {
            Segment::Literal(text) => Some(text.clone()),
            Segment::Parameter(_) => None,
        })
        .collect()
}

/// The literals with which a path of `shape` would be of another class.
fn rivals(shape: &Shape, at: usize, templates: &[(&Method, &PathTemplate)]) -> Vec<String> {
    let others = templates.iter().map(|(_, template)| self::shape(template));
    let others = others.filter(|other| meet(shape, other).is_some());
    let literals: BTreeSet<String> = others.filter_map(|other| other.get(at)?.clone()).collect();
    literals.into_iter().collect()
}

/// `shapes` and all that several of them have in common.
fn meets(shapes: impl Iterator<Item = Shape>) -> BTreeSet<Shape> {
    let mut all: BTreeSet<Shape> = shapes.collect();
    let mut new: Vec<Shape> = all.iter().cloned().collect();
    while let Some(shape) = new.pop() {
        let met: Vec<Shape> = all.iter().filter_map(|other| meet(&shape, other)).collect();
        for met in met {
            if all.insert(met.clone()) {
                new.push(met);
            }
        }
    }
    all
}

fn meet(a: &Shape, b: &Shape) -> Option<Shape> {
    if a.len() != b.len() {
        return None;
    }
    let both = a.iter().zip(b).map(|parts| match parts {
        (Some(a), Some(b)) if a != b => None,
        (Some(text), _) | (None, Some(text)) => Some(Some(text.clone())),
        (None, None) => Some(None),
    });
    both.collect()
}

/// Whether a template matches every path of `shape`.
fn is_within(shape: &Shape, template: &PathTemplate) -> bool {
    let segments = template.segments();
    let mut both = shape.iter().zip(segments);
    shape.len() == segments.len()
        && both.all(|(part, segment)| match segment {
            Segment::Literal(text) => part.as_ref() == Some(text),
            Segment::Parameter(_) => true,
        })
}

fn kind_at(template: &PathTemplate, at: usize) -> Option<ParameterKind> {
    let Segment::Parameter(name) = template.segments().get(at)? else {
        return None;
    };
    let mut parameters = template.parameters();
    parameters
        .find(|(own, _)| own == name)
        .map(|(_, kind)| kind)
}

/// A version is an identifier, and an identifier a text. What a single kind refuses is refused on both
/// sides.
fn samples(
    at: usize,
    kinds: impl Iterator<Item = ParameterKind>,
    literals: &BTreeSet<String>,
) -> Vec<String> {
    let kinds: Vec<ParameterKind> = kinds.collect();
    let has = |kind| kinds.contains(&kind);
    let fresh = |start: &str| {
        let mut names = (at..).map(|number| format!("{start}{number}"));
        names.find(|name| !literals.contains(name))
    };
    let version = has(ParameterKind::Version).then(|| fresh("v9.")).flatten();
    let identifier = match has(ParameterKind::Identifier) || has(ParameterKind::Text) {
        true => fresh("x-"),
        false => None,
    };
    let text =
        match has(ParameterKind::Text) && kinds.iter().any(|kind| *kind != ParameterKind::Text) {
            true => fresh("~"),
            false => None,
        };
    version.into_iter().chain(identifier).chain(text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;
    use crate::table::Source;

    const TEMPLATES: [&str; 9] = [
        "/a/{x}/c",
        "/{y}/b/c",
        "/a/b/c",
        "/{p}/{q}/{r}",
        "/{p}/{q}/c",
        "/a/{b_id}",
        "/{a_version}/z",
        "/a/b",
        "/{s}/{t}",
    ];

    fn router(templates: &[&str]) -> Option<Router> {
        let operations = templates.iter().map(|template| {
            format!("[[operation]]\npermission = '{template}'\nroutes = ['GET {template}']\nactions = ['a:b:c']\nproject = 'none'")
        });
        let text = operations.collect::<Vec<_>>().join("\n");
        let source = Source {
            name: "t".to_owned(),
            text,
        };
        Router::new(ActionTable::load(&[source]).ok()?).ok()
    }

    /// Which operation a path leads to, or why it does not.
    fn found(router: &Router, path: &RequestPath) -> String {
        match router
            .resolve(&Method::GET, path)
            .and_then(|found| found.target(None))
        {
            Ok(target) => target.operation.permission.to_string(),
            Err(_) => "none".to_owned(),
        }
    }

    proptest! {
        /// No path is treated by the two routers as no sample is.
        #[test]
        fn every_path_is_like_a_sample(
            old in subsequence(&TEMPLATES[..], 1..9), new in subsequence(&TEMPLATES[..], 1..9),
            path in "/(a|b|x|v2|~q)/(b|z|x|v2|~q)(/(c|x|~q))?",
        ) {
            let (Some(old), Some(new)) = (router(&old), router(&new)) else {
                return Err(TestCaseError::fail("the tables of this test have to be good"));
            };
            let way = |path: &RequestPath| (found(&old, path), found(&new, path));
            let tried = way(&path.parse().unwrap());
            let mut ways = vec![("none".to_owned(), "none".to_owned())];
            for class in classes([&old, &new]) {
                let mut values = vec![BTreeMap::new()];
                for (at, part) in class.segments.iter().enumerate() {
                    let Part::Free { samples, .. } = part else { continue };
                    values = values.iter().flat_map(|known: &BTreeMap<usize, String>| {
                        samples.iter().map(|sample| {
                            let mut known = known.clone();
                            known.insert(at, sample.clone());
                            known
                        })
                    }).collect();
                }
                ways.extend(values.iter().filter_map(|values| Some(way(&class.path(values)?))));
            }
            prop_assert!(ways.contains(&tried), "{tried:?} {ways:?}");
        }
    }
}
