//! Values that name a place: the upstream, files, sinks.

use ::tracing::level_filters::LevelFilter;

use super::upstream::host;
use super::*;
use crate::audit;
use crate::proxy::{Location, Security};

const URL: &str =
    r#"a URL such as "http://127.0.0.1:8774", "https://nova.example" or "unix:/run/nova.sock""#;

fn upstream(url: &str) -> Result<Location, Vec<String>> {
    let text = with("http://127.0.0.1:8774", url);
    read(&text).map(|mut config| config.upstream.locations.remove(0))
}

#[test]
fn the_upstream_is_a_host_and_a_port() {
    let good = [
        ("http://127.0.0.1:8774", "127.0.0.1", 8774),
        ("http://127.0.0.1:8774/", "127.0.0.1", 8774),
        ("http://nova", "nova", 80),
        ("HTTP://nova.example.com:1", "nova.example.com", 1),
        ("http://[::1]:65535", "::1", 65535),
        ("http://[2001:db8::1]", "2001:db8::1", 80),
    ];
    for (url, name, port) in good {
        let expected = host(name, port, Security::Plain);
        assert_eq!(upstream(url), Ok(expected), "{url}");
    }
    let expected = host("nova", 443, Security::Tls);
    assert_eq!(upstream("https://nova"), Ok(expected));
    let expected = Location::Socket("/run/nova".into());
    assert_eq!(upstream("unix:/run/nova"), Ok(expected));
    let scheme = "it does not start with http://, https:// or unix:";
    let socket = "the socket's path is not absolute, or longer than 107 bytes";
    let more = "it has more than a host and a port";
    let bad = [
        ("unix:run/nova", socket),
        ("unix:", socket),
        ("http://nova/v2.1", more),
        ("http://nova//", more),
        ("http://nova/?", more),
        ("http://nova?x=1", more),
        ("http://nova#top", more),
        ("http://user@nova", more),
        ("http://user:secret@nova", more),
        ("nova", scheme),
        ("nova:8774", scheme),
        ("/nova", scheme),
        ("ftp://nova", scheme),
        ("", "it is not a URL"),
        ("http://", "it is not a URL"),
        ("http:///", "it is not a URL"),
        (
            "http://:80",
            "it has no host, or a port that is not from 1 to 65535",
        ),
        ("http://nova two", "it is not a URL"),
        ("http://[::1", "it is not a URL"),
    ];
    for (url, expected) in bad {
        let start = format!("a.toml:4: `upstream.url` is `{url}`, expected {URL}: ");
        assert_eq!(upstream(url), Err(vec![start + expected]), "{url}");
    }
}

/// What is no port must not become 80.
#[test]
fn a_port_that_is_none_is_refused() {
    for port in ["87740", "65536", "-1", "http", "0"] {
        assert!(upstream(&format!("http://nova:{port}")).is_err(), "{port}");
    }
}

#[test]
fn the_audit_is_as_it_was_asked_for() {
    let file = |text: &str| {
        let settings = read(&format!("{MINIMAL}[audit]\nfile = \"a\"\n{text}\n")).unwrap();
        let audit::Target::File(file) = settings.audit.target else {
            panic!("no file: {text}");
        };
        (file.rotation, file.chain)
    };
    let rotation = |max_size, keep| Some(audit::Rotation { max_size, keep });
    let chain = |key: Option<&str>| {
        Some(audit::ChainSettings {
            key: key.map(PathBuf::from),
        })
    };
    for (text, expected) in [
        ("", (None, None)),
        ("max_size = \"1KiB\"", (rotation(1024, 5), None)),
        ("max_size = \"1KiB\"\nkeep = 9", (rotation(1024, 9), None)),
        ("chain = true", (None, chain(None))),
        (
            "chain = true\nchain_key = \"k\"",
            (None, chain(Some("/etc/gate/k"))),
        ),
        ("chain = false", (None, None)),
    ] {
        assert_eq!(file(text), expected, "{text}");
    }
    let text = format!("{MINIMAL}[audit]\nsyslog = \"/dev/log\"\nformat = \"cadf\"\n");
    let expected = audit::Settings {
        target: audit::Target::Syslog("/dev/log".into()),
        format: audit::Format::Cadf,
        evidence: false,
    };
    assert_eq!(read(&text).unwrap().audit, expected);
    for (text, expected) in [
        ("", false),
        ("evidence = false", false),
        ("evidence = true", true),
    ] {
        let settings = read(&format!("{MINIMAL}[audit]\n{text}\n")).unwrap().audit;
        assert_eq!(settings.evidence, expected, "{text}");
    }
}

#[test]
fn an_audit_that_does_less_than_it_says_is_refused() {
    let unused = |key: &str, beside: &str| {
        format!("`audit.{key}` is not used, expected it only beside {beside}")
    };
    for (text, expected) in [
        ("chain = true", unused("chain", "a `file`")),
        ("file = \"-\"\nchain = true", unused("chain", "a `file`")),
        (
            "syslog = \"x\"\nmax_size = \"1KiB\"",
            unused("max_size", "a `file`"),
        ),
        ("file = \"a\"\nkeep = 2", unused("keep", "`max_size`")),
        (
            "file = \"a\"\nchain_key = \"k\"",
            unused("chain_key", "`chain = true` and a `file`"),
        ),
        (
            "file = \"a\"\nsyslog = \"x\"",
            "`audit.syslog` stands beside a file, expected one of them".to_owned(),
        ),
        (
            "format = \"cadf\"\nevidence = true",
            "`audit.evidence` has no place in an event of CADF, expected it only beside `format = \"actiongate\"`"
                .to_owned(),
        ),
        (
            "format = \"xml\"",
            "`audit.format` is `xml`, expected \"actiongate\" or \"cadf\": there is no such format"
                .to_owned(),
        ),
    ] {
        let lines = text.lines().count();
        let found = problems(&format!("{MINIMAL}[audit]\n{text}\n"));
        assert_eq!(
            found,
            [format!("a.toml:{}: {expected}", 12 + lines)],
            "{text}"
        );
    }
}

#[test]
fn the_audit_has_three_forms() {
    let cases = [
        ("", audit::Target::Stdout),
        ("file = \"-\"", audit::Target::Stdout),
        ("enabled = true", audit::Target::Stdout),
        (
            "file = \"a.jsonl\"",
            audit::Target::File(audit::FileSettings::new("/etc/gate/a.jsonl".into())),
        ),
        (
            "file = \"../a\"",
            audit::Target::File(audit::FileSettings::new("/etc/gate/../a".into())),
        ),
        (
            "file = \"/var/a\"",
            audit::Target::File(audit::FileSettings::new("/var/a".into())),
        ),
        ("enabled = false", audit::Target::Off),
        ("enabled = false\nfile = \"a\"", audit::Target::Off),
    ];
    for (lines, expected) in cases {
        let config = read(&format!("{MINIMAL}[audit]\n{lines}\n")).unwrap();
        assert_eq!(config.audit, expected.into(), "{lines}");
    }
    let found = problems(&format!("{MINIMAL}[audit]\nenabled = \"yes\"\n"));
    assert_eq!(
        found,
        ["a.toml:13: `audit.enabled` is of type string, expected true or false"]
    );
    let found = problems(&format!("{MINIMAL}[audit]\nfile = true\n"));
    assert_eq!(
        found,
        ["a.toml:13: `audit.file` is of type boolean, expected a string"]
    );
}

#[test]
fn the_log_has_known_formats_and_levels() {
    for (format, expected) in [
        ("auto", Format::Auto),
        ("text", Format::Text),
        ("json", Format::Json),
    ] {
        let config = read(&format!("{MINIMAL}[log]\nformat = \"{format}\"\n")).unwrap();
        assert_eq!(config.log.format, expected);
    }
    for (level, expected) in [
        ("off", LevelFilter::OFF),
        ("warn", LevelFilter::WARN),
        ("trace", LevelFilter::TRACE),
    ] {
        let config = read(&format!("{MINIMAL}[log]\nlevel = \"{level}\"\n")).unwrap();
        assert_eq!(config.log.level, expected.into());
    }
    let found = problems(&format!(
        "{MINIMAL}[log]\nformat = \"xml\"\nlevel = \"loud\"\n"
    ));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[0],
        "a.toml:13: `log.format` is `xml`, expected \"auto\", \"text\" or \"json\": there is no such format"
    );
    assert!(
        found[1].starts_with("a.toml:14: `log.level` is `loud`, expected \"off\", \"error\", "),
        "{found:?}"
    );
}

#[test]
fn tables_are_files_beside_the_config() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "# mine").unwrap();
    let read = |lines: &str| {
        let text = format!("{MINIMAL}[table]\n{lines}\n");
        Config::parse("a.toml", &text, folder.path()).map(|config| config.table)
    };
    let mine = Source {
        name: folder.path().join("mine.toml").display().to_string(),
        text: "# mine".to_owned(),
    };
    let cases = [
        ("", Source::builtin()),
        ("builtin = \"ecs\"", Source::builtin()),
        ("files = []", Source::builtin()),
        (
            "files = [\"mine.toml\"]",
            [Source::builtin(), vec![mine.clone()]].concat(),
        ),
        (
            "builtin = \"none\"\nfiles = [\"mine.toml\"]",
            vec![mine.clone()],
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(read(lines).unwrap(), expected, "{lines}");
    }
    let absolute = format!("builtin = \"none\"\nfiles = ['{}']", mine.name);
    assert_eq!(read(&absolute).unwrap(), [mine]);
    let gone = "No such file or directory (os error 2)";
    let empty = "the table is empty, expected `builtin = \"ecs\"` or at least one of `files`";
    let cases = [
        ("files = [\"mine.toml\",\n  \"gone.toml\"]", vec![format!("a.toml:14: the table file `gone.toml` cannot be read: {gone}")]),
        ("builtin = \"none\"", vec![format!("a.toml:12: {empty}")]),
        ("builtin = \"nova\"", vec!["a.toml:13: `table.builtin` is `nova`, expected \"ecs\" or \"none\": there is no such table".to_owned()]),
        ("files = \"mine.toml\"", vec!["a.toml:13: `table.files` is of type string, expected an array of strings".to_owned()]),
        ("files = [1]", vec!["a.toml:13: `table.files` is 1, expected a string".to_owned()]),
    ];
    for (lines, expected) in cases {
        let found: Vec<String> = read(lines)
            .unwrap_err()
            .0
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected, "{lines}");
    }
}

#[test]
fn a_config_that_cannot_be_read_is_named() {
    let problems = Config::read(Path::new("/nonexistent/a.toml")).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "/nonexistent/a.toml: cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_bare_name_is_relative_to_where_the_command_runs() {
    let config = Config::parse("a.toml", MINIMAL, Path::new("")).unwrap();
    assert_eq!(
        config.issuers[0].kind.keys().unwrap().location,
        token::Location::File("jwks.json".into())
    );
}

#[test]
fn keystone_is_a_url_that_fits_between_quotes() {
    let read = |uri: &str| {
        problems(&format!(
            "{MINIMAL}[token]\nwww_authenticate_uri = '{uri}'\n"
        ))
    };
    let line = MINIMAL.lines().count() + 2;
    let cases = [
        (
            "keystone.example.com",
            "it is not an http or https URL of a host and, if any, a port from 1 to 65535",
        ),
        (
            "https://keystone.example.com/\"",
            "it has other than visible ASCII characters, `\"` or `\\`",
        ),
    ];
    for (uri, expected) in cases {
        assert_eq!(
            read(uri),
            [format!(
                "a.toml:{line}: `token.www_authenticate_uri` is `{uri}`, expected a URL such as \"https://keystone.example.com/v3\": {expected}"
            )]
        );
    }
}
