//! `[revocation]`: one place, and only what belongs to it.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::revocation::{Location, RedisSettings, Settings, WhenUnavailable};

fn with(lines: &str) -> String {
    format!("{MINIMAL}[revocation]\n{lines}\n")
}

fn settings(lines: &str) -> Settings {
    read(&with(lines)).unwrap().revocation.unwrap()
}

#[test]
fn each_place_has_its_own_pace() {
    assert_eq!(read(MINIMAL).unwrap().revocation, None);
    let file = settings("file = \"/revoked.json\"");
    let expected = Settings {
        location: Location::File(PathBuf::from("/revoked.json"), None),
        ca: None,
        refresh: Duration::from_millis(500),
        when_unavailable: WhenUnavailable::Refuse,
        max_age: None,
    };
    assert_eq!(file, expected);
    let url = "url = \"https://i.example/revoked.json\"\nca = \"/ca.pem\"\nsigned_by = \"/k.json\"";
    let url = settings(&format!(
        "{url}\nrefresh = \"1s\"\nmax_age = \"1m\"\nwhen_unavailable = \"serve\""
    ));
    let expected = Settings {
        location: Location::Url(
            "https://i.example/revoked.json".parse().unwrap(),
            Some(PathBuf::from("/k.json")),
        ),
        ca: Some(PathBuf::from("/ca.pem")),
        refresh: Duration::from_secs(1),
        when_unavailable: WhenUnavailable::Serve,
        max_age: Some(Duration::from_mins(1)),
    };
    assert_eq!(url, expected);
    let redis = |text: &str, uri: &str| {
        let redis = settings(&format!("redis = \"{text}\""));
        let expected = RedisSettings {
            uri: uri.parse().unwrap(),
            key: "actiongate:revoked".to_owned(),
            username: None,
            password: None,
        };
        assert_eq!(redis.location, Location::Redis(expected));
        assert_eq!(redis.refresh, Duration::from_secs(30));
    };
    redis("redis://r.example", "redis://r.example:6379/0");
    redis("redis://r.example/", "redis://r.example:6379/0");
    redis("rediss://127.0.0.1:7000/3", "rediss://127.0.0.1:7000/3");
    redis("redis://[::1]/1", "redis://[::1]:6379/1");
    let redis =
        settings("redis = \"redis://r/4\"\nkey = \"k\"\nusername = \"u\"\npassword_file = \"/p\"");
    let Location::Redis(redis) = redis.location else {
        panic!("{redis:?}");
    };
    assert_eq!(redis.database(), 4);
    assert_eq!(
        (redis.key.as_str(), redis.username.as_deref()),
        ("k", Some("u"))
    );
    assert_eq!(redis.password, Some(PathBuf::from("/p")));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let not_redis =
        "expected a URL such as \"redis://redis.example:6379/0\" or \"rediss://redis.example/0\"";
    let form = "it is not `redis://HOST[:PORT][/DATABASE]` or `rediss://…`";
    let cases = [
        (
            "",
            "a.toml:12: `revocation.file` is missing, expected one of `file`, `url` and `redis`: where the list is".to_owned(),
        ),
        (
            "file = \"a\"\nredis = \"redis://r\"",
            "a.toml:12: [revocation] has 2 of `file`, `url` and `redis`, expected one of `file`, `url` and `redis`".to_owned(),
        ),
        (
            "url = \"ftp://x/a\"",
            "a.toml:13: `revocation.url` is `ftp://x/a`, expected an http(s) URL such as \"https://iam.example/revoked.json\": it is not an http or https URL of a host and, if any, a port from 1 to 65535".to_owned(),
        ),
        (
            "redis = \"http://r\"",
            format!("a.toml:13: `revocation.redis` is `http://r`, {not_redis}: {form}"),
        ),
        (
            "redis = \"redis://r/x\"",
            format!("a.toml:13: `revocation.redis` is `redis://r/x`, {not_redis}: {form}"),
        ),
        (
            "redis = \"redis://r/0?a\"",
            format!("a.toml:13: `revocation.redis` is `redis://r/0?a`, {not_redis}: {form}"),
        ),
        (
            "redis = \"redis://u:p@r/0\"",
            format!("a.toml:13: `revocation.redis` is `redis://u:p@r/0`, {not_redis}: it has a name or a password, which belong into `username` and `password_file`"),
        ),
        (
            "file = \"a\"\nca = \"c\"",
            "a.toml:14: `revocation.ca` is not used, expected it only beside an https or rediss URL".to_owned(),
        ),
        (
            "redis = \"redis://r\"\nsigned_by = \"k\"",
            "a.toml:14: `revocation.signed_by` is not used, expected it only beside `file` or `url`".to_owned(),
        ),
        (
            "file = \"a\"\nkey = \"k\"",
            "a.toml:14: `revocation.key` is not used, expected it only beside `redis`".to_owned(),
        ),
        (
            "redis = \"redis://r\"\nusername = \"u\"",
            "a.toml:14: `revocation.username` is not used, expected it only beside `password_file`".to_owned(),
        ),
        (
            "file = \"a\"\nwhen_unavailable = \"allow\"",
            "a.toml:14: `revocation.when_unavailable` is `allow`, expected \"refuse\" or \"serve\": there is no such choice".to_owned(),
        ),
        (
            "url = \"http://i/a\"\nmax_age = \"10s\"",
            "a.toml:14: `revocation.max_age` is not longer than `refresh`, 10s, expected a duration within which the list is looked at several times".to_owned(),
        ),
        (
            "file = \"a\"\nmaxage = \"10s\"",
            "a.toml:14: `revocation.maxage` is not a known key; did you mean `max_age`?".to_owned(),
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(problems(&with(lines)), [expected], "{lines}");
    }
}
