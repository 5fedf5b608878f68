//! `[upstream]`: where permitted requests go.

use std::path::Path;

use super::{parse_required, set, tls};
use crate::document::Section;
use crate::{proxy, token};

pub fn read(section: &Section<'_>, folder: &Path) -> Option<proxy::Settings> {
    let expected = "an http URL of a host, such as \"http://127.0.0.1:8774\"";
    let address = parse_required(section, "url", expected, parse_upstream);
    let mut settings = address.map(|(host, port)| proxy::Settings::new(host, port));
    let connect_timeout = section.duration("connect_timeout");
    let response_timeout = section.duration("response_timeout");
    let idle_timeout = section.duration("idle_timeout");
    let idle_connections = section.count("idle_connections", 100_000);
    let tls = section.section("tls");
    let tls = tls.map(|tls| tls::read_client(&tls, folder));
    if let Some(settings) = &mut settings {
        settings.tls = tls;
        set(&mut settings.connect_timeout, connect_timeout);
        set(&mut settings.response_timeout, response_timeout);
        set(&mut settings.idle_timeout, idle_timeout);
        set(&mut settings.idle_connections, idle_connections);
    }
    section.finish();
    settings
}

/// Host and port. A path would have to be put before the one that was judged: there is none.
fn parse_upstream(text: &str) -> Result<(String, u16), &'static str> {
    let uri: hyper::Uri = text.parse().map_err(|_| "it is not a URL")?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("https to the upstream is not supported yet"),
        _ => return Err("it does not start with http://"),
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains(['@', '#']) {
        return Err("it has more than a host and a port");
    }
    if !token::names_a_server(&uri) {
        return Err("it has no host, or a port that is not from 1 to 65535");
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), uri.port_u16().unwrap_or(80)))
}
