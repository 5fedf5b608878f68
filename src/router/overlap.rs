//! Templates that match the same path: which of them is chosen, and what that hides.
//!
//! The router's choice is certain, the upstream's need not be the same: who reads a table should
//! know of every path where a literal and a parameter compete.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::table::{ActionTable, Operation, Place, Route, Segment};

/// A path that two templates match.
#[derive(Debug)]
pub enum Overlap<'a> {
    /// With a method that both have, for different operations.
    TwoReadings {
        /// What the router takes it for.
        chosen: &'a Route,
        /// What else it could be.
        other: &'a Route,
        /// Such a path.
        path: String,
    },
    /// With a method that only the template which is not chosen has: it is refused.
    MethodGap {
        /// What the router takes the path for.
        chosen: &'a Route,
        /// What would have matched with its method.
        other: &'a Route,
        /// Such a path.
        path: String,
    },
}

impl Overlap<'_> {
    /// Where the two are written, the chosen one first.
    pub fn places(&self) -> [&Place; 2] {
        match self {
            Self::TwoReadings { chosen, other, .. } | Self::MethodGap { chosen, other, .. } => {
                [&chosen.place, &other.place]
            }
        }
    }
}

impl fmt::Display for Overlap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoReadings {
                chosen,
                other,
                path,
            } => {
                let (method, template, place) = (&other.method, &other.template, &other.place);
                write!(
                    f,
                    "`{method} {path}` is read as `{}` and could be `{template}` ({}:{}): the upstream has to read it the same way",
                    chosen.template, place.file, place.line
                )
            }
            Self::MethodGap {
                chosen,
                other,
                path,
            } => {
                let (method, template, place) = (&other.method, &other.template, &other.place);
                write!(
                    f,
                    "`{method} {path}` is refused: `{}` hides it from `{template}` ({}:{})",
                    chosen.template, place.file, place.line
                )
            }
        }
    }
}

/// Every overlap of the table's templates, in the order of the table.
pub fn overlaps(table: &ActionTable) -> Vec<Overlap<'_>> {
    let shapes = shapes(table);
    let mut tree = vec![Node::default()];
    for (index, shape) in shapes.iter().enumerate() {
        insert(&mut tree, shape.segments(), index);
    }
    let mut found = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        let mut others = matching(&tree, shape.segments());
        others.retain(|other| *other > index);
        others.sort_unstable();
        for other in others {
            let Some(other_shape) = shapes.get(other) else {
                continue;
            };
            let common = common(shape.segments(), other_shape.segments());
            match choose(&tree, 0, &common) {
                Some(chosen) if chosen == index => compare(shape, other_shape, &common, &mut found),
                Some(chosen) if chosen == other => compare(other_shape, shape, &common, &mut found),
                // A third one is chosen, which overlaps with each of the two.
                _ => {}
            }
        }
    }
    found
}

/// The routes of one shape, which is as long as its first route's template says.
struct Shape<'a>(Vec<(&'a Operation, &'a Route)>);

impl<'a> Shape<'a> {
    fn segments(&self) -> &'a [Segment] {
        let first = self.0.first();
        first.map_or(&[], |(_, route)| route.template.segments())
    }
}

fn shapes(table: &ActionTable) -> Vec<Shape<'_>> {
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for operation in table.operations() {
        for route in &operation.routes {
            let index = *known.entry(route.template.shape()).or_insert(shapes.len());
            match shapes.get_mut(index) {
                Some(shape) => shape.0.push((operation, route)),
                None => shapes.push(Shape(vec![(operation, route)])),
            }
        }
    }
    shapes
}

/// One segment deeper into the paths of a table.
#[derive(Default)]
struct Node<'a> {
    literals: BTreeMap<&'a str, usize>,
    parameter: Option<usize>,
    shape: Option<usize>,
}

fn insert<'a>(tree: &mut Vec<Node<'a>>, segments: &'a [Segment], shape: usize) {
    let mut at = 0;
    for segment in segments {
        let next = tree.len();
        let Some(node) = tree.get_mut(at) else { return };
        at = match segment {
            Segment::Literal(text) => *node.literals.entry(text).or_insert(next),
            Segment::Parameter(_) => *node.parameter.get_or_insert(next),
        };
        if at == next {
            tree.push(Node::default());
        }
    }
    if let Some(node) = tree.get_mut(at) {
        node.shape = Some(shape);
    }
}

/// The shapes that some path matches which `segments` match, too; itself among them.
fn matching(tree: &[Node<'_>], segments: &[Segment]) -> Vec<usize> {
    let mut nodes: Vec<&Node<'_>> = tree.first().into_iter().collect();
    for segment in segments {
        let mut next = Vec::<&usize>::new();
        for node in nodes {
            // No parameter stands for what is after the last slash of `/v2.1/`.
            match segment {
                Segment::Literal(text) => {
                    next.extend(node.literals.get(text.as_str()));
                    next.extend(node.parameter.iter().filter(|_| !text.is_empty()));
                }
                Segment::Parameter(_) => {
                    let literals = node.literals.iter();
                    let literals = literals.filter(|(text, _)| !text.is_empty());
                    next.extend(literals.map(|(_, index)| index));
                    next.extend(&node.parameter);
                }
            }
        }
        nodes = next
            .into_iter()
            .filter_map(|index| tree.get(*index))
            .collect();
    }
    nodes.into_iter().filter_map(|node| node.shape).collect()
}

/// What is asked of a path that both match.
fn common(a: &[Segment], b: &[Segment]) -> Vec<Segment> {
    let pairs = a.iter().zip(b);
    let common = pairs.map(|(a, b)| match a {
        Segment::Literal(_) => a.clone(),
        Segment::Parameter(_) => b.clone(),
    });
    common.collect()
}

/// The shape that the router's tree finds for `segments`, whose parameters are like no literal: a
/// literal first, then the parameter.
fn choose(tree: &[Node<'_>], at: usize, segments: &[Segment]) -> Option<usize> {
    let node = tree.get(at)?;
    let Some((segment, rest)) = segments.split_first() else {
        return node.shape;
    };
    let literal = match segment {
        Segment::Literal(text) => node.literals.get(text.as_str()),
        Segment::Parameter(_) => None,
    };
    let found = literal.and_then(|next| choose(tree, *next, rest));
    found.or_else(|| choose(tree, node.parameter?, rest))
}

fn compare<'a>(
    chosen: &Shape<'a>,
    hidden: &Shape<'a>,
    common: &[Segment],
    found: &mut Vec<Overlap<'a>>,
) {
    let segments = common.iter().map(|segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(name) => format!("/{{{name}}}"),
    });
    let path: String = segments.collect();
    let mut told = Vec::new();
    for (operation, other) in &hidden.0 {
        if told.contains(&&other.method) {
            continue;
        }
        told.push(&other.method);
        let same_method = chosen
            .0
            .iter()
            .find(|(_, route)| route.method == other.method);
        match (same_method, chosen.0.first()) {
            (Some((known, _)), _) if known.permission == operation.permission => {}
            (Some((_, route)), _) => found.push(Overlap::TwoReadings {
                chosen: route,
                other,
                path: path.clone(),
            }),
            (None, Some((_, route))) => found.push(Overlap::MethodGap {
                chosen: route,
                other,
                path: path.clone(),
            }),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::Router;
    use crate::table::Source;
    use hyper::Method;
    use proptest::prelude::*;

    fn table(routes: &[String]) -> ActionTable {
        let row = |(line, route): (usize, &String)| {
            format!(
                "[[operation]]\npermission = '{line}'\nroutes = ['{route}']\nproject = 'none'\nactions = ['a:b:c']\n"
            )
        };
        let text = routes
            .iter()
            .enumerate()
            .map(row)
            .collect::<Vec<_>>()
            .concat();
        let name = "own.toml".to_owned();
        ActionTable::load(&[Source { name, text }]).unwrap()
    }

    #[test]
    fn tells_what_a_literal_hides() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&["GET /s/{id}", "GET /t/detail", "GET /s/{id}/detail"], &[]),
            (
                &["GET /s/{id}", "PUT /s/{id}", "GET /s/detail"],
                &[
                    "`GET /s/detail` is read as `/s/detail` and could be `/s/{id}` (own.toml:3): the upstream has to read it the same way",
                    "`PUT /s/detail` is refused: `/s/detail` hides it from `/s/{id}` (own.toml:8)",
                ],
            ),
            (
                &["PUT /s/new", "GET /s/{id}"],
                &["`GET /s/new` is refused: `/s/new` hides it from `/s/{id}` (own.toml:8)"],
            ),
            (
                &["GET /s/{id}/x", "GET /s/y/{key}"],
                &[
                    "`GET /s/y/x` is read as `/s/y/{key}` and could be `/s/{id}/x` (own.toml:3): the upstream has to read it the same way",
                ],
            ),
            (&["GET /s/{id}", "PUT /s/{id}", "DELETE /s/{other}"], &[]),
            (&["GET /v2/", "GET /v2/{id}", "GET /v2"], &[]),
        ];
        for (routes, expected) in cases {
            let routes: Vec<String> = routes.iter().map(|route| (*route).to_owned()).collect();
            let table = table(&routes);
            let found: Vec<String> = overlaps(&table).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{routes:?}");
        }
    }

    /// By the definition: two templates overlap where a path matches both.
    fn obvious(a: &str, b: &str) -> bool {
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
        let is_parameter = |text: &str| text.starts_with('{');
        let fits = |(a, b): (&&str, &&str)| a == b || is_parameter(a) || is_parameter(b);
        a.len() == b.len() && a != b && a.iter().zip(&b).all(fits)
    }

    fn joined(a: &str, b: &str) -> String {
        let pairs = a.split('/').zip(b.split('/'));
        let segments = pairs.map(|(a, b)| if a.starts_with('{') { b } else { a });
        segments.collect::<Vec<_>>().join("/")
    }

    proptest! {
        #[test]
        fn finds_every_pair_and_no_other(
            paths in proptest::collection::btree_set("/(a|b|\\{x\\})(/(a|b|\\{y\\})(/(a|\\{z\\}))?)?", 1..12),
        ) {
            let routes: Vec<String> = paths.iter().map(|path| format!("GET {path}")).collect();
            let router = Router::new(table(&routes)).unwrap();
            let paths: Vec<&String> = paths.iter().collect();
            let mut expected = Vec::new();
            for (at, a) in paths.iter().enumerate() {
                for b in paths.iter().skip(at + 1).filter(|b| obvious(a, b)) {
                    // Or every path of both is a third one's.
                    let both = joined(a, b).replace(['{', '}'], "_").parse().unwrap();
                    let found = router.resolve(&Method::GET, &both).unwrap().target(None).unwrap();
                    if ![a.as_str(), b.as_str()].contains(&found.route.template.as_str()) {
                        continue;
                    }
                    let mut pair = [(*a).clone(), (**b).clone()];
                    pair.sort();
                    expected.push(pair);
                }
            }
            let mut found: Vec<[String; 2]> = Vec::new();
            for overlap in overlaps(router.table()) {
                let Overlap::TwoReadings { chosen, other, path } = overlap else {
                    panic!("one method only");
                };
                // What is said to be chosen is what the router finds.
                let path = path.replace(['{', '}'], "_").parse().unwrap();
                let target = router.resolve(&chosen.method, &path).unwrap().target(None).unwrap();
                prop_assert_eq!(target.route.template.as_str(), chosen.template.as_str());
                let mut pair = [chosen.template.to_string(), other.template.to_string()];
                pair.sort();
                found.push(pair);
            }
            expected.sort();
            found.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
