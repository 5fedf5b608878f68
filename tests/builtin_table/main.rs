//! The built-in table against the vendor's pages, row by row and both ways.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on has failed"
)]

mod facts;
mod routing;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use actiongate::table::{Access, ActionName, ActionTable, Operation, Source};
use facts::{Key, instances_of, keys};

/// Dependencies that the pages name for the version 2 of a route only; the operation has them for
/// both versions.
const SURPLUS: [(&str, &str); 3] = [
    (
        "DELETE",
        "/v2.1/{project_id}/servers/{server_id}/metadata/{key}",
    ),
    ("POST", "/v2.1/{project_id}/servers/{server_id}/metadata"),
    (
        "PUT",
        "/v2.1/{project_id}/servers/{server_id}/metadata/{key}",
    ),
];

/// The rows whose dependencies hang on the body.
const CREATIONS: [&str; 2] = [
    "/v1/{project_id}/cloudservers",
    "/v1.1/{project_id}/cloudservers",
];

fn table() -> ActionTable {
    ActionTable::load(&Source::builtin()).unwrap()
}

/// Every route of every operation that demands actions.
fn listed(table: &ActionTable) -> BTreeMap<Key, &Operation> {
    let demanding = table.operations().iter();
    let demanding = demanding.filter(|operation| operation.access == Access::Actions);
    let mut listed = BTreeMap::new();
    for operation in demanding {
        for key in keys(operation) {
            let earlier = listed.insert(key.clone(), operation);
            assert!(earlier.is_none(), "{key:?} stands twice");
        }
    }
    listed
}

fn names(actions: &[ActionName]) -> Vec<&str> {
    actions.iter().map(ActionName::as_str).collect()
}

#[test]
fn every_row_is_an_operation_and_every_operation_a_row() {
    let table = table();
    let listed = listed(&table);
    let mut known = BTreeSet::new();
    for row in facts::rows() {
        let operation = listed
            .get(&row.key)
            .unwrap_or_else(|| panic!("no {:?}", row.key));
        assert_eq!(names(&operation.actions), row.actions, "{:?}", row.key);
        let label = operation.permission.strip_prefix(row.permission);
        let is_label = matches!(label, Some("" | " (servers)" | " (V2)"));
        assert!(is_label, "{:?} is named {}", row.key, operation.permission);
        known.insert(row.key);
    }
    let found: BTreeSet<Key> = listed.into_keys().collect();
    assert_eq!(found, known);
}

#[test]
fn dependencies_are_those_of_the_pages() {
    let table = table();
    let listed = listed(&table);
    let mut surplus = Vec::new();
    for row in facts::rows() {
        let operation = listed[&row.key];
        let (method, path, _) = &row.key;
        if CREATIONS.contains(&path.as_str()) {
            let conditional = operation.conditional.iter().map(|conditional| {
                assert_eq!(conditional.required.len(), conditional.actions.len());
                (conditional.when.to_string(), names(&conditional.actions))
            });
            let expected = [
                (
                    "/server/publicip/eip".to_owned(),
                    vec!["vpc:publicIps:create"],
                ),
                (
                    "/server/publicip/id".to_owned(),
                    vec!["vpc:publicIps:update"],
                ),
            ];
            assert_eq!(conditional.collect::<Vec<_>>(), expected, "{path}");
            assert_eq!(
                row.dependencies,
                ["vpc:publicIps:create", "vpc:publicIps:update"]
            );
            assert!(operation.dependencies.is_empty(), "{path}");
            continue;
        }
        assert!(operation.conditional.is_empty(), "{path}");
        let found: BTreeSet<&str> = names(&operation.dependencies).into_iter().collect();
        let expected: BTreeSet<&str> = row.dependencies.into_iter().collect();
        if found != expected {
            assert_eq!(
                (found, expected.len()),
                (["ecs:servers:get"].into(), 0),
                "{path}"
            );
            surplus.push((method.clone(), path.clone()));
        }
    }
    surplus.sort();
    let expected = SURPLUS.map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(surplus, expected);
}

#[test]
fn the_counts_are_those_of_the_catalogue() {
    let table = table();
    let listed = listed(&table);
    let routes: BTreeSet<(&str, &str)> = listed
        .keys()
        .map(|(method, path, _)| (method.as_str(), path.as_str()))
        .collect();
    let paths: BTreeSet<&str> = routes.iter().map(|(_, path)| *path).collect();
    let shapes: BTreeSet<String> = listed
        .values()
        .flat_map(|operation| &operation.routes)
        .map(|route| route.template.shape())
        .collect();
    assert_eq!(
        (listed.len(), routes.len(), paths.len(), shapes.len()),
        (227, 206, 143, 143)
    );

    let operations = || table.operations().iter();
    let actions: BTreeSet<&ActionName> = operations().flat_map(|row| &row.actions).collect();
    let conditional = operations().flat_map(|row| &row.conditional);
    let dependencies: BTreeSet<&ActionName> = operations()
        .flat_map(|row| &row.dependencies)
        .chain(conditional.flat_map(|conditional| &conditional.actions))
        .collect();
    let resources: BTreeSet<String> = actions
        .iter()
        .map(|action| action.parts().nth(1).unwrap().to_lowercase())
        .collect();
    assert_eq!(
        (actions.len(), resources.len(), dependencies.len()),
        (107, 23, 53)
    );
    assert_eq!(actions.union(&dependencies).count(), 151);
    // What is demanded: the actions, and the two that hang on the body; and the newer names of which
    // only a denial counts, without one that is another row's action.
    let successors = operations().flat_map(|row| &row.successors);
    let newer: BTreeSet<&ActionName> = successors.filter(|name| !actions.contains(name)).collect();
    assert_eq!((table.actions().count(), newer.len()), (113, 4));
    for row in operations() {
        for newer in &row.successors {
            let aliases = table.aliases(newer);
            assert!(
                row.actions.iter().all(|action| aliases.contains(action)),
                "{newer}"
            );
        }
    }
}

#[test]
fn the_pages_have_their_rows_and_replace_none_of_each_other() {
    let expected = [
        ("aliases", 0),
        ("az_management", 3),
        ("batch_operations", 8),
        ("cloudserver_metadata", 2),
        ("disk_management", 24),
        ("ecs_group_management", 14),
        ("ecs_management_through_console", 2),
        ("ecs_status_management", 25),
        ("floating_ip_address_management", 8),
        ("fpga_logical_file_management", 7),
        ("image_management", 2),
        ("launch_templates", 4),
        ("lifecycle_management", 21),
        ("metadata_management", 14),
        ("network_management", 2),
        ("nic_management", 16),
        ("password_management", 9),
        ("recycle_bin_management", 6),
        ("scheduled_events", 2),
        ("security_group_management", 20),
        ("specifications_query", 5),
        ("ssh_key_management", 8),
        ("tag_management", 20),
        ("tenant_quota_management", 5),
        ("without_actions", 12),
    ];
    let mut found: HashMap<String, usize> = HashMap::new();
    for operation in table().operations() {
        *found.entry(operation.place.file.clone()).or_default() += operation.routes.len();
    }
    for (source, (name, rows)) in Source::builtin().iter().zip(expected) {
        assert_eq!(source.name, format!("ecs/{name} (built in)"));
        assert_eq!(
            found.remove(&source.name).unwrap_or_default(),
            rows,
            "{name}"
        );
    }
    assert_eq!((found.len(), Source::builtin().len()), (0, expected.len()));
}

#[test]
fn aliases_are_those_of_the_pages() {
    let table = table();
    let pairs = facts::aliases();
    assert_eq!(pairs.len(), 26);
    let mut actions: BTreeSet<ActionName> = table.actions().map(|(_, name)| name.clone()).collect();
    actions.extend(pairs.iter().flatten().map(|name| name.parse().unwrap()));
    for action in actions {
        let is_of = |pair: &&[&str; 2]| pair[0] == action.as_str();
        let expected: BTreeSet<&str> = pairs.iter().filter(is_of).map(|pair| pair[1]).collect();
        let found: BTreeSet<&str> = names(table.aliases(&action)).into_iter().collect();
        assert_eq!(found, expected, "{action}");
    }
}

#[test]
fn instances_are_where_the_pages_say() {
    let table = table();
    let found: BTreeMap<Key, String> = table
        .operations()
        .iter()
        .filter_map(|operation| Some((operation, instances_of(operation)?)))
        .flat_map(|(operation, at)| {
            keys(operation)
                .into_iter()
                .map(move |key| (key, at.clone()))
        })
        .collect();
    let facts = facts::instances();
    assert_eq!(facts.len(), 27);
    let expected = facts.into_iter().map(|(key, at)| (key, at.to_owned()));
    assert_eq!(found, expected.collect());
}

#[test]
fn routes_without_actions_are_these() {
    let table = table();
    let granted: Vec<(Access, Vec<Key>)> = table
        .operations()
        .iter()
        .filter(|operation| operation.access != Access::Actions)
        .map(|operation| (operation.access, keys(operation)))
        .collect();
    let with = |wanted: Access| {
        let of_it = granted.iter().filter(move |(access, _)| *access == wanted);
        of_it
            .flat_map(|(_, keys)| keys)
            .cloned()
            .collect::<BTreeSet<Key>>()
    };
    let get = |path: &str| ("GET".to_owned(), path.to_owned(), String::new());
    let versions = ["/", "/v2", "/v2/", "/v2.1", "/v2.1/"].map(get);
    assert_eq!(with(Access::Public), versions.into());
    let facts = facts::without_actions();
    assert_eq!(facts.len(), 60);
    let authenticated = facts
        .into_iter()
        .filter(|(_, access)| *access == "authenticated");
    let expected: BTreeSet<Key> = authenticated.map(|(key, _)| key).collect();
    assert_eq!(
        (with(Access::Authenticated), 7),
        (expected.clone(), expected.len())
    );
}

#[test]
fn every_route_is_of_the_project_in_its_path() {
    let table = table();
    for operation in table.operations() {
        let is_public = operation.access == Access::Public;
        let expected = (!is_public).then_some("project_id");
        assert_eq!(
            operation.project.as_deref(),
            expected,
            "{}",
            operation.permission
        );
        assert_eq!(operation.domain, None, "{}", operation.permission);
    }
}

/// `deploy/openstack-clients.toml` stands beside the built-in table and demands nothing new.
#[test]
fn the_table_for_openstacks_clients_demands_what_the_builtin_one_does() {
    let name = "deploy/openstack-clients.toml";
    let text = std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut sources = Source::builtin();
    let builtin = ActionTable::load(&sources).unwrap();
    let name = name.to_owned();
    sources.push(Source { name, text });
    let both = ActionTable::load(&sources).unwrap();
    assert_eq!(both.operations().len(), builtin.operations().len() + 7);
    assert_eq!(both.actions().count(), builtin.actions().count());
    assert!(actiongate::router::Router::new(both).is_ok());
}
