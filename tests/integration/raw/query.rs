//! Queries, and what would change the method or the path behind the gateway.

use super::row::{Row, View, get, get_bytes, post};

pub fn rows() -> Vec<Row> {
    let mut rows = overrides();
    rows.extend(headers());
    rows.extend(others());
    rows
}

/// Nova takes the method from a member `_method`, however it is spelled.
fn overrides() -> Vec<Row> {
    [
        ("`_method`", "_method=DELETE"),
        ("`_method` of the method it has", "_method=GET"),
        ("`_method` without a value", "_method"),
        ("`_method` with an empty value", "_method="),
        ("`_METHOD`", "_METHOD=DELETE"),
        ("`_method` after another member", "limit=1&_method=DELETE"),
        ("`_method` after a semicolon", "limit=1;_method=DELETE"),
        ("`_method` after empty members", "&&_method=DELETE"),
        ("`_method` twice", "_method=GET&_method=DELETE"),
        ("`%5Fmethod`", "%5Fmethod=DELETE"),
        ("`%5fmethod`", "%5fmethod=DELETE"),
        ("`%5Fmethod` beside a bait", "x=_method&%5Fmethod=DELETE"),
        ("`_m%65thod`", "_m%65thod=DELETE"),
        (
            "`_method` encoded throughout",
            "%5F%6D%65%74%68%6F%64=DELETE",
        ),
        ("`_method` with an encoded space", "_method%20=DELETE"),
        ("`_method` with a plus before it", "+_method=DELETE"),
        ("`_method` with an encoded NUL", "_method%00=DELETE"),
    ]
    .into_iter()
    .map(|(name, query)| {
        Row::new(name, get(&format!("{{path}}?{query}"), &[])).refused(400, "method_override")
    })
    .collect()
}

/// The headers that do the same elsewhere are removed.
fn headers() -> Vec<Row> {
    [
        ("X-HTTP-Method-Override", "X-HTTP-Method-Override: DELETE"),
        (
            "x-http-method-override in lower case",
            "x-http-method-override: DELETE",
        ),
        ("X-HTTP-Method", "X-HTTP-Method: DELETE"),
        ("X-Method-Override", "X-Method-Override: DELETE"),
        ("X-Original-URL", "X-Original-URL: /v2.1/x/servers/s2"),
        (
            "X-REWRITE-URL in upper case",
            "X-REWRITE-URL: /v2.1/x/servers/s2",
        ),
        ("X-Forwarded-Prefix", "X-Forwarded-Prefix: /x"),
        ("X-Forwarded-Uri", "X-Forwarded-Uri: /healthcheck"),
    ]
    .into_iter()
    .map(|(name, line)| Row::new(name, get("{path}", &[line])).forwarded(View::list()))
    .collect()
}

fn others() -> Vec<Row> {
    let query = |length: usize| format!("{{path}}?{}", "q".repeat(length));
    let mut rows = vec![
        Row::new("a query that is too long", get(&query(8 * 1024 + 1), &[]))
            .refused(414, "query_too_long"),
        Row::new("a query that is not ASCII", get("{path}?x=\u{e9}", &[]))
            .refused(400, "path_invalid"),
        Row::new("a space in a query", get("{path}?x=a b", &[])).unreadable(400),
        Row::new("a NUL in a query", get("{path}?x=\0", &[])).unreadable(400),
        Row::new("a bare CR in a query", get("{path}?x=\r", &[])).unreadable(400),
        Row::new(
            "a byte in a query that is not UTF-8",
            get_bytes(b"{path}?\xff", b"X: y"),
        )
        .unreadable(400),
        Row::new(
            "a token in a query",
            "GET {path}?access_token={token} HTTP/1.1\r\nHost: api.test\r\n\r\n",
        )
        .refused(401, "token_missing"),
    ];
    let forms = [
        ("`_method` in a form", "application/x-www-form-urlencoded"),
        ("a form in parts", "MULTIPART/form-data ;boundary=x"),
    ];
    for (name, form) in forms {
        let form = format!("Content-Type: {form}");
        let lines = [form.as_str(), "Content-Length: 14"];
        let row = Row::new(name, post(&lines, "_method=DELETE"));
        rows.push(row.refused(415, "body_form"));
    }
    let forwarded = [
        ("an empty query", "{path}?".to_owned()),
        ("a query", "{path}?limit=1&marker=s2".to_owned()),
        (
            "a query with dots and slashes",
            "{path}?x=/../..//%2F".to_owned(),
        ),
        ("a query with a question mark", "{path}?a?b".to_owned()),
        (
            "a query of escapes in lower case",
            "{path}?a=%c3%a9%61".to_owned(),
        ),
        (
            "`_method` as a value",
            "{path}?limit=1&x=_method".to_owned(),
        ),
        (
            "a member that ends with method",
            "{path}?method=DELETE".to_owned(),
        ),
        ("the longest query", query(8 * 1024)),
    ];
    rows.extend(
        forwarded
            .into_iter()
            .map(|(name, target)| Row::new(name, get(&target, &[])).forwarded(View::get(&target))),
    );
    rows
}
