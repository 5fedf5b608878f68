//! Paths with a second spelling: escapes, slashes, dot segments.

use super::row::{Row, View, get, get_bytes};

pub fn rows() -> Vec<Row> {
    let mut rows = refused();
    rows.extend(unreadable());
    rows.extend(forwarded());
    rows
}

const REFUSED: [(&str, &str); 61] = [
    ("an encoded slash", "{path}%2Fk"),
    ("an encoded slash in lower case", "{path}%2fk"),
    (
        "an encoded slash for a whole path",
        "/v2.1/{project}%2Fservers%2Fs1%2Fmetadata",
    ),
    ("an encoded slash first", "/%2F{path}"),
    ("an encoded backslash", "{path}/a%5Cb"),
    ("an encoded backslash in lower case", "{path}/a%5cb"),
    ("an encoded percent", "{path}/a%25b"),
    ("a slash encoded twice", "{path}/a%252Fb"),
    ("a dot encoded twice", "{path}/%252E%252E"),
    ("an encoded NUL", "{path}/k%00"),
    ("an encoded NUL before a suffix", "{path}/k%00.json"),
    ("an encoded LF at the end", "{path}/k%0A"),
    ("an encoded LF after a fixed part", "{path}%0A"),
    ("an encoded CR", "{path}/k%0D"),
    ("an encoded CR and LF", "{path}/k%0D%0AX-Roles:%20admin"),
    ("an encoded tab", "{path}/k%09"),
    ("an encoded DEL", "{path}/k%7F"),
    ("an escape of no digits", "{path}/k%zz"),
    ("an escape without its second digit", "{path}/k%6"),
    ("a percent at the end", "{path}/k%"),
    ("an escape of another scheme", "{path}/k%u002F"),
    ("an escape of half a character", "{path}/k%C3"),
    ("an overlong slash", "{path}/k%C0%AF"),
    ("an escape that is not UTF-8", "{path}/k%FF"),
    ("an encoded surrogate", "{path}/k%ED%A0%80"),
    ("an escape in lower case", "{path}/k%c3%a9"),
    ("an encoded letter of a key", "{path}/%6B"),
    (
        "an encoded letter of a fixed part",
        "/v2.1/{project}/servers/s1/metadat%61",
    ),
    (
        "an encoded letter of a resource",
        "/v2.1/{project}/%73ervers/s1/metadata",
    ),
    (
        "an encoded version",
        "/%762.1/{project}/servers/s1/metadata",
    ),
    (
        "an encoded dot of a version",
        "/v2%2E1/{project}/servers/s1/metadata",
    ),
    (
        "an encoded letter of a project",
        "/v2.1/%30a1b2c3d4e5f/servers/s1/metadata",
    ),
    (
        "an encoded letter of a server",
        "/v2.1/{project}/servers/%73etail/metadata",
    ),
    ("two slashes", "/v2.1/{project}//servers/s1/metadata"),
    ("two slashes first", "/{path}"),
    ("two slashes at the end", "{path}//"),
    ("many slashes before a key", "{path}////k"),
    ("a slash at the end", "{path}/"),
    ("a dot segment", "/v2.1/{project}/./servers/s1/metadata"),
    ("a dot segment at the end", "{path}/."),
    ("two dots", "/v2.1/{project}/servers/s2/../s1/metadata"),
    ("two dots at the end", "{path}/.."),
    ("two dots that end at another server", "{path}/../../s2"),
    ("two dots beyond the root", "/../../..{path}"),
    (
        "two encoded dots",
        "/v2.1/{project}/servers/s2/%2E%2E/s1/metadata",
    ),
    (
        "two encoded dots in lower case",
        "/v2.1/{project}/servers/s2/%2e%2e/s1/metadata",
    ),
    (
        "one dot encoded",
        "/v2.1/{project}/servers/s2/.%2E/s1/metadata",
    ),
    (
        "the other dot encoded",
        "/v2.1/{project}/servers/s2/%2E./s1/metadata",
    ),
    ("an encoded dot segment", "{path}/%2E"),
    (
        "two dots and an encoded slash",
        "/v2.1/{project}/servers/s2/..%2Fs1/metadata",
    ),
    (
        "two dots and a semicolon",
        "/v2.1/{project}/servers/s2/..;/s1/metadata",
    ),
    (
        "two dots and a backslash",
        "/v2.1/{project}/servers/s2/..\\s1/metadata",
    ),
    ("a path parameter", "{path};x=1"),
    (
        "a path parameter of a server",
        "/v2.1/{project}/servers/s1;v=2/metadata",
    ),
    ("a double quote", "{path}/\"k\""),
    ("braces", "{path}/{k}"),
    ("a pipe", "{path}/a|b"),
    ("a caret", "{path}/a^b"),
    ("square brackets", "{path}/[k]"),
    ("a character that is not ASCII", "{path}/\u{e9}"),
    ("a full-width slash", "{path}/\u{ff0f}"),
];

fn refused() -> Vec<Row> {
    REFUSED
        .into_iter()
        .map(|(name, target)| Row::new(name, get(target, &[])).refused(400, "path_invalid"))
        .collect()
}

fn unreadable() -> Vec<Row> {
    let row = |name, target| Row::new(name, get_bytes(target, b"X: y")).unreadable(400);
    vec![
        row("a backquote", b"{path}/a`b"),
        row("angle brackets", b"{path}/<k>"),
        row("a byte that is not UTF-8", b"{path}/\xff"),
        row("an overlong slash as bytes", b"{path}/\xc0\xaf"),
    ]
}

fn forwarded() -> Vec<Row> {
    [
        ("an encoded space in a key", "{path}/a%20b"),
        ("an encoded letter that is not ASCII", "{path}/k%C3%A9"),
        ("an encoded question mark", "{path}/a%3Fb"),
        ("an encoded number sign", "{path}/a%23b"),
        ("an encoded semicolon", "{path}/a%3Bb"),
        ("the plain characters of a key", "{path}/a+b!$&'()*,=:@~-._"),
        ("a key of three dots", "{path}/..."),
        ("a key that begins with dots", "{path}/..k"),
        ("a key that ends with a dot", "{path}/k."),
        ("a key with a suffix", "{path}/k.json"),
    ]
    .into_iter()
    .map(|(name, target)| Row::new(name, get(target, &[])).forwarded(View::get(target)))
    .collect()
}
