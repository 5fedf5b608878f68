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
        ..
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
        ..
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

type Cases<'a> = Vec<(String, &'a [&'a str])>;

fn assert_named(cases: Cases<'_>) {
    for (text, expected) in cases {
        assert_eq!(problems(&text), expected, "{text}");
    }
}

#[test]
fn where_a_keystone_is_has_to_be_said() {
    let urls = |urls: &str| keystone(&format!("auth_urls = {urls}"), SERVICE);
    assert_named(vec![
        (
            keystone("", SERVICE),
            &[
                r#"a.toml:5: `issuer.auth_urls` is missing, expected URLs up to the version such as ["https://keystone.example:5000/v3"]"#,
            ],
        ),
        (
            urls("[]"),
            &[
                r#"a.toml:8: `issuer.auth_urls` is empty, expected URLs up to the version such as ["https://keystone.example:5000/v3"]"#,
            ],
        ),
        (
            urls("\"\""),
            &["a.toml:8: `issuer.auth_urls` is of type string, expected an array of strings"],
        ),
        (
            urls("[\"keystone:5000\"]"),
            &[
                r#"a.toml:8: `issuer.auth_urls` has `keystone:5000`, expected URLs up to the version such as ["https://keystone.example:5000/v3"]: it is not an http or https URL of a host and, if any, a port from 1 to 65535"#,
            ],
        ),
        (
            urls("[\"ftp://keystone/v3\"]"),
            &[
                r#"a.toml:8: `issuer.auth_urls` has `ftp://keystone/v3`, expected URLs up to the version such as ["https://keystone.example:5000/v3"]: it is not an http or https URL of a host and, if any, a port from 1 to 65535"#,
            ],
        ),
        (
            urls("[\"http://user:secret@keystone/v3\"]"),
            &[
                r#"a.toml:8: `issuer.auth_urls` has `http://user:secret@keystone/v3`, expected URLs up to the version such as ["https://keystone.example:5000/v3"]: it is not an http or https URL of a host and, if any, a port from 1 to 65535"#,
            ],
        ),
        (
            urls("[\"http://keystone/v3?a=b\"]"),
            &[
                r#"a.toml:8: `issuer.auth_urls` has `http://keystone/v3?a=b`, expected URLs up to the version such as ["https://keystone.example:5000/v3"]: it has a query"#,
            ],
        ),
        (
            urls("[\"http://a/v3\", \"http://a/v3\"]"),
            &["a.toml:8: `issuer.auth_urls` has `http://a/v3` twice, expected each URL once"],
        ),
    ]);
}

#[test]
fn what_the_gateway_is_to_a_keystone_has_to_be_said() {
    let service = |text: &str| keystone(AUTH_URLS, text);
    assert_named(vec![
        (
            service(""),
            &[
                "a.toml:5: `issuer.service` is missing, expected a table [issuer.service] with the credential that the gateway asks with",
            ],
        ),
        (
            service("[issuer.service]\n"),
            &[
                "a.toml:9: `issuer.service.username` is missing, expected the name of the gateway's user, or `application_credential_id`",
                "a.toml:9: `issuer.service.project` is missing, expected the name of a project that the user has a role in",
                "a.toml:9: `issuer.service.password_file` is missing, expected the name of a file",
            ],
        ),
        (
            service(&SERVICE.replace("gateway", "")),
            &[
                "a.toml:10: `issuer.service.username` is ``, expected the name of the gateway's user, or `application_credential_id`: it is empty",
            ],
        ),
        (
            service(&SERVICE.replace("user", "usr")),
            &["a.toml:10: `issuer.service.usrname` is not a known key; did you mean `username`?"],
        ),
        (
            service("[issuer.service]\napplication_credential_id = \"c\"\n"),
            &[
                "a.toml:9: `issuer.service.application_credential_secret_file` is missing, expected the name of a file",
            ],
        ),
        (
            service(&format!("{SERVICE}application_credential_id = \"c\"\n")),
            &[
                "a.toml:9: `issuer.service.application_credential_secret_file` is missing, expected the name of a file",
                "a.toml:10: `issuer.service.username` is not a known key; expected one of `application_credential_id`, `application_credential_secret_file`",
                "a.toml:11: `issuer.service.project` is not a known key; expected one of `application_credential_id`, `application_credential_secret_file`",
                "a.toml:12: `issuer.service.password_file` is not a known key; expected one of `application_credential_id`, `application_credential_secret_file`",
            ],
        ),
    ]);
}

#[test]
fn other_mistakes_about_a_keystone_are_named() {
    let with = |line: &str| keystone(&format!("{AUTH_URLS}\n{line}"), SERVICE);
    assert_named(vec![
        (
            with("ca = \"ca.pem\""),
            &["a.toml:9: `issuer.ca` is not used, expected it only beside an https URL"],
        ),
        (
            with("audiences = [\"ecs\"]"),
            &[
                "a.toml:9: `issuer.audiences` is not a known key; expected one of `name`, `leeway`, `kind`, `auth_urls`, `ca`, `cache`, `refusal_cache`, `timeout`, `service_type`, `service`, `claims`, `identity`, `roles`, `mode`",
            ],
        ),
        (
            with("cache = \"0s\""),
            &[
                r#"a.toml:9: `issuer.cache` is `0s`, expected a duration such as "5s", "250ms" or "2m": it is zero"#,
            ],
        ),
        (
            with("timeout = \"soon\""),
            &[
                r#"a.toml:9: `issuer.timeout` is `soon`, expected a duration such as "5s", "250ms" or "2m": expected number at 0"#,
            ],
        ),
        (
            with("refusal_cach = \"1s\""),
            &["a.toml:9: `issuer.refusal_cach` is not a known key; did you mean `refusal_cache`?"],
        ),
        (
            with("service_typ = \"image\""),
            &["a.toml:9: `issuer.service_typ` is not a known key; did you mean `service_type`?"],
        ),
        (
            with("").replace("\"keystone\"", "5"),
            &[
                r#"a.toml:6: `issuer.kind` is 5, expected "jwt", "keystone-jws", "keystone" or "introspection""#,
            ],
        ),
        (
            with("service_type = \"\""),
            &[
                r#"a.toml:9: `issuer.service_type` is ``, expected a service's type such as "compute": it is empty"#,
            ],
        ),
        (
            with("opaque = true"),
            &[
                "a.toml:9: `issuer.opaque` is not a known key; expected one of `name`, `leeway`, `kind`, `auth_urls`, `ca`, `cache`, `refusal_cache`, `timeout`, `service_type`, `service`, `claims`, `identity`, `roles`, `mode`",
            ],
        ),
        (
            with("").replace(ROLES, ""),
            &[
                "a.toml:5: `issuer.roles` is missing, expected a table [issuer.roles] that maps roles to policies, as `claims.roles` alone grants nothing",
            ],
        ),
        (
            with("").replace("\"keystone\"", "\"Keystone\""),
            &[
                r#"a.toml:6: `issuer.kind` is `Keystone`, expected "jwt", "keystone-jws", "keystone" or "introspection": there is no such kind"#,
            ],
        ),
        (
            with("") + introspection(ENDPOINTS, CLIENT).split_at(HEAD.len() - 11).1,
            &[
                "a.toml:16: the issuer at line 5 takes opaque tokens already, expected one that does",
            ],
        ),
    ]);
}

#[test]
fn mistakes_about_an_authorization_server_are_named() {
    let with = |line: &str| introspection(&format!("{ENDPOINTS}\n{line}"), CLIENT);
    let client = |text: &str| introspection(ENDPOINTS, text);
    assert_named(vec![
        (
            introspection("", CLIENT),
            &[
                r#"a.toml:5: `issuer.endpoints` is missing, expected URLs such as ["https://iam.example/introspect"]"#,
            ],
        ),
        (
            introspection("endpoints = [\"\"]", CLIENT),
            &[
                r#"a.toml:8: `issuer.endpoints` has ``, expected URLs such as ["https://iam.example/introspect"]: it is not an http or https URL of a host and, if any, a port from 1 to 65535"#,
            ],
        ),
        (
            client(""),
            &[
                "a.toml:5: `issuer.client` is missing, expected a table [issuer.client] with the credential that the gateway asks with",
            ],
        ),
        (
            client("[issuer.client]\n"),
            &[
                "a.toml:9: `issuer.client.id` is missing, expected the id of the gateway's client, or `bearer_file`",
                "a.toml:9: `issuer.client.secret_file` is missing, expected the name of a file",
            ],
        ),
        (
            client("[issuer.client]\nid = \"a\"\nbearer_file = \"b\"\n"),
            &["a.toml:10: `issuer.client.id` is not a known key; expected one of `bearer_file`"],
        ),
        (
            client(&CLIENT.replace("secret_file", "secret")),
            &["a.toml:11: `issuer.client.secret` is not a known key; did you mean `secret_file`?"],
        ),
        (
            with("audiences = []"),
            &[
                r#"a.toml:9: `issuer.audiences` is empty, expected an array such as ["ecs"]: a token must be for one of them"#,
            ],
        ),
        (
            with("audience = [\"ecs\"]"),
            &["a.toml:9: `issuer.audience` is not a known key; did you mean `audiences`?"],
        ),
        (
            with("audiences = 5"),
            &["a.toml:9: `issuer.audiences` is 5, expected an array of strings"],
        ),
        (
            with("ca = \"ca.pem\""),
            &["a.toml:9: `issuer.ca` is not used, expected it only beside an https URL"],
        ),
        (
            with("opaque = \"no\""),
            &["a.toml:9: `issuer.opaque` is of type string, expected true or false"],
        ),
        (
            with("service_type = \"compute\""),
            &[
                "a.toml:9: `issuer.service_type` is not a known key; expected one of `name`, `leeway`, `kind`, `endpoints`, `ca`, `cache`, `refusal_cache`, `timeout`, `audiences`, `opaque`, `client`, `claims`, `identity`, `roles`, `mode`",
            ],
        ),
        (
            with("keys = \"jwks.json\""),
            &[
                "a.toml:9: `issuer.keys` is not a known key; expected one of `name`, `leeway`, `kind`, `endpoints`, `ca`, `cache`, `refusal_cache`, `timeout`, `audiences`, `opaque`, `client`, `claims`, `identity`, `roles`, `mode`",
            ],
        ),
        (
            with("").replace(CLAIMS, ""),
            &[
                "a.toml:5: `issuer.claims` is missing, expected a table [issuer.claims] with `project` and one of `actions`, `policies` and `roles`",
            ],
        ),
    ]);
}
