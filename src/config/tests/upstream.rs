//! `[upstream]`.

use hyper::header::HeaderName;

use super::*;
use crate::proxy::{
    Credential, HealthCheck, IdentityHeaders, IdentityMode, Location, Profile, Protocol, Security,
};

pub fn host(host: &str, port: u16, security: Security) -> Location {
    Location::Host {
        host: host.to_owned(),
        port,
        security,
    }
}

/// Of the minimal config.
pub fn least() -> proxy::Settings {
    proxy::Settings {
        locations: vec![host("127.0.0.1", 8774, Security::Plain)],
        protocol: Protocol::Http1,
        tls: None,
        profile: Profile::Nova,
        credential: Credential::Forward,
        identity: IdentityMode::default(),
        service_token: None,
        health: None,
        resolve: seconds(30),
        connect_timeout: seconds(5),
        response_timeout: seconds(60),
        request_timeout: seconds(600),
        tunnel_timeout: seconds(3600),
        idle_timeout: seconds(4),
        idle_connections: 256,
        max_pending: 1024,
        eject_after: 5,
        eject_time: seconds(10),
        retry_budget: 20,
        collect_total: 256 * 1024 * 1024,
    }
}

/// Of the config with every key.
pub fn all(folder: &Path) -> proxy::Settings {
    proxy::Settings {
        locations: vec![
            host("nova", 80, Security::Plain),
            host("nova", 443, Security::Tls),
            Location::Socket("/run/nova.sock".into()),
        ],
        protocol: Protocol::Http2,
        tls: Some(tls::client(folder)),
        profile: Profile::Nova,
        credential: Credential::File {
            header: HeaderName::from_static("x-auth-token"),
            path: folder.join("token"),
        },
        identity: IdentityMode::Named(IdentityHeaders {
            subject: Some(HeaderName::from_static("x-user-id")),
            project: Some(HeaderName::from_static("x-project-id")),
            issuer: Some(HeaderName::from_static("x-issuer")),
        }),
        service_token: None,
        health: Some(HealthCheck {
            path: "/healthcheck?x".parse().unwrap(),
            interval: seconds(6),
            timeout: seconds(3),
            healthy_after: 2,
            unhealthy_after: 4,
        }),
        resolve: seconds(31),
        connect_timeout: Duration::from_millis(250),
        response_timeout: seconds(3600),
        request_timeout: seconds(7200),
        tunnel_timeout: seconds(3 * 3600),
        idle_timeout: seconds(90),
        idle_connections: 7,
        max_pending: 8,
        eject_after: 9,
        eject_time: seconds(11),
        retry_budget: 12,
        collect_total: 13 * 1024,
    }
}

/// The minimal config with these lines instead of the upstream's URL.
fn saying(lines: &str) -> Result<proxy::Settings, Vec<String>> {
    let text = with("url = \"http://127.0.0.1:8774\"", lines);
    read(&text).map(|config| config.upstream)
}

#[test]
fn there_is_one_place_or_several() {
    let several = saying("urls = [\"http://a\", \"unix:/b\"]").unwrap();
    let expected = [
        host("a", 80, Security::Plain),
        Location::Socket("/b".into()),
    ];
    assert_eq!(several.locations, expected);
    let urls = "a URL such as \"http://127.0.0.1:8774\", \"https://nova.example\" or \"unix:/run/nova.sock\"";
    let cases = [
        (
            "url = \"http://a\"\nurls = [\"http://b\"]",
            "`upstream.url` and `upstream.urls` are both there, expected one of them".to_owned(),
        ),
        (
            "urls = []",
            format!("`upstream.urls` is empty, expected at least {urls}"),
        ),
        (
            "urls = [\"http://a\", \"http://a:80\"]",
            "`upstream.urls` has `http://a:80` twice, expected each place once".to_owned(),
        ),
        (
            "urls = [\"ftp://a\"]",
            format!(
                "`upstream.urls` has `ftp://a`, expected {urls}: it does not start with http://, https:// or unix:"
            ),
        ),
        (
            "urls = \"http://a\"",
            "`upstream.urls` is of type string, expected an array of strings".to_owned(),
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(
            saying(lines).unwrap_err(),
            [format!("a.toml:4: {expected}")],
            "{lines}"
        );
    }
}

#[test]
fn the_profile_goes_with_the_table() {
    let text = with("[upstream]", "[table]\nfiles = []\n[upstream]");
    assert_eq!(read(&text).unwrap().upstream.profile, Profile::Nova);
    let url = "url = \"http://a\"\n";
    let generic = saying(&format!("{url}profile = \"generic\"")).unwrap();
    assert_eq!(generic.profile, Profile::Generic);
    let folder = tempfile::tempdir().unwrap();
    let table = "[[operation]]\npermission = 'v'\nroutes = ['GET /v']\naccess = 'public'\n";
    std::fs::write(folder.path().join("mine.toml"), table).unwrap();
    let own = "[table]\nbuiltin = \"none\"\nfiles = [\"mine.toml\"]\n";
    let config = Config::parse("a.toml", &format!("{MINIMAL}{own}"), folder.path());
    assert_eq!(config.unwrap().upstream.profile, Profile::Generic);
}

#[test]
fn what_the_upstream_is_told_is_a_closed_choice() {
    let url = "url = \"http://a\"\n";
    for (line, expected) in [
        ("credential = \"forward\"", Credential::Forward),
        ("credential = \"strip\"", Credential::Strip),
    ] {
        let settings = saying(&format!("{url}{line}")).unwrap();
        assert_eq!(settings.credential, expected);
    }
    let cases = [
        (
            "credential = \"keep\"",
            "`upstream.credential` is `keep`, expected \"forward\", \"strip\" or a table with `header` and `file`: there is no such way",
        ),
        (
            "credential = { header = \"X-Auth-Token\" }",
            "`upstream.credential.file` is missing, expected the name of a file",
        ),
        (
            "credential = { header = \"Host\", file = \"t\" }",
            "`upstream.credential.header` is `Host`, expected a header's name: that header has a meaning of its own",
        ),
        (
            "identity = { subject = \"X_User\" }",
            "`upstream.identity.subject` is `X_User`, expected a header's name such as \"X-User-Id\": some servers read `_` as `-`",
        ),
        (
            "identity = { issuer = \"x y\" }",
            "`upstream.identity.issuer` is `x y`, expected a header's name such as \"X-User-Id\": it is not a header's name",
        ),
        (
            "identity = { user = \"X-User\" }",
            "`upstream.identity.user` is not a known key; did you mean `issuer`?",
        ),
        (
            "identity = { subject = \"X-User\", project = \"x-user\" }",
            "`upstream.identity` has `x-user`, which carries something else already",
        ),
        (
            "identity = { subject = \"X-Auth-Token\" }",
            "`upstream.identity` has `x-auth-token`, which carries something else already",
        ),
        (
            "tls = { server_name = \"a\" }",
            "`upstream.tls` is not used, expected it only beside an https URL",
        ),
        (
            "health = { path = \"health\" }",
            "`upstream.health.path` is `health`, expected a path such as \"/healthcheck\": it is not a path",
        ),
        (
            "health = { interval = \"1s\" }",
            "`upstream.health.path` is missing, expected a path such as \"/healthcheck\"",
        ),
        (
            "protocol = \"http/2\"",
            "`upstream.protocol` is `http/2`, expected \"http1\" or \"h2\": there is no such protocol",
        ),
        (
            "profile = \"swift\"",
            "`upstream.profile` is `swift`, expected \"nova\" or \"generic\": there is no such profile",
        ),
        (
            "retry_budget = 101",
            "`upstream.retry_budget` is 101, expected a whole number from 1 to 100",
        ),
    ];
    for (line, expected) in cases {
        let found = saying(&format!("{url}{line}")).unwrap_err();
        assert_eq!(found, [format!("a.toml:5: {expected}")], "{line}");
    }
}
