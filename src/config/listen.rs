//! `[listen]`: where and how clients are served.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use super::{set, tls};
use crate::document::{Located, Section};
use crate::proxy::{AllowedHost, AllowedHosts, BodyLimits};
use crate::server::{Address, Network};
use crate::{gateway, server};

/// The most bytes of a request's body unless something else is said.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// More would not fit into memory, whatever they do.
const MOST: usize = 1_000_000_000;

pub fn read(section: &Section<'_>, folder: &Path) -> (Option<server::Settings>, gateway::Settings) {
    let expected =
        "\"unix:/path\", \"systemd\" or an IP address and a port such as \"127.0.0.1:8080\"";
    if !section.has("address") {
        section.missing("address", expected);
    }
    let addresses = list::<Address, _>(section, "address", expected);
    if addresses.as_ref().is_some_and(Vec::is_empty) {
        let message = format!("`listen.address` is empty, expected {expected}");
        section.problem(section.line(), message);
    }
    let unix_mode =
        section.parse(
            "unix_mode",
            "permissions such as \"0660\"",
            |text| match u32::from_str_radix(text, 8) {
                Ok(mode) if mode <= 0o777 => Ok(mode),
                Ok(_) => Err("it is more than 0777".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        );
    let workers = section.count("workers", 1024);
    let client_timeout = section
        .duration("client_timeout")
        .unwrap_or(server::CLIENT_TIMEOUT);
    let header_timeout = section.duration("header_timeout");
    let stop_delay = section.duration("stop_delay");
    let drain_timeout = section.duration("drain_timeout");
    let max_connections = section.count("max_connections", MOST);
    let max_connections_per_peer = section.count("max_connections_per_peer", MOST);
    let max_requests_per_connection = section.count("max_requests_per_connection", MOST);
    let http2_streams = section.count("http2_streams", 10_000);
    let networks = "a network such as \"10.0.0.0/8\", an address or \"unix\"";
    let proxy_protocol = list::<Network, _>(section, "proxy_protocol", networks);
    let trusted_proxies = list::<Network, _>(section, "trusted_proxies", networks);
    let body = BodyLimits {
        size: section.size("max_body").unwrap_or(MAX_BODY),
        pause: client_timeout,
    };
    let hosts = read_hosts(section);
    let tls = section.section("tls");
    let tls = tls.and_then(|tls| tls::read_server(&tls, folder));
    section.finish();
    let settings = addresses.map(|addresses| {
        let mut settings = server::Settings::new(addresses);
        set(&mut settings.unix_mode, unix_mode.map(|mode| mode.value));
        set(&mut settings.workers, workers);
        set(&mut settings.stop_delay, stop_delay);
        settings.client_timeout = client_timeout;
        set(&mut settings.header_timeout, header_timeout);
        set(&mut settings.drain_timeout, drain_timeout);
        set(&mut settings.max_connections, max_connections);
        settings.max_connections_per_peer = max_connections_per_peer;
        set(
            &mut settings.max_requests_per_connection,
            max_requests_per_connection,
        );
        let http2_streams = http2_streams.and_then(|streams| u32::try_from(streams).ok());
        set(&mut settings.http2_streams, http2_streams);
        let collect = |networks: Vec<Network>| networks.into_iter().collect();
        set(&mut settings.proxy_protocol, proxy_protocol.map(collect));
        set(&mut settings.trusted_proxies, trusted_proxies.map(collect));
        settings.tls = tls;
        settings
    });
    let gateway = gateway::Settings {
        body,
        hosts,
        keystone: None,
    };
    (settings, gateway)
}

fn read_hosts(section: &Section<'_>) -> AllowedHosts {
    let mut hosts = Vec::new();
    let texts = section.strings("hosts").map(|texts| texts.value);
    for Located { value: text, line } in texts.unwrap_or_default() {
        match text.parse::<AllowedHost>() {
            Ok(host) => hosts.push(host),
            Err(error) => {
                let message = format!(
                    "`{}` holds `{text}`, expected hosts such as \"api.example.com\" or \"api.example.com:8080\": {error}",
                    section.path("hosts")
                );
                section.problem(line, message);
            }
        }
    }
    AllowedHosts::new(hosts)
}

/// One value or an array of them; `None` if there is a problem with any.
pub fn list<T, E>(section: &Section<'_>, key: &'static str, expected: &str) -> Option<Vec<T>>
where
    T: FromStr<Err = E>,
    E: Display,
{
    let texts = section.one_or_more(key)?;
    let values: Vec<T> = texts
        .value
        .iter()
        .filter_map(|text| match text.value.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let (name, value) = (section.path(key), &text.value);
                let message = format!("`{name}` is `{value}`, expected {expected}: {error}");
                section.problem(text.line, message);
                None
            }
        })
        .collect();
    (values.len() == texts.value.len()).then_some(values)
}
