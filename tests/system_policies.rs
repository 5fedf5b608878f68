//! What the vendor's system policies allow, row by row of the built-in table.
//!
//! `tests/system_policies.txt` holds the whole matrix, so that a change of what somebody may do shows
//! up as a diff.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

use actiongate::grant::{
    Address, ClaimMapping, Compiler, Grants, Instances, NamedPolicy, Principal, Request, Role,
    Verdict, system_policies,
};
use actiongate::table::{Access, ActionTable, BodySelector, Operation, Source};
use serde_json::json;

const HEAD: &str = "\
# What each system policy allows of the built-in table: F is ECS FullAccess, C ECS CommonOperations,
# R ECS ReadOnlyAccess, S Server Administrator, `-` not. First with the required actions alone, then
# with enforced dependencies. What a body may demand besides is not demanded.
";
const LETTERS: [char; 4] = ['F', 'C', 'R', 'S'];

fn table() -> ActionTable {
    ActionTable::load(&Source::builtin()).unwrap()
}

/// What a token with one role grants, whose one policy is this system policy.
fn holder(policy: &str, table: &ActionTable) -> Grants {
    let pointer = |text: &str| text.parse().unwrap();
    let mapping = ClaimMapping {
        roles: Some(pointer("/roles")),
        ..ClaimMapping::new(pointer("/project_id"), pointer("/sub"))
    };
    let roles = system_policies().map(|(name, document)| Role {
        name: name.to_owned(),
        line: 1,
        policies: vec![Arc::new(
            NamedPolicy::read(name.to_owned(), document.as_bytes()).unwrap(),
        )],
    });
    let roles: Vec<Role> = roles.collect();
    let (roles, errors) = Compiler::new(table).compile(&roles, &mapping.keys);
    assert_eq!(errors, []);
    let claims = json!({"roles": [policy], "project_id": "p"});
    let principal = Principal::new(0, claims.as_object().unwrap(), &mapping, &roles, table);
    let principal = principal.unwrap();
    assert_eq!(principal.unknown_roles.count(), 0, "{policy}");
    principal.grants
}

fn holders(table: &ActionTable) -> Vec<Grants> {
    let policies = system_policies();
    policies.map(|(name, _)| holder(name, table)).collect()
}

fn allows(grants: &Grants, operation: &Operation) -> bool {
    let request = Request {
        now: 0,
        address: Address::Absent,
        instances: Instances::default(),
    };
    let mut required = operation.required.iter();
    required.all(|action| grants.verdict(*action, &request) == Verdict::Allowed)
}

/// The rows of the vendor's pages: what demands actions, each route and body key for itself.
fn rows(table: &ActionTable) -> Vec<(String, &Operation)> {
    let operations = table.operations().iter();
    let demanding = operations.filter(|operation| operation.access == Access::Actions);
    let rows = demanding.flat_map(|operation| {
        let key = match &operation.selector {
            Some(BodySelector::Key(key)) => format!(" {key}"),
            _ => String::new(),
        };
        let routes = operation.routes.iter();
        let names = routes.map(move |route| format!("{} {}{key}", route.method, route.template));
        names.map(move |name| (name, operation))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(name, _)| {
        let (method, path) = name.split_once(' ').unwrap();
        (path.to_owned(), method.to_owned())
    });
    rows
}

fn letters(holders: &[Grants], operation: &Operation) -> String {
    let allowed = holders.iter().map(|grants| allows(grants, operation));
    let letters = LETTERS.iter().zip(allowed);
    letters
        .map(|(letter, allowed)| if allowed { *letter } else { '-' })
        .collect()
}

#[test]
fn the_matrix_is_as_recorded() {
    let (table, enforcing) = (table(), table().enforcing_dependencies());
    let (holders, strict) = (holders(&table), holders(&enforcing));
    let mut found = HEAD.to_owned();
    for ((name, operation), (same, demanding)) in rows(&table).into_iter().zip(rows(&enforcing)) {
        assert_eq!(name, same);
        let plain = letters(&holders, operation);
        let strict = letters(&strict, demanding);
        writeln!(found, "{plain} {strict} {name}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system_policies.txt");
    if env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1") {
        fs::write(&path, &found).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differences: Vec<&str> = found
        .lines()
        .filter(|line| !golden.lines().any(|known| known == *line))
        .collect();
    assert!(
        golden == found,
        "what the system policies allow differs from {}:\n\n{}\n\nIf this is the policy you want, \
         accept it with\n\n  UPDATE_GOLDEN=1 cargo test --test system_policies\n\nand commit the file.\n",
        path.display(),
        differences.join("\n")
    );
}

fn count(table: &ActionTable) -> [usize; 4] {
    let (holders, rows) = (holders(table), rows(table));
    let counts = holders.iter().map(|grants| {
        let allowed = rows
            .iter()
            .filter(|(_, operation)| allows(grants, operation));
        allowed.count()
    });
    counts.collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn each_policy_allows_as_many_rows_as_the_vendor_says() {
    let table = table();
    assert_eq!(rows(&table).len(), 227);
    assert_eq!(count(&table), [227, 142, 85, 227]);
    assert_eq!(count(&table.enforcing_dependencies()), [224, 114, 69, 222]);
}

/// The vendor's page "Permissions", table "Common operations supported by each system-defined
/// policy or role of ECS", where a row of ours is one of its operations.
#[test]
fn the_vendors_operations_are_allowed_as_its_page_says() {
    let table = table();
    let [_, common, reader, _] = holders(&table).try_into().unwrap();
    let rows = rows(&table);
    let find = |name: &str| {
        let found = rows.iter().find(|(row, _)| row == name);
        found.unwrap_or_else(|| panic!("no row {name}")).1
    };
    let native = "/v2.1/{project_id}/servers";
    let cloud = "/v1/{project_id}/cloudservers";
    let cases = [
        // Create an ECS.
        (format!("POST {native}"), false, false),
        (format!("POST {cloud}"), false, false),
        // Log in through the management console.
        (
            format!("POST {native}/{{server_id}}/remote-consoles"),
            true,
            false,
        ),
        // Query ECSs and details about one.
        (format!("GET {native}"), true, true),
        (format!("GET {native}/detail"), true, true),
        (format!("GET {native}/{{server_id}}"), true, true),
        (format!("GET {cloud}/detail"), true, true),
        (format!("GET {cloud}/{{server_id}}"), true, true),
        // Modify details.
        (format!("PUT {native}/{{server_id}}"), false, false),
        (format!("PUT {cloud}/{{server_id}}"), false, false),
        // Start, stop and restart.
        (
            format!("POST {native}/{{server_id}}/action os-start"),
            true,
            false,
        ),
        (
            format!("POST {native}/{{server_id}}/action os-stop"),
            true,
            false,
        ),
        (
            format!("POST {native}/{{server_id}}/action reboot"),
            true,
            false,
        ),
        (format!("POST {cloud}/action os-start"), true, false),
        (format!("POST {cloud}/action os-stop"), true, false),
        (format!("POST {cloud}/action reboot"), true, false),
        // Delete.
        (format!("DELETE {native}/{{server_id}}"), false, false),
        (format!("POST {cloud}/delete"), false, false),
        // Reinstall and change the operating system.
        (
            format!("POST {cloud}/{{server_id}}/reinstallos"),
            false,
            false,
        ),
        (format!("POST {cloud}/{{server_id}}/changeos"), false, false),
        // Attach and detach a disk.
        (
            format!("POST {cloud}/{{server_id}}/attachvolume"),
            false,
            false,
        ),
        (
            format!("DELETE {cloud}/{{server_id}}/detachvolume/{{volume_id}}"),
            false,
            false,
        ),
        // Query disks.
        (
            format!("GET {cloud}/{{server_id}}/block_device"),
            true,
            true,
        ),
        (
            format!("GET {native}/{{server_id}}/os-volume_attachments"),
            true,
            true,
        ),
        // Attach and detach a network interface.
        (format!("POST {cloud}/{{server_id}}/nics"), false, false),
        (
            format!("POST {cloud}/{{server_id}}/nics/delete"),
            false,
            false,
        ),
        (
            format!("GET {native}/{{server_id}}/os-interface"),
            true,
            true,
        ),
        // Modify specifications.
        (format!("POST {cloud}/{{server_id}}/resize"), false, false),
        (
            format!("POST {native}/{{server_id}}/action resize"),
            false,
            false,
        ),
        // Query flavors and groups.
        (format!("GET {cloud}/flavors"), true, true),
        (format!("GET {cloud}/os-server-groups"), true, true),
        // Add tags.
        (
            format!("PUT {native}/{{server_id}}/tags/{{tag}}"),
            true,
            false,
        ),
    ];
    for (name, for_common, for_reader) in cases {
        let operation = find(&name);
        let found = (allows(&common, operation), allows(&reader, operation));
        assert_eq!(found, (for_common, for_reader), "{name}");
    }
}
