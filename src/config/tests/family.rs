//! Issuers whose names have a parameter.

use super::*;
use crate::token::{FamilySettings, Template};

const NAME: &str = "https://k.example/v4/oauth2/{domain_id}";
const KEYS: &str = "https://k.example/v4/oauth2/{domain_id}/jwks.json";

fn config(name: &str, audiences: &str, keys: &str) -> String {
    let text = with(
        "name = \"https://iam.example.com\"",
        &format!("name = \"{name}\""),
    );
    let text = text.replace("audiences = [\"ecs\"]", &format!("audiences = {audiences}"));
    text.replace("keys = \"jwks.json\"", &format!("keys = \"{keys}\""))
}

fn template(text: &str) -> Template {
    Template::find(text).unwrap().unwrap()
}

#[test]
fn a_parameter_is_in_all_three() {
    let audiences = "[\"openstack-apis:{domain_id}\", \"{domain_id}\"]";
    let text = config(NAME, audiences, KEYS);
    let config = read(&text.replace("[issuer.claims]", "cooldown = \"3s\"\n[issuer.claims]"));
    let mut config = config.unwrap();
    let issuer = config.issuers.remove(0);
    assert_eq!(issuer.name, NAME);
    let mut keys = KeySettings::new(KEYS.parse().unwrap());
    keys.cooldown = seconds(3);
    let expected = IssuerKind::Family {
        audiences: ["openstack-apis:{domain_id}", "{domain_id}"]
            .map(template)
            .to_vec(),
        keys: FamilySettings {
            name: template(NAME),
            location: template(KEYS),
            keys,
        },
    };
    assert_eq!(issuer.kind, expected);
}

#[test]
fn a_parameter_that_is_not_in_all_three_is_refused() {
    let plain = "https://k.example";
    let good = "[\"apis:{domain_id}\"]";
    let in_keys =
        "expected an http(s) URL with the parameter `{domain_id}` of `issuer.name` in its path";
    let in_audiences =
        "expected one such as \"ecs:{domain_id}\" with the parameter of `issuer.name`";
    let name = |text: &str, error: &str| {
        let message =
            format!("`issuer.name` is `{text}`, expected the `iss` of its tokens: {error}");
        (config(text, good, KEYS), 6, message)
    };
    let audience = |text: &str, error: &str| {
        let message = format!("an audience is `{text}`, {in_audiences}: {error}");
        (config(NAME, &format!("[\"{text}\"]"), KEYS), 7, message)
    };
    let keys = |text: &str, error: &str| {
        let message = format!("`issuer.keys` is `{text}`, {in_keys}: {error}");
        (config(NAME, good, text), 8, message)
    };
    let no_parameter = "it has no parameter";
    let not_in_path = "the parameter is not in the path";
    let rows = [
        name("https://k/{a}/{b}", "it has more than one parameter"),
        name("https://k/{a", "a `{` or `}` is not one of a pair"),
        name("https://k/a}", "a `{` or `}` is not one of a pair"),
        name("https://k/{}", "`{}` is not a parameter such as `{domain_id}`"),
        name("https://k/{A}", "`{A}` is not a parameter such as `{domain_id}`"),
        audience("apis", no_parameter),
        audience("apis:{domain}", "its parameter is `{domain}`"),
        audience("{domain_id}:{domain_id}", "it has more than one parameter"),
        keys("https://k.example/jwks.json", no_parameter),
        keys("https://k.example/{domain}", "its parameter is `{domain}`"),
        keys("jwks.json", no_parameter),
        keys("{domain_id}.json", "it is not a URL"),
        keys("https://k.example/x?d={domain_id}", not_in_path),
        keys("https://k.example?d={domain_id}", not_in_path),
        keys("https://k.example/{domain_id}/{domain_id}", "it has more than one parameter"),
        (
            config(plain, "[\"ecs\", \"apis:{domain_id}\"]", "jwks.json"),
            7,
            "an audience is `apis:{domain_id}`, expected no braces, as `issuer.name` has no parameter"
                .to_owned(),
        ),
        (
            config(plain, "[\"ecs\"]", KEYS),
            8,
            format!("`issuer.keys` is `{KEYS}`, expected no braces, as `issuer.name` has no parameter"),
        ),
    ];
    for (text, line, expected) in rows {
        assert_eq!(
            problems(&text),
            [format!("a.toml:{line}: {expected}")],
            "{text}"
        );
    }
    // Of a host or a port no URL is made at all.
    for keys in [
        "https://{domain_id}.example/jwks",
        "https://k:{domain_id}/jwks",
    ] {
        let found = problems(&config(NAME, good, keys));
        let expected =
            format!("a.toml:8: `issuer.keys` is `{keys}`, expected a JWKS file or its http(s) URL");
        assert!(
            found.len() == 1 && found[0].starts_with(&expected),
            "{found:?}"
        );
    }
    // A file's name may have braces: it is no template.
    read(&config(plain, "[\"ecs\"]", "{a}.json")).unwrap();
}

#[test]
fn no_iss_is_of_two_issuers_with_a_parameter() {
    let both = |one: &str, other: &str| {
        let one = config(one, "[\"{d}\"]", "https://k/{d}");
        let other = config(other, "[\"{d}\"]", "https://k/{d}");
        let (_, other) = other.split_once("[[issuer]]").unwrap();
        format!("{one}[[issuer]]{other}")
    };
    let one = "https://k/{d}";
    for other in ["https://k/x/{d}", "https://other/{d}"] {
        assert_eq!(read(&both(one, other)).unwrap().issuers.len(), 2);
    }
    let expected = "a.toml:13: the issuer `https://k/x{d}` can have the same name as `https://k/{d}` at line 6, \
                    expected names of which no `iss` can be both";
    assert_eq!(problems(&both(one, "https://k/x{d}")), [expected]);
    let expected = "a.toml:13: the issuer `https://k/{d}` is already defined at line 6, expected each name once";
    assert_eq!(problems(&both(one, one)), [expected]);
    // A name without a parameter is that issuer's alone.
    let (_, literal) = MINIMAL.split_once("[[issuer]]").unwrap();
    let literal = literal.replace("https://iam.example.com", "https://k/x");
    let text = config(one, "[\"{d}\"]", "https://k/{d}");
    read(&format!("{text}[[issuer]]{literal}")).unwrap();
}
