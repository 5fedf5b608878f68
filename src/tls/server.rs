//! Our side towards clients: certificates by name, and what clients have to show.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};

use super::certificate::{ByName, Certificate};
use super::file::Files;
use super::live::{Built, Live};
use super::{CertificateFiles, TlsError, provider};

/// How clients are served over TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// At least one; the first where a client names no server, or one that no certificate has.
    pub certificates: Vec<CertificateFiles>,
    /// What clients have to show.
    pub clients: ClientCertificates,
}

impl Settings {
    /// Every file they name.
    pub fn files(&self) -> Vec<PathBuf> {
        let pairs = self.certificates.iter();
        let pairs = pairs.flat_map(|pair| [pair.chain.clone(), pair.key.clone()]);
        let mut files: Vec<PathBuf> = pairs.collect();
        match &self.clients {
            ClientCertificates::Off => {}
            ClientCertificates::Optional(trust) | ClientCertificates::Required(trust) => {
                files.push(trust.ca.clone());
                files.extend(trust.crls.iter().cloned());
            }
        }
        files
    }
}

/// Whether clients show certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientCertificates {
    /// They are not asked.
    Off,
    /// They are asked; none is good, a bad one is not.
    Optional(Trust),
    /// No connection without one.
    Required(Trust),
}

/// Whose certificates are believed, in PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    /// The authorities.
    pub ca: PathBuf,
    /// Revocation lists. With any, every certificate below an authority has to be covered by one
    /// that is not out of date.
    pub crls: Vec<PathBuf>,
}

/// TLS towards clients; cheap to clone and shared by all workers.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    live: Live<ServerConfig>,
}

impl Server {
    /// Reads and checks all files.
    ///
    /// # Errors
    ///
    /// The first file that cannot be used, and why.
    pub fn load(settings: &Settings) -> Result<Self, TlsError> {
        let shared = Shared {
            live: Live::new(build(settings)?),
            settings: settings.clone(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Reads all files again and takes over what has changed, all or nothing. Says whether there
    /// was anything new. Blocks while it reads: not for a worker.
    ///
    /// # Errors
    ///
    /// As [`Server::load`]; then everything stays as it was.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let built = build(&self.shared.settings)?;
        Ok(self.shared.live.replace(built))
    }

    /// What the next connection is to use; offers HTTP/2, then HTTP/1.1.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.shared.live.config()
    }

    /// Every file that [`Server::reload`] reads.
    pub fn files(&self) -> Vec<PathBuf> {
        self.shared.settings.files()
    }
}

fn build(settings: &Settings) -> Result<Built<ServerConfig>, TlsError> {
    let mut files = Files::new();
    let mut certificates = Vec::new();
    for paths in &settings.certificates {
        certificates.push(Certificate::load(&mut files, paths)?);
    }
    let warnings = certificates
        .iter()
        .filter_map(|certificate| certificate.warning.clone())
        .collect();
    let verifier = match &settings.clients {
        ClientCertificates::Off => None,
        ClientCertificates::Optional(trust) => Some(verifier(&mut files, trust, true)?),
        ClientCertificates::Required(trust) => Some(verifier(&mut files, trust, false)?),
    };
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let asks_clients = verifier.is_some();
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(ByName::new(certificates)?));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data can be replayed (RFC 8446 §8), and a POST must not be.
    config.max_early_data_size = 0;
    if asks_clients {
        // A resumed session would not be held against authorities, dates and lists of today.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    }
    Ok(Built {
        config,
        digest: files.digest(),
        warnings,
    })
}

fn verifier(
    files: &mut Files,
    trust: &Trust,
    may_be_absent: bool,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let authorities = Arc::new(files.authorities(&trust.ca)?);
    let builder = || {
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&authorities), provider())
            .enforce_revocation_expiration()
    };
    let mut lists = Vec::new();
    for path in &trust.crls {
        for (index, list) in files.revocation_lists(path)?.into_iter().enumerate() {
            // Each by itself first: of all together nobody would know which is wrong.
            let alone = builder().with_crls([list.clone()]).build();
            alone.map_err(|source| TlsError::RevocationList {
                path: path.clone(),
                number: index + 1,
                source,
            })?;
            lists.push(list);
        }
    }
    // Without any list nothing is looked up; with one, what no list tells is refused.
    let builder = builder().with_crls(lists);
    let builder = match may_be_absent {
        true => builder.allow_unauthenticated(),
        false => builder,
    };
    Ok(builder.build()?)
}
