use std::path::Path;

use super::*;
use rendering::{Listed, Style};

mod rendering;
mod roundtrip;

fn builtin() -> ActionTable {
    ActionTable::load(&Source::builtin()).unwrap()
}

fn import(name: &str, text: &str, table: &ActionTable) -> Result<String, Vec<String>> {
    let pages = [(name.to_owned(), page::read(Path::new(name), text))];
    let found = write(&pages, table);
    found.map_err(|Problems(found)| found.iter().map(ToString::to_string).collect())
}

/// What the imported text says, row by row.
fn listed(text: &str) -> Vec<Listed> {
    let source = Source {
        name: "imported".to_owned(),
        text: text.to_owned(),
    };
    let table = ActionTable::load(&[source]).unwrap();
    table.operations().iter().map(Listed::from).collect()
}

fn lines(text: &str) -> Vec<&str> {
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_said).collect()
}

/// Each of the built-in pages as a page of the vendor's, and back.
#[test]
fn the_builtin_pages_come_back_word_for_word() {
    let table = builtin();
    for source in Source::builtin() {
        // Aliases, and what demands no action: the vendor has no such pages.
        if !source.text.contains("[[operation]]") || source.text.contains("\naccess = ") {
            continue;
        }
        let all = table.operations().iter().map(Listed::from);
        let rows: Vec<Listed> = all.filter(|listed| listed.file == source.name).collect();
        for style in [Style::plain(), Style::all()] {
            let html = rendering::html(&rows, &style);
            let rst = rendering::rst(&rows, &style);
            for (name, page) in [("page.html", html), ("page.rst", rst)] {
                let text = import(name, &page, &table);
                let text = text.unwrap_or_else(|found| panic!("{}: {found:#?}", source.name));
                assert_eq!(lines(&text), lines(&source.text), "{}", source.name);
            }
        }
    }
}

#[test]
fn what_the_table_says_besides_is_taken_over() {
    let text = r#"[[operation]]
permission = "Listing"
routes = ["GET /v1/{domain_id}/x"]
actions = ["ecs:x:list"]
project = "none"
domain = "domain_id"
upgrade = true

[[operation]]
permission = "Making"
routes = ["POST /v1/{tenant_id}/x/{server_id}"]
body_value = { "a b" = ["c", "\"d"] }
actions = ["ecs:x:create"]
dependencies = ["ecs:x:get"]
successors = ["ecs:x:createAll"]
conditional = [
    { when = "/x/y~1z", actions = ["ecs:y:create", "ecs:y:get"] },
]
resource = "{server_id}"
project = "tenant_id"
max_body = "2049B"

[[operation]]
permission = "Setting"
routes = ["PUT /v1/{project_id}/x"]
actions = ["ecs:x:put"]
resource = "/x/*/id"
max_body = "3KiB"
"#;
    let source = Source {
        name: "own.toml".to_owned(),
        text: text.to_owned(),
    };
    let table = ActionTable::load(&[source]).unwrap();
    let rows: Vec<Listed> = table.operations().iter().map(Listed::from).collect();
    let page = rendering::html(&rows, &Style::plain());
    let found = import("page.html", &page, &table).unwrap();
    assert_eq!(lines(&found), lines(text));
}

const HEAD: &str =
    "<table><tr><th>Permissions</th><th>APIs</th><th>Actions</th><th>Dependencies</th></tr>\n";

fn row(permission: &str, api: &str, actions: &str) -> String {
    format!("<tr><td>{permission}</td><td>{api}</td><td>{actions}</td><td>-</td></tr>\n")
}

/// What is said of a page with this row in its second line.
fn problems(permission: &str, api: &str, actions: &str) -> String {
    let page = format!("{HEAD}{}</table>", row(permission, api, actions));
    import("page.html", &page, &builtin())
        .expect_err(&page)
        .join("\n")
}

#[test]
fn says_what_is_wrong_with_a_route_and_what_was_meant() {
    let cases = [
        (
            "GET /v1{project_id}/x",
            "`GET /v1{project_id}/x` is not a route: `v1{project_id}` is neither a literal nor one `{parameter}`; is a `/` missing?; likely `/v1/{project_id}/x`",
        ),
        (
            "GET /v1/{project_id}/x{?a,b}",
            "`x{?a,b}` is neither a literal nor one `{parameter}`; is a `/` missing?; likely `/v1/{project_id}/x`",
        ),
        (
            "GET /v2/{project_id}/q/{project_id}?user_id={user_id}",
            "likely `/v2/{project_id}/q/{target_project_id}`",
        ),
        (
            "GET /v2/{project_id}/os-networks/{networkName}",
            "`networkName` is not a parameter name of lower-case letters, digits and `_`; likely `/v2/{project_id}/os-networks/{network_name}`",
        ),
        (
            "GET /v2/{project_id}/x/",
            "a segment is empty; likely `/v2/{project_id}/x`",
        ),
        (
            "get /v2/{project_id}/x",
            "`get` is not a method, expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; likely `GET`",
        ),
        (
            "DELET /v2/{project_id}/x",
            "`DELET` is not a method, expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; likely `DELETE`",
        ),
        (
            "FETCH /v2/{project_id}/x",
            "`FETCH` is not a method, expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        ),
        (
            "GET/v2/{project_id}/x",
            "`GET/v2/{project_id}/x` is not a route, expected a space after the method; likely `GET /v2/{project_id}/x`",
        ),
        (
            "/v2/{project_id}/x",
            "`/v2/{project_id}/x` has no method, expected one before the path",
        ),
        ("GET", "`GET` has no path, expected one after it"),
        (
            "Old version: GET /v2/{project_id}/x",
            "stray words `Old version:`",
        ),
        (
            "GET /v2/{project_id}/x (not recommended)",
            "stray words `(not recommended)`",
        ),
        (
            "GET /v2/{project_id}/x GET /v2/{tenant_id}/x",
            "`GET /v2/{tenant_id}/x` stands twice, expected each route once; another version may be meant",
        ),
        ("", "the row has no route, expected such as"),
        (
            "GET /v2/servers/{server_id}",
            "`/v2/servers/{server_id}` has no parameter `{project_id}`",
        ),
    ];
    for (api, expected) in cases {
        let found = problems("Reading", api, "ecs:servers:get");
        assert!(found.contains(expected), "no {expected:?} in\n{found}");
        let start = format!("page.html:2: the row `Reading` (`{api}`): ");
        assert!(found.starts_with(&start), "{found}");
    }
    let good = format!(
        "{HEAD}{}</table>",
        row("Reading", "GET /v2/{project_id}/x", "ecs:servers:get")
    );
    assert!(import("page.html", &good, &builtin()).is_ok());
}

#[test]
fn says_what_is_wrong_with_an_action_and_what_was_meant() {
    let cases = [
        ("", "the row demands no action, expected at least one"),
        ("-", "the row demands no action, expected at least one"),
        (
            "ecs:servers",
            "`ecs:servers` is not an action `service:resource:verb`: expected three parts as in `ecs:servers:get`, found 2",
        ),
        (
            "ecs: servers:get",
            "`ecs:` is not an action `service:resource:verb`: expected three parts as in `ecs:servers:get`, found 2; likely `ecs:servers:get`",
        ),
        ("ecs：servers：get", "likely `ecs:servers:get`"),
        ("ecs:servers:*", "found `*`"),
        ("ecs:servers:get\u{200b}", r"found `get\u{200b}`"),
        (
            "ecs:servers:get ecs:servers:get",
            "`ecs:servers:get` stands twice, expected each action once",
        ),
        (
            "Assigning a New EIP ecs:servers:get",
            "stray words `Assigning a New EIP`, expected nothing but routes and actions",
        ),
    ];
    for (actions, expected) in cases {
        let found = problems("Reading", "GET /v2/{project_id}/x", actions);
        assert!(found.contains(expected), "no {expected:?} in\n{found}");
    }
    let found = problems("", "GET /v2/{project_id}/x", "ecs:servers:get");
    assert!(found.contains("the permission is empty"), "{found}");
    let found = problems("Read\u{202e}ing", "GET /v2/{project_id}/x", "ecs:a:b");
    assert!(found.contains(r"the label `Read\u{202e}ing`"), "{found}");
}

#[test]
fn reports_every_row_at_once_in_the_order_of_lines() {
    let page = [
        HEAD,
        &row("A", "GET /v2{project_id}/a", "ecs:a"),
        &row("B", "GET /v2/{project_id}/b", "ecs:servers:get"),
        &row("B", "GET /v2/{project_id}/c", "ecs:servers:get"),
        &row("D", "GET /v2/d/{id}", "ecs:servers:get"),
        "<tr><td>E</td></tr>\n</table>",
    ];
    let found = import("page.html", &page.concat(), &builtin()).unwrap_err();
    let starts: Vec<&str> = found
        .iter()
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(
        starts,
        ["page.html:2", "page.html:2", "page.html:4", "page.html:6"],
        "{found:#?}"
    );
    assert!(found[2].contains("the permission already stands at page.html:3"));
    assert!(found[3].contains("the row `E` is too short"), "{found:#?}");
}

#[test]
fn a_page_without_such_a_table_says_what_was_looked_for() {
    let table = builtin();
    let expected = |count| {
        format!(
            "no table with the columns `Permission`, `API` and `Action` among the {count} of the page"
        )
    };
    let other = "<table><tr><th>Code</th><th>Meaning</th></tr><tr><td>403</td><td>no</td></table>";
    let cases = [
        ("page.md", "# Nothing\n", expected(0)),
        ("page.rst", "Nothing\n=======\n", expected(0)),
        ("page.html", other, expected(1)),
        (
            "page.html",
            "\n<table><tr><th>API<th>Action",
            "page.html:2: the table that starts here has no end".to_owned(),
        ),
        (
            "page.html",
            "<table><tr><th>API<th>Action</table>",
            "page.html:1: the table has no column `Permission`, expected one".to_owned(),
        ),
        (
            "page.html",
            "<table><tr><th>Permission<th>API<th>Action<th>Actions</table>",
            "page.html:1: two columns are headed `Action`, expected one of each".to_owned(),
        ),
        (
            "page.rst",
            "\n+---+---+\n| a | b|\n+---+---+\n",
            "page.rst:3: the table is broken: the line is 8 characters wide, expected 9".to_owned(),
        ),
        (
            "page.rst",
            "+---+---+\n| a | b |\n+---+ --+\n",
            "page.rst:1: the table is broken: a border is broken".to_owned(),
        ),
        (
            "page.rst",
            "+---+\n+===+\n+===+\n",
            "page.rst:3: the table is broken: a second `=` line".to_owned(),
        ),
    ];
    for (name, page, expected) in cases {
        let found = import(name, page, &table).unwrap_err().join("\n");
        assert!(found.contains(&expected), "no {expected:?} in\n{found}");
    }
}

#[test]
fn cells_that_span_rows_belong_to_one_permission() {
    let head = "<table><tr><th>Permission<th>API<th>Action<tbody>";
    let good = format!(
        "{head}<tr><td rowspan=2>A<td>GET /v2/{{project_id}}/a<td rowspan=0>ecs:a:b\
         <tr><td>GET /v1/{{project_id}}/a\
         <tbody><tr><td rowspan=2>B<td rowspan=2>GET /v2/{{project_id}}/b<td>ecs:b:c\
         <tr><td>ecs:b:d</table>"
    );
    let rows = listed(&import("page.html", &good, &builtin()).unwrap());
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rows[0].routes,
        ["GET /v2/{project_id}/a", "GET /v1/{project_id}/a"]
    );
    assert_eq!(rows[0].actions, ["ecs:a:b"]);
    assert_eq!(rows[1].actions, ["ecs:b:c", "ecs:b:d"]);

    let mixed = format!(
        "{head}<tr><td rowspan=2>A<td>GET /v2/{{project_id}}/a<td>ecs:a:b\
         <tr><td>GET /v1/{{project_id}}/a<td>ecs:a:c</table>"
    );
    let found = import("page.html", &mixed, &builtin()).unwrap_err();
    assert!(
        found[0].contains("one permission spans routes that demand different actions"),
        "{found:?}"
    );
}
