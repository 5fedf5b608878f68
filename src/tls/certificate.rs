//! A certificate of ours with its key: whether they belong together, its names and its dates.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::file::Files;
use super::{CertificateFiles, TlsError, provider};

/// A pair that belongs together.
#[derive(Debug)]
pub struct Certificate {
    pub pair: Arc<CertifiedKey>,
    /// Its DNS names in lower case; `*.` stands for one label.
    pub names: Vec<String>,
    /// Why nobody may accept it today.
    pub warning: Option<String>,
}

impl Certificate {
    pub fn load(files: &mut Files, paths: &CertificateFiles) -> Result<Self, TlsError> {
        let chain = files.certificates(&paths.chain)?;
        let key = files.private_key(&paths.key)?;
        let key = provider().key_provider.load_private_key(key);
        let key = key.map_err(|source| TlsError::Key {
            path: paths.key.clone(),
            source,
        })?;
        let (mut names, mut warning) = (Vec::new(), None);
        for (index, der) in chain.iter().enumerate() {
            let found = inspect(der, unix_time()).map_err(|cause| TlsError::Certificate {
                path: paths.chain.clone(),
                number: index + 1,
                cause,
            })?;
            if index == 0 {
                names = found.names;
            }
            warning = warning.or_else(|| {
                let flaw = found.flaw?;
                Some(describe(&paths.chain, index + 1, &flaw))
            });
        }
        let pair = CertifiedKey::new(chain, key);
        pair.keys_match().map_err(|_| TlsError::OtherKey {
            chain: paths.chain.clone(),
            key: paths.key.clone(),
        })?;
        Ok(Self {
            pair: Arc::new(pair),
            names,
            warning,
        })
    }
}

fn describe(path: &Path, number: usize, flaw: &str) -> String {
    format!("certificate {number} in `{}` {flaw}", path.display())
}

struct Found {
    names: Vec<String>,
    flaw: Option<String>,
}

fn inspect(der: &CertificateDer<'_>, now: i64) -> Result<Found, String> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    let alternatives = certificate.subject_alternative_name();
    let alternatives = alternatives.map_err(|error| error.to_string())?;
    let names = alternatives
        .iter()
        .flat_map(|list| &list.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let validity = certificate.validity();
    let (start, end) = (validity.not_before, validity.not_after);
    let flaw = if now > end.timestamp() {
        Some(format!("has expired on {end}"))
    } else if now < start.timestamp() {
        Some(format!("is not valid before {start}"))
    } else {
        None
    };
    Ok(Found {
        names: names.collect(),
        flaw,
    })
}

fn unix_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Chooses the certificate by the name that the client asks for (RFC 6066 §3).
#[derive(Debug)]
pub struct ByName {
    default: Arc<CertifiedKey>,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    /// The first is the default, and the earlier wins where two have a name.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, TlsError> {
        let first = certificates.first().ok_or(TlsError::NoServerCertificate)?;
        let mut chosen = Self {
            default: Arc::clone(&first.pair),
            exact: HashMap::new(),
            wildcard: HashMap::new(),
        };
        for certificate in certificates {
            for name in certificate.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut chosen.wildcard, parent.to_owned()),
                    None => (&mut chosen.exact, name),
                };
                let pair = Arc::clone(&certificate.pair);
                names.entry(name).or_insert(pair);
            }
        }
        Ok(chosen)
    }

    /// `name` in lower case, as rustls hands it over.
    fn choose(&self, name: &str) -> &Arc<CertifiedKey> {
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        let found = self.exact.get(name).or_else(wildcard);
        found.unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = hello
            .server_name()
            .map_or(&self.default, |name| self.choose(name));
        Some(Arc::clone(chosen))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn finds_names_and_says_when_the_dates_do_not_fit() {
        let names = ["One.test", "*.two.test", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (start, end) = (1_577_836_800, 1_893_456_000);
        let early = "is not valid before Jan  1 00:00:00 2020 +00:00";
        let late = "has expired on Jan  1 00:00:00 2030 +00:00";
        let cases = [
            (start - 1, Some(early)),
            (start, None),
            (end, None),
            (end + 1, Some(late)),
        ];
        for (now, expected) in cases {
            let found = inspect(certificate.der(), now).unwrap();
            assert_eq!(found.names, ["one.test", "*.two.test"]);
            assert_eq!(found.flaw.as_deref(), expected, "{now}");
        }
        let text = describe(Path::new("a.pem"), 1, late);
        assert_eq!(
            text,
            "certificate 1 in `a.pem` has expired on Jan  1 00:00:00 2030 +00:00"
        );
    }
}
