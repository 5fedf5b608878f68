use std::fmt::Write as _;

use proptest::prelude::*;

use super::InvalidRequestPath as Invalid;
use super::*;

#[test]
fn accepts_paths_in_their_normal_form() {
    let cases = [
        "/",
        "/v2.1/p/servers/s/metadata",
        "/v2.1/p/servers/s/metadata/a%20b",
        "/v2.1/p/servers/s/metadata/a:b",
        "/v2.1/p/servers/s/metadata/%C3%A9",
        "/v2.1/p/servers/s/metadata/k.json",
        "/v2.1/p/servers/s/metadata/...",
        "/v2.1/p/servers?limit=2&name=a%2Fb&sort_key=payment_method",
        "/v2.1/p/servers?x=_method",
        "/v2.1/p/servers?x=%5Fmethod&method=DELETE&x",
        "/v2.1/p/servers?",
        "/?x",
    ];
    for text in cases {
        let path: RequestPath = text
            .parse()
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(path.path_and_query(), text);
    }
}

#[test]
fn refuses_what_has_a_second_reading() {
    let character = |byte| Invalid::Character(Byte(byte));
    let cases = [
        ("", Invalid::NotAPath),
        ("*", Invalid::NotAPath),
        ("v2.1/p", Invalid::NotAPath),
        ("http://host/v2.1", Invalid::NotAPath),
        ("?x=1", Invalid::NotAPath),
        ("//v2.1/p", Invalid::EmptySegment),
        ("/v2.1//p", Invalid::EmptySegment),
        ("/v2.1//", Invalid::EmptySegment),
        ("/v2.1//p/", Invalid::EmptySegment),
        ("//", Invalid::EmptySegment),
        ("/v2.1/p/", Invalid::TrailingSlash),
        ("/v2.1/p/?x=1", Invalid::TrailingSlash),
        ("/v2.1/./p", Invalid::DotSegment),
        ("/v2.1/../p", Invalid::DotSegment),
        ("/v2.1/..", Invalid::DotSegment),
        ("/v2.1/%2e%2E/p", Invalid::DotSegment),
        ("/v2.1/.%2E/p", Invalid::DotSegment),
        ("/v2.1/%2E", Invalid::DotSegment),
        ("/v2.1/k%2Ejson", Invalid::EncodedUnreserved(b'.')),
        ("/v2.1/%64etail", Invalid::EncodedUnreserved(b'd')),
        ("/v2.1/a%7Eb", Invalid::EncodedUnreserved(b'~')),
        ("/v2.1/x%2Fmetadata", Invalid::EncodedSeparator(b'/')),
        ("/v2.1/x%2fmetadata", Invalid::EncodedSeparator(b'/')),
        ("/v2.1/x%5C", Invalid::EncodedSeparator(b'\\')),
        ("/v2.1/%256b", Invalid::EncodedSeparator(b'%')),
        ("/v2.1/k%00", Invalid::EncodedSeparator(0)),
        ("/v2.1/k%0A", Invalid::EncodedSeparator(b'\n')),
        ("/v2.1/k%7F", Invalid::EncodedSeparator(0x7F)),
        ("/v2.1/%c3%A9", Invalid::LowerCaseEscape(0xC3)),
        ("/v2.1/%FF", Invalid::NotUtf8),
        ("/v2.1/%C0%AF", Invalid::NotUtf8),
        ("/v2.1/k%", Invalid::Escape),
        ("/v2.1/k%6", Invalid::Escape),
        ("/v2.1/k%zz", Invalid::Escape),
        ("/v2.1/k%+1", Invalid::Escape),
        ("/v2.1/é", character(0xC3)),
        ("/v2.1/s;x=1/metadata", character(b';')),
        ("/v2.1/a\\b", character(b'\\')),
        ("/v2.1/s#/metadata", character(b'#')),
        ("/v2.1/s?a#b", character(b'#')),
        ("/v2.1/a b", character(b' ')),
        ("/v2.1/{id}", character(b'{')),
        ("/v2.1/s?a=é", character(0xC3)),
        ("/v2.1/s?_method=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?_method", Invalid::MethodOverride),
        ("/v2.1/s?a=1&_METHOD=get", Invalid::MethodOverride),
        ("/v2.1/s?a=1;_method=DELETE", Invalid::MethodOverride),
        (
            "/v2.1/s?x=_method&%5Fmethod=DELETE",
            Invalid::MethodOverride,
        ),
        ("/v2.1/s?%5f%6Dethod=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?%255Fmethod=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?_method%3DDELETE", Invalid::MethodOverride),
        ("/v2.1/s?%5Fmethod%3DDELETE", Invalid::MethodOverride),
        ("/v2.1/s?x=1%26_method=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?x=1%3B%5Fmethod=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?+_method=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?_method+=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?%00_method=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?%09_method%0A=DELETE", Invalid::MethodOverride),
        ("/v2.1/s??_method=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?_method[]=DELETE", Invalid::MethodOverride),
        ("/v2.1/s?payment_method=x", Invalid::MethodOverride),
        ("/v2.1/s?a=1&&_method=DELETE", Invalid::MethodOverride),
        (
            "/v2.1/s?_method=GET&_method=DELETE",
            Invalid::MethodOverride,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<RequestPath>(), Err(expected), "{text:?}");
    }
}

#[test]
fn the_query_is_bounded() {
    let target = |length: usize| format!("/v2.1/p?{}", "x".repeat(length));
    assert!(target(8192).parse::<RequestPath>().is_ok());
    let found = target(8193).parse::<RequestPath>();
    assert_eq!(found, Err(Invalid::QueryTooLong));
}

#[test]
fn takes_the_path_of_an_absolute_target() {
    let cases = [
        ("http://host", Ok("/")),
        ("http://host/v2.1/p?x=1", Ok("/v2.1/p?x=1")),
        ("HTTPS://host:443/v2.1/p", Ok("/v2.1/p")),
        ("http://host/v2.1//p", Err(Invalid::EmptySegment)),
        ("http://host?x=1", Err(Invalid::NotAPath)),
        ("ftp://host/v2.1/p", Err(Invalid::NotAPath)),
        ("h2c://host/v2.1/p", Err(Invalid::NotAPath)),
        ("host:80", Err(Invalid::NotAPath)),
        ("*", Err(Invalid::NotAPath)),
    ];
    for (text, expected) in cases {
        let uri: Uri = text.parse().unwrap();
        let found = RequestPath::parse(&uri);
        let found = found.as_ref().map(|path| path.path_and_query().as_str());
        assert_eq!(found, expected.as_ref().map(|path| *path), "{text:?}");
    }
}

/// The normal form of RFC 3986 §6.2.2, computed without looking at what the parser does.
fn normal_form(path: &str) -> String {
    let mut normal = String::new();
    for byte in decode(path.as_bytes()) {
        if is_plain(byte) || byte == b'/' {
            normal.push(char::from(byte));
        } else {
            write!(normal, "%{byte:02X}").unwrap();
        }
    }
    normal
}

/// As [`normal_form`], leaving encoded reserved characters encoded.
fn same_spelling(path: &str) -> bool {
    let plain_reserved = |text: &str| {
        let mut text = text.to_owned();
        for byte in b"!$&'()*+,=:@" {
            text = text.replace(&format!("%{byte:02X}"), &char::from(*byte).to_string());
        }
        text
    };
    normal_form(path) == plain_reserved(path)
}

proptest! {
    #[test]
    fn what_is_accepted_is_its_own_normal_form(path in "(/([a-z.%]|%[0-9a-fA-F]{2}|[ -~]){0,6}){1,4}") {
        if let Ok(accepted) = path.parse::<RequestPath>() {
            prop_assert_eq!(accepted.path_and_query(), &path);
            prop_assert!(same_spelling(accepted.path()), "{:?}", accepted);
            let parts = accepted.path().split('/').skip(1);
            let segments: Vec<Vec<u8>> = parts.map(|part| decode(part.as_bytes())).collect();
            for segment in &segments {
                prop_assert!(segments.len() == 1 || !segment.is_empty());
                prop_assert!(segment != b"." && segment != b"..");
                prop_assert!(!segment.iter().any(|byte| byte.is_ascii_control() || b"/\\%;#".contains(byte) && *byte != b';' && *byte != b'#'));
                prop_assert!(std::str::from_utf8(segment).is_ok());
            }
        }
    }

    #[test]
    fn any_key_has_exactly_one_accepted_spelling(key in "[ a-z0-9:._-]{1,12}") {
        prop_assume!(key != "." && key != "..");
        let spelled: String = key.bytes().map(|byte| match byte {
            b' ' => "%20".to_owned(),
            _ => char::from(byte).to_string(),
        }).collect();
        let target = format!("/v2.1/p/servers/s/metadata/{spelled}");
        prop_assert!(target.parse::<RequestPath>().is_ok());
        let encoded: Vec<String> = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let all_encoded = encoded.concat();
        let other = format!("/v2.1/p/servers/s/metadata/{all_encoded}");
        let only_needed = key.bytes().all(|byte| byte == b' ' || byte == b':');
        prop_assert_eq!(other.parse::<RequestPath>().is_ok(), only_needed);
    }
}
