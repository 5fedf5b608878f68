//! What is no JSON of which every reader would see the same.

use super::{Call, Expected, World, call, path, token};

const START: &str = "{\"os-start\":null}";
const INVALID: Expected<'static> = Err((400, "body_invalid", None));
const MEDIA_TYPE: Expected<'static> = Err((415, "body_media_type", None));
const ENCODING: Expected<'static> = Err((415, "body_encoding", None));

fn utf16(begin: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let text = format!("{begin}{START}");
    text.encode_utf16().flat_map(bytes).collect()
}

fn utf32(bytes: fn(u32) -> [u8; 4]) -> Vec<u8> {
    START.chars().map(u32::from).flat_map(bytes).collect()
}

fn nested(depth: usize) -> Vec<u8> {
    let inner = depth - 1;
    let (open, close) = ("[".repeat(inner), "]".repeat(inner));
    format!("{{\"os-start\":{open}{close}}}").into_bytes()
}

#[test]
fn other_texts_are_refused() {
    let mut world = World::new();
    let cases: [(&str, Vec<u8>, Expected<'_>); 36] = [
        ("nothing", b"".into(), INVALID),
        ("white space", b" \n".into(), INVALID),
        ("an array", b"[{\"os-start\":null}]".into(), INVALID),
        ("an empty array", b"[]".into(), INVALID),
        ("a string", b"\"os-start\"".into(), INVALID),
        ("a number", b"1".into(), INVALID),
        ("null", b"null".into(), INVALID),
        ("true", b"true".into(), INVALID),
        (
            "a mark in UTF-8",
            [b"\xef\xbb\xbf", START.as_bytes()].concat(),
            INVALID,
        ),
        (
            "UTF-16, big end first",
            utf16("", u16::to_be_bytes),
            INVALID,
        ),
        (
            "UTF-16, little end first",
            utf16("", u16::to_le_bytes),
            INVALID,
        ),
        (
            "UTF-16 with a mark, big end first",
            utf16("\u{feff}", u16::to_be_bytes),
            INVALID,
        ),
        (
            "UTF-16 with a mark, little end first",
            utf16("\u{feff}", u16::to_le_bytes),
            INVALID,
        ),
        ("UTF-32, big end first", utf32(u32::to_be_bytes), INVALID),
        ("UTF-32, little end first", utf32(u32::to_le_bytes), INVALID),
        ("UTF-7", b"+AHsAIg-os-start+ACI-:null+AH0-".into(), INVALID),
        (
            "an overlong letter",
            b"{\"os-s\xc1\xb4art\":null}".into(),
            INVALID,
        ),
        (
            "a surrogate in UTF-8",
            b"{\"os-start\":\"\xed\xa0\x80\"}".into(),
            INVALID,
        ),
        ("Latin-1", b"{\"os-start\":\"\xe9\"}".into(), INVALID),
        ("NaN", b"{\"os-start\":NaN}".into(), INVALID),
        ("Infinity", b"{\"os-start\":Infinity}".into(), INVALID),
        (
            "a lone surrogate",
            b"{\"os-start\":\"\\ud800\"}".into(),
            INVALID,
        ),
        (
            "a lone low surrogate",
            b"{\"os-start\":\"\\udc00x\"}".into(),
            INVALID,
        ),
        (
            "a number beyond all",
            b"{\"os-start\":1e999}".into(),
            INVALID,
        ),
        ("trailing garbage", b"{\"os-start\":null}x".into(), INVALID),
        (
            "a second object",
            b"{\"os-start\":null}{\"os-stop\":null}".into(),
            INVALID,
        ),
        ("a NUL behind", b"{\"os-start\":null}\0".into(), INVALID),
        ("a NUL before", b"\0{\"os-start\":null}".into(), INVALID),
        ("a NUL within", b"{\"os-start\0\":null}".into(), INVALID),
        ("a comment", b"{/**/\"os-start\":null}".into(), INVALID),
        ("apostrophes", b"{'os-start':null}".into(), INVALID),
        ("a comma too many", b"{\"os-start\":null,}".into(), INVALID),
        ("a form feed", b"\x0c{\"os-start\":null}".into(), INVALID),
        (
            "a prefix against scripts",
            b")]}'\n{\"os-start\":null}".into(),
            INVALID,
        ),
        ("33 levels", nested(33), INVALID),
        ("32 levels", nested(32), Ok("os-start")),
    ];
    for (name, body, expected) in cases {
        world.check(name, &call(body.clone()).bytes(), &body, expected);
    }
    world.finish();
}

fn with(lines: &[&str], body: &[u8]) -> Vec<u8> {
    let call = Call::post(path(), body).bearer(&token(&["nova:servers:*"]));
    lines
        .iter()
        .fold(call, |call, line| call.header(*line))
        .bytes()
}

#[test]
fn other_media_types_are_refused() {
    let mut world = World::new();
    let cases: [(&[&str], Expected<'_>); 18] = [
        (&[], MEDIA_TYPE),
        (&["Content-Type:"], MEDIA_TYPE),
        (&["Content-Type: text/plain"], MEDIA_TYPE),
        (
            &["Content-Type: application/vnd.openstack.compute+json"],
            MEDIA_TYPE,
        ),
        (
            &["Content-Type: application/x-www-form-urlencoded"],
            MEDIA_TYPE,
        ),
        (
            &["Content-Type: multipart/form-data; boundary=x"],
            MEDIA_TYPE,
        ),
        (
            &["Content-Type: application/json; charset=utf-16"],
            MEDIA_TYPE,
        ),
        (
            &["Content-Type: application/json; charset=iso-8859-1"],
            MEDIA_TYPE,
        ),
        (
            &["Content-Type: application/json;version=\"2.1/x\""],
            MEDIA_TYPE,
        ),
        (
            &["Content-Type: application/json;charset=utf-8;version=2.1/x"],
            MEDIA_TYPE,
        ),
        (&["Content-Type: application/json, text/plain"], MEDIA_TYPE),
        (&["Content-Type: application/json;"], MEDIA_TYPE),
        (
            &["Content_Type: application/json"],
            Err((400, "header_name", None)),
        ),
        (
            &[
                "Content-Type: application/json",
                "Content-Type: application/json",
            ],
            Err((400, "header_repeated", None)),
        ),
        (
            &["Content-Type: application/json; charset=utf-8"],
            Ok("os-start"),
        ),
        (
            &["Content-Type: application/json;charset=\"UTF-8\""],
            Ok("os-start"),
        ),
        (&["Content-Type: Application/Json"], Ok("os-start")),
        (&["content-type:application/json"], Ok("os-start")),
    ];
    for (lines, expected) in cases {
        world.check(
            &format!("{lines:?}"),
            &with(lines, START.as_bytes()),
            START.as_bytes(),
            expected,
        );
        if let Err((400, ..)) = expected {
            // Of these heads nobody looked at the path.
            world.audited.last_mut().unwrap()[3] = serde_json::Value::Null;
        }
    }
    world.finish();
}

/// Each as `gzip` and zlib write it.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\x2f\xd6\x2d\x2e\x49\x2c\x2a\x51\xb2\xca\x2b\xcd\xc9\xa9\x05\x00\x31\xa9\xf0\x08\x11\x00\x00\x00";
const DEFLATE: &[u8] = b"\x78\x9c\xab\x56\xca\x2f\xd6\x2d\x2e\x49\x2c\x2a\x51\xb2\xca\x2b\xcd\xc9\xa9\x05\x00\x38\x19\x06\x6f";

#[test]
fn codings_are_refused_whether_they_are_named_or_not() {
    let mut world = World::new();
    for (coding, body, expected) in [
        ("gzip", GZIP, ENCODING),
        ("GZip", GZIP, ENCODING),
        ("deflate", DEFLATE, ENCODING),
        ("gzip", START.as_bytes(), ENCODING),
        ("identity", START.as_bytes(), ENCODING),
        ("", START.as_bytes(), ENCODING),
    ] {
        let coding = format!("Content-Encoding: {coding}");
        let bytes = with(&["Content-Type: application/json", &coding], body);
        world.check(&coding, &bytes, body, expected);
    }
    for body in [GZIP, DEFLATE] {
        world.check("unnamed", &call(body).bytes(), body, INVALID);
    }
    world.finish();
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let mut world = World::new();
    for (body, expected) in [
        (
            "",
            "The body tells which operation this is, expected a JSON object instead of nothing.",
        ),
        (
            "\u{feff}{}",
            "The body begins with a byte order mark, expected JSON in UTF-8 without one.",
        ),
        (
            "{\"os-start\":1,\"os-start\":2}",
            "The body is not one JSON object with distinct members: the member `os-start` is repeated at line 1 column 24.",
        ),
        (
            "{\"secret\":\"hunter2\"",
            "The body is not one JSON object with distinct members: EOF while parsing an object at line 1 column 19.",
        ),
    ] {
        let answer = world.check(body, &call(body).bytes(), body.as_bytes(), INVALID);
        assert_eq!(answer.refusal(400, "body_invalid", "badRequest"), expected);
    }
    world.finish();
}
