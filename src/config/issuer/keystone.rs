//! `kind = "keystone"`: a Keystone that is asked about each token.

use std::path::Path;

use hyper::Uri;

use super::keystone_jws::read_keys;
use super::{read_ask, read_text, read_text_or, read_urls};
use crate::config::IssuerKind;
use crate::document::Section;
use crate::token::{KeystoneSettings, ServiceCredential};

const URLS: &str = "URLs up to the version such as [\"https://keystone.example:5000/v3\"]";
/// What Keystone's catalog calls a Nova.
const SERVICE_TYPE: &str = "compute";

pub fn read(section: &Section<'_>, folder: &Path) -> Option<IssuerKind> {
    let auth_urls = read_urls(section, "auth_urls", URLS);
    let uses_tls = auth_urls.iter().flatten().any(is_https);
    let ask = read_ask(section, folder, uses_tls);
    let expected = "a service's type such as \"compute\"";
    let service_type = read_text_or(section, "service_type", expected, SERVICE_TYPE);
    let keys = match section.has("keys") {
        true => Some(read_keys(section, folder)?),
        false => None,
    };
    if !section.has("service") {
        let expected = "a table [issuer.service] with the credential that the gateway asks with";
        section.missing("service", expected);
    }
    let service = section.section("service");
    let credential = service.and_then(|service| read_credential(&service, folder));
    Some(IssuerKind::Keystone {
        settings: KeystoneSettings {
            auth_urls: auth_urls?,
            credential: credential?,
            ask,
        },
        service_type,
        keys,
    })
}

pub fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

/// A user's, or an application credential.
fn read_credential(section: &Section<'_>, folder: &Path) -> Option<ServiceCredential> {
    let text = |key, expected| read_text(section, key, expected);
    let credential = match section.has("application_credential_id") {
        true => {
            let id = text(
                "application_credential_id",
                "the id of an application credential",
            );
            let file = text("application_credential_secret_file", "the name of a file");
            id.zip(file)
                .map(|(id, file)| ServiceCredential::ApplicationCredential {
                    id,
                    file: folder.join(file),
                })
        }
        false => read_password(section, folder),
    };
    section.finish();
    credential
}

fn read_password(section: &Section<'_>, folder: &Path) -> Option<ServiceCredential> {
    let text = |key, expected| read_text(section, key, expected);
    let domain = |key| read_text_or(section, key, "the name of a domain", "Default");
    let username = text(
        "username",
        "the name of the gateway's user, or `application_credential_id`",
    );
    let user_domain = domain("user_domain");
    let project = text(
        "project",
        "the name of a project that the user has a role in",
    );
    let project_domain = domain("project_domain");
    let file = text("password_file", "the name of a file");
    Some(ServiceCredential::Password {
        username: username?,
        user_domain,
        project: project?,
        project_domain,
        file: folder.join(file?),
    })
}
