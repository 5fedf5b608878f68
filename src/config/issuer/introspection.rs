//! `kind = "introspection"`: an authorization server that is asked about each token (RFC 7662).

use std::path::Path;

use super::jwt::read_audiences;
use super::keystone::is_https;
use super::{read_ask, read_text, read_urls};
use crate::config::IssuerKind;
use crate::document::Section;
use crate::token::{ClientCredential, IntrospectionSettings};

const URLS: &str = "URLs such as [\"https://iam.example/introspect\"]";

/// `leeway` is in seconds.
pub fn read(section: &Section<'_>, folder: &Path, leeway: u64) -> Option<IssuerKind> {
    let endpoints = read_urls(section, "endpoints", URLS);
    let uses_tls = endpoints.iter().flatten().any(is_https);
    let ask = read_ask(section, folder, uses_tls);
    let audiences = match section.strings("audiences") {
        Some(_) => read_audiences(section).unwrap_or_default(),
        None => Vec::new(),
    };
    let audiences = audiences.into_iter().map(|audience| audience.value);
    let opaque = section.boolean("opaque").unwrap_or(true);
    if !section.has("client") {
        let expected = "a table [issuer.client] with the credential that the gateway asks with";
        section.missing("client", expected);
    }
    let client = section.section("client");
    let client = client.and_then(|client| read_client(&client, folder));
    Some(IssuerKind::Introspection {
        settings: IntrospectionSettings {
            endpoints: endpoints?,
            client: client?,
            audiences: audiences.collect(),
            leeway,
            ask,
        },
        opaque,
    })
}

fn read_client(section: &Section<'_>, folder: &Path) -> Option<ClientCredential> {
    let text = |key, expected| read_text(section, key, expected);
    let file = "the name of a file";
    let client = match section.has("bearer_file") {
        true => text("bearer_file", file).map(|file| ClientCredential::Bearer {
            file: folder.join(file),
        }),
        false => {
            let id = text("id", "the id of the gateway's client, or `bearer_file`");
            let file = text("secret_file", file);
            id.zip(file).map(|(id, file)| ClientCredential::Secret {
                id,
                file: folder.join(file),
            })
        }
    };
    section.finish();
    client
}
