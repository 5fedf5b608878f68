//! Issuers that are asked about tokens.

use super::*;
use crate::token::{
    AskSettings, ClientCredential, IntrospectionSettings, KeystoneSettings, ServiceCredential,
};

const HEAD: &str = "[listen]\naddress = \"127.0.0.1:1\"\n[upstream]\nurl = \"http://127.0.0.1:8774\"\n[[issuer]]\n";
const SERVICE: &str = "[issuer.service]\nusername = \"gateway\"\nproject = \"service\"\npassword_file = \"password\"\n";
const ROLES: &str = "[issuer.roles]\nreader = \"ECS ReadOnlyAccess\"\n";
const CLIENT: &str = "[issuer.client]\nid = \"gateway\"\nsecret_file = \"secret\"\n";
const CLAIMS: &str = "[issuer.claims]\nproject = \"/project_id\"\nactions = \"/actions\"\n";

fn keystone(lines: &str, service: &str) -> String {
    format!("{HEAD}kind = \"keystone\"\nname = \"k\"\n{lines}\n{service}{ROLES}")
}

fn introspection(lines: &str, client: &str) -> String {
    format!("{HEAD}kind = \"introspection\"\nname = \"i\"\n{lines}\n{client}{CLAIMS}")
}

fn kind(text: &str) -> IssuerKind {
    let mut config = read(text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    config.issuers.remove(0).kind
}

const AUTH_URLS: &str = "auth_urls = [\"http://keystone:5000/v3\"]";
const ENDPOINTS: &str = "endpoints = [\"http://iam/introspect\"]";

#[test]
fn a_keystone_is_asked_as_the_config_says() {
    let IssuerKind::Keystone {
        settings,
        service_type,
    } = kind(&keystone(AUTH_URLS, SERVICE))
    else {
        panic!("another kind");
    };
    assert_eq!(service_type, "compute");
    let expected = KeystoneSettings {
        auth_urls: vec!["http://keystone:5000/v3".parse().unwrap()],
        credential: ServiceCredential::Password {
            username: "gateway".to_owned(),
            user_domain: "Default".to_owned(),
            project: "service".to_owned(),
            project_domain: "Default".to_owned(),
            file: "/etc/gate/password".into(),
        },
        ask: AskSettings {
            ca: None,
            cache: Duration::from_mins(1),
            refusal_cache: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        },
    };
    assert_eq!(settings, expected);
    let lines = "auth_urls = [\"https://a/v3\", \"http://b:1/identity/v3\"]\nca = \"ca.pem\"\ncache = \"2m\"\n\
         refusal_cache = \"1s\"\ntimeout = \"200ms\"\nservice_type = \"image\"";
    let service = "[issuer.service]\napplication_credential_id = \"c\"\napplication_credential_secret_file = \"/s\"\n";
    let IssuerKind::Keystone {
        settings,
        service_type,
    } = kind(&keystone(lines, service))
    else {
        panic!("another kind");
    };
    assert_eq!(service_type, "image");
    let expected = KeystoneSettings {
        auth_urls: vec![
            "https://a/v3".parse().unwrap(),
            "http://b:1/identity/v3".parse().unwrap(),
        ],
        credential: ServiceCredential::ApplicationCredential {
            id: "c".to_owned(),
            file: "/s".into(),
        },
        ask: AskSettings {
            ca: Some("/etc/gate/ca.pem".into()),
            cache: Duration::from_mins(2),
            refusal_cache: Duration::from_secs(1),
            timeout: Duration::from_millis(200),
        },
    };
    assert_eq!(settings, expected);
}

#[test]
fn an_authorization_server_is_asked_as_the_config_says() {
    let IssuerKind::Introspection { settings, opaque } = kind(&introspection(ENDPOINTS, CLIENT))
    else {
        panic!("another kind");
    };
    assert!(opaque);
    let expected = IntrospectionSettings {
        endpoints: vec!["http://iam/introspect".parse().unwrap()],
        client: ClientCredential::Secret {
            id: "gateway".to_owned(),
            file: "/etc/gate/secret".into(),
        },
        audiences: Vec::new(),
        leeway: 30,
        ask: AskSettings::default(),
    };
    assert_eq!(settings, expected);
    let lines = format!("{ENDPOINTS}\naudiences = [\"ecs\"]\nopaque = false\nleeway = \"1s\"");
    let client = "[issuer.client]\nbearer_file = \"b\"\n";
    let IssuerKind::Introspection { settings, opaque } = kind(&introspection(&lines, client))
    else {
        panic!("another kind");
    };
    assert!(!opaque);
    assert_eq!(settings.audiences, ["ecs"]);
    assert_eq!(settings.leeway, 1);
    let file = "/etc/gate/b".into();
    assert_eq!(settings.client, ClientCredential::Bearer { file });
}

#[test]
fn mistakes_about_a_keystone_are_named() {
    let with = |line: &str| keystone(&format!("{AUTH_URLS}\n{line}"), SERVICE);
    let urls = |urls: &str| keystone(&format!("auth_urls = {urls}"), SERVICE);
    let service = |text: &str| keystone(AUTH_URLS, text);
    let cases = [
        (keystone("", SERVICE), "x"),
        (urls("[]"), "x"),
        (urls("\"\""), "x"),
        (urls("[\"keystone:5000\"]"), "x"),
        (urls("[\"ftp://keystone/v3\"]"), "x"),
        (urls("[\"http://user:secret@keystone/v3\"]"), "x"),
        (urls("[\"http://keystone/v3?a=b\"]"), "x"),
        (urls("[\"http://a/v3\", \"http://a/v3\"]"), "x"),
        (service(""), "x"),
        (service("[issuer.service]\n"), "x"),
        (service(&SERVICE.replace("gateway", "")), "x"),
        (service(&SERVICE.replace("user", "usr")), "x"),
        (
            service("[issuer.service]\napplication_credential_id = \"c\"\n"),
            "x",
        ),
        (
            service(&format!("{SERVICE}application_credential_id = \"c\"\n")),
            "x",
        ),
        (with("ca = \"ca.pem\""), "x"),
        (with("audiences = [\"ecs\"]"), "x"),
        (with("cache = \"0s\""), "x"),
        (with("timeout = \"soon\""), "x"),
        (with("refusal_cach = \"1s\""), "x"),
        (with("service_type = \"\""), "x"),
        (with("opaque = true"), "x"),
        (with("").replace(ROLES, ""), "x"),
        (with("").replace("\"keystone\"", "\"Keystone\""), "x"),
        (
            with("") + &introspection(ENDPOINTS, CLIENT)[HEAD.len() - 11..],
            "x",
        ),
    ];
    for (text, expected) in cases {
        println!("{}", problems(&text).join("\n    "));
        let _ = expected;
    }
}

#[test]
fn mistakes_about_an_authorization_server_are_named() {
    let with = |line: &str| introspection(&format!("{ENDPOINTS}\n{line}"), CLIENT);
    let client = |text: &str| introspection(ENDPOINTS, text);
    let cases = [
        (introspection("", CLIENT), "x"),
        (introspection("endpoints = [\"\"]", CLIENT), "x"),
        (client(""), "x"),
        (client("[issuer.client]\n"), "x"),
        (
            client("[issuer.client]\nid = \"a\"\nbearer_file = \"b\"\n"),
            "x",
        ),
        (client(&CLIENT.replace("secret_file", "secret")), "x"),
        (with("audiences = []"), "x"),
        (with("ca = \"ca.pem\""), "x"),
        (with("opaque = \"no\""), "x"),
        (with("service_type = \"compute\""), "x"),
        (with("keys = \"jwks.json\""), "x"),
        (with("").replace(CLAIMS, ""), "x"),
    ];
    for (text, expected) in cases {
        println!("{}", problems(&text).join("\n    "));
        let _ = expected;
    }
}
