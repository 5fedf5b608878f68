//! Authorities, certificates and revocation lists, made for one test.

use std::fs;
use std::path::PathBuf;

use actiongate::tls::{CertificateFiles, CertificateHash};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber, date_time_ymd,
};
use tempfile::TempDir;

/// Who signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Its own certificate and those above it but the root's.
    intermediates: String,
}

/// A certificate with its key, in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// With all intermediate certificates.
    pub chain: String,
    pub key: String,
    pub hash: CertificateHash,
    serial: SerialNumber,
}

/// Where a test's PEM files are.
pub struct Files(TempDir);

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Authority {
    /// A root.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(authority(name), key).unwrap(),
            intermediates: String::new(),
        }
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(authority(name), key, &self.issuer).unwrap();
        Self {
            intermediates: format!("{}{}", issuer.pem(), self.intermediates),
            issuer,
        }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// For these names.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_as(names, |_| {})
    }

    /// The same with something about it changed.
    pub fn issue_as(&self, names: &[&str], adjust: impl FnOnce(&mut CertificateParams)) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        let serial = SerialNumber::from(fastrand::u64(1..u64::MAX / 2));
        params.serial_number = Some(serial.clone());
        adjust(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            chain: format!("{}{}", certificate.pem(), self.intermediates),
            key: key.serialize_pem(),
            hash: CertificateHash::of_der(certificate.der()),
            serial,
        }
    }

    /// A list that revokes these and is good until the year `end` begins.
    pub fn revocation_list(&self, revoked: &[&Issued], end: i32) -> String {
        let start = date_time_ymd(2020, 1, 1);
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: start,
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: start,
            next_update: date_time_ymd(end, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub fn pair(&self, name: &str, issued: &Issued) -> CertificateFiles {
        CertificateFiles {
            chain: self.write(&format!("{name}.pem"), &issued.chain),
            key: self.write(&format!("{name}.key"), &issued.key),
        }
    }
}
