//! Our side towards servers: whom we believe, and what we show.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;

use super::certificate::Certificate;
use super::file::Files;
use super::live::{Built, Live};
use super::{CertificateFiles, TlsError, provider};

/// How a server is reached over TLS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Authorities in PEM, instead of the system's.
    pub ca: Option<PathBuf>,
    /// What we show a server that asks.
    pub certificate: Option<CertificateFiles>,
    /// The name that the server's certificate has to have, instead of the host's.
    pub server_name: Option<String>,
}

impl Settings {
    /// Every file they name.
    pub fn files(&self) -> Vec<PathBuf> {
        let pair = self.certificate.iter();
        let pair = pair.flat_map(|pair| [pair.chain.clone(), pair.key.clone()]);
        self.ca.iter().cloned().chain(pair).collect()
    }
}

/// TLS towards a server; cheap to clone and shared by all workers.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    protocols: Vec<Vec<u8>>,
    live: Live<ClientConfig>,
}

impl Client {
    /// Reads and checks all files; offers the protocols `alpn` (RFC 7301), the best first.
    ///
    /// # Errors
    ///
    /// The first file that cannot be used, and why.
    pub fn load(settings: &Settings, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let protocols: Vec<Vec<u8>> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        if let Some(name) = &settings.server_name {
            parse_name(name)?;
        }
        let shared = Shared {
            live: Live::new(build(settings, &protocols)?),
            settings: settings.clone(),
            protocols,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// A client without a certificate that trusts these authorities in PEM, or the system's; as
    /// [`Client::load`] besides.
    ///
    /// # Errors
    ///
    /// As [`Client::load`].
    pub fn trusting(ca: Option<&Path>, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let settings = Settings {
            ca: ca.map(Path::to_owned),
            ..Settings::default()
        };
        Self::load(&settings, alpn)
    }

    /// Reads all files again and takes over what has changed, all or nothing. Says whether there
    /// was anything new. Blocks while it reads: not for a worker.
    ///
    /// # Errors
    ///
    /// As [`Client::load`]; then everything stays as it was.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let built = build(&self.shared.settings, &self.shared.protocols)?;
        Ok(self.shared.live.replace(built))
    }

    /// What the next connection is to use.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.shared.live.config()
    }

    /// Every file that [`Client::reload`] reads, but for the system's own.
    pub fn files(&self) -> Vec<PathBuf> {
        self.shared.settings.files()
    }

    /// The name that a server at `host` has to prove; an IPv6 address may stand in brackets.
    ///
    /// # Errors
    ///
    /// A host that no certificate can name.
    pub fn server_name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        parse_name(self.shared.settings.server_name.as_deref().unwrap_or(host))
    }
}

fn parse_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let parsed = ServerName::try_from(address.to_owned());
    parsed.map_err(|error| TlsError::ServerName(name.to_owned(), error))
}

fn build(settings: &Settings, protocols: &[Vec<u8>]) -> Result<Built<ClientConfig>, TlsError> {
    let mut files = Files::new();
    let roots = match &settings.ca {
        Some(path) => files.authorities(path)?,
        None => files.system_authorities()?,
    };
    let pair = settings.certificate.as_ref();
    let certificate = pair.map(|paths| Certificate::load(&mut files, paths));
    let certificate = certificate.transpose()?;
    let warnings = certificate.iter().filter_map(|found| found.warning.clone());
    let warnings = warnings.collect();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match certificate {
        Some(certificate) => {
            let pair = SingleCertAndKey::from(certificate.pair);
            builder.with_client_cert_resolver(Arc::new(pair))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.to_vec();
    Ok(Built {
        config,
        digest: files.digest(),
        warnings,
    })
}
