mod reading;

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
        "/v2.1/",
        "/v2/?x",
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
        ("/servers/", Invalid::TrailingSlash),
        ("/v2.x/", Invalid::TrailingSlash),
        ("/v2.1/?_method=DELETE", Invalid::MethodOverride),
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
        ("/v2.1/s?a=<b", character(b'<')),
        ("/v2.1/s?a=b c", character(b' ')),
        ("/v2.1/s?a=\n", character(b'\n')),
        ("/v2.1/s?a=\x7f", character(0x7F)),
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

#[test]
fn an_absolute_target_without_a_path_is_sent_as_a_slash() {
    // Cut at the `#`, no byte of a path is left, and a request line would have no target.
    for text in [
        "http://nova",
        "http://nova#",
        "http://nova#/v2.1",
        "http://nova/#",
    ] {
        let found = RequestPath::parse(&text.parse().unwrap()).unwrap();
        let sent = Uri::from(found.path_and_query().clone());
        assert_eq!(sent.to_string(), "/", "{text}");
    }
}
