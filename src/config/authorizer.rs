//! `[[authorizer]]`: where other proxies ask for decisions.

use std::path::Path;

use super::listen::list;
use super::tls;
use crate::authorizer::{Product, Settings};
use crate::document::Section;
use crate::server::{Address, Network, Networks};
use crate::tls::ClientCertificates;

/// Reads one listener; file names start in `folder`.
pub fn read(section: &Section<'_>, folder: &Path) -> Option<Settings> {
    let expected = "\"unix:/path\" or an IP address and a port such as \"127.0.0.1:9191\"";
    let address = super::parse_required(section, "address", expected, |text| {
        match text.parse::<Address>() {
            Ok(Address::Systemd(_)) => Err("systemd opens sockets for [listen] only".to_owned()),
            Ok(address) => Ok(address),
            Err(error) => Err(error.to_string()),
        }
    });
    let expected =
        "\"envoy-grpc\", \"envoy-http\", \"traefik\", \"nginx\", \"caddy\" or \"authzen\"";
    let product = super::parse_required(section, "for", expected, str::parse::<Product>);
    let networks = "a network such as \"10.0.0.0/8\", an address or \"unix\"";
    if !section.has("trusted") {
        let expected = "who may ask: networks such as \"10.0.0.0/8\", addresses or \"unix\"";
        section.missing("trusted", expected);
    }
    let trusted = list::<Network, _>(section, "trusted", networks);
    let believe_claims = section.boolean("believe_claims").unwrap_or(false);
    let tls = section.section("tls");
    let is_encrypted = tls.is_some();
    let tls = tls.and_then(|tls| tls::read_server(&tls, folder));
    section.finish();
    let (address, product, trusted) = (address?, product?, trusted?);
    if trusted.is_empty() {
        let line = section.line_at("trusted");
        let message =
            format!("`authorizer.trusted` is empty, so nobody may ask; expected {networks}");
        section.problem(line, message);
        return None;
    }
    let shows_certificate = tls
        .as_ref()
        .is_some_and(|tls| matches!(tls.clients, ClientCertificates::Required(_)));
    if trusted.iter().any(Network::is_everybody) && !shows_certificate {
        let line = section.line_at("trusted");
        section.problem(
            line,
            "`authorizer.trusted` holds every address, expected those of the proxies that ask, or `[authorizer.tls]` with `client_certificates = \"required\"`",
        );
        return None;
    }
    if believe_claims && product != Product::Authzen {
        let line = section.line_at("believe_claims");
        let message = format!(
            "`authorizer.believe_claims` has no meaning for `{product}`, expected it only beside `for = \"authzen\"`"
        );
        section.problem(line, message);
        return None;
    }
    if is_encrypted && tls.is_none() {
        return None;
    }
    Some(Settings {
        address,
        product,
        trusted: trusted.into_iter().collect::<Networks>(),
        tls,
        believe_claims,
    })
}
