//! Variables and files that go into a config.

use super::*;
use crate::config::show::show;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// `text` in a folder with the file `secret`, within variables.
fn read_within(text: &str, pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "X-Secret\r\n").unwrap();
    fs::write(folder.path().join("lines"), "a\nb\n").unwrap();
    fs::write(folder.path().join("latin"), b"\xe4").unwrap();
    let path = folder.path().join("a.toml");
    fs::write(&path, text).unwrap();
    let (document, mut problems) = open(&path, variables(pairs)).unwrap();
    let (config, found) = survey(document, folder.path());
    problems.extend(found.0);
    let prefix = format!("{}/", folder.path().display());
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| problem.to_string().replace(&prefix, ""))
        .collect();
    match lines.is_empty() {
        true => Ok(config.unwrap()),
        false => Err(lines),
    }
}

#[test]
fn variables_come_before_the_file() {
    let pairs = [
        ("ACTIONGATE_LISTEN_ADDRESS", "127.0.0.1:1, unix:/run/x"),
        ("ACTIONGATE_LISTEN_WORKERS", "7"),
        ("ACTIONGATE_LISTEN_HOSTS", "api.test"),
        ("ACTIONGATE_LISTEN_UNIX_MODE", "0600"),
        ("ACTIONGATE_AUDIT_ENABLED", "false"),
        ("ACTIONGATE_UPSTREAM_HEALTH_PATH", "/health"),
        ("ACTIONGATE_UPSTREAM_TLS_SERVER_NAME", "nova.test"),
        ("ACTIONGATE_TRACING_ENDPOINT", "http://collector"),
        ("ACTIONGATE_TRACING_SAMPLE", "0.5"),
        ("ACTIONGATE_SERVICE_HOST", "10.0.0.1"),
        ("ACTIONGATE_PORT", "tcp://10.0.0.1:80"),
        ("ACTIONGATE_PORT_80_TCP_PROTO", "tcp"),
        ("ACTIONGATE_ADMIN_SERVICE_PORT_HTTP", "9090"),
        ("OTHER", "thing"),
    ];
    let text = MINIMAL.replace("http://127", "https://127");
    let config = read_within(&text, &pairs).unwrap();
    let said = "[listen]\naddress = [\"127.0.0.1:1\", \"unix:/run/x\"]\nworkers = 7\nhosts = [\"api.test\"]\nunix_mode = \"0600\"\n";
    let text = text.replace("[listen]\naddress = \"127.0.0.1:8080\"\n", said);
    let more = "[audit]\nenabled = false\n[upstream.health]\npath = \"/health\"\n[upstream.tls]\nserver_name = \"nova.test\"\n[tracing]\nendpoint = \"http://collector\"\nsample = 0.5\n";
    let expected = read(&format!("{text}{more}")).unwrap();
    assert_eq!(
        format!("{:?}", config.listen),
        format!("{:?}", expected.listen)
    );
    assert_eq!(
        format!("{:?}", config.upstream),
        format!("{:?}", expected.upstream)
    );
    assert_eq!(
        format!("{:?}", config.gateway),
        format!("{:?}", expected.gateway)
    );
    assert_eq!(config.audit, expected.audit);
    assert_eq!(config.tracing, expected.tracing);
    assert_eq!(config.used.variables.len(), 9);
}

#[test]
fn what_is_wrong_with_a_variable_names_it() {
    let pairs = [
        ("ACTIONGATE_LISTEN_WORKER", "7"),
        ("ACTIONGATE_LOG_LEVEL", "loud"),
        ("ACTIONGATE_LISTEN_MAX_CONNECTIONS", "0x10"),
        ("ACTIONGATE_UPSTREAM_CONNECT_TIMEOUT", "\u{7f}"),
        ("ACTIONGATE_XYZ", ""),
    ];
    let problems = read_within(MINIMAL, &pairs).unwrap_err();
    let start = |problem: &String| problem.split(", supported").next().unwrap().to_owned();
    let problems: Vec<String> = problems.iter().map(start).collect();
    assert_eq!(
        problems,
        [
            "ACTIONGATE_LISTEN_WORKER: the environment variable is named after no key of the config; did you mean `ACTIONGATE_LISTEN_WORKERS`?",
            "ACTIONGATE_XYZ: the environment variable is named after no key of the config; expected one named after a key, such as `ACTIONGATE_LISTEN_ADDRESS`",
            "ACTIONGATE_LISTEN_MAX_CONNECTIONS: `listen.max_connections` is of type string, expected a whole number from 1 to 1000000000",
            "ACTIONGATE_LOG_LEVEL: `log.level` is `loud`, expected \"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\", perhaps with others for some modules such as \"info,actiongate::proxy=debug\": there is no level `loud`",
            "ACTIONGATE_UPSTREAM_CONNECT_TIMEOUT: invalid basic string, expected non-double-quote visible characters, `\\`",
        ]
    );
}

#[test]
fn a_variable_does_not_turn_a_value_into_a_table() {
    let text = format!("audit = \"no\"\n{MINIMAL}");
    let problems = read_within(&text, &[("ACTIONGATE_AUDIT_FILE", "x")]).unwrap_err();
    assert_eq!(
        problems,
        ["a.toml:1: `audit` is of type string, expected a table"]
    );
}

#[test]
fn references_are_replaced_in_values() {
    let text = format!(
        "{}[upstream.credential]\nheader = \"${{file:secret}}\"\nfile = \"${{HOME_OF_IT}}/token$${{x}}\"\n[audit]\nfile = \"$x\"\n",
        with("audiences = [\"ecs\"]", "audiences = [\"${A}-${A}\"]")
    );
    let pairs = [("A", "a\"]\nb = [\""), ("HOME_OF_IT", "/srv")];
    let config = read_within(&text, &pairs).unwrap();
    let expected = proxy::Credential::File {
        header: "x-secret".parse().unwrap(),
        path: "/srv/token${x}".into(),
    };
    assert_eq!(config.upstream.credential, expected);
    let IssuerKind::Jwt { audiences, .. } = &config.issuers[0].kind else {
        panic!("another kind");
    };
    assert_eq!(audiences, &["a\"]\nb = [\"-a\"]\nb = [\""]);
    assert!(is_file(&config, "$x"));
    assert_eq!(config.used.variables, variables(&pairs));
    let files: Vec<_> = config.used.files.iter().collect();
    assert_eq!(files.len(), 1);
    assert!(config.files().contains(files[0]));
}

#[test]
fn a_reference_to_nothing_is_a_problem() {
    for (value, expected) in [
        (
            "${NOT_SET}",
            "`${NOT_SET}` is not set, expected an environment variable `NOT_SET`",
        ),
        (
            "a${",
            "`a${` has a `${` without its `}`; expected `${NAME}`, `${file:NAME}`, or `$${` for a `${` that is meant as it stands",
        ),
        (
            "${a-b}",
            "`${a-b}` names no variable; expected `${NAME}`, `${file:NAME}`, or `$${` for a `${` that is meant as it stands",
        ),
        (
            "${}",
            "`${}` names no variable; expected `${NAME}`, `${file:NAME}`, or `$${` for a `${` that is meant as it stands",
        ),
        (
            "${file:none}",
            "the file `none` cannot be read: No such file or directory (os error 2)",
        ),
        (
            "${file:lines}",
            "the file `lines` has several lines, expected one value",
        ),
        ("${file:latin}", "the file `latin` is not UTF-8"),
    ] {
        let text = with(
            "audiences = [\"ecs\"]",
            &format!("audiences = [\"{value}\"]"),
        );
        // Families have braces in audiences; what is not replaced is judged, too.
        let problems = read_within(&text, &[]).unwrap_err();
        assert_eq!(problems[0], format!("a.toml:7: {expected}"), "{value}");
    }
}

#[test]
fn without_surroundings_nothing_is_replaced() {
    let text = with("audiences = [\"ecs\"]", "audiences = [\"$HOME\"]");
    let text = format!("{text}[audit]\nfile = \"${{HOME}}\"\n");
    let config = read(&text).unwrap();
    assert!(is_file(&config, "${HOME}"));
}

#[test]
fn what_goes_in_changes_the_digest() {
    let digest = |pairs: &[(&str, &str)]| read_within(MINIMAL, pairs).unwrap().digest();
    let one = digest(&[("ACTIONGATE_LISTEN_WORKERS", "1")]);
    assert_ne!(one, digest(&[("ACTIONGATE_LISTEN_WORKERS", "2")]));
    assert_eq!(
        one,
        digest(&[("ACTIONGATE_LISTEN_WORKERS", "1"), ("OTHER", "2")])
    );
}

#[test]
fn shows_references_as_they_stand_and_overrides_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    let text = with("audiences = [\"ecs\"]", "audiences = [\"${SECRET}\"]");
    fs::write(&path, text).unwrap();
    let pairs = [("SECRET", "hush"), ("ACTIONGATE_LOG_LEVEL", "debug")];
    let (document, problems) = open(&path, variables(&pairs)).unwrap();
    assert_eq!(problems, []);
    let shown = document.read(|root| show(root, "a.toml"));
    assert!(!shown.contains("hush"), "{shown}");
    for line in [
        "audiences = [\"${SECRET}\"]                     # a.toml:7\n",
        "level = \"debug\"                               # ACTIONGATE_LOG_LEVEL\n",
    ] {
        assert!(shown.contains(line), "{line}{shown}");
    }
}

#[test]
fn what_a_variable_says_is_no_reference_when_it_is_read_back() {
    for value in ["a${b}", "$${x", "$$${"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, MINIMAL).unwrap();
        let pairs = [("ACTIONGATE_AUDIT_FILE", value)];
        let (document, problems) = open(&path, variables(&pairs)).unwrap();
        assert_eq!(problems, []);
        let shown = document.read(|root| show(root, "a.toml"));
        assert!(
            is_file(&read_within(&shown, &[]).unwrap(), value),
            "{shown}"
        );
    }
}

#[test]
fn no_problem_tells_what_a_reference_stands_for() {
    let text = MINIMAL.replace("\"127.0.0.1:8080\"", "\"${SECRET}:x\"");
    let text = format!("{text}[log]\nlevel = \"${{file:secret}}\"\n");
    let problems = read_within(&text, &[("SECRET", "hush")]).unwrap_err();
    assert_eq!(problems.len(), 2);
    for (problem, name) in problems.iter().zip(["`${SECRET}:x`", "`${file:secret}`"]) {
        let is_told = problem.contains("hush") || problem.contains("X-Secret");
        assert!(!is_told && problem.contains(name), "{problem}");
    }
}

#[test]
fn a_variable_that_looks_like_a_services_is_refused_unless_it_is_one() {
    let links = [
        ("ACTIONGATE_ADMIN_SERVICE_HOST", "10.0.0.1"),
        ("ACTIONGATE_ADMIN_SERVICE_PORT", "80"),
        ("ACTIONGATE_ADMIN_SERVICE_PORT_WEB", "80"),
        ("ACTIONGATE_ADMIN_PORT", "udp://10.0.0.1:80"),
        ("ACTIONGATE_ADMIN_PORT_80_UDP", "udp://10.0.0.1:80"),
        ("ACTIONGATE_ADMIN_PORT_80_UDP_ADDR", "10.0.0.1"),
    ];
    assert!(read_within(MINIMAL, &links).is_ok());
    for (name, value) in [
        ("ACTIONGATE_LISTEN_PORT", "8080"),
        ("ACTIONGATE_LISTEN_PORT_RANGE", "1"),
    ] {
        let problems = read_within(MINIMAL, &[(name, value)]).unwrap_err();
        assert!(problems[0].starts_with(name), "{problems:?}");
    }
}

/// Whether the audit goes to the file with this name.
fn is_file(config: &Config, name: &str) -> bool {
    let audit::Target::File(file) = &config.audit.target else {
        return false;
    };
    file.path.ends_with(name)
}
