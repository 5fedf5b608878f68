mod admin;
mod asked;
mod authorizer;
mod family;
mod identity;
mod keystone;
mod mistake;
mod place;
mod revocation;
mod role;
mod schema;
mod surroundings;
mod tls;
mod tracing;
mod upstream;

use std::path::PathBuf;
use std::time::Duration;

use ::tracing::level_filters::LevelFilter;

use super::*;
use crate::audit;
use crate::grant::ClaimMapping;
use crate::json::Pointer;
use crate::proxy::{AllowedHosts, BodyLimits};
use crate::telemetry::Format;
use crate::token::{self, KeySettings};

/// What has to be said, as the README shows it.
const MINIMAL: &str = r#"[listen]
address = "127.0.0.1:8080"
[upstream]
url = "http://127.0.0.1:8774"
[[issuer]]
name = "https://iam.example.com"
audiences = ["ecs"]
keys = "jwks.json"
[issuer.claims]
project = "/project_id"
actions = "/actions"
"#;

/// Every key, none of it as it would be anyway.
const FULL: &str = r#"
[listen]
address = ["[::1]:0", "unix:/run/gate", "systemd:https", "systemd"]
unix_mode = "0600"
header_timeout = "2s"
max_connections = 5
max_connections_per_peer = 4
max_requests_per_connection = 3
http2_streams = 2
proxy_protocol = ["10.0.0.0/8", "unix"]
trusted_proxies = "::1"
workers = 3
client_timeout = "1s"
stop_delay = "5s"
drain_timeout = "2m"
max_body = "5MiB"
hosts = ["api.example.com", "[::1]:8080"]
[listen.tls]
certificates = [{ chain = "a.pem", key = "/a.key" }, { chain = "b.pem", key = "b.key" }]
client_certificates = "required"
client_ca = "clients.pem"
client_crls = ["one.crl", "two.crl"]
[upstream]
urls = ["http://nova", "https://nova", "unix:/run/nova.sock"]
protocol = "h2"
profile = "nova"
credential = { header = "X-Auth-Token", file = "token" }
resolve = "31s"
connect_timeout = "250ms"
response_timeout = "1h"
request_timeout = "2h"
tunnel_timeout = "3h"
idle_timeout = "1m 30s"
idle_connections = 7
max_pending = 8
eject_after = 9
eject_time = "11s"
retry_budget = 12
collect_total = "13KiB"
[upstream.tls]
ca = "nova.pem"
certificate = { chain = "gate.pem", key = "gate.key" }
server_name = "nova.example.com"
[upstream.identity]
subject = "X-User-Id"
project = "X-Project-Id"
issuer = "X-Issuer"
[upstream.health]
path = "/healthcheck?x"
interval = "6s"
timeout = "3s"
healthy_after = 2
unhealthy_after = 4
[token]
max_size = "8KiB"
cache = "9KiB"
www_authenticate_uri = "https://keystone.test/v3"
[table]
builtin = "none"
files = ["mine.toml"]
enforce_dependencies = true
region = "eu-de"
[[policy]]
name = "no deletes"
file = "no-deletes.json"
[[policy]]
name = "quiet hours"
document = '''{"Version": "5.0", "Statement": [{"Effect": "Allow", "Action": ["ecs:*:get*"]}]}'''
[audit]
enabled = true
file = "audit.jsonl"
[log]
format = "json"
level = "debug"
[[issuer]]
name = "one"
audiences = ["a", "b"]
leeway = "1m"
keys = "https://iam/jwks"
ca = "ca.pem"
refresh = "11s"
cooldown = "12s"
max_age = "13s"
[issuer.claims]
project = "/p"
actions = "/a/b"
policies = "/own"
roles = "/realm_access/roles"
subject = "/s"
domain = "/d"
domain_enters_projects = true
[issuer.claims.conditions]
"g:UserName" = "/name"
"g:MFAPresent" = "/amr_mfa"
[issuer.roles]
operator = ["ECS CommonOperations", "no deletes"]
"an auditor" = "quiet hours"
[reload]
watch = false
[[issuer]]
name = "two"
audiences = ["c"]
keys = "/keys.json"
[issuer.claims]
project = "/q"
actions = "/scope"
"#;

fn read(text: &str) -> Result<Config, Vec<String>> {
    let problems = |problems: Problems| problems.0.iter().map(ToString::to_string).collect();
    Config::parse("a.toml", text, Path::new("/etc/gate")).map_err(problems)
}

#[track_caller]
fn problems(text: &str) -> Vec<String> {
    read(text).map(|_| ()).expect_err(text)
}

/// The minimal config with one line replaced.
fn with(line: &str, other: &str) -> String {
    assert!(MINIMAL.contains(line), "{line}");
    MINIMAL.replace(line, other)
}

fn pointer(text: &str) -> Pointer {
    text.parse().unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn the_minimal_config_suffices() {
    let config = read(MINIMAL).unwrap();
    let workers = std::thread::available_parallelism().unwrap().get();
    let listen = server::Settings {
        addresses: vec!["127.0.0.1:8080".parse().unwrap()],
        unix_mode: 0o660,
        tls: None,
        workers,
        client_timeout: seconds(60),
        header_timeout: seconds(10),
        stop_delay: Duration::ZERO,
        drain_timeout: seconds(30),
        max_connections: 10_000,
        max_connections_per_peer: None,
        max_requests_per_connection: 10_000,
        http2_streams: 100,
        proxy_protocol: server::Networks::default(),
        trusted_proxies: server::Networks::default(),
    };
    assert_eq!(config.listen, listen);
    let body = BodyLimits {
        size: 16 * 1024 * 1024,
        pause: seconds(60),
    };
    let hosts = AllowedHosts::default();
    let settings = gateway::Settings {
        body,
        hosts,
        keystone: None,
    };
    assert_eq!(config.gateway, settings);
    assert_eq!(config.upstream, upstream::least());
    let token = token::Settings {
        max_size: 16 * 1024,
        cache: 8 * 1024 * 1024,
    };
    assert_eq!(config.token, token);
    assert_eq!(config.table, Source::builtin());
    assert_eq!(config.audit.target, audit::Target::Stdout);
    let log = telemetry::Settings {
        format: Format::Auto,
        level: LevelFilter::INFO.into(),
    };
    assert_eq!(config.log, log);
    let [issuer] = config.issuers.as_slice() else {
        panic!("{:?}", config.issuers)
    };
    assert_eq!(issuer.name, "https://iam.example.com");
    assert_eq!(issuer.leeway, 30);
    let keys = KeySettings {
        location: token::Location::File("/etc/gate/jwks.json".into()),
        ca: None,
        refresh: seconds(300),
        cooldown: seconds(10),
        max_age: seconds(24 * 3600),
    };
    let audiences = vec!["ecs".to_owned()];
    assert_eq!(issuer.kind, IssuerKind::Jwt { audiences, keys });
    let claims = ClaimMapping {
        actions: Some(pointer("/actions")),
        ..ClaimMapping::new(pointer("/project_id"), pointer("/sub"))
    };
    assert_eq!(issuer.claims, claims);
    assert!(issuer.roles.is_empty());
    assert!(!config.enforce_dependencies);
}

#[test]
fn every_key_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let table = "[[operation]]\npermission = 'v'\nroutes = ['GET /v']\naccess = 'public'\n";
    std::fs::write(folder.path().join("mine.toml"), table).unwrap();
    std::fs::write(folder.path().join("no-deletes.json"), role::NO_DELETES).unwrap();
    let path = folder.path().join("actiongate.toml");
    std::fs::write(&path, FULL).unwrap();
    let config = Config::read(&path).unwrap();
    let network = |text: &str| text.parse::<server::Network>().unwrap();
    let addresses = ["[::1]:0", "unix:/run/gate", "systemd:https", "systemd"];
    let listen = server::Settings {
        addresses: addresses.map(|text| text.parse().unwrap()).to_vec(),
        unix_mode: 0o600,
        tls: Some(tls::server(folder.path())),
        workers: 3,
        client_timeout: seconds(1),
        header_timeout: seconds(2),
        stop_delay: seconds(5),
        drain_timeout: seconds(120),
        max_connections: 5,
        max_connections_per_peer: Some(4),
        max_requests_per_connection: 3,
        http2_streams: 2,
        proxy_protocol: [network("10.0.0.0/8"), network("unix")]
            .into_iter()
            .collect(),
        trusted_proxies: [network("::1")].into_iter().collect(),
    };
    assert_eq!(config.listen, listen);
    let body = BodyLimits {
        size: 5 * 1024 * 1024,
        pause: seconds(1),
    };
    let hosts = ["api.example.com", "[::1]:8080"].map(|host| host.parse().unwrap());
    let hosts = AllowedHosts::new(hosts.to_vec());
    let settings = gateway::Settings {
        body,
        hosts,
        keystone: Some("https://keystone.test/v3".parse().unwrap()),
    };
    assert_eq!(config.gateway, settings);
    assert_eq!(config.upstream, upstream::all(folder.path()));
    assert_eq!((config.token.max_size, config.token.cache), (8192, 9216));
    let [source] = config.table.as_slice() else {
        panic!("{:?}", config.table)
    };
    assert_eq!(PathBuf::from(&source.name), folder.path().join("mine.toml"));
    assert_eq!(source.text, table);
    let file = folder.path().join("audit.jsonl");
    assert_eq!(
        config.audit.target,
        audit::Target::File(audit::FileSettings::new(file))
    );
    let log = telemetry::Settings {
        format: Format::Json,
        level: LevelFilter::DEBUG.into(),
    };
    assert_eq!(config.log, log);
    let [one, two] = config.issuers.as_slice() else {
        panic!("{:?}", config.issuers)
    };
    assert_eq!((one.name.as_str(), one.leeway), ("one", 60));
    let keys = KeySettings {
        location: token::Location::Url("https://iam/jwks".parse().unwrap()),
        ca: Some(folder.path().join("ca.pem")),
        refresh: seconds(11),
        cooldown: seconds(12),
        max_age: seconds(13),
    };
    let audiences = ["a", "b"].map(str::to_owned).to_vec();
    assert_eq!(one.kind, IssuerKind::Jwt { audiences, keys });
    assert_eq!(one.claims, role::claims());
    assert_eq!(role::map(one), role::roles());
    assert!(config.enforce_dependencies);
    assert!(!config.watch);
    let files = "actiongate.toml mine.toml no-deletes.json ca.pem /keys.json a.pem /a.key b.pem b.key clients.pem \
         one.crl two.crl nova.pem gate.pem gate.key";
    let files: Vec<PathBuf> = files
        .split(' ')
        .map(|file| folder.path().join(file))
        .collect();
    assert_eq!(config.files(), files);
    assert_eq!(two.name, "two");
    assert_eq!(
        two.kind.keys().unwrap().location,
        token::Location::File("/keys.json".into())
    );
}
