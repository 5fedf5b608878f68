//! Issuers of Keystone's tokens, asked and not asked.

use super::*;
use crate::config::KeystoneKeys;
use crate::token::{Algorithm, Delegation, KeySettings, Location};

/// The minimal config with this in place of its issuer.
fn config(issuers: &str) -> String {
    let (before, _) = MINIMAL.split_once("[[issuer]]").unwrap();
    format!("{before}{issuers}")
}

const JWS: &str = "[[issuer]]\nkind = \"keystone-jws\"\nname = \"k\"\nkeys = \"jws-keys\"\n";
const ASKED: &str =
    "[[issuer]]\nkind = \"keystone\"\nname = \"a\"\nauth_urls = [\"http://k:5000/v3\"]\n";
const SERVICE: &str = "[issuer.service]\nusername = \"u\"\nproject = \"service\"\npassword_file = \"p\"\n\
     [issuer.roles]\nreader = \"ECS ReadOnlyAccess\"\n";

fn keys(algorithm: Algorithm) -> KeystoneKeys {
    let path = "/etc/gate/jws-keys".into();
    let keys = KeySettings::new(Location::Pem(path, algorithm));
    KeystoneKeys { keys, algorithm }
}

#[test]
fn little_is_needed_where_nobody_is_asked() {
    let mut config = read(&config(JWS)).unwrap();
    let issuer = config.issuers.remove(0);
    let expected = IssuerKind::KeystoneJws {
        keys: keys(Algorithm::ES256),
        delegated: Vec::new(),
    };
    assert_eq!(issuer.kind, expected);
    assert_eq!(issuer.claims.project, pointer("/openstack_project_id"));
    assert_eq!(issuer.claims.roles, None);
}

#[test]
fn every_key_of_it_is_read() {
    let more = "algorithm = \"ES512\"\nrefresh = \"1s\"\ncooldown = \"2s\"\nmax_age = \"3s\"\n\
                delegated = [\"trust\", \"oauth1\"]\n";
    let mut config = read(&config(&format!("{JWS}{more}"))).unwrap();
    let mut expected = keys(Algorithm::ES512);
    expected.keys.refresh = seconds(1);
    expected.keys.cooldown = seconds(2);
    expected.keys.max_age = seconds(3);
    let expected = IssuerKind::KeystoneJws {
        keys: expected,
        delegated: vec![Delegation::Trust, Delegation::OAuth1],
    };
    assert_eq!(config.issuers.remove(0).kind, expected);
    let asked = format!("{ASKED}keys = \"jws-keys\"\nalgorithm = \"EdDSA\"\n{SERVICE}");
    let mut config = read(&self::config(&asked)).unwrap();
    let IssuerKind::Keystone { keys: found, .. } = config.issuers.remove(0).kind else {
        panic!("not a Keystone that is asked");
    };
    assert_eq!(found, Some(keys(Algorithm::EdDSA)));
}

#[test]
fn mistakes_are_told() {
    let with = |line: &str| config(&format!("{JWS}{line}\n"));
    let second = JWS.replace("\"k\"", "\"l\"");
    let asked = format!("{ASKED}keys = \"x\"\n{SERVICE}");
    let cases = [
        (
            with("algorithm = \"RS256\""),
            "a.toml:9: `issuer.algorithm` is `RS256`, expected \"ES256\", \"ES384\", \"ES512\" or \"EdDSA\", as Keystone signs: Keystone has no such algorithm",
        ),
        (
            with("delegated = [\"trusts\"]"),
            "a.toml:9: `issuer.delegated` has `trusts`, expected an array of \"trust\", \"application_credential\" and \"oauth1\"",
        ),
        (
            with("audiences = [\"ecs\"]"),
            "a.toml:9: `issuer.audiences` is not a known key; expected one of `name`, `leeway`, `kind`, `delegated`, `keys`, `algorithm`, `refresh`, `cooldown`, `max_age`, `claims`, `identity`, `roles`, `mode`",
        ),
        (
            config(&JWS.replace("keys = \"jws-keys\"\n", "")),
            "a.toml:5: `issuer.keys` is missing, expected a folder of public keys in PEM form, or one such file",
        ),
        (
            config(&format!("{JWS}{second}")),
            "a.toml:9: the issuer at line 5 verifies the JWS tokens of a Keystone already, expected one that does",
        ),
        (
            config(&format!("{JWS}{asked}")),
            "a.toml:9: the issuer at line 5 verifies the JWS tokens of a Keystone already, expected one that does",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(&text), [expected], "{text}");
    }
    assert!(read(&config(&format!("{JWS}{ASKED}{SERVICE}"))).is_ok());
}

/// Who may be the one that looks at access rules: the middleware behind the gateway, by the caller's token
/// alone.
#[test]
fn access_rules_are_left_to_an_upstream_that_looks_at_them() {
    let config = |upstream: &str, issuers: &str| {
        let url = "url = \"http://127.0.0.1:8774\"\n";
        self::config(issuers).replace(url, &format!("{url}{upstream}\n"))
    };
    let delegated = |kinds: &str| format!("{JWS}delegated = [{kinds}]\n{ASKED}{SERVICE}");
    let ways = [
        (
            "service_token = \"a\"",
            "service_token",
            "Keystone's middleware does not look at them beside a service token",
        ),
        (
            "credential = \"strip\"",
            "credential",
            "the upstream does not see the caller's token",
        ),
        (
            "credential = { header = \"X-Auth-Token\", file = \"t\" }",
            "credential",
            "the upstream does not see the caller's token",
        ),
        (
            "identity = \"keystonemiddleware\"",
            "identity",
            "the upstream believes the gateway who is calling",
        ),
    ];
    let restricted = delegated("\"trust\", \"application_credential\"");
    for (upstream, key, reason) in ways {
        let message = format!(
            "a.toml:5: with `upstream.{key}` nobody holds application credentials of the issuer `k` to their \
             access rules: {reason}, and the issuer's tokens do not hold the rules; expected no \
             \"application_credential\" in `issuer.delegated`, or an issuer with `kind = \"keystone\"` in its \
             place, which is asked for the rules"
        );
        assert_eq!(
            problems(&config(upstream, &restricted)),
            [message],
            "{upstream}"
        );
        for others in ["", "\"trust\", \"oauth1\""] {
            let found = read(&config(upstream, &delegated(others)));
            assert!(found.is_ok(), "{upstream} {others}: {found:?}");
        }
    }
    for upstream in [
        "",
        "credential = \"forward\"",
        "identity = { subject = \"X-Subject\" }",
    ] {
        let found = read(&config(upstream, &restricted));
        assert!(found.is_ok(), "{upstream}: {found:?}");
    }
}
