//! Any text as table files: no panic; what is accepted holds every row of the texts and nothing else,
//! and each route leads to its own operation.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use actiongate::router::{JsonBody, RequestPath, Router, UnlistedBody, Unroutable};
use actiongate::table::{
    Access, ActionName, ActionTable, BodySelector, Operation, Route, Segment, Source,
};
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

/// What each row says, by its keys.
type Rows = BTreeMap<String, BTreeMap<String, Vec<String>>>;
/// Actions with their older names.
type Aliases = BTreeMap<String, BTreeSet<String>>;

/// Every row of the texts, the last of each permission, is in the table as it was written, and every
/// alias.
fn check_rows(table: &ActionTable, sources: &[Source]) {
    let (mut rows, mut aliases) = (Rows::new(), Aliases::new());
    for source in sources {
        let root = DeTable::parse(&source.text).expect("TOML");
        for row in tables(root.get_ref(), "operation") {
            let mut texts = BTreeMap::new();
            for key in [
                "routes",
                "actions",
                "dependencies",
                "successors",
                "body_key",
                "resource",
                "access",
                "domain",
            ] {
                add(&mut texts, key, read(row, key));
            }
            if let Some(value) = row.get("body_value") {
                let member = value.get_ref().as_table().expect("a member");
                let name = member.keys().next().expect("a member").get_ref();
                add(&mut texts, "body_value", vec![name.to_string()]);
                add(&mut texts, "body_value", read(member, name));
            }
            for conditional in tables(row, "conditional") {
                add(&mut texts, "conditional", read(conditional, "when"));
                add(&mut texts, "conditional", read(conditional, "actions"));
            }
            let permission = read(row, "permission").concat();
            rows.insert(permission, texts);
        }
        for row in tables(root.get_ref(), "alias") {
            for action in read(row, "actions") {
                let known = aliases.entry(action).or_default();
                known.extend(read(row, "alias"));
            }
        }
    }
    let operations = table.operations().iter();
    let loaded = operations.map(|operation| (operation.permission.to_string(), row(operation)));
    assert_eq!(loaded.collect::<Rows>(), rows);
    for (action, expected) in aliases {
        let action: ActionName = action.parse().expect("an action");
        let found = table.aliases(&action).iter().map(ToString::to_string);
        assert_eq!(found.collect::<BTreeSet<_>>(), expected, "{action}");
    }
}

/// The tables of an array, in whichever way it is written.
fn tables<'a, 't>(
    table: &'a DeTable<'t>,
    key: &str,
) -> impl Iterator<Item = &'a DeTable<'t>> + use<'a, 't> {
    let items = table.get(key).map(|items| items.get_ref().as_array());
    let items = items.map(|items| items.expect("an array").iter());
    let tables = items.into_iter().flatten();
    tables.map(|item| item.get_ref().as_table().expect("a table"))
}

/// One text or several.
fn read(table: &DeTable<'_>, key: &str) -> Vec<String> {
    match table.get(key).map(toml::Spanned::get_ref) {
        Some(DeValue::Array(items)) => {
            let texts = items.iter().map(|item| item.get_ref().as_str());
            texts.map(|text| text.expect("a text").to_owned()).collect()
        }
        Some(DeValue::String(text)) => vec![text.to_string()],
        _ => Vec::new(),
    }
}

fn add(texts: &mut BTreeMap<String, Vec<String>>, key: &str, more: Vec<String>) {
    if !more.is_empty() {
        texts.entry(key.to_owned()).or_default().extend(more);
    }
}

/// What the table says of a row, in the words of the texts.
fn row(operation: &Operation) -> BTreeMap<String, Vec<String>> {
    let mut texts = BTreeMap::new();
    let names = |names: &[ActionName]| names.iter().map(ToString::to_string).collect();
    let routes = operation.routes.iter();
    let routes = routes.map(|route| format!("{} {}", route.method, route.template));
    add(&mut texts, "routes", routes.collect());
    add(&mut texts, "actions", names(&operation.actions));
    add(&mut texts, "dependencies", names(&operation.dependencies));
    add(&mut texts, "successors", names(&operation.successors));
    match &operation.selector {
        None => {}
        Some(BodySelector::Key(key)) => add(&mut texts, "body_key", vec![key.clone()]),
        Some(BodySelector::Value { member, values }) => {
            add(&mut texts, "body_value", vec![member.clone()]);
            add(&mut texts, "body_value", values.clone());
        }
    }
    for conditional in &operation.conditional {
        add(
            &mut texts,
            "conditional",
            vec![conditional.when.to_string()],
        );
        add(&mut texts, "conditional", names(&conditional.actions));
    }
    let resource = operation.resource.iter().map(ToString::to_string);
    add(&mut texts, "resource", resource.collect());
    add(
        &mut texts,
        "domain",
        operation.domain.iter().cloned().collect(),
    );
    let access = match operation.access {
        Access::Actions => Vec::new(),
        Access::Authenticated => vec!["authenticated".to_owned()],
        Access::Public => vec!["public".to_owned()],
    };
    add(&mut texts, "access", access);
    texts
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
    let ids = operation.required.iter();
    let required: Vec<_> = ids.filter_map(|id| table.name(*id)).collect();
    assert_eq!(required, operation.actions.iter().collect::<Vec<_>>());
    assert_eq!(
        required.is_empty(),
        operation.access != Access::Actions,
        "{operation:?}"
    );
    for conditional in &operation.conditional {
        let ids = conditional.required.iter();
        let required: Vec<_> = ids.filter_map(|id| table.name(*id)).collect();
        assert_eq!(required, conditional.actions.iter().collect::<Vec<_>>());
        assert!(!required.is_empty(), "{operation:?}");
    }
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
    for body in bodies(operation) {
        let candidates = router
            .resolve(&route.method, &path)
            .expect("a route that is never found");
        assert_eq!(candidates.reads_body(), body.is_some(), "{text}");
        let json = body.as_ref().map(|body| {
            let parsed = JsonBody::parse(body.as_bytes());
            parsed.expect("an object")
        });
        match candidates.target(json) {
            Ok(target) => {
                assert_eq!(target.operation.permission, operation.permission, "{text}");
                assert_eq!(target.route.template, route.template, "{text}");
            }
            // What selects may look like what another key asks for.
            Err(Unroutable::Body(UnlistedBody::Alike(_))) => {}
            Err(error) => panic!("{text} with {body:?}: {error}"),
        }
    }
}

/// Bodies that lead to the operation; none where no body is asked for.
fn bodies(operation: &Operation) -> Vec<Option<String>> {
    match &operation.selector {
        None => vec![operation.reads_body().then(|| "{}".to_owned())],
        Some(BodySelector::Key(key)) => vec![Some(json!({ key: null }).to_string())],
        Some(BodySelector::Value { member, values }) => {
            let bodies = values.iter().map(|value| json!({ member: value }));
            bodies.map(|body| Some(body.to_string())).collect()
        }
    }
}
