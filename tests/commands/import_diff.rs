//! `import --diff`: the vendor's pages compared with the table in use.

use super::import::{PAGES, folder, grid, refused};

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
