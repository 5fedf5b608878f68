//! The program put together: the only place that knows every part.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::oneshot;
use tracing::info;

use crate::audit;
use crate::config::{Config, IssuerConfig};
use crate::document::Problems;
use crate::gateway::Rules;
use crate::grant::ClaimMapping;
use crate::router::{Router, UnroutableTable};
use crate::server::{self, Address, Drained, Server, Service};
use crate::table::{ActionTable, Source};
use crate::token::{FetchError, Issuer, KeySource, Location};

/// How long starting waits for keys that come from a URL.
const FIRST_FETCH: Duration = Duration::from_secs(2);

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum StartError {
    #[error("the action table cannot be used:\n{0}")]
    Table(Problems),
    #[error("the action table cannot be used")]
    Routes(#[from] Box<UnroutableTable>),
    #[error("the keys of {issuer} cannot be had from {location}")]
    Keys {
        issuer: String,
        location: String,
        source: FetchError,
    },
    #[error(transparent)]
    Server(#[from] server::StartError),
    #[error("cannot open the audit sink")]
    Audit(#[source] io::Error),
    #[error("cannot start a thread or a runtime")]
    Thread(#[source] io::Error),
}

/// The rules of a config, and the sources that keep its issuers' keys.
pub struct Assembled {
    /// What decisions rest on.
    pub rules: Arc<Rules>,
    /// One for each issuer; no key has been fetched yet.
    pub sources: Vec<KeySource>,
}

/// Loads and routes a table.
///
/// # Errors
///
/// [`StartError::Table`] and [`StartError::Routes`].
pub fn route(table: &[Source]) -> Result<Router, StartError> {
    let table = ActionTable::load(table).map_err(StartError::Table)?;
    Ok(Router::new(table)?)
}

/// Builds the rules; no key is fetched yet.
///
/// # Errors
///
/// A table that cannot be loaded, certificates that cannot be read.
pub fn assemble(config: &Config) -> Result<Assembled, StartError> {
    let router = route(&config.table)?;
    let mut issuers: Vec<(Issuer, ClaimMapping)> = Vec::new();
    let mut sources = Vec::new();
    for issuer in &config.issuers {
        let keys = KeySource::new(&issuer.name, issuer.keys.clone());
        let (source, feed) = keys.map_err(|source| keys_error(issuer, source))?;
        let mapping = issuer.claims.clone();
        let issuer = Issuer {
            name: issuer.name.clone(),
            audiences: issuer.audiences.clone(),
            leeway: issuer.leeway,
            keys: feed,
        };
        issuers.push((issuer, mapping));
        sources.push(source);
    }
    let rules = Arc::new(Rules::new(router, issuers, config.token));
    Ok(Assembled { rules, sources })
}

/// Fetches one issuer's keys, for commands that work without a server.
///
/// # Errors
///
/// Why they cannot be had.
pub fn fetch_once(source: &mut KeySource) -> Result<(), FetchError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(FetchError::Runtime)?
        .block_on(source.refresh())
}

fn keys_error(issuer: &IssuerConfig, source: FetchError) -> StartError {
    StartError::Keys {
        issuer: issuer.name.clone(),
        location: issuer.keys.location.to_string(),
        source,
    }
}

/// A gateway that runs; dropping it stops it as [`App::stop`] does, without waiting.
#[derive(Debug)]
pub struct App {
    addresses: Vec<Address>,
    stop: Option<oneshot::Sender<()>>,
    control: Option<JoinHandle<Drained>>,
}

impl App {
    /// Starts a gateway: returns once its listener is bound and its keys have been asked for.
    ///
    /// # Errors
    ///
    /// [`StartError`]. Keys that a URL does not give yet are no error: until they are there, their
    /// issuer's tokens get 503.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let assembled = assemble(config)?;
        let config = config.clone();
        let (stop, stopped) = oneshot::channel();
        let (report, started) = std::sync::mpsc::sync_channel(1);
        let control = thread::Builder::new().name("control".to_owned());
        let control = control.spawn(move || control_thread(&config, assembled, &report, stopped));
        let control = control.map_err(StartError::Thread)?;
        let gone = || StartError::Thread(io::Error::other("the control thread ended"));
        let addresses = started.recv().map_err(|_| gone())??;
        Ok(Self {
            addresses,
            stop: Some(stop),
            control: Some(control),
        })
    }

    /// The addresses that are listened on, in the order of the config.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Tells the gateway to stop: running requests finish, for a bounded time.
    pub fn stop(&mut self) {
        self.stop.take();
    }

    /// Waits until it has stopped.
    pub fn join(mut self) -> Drained {
        let control = self.control.take().map(JoinHandle::join);
        control.and_then(Result::ok).unwrap_or(Drained {
            cut_off: 0,
            panicked: 1,
        })
    }
}

type Started = Result<Vec<Address>, StartError>;

fn control_thread(
    config: &Config,
    assembled: Assembled,
    report: &std::sync::mpsc::SyncSender<Started>,
    stopped: oneshot::Receiver<()>,
) -> Drained {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = report.send(Err(StartError::Thread(error)));
            return Drained::default();
        }
    };
    runtime.block_on(async {
        let (server, audit) = match start_server(config, assembled).await {
            Ok(started) => started,
            Err(error) => {
                let _ = report.send(Err(error));
                return Drained::default();
            }
        };
        let _ = report.send(server.addresses().map_err(StartError::Thread));
        // Ends on `stop` and when the handle is dropped.
        let drained = server.run(async { drop(stopped.await) }).await;
        let dropped = audit.finish();
        if dropped > 0 {
            info!(dropped, "{dropped} audit lines were dropped in all");
        }
        drained
    })
}

async fn start_server(
    config: &Config,
    assembled: Assembled,
) -> Result<(Server, audit::AuditWriter), StartError> {
    let mut first_fetches = Vec::new();
    for (mut source, issuer) in assembled.sources.into_iter().zip(&config.issuers) {
        match source.location() {
            // A file is there or it is a mistake; a server may come up later.
            Location::File(_) => {
                let fetched = source.refresh().await;
                fetched.map_err(|source| keys_error(issuer, source))?;
                source.log_keys();
            }
            Location::Url(_) => first_fetches.push(source.first_fetch()),
        }
        tokio::spawn(source.maintain());
    }
    // So that the first requests find keys; but one issuer that hangs must not keep all waiting.
    let first_fetches = async {
        for fetch in first_fetches {
            fetch.await;
        }
    };
    let _ = tokio::time::timeout(FIRST_FETCH, first_fetches).await;
    let (auditor, audit) = audit::start(&config.audit).map_err(StartError::Audit)?;
    let service = Service {
        rules: assembled.rules,
        gateway: config.gateway.clone(),
        upstream: config.upstream.clone(),
        auditor,
    };
    let server = Server::start(config.listen.clone(), &service)?;
    let addresses = server.addresses().map_err(StartError::Thread)?;
    let list = |text: fn(&Address) -> String| {
        let texts: Vec<String> = addresses.iter().map(text).collect();
        texts.join(", ")
    };
    let (address, urls) = (list(ToString::to_string), list(url));
    let (workers, host, port) = (
        config.listen.workers,
        &config.upstream.host,
        config.upstream.port,
    );
    info!(%address, workers, "listening on {urls}, {workers} workers, forwarding to http://{host}:{port}");
    Ok((server, audit))
}

fn url(address: &Address) -> String {
    match address {
        Address::Ip(address) => format!("http://{address}"),
        other => other.to_string(),
    }
}
