//! `[admin]`: where the gateway tells about itself, and to whom.

use std::net::SocketAddr;
use std::path::Path;

use super::tls;
use crate::admin::Settings;
use crate::document::Section;
use crate::metrics::Subjects;
use crate::tls::ClientCertificates;

/// Reads it; file names start in `folder`.
pub fn read(section: &Section<'_>, folder: &Path) -> Option<Settings> {
    let expected = "an IP address and a port such as \"127.0.0.1:9090\"";
    let address = super::parse_required(section, "address", expected, str::parse::<SocketAddr>);
    let token = section.string("token_file");
    let allow_public = section.boolean("allow_public").unwrap_or(false);
    let expected = "\"full\", \"short\" or \"off\"";
    let subjects = section.parse("subjects", expected, |text| match text {
        "full" => Ok(Subjects::Full),
        "short" => Ok(Subjects::Short),
        "off" => Ok(Subjects::Off),
        _ => Err("there is no such choice"),
    });
    let tls = section.section("tls");
    let is_encrypted = tls.is_some();
    let tls = tls.and_then(|tls| tls::read_server(&tls, folder));
    let shows_certificate = tls
        .as_ref()
        .is_some_and(|tls| matches!(tls.clients, ClientCertificates::Required(_)));
    section.finish();
    let address = address?;
    let is_guarded = token.is_some() || shows_certificate;
    if !address.ip().is_loopback() && !is_guarded && !allow_public {
        section.problem(
            section.line_at("address"),
            format!(
                "`admin.address` is `{address}`, where anybody may ask: expected a loopback address, `token_file`, `[admin.tls]` with `client_certificates = \"required\"`, or `allow_public = true`"
            ),
        );
        return None;
    }
    if is_encrypted && tls.is_none() {
        return None;
    }
    Some(Settings {
        address,
        token: token.map(|token| folder.join(token.value)),
        tls,
        subjects: subjects.map_or_else(Subjects::default, |subjects| subjects.value),
    })
}
