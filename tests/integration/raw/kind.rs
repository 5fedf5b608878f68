//! Parameters of the wrong kind: an id has one spelling, a key is free but bounded.

use super::row::{Row, View, get};

const UUID: &str = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0";

fn server(id: &str) -> String {
    format!("/v2.1/{{project}}/servers/{id}/metadata")
}

fn key(key: &str) -> String {
    format!("{{path}}/{key}")
}

pub fn rows() -> Vec<Row> {
    let mixed = UUID.replace('b', "B");
    let refused = [
        ("a UUID in upper case", server(&UUID.to_uppercase())),
        ("a UUID in mixed case", server(&mixed)),
        ("an id with an encoded space", server("s%20")),
        ("an id with an encoded letter", server("s%C3%A9")),
        ("an id with an encoded semicolon", server("s%3B")),
        ("an id with a tilde", server("~s")),
        ("an id with a colon", server("urn:uuid:s")),
        ("an id with an at", server("s@1")),
        ("an id with a plus", server("s+1")),
        ("an id with a comma", server("s1,s2")),
        ("an id with an equals sign", server("id=s1")),
        ("an id with a star", server("*")),
        ("an id with a dollar", server("$s")),
        ("an id with an ampersand", server("s&1")),
        ("an id with a quote", server("s'1")),
        ("an id with brackets", server("(s1)")),
        ("an id that is too long", server(&"s".repeat(256))),
        ("a key that is too long", key(&"k".repeat(1025))),
    ];
    let projects = [
        ("a project with a star", "/v2.1/*/servers/s1/metadata"),
        (
            "a project with an encoded space",
            "/v2.1/{project}%20/servers/s1/metadata",
        ),
    ];
    let refused = refused
        .into_iter()
        .chain(projects.map(|(name, target)| (name, target.to_owned())));
    let refused = refused
        .map(|(name, target)| Row::new(name, get(&target, &[])).refused(400, "path_invalid"));
    let forwarded = [
        ("a UUID in lower case", server(UUID)),
        ("an id that is no UUID in upper case", server("S1")),
        ("an id of digits", server("42")),
        ("an id of every allowed kind of byte", server("aZ09._-")),
        ("an id of three dots", server("...")),
        ("the longest id", server(&"s".repeat(255))),
        ("a key of 255 bytes", key(&"k".repeat(255))),
        (
            "a key that is a UUID in upper case",
            key(&UUID.to_uppercase()),
        ),
    ];
    let forwarded = forwarded
        .into_iter()
        .map(|(name, target)| Row::new(name, get(&target, &[])).forwarded(View::get(&target)));
    let mut rows: Vec<Row> = refused.chain(forwarded).collect();
    rows.push(
        Row::new(
            "a project in upper case",
            get("/v2.1/0A1B2C3D4E5F/servers/s1/metadata", &[]),
        )
        .refused(403, "project_mismatch"),
    );
    rows.push(
        Row::new("no project", get("/v2.1/servers/s1/metadata", &[])).refused(404, "route_unknown"),
    );
    rows.push(
        Row::new(
            "a version in a header",
            get(
                "/{project}/servers/s1/metadata",
                &["Accept: application/json;version=2.1/x"],
            ),
        )
        .refused(404, "route_unknown"),
    );
    rows
}
