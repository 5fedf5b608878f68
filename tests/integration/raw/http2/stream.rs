//! Bodies, and frames that break the connection.

use super::{Expected, Fields, Http2Row, get};
use crate::raw::row::View;
use crate::support::frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, block, frame};

pub fn rows() -> Vec<Http2Row> {
    let mut rows = bodies();
    rows.extend(broken());
    rows
}

fn post() -> Fields {
    Fields::new("POST", "{path}")
}

/// Bodies and what is said of their length.
fn bodies() -> Vec<Http2Row> {
    let sent =
        |fields: Fields, body: &[u8]| [fields.frames(0), frame(DATA, END_STREAM, 1, body)].concat();
    let length = |length: &str| post().and("content-length", length);
    let trailers = |name: &[u8], value: &[u8]| {
        let block = block(&[(name, value)]);
        let end = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
        [post().frames(0), frame(DATA, 0, 1, b"hello"), end].concat()
    };
    let hello = || Expected::Forwarded(View::post("hello"));
    let row = Http2Row::new;
    vec![
        row("a body", sent(length("5"), b"hello"), hello()),
        row("a body without a length", sent(post(), b"hello"), hello()),
        row(
            "a body that hides a request",
            sent(post(), b"0\r\n\r\nDELETE / HTTP/1.1\r\n\r\n"),
            Expected::Forwarded(View::post("0\r\n\r\nDELETE / HTTP/1.1\r\n\r\n")),
        ),
        row(
            "identities in trailers",
            trailers(b"x-roles", b"admin"),
            hello(),
        ),
        row(
            "a length in trailers",
            trailers(b"content-length", b"3"),
            hello(),
        ),
        row(
            "a pseudo-header in trailers",
            trailers(b":path", b"/"),
            hello(),
        ),
        row(
            "one length twice",
            sent(length("5").and("content-length", "5"), b"hello"),
            Expected::Refused(400, "header_repeated"),
        ),
        row(
            "two lengths",
            sent(length("5").and("content-length", "6"), b"hello"),
            Expected::Reset,
        ),
        row(
            "a length with a plus",
            sent(length("+5"), b"hello"),
            Expected::Reset,
        ),
        row(
            "lengths in a list",
            sent(length("5,5"), b"hello"),
            Expected::Reset,
        ),
        row(
            "a length that is too short",
            sent(length("3"), b"hello"),
            Expected::Aborted,
        ),
        row(
            "a length that is too long",
            sent(length("9"), b"hello"),
            Expected::Aborted,
        ),
        row(
            "a length and no body",
            length("5").frames(END_STREAM),
            Expected::Reset,
        ),
    ]
}

/// The connection itself is broken.
fn broken() -> Vec<Http2Row> {
    let block = get().block();
    let half = frame(HEADERS, END_STREAM, 1, &block);
    let padded = [&[200][..], &block].concat();
    [
        (
            "nonsense after the preface",
            b"nonsense nonsense nonsense".to_vec(),
        ),
        (
            "a request of HTTP/1.1 after the preface",
            b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec(),
        ),
        (
            "a body before its head",
            frame(DATA, END_STREAM, 1, b"hello"),
        ),
        (
            "a head on stream 0",
            frame(HEADERS, END_HEADERS | END_STREAM, 0, &block),
        ),
        (
            "a head on an even stream",
            frame(HEADERS, END_HEADERS | END_STREAM, 2, &block),
        ),
        (
            "a continuation of nothing",
            frame(CONTINUATION, END_HEADERS, 1, &block),
        ),
        (
            "a frame within a head",
            [half.clone(), frame(DATA, 0, 1, b"hello")].concat(),
        ),
        (
            "a continuation on another stream",
            [half.clone(), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(),
        ),
        (
            "padding that is longer than its frame",
            frame(HEADERS, 8 | END_HEADERS | END_STREAM, 1, &padded),
        ),
        (
            "a block that is no HPACK",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 20]),
        ),
        (
            "an index of nothing",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80]),
        ),
        (
            "a frame that is too large",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &vec![0; 20_000]),
        ),
        ("settings of a strange length", frame(4, 0, 0, &[0; 5])),
        (
            "a push by the client",
            frame(5, END_HEADERS, 1, &[0, 0, 0, 2]),
        ),
        (
            "a window that overflows",
            [frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])].concat(),
        ),
        ("a window of nothing", frame(8, 0, 0, &[0; 4])),
        ("a ping of a strange length", frame(6, 0, 0, &[0; 7])),
        ("a reset of an idle stream", frame(3, 0, 1, &[0, 0, 0, 8])),
    ]
    .into_iter()
    .map(|(name, frames)| Http2Row::new(name, frames, Expected::Gone))
    .collect()
}
