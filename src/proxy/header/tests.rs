mod catalogue;
mod refused;
mod request_id;

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::proxy::Peer;
use catalogue::{FORWARDING, HOP_BY_HOP, OVERRIDES, identity};

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

/// In the order of the names.
fn lines(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let lines = headers.iter();
    let mut lines: Vec<_> = lines
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    lines.sort_by_key(|(name, _)| *name);
    lines
}

fn prepare(headers: &mut HeaderMap, peer: &str) {
    let peer = Peer::new(peer.parse::<IpAddr>().unwrap());
    let request_id = HeaderValue::from_static("req-1");
    let origin = Origin {
        peer: &peer,
        request_id: &request_id,
        trace: None,
        caller: None,
        service_token: None,
    };
    prepare_request(headers, origin);
}

/// What is left of the client's headers beside those that are always set.
fn survivors(sent: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers = headers(sent);
    prepare(&mut headers, "192.0.2.1");
    let ours = [
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-openstack-request-id",
    ];
    let left = lines(&headers)
        .into_iter()
        .filter(|(name, _)| !ours.contains(name));
    left.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn sets_where_the_request_comes_from() {
    let forged = [
        ("Host", "api.example.com:8080"),
        ("Forwarded", "for=10.0.0.1"),
        ("Forwarded", "for=10.0.0.2"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Real-IP", "10.0.0.1"),
        ("X-OpenStack-Request-ID", "req-forged"),
    ];
    let mut sent = headers(&forged);
    prepare(&mut sent, "192.0.2.1");
    assert_eq!(
        lines(&sent),
        [
            (
                "forwarded",
                "for=192.0.2.1;host=\"api.example.com:8080\";proto=http"
            ),
            ("host", "api.example.com:8080"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-host", "api.example.com:8080"),
            ("x-forwarded-proto", "http"),
            ("x-openstack-request-id", "req-1"),
        ]
    );
}

#[test]
fn forwarded_is_one_well_formed_element() {
    let cases = [
        ("192.0.2.1", "a", "for=192.0.2.1;host=\"a\";proto=http"),
        (
            "2001:db8::1",
            "a",
            "for=\"[2001:db8::1]\";host=\"a\";proto=http",
        ),
        (
            "::1",
            "[::1]:80",
            "for=\"[::1]\";host=\"[::1]:80\";proto=http",
        ),
        (
            "192.0.2.1",
            "a\";for=10.0.0.1;x=\"",
            "for=192.0.2.1;proto=http",
        ),
        ("192.0.2.1", "a\\", "for=192.0.2.1;proto=http"),
        ("192.0.2.1", "é", "for=192.0.2.1;proto=http"),
        (
            "192.0.2.1",
            "a, for=10.0.0.1",
            "for=192.0.2.1;host=\"a, for=10.0.0.1\";proto=http",
        ),
    ];
    for (peer, host, expected) in cases {
        let mut sent = headers(&[("host", host)]);
        prepare(&mut sent, peer);
        assert_eq!(sent[FORWARDED], expected, "{host}");
        assert_eq!(sent[X_FORWARDED_FOR], peer);
        assert_eq!(sent[X_FORWARDED_HOST].as_bytes(), host.as_bytes());
    }
}

#[test]
fn a_connection_that_changes_its_host_is_told_so() {
    let peer = Peer::new(IpAddr::from([192, 0, 2, 1]));
    let request_id = HeaderValue::from_static("req-1");
    for host in ["a", "a", "b", "a"] {
        let mut sent = headers(&[("host", host)]);
        let origin = Origin {
            peer: &peer,
            request_id: &request_id,
            trace: None,
            caller: None,
            service_token: None,
        };
        prepare_request(&mut sent, origin);
        assert_eq!(
            sent[FORWARDED],
            format!("for=192.0.2.1;host=\"{host}\";proto=http")
        );
        assert_eq!(sent[X_FORWARDED_HOST], host);
    }
}

#[test]
fn nobody_claims_an_identity_a_method_or_a_path() {
    let identity = identity();
    let others = OVERRIDES.iter().chain(&FORWARDING).map(ToString::to_string);
    for name in identity.into_iter().chain(others) {
        for spelled in [name.clone(), name.to_lowercase(), name.to_uppercase()] {
            let sent = [
                (spelled.as_str(), "admin"),
                ("accept", "*/*"),
                (&spelled, "again"),
            ];
            let expected = [("accept".to_owned(), "*/*".to_owned())];
            assert_eq!(survivors(&sent), expected, "{spelled}");
        }
    }
}

#[test]
fn what_belongs_to_one_connection_stays_there() {
    for name in HOP_BY_HOP {
        for spelled in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            let sent = [(spelled.as_str(), "x"), ("accept", "*/*"), (&spelled, "y")];
            let expected = [("accept".to_owned(), "*/*".to_owned())];
            assert_eq!(survivors(&sent), expected, "{spelled}");
            let mut answered = headers(&sent);
            remove_hop_by_hop(&mut answered);
            assert_eq!(lines(&answered), [("accept", "*/*")], "{spelled}");
        }
    }
    assert_eq!(survivors(&[("Expect", "100-continue")]), []);
}

#[test]
fn every_connection_line_names_headers() {
    let host = ("host", "h");
    let cases: [(&[(&str, &str)], &[(&str, &str)]); 9] = [
        (
            &[("connection", "x-a"), ("x-a", "1"), ("x-b", "2")],
            &[("x-b", "2")],
        ),
        (
            &[
                ("connection", "close, X-A ,,\tx-B"),
                ("X-a", "1"),
                ("x-b", "2"),
            ],
            &[],
        ),
        (
            &[
                ("connection", "close"),
                ("connection", "X-A"),
                ("x-a", "1"),
                ("x-a", "2"),
            ],
            &[],
        ),
        (&[("connection", "keep-alive, x-a"), ("x-a", "1")], &[]),
        (&[("connection", "not a name, x-a"), ("x-a", "1")], &[]),
        (&[("connection", "host"), host], &[host]),
        (
            &[
                ("connection", "Host, Content-Length"),
                host,
                ("content-length", "3"),
            ],
            &[("content-length", "3"), host],
        ),
        (
            &[
                ("connection", "authorization, x-auth-token"),
                ("authorization", "Bearer a"),
                ("x-auth-token", "a"),
            ],
            &[("authorization", "Bearer a"), ("x-auth-token", "a")],
        ),
        (
            &[
                (
                    "connection",
                    "x-forwarded-for, forwarded, x-openstack-request-id",
                ),
                host,
            ],
            &[host],
        ),
    ];
    for (sent, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(survivors(sent), expected, "{sent:?}");
    }
    let mut sent = headers(&[
        (
            "connection",
            "x-forwarded-for, forwarded, x-openstack-request-id",
        ),
        host,
    ]);
    prepare(&mut sent, "192.0.2.1");
    assert_eq!(sent[X_FORWARDED_FOR], "192.0.2.1");
    assert_eq!(sent[FORWARDED], "for=192.0.2.1;host=\"h\";proto=http");
    assert_eq!(sent[X_OPENSTACK_REQUEST_ID], "req-1");
}

#[test]
fn a_connection_line_that_is_not_all_ascii_names_headers_too() {
    let sent = [
        ("connection", "x-a, é, x-b"),
        ("x-a", "1"),
        ("x-b", "2"),
        ("x-c", "3"),
    ];
    assert_eq!(survivors(&sent), [("x-c".to_owned(), "3".to_owned())]);
}

#[test]
fn answers_keep_all_but_their_connection() {
    let mut answered = headers(&[
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("content-length", "3"),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
        ("x-subject-token", "t"),
        ("www-authenticate", "Keystone uri=\"u\""),
    ]);
    remove_hop_by_hop(&mut answered);
    assert_eq!(
        lines(&answered),
        [
            ("content-length", "3"),
            ("set-cookie", "a"),
            ("set-cookie", "b"),
            ("www-authenticate", "Keystone uri=\"u\""),
            ("x-subject-token", "t"),
        ]
    );
}

/// Names that matter, and names that do not.
fn name() -> impl Strategy<Value = String> {
    let mut names = identity();
    names.extend(
        HOP_BY_HOP[1..]
            .iter()
            .chain(&FORWARDING)
            .chain(&OVERRIDES)
            .map(ToString::to_string),
    );
    let known = proptest::sample::select(names);
    let plain = [
        "host",
        "content-length",
        "content-type",
        "authorization",
        "x-auth-token",
        "openstack-api-version",
        "x-a",
    ];
    prop_oneof![
        known,
        proptest::sample::select(plain.map(str::to_owned).to_vec()),
        "x-[a-z]{1,3}",
        "[A-Za-z]{2,3}",
    ]
}

fn any_case(names: &[String], upper: bool) -> String {
    let list = names.join(", ");
    if upper { list.to_uppercase() } else { list }
}

proptest! {
    #[test]
    fn everything_else_passes_in_order(
        sent in proptest::collection::vec((name(), "[ -~]{0,6}"), 0..20),
        named in proptest::collection::vec((proptest::collection::vec(name(), 0..3), any::<bool>()), 0..3),
    ) {
        let connection = named.iter().map(|(names, upper)| ("Connection".to_owned(), any_case(names, *upper)));
        let all: Vec<(String, String)> = sent.iter().cloned().chain(connection).collect();
        let borrowed: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut prepared = headers(&borrowed);
        prepare(&mut prepared, "192.0.2.1");

        let mut removed: Vec<String> = identity();
        removed.extend(HOP_BY_HOP.iter().chain(&FORWARDING).chain(&OVERRIDES).map(ToString::to_string));
        let kept = ["authorization", "content-length", "content-type", "host", "x-auth-token"];
        let droppable = |name: &&String| !kept.contains(&name.to_lowercase().as_str());
        removed.extend(named.iter().flat_map(|(names, _)| names.iter().filter(droppable).cloned()));
        let removed: Vec<String> = removed.iter().map(|name| name.to_lowercase()).collect();
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in sent.iter().filter(|(name, _)| !removed.contains(&name.to_lowercase())) {
            expected.entry(name.to_lowercase()).or_default().push(value.clone());
        }
        let ours = [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO, X_OPENSTACK_REQUEST_ID];
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in prepared.iter().filter(|(name, _)| !ours.contains(name)) {
            found.entry(name.to_string()).or_default().push(value.to_str().unwrap().to_owned());
        }
        prop_assert_eq!(found, expected);
        for name in ours {
            prop_assert!(prepared.get_all(&name).iter().count() <= 1, "{} is there twice", name);
        }
    }
}
