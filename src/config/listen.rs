//! `[listen]`: where and how clients are served.

use std::net::SocketAddr;

use super::{parse_required, set};
use crate::document::{Located, Section};
use crate::proxy::{AllowedHost, AllowedHosts, BodyLimits};
use crate::{gateway, server};

/// The most bytes of a request's body unless something else is said.
const MAX_BODY: u64 = 16 * 1024 * 1024;

pub fn read(section: &Section<'_>) -> (Option<server::Settings>, gateway::Settings) {
    let expected = "an IP address and a port such as \"127.0.0.1:8080\"";
    let address = parse_required(section, "address", expected, str::parse::<SocketAddr>);
    let workers = section.count("workers", 1024);
    let client_timeout = section
        .duration("client_timeout")
        .unwrap_or(server::CLIENT_TIMEOUT);
    let drain_timeout = section.duration("drain_timeout");
    let body = BodyLimits {
        size: section.size("max_body").unwrap_or(MAX_BODY),
        pause: client_timeout,
    };
    let hosts = read_hosts(section);
    section.finish();
    let settings = address.map(|address| {
        let mut settings = server::Settings::new(address);
        set(&mut settings.workers, workers);
        set(&mut settings.drain_timeout, drain_timeout);
        settings.client_timeout = client_timeout;
        settings
    });
    (settings, gateway::Settings { body, hosts })
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
