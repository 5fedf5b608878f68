use hyper::header::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn has_version(name: &HeaderName, value: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    headers.append(name, HeaderValue::from_static("application/json"));
    headers.append(name, HeaderValue::from_bytes(value).unwrap());
    names_version(&headers)
}

#[test]
fn finds_a_version_wherever_a_parser_could() {
    let found: [&[u8]; 20] = [
        b"\"application/json;ver\\sion=2.1/x\"",
        b"application/json;a=\"x;;\\v\\ersion=2.1/x\"",
        b"application/json;version=2.1/x",
        b"application/json; version=\"2.1/x\"",
        b"application/json;VERSION=2.1",
        b"application/json;version",
        b"application/json;version =2.1/x",
        b"application/json;\t version=2.1/x",
        b"application/json;\"version\"=2.1/x",
        b"application/json;'version'=2.1/x",
        b"application/json;version*=utf-8''2.1/x",
        b"application/json;version*0=2.1/x",
        b"application/json;a=b;version=2.1/x",
        b"application/json;;;version=2.1/x",
        b"application/json;a=\"x;version=2.1/x\"",
        b"text/plain, application/json;version=2.1/x",
        b"text/plain,application/json;q=0.1;version=2.1/x;q=1",
        b"application/vnd.openstack.compute+json;version=2",
        b"application/json;\xa0version=2.1/x",
        b";,version=2.1/x",
    ];
    let passing: [&[u8]; 10] = [
        b"",
        b"version=2.1/x, version",
        b"*/*",
        b"application/json",
        b"application/json; charset=utf-8",
        b"text/html, application/json;q=0.9, */*;q=0.8",
        b"application/vnd.version+json",
        b"application/json;api-version=2.1",
        b"application/json;versions=2;version-of=3;version_x=4",
        b"application/json;q=version",
    ];
    for name in [ACCEPT, CONTENT_TYPE] {
        for value in found {
            assert!(has_version(&name, value), "{}", value.escape_ascii());
        }
        for value in passing {
            assert!(!has_version(&name, value), "{}", value.escape_ascii());
        }
    }
    let other = HeaderName::from_static("accept-language");
    assert!(!has_version(&other, b"en;version=2.1/x"));
}

/// The names of parameters as Nova finds them: from each `;`, after white space, up to white space,
/// `;` or `=`, without the quotes around; quotes keep nothing together, and only drop a `\`.
fn read_by_nova(value: &str) -> Vec<String> {
    let value = value.replace('\\', "");
    let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ';' | '=');
    let pieces = value.split(';').skip(1);
    let names = pieces.map(|piece| {
        let name = piece.trim_start().split(is_end).next().unwrap();
        let quoted = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'));
        quoted.unwrap_or(name).to_owned()
    });
    names.collect()
}

proptest! {
    #[test]
    fn whatever_nova_finds_is_found(
        pieces in proptest::collection::vec(
            proptest::sample::select(&[
                "application/json", ";", ";", "version", "version", "ver", "sion", "=", "2.1/x", "\"", ",", " ",
                "\t", "\\", "*", "a", "q=1",
            ][..]),
            0..12,
        ),
    ) {
        let value = pieces.concat();
        let read = read_by_nova(&value);
        if read.iter().any(|name| name == "version") {
            prop_assert!(has_version(&ACCEPT, value.as_bytes()), "{value:?}");
        }
        if has_version(&ACCEPT, value.as_bytes()) {
            prop_assert!(value.replace('\\', "").contains("version"));
        }
    }
}
