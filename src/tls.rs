//! TLS on every side, by rustls: what certificates, keys and trust in files become.
//!
//! Files are read as a whole and checked before anything uses them; what is replaced under load is
//! replaced at once or not at all. Never opens a socket and never decides who may do what.

mod certificate;
mod client;
mod file;
mod live;
mod server;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{InvalidDnsNameError, pem};
use rustls::server::VerifierBuilderError;

pub use client::{Client, Settings as ClientSettings};
pub use server::{ClientCertificates, Server, Settings as ServerSettings, Trust};

/// A certificate with what proves that it is ours, in PEM.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFiles {
    /// The certificate, then those that lead to an authority.
    pub chain: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
}

/// The SHA-256 of a certificate's DER form, as `x5t#S256` carries it (RFC 8705 §3.1).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct CertificateHash([u8; 32]);

impl CertificateHash {
    /// Of the certificate itself.
    pub fn of_der(der: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self(hash)
    }

    /// Base64url without padding, in its one spelling; `None` for any other text.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateHash({self})")
    }
}

/// Why TLS cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum TlsError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("`{path}` is larger than {max} bytes")]
    TooLarge { path: PathBuf, max: u64 },
    #[error("`{path}` is not valid PEM")]
    Pem { path: PathBuf, source: pem::Error },
    #[error("there is no certificate in `{0}`, expected PEM")]
    NoCertificate(PathBuf),
    #[error("there is no private key in `{0}`, expected PEM")]
    NoKey(PathBuf),
    #[error("the private key in `{0}` is encrypted, expected it in the clear")]
    EncryptedKey(PathBuf),
    #[error("there is no revocation list in `{0}`, expected PEM")]
    NoRevocationList(PathBuf),
    #[error("the private key in `{path}` cannot be used")]
    Key {
        path: PathBuf,
        source: rustls::Error,
    },
    #[error("the private key in `{key}` is not that of the first certificate in `{chain}`")]
    OtherKey { chain: PathBuf, key: PathBuf },
    #[error("certificate {number} in `{path}` is not valid: {cause}")]
    Certificate {
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        cause: String,
    },
    #[error("revocation list {number} in `{path}` cannot be used")]
    RevocationList {
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        source: VerifierBuilderError,
    },
    #[error("a server needs at least one certificate")]
    NoServerCertificate,
    #[error("the system has no root certificates, name a file of them in `ca`")]
    NoRoots,
    #[error("`{0}` cannot be the name of a TLS server")]
    ServerName(String, #[source] InvalidDnsNameError),
    #[error("the authorities and revocation lists cannot be used")]
    Verifier(#[from] VerifierBuilderError),
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

/// TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only; X25519MLKEM768 first.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hash_has_one_spelling() {
        // Of no bytes (FIPS 180-4).
        let text = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        let hash = CertificateHash::of_der(b"");
        assert_eq!(hash.to_string(), text);
        assert_eq!(CertificateHash::from_base64(text), Some(hash));
        assert_ne!(CertificateHash::of_der(b"x"), hash);
        let others = [
            String::new(),
            format!("{text}="),
            format!("{text}A"),
            text.replace('-', "+"),
            // The last letter's two spare bits (RFC 4648 §3.5).
            text.replace("uFU", "uFV"),
        ];
        for other in others {
            assert_eq!(CertificateHash::from_base64(&other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_is_written(bytes in any::<[u8; 32]>(), text in "[A-Za-z0-9_+/=-]{42,44}") {
            let hash = CertificateHash(bytes);
            prop_assert_eq!(CertificateHash::from_base64(&hash.to_string()), Some(hash));
            if let Some(read) = CertificateHash::from_base64(&text) {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
