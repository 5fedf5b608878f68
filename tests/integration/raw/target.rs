//! Start lines, and targets in another form than a path.

use super::row::{Row, View, get, request};

const HOST: &str = "\r\nHost: api.test\r\nX-Auth-Token: {token}\r\n\r\n";

/// A request with this start line.
fn line(name: &'static str, line: &str) -> Row {
    Row::new(name, [line, HOST].concat())
}

pub fn rows() -> Vec<Row> {
    let mut rows = unreadable();
    rows.extend(read());
    rows.extend(forms());
    rows.extend(methods());
    rows
}

/// What is no start line at all (RFC 9112 §3).
fn unreadable() -> Vec<Row> {
    [
        ("no version", "GET {path}"),
        ("no target", "GET HTTP/1.1"),
        ("no space after the method", "GET{path} HTTP/1.1"),
        ("a space before the method", " GET {path} HTTP/1.1"),
        ("two spaces after the method", "GET  {path} HTTP/1.1"),
        ("a tab after the method", "GET\t{path} HTTP/1.1"),
        ("two spaces before the version", "GET {path}  HTTP/1.1"),
        ("a tab before the version", "GET {path}\tHTTP/1.1"),
        ("a space in the target", "GET {path} x HTTP/1.1"),
        ("a tab at the target's end", "GET {path}\t HTTP/1.1"),
        ("a NUL in the target", "GET {path}\0 HTTP/1.1"),
        ("a control byte in the target", "GET {path}\x01 HTTP/1.1"),
        ("a DEL in the target", "GET {path}\x7f HTTP/1.1"),
        ("a bare CR in the target", "GET {path}\r HTTP/1.1"),
        ("a bare CR after the version", "GET {path} HTTP/1.1\rX: y"),
        ("a NUL in the method", "G\0ET {path} HTTP/1.1"),
        ("a method with a bracket", "GET( {path} HTTP/1.1"),
        ("a method with a colon", "Host: {path} HTTP/1.1"),
        ("a version in lower case", "GET {path} http/1.1"),
        ("version 0.9", "GET {path} HTTP/0.9"),
        ("version 1.2", "GET {path} HTTP/1.2"),
        ("version 2.0", "GET {path} HTTP/2.0"),
        ("version 1.10", "GET {path} HTTP/1.10"),
        ("version 01.1", "GET {path} HTTP/01.1"),
        ("another protocol's version", "GET {path} RTSP/1.1"),
        ("something after the version", "GET {path} HTTP/1.1 x"),
    ]
    .into_iter()
    .map(|(name, text)| line(name, text).unreadable(400))
    .collect()
}

/// What the parser reads is sent on in clean form.
fn read() -> Vec<Row> {
    let good = String::from_utf8(get("{path}", &[])).unwrap();
    vec![
        Row::new("the good request", &good).forwarded(View::list()),
        Row::new("an empty line first", format!("\r\n{good}")).forwarded(View::list()),
        Row::new("a bare LF first", format!("\n{good}")).forwarded(View::list()),
        Row::new("nonsense", "nonsense\r\n\r\n").unreadable(400),
        Row::new(
            "a start line that ends with a bare LF",
            good.replacen("\r\n", "\n", 1),
        )
        .forwarded(View::list()),
        line("a fragment", "GET {path}#/x HTTP/1.1").forwarded(View::list()),
        line("a fragment after a query", "GET {path}?a=b#c HTTP/1.1")
            .forwarded(View::get("{path}?a=b")),
    ]
}

/// Targets that are no path (RFC 9112 §3.2).
fn forms() -> Vec<Row> {
    vec![
        line("asterisk form", "OPTIONS * HTTP/1.1").refused(400, "path_invalid"),
        line("asterisk form of a GET", "GET * HTTP/1.1").refused(400, "path_invalid"),
        line("authority form", "GET api.test:80 HTTP/1.1").refused(400, "path_invalid"),
        line("a bare name", "GET servers HTTP/1.1").refused(400, "path_invalid"),
        line(
            "a path without its first slash",
            "GET v2.1/servers HTTP/1.1",
        )
        .unreadable(400),
        line("a dot before the path", "GET .{path} HTTP/1.1").unreadable(400),
        line("a query alone", "GET ?a=b HTTP/1.1").unreadable(400),
        line("a backslash first", "GET \\{path} HTTP/1.1").unreadable(400),
        line("a network path", "GET //api.test{path} HTTP/1.1").refused(400, "path_invalid"),
        line("CONNECT to an authority", "CONNECT api.test:443 HTTP/1.1")
            .refused(400, "path_invalid")
            .closed(),
        line("CONNECT to a path", "CONNECT {path} HTTP/1.1")
            .refused(405, "method_not_allowed")
            .closed(),
    ]
}

fn methods() -> Vec<Row> {
    let refused = |name, method: &str| {
        let row = Row::new(name, request(&format!("{method} {{path}} HTTP/1.1"), &[]));
        row.refused(405, "method_not_allowed")
    };
    vec![
        refused("TRACE", "TRACE"),
        refused("TRACK", "TRACK"),
        refused("PATCH", "PATCH"),
        refused("OPTIONS without its asterisk", "OPTIONS"),
        refused("a made-up method", "JEFF"),
        refused("a method in lower case", "get"),
        refused("a method in mixed case", "Get"),
        refused("a method with a plus", "GET+PUT"),
        refused("HEAD where only GET is listed", "HEAD"),
    ]
}
