//! Hosts, and targets in absolute form.

use super::row::{Row, View, get};

const REST: &str = "X-Auth-Token: {token}\r\n\r\n";

/// A request for this target with these lines for the host.
fn hosts(name: &'static str, target: &str, lines: &[&str]) -> Row {
    let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
    Row::new(name, format!("GET {target} HTTP/1.1\r\n{lines}{REST}"))
}

pub fn rows() -> Vec<Row> {
    let mut rows = refused();
    rows.extend(forwarded());
    rows.extend(absolute());
    rows
}

fn refused() -> Vec<Row> {
    let cases: [(&str, &[&str]); 17] = [
        ("no host", &[]),
        ("an empty host", &["Host:"]),
        ("a host of spaces", &["Host:   "]),
        ("the host twice", &["Host: api.test", "Host: api.test"]),
        ("two hosts", &["Host: api.test", "host: other.test"]),
        ("two hosts in one line", &["Host: api.test, other.test"]),
        ("two hosts and a space", &["Host: api.test other.test"]),
        ("a host with a path", &["Host: api.test/x"]),
        ("a host with a scheme", &["Host: http://api.test"]),
        ("a host with userinfo", &["Host: admin@api.test"]),
        ("a host with a query", &["Host: api.test?x"]),
        ("a host with a fragment", &["Host: api.test#x"]),
        ("a host with a quote", &["Host: api.test\""]),
        ("a host with a backslash", &["Host: api\\test"]),
        ("a host with an escape", &["Host: api%2Etest"]),
        ("a port that is no number", &["Host: api.test:http"]),
        ("two ports", &["Host: api.test:80:80"]),
    ];
    let more: [(&str, &[&str]); 3] = [
        ("a port alone", &["Host: :80"]),
        ("half an IPv6 address", &["Host: [::1"]),
        ("a host that is not ASCII", &["Host: \u{e4}pi.test"]),
    ];
    let rows = cases.into_iter().chain(more);
    let rows = rows.map(|(name, lines)| hosts(name, "{path}", lines).refused(400, "host_invalid"));
    rows.collect()
}

fn forwarded() -> Vec<Row> {
    [
        "api.test:8774",
        "API.Test",
        "[::1]:8774",
        "127.0.0.1",
        "a_b.test",
    ]
    .into_iter()
    .zip([
        "a host with a port",
        "a host in mixed case",
        "an IPv6 address",
        "an IPv4 address",
        "a host with an underscore",
    ])
    .map(|(host, name)| {
        let row = hosts(name, "{path}", &[&format!("Host: {host}")]);
        row.forwarded(View::list().host(host))
    })
    .collect()
}

/// Accepted only where it says no more than the path and `Host` do.
fn absolute() -> Vec<Row> {
    let refused = [
        (
            "an absolute form for another host",
            "http://other.test{path}",
        ),
        (
            "an absolute form for another port",
            "http://api.test:81{path}",
        ),
        (
            "an absolute form with userinfo",
            "http://admin@api.test{path}",
        ),
        (
            "an absolute form whose userinfo is the host",
            "http://api.test@other.test{path}",
        ),
    ];
    let refused = refused
        .into_iter()
        .map(|(name, target)| Row::new(name, get(target, &[])).refused(400, "host_invalid"));
    let mut rows: Vec<Row> = refused.collect();
    let forwarded = [
        ("an absolute form", "http://api.test{path}"),
        ("an absolute form in upper case", "HTTP://API.TEST{path}"),
        ("an absolute form with a query", "http://api.test{path}?a=b"),
    ];
    rows.extend(forwarded.into_iter().map(|(name, target)| {
        let query = target.strip_prefix("http://api.test").unwrap_or("{path}");
        Row::new(name, get(target, &[])).forwarded(View::get(query))
    }));
    rows.push(
        Row::new(
            "an absolute form of another scheme",
            get("ftp://api.test{path}", &[]),
        )
        .refused(400, "path_invalid"),
    );
    rows.push(
        Row::new(
            "an absolute form with dots",
            get("http://api.test/v2.1/../{path}", &[]),
        )
        .refused(400, "path_invalid"),
    );
    rows.push(
        Row::new(
            "an absolute form with `_method`",
            get("http://api.test{path}?_method=PUT", &[]),
        )
        .refused(400, "method_override"),
    );
    rows.push(
        Row::new(
            "an absolute form without a path",
            get("http://api.test", &[]),
        )
        .forwarded(View::get("/")),
    );
    rows.push(
        hosts(
            "an absolute form without a host",
            "http://api.test{path}",
            &[],
        )
        .refused(400, "host_invalid"),
    );
    rows
}

/// Behind `hosts = ["api.test", "other.test:8774"]`.
pub fn limited_rows() -> Vec<Row> {
    let refused = |name, host: &str| {
        hosts(name, "{path}", &[&format!("Host: {host}")]).refused(421, "host_unknown")
    };
    let forwarded = |name, host: &str| {
        let row = hosts(name, "{path}", &[&format!("Host: {host}")]);
        row.forwarded(View::list().host(host))
    };
    vec![
        refused("a host that is not listed", "evil.test"),
        refused("a host that only ends like a listed one", "evil-api.test"),
        refused("a host below a listed one", "x.api.test"),
        refused("a listed host with another port", "other.test:80"),
        refused("a listed host without its port", "other.test"),
        refused("a listed host with a dot at the end", "api.test."),
        hosts(
            "a listed host in the target alone",
            "http://api.test{path}",
            &["Host: evil.test"],
        )
        .refused(400, "host_invalid"),
        forwarded("a listed host", "api.test"),
        forwarded("a listed host of any port", "api.test:81"),
        forwarded("a listed host in upper case", "API.TEST"),
        forwarded("a listed host with its port", "other.test:8774"),
    ]
}
