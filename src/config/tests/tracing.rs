//! `[tracing]`: where spans go, and of which requests.

use std::path::Path;

use super::*;
use crate::trace::{Protocol, Settings};

fn with_tracing(lines: &str) -> String {
    format!("{MINIMAL}[tracing]\n{lines}\n")
}

fn settings(lines: &str) -> Settings {
    read(&with_tracing(lines)).unwrap().tracing.unwrap()
}

#[test]
fn it_is_off_unless_there_is_an_endpoint() {
    assert_eq!(read(MINIMAL).unwrap().tracing, None);
    let expected = Settings {
        endpoint: "http://127.0.0.1:4318".parse().unwrap(),
        protocol: Protocol::Http,
        sample: 0.01,
        follow: true,
        service_name: "actiongate".to_owned(),
        headers: Vec::new(),
        ca: None,
        timeout: seconds(10),
    };
    assert_eq!(settings("endpoint = \"http://127.0.0.1:4318\""), expected);
    assert_eq!(
        problems(&with_tracing("")),
        [
            "a.toml:12: `tracing.endpoint` is missing, expected the URL of an OTLP collector such as \"http://127.0.0.1:4318\""
        ]
    );
}

#[test]
fn every_key_of_it_is_read() {
    let lines = r#"
endpoint = "https://collector.test:4317"
protocol = "grpc"
sample = 1
follow = false
service_name = "gate one"
ca = "ca.pem"
timeout = "2s"
headers = { Authorization = "secret", x-tenant = ["/run/tenant"] }
"#;
    let file = |name: &str| Path::new("/etc/gate").join(name);
    let expected = Settings {
        endpoint: "https://collector.test:4317".parse().unwrap(),
        protocol: Protocol::Grpc,
        sample: 1.0,
        follow: false,
        service_name: "gate one".to_owned(),
        headers: vec![
            ("authorization".parse().unwrap(), file("secret")),
            ("x-tenant".parse().unwrap(), file("/run/tenant")),
        ],
        ca: Some(file("ca.pem")),
        timeout: seconds(2),
    };
    let mut found = settings(lines);
    found.headers.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(found, expected);
}

#[test]
fn a_share_is_a_number_from_0_to_1() {
    let with_sample =
        |share: &str| format!("endpoint = \"http://collector.test\"\nsample = {share}");
    for (share, expected) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25), ("1e-3", 0.001)] {
        let found = settings(&with_sample(share)).sample;
        assert!((found - expected).abs() < f64::EPSILON, "{share}: {found}");
    }
    for share in ["1.01", "-0.1", "2", "nan", "inf"] {
        let expected =
            format!("a.toml:14: `tracing.sample` is {share}, expected a number from 0 to 1");
        assert_eq!(problems(&with_tracing(&with_sample(share))), [expected]);
    }
    assert_eq!(
        problems(&with_tracing(&with_sample("\"1%\""))),
        ["a.toml:14: `tracing.sample` is of type string, expected a number from 0 to 1"]
    );
}

#[test]
fn each_mistake_is_a_problem_of_its_own() {
    let http = "endpoint = \"http://collector.test:4318\"";
    let cases = [
        (
            "endpoint = \"grpc://collector.test:4317\"".to_owned(),
            "a.toml:13: `tracing.endpoint` is `grpc://collector.test:4317`, expected the URL of an OTLP collector",
        ),
        (
            format!("{http}\nprotocol = \"udp\""),
            "a.toml:14: `tracing.protocol` is `udp`, expected \"http\" or \"grpc\": there is no such protocol",
        ),
        (
            format!("{http}\nservice_name = \"\""),
            "a.toml:14: `tracing.service_name` is ``, expected a name: it is empty",
        ),
        (
            format!("{http}\nsampel = 1"),
            "a.toml:14: `tracing.sampel` is not a known key; did you mean `sample`?",
        ),
        (
            format!("{http}\nca = \"ca.pem\""),
            "a.toml:14: `tracing.ca` is not used, expected it only beside an https URL",
        ),
        (
            "protocol = \"grpc\"\nendpoint = \"http://collector.test/v1/traces\"".to_owned(),
            "a.toml:14: `tracing.endpoint` has a path, expected none beside `protocol = \"grpc\"`",
        ),
        (
            format!("{http}\nheaders = {{ \"a b\" = \"file\" }}"),
            "a.toml:14: `tracing.headers` has `a b`, expected the name of a header that the collector asks for",
        ),
        (
            format!("{http}\nheaders = {{ Content-Type = \"file\" }}"),
            "a.toml:14: `tracing.headers` has `Content-Type`, expected the name of a header that the collector asks for",
        ),
        (
            format!("{http}\nheaders = {{ a = [\"one\", \"two\"] }}"),
            "a.toml:14: `tracing.headers` has not one file for `a`, expected the file that holds its value",
        ),
    ];
    for (lines, expected) in cases {
        let found = problems(&with_tracing(&lines));
        assert_eq!(found.len(), 1, "{lines}: {found:?}");
        assert!(found[0].starts_with(expected), "{lines}: {found:?}");
    }
}
