//! Headers that are not removed but refused.

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Request, Version};

use super::*;

type Lines<'a> = &'a [(&'a str, &'a str)];

/// Holds a request against the hosts that are served; the answer is the `Host` it then has.
fn check(
    version: Version,
    target: &str,
    sent: Lines<'_>,
    hosts: &[&str],
) -> Result<String, InvalidHeaders> {
    let (mut head, ()) = Request::new(()).into_parts();
    head.version = version;
    head.uri = target.parse().unwrap();
    head.headers = headers(sent);
    let hosts = hosts.iter().map(|host| host.parse().unwrap());
    let allowed = AllowedHosts::new(hosts.collect());
    check_head(&mut head, &allowed)?;
    let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
    let [host] = hosts.as_slice() else {
        panic!("{hosts:?}")
    };
    Ok(host.to_str().unwrap().to_owned())
}

#[test]
fn headers_with_a_second_reading_are_refused() {
    let underscore = |name: &str| Err(InvalidHeaders::Underscore(name.to_owned()));
    let host = || Err(InvalidHeaders::Host);
    let coding = || Err(InvalidHeaders::TransferEncoding);
    let repeated = |name| Err(InvalidHeaders::Repeated(name));
    let length = || Err(InvalidHeaders::ContentLength);
    let cases: [(Lines<'_>, Result<(), InvalidHeaders>); 29] = [
        (&[], Ok(())),
        (&[("x-a", "x_b")], Ok(())),
        (&[("X_Roles", "admin")], underscore("x_roles")),
        (&[("x-user_id", "u")], underscore("x-user_id")),
        (&[("_", "u")], underscore("_")),
        (&[("content_length", "3")], underscore("content_length")),
        (&[("host", "api")], host()),
        (&[("Host", "b")], host()),
        (&[("content-type", "a/b")], Ok(())),
        (
            &[("content-type", "a/b"), ("Content-Type", "a/b")],
            repeated(CONTENT_TYPE),
        ),
        (&[("accept", "a/b"), ("accept", "c/d")], Ok(())),
        (&[("content-length", "0")], Ok(())),
        (&[("content-length", "18446744073709551616")], Ok(())),
        (
            &[("content-length", "3"), ("content-length", "3")],
            repeated(CONTENT_LENGTH),
        ),
        (
            &[("content-length", "3"), ("Content-Length", "4")],
            repeated(CONTENT_LENGTH),
        ),
        (&[("content-length", "")], length()),
        (&[("content-length", "+3")], length()),
        (&[("content-length", "-3")], length()),
        (&[("content-length", "3 ")], length()),
        (&[("content-length", "3, 3")], length()),
        (&[("content-length", "0x3")], length()),
        (&[("content-length", "3.0")], length()),
        (&[("transfer-encoding", "chunked")], Ok(())),
        (&[("transfer-encoding", "Chunked")], Ok(())),
        (&[("transfer-encoding", "gzip, chunked")], coding()),
        (&[("transfer-encoding", "gzip")], coding()),
        (&[("transfer-encoding", "")], coding()),
        (
            &[
                ("transfer-encoding", "gzip"),
                ("transfer-encoding", "chunked"),
            ],
            coding(),
        ),
        (
            &[
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "chunked"),
            ],
            coding(),
        ),
    ];
    for (sent, expected) in cases {
        let sent = [&[("host", "api")], sent].concat();
        let found = check(Version::HTTP_11, "/", &sent, &[]);
        assert_eq!(found.map(|_| ()), expected, "{sent:?}");
    }
}

#[test]
fn a_request_is_for_one_host() {
    let invalid = || Err(InvalidHeaders::Host);
    let mismatch = || Err(InvalidHeaders::HostMismatch);
    let to = |host: &str| Ok(host.to_owned());
    let (http1, http2) = (Version::HTTP_11, Version::HTTP_2);
    let cases: [(Version, &str, &[&str], Result<String, InvalidHeaders>); 25] = [
        (http1, "/x", &["a"], to("a")),
        (http1, "/x", &[], invalid()),
        (http1, "/x", &[""], invalid()),
        (http1, "/x", &["a", "a"], invalid()),
        (http1, "/x", &["a@b"], invalid()),
        (http1, "http://a/x", &["a"], to("a")),
        (http1, "http://A:80/x", &["a:80"], to("a:80")),
        (http1, "https://a", &["a"], to("a")),
        (http1, "http://a/x", &["b"], mismatch()),
        (http1, "http://a:80/x", &["a"], mismatch()),
        (http1, "http://a/x", &["a:80"], mismatch()),
        (http1, "http://a:80/x", &["a:080"], mismatch()),
        (http1, "http://u@a/x", &["a"], mismatch()),
        (http1, "http://u@a/x", &["u@a"], invalid()),
        (http1, "http://a/x", &[], invalid()),
        (http1, "http://a/x", &["a", "a"], invalid()),
        (http2, "http://a/x", &[], to("a")),
        (http2, "https://A:443/x", &[], to("A:443")),
        (http2, "http://[::1]:80/x", &["[::1]:80"], to("[::1]:80")),
        (http2, "http://a/x", &["A"], to("A")),
        (http2, "http://a/x", &["b"], mismatch()),
        (http2, "http://u@a/x", &[], invalid()),
        (http2, "http://a:0/x", &[], invalid()),
        (http2, "/x", &["a"], to("a")),
        (http2, "/x", &[], invalid()),
    ];
    for (version, target, hosts, expected) in cases {
        let sent: Vec<(&str, &str)> = hosts.iter().map(|host| ("host", *host)).collect();
        let found = check(version, target, &sent, &[]);
        assert_eq!(found, expected, "{version:?} {target} {hosts:?}");
    }
}

#[test]
fn only_listed_hosts_are_served() {
    let unknown = |host: &str| Err(InvalidHeaders::UnknownHost(host.to_owned()));
    let cases = [
        (Version::HTTP_11, "/x", Some("a:1"), Ok("a:1".to_owned())),
        (Version::HTTP_11, "/x", Some("b"), unknown("b")),
        (Version::HTTP_11, "http://b/x", Some("b"), unknown("b")),
        (Version::HTTP_2, "http://a/x", None, Ok("a".to_owned())),
        (Version::HTTP_2, "http://b/x", None, unknown("b")),
    ];
    for (version, target, host, expected) in cases {
        let sent: Vec<_> = host.iter().map(|host| ("host", *host)).collect();
        let found = check(version, target, &sent, &["a"]);
        assert_eq!(found, expected, "{version:?} {target} {host:?}");
    }
}

#[test]
fn http2_has_no_transfer_coding() {
    let sent = [("host", "a"), ("transfer-encoding", "chunked")];
    let found = check(Version::HTTP_2, "http://a/", &sent, &[]);
    assert_eq!(found, Err(InvalidHeaders::TransferEncoding));
}

#[test]
fn lines_are_counted_one_by_one() {
    for (more, expected) in [(99, Ok(())), (100, Err(InvalidHeaders::TooMany))] {
        for repeated in [true, false] {
            let names: Vec<String> = (0..more).map(|at| format!("x-{at}")).collect();
            let name = |own: &'_ String| {
                if repeated {
                    "x-a".to_owned()
                } else {
                    own.clone()
                }
            };
            let names: Vec<String> = names.iter().map(name).collect();
            let lines = names.iter().map(|name| (name.as_str(), "v"));
            let sent: Vec<(&str, &str)> = [("host", "a")].into_iter().chain(lines).collect();
            for version in [Version::HTTP_11, Version::HTTP_2] {
                let found = check(version, "/", &sent, &[]).map(|_| ());
                assert_eq!(found, expected, "{more} {repeated}");
            }
        }
    }
}

#[test]
fn the_whole_head_counts() {
    let fixed = "GET /x?q HTTP/1.1\r\nhost: a\r\nx-a: \r\n".len();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let check = |size: usize| {
            let value = "v".repeat(size - fixed);
            check(version, "/x?q", &[("host", "a"), ("x-a", &value)], &[]).map(|_| ())
        };
        assert_eq!(check(64 * 1024), Ok(()));
        assert_eq!(check(64 * 1024 + 1), Err(InvalidHeaders::TooLarge));
    }
}

#[test]
fn bytes_beyond_ascii_pass_but_not_in_a_host() {
    let check = |name: &'static str| {
        let (mut head, ()) = Request::new(()).into_parts();
        head.headers = headers(&[("host", "a")]);
        let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
        head.headers.insert(name, value);
        check_head(&mut head, &AllowedHosts::default())
    };
    assert_eq!(check("x-a"), Ok(()));
    assert_eq!(check("host"), Err(InvalidHeaders::Host));
}
