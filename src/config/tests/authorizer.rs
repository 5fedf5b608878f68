//! `[[authorizer]]`: who may ask, where, and in whose words.

use super::*;
use crate::authorizer::{Product, Settings};

const ADDRESS: &str = "\"unix:/path\" or an IP address and a port such as \"127.0.0.1:9191\"";
const PRODUCTS: &str =
    "\"envoy-grpc\", \"envoy-http\", \"traefik\", \"nginx\", \"caddy\" or \"authzen\"";

fn with(lines: &str) -> String {
    format!("{MINIMAL}[[authorizer]]\n{lines}\n")
}

const GOOD: &str = "address = \"127.0.0.1:9191\"\nfor = \"nginx\"\ntrusted = \"127.0.0.1\"";

#[test]
fn each_listener_is_for_one_product() {
    assert_eq!(read(MINIMAL).unwrap().authorizers, []);
    let second = "[[authorizer]]\naddress = \"unix:/run/ask\"\nfor = \"envoy-grpc\"\ntrusted = [\"unix\", \"10.0.0.0/8\"]";
    let config = read(&with(&format!("{GOOD}\n{second}"))).unwrap();
    let networks = |texts: &[&str]| {
        let networks = texts.iter().map(|text| text.parse().unwrap());
        networks.collect::<crate::server::Networks>()
    };
    let expected = [
        Settings {
            address: "127.0.0.1:9191".parse().unwrap(),
            product: Product::Nginx,
            trusted: networks(&["127.0.0.1"]),
            tls: None,
            believe_claims: false,
        },
        Settings {
            address: "unix:/run/ask".parse().unwrap(),
            product: Product::EnvoyGrpc,
            trusted: networks(&["unix", "10.0.0.0/8"]),
            tls: None,
            believe_claims: false,
        },
    ];
    assert_eq!(config.authorizers, expected);
}

#[test]
fn nothing_about_it_goes_without_saying() {
    let trusted = "who may ask: networks such as \"10.0.0.0/8\", addresses or \"unix\"";
    let expected = [
        ("address", ADDRESS),
        ("for", PRODUCTS),
        ("trusted", trusted),
    ];
    let expected = expected.map(|(key, expected)| {
        format!("a.toml:12: `authorizer.{key}` is missing, expected {expected}")
    });
    assert_eq!(problems(&with("")), expected);
}

#[test]
fn a_mistake_is_named_with_what_to_write() {
    let network = "a network such as \"10.0.0.0/8\", an address or \"unix\"";
    let cases = [
        (
            ("127.0.0.1:9191", "systemd"),
            format!("13: `authorizer.address` is `systemd`, expected {ADDRESS}: systemd opens sockets for [listen] only"),
        ),
        (
            ("nginx", "envoy"),
            format!("14: `authorizer.for` is `envoy`, expected {PRODUCTS}: there is no such product"),
        ),
        (
            ("\"127.0.0.1\"", "[]"),
            format!("15: `authorizer.trusted` is empty, so nobody may ask; expected {network}"),
        ),
        (
            ("\"127.0.0.1\"", "\"here\""),
            format!("15: `authorizer.trusted` is `here`, expected {network}: it is neither an address nor a network"),
        ),
        (
            ("\"127.0.0.1\"", "[\"10.0.0.0/8\", \"0.0.0.0/0\"]"),
            "15: `authorizer.trusted` holds every address, expected those of the proxies that ask, or `[authorizer.tls]` with `client_certificates = \"required\"`".to_owned(),
        ),
        (
            ("\"127.0.0.1\"", "\"127.0.0.1\"\nbelieve_claims = true"),
            "16: `authorizer.believe_claims` has no meaning for `nginx`, expected it only beside `for = \"authzen\"`".to_owned(),
        ),
        (
            ("trusted", "trustd"),
            "15: `authorizer.trustd` is not a known key; did you mean `trusted`?".to_owned(),
        ),
    ];
    for ((good, bad), expected) in cases {
        let text = with(&GOOD.replace(good, bad));
        assert_eq!(problems(&text), [format!("a.toml:{expected}")], "{bad}");
    }
}

#[test]
fn everybody_may_ask_who_shows_a_certificate() {
    let everybody = GOOD.replace("\"127.0.0.1\"", "\"::/0\"");
    let tls =
        "[authorizer.tls]\ncertificates = [{ chain = \"c\", key = \"k\" }]\nclient_ca = \"ca\"\n";
    let asked = |asked: &str| {
        with(&format!(
            "{everybody}\n{tls}client_certificates = \"{asked}\""
        ))
    };
    let config = read(&asked("required")).unwrap();
    let files = config.files();
    for file in ["c", "k", "ca"] {
        assert!(files.iter().any(|path| path.ends_with(file)), "{file}");
    }
    assert!(problems(&asked("optional"))[0].contains("holds every address"));
}
