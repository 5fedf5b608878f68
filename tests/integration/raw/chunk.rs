//! The syntax of chunks (RFC 9112 §7.1).

use super::row::{Row, View, post};

/// The head with the start of its body.
fn chunks(name: &'static str, body: impl AsRef<[u8]>) -> Row {
    Row::new(name, post(&["Transfer-Encoding: chunked"], body))
}

pub fn rows() -> Vec<Row> {
    let mut rows = refused();
    rows.extend(forwarded());
    rows
}

const BROKEN: [(&str, &str); 29] = [
    ("a size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
    ("a size with a minus", "-5\r\nhello\r\n0\r\n\r\n"),
    ("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a size with h", "5h\r\nhello\r\n0\r\n\r\n"),
    ("a size with an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
    ("a size with a fraction", "5.0\r\nhello\r\n0\r\n\r\n"),
    ("a size with a comma", "5,5\r\nhello\r\n0\r\n\r\n"),
    ("a size in quotes", "\"5\"\r\nhello\r\n0\r\n\r\n"),
    ("a space before a size", " 5\r\nhello\r\n0\r\n\r\n"),
    ("a tab before a size", "\t5\r\nhello\r\n0\r\n\r\n"),
    ("a space within a size", "5 0\r\nhello\r\n0\r\n\r\n"),
    ("no size", "\r\nhello\r\n0\r\n\r\n"),
    ("an extension without a size", ";x=1\r\nhello\r\n0\r\n\r\n"),
    ("a size of other letters", "g\r\nhello\r\n0\r\n\r\n"),
    (
        "a size beyond 64 bits",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
    ),
    ("a NUL in a size", "5\0\r\nhello\r\n0\r\n\r\n"),
    ("a bare LF after a size", "5\nhello\r\n0\r\n\r\n"),
    ("a bare CR after a size", "5\rhello\r\n0\r\n\r\n"),
    ("a bare LF in an extension", "5;x\nhello\r\n0\r\n\r\n"),
    ("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
    (
        "a quoted LF in an extension",
        "5;x=\"\n\"\r\nhello\r\n0\r\n\r\n",
    ),
    ("data longer than its size", "5\r\nhello!\r\n0\r\n\r\n"),
    ("data shorter than its size", "6\r\nhello\r\n0\r\n\r\n"),
    ("data without its end", "5\r\nhello0\r\n\r\n"),
    ("a bare LF after data", "5\r\nhello\n0\r\n\r\n"),
    ("a bare CR after data", "5\r\nhello\r0\r\n\r\n"),
    ("two ends after data", "5\r\nhello\r\n\r\n0\r\n\r\n"),
    ("a last size with a bare LF", "5\r\nhello\r\n0\n\r\n"),
    (
        "a trailer with a bare CR",
        "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n",
    ),
];

/// A broken chunk is the client's fault, and nothing is read after it.
fn refused() -> Vec<Row> {
    let filler = "x".repeat(70_000);
    let long = [
        (
            "a size of many digits",
            format!("{}5\r\nhello\r\n0\r\n\r\n", "f".repeat(40)),
        ),
        (
            "extensions that are too long",
            format!("5;{filler}\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "trailers that are too long",
            format!("5\r\nhello\r\n0\r\nX: {filler}\r\n\r\n"),
        ),
        (
            "too many trailers",
            format!("5\r\nhello\r\n0\r\n{}\r\n", "X: y\r\n".repeat(2000)),
        ),
    ];
    let broken = BROKEN.map(|(name, body)| (name, body.to_owned()));
    let cases = broken.into_iter().chain(long);
    let rows = cases
        .into_iter()
        .map(|(name, body)| chunks(name, body).refused(400, "body_broken").closed());
    let mut rows: Vec<Row> = rows.collect();
    for (name, body) in [
        ("chunks without their last", "5\r\nhello\r\n"),
        ("a chunk that breaks off", "6\r\nhel"),
        ("a size that breaks off", "5"),
        ("chunks without the last empty line", "5\r\nhello\r\n0\r\n"),
    ] {
        rows.push(
            chunks(name, body)
                .ended()
                .refused(400, "body_broken")
                .closed(),
        );
    }
    rows
}

/// What the parser reads is sent on as one body with its length, without extensions and trailers.
fn forwarded() -> Vec<Row> {
    [
        ("one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
        (
            "several chunks",
            "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n",
            "hello",
        ),
        (
            "a size with zeros",
            "0000000005\r\nhello\r\n000\r\n\r\n",
            "hello",
        ),
        (
            "a size in upper case",
            "A\r\nhellohello\r\n0\r\n\r\n",
            "hellohello",
        ),
        (
            "a size in lower case",
            "a\r\nhellohello\r\n0\r\n\r\n",
            "hellohello",
        ),
        ("a space after a size", "5 \r\nhello\r\n0 \r\n\r\n", "hello"),
        ("an extension", "5;x=1\r\nhello\r\n0;y\r\n\r\n", "hello"),
        (
            "an extension in quotes",
            "5;x=\"a;b\"\r\nhello\r\n0\r\n\r\n",
            "hello",
        ),
        (
            "a trailer",
            "5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n",
            "hello",
        ),
        (
            "an identity in a trailer",
            "5\r\nhello\r\n0\r\nX-Roles: admin\r\n\r\n",
            "hello",
        ),
        (
            "a bare LF for the end, and an end",
            "5\r\nhello\r\n0\r\n\n\r\n\r\n",
            "hello",
        ),
        (
            "a length in a trailer",
            "5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
            "hello",
        ),
        (
            "a token in a trailer",
            "5\r\nhello\r\n0\r\nX-Auth-Token: x\r\n\r\n",
            "hello",
        ),
        (
            "a body that looks like chunks",
            "a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
            "0\r\n\r\n0\r\n\r\n",
        ),
    ]
    .into_iter()
    .map(|(name, body, sent)| chunks(name, body).forwarded(View::post(sent)).closed())
    .collect()
}
