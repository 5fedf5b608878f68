//! Two credentials, credentials elsewhere, and identities that a client claims.

use super::row::{Row, View, get};

/// What keystonemiddleware sets for a verified caller, and what stands for another credential.
const IDENTITIES: [&str; 26] = [
    "X-Identity-Status",
    "X-User",
    "X-User-Id",
    "X-User-Name",
    "X-User-Domain-Id",
    "X-User-Domain-Name",
    "X-Project-Id",
    "X-Project-Name",
    "X-Project-Domain-Id",
    "X-Project-Domain-Name",
    "X-Domain-Id",
    "X-Domain-Name",
    "X-Role",
    "X-Roles",
    "X-Tenant",
    "X-Tenant-Id",
    "X-Tenant-Name",
    "X-Is-Admin-Project",
    "X-Service-Catalog",
    "X-Service-Identity-Status",
    "X-Service-Roles",
    "X-Service-User-Id",
    "X-Service-Project-Id",
    "X-Service-Token",
    "X-Storage-Token",
    "OpenStack-System-Scope",
];

/// A request whose only lines beside the host are these.
fn lines(name: &'static str, lines: &[&str]) -> Row {
    let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
    Row::new(
        name,
        format!("GET {{path}} HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n"),
    )
}

pub fn rows() -> Vec<Row> {
    let mut rows = two();
    rows.extend(one());
    rows.extend(identities());
    rows.extend(origins());
    rows
}

fn two() -> Vec<Row> {
    let (bearer, plain) = ("Authorization: Bearer {token}", "X-Auth-Token: {token}");
    let cases = [
        ("a bearer and a plain token", [bearer, plain]),
        ("a plain and a bearer token", [plain, bearer]),
        ("two bearer tokens", [bearer, "Authorization: Bearer a.b.c"]),
        (
            "a bad bearer token first",
            ["Authorization: Bearer a.b.c", bearer],
        ),
        ("one bearer token twice", [bearer, bearer]),
        ("two plain tokens", [plain, "X-Auth-Token: a.b.c"]),
        ("a bad plain token first", ["X-Auth-Token: a.b.c", plain]),
        ("one plain token twice", [plain, plain]),
        (
            "two plain tokens in two cases",
            [plain, "x-auth-token: {token}"],
        ),
        (
            "two bearer tokens in two cases",
            ["AUTHORIZATION: Bearer {token}", bearer],
        ),
        ("a plain token and an empty one", [plain, "X-Auth-Token:"]),
        (
            "a bearer token and an empty plain one",
            [bearer, "X-Auth-Token:"],
        ),
        (
            "a plain token and an empty bearer",
            [plain, "Authorization:"],
        ),
        (
            "a plain token and Basic",
            [plain, "Authorization: Basic dTpw"],
        ),
        (
            "a bad plain token and a bearer token",
            ["X-Auth-Token: x", bearer],
        ),
    ];
    let cases = cases.into_iter();
    let rows = cases.map(|(name, two)| lines(name, &two).refused(401, "token_ambiguous"));
    rows.collect()
}

fn one() -> Vec<Row> {
    let refused = |name, line, reason| lines(name, &[line]).refused(401, reason);
    let bearer = || {
        let view = View::list().without("x-auth-token");
        view.header("authorization: Bearer {token}")
    };
    vec![
        lines("no token", &[]).refused(401, "token_missing"),
        refused(
            "two bearer tokens in a line",
            "Authorization: Bearer {token}, Bearer {token}",
            "token_malformed",
        ),
        refused(
            "two plain tokens in a line",
            "X-Auth-Token: {token},{token}",
            "token_malformed",
        ),
        refused(
            "a plain token with something after it",
            "X-Auth-Token: {token} x",
            "token_malformed",
        ),
        refused(
            "a plain token with a scheme",
            "X-Auth-Token: Bearer {token}",
            "token_malformed",
        ),
        refused("an empty plain token", "X-Auth-Token:", "token_malformed"),
        refused(
            "an empty bearer token",
            "Authorization: Bearer ",
            "token_scheme",
        ),
        refused("Basic", "Authorization: Basic dTpw", "token_scheme"),
        refused(
            "a scheme that begins like Bearer",
            "Authorization: Bearerx {token}",
            "token_scheme",
        ),
        refused(
            "a scheme and a tab",
            "Authorization: Bearer\t{token}",
            "token_scheme",
        ),
        refused(
            "a token without a scheme",
            "Authorization: {token}",
            "token_scheme",
        ),
        refused(
            "a token for a proxy",
            "Proxy-Authorization: Bearer {token}",
            "token_missing",
        ),
        refused(
            "a token in a cookie",
            "Cookie: token={token}",
            "token_missing",
        ),
        refused(
            "a token of a service",
            "X-Service-Token: {token}",
            "token_missing",
        ),
        refused(
            "a token of storage",
            "X-Storage-Token: {token}",
            "token_missing",
        ),
        refused(
            "a token that is not text",
            "X-Auth-Token: \u{e9}",
            "token_malformed",
        ),
        lines("a bearer token", &["Authorization: Bearer {token}"]).forwarded(bearer()),
        lines(
            "a bearer token in another case",
            &["authorization: bEARER {token}"],
        )
        .forwarded(
            bearer()
                .without("authorization")
                .header("authorization: bEARER {token}"),
        ),
        lines("a plain token in upper case", &["X-AUTH-TOKEN: {token}"]).forwarded(View::list()),
    ]
}

/// Removed, in any case.
fn identities() -> Vec<Row> {
    let all = |spell: fn(&str) -> String| {
        let lines = IDENTITIES.map(|name| format!("{}: forged", spell(name)));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        get("{path}", &lines)
    };
    let mixed = |name: &str| {
        let odd = |(at, letter): (usize, char)| match at % 2 {
            0 => letter.to_ascii_lowercase(),
            _ => letter.to_ascii_uppercase(),
        };
        name.char_indices().map(odd).collect()
    };
    let row = |name, lines: &[&str]| Row::new(name, get("{path}", lines)).forwarded(View::list());
    vec![
        Row::new("every identity", all(str::to_owned)).forwarded(View::list()),
        Row::new("every identity in lower case", all(str::to_ascii_lowercase))
            .forwarded(View::list()),
        Row::new("every identity in upper case", all(str::to_ascii_uppercase))
            .forwarded(View::list()),
        Row::new("every identity in mixed case", all(mixed)).forwarded(View::list()),
        row("an identity twice", &["X-Roles: admin", "x-roles: admin"]),
        row(
            "a confirmed identity",
            &[
                "X-Identity-Status: Confirmed",
                "X-Roles: admin",
                "X-User-Id: u1",
            ],
        ),
        row(
            "a service's token beside the user's",
            &["X-Service-Token: {token}"],
        ),
        row(
            "a token of storage beside the user's",
            &["X-Storage-Token: {token}"],
        ),
        row("a scope of the system", &["OpenStack-System-Scope: all"]),
        Row::new(
            "a name that begins like an identity",
            get("{path}", &["X-Roles-2: a"]),
        )
        .forwarded(View::list().header("x-roles-2: a")),
    ]
}

/// Who sent a request, and what it is called, is set afresh.
fn origins() -> Vec<Row> {
    [
        ("X-Forwarded-For", "X-Forwarded-For: 203.0.113.9"),
        (
            "two of X-Forwarded-For",
            "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.1",
        ),
        ("X-Forwarded-Host", "X-Forwarded-Host: evil.test"),
        ("X-Forwarded-Proto", "X-Forwarded-Proto: https"),
        ("X-Forwarded-Port", "X-Forwarded-Port: 443"),
        (
            "Forwarded",
            "Forwarded: for=203.0.113.9;host=evil.test;proto=https",
        ),
        ("X-Real-IP", "X-Real-IP: 203.0.113.9"),
        ("True-Client-IP", "True-Client-IP: 203.0.113.9"),
        ("X-Client-IP", "X-Client-IP: 203.0.113.9"),
        ("Proxy", "Proxy: http://evil.test"),
        ("X-OpenStack-Request-Id", "X-OpenStack-Request-Id: req-1"),
    ]
    .into_iter()
    .map(|(name, line)| Row::new(name, get("{path}", &[line])).forwarded(View::list()))
    .collect()
}
