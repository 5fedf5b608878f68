//! TLS handshakes in memory, both sides by rustls.

use std::sync::Arc;

use actiongate::tls::CertificateHash;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, ServerConfig, ServerConnection,
    SignatureScheme, SupportedProtocolVersion,
};

/// Both ends of a connection that stands.
pub struct Connection {
    pub client: ClientConnection,
    pub server: ServerConnection,
}

/// How a handshake failed, on the side that found it wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failed {
    Client(String),
    Server(String),
}

/// Shakes hands and lets everything that is under way arrive.
pub fn handshake(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name: &str,
) -> Result<Connection, Failed> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = Connection {
        client: ClientConnection::new(client, name).unwrap(),
        server: ServerConnection::new(server).unwrap(),
    };
    connection.settle()?;
    assert!(!connection.server.is_handshaking() && !connection.client.is_handshaking());
    Ok(connection)
}

impl Connection {
    /// Carries bytes both ways until there are none.
    fn settle(&mut self) -> Result<(), Failed> {
        while self.client.wants_write() || self.server.wants_write() {
            let mut sent = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut sent).unwrap();
            }
            self.server.read_tls(&mut sent.as_slice()).unwrap();
            let found = self.server.process_new_packets();
            found.map_err(|error| Failed::Server(error.to_string()))?;
            let mut sent = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut sent).unwrap();
            }
            self.client.read_tls(&mut sent.as_slice()).unwrap();
            let found = self.client.process_new_packets();
            found.map_err(|error| Failed::Client(error.to_string()))?;
        }
        Ok(())
    }

    /// What the server showed.
    pub fn server_certificate(&self) -> CertificateHash {
        CertificateHash::of_der(&self.client.peer_certificates().unwrap()[0])
    }

    /// What the client showed.
    pub fn client_certificate(&self) -> Option<CertificateHash> {
        let shown = self.server.peer_certificates()?;
        Some(CertificateHash::of_der(&shown[0]))
    }
}

/// A client that believes anybody, so that a test sees what it was shown.
pub fn trusting(protocols: &[&str]) -> Arc<ClientConfig> {
    let mut config = trusting_with(aws_lc_rs::default_provider(), rustls::ALL_VERSIONS);
    let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
    config.alpn_protocols = protocols.collect();
    Arc::new(config)
}

/// The same, with no more than this.
pub fn trusting_with(
    provider: CryptoProvider,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let provider = Arc::new(provider);
    ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
