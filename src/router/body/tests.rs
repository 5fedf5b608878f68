#[cfg(feature = "peers")]
mod peers;

use hyper::header::HeaderValue;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn head(types: &[&'static str]) -> HeaderMap {
    let types = types.iter().map(|value| HeaderValue::from_static(value));
    types.map(|value| (CONTENT_TYPE, value)).collect()
}

#[test]
fn one_media_type_is_json() {
    let good = [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json ; \tCharset=\"UTF-8\"",
    ];
    for value in good {
        assert!(JsonBody::check_head(&head(&[value])).is_ok(), "{value}");
    }
    let bad: [&[&'static str]; 20] = [
        &[],
        &[""],
        &["application/json", "application/json"],
        &["application/json", "text/plain"],
        &["application/json, text/plain"],
        &["application/json, application/json"],
        &["text/plain"],
        &["text/json"],
        &["application/jsonp"],
        &["application/problem+json"],
        &["application/vnd.openstack.compute+json"],
        &["application/x-www-form-urlencoded"],
        &["application/json;"],
        &["application/json; charset=utf-16"],
        &["application/json; charset=utf8"],
        &["application/json; charset='utf-8'"],
        &["application/json; charset = utf-8"],
        &["application/json; version=2.1"],
        &["application/json; charset=utf-8; charset=utf-16"],
        &["application/json; charset=utf-8; version=2.1/x"],
    ];
    for values in bad {
        let error = JsonBody::check_head(&head(values)).unwrap_err();
        assert!(matches!(error, InvalidBody::MediaType), "{values:?}");
    }
}

#[test]
fn no_coding_is_taken() {
    for coding in ["gzip", "deflate", "identity", ""] {
        let mut headers = head(&["application/json"]);
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        let error = JsonBody::check_head(&headers).unwrap_err();
        assert!(matches!(error, InvalidBody::Encoding), "{coding}");
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn says_what_is_wrong() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!("{{\"a\":{open}{close}}}").into_bytes()
    };
    let cases: [(Vec<u8>, &str); 24] = [
        (b"".into(), "expected a JSON object instead of nothing"),
        (b" \r\n\t".into(), "EOF while parsing a value"),
        (
            b"\xef\xbb\xbf{\"a\":1}".into(),
            "begins with a byte order mark",
        ),
        (b"\xff\xfe{\0}\0".into(), "is not UTF-8"),
        (b"\xfe\xff\0{\0}".into(), "is not UTF-8"),
        (b"{\"\xc0\xaf\":1}".into(), "is not UTF-8"),
        (b"{\"\xed\xa0\x80\":1}".into(), "is not UTF-8"),
        (utf16("{\"a\":1}", u16::to_le_bytes), "key must be a string"),
        (utf16("{\"a\":1}", u16::to_be_bytes), "expected value"),
        (b"[]".into(), "expected an object"),
        (b"\"os-start\"".into(), "expected an object"),
        (b"null".into(), "expected an object"),
        (b"{\"a\":1}x".into(), "trailing characters"),
        (b"{\"a\":1}\0".into(), "trailing characters"),
        (b"{\"a\":1}{}".into(), "trailing characters"),
        (b"{\"a\":NaN}".into(), "expected value"),
        (b"{\"a\":-Infinity}".into(), "invalid number"),
        (b"{\"a\":1e400}".into(), "number out of range"),
        (b"{\"\\ud800\":1}".into(), "unexpected end of hex escape"),
        (b"{\"a\":1,}".into(), "trailing comma"),
        (b"{a:1}".into(), "key must be a string"),
        (b"/**/{\"a\":1}".into(), "expected value"),
        (
            b"{\"a\":[{\"b\":1,\"\\u0062\":1}]}".into(),
            "the member `b` is repeated",
        ),
        (nested(33), "nested deeper than 32 levels"),
    ];
    for (bytes, expected) in cases {
        let shown = bytes.escape_ascii().to_string();
        let message = JsonBody::parse(&bytes).unwrap_err().to_string();
        assert!(message.contains(expected), "{shown}: {message}");
    }
    assert!(JsonBody::parse(&nested(32)).is_ok());
}

#[test]
fn finds_members_that_go_by_letters_alone() {
    let names = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let cases = [
        (json!({"server": {"publicip": {"eip": 1}}}), None),
        (json!({"server": {"publicip": {"EIP": 1}}}), Some("EIP")),
        (
            json!({"server": {"publicip": {"eip": 1, "Eip": 2}}}),
            Some("Eip"),
        ),
        (json!({"server": {"public_ip": {}}}), Some("public_ip")),
        (json!({"server\0x": {}}), Some("server\0x")),
        (json!({"server": {"public-Ip": {}}}), Some("public-Ip")),
        (json!({"\u{17f}erver": {}}), Some("\u{17f}erver")),
        (json!({"server": [{"PublicIP": {}}]}), None),
        (json!({"server": {"metadata": {"EIP": 1}, "EIP": 1}}), None),
        (json!({"server": 1}), None),
    ];
    for (value, expected) in cases {
        let body = JsonBody::parse(value.to_string().as_bytes()).unwrap();
        assert_eq!(
            body.alike(&names("server/publicip/eip")),
            expected,
            "{value}"
        );
    }
    let batch = json!({"servers": [{"id": "a"}, {"id": "b", "ID": "c"}]}).to_string();
    let batch = JsonBody::parse(batch.as_bytes()).unwrap();
    assert_eq!(batch.alike(&names("servers/*/id")), Some("ID"));
    assert_eq!(batch.alike(&names("servers/*/name")), None);
}

/// The names of an object's own members, for each as often as it stands there, by a reader that
/// knows of JSON only where strings end and how deep it is.
fn own_names(text: &str) -> Vec<String> {
    let (mut names, mut depth, mut is_name) = (Vec::new(), 0, false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '{' | '[' => {
                depth += 1;
                is_name = depth == 1;
            }
            '}' | ']' => depth -= 1,
            ',' if depth == 1 => is_name = true,
            '"' => {
                let string = string(&mut characters);
                if std::mem::take(&mut is_name) && depth == 1 {
                    names.push(string);
                }
            }
            _ => {}
        }
    }
    names
}

/// From behind the opening quote to the closing one.
fn string(characters: &mut std::str::Chars<'_>) -> String {
    let mut units = Vec::new();
    while let Some(character) = characters.next() {
        let escaped = match character {
            '"' => break,
            '\\' => characters.next().unwrap(),
            other => {
                units.extend_from_slice(other.encode_utf16(&mut [0; 2]));
                continue;
            }
        };
        units.push(match escaped {
            'u' => {
                let digits: String = characters.by_ref().take(4).collect();
                u16::from_str_radix(&digits, 16).unwrap()
            }
            'n' => 10,
            'r' => 13,
            't' => 9,
            'b' => 8,
            'f' => 12,
            other => u16::try_from(u32::from(other)).unwrap(),
        });
    }
    String::from_utf16(&units).unwrap()
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,2}"
}

/// A string's text, some of it escaped.
fn quoted_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-c{}\\[\\]:, -]",
        1 => "\\\\u006[1-3]",
        1 => "\\\\[\"\\\\/bfnrt]",
        1 => Just("\\ud83d\\ude00".to_owned()),
        1 => Just("é😀".to_owned()),
    ];
    let pieces = prop::collection::vec(piece, 0..3);
    pieces.prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), quoted_text(), space(), value, space());
    let member = member.prop_map(|(a, name, b, value, c)| format!("{a}{name}{b}:{value}{c}"));
    let members = prop::collection::vec(member, 0..3);
    (members, space()).prop_map(|(members, space)| format!("{{{space}{}}}", members.join(",")))
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "null|true|false|0|-1|1\\.5|-0\\.0|1e3|184467440737095516150",
        quoted_text(),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let items = prop::collection::vec((space(), inner.clone(), space()), 0..3);
        let items = items.prop_map(|items| {
            let items = items.iter().map(|(a, item, b)| format!("{a}{item}{b}"));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        });
        prop_oneof![items, members(inner)]
    })
}

proptest! {
    #[test]
    fn sees_the_names_that_a_slow_reader_sees(before in space(), text in members(value()), after in space()) {
        let text = format!("{before}{text}{after}");
        let mut names = own_names(&text);
        names.sort();
        match JsonBody::parse(text.as_bytes()) {
            Ok(body) => prop_assert_eq!(body.members().keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>()),
            Err(error) => {
                // All of it is good JSON, but for names that stand there twice.
                let message = error.to_string();
                prop_assert!(message.contains("is repeated"), "{}: {}", text, message);
            }
        }
        let has_twice = names.windows(2).any(|pair| pair[0] == pair[1]);
        prop_assert!(!has_twice || JsonBody::parse(text.as_bytes()).is_err(), "{}", text);
    }

    /// Any bytes at all: what is taken is UTF-8 that begins with `{` and ends with `}`.
    #[test]
    fn takes_nothing_but_one_object(bytes in prop::collection::vec(prop_oneof![Just(b'{'), Just(b'}'), Just(b'"'), Just(b':'), any::<u8>()], 0..12)) {
        if JsonBody::parse(&bytes).is_ok() {
            let text = std::str::from_utf8(&bytes).unwrap().trim_matches([' ', '\t', '\r', '\n']);
            prop_assert!(text.starts_with('{') && text.ends_with('}'), "{}", text);
        }
    }
}
