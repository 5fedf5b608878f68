//! `import`: the vendor's pages as table files, and compared with the table in use.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::issuer::CONFIG;
use super::routes::PAGE;
use super::{Folder, Ran};

/// The same rows in three forms.
const PAGES: [(&str, &str); 3] = [
    ("metadata.md", include_str!("pages/metadata.md")),
    ("metadata.html", include_str!("pages/metadata.html")),
    ("metadata.rst", include_str!("pages/metadata.rst")),
];

const OWN_TABLE: &str = r#"[[operation]]
permission = "Starting an ECS"
routes = ["POST /v2.1/{project_id}/servers/{server_id}/action"]
body_key = "os-start"
actions = ["ecs:servers:start"]
dependencies = ["ecs:servers:list"]

[[operation]]
permission = "Stopping an ECS"
routes = ["POST /v2.1/{project_id}/servers/{server_id}/action"]
body_key = "os-stop"
actions = ["ecs:servers:stop"]

[[operation]]
permission = "Listing ECSs"
routes = ["GET /v2.1/{project_id}/servers"]
access = "authenticated"
max_body = "2KiB"

[[operation]]
permission = "Showing an ECS"
routes = ["GET /v2.1/{project_id}/servers/{server_id}"]
actions = ["ecs:servers:get", "ecs:servers:list"]
resource = "{server_id}"
"#;

/// A folder with the pages, and with a config whose table is `own.toml` alone.
fn folder(own: &str) -> Folder {
    let folder = Folder::new();
    for (name, text) in PAGES {
        folder.write(name, text);
    }
    folder.write("own.toml", own);
    let config = format!("{CONFIG}[table]\nbuiltin = \"none\"\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    folder
}

fn grid(rows: &[[&str; 4]]) -> String {
    let mut text = String::new();
    let border = |letter: &str| format!("+{}\n", (letter.repeat(70) + "+").repeat(4));
    text += &border("-");
    let head = ["Permission", "API", "Action", "Dependencies"];
    for (index, row) in std::iter::once(&head).chain(rows).enumerate() {
        text += &row.map(|cell| format!("|{cell:<70}")).concat();
        text += "|\n";
        text += &border(if index == 0 { "=" } else { "-" });
    }
    text
}

/// What the text says, without comments, and without what only some pages say.
fn said(text: &str) -> Vec<&str> {
    let is_said = |line: &&str| {
        let is_comment = line.starts_with('#') || line.starts_with("dependencies");
        !line.is_empty() && !is_comment
    };
    text.lines().filter(is_said).collect()
}

/// Nothing but `lines` on standard error, and nothing on standard output.
#[track_caller]
fn refused(ran: Ran, lines: &[&str]) {
    let ran = ran.ended(2);
    assert_eq!(ran.out, "");
    for line in lines {
        assert!(ran.err.contains(line), "no {line:?} in\n{}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
}

#[test]
fn the_page_gives_the_builtin_table_from_each_form() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let builtin = fs::read_to_string(root.join("src/table/ecs/metadata_management.toml")).unwrap();
    for (name, _) in PAGES {
        let folder = folder("");
        let ran = folder.actiongate(&["import", name]).ended(0);
        assert_eq!(ran.err, "", "{name}");
        let heading = format!("# From {name}, one [[operation]] for each row.");
        assert_eq!(ran.out.lines().next(), Some(heading.as_str()));
        assert_eq!(said(&ran.out), said(&builtin), "{name}");

        folder.write("own.toml", &ran.out);
        let arguments = ["routes", "--format", "json", "--config", "actiongate.toml"];
        let routes = folder.actiongate(&arguments).ended(0);
        let found: Vec<Value> = serde_json::from_str(&routes.out).unwrap();
        let found: Vec<Value> = found
            .iter()
            .map(|row| {
                let routes = row["routes"].as_array().unwrap().iter();
                let routes: Vec<Value> = routes
                    .map(|route| {
                        let (method, path) = (&route["method"], &route["path"]);
                        format!("{} {}", method.as_str().unwrap(), path.as_str().unwrap()).into()
                    })
                    .collect();
                json!([row["permission"], row["actions"], routes])
            })
            .collect();
        let expected = PAGE
            .iter()
            .map(|(permission, actions, routes)| json!([permission, actions, routes]));
        assert_eq!(found, expected.collect::<Vec<Value>>(), "{name}");
    }
}

#[test]
fn columns_that_say_no_more_are_named() {
    let ran = folder("").actiongate(&["import", "metadata.html"]).ended(0);
    let expected =
        "# The page says more, in the columns: IAM Project (Project), Enterprise Project.";
    assert_eq!(ran.out.lines().nth(1), Some(expected));
}

#[test]
fn several_pages_make_one_table() {
    let folder = folder("");
    let page = grid(&[
        [
            "Listing \"all\"",
            "GET /v2.1/{tenant_id}/servers",
            "ecs:servers:list",
            "vpc:ports:get, evs:volumes:get",
        ],
        [
            "Showing",
            "GET /v2.1/{project_id}/x/{x_id}",
            "ecs:x:get",
            "-",
        ],
    ]);
    folder.write("page", &page);
    let ran = folder
        .actiongate(&["import", "metadata.md", "page"])
        .ended(0);
    let (_, own) = ran.out.split_once("# From page").unwrap();
    let expected = r#", one [[operation]] for each row.

[[operation]]
permission = "Listing \"all\""
routes = ["GET /v2.1/{tenant_id}/servers"]
actions = ["ecs:servers:list"]
dependencies = ["vpc:ports:get", "evs:volumes:get"]
project = "tenant_id"

[[operation]]
permission = "Showing"
routes = ["GET /v2.1/{project_id}/x/{x_id}"]
actions = ["ecs:x:get"]
"#;
    assert_eq!(own, expected);

    let twice = folder.actiongate(&["import", "metadata.md", "metadata.html"]);
    assert!(!twice.err.contains("body_key"), "{}", twice.err);
    let expected = "\nmetadata.html:20: the row `Querying ECS Metadata (Native OpenStack API)` (`GET /v2/{project_id}/servers/{server_id}/metadata GET /v2.1/{project_id}/servers/{server_id}/metadata`): the permission already stands at metadata.md:";
    refused(twice, &[expected]);
}

#[test]
fn a_broken_row_is_named_and_nothing_is_printed() {
    let folder = folder("");
    for (name, text) in PAGES {
        let broken = text
            .replace("v1/{project_id}", "v1{project_id}")
            .replace("v1/&#123;project_id&#125;", "v1&#123;project_id&#125;")
            // The border of the grid must stay where it is.
            .replace("autorecovery  ", "autorecovery   ");
        folder.write(name, &broken);
        refused(
            folder.actiongate(&["import", name]),
            &[
                "actiongate: the pages cannot be used:\n",
                &format!("\n{name}:"),
                ": the row `Managing Automatic Recovery of an ECS` (`PUT /v1{project_id}/cloudservers/{server_id}/autorecovery`): ",
                "is a `/` missing?; likely `/v1/{project_id}/cloudservers/{server_id}/autorecovery`",
                ": the row `Querying Automatic Recovery of an ECS` (`GET /v1{project_id}/",
            ],
        );
    }
}

#[test]
fn what_is_no_page_is_refused() {
    let folder = folder("");
    let absent = folder.actiongate(&["import", "none.md"]);
    refused(absent, &["cannot read `none.md`"]);
    folder.write("empty.md", "# Nothing\n");
    let empty = folder.actiongate(&["import", "metadata.md", "empty.md"]);
    refused(
        empty,
        &["empty.md: no table with the columns `Permission`, `API` and `Action`"],
    );
    refused(folder.actiongate(&["import"]), &["<PAGE>..."]);
    let config = folder.actiongate(&["import", "--config", "x", "metadata.md"]);
    refused(config, &["--diff"]);
    let compared = folder.actiongate(&["import", "--diff", "empty.md"]);
    refused(compared, &["empty.md: no table with the columns"]);
    let arguments = ["import", "--diff", "metadata.md", "--config", "none.toml"];
    refused(folder.actiongate(&arguments), &["none.toml"]);
}

#[test]
fn rows_of_one_route_need_a_body_key() {
    let folder = folder(OWN_TABLE);
    let action = "POST /v2.1/{project_id}/servers/{server_id}/action";
    let row = |permission, what| [permission, action, what, "ecs:servers:list"];
    let both = [
        row("Starting an ECS", "ecs:servers:start"),
        row("Ending an ECS", "ecs:servers:stop"),
    ];
    folder.write("page.rst", &grid(&both));
    let arguments = [
        "import",
        "--diff",
        "--config",
        "actiongate.toml",
        "page.rst",
    ];
    refused(
        folder.actiongate(&arguments),
        &[
            "page.rst:6: the row `Ending an ECS` (`POST /v2.1/{project_id}/servers/{server_id}/action`): its route leads to page.rst:4, too, so that `body_key` must be added",
            "; likely it is the table's `Stopping an ECS` at own.toml:8",
        ],
    );
    folder.write("page.rst", &grid(&both[1..]));
    refused(
        folder.actiongate(&arguments),
        &[
            "page.rst:4: the row `Ending an ECS` (",
            "leads to own.toml:1, too, so that `body_key` must be added",
        ],
    );
    // The table tells the bodies apart by the permission.
    folder.write("page.rst", &grid(&both[..1]));
    let ran = folder.actiongate(&arguments).ended(0);
    assert_eq!(
        ran.out,
        "partly   own.toml: 1 of its 4 routes on the page, too few to say what is gone\n\
         1 route on the page: 0 added, 0 gone, 0 changed\n"
    );
}

#[test]
fn what_a_table_says_besides_is_not_lost() {
    let own = r#"[[operation]]
permission = "Making"
routes = ["POST /v1/{project_id}/x"]
actions = ["ecs:x:create"]
dependencies = ["ecs:x:get"]
conditional = [{ when = "/x/y", actions = ["ecs:y:create"] }]

[[operation]]
permission = "Deleting"
routes = ["POST /v1/{project_id}/x/delete"]
actions = ["ecs:x:delete"]
resource = "/x/*/id"

[[operation]]
permission = "Listing"
routes = ["GET /v1/{domain_id}/x"]
actions = ["ecs:x:list"]
project = "none"
domain = "domain_id"
"#;
    let folder = folder(own);
    let mut rows = [
        [
            "Making",
            "POST /v1/{project_id}/x",
            "ecs:x:create",
            "ecs:x:get ecs:y:create",
        ],
        [
            "deleting",
            "POST /v1/{project_id}/x/delete",
            "ecs:x:delete",
            "-",
        ],
        ["Listing", "GET /v1/{domain_id}/x", "ecs:x:list", "-"],
    ];
    folder.write("page", &grid(&rows));
    let arguments = ["import", "--diff", "--config", "actiongate.toml", "page"];
    let ran = folder.actiongate(&arguments).ended(0);
    assert_eq!(
        ran.out,
        "3 routes on the page: 0 added, 0 gone, 0 changed\n"
    );
    for row in &mut rows {
        row[0] = match row[0] {
            "Making" => "Make",
            "deleting" => "Delete",
            _ => "List",
        };
    }
    folder.write("page", &grid(&rows));
    refused(
        folder.actiongate(&arguments),
        &[
            "page:4: the row `Make` (`POST /v1/{project_id}/x`): its route leads to own.toml:1, too, so that `conditional` must be added",
            "page:6: the row `Delete` (`POST /v1/{project_id}/x/delete`): its route leads to own.toml:8, too, so that `resource` must be added",
            "page:8: the row `List` (`GET /v1/{domain_id}/x`): its route leads to own.toml:14, too, so that `domain` must be added",
            "; likely it is the table's `Listing` at own.toml:14",
        ],
    );
}

#[test]
fn the_same_page_has_no_differences() {
    let folder = folder("");
    for (name, _) in PAGES.into_iter().take(2) {
        let ran = folder.actiongate(&["import", "--diff", name]).ended(0);
        assert_eq!(
            ran.out,
            "14 routes on the page: 0 added, 0 gone, 0 changed\n"
        );
    }
}

#[test]
fn differences_are_told_route_by_route() {
    let folder = folder(OWN_TABLE);
    let page = grid(&[
        [
            "Starting an ECS",
            "POST /v2.1/{project_id}/servers/{id}/action",
            "ecs:servers:start",
            "ecs:servers:get",
        ],
        [
            "Lists",
            "GET /v2.1/{tenant_id}/servers",
            "ecs:servers:list",
            "-",
        ],
        [
            "Show",
            "GET /v2.1/{project_id}/servers/{server_id}",
            "ecs:servers:show ecs:servers:get",
            "-",
        ],
        [
            "New",
            "PUT /v2.1/{project_id}/servers/{server_id}",
            "ecs:servers:put",
            "-",
        ],
    ]);
    folder.write("page.rst", &page);
    let arguments = [
        "import",
        "--diff",
        "--config",
        "actiongate.toml",
        "page.rst",
    ];
    let ran = folder.actiongate(&arguments).ended(1);
    let expected = "\
added    PUT /v2.1/{project_id}/servers/{server_id} (page.rst:10) demands ecs:servers:put
gone     POST /v2.1/{project_id}/servers/{server_id}/action {\"os-stop\"} (own.toml:10) demanded ecs:servers:stop
changed  POST /v2.1/{project_id}/servers/{id}/action {\"os-start\"} (page.rst:4; table own.toml:1) dependencies +ecs:servers:get -ecs:servers:list
changed  GET /v2.1/{tenant_id}/servers (page.rst:6; table own.toml:14) actions +ecs:servers:list, was a token
changed  GET /v2.1/{project_id}/servers/{server_id} (page.rst:8; table own.toml:20) actions +ecs:servers:show -ecs:servers:list
4 routes on the page: 1 added, 1 gone, 3 changed
";
    assert_eq!(ran.out, expected);
    assert_eq!(ran.err, "");
}

#[test]
fn a_page_changes_what_the_builtin_table_says() {
    let folder = folder("");
    let (name, text) = PAGES[0];
    let changed = text
        .replace("<li>ecs:servers:get</li>", "")
        .replace("<p id=\"r_7_0\"><a name=\"r_7_0\"></a>GET", "<p>HEAD");
    folder.write(name, &changed);
    let ran = folder.actiongate(&["import", "--diff", name]).ended(1);
    let mut starts = ran.out.lines().map(|line| line.split(" (").next().unwrap());
    for expected in [
        "added    HEAD /v1/{project_id}/cloudservers/{server_id}/autorecovery",
        "gone     GET /v1/{project_id}/cloudservers/{server_id}/autorecovery",
        "changed  PUT /v2/{project_id}/servers/{server_id}/metadata",
        "changed  PUT /v2.1/{project_id}/servers/{server_id}/metadata",
        "14 routes on the page: 1 added, 1 gone, 2 changed",
    ] {
        assert_eq!(starts.next(), Some(expected), "{}", ran.out);
    }
    assert_eq!(starts.next(), None, "{}", ran.out);
    assert_eq!(ran.out.matches(" actions -ecs:servers:get\n").count(), 2);
}
