use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::server::Network;

fn trusted() -> Networks {
    let networks = ["10.0.0.0/8", "fd00::/8"].map(str::parse::<Network>);
    networks.into_iter().filter_map(Result::ok).collect()
}

/// What is found in lines such as `X-Forwarded-For: 192.0.2.1`.
fn found(lines: &[&str]) -> String {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            headers.append(name, value);
        }
    }
    match source(&headers, &trusted()) {
        Source::Proxy => "proxy".to_owned(),
        Source::Client(address) => address.to_string(),
        Source::Unclear => "unclear".to_owned(),
    }
}

#[test]
fn the_last_address_that_is_not_trusted_counts() {
    let cases: &[(&[&str], &str)] = &[
        (&["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
        (
            &["X-Forwarded-For: 1.2.3.4, 192.0.2.1, 10.1.1.1"],
            "192.0.2.1",
        ),
        (
            &["X-Forwarded-For: rubbish, 192.0.2.1,10.1.1.1"],
            "192.0.2.1",
        ),
        (&["X-Forwarded-For: \u{e9}, 192.0.2.1"], "192.0.2.1"),
        (
            &["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 192.0.2.1"],
            "192.0.2.1",
        ),
        (&["X-Forwarded-For: 10.0.0.2, 10.0.0.1"], "10.0.0.2"),
        (&["X-Forwarded-For: 192.0.2.1:1234"], "192.0.2.1"),
        (&["X-Forwarded-For: 2001:db8::1"], "2001:db8::1"),
        (&["X-Forwarded-For: [2001:db8::1]:1234"], "2001:db8::1"),
        (&["X-Forwarded-For: ::ffff:192.0.2.1"], "192.0.2.1"),
        (&["Forwarded: for=192.0.2.1"], "192.0.2.1"),
        (
            &["Forwarded: for=\"[2001:db8::1]:4711\";proto=https"],
            "2001:db8::1",
        ),
        (
            &["Forwarded: proto=https;For=\"192.0.2.1:80\""],
            "192.0.2.1",
        ),
        (
            &["Forwarded: for=1.2.3.4, for=192.0.2.1, for=10.0.0.1"],
            "192.0.2.1",
        ),
        // A quote that the client left open.
        (&["Forwarded: for=\"1.2.3.4, for=192.0.2.1"], "192.0.2.1"),
        (
            &["Forwarded: for=192.0.2.1;host=\"a, for=1.2.3.4\""],
            "192.0.2.1",
        ),
        (
            &["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1"],
            "192.0.2.1",
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(found(lines), *expected, "{lines:?}");
    }
}

#[test]
fn what_is_not_clear_does_not_count() {
    assert_eq!(found(&["X-Real-IP: 192.0.2.1"]), "proxy");
    let cases: &[&[&str]] = &[
        &["X-Forwarded-For: "],
        &["X-Forwarded-For: unknown"],
        &["X-Forwarded-For: 192.0.2.1, rubbish"],
        &["X-Forwarded-For: 192.0.2.1, rubbish, 10.0.0.1"],
        &["X-Forwarded-For: 192.0.2.1,"],
        &["X-Forwarded-For: [192.0.2.1]"],
        &["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: "],
        &["Forwarded: for=unknown"],
        &["Forwarded: for=_hidden"],
        &["Forwarded: proto=https"],
        &["Forwarded: for=192.0.2.1;for=192.0.2.2"],
        &["Forwarded: for=2001:db8::1"],
        &["Forwarded: for=\"192.0.2.1"],
        &["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2"],
        &["X-Forwarded-For: 192.0.2.1", "Forwarded: for=unknown"],
        &["X-Forwarded-For: unknown", "Forwarded: for=192.0.2.1"],
    ];
    for lines in cases {
        assert_eq!(found(lines), "unclear", "{lines:?}");
    }
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_changes_what_a_proxy_appended(client in "[^\\x00-\\x1f\\x7f]{0,40}") {
        prop_assert_eq!(
            found(&[&format!("X-Forwarded-For: {client}, 192.0.2.1")]),
            "192.0.2.1"
        );
        prop_assert_eq!(
            found(&[&format!("Forwarded: {client}, for=192.0.2.1, for=\"[fd00::1]\"")]),
            "192.0.2.1"
        );
    }
}
