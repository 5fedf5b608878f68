//! Lengths and transfer codings: one body, one end.

use super::row::{Row, View, post, request};

const CHUNKED: &str = "Transfer-Encoding: chunked";
/// Five bytes in chunks, and a request for those who end the body elsewhere.
const HIDING: &str =
    "5\r\nhello\r\n0\r\n\r\nDELETE {path}/k HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {token}\r\n\r\n";

pub fn rows() -> Vec<Row> {
    let mut rows = lengths();
    rows.extend(codings());
    rows.extend(both());
    rows.extend(forwarded());
    rows
}

fn lengths() -> Vec<Row> {
    let one = [
        ("a length with a plus", "Content-Length: +5"),
        ("a length with a minus", "Content-Length: -5"),
        ("a negative zero", "Content-Length: -0"),
        ("a length in hexadecimal", "Content-Length: 0x5"),
        ("a length with a fraction", "Content-Length: 5.0"),
        ("a length with an exponent", "Content-Length: 5e0"),
        ("a length with a space within", "Content-Length: 5 5"),
        ("a length in a list", "Content-Length: 5,5"),
        ("two lengths in a list", "Content-Length: 5, 6"),
        ("a length with a comma", "Content-Length: 5,"),
        ("a length with a semicolon", "Content-Length: 5;x"),
        ("a length in quotes", "Content-Length: \"5\""),
        ("an empty length", "Content-Length:"),
        ("a length of letters", "Content-Length: five"),
        ("a length with an underscore", "Content-Length: 1_0"),
        (
            "a length with digits of another script",
            "Content-Length: \u{665}",
        ),
        (
            "a length beyond 64 bits",
            "Content-Length: 18446744073709551621",
        ),
        (
            "a length that wraps to 5",
            "Content-Length: 36893488147419103237",
        ),
    ];
    let one = one.into_iter().map(|(name, line)| (name, vec![line]));
    let several = [
        (
            "two different lengths",
            vec!["Content-Length: 5", "Content-Length: 6"],
        ),
        (
            "two different lengths in two cases",
            vec!["content-length: 6", "CONTENT-LENGTH: 5"],
        ),
        (
            "a length and an empty one",
            vec!["Content-Length: 5", "Content-Length:"],
        ),
    ];
    let rows = one.chain(several);
    let rows = rows.map(|(name, lines)| Row::new(name, post(&lines, "hello")).unreadable(400));
    rows.collect()
}

fn codings() -> Vec<Row> {
    let unreadable = [
        ("no coding", "Transfer-Encoding:"),
        ("identity", "Transfer-Encoding: identity"),
        ("gzip", "Transfer-Encoding: gzip"),
        ("chunked and then gzip", "Transfer-Encoding: chunked, gzip"),
        (
            "a coding that ends like chunked",
            "Transfer-Encoding: xchunked",
        ),
        (
            "a coding that begins like chunked",
            "Transfer-Encoding: chunkedx",
        ),
        ("chunked with a parameter", "Transfer-Encoding: chunked;q=1"),
        ("chunked in quotes", "Transfer-Encoding: \"chunked\""),
        ("chunked and a comma", "Transfer-Encoding: chunked,"),
        ("chunked and a form feed", "Transfer-Encoding: chunked\x0c"),
        (
            "a vertical tab before chunked",
            "Transfer-Encoding: \x0bchunked",
        ),
        (
            "a space before the coding's colon",
            "Transfer-Encoding : chunked",
        ),
        (
            "a coding in a folded line",
            "X: y\r\n Transfer-Encoding: chunked",
        ),
        ("a coding folded itself", "Transfer-Encoding:\r\n chunked"),
    ];
    let unreadable = unreadable
        .into_iter()
        .map(|(name, line)| Row::new(name, post(&[line], HIDING)).unreadable(400));
    let refused = [
        ("gzip and then chunked", "Transfer-Encoding: gzip, chunked"),
        (
            "chunked twice in a line",
            "Transfer-Encoding: chunked, chunked",
        ),
        ("a comma and chunked", "Transfer-Encoding: , chunked"),
        (
            "identity and then chunked",
            "Transfer-Encoding: identity, chunked",
        ),
    ];
    let refused = refused.into_iter().map(|(name, line)| {
        let row = Row::new(name, post(&[line], HIDING));
        row.refused(400, "transfer_encoding").closed()
    });
    let mut rows: Vec<Row> = unreadable.chain(refused).collect();
    let twice = |name, lines: &[&str]| Row::new(name, post(lines, HIDING));
    rows.push(
        twice("chunked in two lines", &[CHUNKED, CHUNKED])
            .refused(400, "transfer_encoding")
            .closed(),
    );
    rows.push(
        twice(
            "identity before chunked",
            &["Transfer-Encoding: identity", CHUNKED],
        )
        .refused(400, "transfer_encoding")
        .closed(),
    );
    rows.push(
        twice(
            "identity after chunked",
            &[CHUNKED, "Transfer-Encoding: identity"],
        )
        .unreadable(400),
    );
    rows.push(
        twice(
            "a coding with an underscore",
            &["Transfer_Encoding: chunked"],
        )
        .refused(400, "header_name")
        .unreadable(400),
    );
    let old = request("POST {path} HTTP/1.0", &[CHUNKED]);
    let old = [old, HIDING.into()].concat();
    rows.push(Row::new("a coding in HTTP/1.0", old).unreadable(400));
    rows
}

/// The coding counts, and nothing is read after it (RFC 9112 §6.1).
fn both() -> Vec<Row> {
    let cases = [
        (
            "a length before a coding",
            vec!["Content-Length: 3", CHUNKED],
        ),
        (
            "a length after a coding",
            vec![CHUNKED, "Content-Length: 3"],
        ),
        (
            "a length of nothing and a coding",
            vec!["Content-Length: 0", CHUNKED],
        ),
        (
            "a length, a coding, a length",
            vec!["Content-Length: 3", CHUNKED, "Content-Length: 4"],
        ),
        (
            "a broken length after a coding",
            vec![CHUNKED, "Content-Length: +3"],
        ),
    ];
    let cases = cases.into_iter().map(|(name, lines)| {
        let row = Row::new(name, post(&lines, HIDING));
        row.forwarded(View::post("hello")).closed()
    });
    let mut rows: Vec<Row> = cases.collect();
    let lines = ["Content-Length: 3", "Transfer-Encoding: identity"];
    rows.push(Row::new("a length and identity", post(&lines, HIDING)).unreadable(400));
    rows
}

fn forwarded() -> Vec<Row> {
    let length = |name, line| Row::new(name, post(&[line], "hello")).forwarded(View::post("hello"));
    let coding = |name, line| {
        let row = Row::new(name, post(&[line], "5\r\nhello\r\n0\r\n\r\n"));
        row.forwarded(View::post("hello")).closed()
    };
    vec![
        length("a length", "Content-Length: 5"),
        length("a length with spaces around", "Content-Length:  \t5 \t"),
        Row::new(
            "one length twice",
            post(&["Content-Length: 5", "content-length: 5"], "hello"),
        )
        .forwarded(View::post("hello")),
        coding("chunked", CHUNKED),
        coding("chunked in mixed case", "transfer-encoding: CHUNked"),
        coding(
            "chunked with spaces around",
            "Transfer-Encoding: \t chunked \t",
        ),
        Row::new(
            "a length with zeros",
            post(&["Content-Length: 0005"], "hello"),
        )
        .forwarded(
            View::new("POST {path} HTTP/1.1")
                .header("content-length: 0005")
                .with_body("hello"),
        ),
        Row::new("a length of nothing", post(&["Content-Length: 0"], "")).forwarded(View::post("")),
    ]
}
