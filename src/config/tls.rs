//! `[listen.tls]` and `[upstream.tls]`: the files of TLS; whether they are of use is found on loading.

use std::path::{Path, PathBuf};

use crate::document::Section;
use crate::tls::{CertificateFiles, ClientCertificates, ClientSettings, ServerSettings, Trust};

const CERTIFICATES: &str = "`certificates = [{ chain = \"chain.pem\", key = \"key.pem\" }]`, the first where no other has the name that a client asks for";

/// Reads `[listen.tls]`; file names start in `folder`.
pub fn read_server(section: &Section<'_>, folder: &Path) -> Option<ServerSettings> {
    let sections = section.sections("certificates");
    if sections.as_ref().is_some_and(Vec::is_empty) {
        section.missing("certificates", CERTIFICATES);
    }
    let pairs = sections.as_deref().unwrap_or_default().iter();
    let pairs = pairs.filter_map(|section| read_pair(section, folder));
    let certificates: Vec<CertificateFiles> = pairs.collect();
    let clients = read_clients(section, folder);
    section.finish();
    Some(ServerSettings {
        certificates,
        clients: clients?,
    })
}

/// Reads `[upstream.tls]`; file names start in `folder`.
pub fn read_client(section: &Section<'_>, folder: &Path) -> ClientSettings {
    let ca = read_file(section, "ca", folder);
    let certificate = section.section("certificate");
    let certificate = certificate.and_then(|section| read_pair(&section, folder));
    let expected = "a DNS name or an IP address";
    let server_name =
        section.parse(
            "server_name",
            expected,
            |name| match rustls::pki_types::ServerName::try_from(name) {
                Ok(_) => Ok(name.to_owned()),
                Err(error) => Err(error),
            },
        );
    section.finish();
    ClientSettings {
        ca,
        certificate,
        server_name: server_name.map(|name| name.value),
    }
}

fn read_pair(section: &Section<'_>, folder: &Path) -> Option<CertificateFiles> {
    for (key, expected) in [
        (
            "chain",
            "a PEM file of the certificate and those that lead to its authority",
        ),
        ("key", "a PEM file of the certificate's private key"),
    ] {
        if !section.has(key) {
            section.missing(key, expected);
        }
    }
    let chain = read_file(section, "chain", folder);
    let key = read_file(section, "key", folder);
    section.finish();
    Some(CertificateFiles {
        chain: chain?,
        key: key?,
    })
}

/// Whether clients are asked for certificates.
enum Asked {
    Off,
    Optional,
    Required,
}

fn read_clients(section: &Section<'_>, folder: &Path) -> Option<ClientCertificates> {
    let expected = "\"off\", \"optional\" or \"required\"";
    let asked = section.parse("client_certificates", expected, |text| match text {
        "off" => Ok(Asked::Off),
        "optional" => Ok(Asked::Optional),
        "required" => Ok(Asked::Required),
        _ => Err("there is no such choice"),
    });
    let is_known = asked.is_some() || !section.has("client_certificates");
    let asked = asked.map_or(Asked::Off, |asked| asked.value);
    let ca = section.string("client_ca");
    let lists = section.strings("client_crls");
    if !is_known {
        return None;
    }
    if matches!(asked, Asked::Off) {
        let unused = [
            ("client_ca", ca.map(|ca| ca.line)),
            ("client_crls", lists.map(|lists| lists.line)),
        ];
        for (key, line) in unused {
            let Some(line) = line else { continue };
            let name = section.path(key);
            section.problem(
                line,
                format!(
                    "`{name}` is not used, expected it only beside `client_certificates = \"optional\"` or `\"required\"`"
                ),
            );
        }
        return Some(ClientCertificates::Off);
    }
    if !section.has("client_ca") {
        let expected = "a PEM file of the authorities whose certificates clients may show";
        section.missing("client_ca", expected);
    }
    let lists = lists.map_or_else(Vec::new, |lists| lists.value);
    let trust = Trust {
        ca: folder.join(ca?.value),
        crls: lists
            .into_iter()
            .map(|list| folder.join(list.value))
            .collect(),
    };
    Some(match asked {
        Asked::Off => ClientCertificates::Off,
        Asked::Optional => ClientCertificates::Optional(trust),
        Asked::Required => ClientCertificates::Required(trust),
    })
}

fn read_file(section: &Section<'_>, key: &'static str, folder: &Path) -> Option<PathBuf> {
    section.string(key).map(|name| folder.join(name.value))
}
