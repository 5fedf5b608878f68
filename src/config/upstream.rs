//! `[upstream]`: where permitted requests go, and how.

use std::path::Path;

use hyper::header::{AUTHORIZATION, HeaderName};
use hyper::http::uri::PathAndQuery;

use super::access_rule::refuse_unheld;
use super::{IssuerConfig, parse_required, set, tls};
use crate::document::{Located, Section};
use crate::proxy::{
    Credential, HealthCheck, IdentityHeaders, IdentityMode, KEYSTONE_HEADERS, Location, Profile,
    Protocol, Security, Settings,
};
use crate::token;

const URL: &str =
    "a URL such as \"http://127.0.0.1:8774\", \"https://nova.example\" or \"unix:/run/nova.sock\"";

/// `default_profile` is that of the table; one of `issuers` may have a service token.
pub fn read(
    section: &Section<'_>,
    folder: &Path,
    default_profile: Profile,
    issuers: &[IssuerConfig],
) -> Option<Settings> {
    let locations = read_locations(section);
    let mut settings = Settings::new(locations.unwrap_or_default());
    let protocol = section.parse("protocol", "\"http1\" or \"h2\"", |text| match text {
        "http1" => Ok(Protocol::Http1),
        "h2" => Ok(Protocol::Http2),
        _ => Err("there is no such protocol"),
    });
    set(&mut settings.protocol, protocol.map(|found| found.value));
    let profile = section.parse("profile", "\"nova\" or \"generic\"", |text| match text {
        "nova" => Ok(Profile::Nova),
        "generic" => Ok(Profile::Generic),
        _ => Err("there is no such profile"),
    });
    settings.profile = profile.map_or(default_profile, |found| found.value);
    set(&mut settings.credential, read_credential(section, folder));
    settings.service_token = read_service_token(section, &settings.credential, issuers);
    set(&mut settings.identity, read_identity(section));
    refuse_taken_headers(section, &settings);
    refuse_unheld(section, &settings, issuers);
    if let Some(tls) = section.section("tls") {
        settings.tls = Some(tls::read_client(&tls, folder));
        let mut locations = settings.locations.iter();
        if !settings.locations.is_empty() && !locations.any(is_encrypted) {
            let message = "`upstream.tls` is not used, expected it only beside an https URL";
            section.problem(tls.line(), message);
        }
    }
    if let Some(health) = section.section("health") {
        settings.health = read_health(&health);
    }
    set(&mut settings.resolve, section.duration("resolve"));
    set(
        &mut settings.connect_timeout,
        section.duration("connect_timeout"),
    );
    set(
        &mut settings.response_timeout,
        section.duration("response_timeout"),
    );
    set(
        &mut settings.tunnel_timeout,
        section.duration("tunnel_timeout"),
    );
    set(
        &mut settings.request_timeout,
        section.duration("request_timeout"),
    );
    set(&mut settings.idle_timeout, section.duration("idle_timeout"));
    let idle_connections = section.count("idle_connections", 100_000);
    set(&mut settings.idle_connections, idle_connections);
    let max_pending = section.count("max_pending", 1_000_000);
    set(&mut settings.max_pending, max_pending);
    set(
        &mut settings.eject_after,
        small(section, "eject_after", 1000),
    );
    set(&mut settings.eject_time, section.duration("eject_time"));
    set(
        &mut settings.retry_budget,
        small(section, "retry_budget", 100),
    );
    let total = section.size("collect_total");
    let total = total.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    set(&mut settings.collect_total, total);
    section.finish();
    (!settings.locations.is_empty()).then_some(settings)
}

fn small(section: &Section<'_>, key: &'static str, most: u16) -> Option<u32> {
    let count = section.count(key, most.into())?;
    u32::try_from(count).ok()
}

/// Of `url` or `urls`, whichever there is.
fn read_locations(section: &Section<'_>) -> Option<Vec<Location>> {
    if !section.has("urls") {
        let only = parse_required(section, "url", URL, parse_location)?;
        return Some(vec![only]);
    }
    let urls = section.strings("urls");
    if let Some(url) = section.string("url") {
        let message = "`upstream.url` and `upstream.urls` are both there, expected one of them";
        section.problem(url.line, message);
    }
    let urls = urls?;
    if urls.value.is_empty() {
        section.problem(
            urls.line,
            format!("`upstream.urls` is empty, expected at least {URL}"),
        );
    }
    let mut locations = Vec::new();
    for Located { value, line } in &urls.value {
        match parse_location(value) {
            Ok(location) if locations.contains(&location) => section.problem(
                *line,
                format!("`upstream.urls` has `{value}` twice, expected each place once"),
            ),
            Ok(location) => locations.push(location),
            Err(error) => section.problem(
                *line,
                format!("`upstream.urls` has `{value}`, expected {URL}: {error}"),
            ),
        }
    }
    Some(locations)
}

/// Host and port, or a socket. A path would have to be put before the one that was judged: there is
/// none.
fn parse_location(text: &str) -> Result<Location, &'static str> {
    if let Some(path) = text.strip_prefix("unix:") {
        return match Path::new(path) {
            path if path.is_absolute() && path.as_os_str().len() < 108 => {
                Ok(Location::Socket(path.to_owned()))
            }
            _ => Err("the socket's path is not absolute, or longer than 107 bytes"),
        };
    }
    let uri: hyper::Uri = text.parse().map_err(|_| "it is not a URL")?;
    let (security, default_port) = match uri.scheme_str() {
        Some("http") => (Security::Plain, 80),
        Some("https") => (Security::Tls, 443),
        _ => return Err("it does not start with http://, https:// or unix:"),
    };
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains(['@', '#']) {
        return Err("it has more than a host and a port");
    }
    if !token::names_a_server(&uri) {
        return Err("it has no host, or a port that is not from 1 to 65535");
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(Location::Host {
        host: host.to_owned(),
        port: uri.port_u16().unwrap_or(default_port),
        security,
    })
}

/// A word, or a table that names a header and a file.
fn read_credential(section: &Section<'_>, folder: &Path) -> Option<Credential> {
    if section.is_table("credential") {
        let table = section.section("credential")?;
        let header = parse_required(&table, "header", "a header's name", parse_header);
        let file = parse_required(&table, "file", "the name of a file", |text| {
            match text.is_empty() {
                true => Err("it is empty"),
                false => Ok(text.to_owned()),
            }
        });
        table.finish();
        return Some(Credential::File {
            header: header?,
            path: folder.join(file?),
        });
    }
    let expected = "\"forward\", \"strip\" or a table with `header` and `file`";
    let word = section.parse("credential", expected, |text| match text {
        "forward" => Ok(Credential::Forward),
        "strip" => Ok(Credential::Strip),
        _ => Err("there is no such way"),
    });
    word.map(|found| found.value)
}

/// Beside no other credential than the caller's it would be worth anything.
fn read_service_token(
    section: &Section<'_>,
    credential: &Credential,
    issuers: &[IssuerConfig],
) -> Option<String> {
    let name = section.string("service_token")?;
    let mut able = issuers
        .iter()
        .filter(|issuer| issuer.kind.has_service_token());
    if able.all(|issuer| issuer.name != name.value) {
        let message = format!(
            "`upstream.service_token` is `{}`, expected the name of an issuer with `kind = \"keystone\"`",
            name.value
        );
        section.problem(name.line, message);
    }
    if *credential != Credential::Forward {
        let message = "`upstream.service_token` is not used, expected it only beside \
                       `credential = \"forward\"`";
        section.problem(name.line, message);
    }
    Some(name.value)
}

/// A word, or a table that names headers.
fn read_identity(section: &Section<'_>) -> Option<IdentityMode> {
    if section.is_table("identity") {
        let identity = section.section("identity")?;
        return Some(IdentityMode::Named(read_headers(&identity)));
    }
    let expected = "\"keystonemiddleware\" or a table of headers' names";
    let word = section.parse("identity", expected, |text| match text {
        "keystonemiddleware" => Ok(IdentityMode::Keystonemiddleware),
        _ => Err("there is no such way"),
    });
    word.map(|found| found.value)
}

fn read_headers(section: &Section<'_>) -> IdentityHeaders {
    let expected = "a header's name such as \"X-User-Id\"";
    let name = |key| {
        let found = section.parse(key, expected, parse_header);
        found.map(|found| found.value)
    };
    let identity = IdentityHeaders {
        subject: name("subject"),
        project: name("project"),
        issuer: name("issuer"),
    };
    section.finish();
    identity
}

/// Each name is the only place of what it carries: one of two would be lost.
fn refuse_taken_headers(section: &Section<'_>, settings: &Settings) {
    let mut taken = vec![AUTHORIZATION, HeaderName::from_static("x-auth-token")];
    if settings.service_token.is_some() {
        taken.push(HeaderName::from_static("x-service-token"));
    }
    let own = match &settings.credential {
        Credential::File { header, .. } => Some(header),
        Credential::Forward | Credential::Strip => None,
    };
    match &settings.identity {
        IdentityMode::Keystonemiddleware => {
            if let Some(name) = own.filter(|own| KEYSTONE_HEADERS.contains(own)) {
                let message = format!(
                    "`upstream.credential` has `{name}`, which carries something else already"
                );
                section.problem(section.line_at("credential"), message);
            }
        }
        IdentityMode::Named(IdentityHeaders {
            subject,
            project,
            issuer,
        }) => {
            taken.extend(own.cloned());
            for name in [subject, project, issuer].into_iter().flatten() {
                if taken.contains(name) {
                    let message = format!(
                        "`upstream.identity` has `{name}`, which carries something else already"
                    );
                    section.problem(section.line_at("identity"), message);
                }
                taken.push(name.clone());
            }
        }
    }
}

fn is_encrypted(location: &Location) -> bool {
    let Location::Host { security, .. } = location else {
        return false;
    };
    *security == Security::Tls
}

/// A name that is nobody else's: not one of those that frame the message, or that the gateway sets
/// by itself.
fn parse_header(text: &str) -> Result<HeaderName, &'static str> {
    let name: HeaderName = text.parse().map_err(|_| "it is not a header's name")?;
    match name.as_str() {
        "host"
        | "connection"
        | "keep-alive"
        | "content-length"
        | "content-type"
        | "date"
        | "expect"
        | "forwarded"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade"
        | "x-openstack-request-id" => Err("that header has a meaning of its own"),
        name if name.starts_with("x-forwarded-") => Err("that header has a meaning of its own"),
        name if name.contains('_') => Err("some servers read `_` as `-`"),
        _ => Ok(name),
    }
}

fn read_health(section: &Section<'_>) -> Option<HealthCheck> {
    let expected = "a path such as \"/healthcheck\"";
    let path = parse_required(section, "path", expected, parse_path);
    let interval = section.duration("interval");
    let timeout = section.duration("timeout");
    let healthy_after = small(section, "healthy_after", 1000);
    let unhealthy_after = small(section, "unhealthy_after", 1000);
    section.finish();
    let mut health = HealthCheck::new(path?);
    set(&mut health.interval, interval);
    set(&mut health.timeout, timeout);
    set(&mut health.healthy_after, healthy_after);
    set(&mut health.unhealthy_after, unhealthy_after);
    Some(health)
}

fn parse_path(text: &str) -> Result<PathAndQuery, &'static str> {
    match text.parse() {
        Ok(path) if text.starts_with('/') && !text.contains('#') => Ok(path),
        _ => Err("it is not a path"),
    }
}
