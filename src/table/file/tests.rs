use super::*;
use crate::table::Access;
use crate::table::{BodySelector, Resource};

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
fn all_actions_of_a_row_are_demanded() {
    let table = load(&Source::builtin()).unwrap();
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
dependencies = ["vpc:ports:get"]
"#;
    let table = load(&[Source::builtin(), vec![source("own.toml", own)]].concat()).unwrap();
    let builtin = load(&Source::builtin()).unwrap();
    assert_eq!(table.operations().len(), builtin.operations().len() + 1);
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
        table.action(&"vpc:ports:get".parse().unwrap()).is_none(),
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

/// A row with `more`, from line 2 on.
fn row(more: &str) -> [Source; 1] {
    let text = format!("[[operation]]\n{more}\npermission = 'mine'\n");
    [source("own.toml", &text)]
}

#[test]
fn a_row_says_which_project_its_routes_are_about() {
    let good = [
        ("routes = ['GET /{project_id}']", Some("project_id")),
        (
            "routes = ['GET /{tenant_id}']\nproject = 'tenant_id'",
            Some("tenant_id"),
        ),
        ("routes = ['GET /x/{x_id}']\nproject = 'none'", None),
    ];
    for (more, expected) in good {
        let table = load(&row(&format!("{more}\nactions = ['a:b:c']"))).unwrap();
        let [operation] = table.operations() else {
            panic!("{table:?}")
        };
        assert_eq!(operation.project.as_deref(), expected, "{more}");
    }
    let unbound = "own.toml:2: `/x` has no parameter `{project_id}`, expected one, or `project` with the parameter that is the project, or \"none\": without it no token's project would be checked";
    let bad = [
        ("routes = ['GET /x', 'GET /{project_id}']", unbound),
        (
            "routes = ['GET /{project_id}', 'GET /x']\nproject = 'project_id'",
            "own.toml:2: `/x` has no parameter `{project_id}`, which `project` says it has",
        ),
        (
            "routes = ['GET /{project_id}']\nproject = 'none'",
            "own.toml:2: `/{project_id}` has the parameter `{project_id}`, which is always checked, expected no `project = \"none\"`",
        ),
        (
            "routes = ['GET /{project_id}/{tenant_id}']\nproject = 'tenant_id'",
            "own.toml:2: `/{project_id}/{tenant_id}` has the parameter `{project_id}`, which is always checked, expected no `project = \"tenant_id\"`",
        ),
        (
            "routes = ['GET /{project_id}']\ndomain = 'domain_id'",
            "own.toml:2: `/{project_id}` has no parameter `{domain_id}`, which `domain` says it has",
        ),
    ];
    for (more, expected) in bad {
        let found = problems(&row(&format!("{more}\nactions = ['a:b:c']")));
        assert_eq!(found, [expected], "{more}");
    }
}

#[test]
fn a_row_says_what_its_body_decides() {
    let text = "routes = ['POST /{project_id}/{server_id}']\nactions = ['a:b:c']\n";
    let load = |more: &str| load(&row(&format!("{text}{more}")));
    let operation = load(
        "body_key = 'x'\nresource = '{server_id}'\nconditional = [{when = '/a/b', actions = ['a:b:d']}]",
    );
    let operation = operation.unwrap().operations()[0].clone();
    assert_eq!(operation.selector, Some(BodySelector::Key("x".to_owned())));
    assert_eq!(
        operation.resource,
        Some(Resource::Parameter("server_id".to_owned()))
    );
    assert_eq!(operation.conditional[0].required.len(), 1);
    assert!(operation.reads_body());
    for (more, reads) in [
        ("", false),
        ("resource = '{server_id}'", false),
        ("resource = '/servers/*/id'", true),
        ("body_value = {action = ['create', 'delete']}", true),
    ] {
        let table = load(more).unwrap();
        assert_eq!(table.operations()[0].reads_body(), reads, "{more}");
    }
    let bad = [
        (
            "body_key = 'x'\nbody_value = {a = 'b'}",
            "own.toml:4: `operation.body_key` stands beside `body_value`, expected one of the two",
        ),
        (
            "body_value = {a = 'b', c = 'd'}",
            "own.toml:4: `operation.body_value` is not one member with its values, expected such as { action = [\"create\", \"delete\"] }",
        ),
        (
            "body_value = {a = 1}",
            "own.toml:4: `operation.body_value.a` is 1, expected a string or an array of strings",
        ),
        (
            "resource = 'server_id'",
            "own.toml:4: `operation.resource` is `server_id`, expected a path parameter such as \"{server_id}\", or a JSON pointer into the body such as \"/servers/*/id\": it is no JSON pointer (RFC 6901) such as `/servers/*/id`",
        ),
        (
            "resource = '{id}'",
            "own.toml:2: `/{project_id}/{server_id}` has no parameter `{id}`, which `resource` says it has",
        ),
        (
            "conditional = [{when = '/a'}]",
            "own.toml:4: `operation.conditional.actions` is missing, expected what is demanded besides where it is present",
        ),
        (
            "body_key = 'x'\nmax_body = '65KiB'",
            "own.toml:1: `operation.max_body` is beyond what is read, expected at most 65536 bytes where the body decides",
        ),
    ];
    for (more, expected) in bad {
        let found = load(more).unwrap_err().0;
        assert!(
            found.iter().any(|found| found.to_string() == expected),
            "{more}: {found:?}"
        );
    }
    let get = "routes = ['GET /{project_id}']\nactions = ['a:b:c']\nbody_key = 'x'";
    assert_eq!(
        problems(&row(get)),
        [
            "own.toml:2: `GET /{project_id}` has no body to read, expected another method beside what the body decides"
        ]
    );
    let public = "routes = ['POST /x']\naccess = 'public'\nbody_key = 'x'";
    assert_eq!(
        problems(&row(public)),
        [
            "own.toml:1: a body is read here, expected no `access = \"public\"`: only known callers may make the gateway read"
        ]
    );
}

#[test]
fn operations_of_one_route_are_told_apart_by_one_member() {
    let file = |bodies: [&str; 2]| {
        let row = |(name, body)| {
            format!(
                "[[operation]]\npermission = '{name}'\nroutes = ['POST /{{project_id}}']\nactions = ['a:b:c']\n{body}\n"
            )
        };
        let rows: Vec<String> = ["one", "two"].into_iter().zip(bodies).map(row).collect();
        [source("own.toml", &rows.concat())]
    };
    for bodies in [
        ["body_key = 'x'", "body_key = 'X'"],
        ["body_value = {a = 'x'}", "body_value = {a = ['y', 'z']}"],
    ] {
        assert!(load(&file(bodies)).is_ok(), "{bodies:?}");
    }
    let bad = [
        (
            ["body_key = 'x'", "body_key = 'x'"],
            " {\"x\"}",
            "each body key once",
        ),
        (
            ["body_value = {a = 'x'}", "body_value = {a = ['y', 'x']}"],
            " {\"a\": \"y\"|\"x\"}",
            "each value once",
        ),
        (
            ["body_value = {a = 'x'}", "body_value = {b = 'y'}"],
            " {\"b\": \"y\"}",
            "one member of the body to tell its operations apart",
        ),
        (
            ["body_key = 'x'", "body_value = {b = 'y'}"],
            " {\"b\": \"y\"}",
            "either `body_key` or `body_value` on all of its operations",
        ),
        (
            ["body_key = 'x'", ""],
            "",
            "`body_key` or `body_value` on all of its operations, or on none",
        ),
    ];
    for (bodies, body, expected) in bad {
        assert_eq!(
            problems(&file(bodies)),
            [format!(
                "own.toml:8: the route `POST /{{project_id}}{body}` is already defined at own.toml:3, expected {expected}"
            )]
        );
    }
}

#[test]
fn an_alias_is_an_older_name_of_actions() {
    let text = "[[alias]]\nalias = 'a:b:old'\nactions = ['a:b:c', 'a:b:e']\n[[alias]]\nalias = 'a:b:older'\nactions = ['a:b:c']\n";
    let row = row("routes = ['GET /{project_id}']\nactions = ['a:b:c']\ndependencies = ['a:b:e']");
    let table = load(&[row.as_slice(), &[source("aliases.toml", text)]].concat()).unwrap();
    let aliases = table.aliases(&"a:b:c".parse().unwrap()).iter();
    let aliases: Vec<&str> = aliases.map(ActionName::as_str).collect();
    assert_eq!(aliases, ["a:b:old", "a:b:older"]);
    assert!(table.aliases(&"a:b:old".parse().unwrap()).is_empty());
    assert_eq!(table.operations()[0].required.len(), 1);
    let table = table.enforcing_dependencies();
    let required = table.operations()[0].required.iter();
    let required: Vec<&str> = required
        .filter_map(|action| table.name(*action))
        .map(ActionName::as_str)
        .collect();
    assert_eq!(required, ["a:b:c", "a:b:e"]);
    let broken = "[[alias]]\nalias = 'a:b'\nactions = []\n";
    let misspelled = "[[alias]]\nalias = 'a:b:old'\nactions = ['a:B:c']\n";
    assert_eq!(
        problems(&[row.as_slice(), &[source("aliases.toml", misspelled)]].concat()),
        [
            "aliases.toml:1: `a:B:c` is demanded by no operation, expected an action that is: a denial of its alias `a:b:old` would deny nothing"
        ]
    );
    assert_eq!(
        problems(&[source("aliases.toml", broken)]),
        [
            "aliases.toml:1: `alias.actions` is missing, expected the actions that it is an alias of",
            "aliases.toml:2: `alias.alias` is `a:b`, expected the older name of the actions, such as \"ecs:cloudServers:get\": expected three parts as in `ecs:servers:get`, found 2",
        ]
    );
}
