use super::*;
use crate::table::Access;

fn source(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn problems(sources: &[Source]) -> Vec<String> {
    let problems = load(sources).expect_err("the table is broken");
    problems.0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_builtin_table_is_the_vendors_page() {
    let table = load(&Source::builtin()).unwrap();
    let routes: usize = table
        .operations()
        .iter()
        .map(|operation| operation.routes.len())
        .sum();
    assert_eq!((table.operations().len(), routes), (8, 14));
    let put = table
        .operations()
        .iter()
        .find(|operation| operation.permission.starts_with("Configuring"))
        .unwrap();
    let names: Vec<&str> = put.actions.iter().map(ActionName::as_str).collect();
    assert_eq!(names, ["ecs:servers:setMetadata", "ecs:servers:get"]);
    assert_eq!(put.required.len(), 2);
}

#[test]
fn reports_everything_at_once() {
    let text = r#"
[[operation]]
permission = "a"
routes = ["GET /v1{project_id}/x", "get /y", "GET/z",
          "CONNECT /c"]
actions = ["ecs:servers", "ecs:servers:*"]

[[operation]]
permission = "b"
routes = ["GET /b/{project_id}", "GET /b/{other}"]
actions = []

[[operation]]
permission = "b"
routes = []
action = ["ecs:servers:get"]

[[operation]]
routes = ["GET /d"]
project = "none"
actions = ["ecs:servers:get", "ecs:servers:get"]
access = "open"
"#;
    let expected = [
        "t.toml:4: `GET /v1{project_id}/x` is not a route, expected a method and a path template such as `GET /v2.1/{project_id}/servers`: \
         `v1{project_id}` is neither a literal nor one `{parameter}`; is a `/` missing?",
        "t.toml:4: `get /y` is not a route, expected a method and a path template such as `GET /v2.1/{project_id}/servers`: `get` is not a method in upper case",
        "t.toml:4: `GET/z` is not a route, expected a method and a path template such as `GET /v2.1/{project_id}/servers`: there is no space between them",
        "t.toml:5: `CONNECT /c` is not a route, expected a method and a path template such as `GET /v2.1/{project_id}/servers`: `CONNECT` is never forwarded",
        "t.toml:6: `ecs:servers` is not an action `service:resource:verb`: expected three parts as in `ecs:servers:get`, found 2",
        "t.toml:6: `ecs:servers:*` is not an action `service:resource:verb`: expected letters, digits, `-` and `_` in each part, found `*`",
        "t.toml:10: `/b/{other}` has no parameter `{project_id}`, expected one, or `project` with the parameter that is the project, or \"none\": without it no token's project would be checked",
        "t.toml:10: the route `GET /b/{other}` is already defined at t.toml:10, expected each route once",
        "t.toml:11: `operation.actions` is empty, expected at least one action, or `access`",
        "t.toml:13: the permission `b` is already defined at line 8, expected one [[operation]] for each",
        "t.toml:15: `operation.routes` is empty, expected at least one route",
        "t.toml:16: `operation.action` is not a known key; did you mean `actions`?",
        "t.toml:18: `operation.permission` is missing, expected the vendor's label, such as \"Querying ECS Metadata\"",
        "t.toml:21: `ecs:servers:get` stands twice, expected each action once",
        "t.toml:22: `operation.access` is `open`, expected \"authenticated\" or \"public\": operations that demand actions name them and leave `access` out",
    ];
    assert_eq!(problems(&[source("t.toml", text)]), expected);
}

#[test]
fn a_later_file_adds_and_replaces() {
    let own = r#"
[[operation]]
permission = "Managing Automatic Recovery of an ECS"
routes = ["PUT /v1/{project_id}/cloudservers/{server_id}/autorecovery"]
actions = ["ecs:cloudServers:setAutoRecovery", "my:own:action"]

[[operation]]
permission = "Limits"
routes = ["GET /v2.1/{project_id}/limits"]
access = "authenticated"
dependencies = ["ecs:quotas:get"]
"#;
    let table = load(&[Source::builtin(), vec![source("own.toml", own)]].concat()).unwrap();
    assert_eq!(table.operations().len(), 9);
    let find = |permission: &str| {
        table
            .operations()
            .iter()
            .find(|operation| &*operation.permission == permission)
            .unwrap()
    };
    assert_eq!(
        find("Managing Automatic Recovery of an ECS").required.len(),
        2
    );
    let limits = find("Limits");
    assert_eq!(
        (
            limits.access,
            limits.actions.len(),
            limits.dependencies.len()
        ),
        (Access::Authenticated, 0, 1)
    );
    assert!(
        table.action(&"ecs:quotas:get".parse().unwrap()).is_none(),
        "a dependency is not demanded"
    );
}

#[test]
fn equal_routes_of_two_files_name_both_places() {
    let own = "[[operation]]\npermission = 'mine'\nroutes = ['GET /v2/{p}/servers/{s}/metadata']\naccess = 'public'\n";
    assert_eq!(
        problems(&[Source::builtin(), vec![source("own.toml", own)]].concat()),
        [
            "own.toml:3: the route `GET /v2/{p}/servers/{s}/metadata` is already defined at ecs/metadata_management (built in):7, expected each route once"
        ]
    );
}

#[test]
fn actions_and_access_exclude_each_other() {
    let own = "[[operation]]\npermission = 'mine'\nroutes = ['GET /x']\naccess = 'public'\nactions = ['a:b:c']\n";
    assert_eq!(
        problems(&[source("own.toml", own)]),
        ["own.toml:4: `operation.access` stands beside actions, expected one of the two"]
    );
}

#[test]
fn an_operation_bounds_its_bodies_and_may_switch_protocols() {
    let operation = |more: &str| {
        let text = format!(
            "[[operation]]\npermission = 'mine'\nroutes = ['GET /x', 'PUT /y']\naccess = 'public'\n{more}\n"
        );
        [source("own.toml", &text)]
    };
    for (more, max_body) in [
        ("", None),
        ("upgrade = false\nmax_body = '1KiB'", Some(1024)),
    ] {
        let table = load(&operation(more)).unwrap();
        let [operation] = table.operations() else {
            panic!("{table:?}")
        };
        assert_eq!((operation.max_body, operation.upgrade), (max_body, false));
    }
    let cases = [
        (
            "max_body = '0B'",
            "own.toml:5: `operation.max_body` is `0B`, expected a size such as \"64KiB\" or \"16MiB\": it is zero",
        ),
        (
            "max_body = 5",
            "own.toml:5: `operation.max_body` is 5, expected a size such as \"64KiB\" or \"16MiB\"",
        ),
        (
            "upgrade = 'yes'",
            "own.toml:5: `operation.upgrade` is of type string, expected true or false",
        ),
        (
            "upgrade = true",
            "own.toml:3: `PUT /y` cannot switch protocols, expected only GET routes beside `upgrade = true`",
        ),
    ];
    for (more, expected) in cases {
        assert_eq!(problems(&operation(more)), [expected]);
    }
}
