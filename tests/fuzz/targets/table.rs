//! Any text as table files: no panic; what is accepted holds every row of the texts and nothing else,
//! and each route leads to its own operation.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actiongate::router::{JsonBody, RequestPath, Router, UnlistedBody, Unroutable};
use actiongate::table::{Access, ActionTable, BodySelector, Operation, Route, Segment, Source};
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use oracle::mutation;
use serde_json::json;
use toml::de::{DeTable, DeValue};

/// Between two files in one input.
const NEXT_FILE: &str = "#----\n";

/// What an input may be made of.
static LINES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../lines/table").lines().collect());

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::lines(data, size, max_size, seed, &LINES, "\n")
});

fuzz_target!(|text: &str| -> Corpus {
    let files = text.split(NEXT_FILE).enumerate();
    let sources: Vec<Source> = files
        .map(|(index, text)| Source {
            name: format!("file {index}"),
            text: text.to_owned(),
        })
        .collect();
    let table = match ActionTable::load(&sources) {
        Ok(table) => table,
        Err(problems) => {
            for problem in &problems.0 {
                let source = sources.iter().find(|source| source.name == problem.file);
                let lines = source.map_or(0, |source| 1 + source.text.matches('\n').count());
                assert!(problem.line <= lines, "line out of the text: {problem}");
            }
            assert!(!problems.0.is_empty(), "refused without a problem");
            return Corpus::Keep;
        }
    };
    assert!(!table.operations().is_empty(), "nothing but refusals");
    check_rows(&table, &sources);
    let Ok(router) = Router::new(table) else {
        return Corpus::Keep;
    };
    let table = router.table();
    let value = unlike_any_literal(table);
    for operation in table.operations() {
        check_demands(table, operation);
        for route in &operation.routes {
            check_route(&router, operation, route, &value);
        }
    }
    Corpus::Keep
});

/// What a row says under a key.
type Rows = BTreeMap<String, [Vec<String>; 2]>;

/// Every row of the texts, the last of each permission, is in the table as it was written.
fn check_rows(table: &ActionTable, sources: &[Source]) {
    let mut written = Rows::new();
    for source in sources {
        let root = DeTable::parse(&source.text).expect("TOML");
        let Some(rows) = root.get_ref().get("operation") else {
            continue;
        };
        for row in rows.get_ref().as_array().expect("rows") {
            let row = row.get_ref().as_table().expect("a row");
            let texts = |key: &str| match row.get(key).map(toml::Spanned::get_ref) {
                Some(DeValue::Array(items)) => {
                    let texts = items.iter().map(|item| item.get_ref().as_str());
                    texts.map(|text| text.expect("a text").to_owned()).collect()
                }
                _ => Vec::new(),
            };
            let permission = row["permission"].get_ref().as_str().expect("a label");
            written.insert(permission.to_owned(), [texts("routes"), texts("actions")]);
        }
    }
    let read = table.operations().iter().map(|operation| {
        let routes = operation.routes.iter();
        let routes = routes.map(|route| format!("{} {}", route.method, route.template));
        let actions = operation.actions.iter().map(ToString::to_string);
        let row = [routes.collect(), actions.collect()];
        (operation.permission.to_string(), row)
    });
    assert_eq!(read.collect::<Rows>(), written);
}

/// A value for parameters that no template has as a literal.
fn unlike_any_literal(table: &ActionTable) -> String {
    let routes = table
        .operations()
        .iter()
        .flat_map(|operation| &operation.routes);
    let segments: Vec<&Segment> = routes.flat_map(|route| route.template.segments()).collect();
    let mut value = "0".to_owned();
    while segments.contains(&&Segment::Literal(value.clone())) {
        value.push('0');
    }
    value
}

/// Every action that is named is demanded, and only `access` makes an operation demand none.
fn check_demands(table: &ActionTable, operation: &Operation) {
    let required = operation.required.iter();
    let required: Vec<_> = required.filter_map(|id| table.name(*id)).collect();
    for action in &operation.actions {
        assert!(required.contains(&action), "{action} is not demanded");
    }
    assert_eq!(required.len(), operation.actions.len(), "{operation:?}");
    assert_eq!(
        required.is_empty(),
        operation.access != Access::Actions,
        "{operation:?}"
    );
}

fn check_route(router: &Router, operation: &Operation, route: &Route, value: &str) {
    let mut text = String::new();
    for segment in route.template.segments() {
        text.push('/');
        text.push_str(match segment {
            Segment::Literal(literal) => literal,
            Segment::Parameter(_) => value,
        });
    }
    if text.is_empty() {
        text.push('/');
    }
    let path: RequestPath = text.parse().expect("a template that no path matches");
    let candidates = router
        .resolve(&route.method, &path)
        .expect("a route that is never found");
    let body = match &operation.selector {
        Some(BodySelector::Key(key)) => Some(json!({ key: null })),
        Some(BodySelector::Value { member, values }) => Some(json!({ member: values.first() })),
        None => None,
    };
    let body = body.map(|body| JsonBody::parse(body.to_string().as_bytes()).expect("an object"));
    let target = match candidates.target(body) {
        Ok(target) => target,
        // Two rows may name members that some servers cannot tell apart.
        Err(Unroutable::Body(UnlistedBody::Alike(_))) => return,
        Err(error) => panic!("{text}: {error}"),
    };
    assert_eq!(target.operation.permission, operation.permission, "{text}");
    assert_eq!(target.route.template, route.template, "{text}");
}
