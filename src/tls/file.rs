//! PEM files, read as a whole, and a digest of all of them.

use std::fs::File;
use std::path::Path;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::TlsError;
use crate::file;

/// The most bytes of one file: revocation lists of large authorities fit.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// Reads files and remembers what they held, so that a change of any can be told.
pub struct Files {
    seen: Context,
}

impl Files {
    pub fn new() -> Self {
        Self {
            seen: Context::new(&SHA256),
        }
    }

    /// The digest of everything that was read, in order.
    pub fn digest(self) -> [u8; 32] {
        let digest: Digest = self.seen.finish();
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }

    /// The certificates of a file; at least one.
    pub fn certificates(&mut self, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates = self.sections(path)?;
        if certificates.is_empty() {
            return Err(TlsError::NoCertificate(path.to_owned()));
        }
        Ok(certificates)
    }

    /// The first private key of a file.
    pub fn private_key(&mut self, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        let text = self.read(path)?;
        // In PKCS #8 as the label, in the older forms as a header (RFC 1421 §4.6.1.1).
        let is_encrypted = text.windows(9).any(|part| part == b"ENCRYPTED");
        match PrivateKeyDer::from_pem_slice(&text) {
            Ok(key) => Ok(key),
            Err(_) if is_encrypted => Err(TlsError::EncryptedKey(path.to_owned())),
            Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey(path.to_owned())),
            Err(source) => Err(TlsError::Pem {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// The authorities of a file; at least one.
    pub fn authorities(&mut self, path: &Path) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for (index, certificate) in self.certificates(path)?.into_iter().enumerate() {
            roots
                .add(certificate)
                .map_err(|error| TlsError::Certificate {
                    path: path.to_owned(),
                    number: index + 1,
                    cause: error.to_string(),
                })?;
        }
        Ok(roots)
    }

    /// The system's authorities; those that cannot be read are left out, as others do.
    pub fn system_authorities(&mut self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for certificate in &system.certs {
            self.see(certificate);
        }
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        Ok(roots)
    }

    /// The revocation lists of a file; at least one.
    pub fn revocation_lists(
        &mut self,
        path: &Path,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
        let lists: Vec<_> = self.sections(path)?;
        if lists.is_empty() {
            return Err(TlsError::NoRevocationList(path.to_owned()));
        }
        Ok(lists)
    }

    fn sections<T: PemObject>(&mut self, path: &Path) -> Result<Vec<T>, TlsError> {
        let text = self.read(path)?;
        let sections: Result<Vec<T>, pem::Error> = T::pem_slice_iter(&text).collect();
        sections.map_err(|source| TlsError::Pem {
            path: path.to_owned(),
            source,
        })
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, TlsError> {
        let read = File::open(path).and_then(|file| file::read(file, MAX_SIZE));
        let bytes = read.map_err(|source| TlsError::Read {
            path: path.to_owned(),
            source,
        })?;
        let bytes = bytes.ok_or_else(|| TlsError::TooLarge {
            path: path.to_owned(),
            max: MAX_SIZE,
        })?;
        self.see(&bytes);
        Ok(bytes)
    }

    fn see(&mut self, bytes: &[u8]) {
        // With the length, so that no bytes move from one file to the next unseen.
        self.seen.update(&bytes.len().to_be_bytes());
        self.seen.update(bytes);
    }
}
