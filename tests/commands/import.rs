//! `import`: the vendor's pages as table files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::issuer::CONFIG;
use super::routes::PAGE;
use super::{Folder, Ran};

/// The same rows in three forms.
pub const PAGES: [(&str, &str); 3] = [
    ("metadata.md", include_str!("pages/metadata.md")),
    ("metadata.html", include_str!("pages/metadata.html")),
    ("metadata.rst", include_str!("pages/metadata.rst")),
];

/// A folder with the pages, and with a config whose table is `own.toml` alone.
pub fn folder(own: &str) -> Folder {
    let folder = Folder::new();
    for (name, text) in PAGES {
        folder.write(name, text);
    }
    folder.write("own.toml", own);
    let config = format!("{CONFIG}[table]\nbuiltin = \"none\"\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    folder
}

pub fn grid(rows: &[[&str; 4]]) -> String {
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

/// What the text says, line by line, without the comments.
fn said(text: &str) -> Vec<&str> {
    let lines = text.lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .skip_while(|line| line.is_empty())
        .collect()
}

/// Nothing but `lines` on standard error, and nothing on standard output.
#[track_caller]
pub fn refused(ran: Ran, lines: &[&str]) {
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
