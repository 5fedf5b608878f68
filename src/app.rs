//! The program put together: the only place that knows every part.

mod assembly;
mod authorizers;
mod file_watch;
mod inspector;
mod reload;
mod review;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

use crate::admin::{self, Admin, AuditState, Reloads};
use crate::audit;
use crate::config::Config;
use crate::decision::Mode;
use crate::document::{Located, Problems};
use crate::gateway::Snapshot;
use crate::metrics::Registry;
use crate::proxy::{Upstream, UpstreamError};
use crate::revocation::RevocationError;
use crate::router::UnroutableTable;
use crate::server::{self, Address, Drained, Server, Service};
use crate::tls::{self, TlsError};
use crate::token::{AskError, FetchError};
use crate::trace::{self, Exporter};

pub use assembly::{Assembled, Demands, assemble, compile_roles, fetch_once, look_once, route};
use authorizers::Authorizers;
use file_watch::FileWatch;
pub use inspector::{Inspected, Inspector};
pub use reload::ReloadError;
use reload::{Order, Reloader};
pub use review::{Caller, Recorded, Reviewer, Undecidable, Unknown};

/// Orders to reload that wait while one is under way; all of them mean the same.
const ORDERS: usize = 4;

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum StartError {
    #[error("the action table cannot be used:\n{0}")]
    Table(Problems),
    #[error("the action table cannot be used")]
    Routes(#[from] Box<UnroutableTable>),
    #[error("the roles cannot be used:\n{0}")]
    Roles(Problems),
    #[error("the keys of {issuer} cannot be had from {location}")]
    Keys {
        issuer: String,
        location: String,
        source: FetchError,
    },
    #[error("{issuer} cannot be asked about tokens")]
    Validator {
        issuer: String,
        source: Box<AskError>,
    },
    #[error("the list of revoked tokens cannot be had from {location}")]
    Revocation {
        location: String,
        source: Box<RevocationError>,
    },
    #[error(transparent)]
    Admin(#[from] admin::StartError),
    #[error(transparent)]
    Server(#[from] server::StartError),
    #[error("TLS cannot be used as `listen.tls` says")]
    Tls(#[from] TlsError),
    #[error("TLS cannot be used as `authorizer.tls` of {address} says")]
    AuthorizerTls {
        address: Address,
        source: Box<TlsError>,
    },
    #[error("the upstream cannot be used")]
    Upstream(#[from] UpstreamError),
    #[error("cannot open the audit sink")]
    Audit(#[source] io::Error),
    #[error(transparent)]
    Tracing(#[from] trace::StartError),
    #[error("cannot start a thread or a runtime")]
    Thread(#[source] io::Error),
}

/// Where it listens.
#[derive(Debug)]
struct Places {
    addresses: Vec<Address>,
    admin: Option<SocketAddr>,
    authorizers: Vec<Address>,
}

/// A gateway that runs; dropping it stops it as [`App::stop`] does, without waiting.
#[derive(Debug)]
pub struct App {
    places: Places,
    orders: mpsc::Sender<Order>,
    stop: Option<oneshot::Sender<()>>,
    control: Option<JoinHandle<Drained>>,
}

impl App {
    /// Starts a gateway: returns once its listener is bound and its keys have been asked for.
    ///
    /// # Errors
    ///
    /// [`StartError`]. Keys that a URL does not give yet are no error, nor is an issuer that does not
    /// answer: until they are there, their issuer's tokens get 503.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let files = FileWatch::new(config.files());
        let assembled = assemble(config)?;
        let config = config.clone();
        let (stop, stopped) = oneshot::channel();
        let (orders, ordered) = mpsc::channel(ORDERS);
        let (report, started) = std::sync::mpsc::sync_channel(1);
        let control = thread::Builder::new().name("control".to_owned());
        let control = control.spawn(move || {
            let ordered = (ordered, stopped);
            control_thread(&config, (assembled, files), &report, ordered)
        });
        let control = control.map_err(StartError::Thread)?;
        let gone = || StartError::Thread(io::Error::other("the control thread ended"));
        let places = started.recv().map_err(|_| gone())??;
        Ok(Self {
            places,
            orders,
            stop: Some(stop),
            control: Some(control),
        })
    }

    /// The addresses that are listened on, in the order of the config.
    pub fn addresses(&self) -> &[Address] {
        &self.places.addresses
    }

    /// Where other proxies ask for decisions, in the order of the config.
    pub fn authorizer_addresses(&self) -> &[Address] {
        &self.places.authorizers
    }

    /// Where it tells about itself, if it does.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.places.admin
    }

    /// Tells the gateway to read its config again; what became of it can be waited for.
    pub fn reload(&self) -> oneshot::Receiver<Result<(), ReloadError>> {
        let (order, done) = oneshot::channel();
        // Where that many wait already, the answer comes at once: it will be done.
        if let Err(mpsc::error::TrySendError::Full(order)) = self.orders.try_send(order) {
            let _ = order.send(Ok(()));
        }
        done
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

type Started = Result<Places, StartError>;

fn control_thread(
    config: &Config,
    (assembled, files): (Assembled, FileWatch),
    report: &std::sync::mpsc::SyncSender<Started>,
    (orders, stopped): (mpsc::Receiver<Order>, oneshot::Receiver<()>),
) -> Drained {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = report.send(Err(StartError::Thread(error)));
            return Drained::default();
        }
    };
    let drained = runtime.block_on(async {
        let Running {
            server,
            audit,
            exporter,
            reloader,
            admin,
            authorizers,
        } = match start_all(config, assembled, files).await {
            Ok(running) => running,
            Err(error) => {
                let _ = report.send(Err(error));
                return Drained::default();
            }
        };
        let places = || {
            Ok(Places {
                addresses: server.addresses()?,
                admin: admin.as_ref().map(|(_, address)| *address),
                authorizers: authorizers.addresses()?,
            })
        };
        let _ = report.send(places().map_err(StartError::Thread));
        tokio::spawn(reloader.run(orders));
        let (stop, stopping) = watch::channel(false);
        let stopped = async {
            // Ends on `stop` and when the handle is dropped.
            drop(stopped.await);
            if let Some((source, _)) = &admin {
                source.stopping();
            }
            tokio::time::sleep(config.listen.stop_delay).await;
            stop.send_replace(true);
        };
        let ended = tokio::join!(server.run(stopped), authorizers.run(stopping));
        let drained = Drained {
            cut_off: ended.0.cut_off + ended.1.cut_off,
            panicked: ended.0.panicked + ended.1.panicked,
        };
        let dropped = audit.finish();
        if dropped > 0 {
            info!(dropped, "{dropped} audit lines were dropped in all");
        }
        let dropped = exporter.map_or(0, Exporter::finish);
        if dropped > 0 {
            info!(dropped, "{dropped} spans were dropped in all");
        }
        drained
    });
    // A reload may still be waiting for a file system.
    runtime.shutdown_background();
    drained
}

/// What runs once everything has started.
struct Running {
    server: Server,
    audit: audit::AuditWriter,
    exporter: Option<Exporter>,
    reloader: Reloader,
    authorizers: Authorizers,
    admin: Option<(Arc<admin::Source>, SocketAddr)>,
}

async fn start_all(
    config: &Config,
    assembled: Assembled,
    files: FileWatch,
) -> Result<Running, StartError> {
    let started = SystemTime::now();
    let listener = match &config.admin {
        Some(settings) => Some(Admin::bind(settings.clone()).await?),
        None => None,
    };
    let registry = config
        .admin
        .as_ref()
        .map(|admin| Registry::new(admin.subjects));
    let upstream = Upstream::new(&config.upstream)?;
    let (assembled, ()) = tokio::join!(assembled.supply(), upstream.resolve_first());
    let (rules, supplies) = assembled?;
    tokio::spawn(upstream.maintain());
    let (auditor, audit) = audit::start(&config.audit).map_err(StartError::Audit)?;
    let (audit_state, reopener) = (AuditState::of(&auditor), auditor.reopener());
    let tracing = config.tracing.as_ref().map(trace::start).transpose()?;
    let (tracer, exporter) = tracing.unzip();
    warn_of_reports(config);
    let (snapshots, workers_snapshots) = watch::channel(Arc::new(Snapshot {
        rules,
        settings: config.gateway.clone(),
        upstream,
    }));
    let tls = config.listen.tls.as_ref().map(tls::Server::load);
    let tls = tls.transpose()?;
    let service = Service {
        snapshots: workers_snapshots,
        tls: tls.clone(),
        auditor,
        metrics: registry.clone(),
        tracer: tracer.unwrap_or_default(),
        handler: None,
        first_worker: 0,
    };
    let server = Server::start(config.listen.clone(), &service)?;
    let authorizers = Authorizers::start(config, &service)?;
    let addresses = server.addresses().map_err(StartError::Thread)?;
    let list = |text: fn(&Address) -> String| {
        let texts: Vec<String> = addresses.iter().map(text).collect();
        texts.join(", ")
    };
    let url: fn(&Address) -> String = match tls {
        Some(_) => |address| url("https", address),
        None => |address| url("http", address),
    };
    let (address, urls) = (list(ToString::to_string), list(url));
    let workers = config.listen.workers;
    let locations = config.upstream.locations.iter().map(ToString::to_string);
    let locations = locations.collect::<Vec<_>>().join(", ");
    info!(%address, workers, "listening on {urls}, {workers} workers, forwarding to {locations}");
    let reloads = Reloads::new(config.origin.as_deref(), config.digest());
    let admin_tls = listener.as_ref().and_then(Admin::tls);
    let admin = match (listener, registry) {
        (Some(listener), Some(registry)) => {
            let address = listener.address().map_err(StartError::Thread)?;
            info!(%address, "telling about itself on {address}");
            let source = Arc::new(admin::Source {
                started,
                registry,
                snapshots: service.snapshots.clone(),
                occupancy: server.occupancy(),
                audit: audit_state,
                traces: exporter
                    .as_ref()
                    .map(|exporter| Arc::clone(exporter.counts())),
                reloads: Arc::clone(&reloads),
                is_stopping: false.into(),
            });
            tokio::spawn(listener.serve(Arc::clone(&source)));
            Some((source, address))
        }
        _ => None,
    };
    let reloader = Reloader {
        config: config.clone(),
        supplies,
        tls: tls
            .into_iter()
            .chain(admin_tls)
            .chain(authorizers.tls())
            .collect(),
        files,
        snapshots,
        reloads,
        reopener,
    };
    Ok(Running {
        server,
        audit,
        exporter,
        reloader,
        authorizers,
        admin,
    })
}

/// What is let through though it would be refused must not be forgotten.
fn warn_of_reports(config: &Config) {
    for issuer in config
        .issuers
        .iter()
        .filter(|issuer| issuer.mode == Mode::Report)
    {
        let name = &issuer.name;
        warn!(issuer = %name, "what tokens of {name} do not grant is let through and only reported: mode = \"report\"");
    }
    for Located {
        value: operation, ..
    } in &config.report
    {
        warn!(%operation, "what tokens do not grant of `{operation}` is let through and only reported: table.report");
    }
}

fn url(scheme: &str, address: &Address) -> String {
    match address {
        Address::Ip(address) => format!("{scheme}://{address}"),
        other => other.to_string(),
    }
}
