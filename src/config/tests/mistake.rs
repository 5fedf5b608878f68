//! What is wrong in a config, each with its line and what was expected.

use super::*;

#[test]
fn five_mistakes_are_five_problems() {
    let text = r#"[listen]
address = "localhost:8080"
worker = 2
[upstream]
url = "ftp://127.0.0.1:8774"
response_timeout = "5 parsecs"
[[issuer]]
name = "https://iam.example.com"
audiences = []
keys = "jwks.json"
[issuer.claims]
project = "/project_id"
actions = "/actions"
"#;
    assert_eq!(
        problems(text),
        [
            "a.toml:2: `listen.address` is `localhost:8080`, expected \"unix:/path\", \"systemd\" or an IP address and a port such as \"127.0.0.1:8080\": invalid socket address syntax",
            "a.toml:3: `listen.worker` is not a known key; did you mean `workers`?",
            "a.toml:5: `upstream.url` is `ftp://127.0.0.1:8774`, expected a URL such as \"http://127.0.0.1:8774\", \"https://nova.example\" or \"unix:/run/nova.sock\": it does not start with http://, https:// or unix:",
            "a.toml:6: `upstream.response_timeout` is `5 parsecs`, expected a duration such as \"5s\", \"250ms\" or \"2m\": \
             unknown time unit \"parsecs\", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)",
            "a.toml:9: `issuer.audiences` is empty, expected an array such as [\"ecs\"]: a token must be for one of them",
        ]
    );
}

#[test]
fn what_is_missing_is_named_with_what_to_write() {
    assert_eq!(
        problems(""),
        [
            "a.toml:1: `listen` is missing, expected a table [listen] with an `address`",
            "a.toml:1: `upstream` is missing, expected a table [upstream] with a `url`",
            "a.toml:1: `issuer` is missing, expected at least one table [[issuer]] with `name`, `audiences` and `keys`",
        ]
    );
    assert_eq!(
        problems("\n[listen]\n[upstream]\n[[issuer]]\n[[issuer]]\n[issuer.claims]\n"),
        [
            "a.toml:2: `listen.address` is missing, expected \"unix:/path\", \"systemd\" or an IP address and a port such as \"127.0.0.1:8080\"",
            "a.toml:3: `upstream.url` is missing, expected a URL such as \"http://127.0.0.1:8774\", \"https://nova.example\" or \"unix:/run/nova.sock\"",
            "a.toml:4: `issuer.name` is missing, expected the `iss` of its tokens",
            "a.toml:4: `issuer.audiences` is missing, expected an array such as [\"ecs\"]: a token must be for one of them",
            "a.toml:4: `issuer.keys` is missing, expected a JWKS file or its http(s) URL",
            "a.toml:4: `issuer.claims` is missing, expected a table [issuer.claims] with `project` and one of `actions`, `policies` and `roles`",
            "a.toml:5: `issuer.name` is missing, expected the `iss` of its tokens",
            "a.toml:5: `issuer.audiences` is missing, expected an array such as [\"ecs\"]: a token must be for one of them",
            "a.toml:5: `issuer.keys` is missing, expected a JWKS file or its http(s) URL",
            "a.toml:6: `issuer.claims.project` is missing, expected a JSON pointer such as \"/project_id\"",
            "a.toml:6: `issuer.claims.actions` is missing, expected a JSON pointer such as \"/actions\", or one in `policies` or `roles`",
        ]
    );
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    let cases = [
        (
            "",
            "[lisen]\n",
            "`lisen` is not a known key; did you mean `listen`?",
        ),
        (
            "",
            "[issuers]\n",
            "`issuers` is not a known key; did you mean `issuer`?",
        ),
        (
            "address = \"127.0.0.1:8080\"",
            "max_bdy = '1B'\n",
            "`listen.max_bdy` is not a known key; did you mean `max_body`?",
        ),
        (
            "url = \"http://127.0.0.1:8774\"",
            "idle_timout = '1s'\n",
            "`upstream.idle_timout` is not a known key; did you mean `idle_timeout`?",
        ),
        (
            "audiences = [\"ecs\"]",
            "audience = 'ecs'\n",
            "`issuer.audience` is not a known key; did you mean `audiences`?",
        ),
        (
            "audiences = [\"ecs\"]",
            "leway = '1s'\n",
            "`issuer.leway` is not a known key; did you mean `leeway`?",
        ),
        (
            "actions = \"/actions\"",
            "action = '/a'\n",
            "`issuer.claims.action` is not a known key; did you mean `actions`?",
        ),
        (
            "",
            "[token]\nmaxsize = '1B'\n",
            "`token.maxsize` is not a known key; did you mean `max_size`?",
        ),
        (
            "",
            "[table]\nfile = 'x'\n",
            "`table.file` is not a known key; did you mean `files`?",
        ),
        (
            "",
            "[audit]\nenable = true\n",
            "`audit.enable` is not a known key; did you mean `enabled`?",
        ),
        (
            "",
            "[log]\nlevle = 'info'\n",
            "`log.levle` is not a known key; did you mean `level`?",
        ),
        (
            "",
            "[log]\nzzz = 1\n",
            "`log.zzz` is not a known key; expected one of `format`, `level`",
        ),
    ];
    for (after, line, expected) in cases {
        let text = match after {
            "" => format!("{MINIMAL}{line}"),
            after => with(after, &format!("{after}\n{line}")),
        };
        let key = line.lines().last().unwrap();
        let line = 1 + text.lines().position(|line| line == key).unwrap();
        assert_eq!(
            problems(&text),
            [format!("a.toml:{line}: {expected}")],
            "{key}"
        );
    }
}

#[track_caller]
fn assert_one_problem(text: &str, line: usize, expected: &str) {
    let found = problems(text);
    assert_eq!(found.len(), 1, "{expected}: {found:#?}");
    assert!(
        found[0].starts_with(&format!("a.toml:{line}: ")),
        "{found:?}"
    );
    assert!(found[0].contains(expected), "{expected}: {found:?}");
}

#[test]
fn one_mistake_is_one_problem() {
    let cases = [
        (
            "address = \"127.0.0.1:8080\"",
            "addres = \"127.0.0.1:8080\"",
            2,
            "did you mean `address`?",
        ),
        ("[upstream]", "[upstraem]", 3, "did you mean `upstream`?"),
        (
            "audiences = [\"ecs\"]",
            "audiences = \"ecs\"",
            7,
            "expected an array of strings",
        ),
        (
            "audiences = [\"ecs\"]",
            "audiences = [\"ecs\", 1]",
            7,
            "expected a string",
        ),
        (
            "keys = \"jwks.json\"",
            "keys = \"ftp://iam/jwks\"",
            8,
            "it is not an http or https URL of a host and, if any, a port from 1 to 65535",
        ),
        (
            "name = \"https://iam.example.com\"",
            "name = \"\"",
            6,
            "it is empty",
        ),
        (
            "actions = \"/actions\"",
            "actions = \"actions\"",
            11,
            "a pointer starts with `/`",
        ),
        (
            "actions = \"/actions\"",
            "actions = \"/actions\"\nsubject = 1",
            12,
            "expected a JSON pointer",
        ),
        (
            "audiences = [\"ecs\"]",
            "audiences = [\"\"]",
            7,
            "an audience is empty",
        ),
        (
            "keys = \"jwks.json\"",
            "keys = \"jwks.json\"\nleeway = \"301s\"",
            9,
            "expired tokens would be good for too long",
        ),
        (
            "keys = \"jwks.json\"",
            "keys = \"jwks.json\"\nleeway = \"500ms\"",
            9,
            "it has a fraction of a second",
        ),
        (
            "keys = \"jwks.json\"",
            "keys = \"jwks.json\"\nca = \"ca.pem\"",
            9,
            "`issuer.ca` is not used",
        ),
        (
            "keys = \"jwks.json\"",
            "keys = \"http://iam/jwks\"\nca = \"ca.pem\"",
            9,
            "`issuer.ca` is not used",
        ),
        (
            "address = \"127.0.0.1:8080\"",
            "address = \"127.0.0.1\"",
            2,
            "invalid socket address syntax",
        ),
    ];
    for (line, other, at, expected) in cases {
        assert_one_problem(&with(line, other), at, expected);
    }
}

#[test]
fn an_address_is_one_or_several() {
    let cases = [
        (
            "address = [\"127.0.0.1:8080\", \"unix:\"]",
            2,
            "`listen.address` is `unix:`, expected",
        ),
        ("address = []", 1, "`listen.address` is empty, expected"),
        ("address = 8080", 2, "`listen.address` is 8080, expected"),
        ("address = [8080]", 2, "`listen.address` is 8080, expected"),
        ("address = \"systemd:\"", 2, "nothing follows `systemd:`"),
    ];
    for (other, at, expected) in cases {
        assert_one_problem(&with("address = \"127.0.0.1:8080\"", other), at, expected);
    }
}

#[test]
fn values_have_units_and_bounds() {
    let cases = [
        ("workers = 0", "expected a whole number from 1 to 1024"),
        ("workers = 1025", "expected a whole number from 1 to 1024"),
        ("workers = \"2\"", "expected a whole number from 1 to 1024"),
        ("max_body = 5", "expected a size"),
        ("max_body = \"5 apples\"", "expected a size"),
        ("hosts = \"a\"", "expected an array of strings"),
        (
            "hosts = [\"http://a\"]",
            "`listen.hosts` holds `http://a`, expected hosts such as \"api.example.com\" or \"api.example.com:8080\": \
             it is not a host, or a host and a port from 1 to 65535",
        ),
        ("drain_timeout = \"0s\"", "it is zero"),
        ("drain_timeout = 30", "expected a duration"),
        ("max_body = \"0B\"", "it is zero"),
        ("client_timeout = \"2years\"", "it is more than a year"),
        ("header_timeout = 10", "expected a duration"),
        ("max_connections = 0", "expected a whole number from 1"),
        ("max_connections_per_peer = 0", "expected a whole number"),
        ("max_requests_per_connection = 0", "expected a whole number"),
        (
            "http2_streams = 0",
            "expected a whole number from 1 to 10000",
        ),
        ("unix_mode = \"999\"", "permissions such as"),
        ("unix_mode = \"1777\"", "it is more than 0777"),
        (
            "proxy_protocol = \"10.0.0.1/8\"",
            "own address is `10.0.0.0/8`",
        ),
        (
            "proxy_protocol = [\"ten\"]",
            "neither an address nor a network",
        ),
        ("trusted_proxies = [1]", "expected a string"),
    ];
    let address = "address = \"127.0.0.1:8080\"";
    for (line, expected) in cases {
        let text = with(address, &format!("{address}\n{line}"));
        assert_one_problem(&text, 3, expected);
    }
}

#[test]
fn a_section_must_be_a_table() {
    for (text, expected) in [
        (
            "listen = 1\n[upstream]\nurl = 'http://a'\n",
            "a.toml:1: `listen` is 1, expected a table",
        ),
        (
            "listen = []\n[upstream]\nurl = 'http://a'\n",
            "a.toml:1: `listen` is of type array, expected a table",
        ),
    ] {
        let issuer = MINIMAL.split_once("[[issuer]]").unwrap().1;
        assert_eq!(problems(&format!("{text}[[issuer]]{issuer}")), [expected]);
    }
}

#[test]
fn broken_syntax_is_a_problem_with_its_line() {
    let found = problems(&with("audiences = [\"ecs\"]", "audiences = [\"ecs\""));
    assert!(
        found
            .iter()
            .any(|problem| problem.starts_with("a.toml:7: ") || problem.starts_with("a.toml:8: ")),
        "{found:?}"
    );
    let found = problems(&with("[upstream]", "[listen]"));
    assert!(
        found
            .iter()
            .any(|problem| problem.starts_with("a.toml:3: ")),
        "{found:?}"
    );
}

#[test]
fn one_issuer_is_an_array_of_one() {
    assert_eq!(
        problems(&with("[[issuer]]", "[issuer]")),
        ["a.toml:5: `issuer` is of type table, expected an array of tables"]
    );
}

#[test]
fn an_optional_claim_is_known_when_misspelled() {
    let line = "actions = \"/actions\"";
    assert_eq!(
        problems(&with(line, &format!("{line}\nsubjct = '/s'"))),
        ["a.toml:12: `issuer.claims.subjct` is not a known key; did you mean `subject`?"]
    );
}

#[test]
fn a_leeway_may_be_nothing_and_five_minutes() {
    for (leeway, expected) in [("0s", 0), ("1s", 1), ("5m", 300)] {
        let line = "keys = \"jwks.json\"";
        let config = read(&with(line, &format!("{line}\nleeway = \"{leeway}\""))).unwrap();
        assert_eq!(config.issuers[0].leeway, expected);
    }
}

#[test]
fn two_issuers_of_one_name_are_refused() {
    let issuer = MINIMAL.split_once("[[issuer]]").unwrap().1;
    assert_eq!(
        problems(&format!("{MINIMAL}[[issuer]]{issuer}")),
        [
            "a.toml:13: the issuer `https://iam.example.com` is already defined at line 6, expected each name once"
        ]
    );
}

#[test]
fn a_survey_reads_what_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let survey = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Config::survey(&path)
    };
    let (config, problems) = survey(MINIMAL);
    assert!(config.is_some() && problems.0.is_empty());
    let (config, problems) = survey(&format!("{MINIMAL}[lg]\n"));
    assert_eq!(config.unwrap().issuers[0].name, "https://iam.example.com");
    assert_eq!(problems.0.len(), 1, "{problems}");
    let (config, problems) = survey(&with("[upstream]", "[up]"));
    assert!(config.is_none() && !problems.0.is_empty());
    std::fs::remove_file(&path).unwrap();
    let (config, problems) = Config::survey(&path);
    assert!(config.is_none());
    assert_eq!(problems.0[0].line, 0, "{problems}");
}
