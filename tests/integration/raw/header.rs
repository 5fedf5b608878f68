//! The syntax of header lines (RFC 9112 §5), and lines that must stand alone.

use super::row::{Row, View, get, get_bytes, post};

pub fn rows() -> Vec<Row> {
    let mut rows = unreadable();
    rows.extend(bytes());
    rows.extend(underscores());
    rows.extend(repeated());
    rows.extend(forwarded());
    rows
}

fn unreadable() -> Vec<Row> {
    [
        ("a line folded with a space", "X: a\r\n b"),
        ("a line folded with a tab", "X: a\r\n\tb"),
        ("an empty folded line", "X: a\r\n \r\nY: b"),
        ("an identity in a folded line", "X: a\r\n X-Roles: admin"),
        ("a space before a colon", "X-Roles : admin"),
        ("a tab before a colon", "X-Roles\t: admin"),
        ("a space within a name", "X Roles: admin"),
        ("no colon", "X-Roles"),
        ("no name", ": admin"),
        ("a NUL in a name", "X-Ro\0les: admin"),
        ("a control byte in a name", "X-Roles\x0b: admin"),
        ("a CR in a name", "X-Ro\rles: admin"),
        ("brackets in a name", "X(Roles): admin"),
        ("a slash in a name", "X/Roles: admin"),
        ("a quote in a name", "\"X-Roles\": admin"),
        ("an at in a name", "X@Roles: admin"),
        ("a name that is not ASCII", "X-R\u{f6}les: admin"),
        ("a NUL in a value", "X: a\0b"),
        ("a control byte in a value", "X: a\x01b"),
        ("a vertical tab in a value", "X: a\x0bb"),
        ("a backspace in a value", "X: a\x08b"),
        ("an escape byte in a value", "X: \x1b[2J"),
        ("a DEL in a value", "X: a\x7fb"),
        ("a bare CR in a value", "X: a\rX-Roles: admin"),
        ("two CR at the end of a line", "X: a\r\r\nY: b"),
        ("a NUL in a credential", "Authorization: Bearer \0"),
    ]
    .into_iter()
    .map(|(name, line)| Row::new(name, get("{path}", &[line])).unreadable(400))
    .collect()
}

/// Around the lines, and within what is no text.
fn bytes() -> Vec<Row> {
    let good = String::from_utf8(get("{path}", &["X: y"])).unwrap();
    let list = || View::list().header("x: y");
    vec![
        Row::new(
            "a byte of another encoding in a name",
            get_bytes(b"{path}", b"X\xe9: y"),
        )
        .unreadable(400),
        Row::new(
            "a byte of another encoding in a value",
            get_bytes(b"{path}", b"X: \xe9\xff"),
        )
        .forwarded(View::list().header(b"x: \xe9\xff")),
        Row::new(
            "a first line that is folded",
            good.replacen("Host", " Host", 1),
        )
        .unreadable(400),
        Row::new("lines that end with a bare LF", good.replace("\r\n", "\n")).forwarded(list()),
        Row::new(
            "a head that ends with a bare LF",
            good.replace("\r\n\r\n", "\r\n\n"),
        )
        .forwarded(list()),
        Row::new(
            "an identity behind a bare LF",
            good.replace("X: y", "X: y\nX-Roles: admin"),
        )
        .forwarded(list()),
        Row::new(
            "a second credential behind a bare LF",
            good.replace("X: y", "X: y\nX-Auth-Token: x"),
        )
        .refused(401, "token_ambiguous"),
        Row::new(
            "a coding behind a bare LF",
            good.replace("X: y", "X: y\nTransfer-Encoding: gzip"),
        )
        .unreadable(400),
        Row::new(
            "two CR at the end of a head",
            good.replace("\r\n\r\n", "\r\n\r\r\n"),
        )
        .unreadable(400),
    ]
}

fn underscores() -> Vec<Row> {
    [
        ("X_Roles", "X_Roles: admin"),
        ("x_user_id in lower case", "x_user_id: u1"),
        ("X-User_Id", "X-User_Id: u1"),
        ("X_Auth_Token", "X_Auth_Token: {token}"),
        ("X_Forwarded_For", "X_Forwarded_For: 203.0.113.9"),
        ("Content_Length", "Content_Length: 5"),
        ("Content_Type", "Content_Type: text/plain"),
        ("HTTP_X_ROLES", "HTTP_X_ROLES: admin"),
        ("a name of an underscore", "_: x"),
        ("an underscore at the end", "X-Roles_: admin"),
    ]
    .into_iter()
    .map(|(name, line)| Row::new(name, get("{path}", &[line])).refused(400, "header_name"))
    .collect()
}

fn repeated() -> Vec<Row> {
    let cases = [
        (
            "two types",
            ["Content-Type: application/json", "content-type: text/plain"],
        ),
        (
            "one type twice",
            [
                "Content-Type: application/json",
                "Content-Type: application/json",
            ],
        ),
        (
            "a type and an empty one",
            ["Content-Type: application/json", "CONTENT-TYPE:"],
        ),
    ];
    let cases = cases.into_iter().map(|(name, [first, second])| {
        let row = Row::new(name, post(&["Content-Length: 2", first, second], "{}"));
        row.refused(400, "header_repeated")
    });
    cases.collect()
}

fn forwarded() -> Vec<Row> {
    let row = |name, lines: &[&str], sent: &[&str]| {
        let view = sent.iter().fold(View::list(), View::header);
        Row::new(name, get("{path}", lines)).forwarded(view)
    };
    vec![
        row("an empty value", &["X:"], &["x: "]),
        row("spaces around a value", &["X: \t a b \t"], &["x: a b"]),
        row("a tab within a value", &["X: a\tb"], &["x: a\tb"]),
        row("a colon within a value", &["X: a: b"], &["x: a: b"]),
        row(
            "a name of every kind of byte",
            &["X!#$%&'*+-.^`|~9: y"],
            &["x!#$%&'*+-.^`|~9: y"],
        ),
        row(
            "one name in two cases",
            &["X-A: 1", "x-a: 2"],
            &["x-a: 1", "x-a: 2"],
        ),
        row(
            "a microversion",
            &["OpenStack-API-Version: compute 2.79"],
            &["openstack-api-version: compute 2.79"],
        ),
        row("an underscore in a value", &["X: X_Roles"], &["x: X_Roles"]),
        Row::new(
            "a type",
            post(
                &["Content-Type: application/json", "Content-Length: 2"],
                "{}",
            ),
        )
        .forwarded(View::post("{}").header("content-type: application/json")),
    ]
}
