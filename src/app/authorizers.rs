//! The listeners where other proxies ask for decisions: servers beside the one of clients.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};

use super::StartError;
use crate::authorizer::Authorizer;
use crate::config::Config;
use crate::server::{Address, Drained, Server, Service};
use crate::tls;

/// Those of a config; connections wait until they run.
#[derive(Default)]
pub struct Authorizers {
    servers: Vec<Server>,
    tls: Vec<tls::Server>,
}

impl Authorizers {
    /// Binds them and starts their workers, which judge by the snapshots of `service`.
    pub fn start(config: &Config, service: &Service) -> Result<Self, StartError> {
        let mut started = Self::default();
        let mut first_worker = config.listen.workers;
        for settings in &config.authorizers {
            let tls = settings.tls.as_ref().map(tls::Server::load).transpose();
            let tls = tls.map_err(|source| StartError::AuthorizerTls {
                address: settings.address.clone(),
                source: Box::new(source),
            })?;
            started.tls.extend(tls.clone());
            let own = Service {
                tls,
                handler: Some(Arc::new(Authorizer::new(
                    settings,
                    config.listen.header_timeout,
                ))),
                first_worker,
                ..service.clone()
            };
            let server = Server::start(settings.server(&config.listen), &own)?;
            first_worker += config.listen.workers;
            for address in server.addresses().map_err(StartError::Thread)? {
                let product = settings.product;
                info!(%address, %product, "answering the questions of {product} on {address}");
            }
            if settings.believe_claims {
                let address = &settings.address;
                warn!(
                    "claims that nobody has verified are believed on {address}: whoever may ask there can be anybody"
                );
            }
            started.servers.push(server);
        }
        Ok(started)
    }

    /// Their addresses, in the order of the config.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        let addresses = self.servers.iter().map(Server::addresses);
        let addresses: Result<Vec<_>, _> = addresses.collect();
        Ok(addresses?.concat())
    }

    /// Their TLS, to be reloaded.
    pub fn tls(&self) -> Vec<tls::Server> {
        self.tls.clone()
    }

    /// Serves until `stopping` is true, then lets running questions finish.
    pub async fn run(self, stopping: watch::Receiver<bool>) -> Drained {
        let servers = self.servers.into_iter().map(|server| {
            let mut stopping = stopping.clone();
            tokio::spawn(server.run(async move {
                // Without whoever would say it, it is time as well.
                let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
            }))
        });
        let servers: Vec<_> = servers.collect();
        let mut drained = Drained::default();
        for server in servers {
            match server.await {
                Ok(ended) => {
                    drained.cut_off += ended.cut_off;
                    drained.panicked += ended.panicked;
                }
                Err(_) => drained.panicked += 1,
            }
        }
        drained
    }
}
