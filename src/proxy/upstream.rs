//! What all workers share of the upstream, and its upkeep on the control thread.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use hyper::header::HeaderValue;
use tokio::net::lookup_host;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::MAX_RETRIES;
use super::credential::{CredentialError, CredentialFile};
use super::endpoint::{Address, Ejection, Endpoint};
use super::health;
use super::report::EndpointReport;
use super::settings::{Credential, Location, Protocol, Settings};
use crate::file::Mark;
use crate::tls::{self, TlsError};

/// The most time to resolve a name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time between two attempts while a name has no address yet.
const RESOLVE_PAUSE: Duration = Duration::from_secs(1);
/// How long starting waits for the names.
const FIRST_RESOLUTION: Duration = Duration::from_secs(2);
/// How often files are looked at.
const WATCH: Duration = Duration::from_secs(1);
/// The most addresses of a name that are used.
const MAX_ADDRESSES: usize = 64;

/// Why the upstream's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The gateway's own credential cannot be had.
    #[error("cannot use the credential of `{path}`")]
    Credential {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: CredentialError,
    },
    /// Its certificates cannot be checked, or ours not shown.
    #[error("cannot use TLS towards the upstream")]
    Tls(#[from] TlsError),
}

/// The endpoints and what is sent to them, as of now.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// All that are known, well or not.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The gateway's own credential.
    pub credential: Option<HeaderValue>,
}

/// What all workers share. They look at [`Upstream::version`] for each request, and take a new
/// snapshot only when it has changed.
#[derive(Debug)]
pub struct Upstream {
    /// What the config says.
    pub settings: Settings,
    snapshot: Mutex<Snapshot>,
    version: AtomicU64,
    /// What each location led to when it was last resolved.
    resolved: Mutex<Vec<Vec<Address>>>,
    credential: Option<CredentialFile>,
    /// Only where it is needed.
    pub tls: Option<tls::Client>,
    /// Its files as they were last read.
    tls_marks: Mutex<Vec<Option<Mark>>>,
    /// Bytes of bodies that are being collected.
    pub collected: AtomicUsize,
}

impl Upstream {
    /// Reads the files that the settings name. Names are not resolved yet.
    ///
    /// # Errors
    ///
    /// A file that cannot be used.
    pub fn new(settings: &Settings) -> Result<Arc<Self>, UpstreamError> {
        let (credential, value) = match &settings.credential {
            Credential::Forward | Credential::Strip => (None, None),
            Credential::File { path, .. } => {
                let read = CredentialFile::open(path);
                let (file, value) = read.map_err(|source| UpstreamError::Credential {
                    path: path.clone(),
                    source,
                })?;
                (Some(file), Some(value))
            }
        };
        let protocol: &[u8] = match settings.protocol {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        };
        let needs_tls = settings.locations.iter().any(Location::is_tls);
        let tls = settings.tls.clone().unwrap_or_default();
        let tls = needs_tls.then(|| tls::Client::load(&tls, &[protocol]));
        let tls = tls.transpose()?;
        let resolved = settings.locations.iter().map(known_address);
        let resolved = resolved.map(|known| known.into_iter().collect()).collect();
        let upstream = Arc::new(Self {
            settings: settings.clone(),
            snapshot: Mutex::default(),
            version: AtomicU64::new(0),
            resolved: Mutex::new(resolved),
            credential,
            tls_marks: Mutex::new(tls.as_ref().map(marks).unwrap_or_default()),
            tls,
            collected: AtomicUsize::new(0),
        });
        upstream.change(|snapshot| snapshot.credential = value);
        upstream.publish();
        Ok(upstream)
    }

    /// Resolves the names, so that the first requests find endpoints. It waits for a short time
    /// only; until a name is resolved, its endpoints are missing.
    pub async fn resolve_first(&self) {
        if timeout(FIRST_RESOLUTION, self.resolve()).await.is_err() {
            warn!("the names of the upstream are not resolved yet");
        }
    }

    /// Resolves names again and again, checks the endpoints' health, and reads files again when
    /// they have changed; until nobody else has the upstream any longer.
    pub fn maintain(self: &Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let own = || Arc::downgrade(self);
        let resolving = resolve_again(own(), self.settings.resolve);
        let checking = health::check_again(own(), self.settings.health.clone());
        let watching = watch(own());
        async move {
            tokio::join!(resolving, checking, watching);
        }
    }

    /// Changes whenever [`Upstream::snapshot`] does.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes a lock: for when the version has changed.
    pub fn snapshot(&self) -> Snapshot {
        lock(&self.snapshot).clone()
    }

    /// How its endpoints are doing.
    pub fn report(&self) -> Vec<EndpointReport> {
        let now = Instant::now();
        let endpoints = self.snapshot().endpoints;
        endpoints
            .iter()
            .map(|endpoint| endpoint.report(now))
            .collect()
    }

    /// When endpoints are ejected.
    pub fn ejection(&self) -> Ejection {
        Ejection {
            after: self.settings.eject_after,
            time: self.settings.eject_time,
        }
    }

    /// The longest that a request may wait for it, sent again as often as may be.
    pub fn longest_wait(&self) -> Duration {
        let once = self.settings.connect_timeout + self.settings.response_timeout;
        let attempts = once.saturating_mul(MAX_RETRIES + 1);
        attempts.min(self.settings.request_timeout)
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut lock(&self.snapshot));
        self.version.fetch_add(1, Ordering::Release);
    }

    async fn resolve(&self) {
        for (index, location) in self.settings.locations.iter().enumerate() {
            if known_address(location).is_some() {
                continue;
            }
            match addresses(location).await {
                Ok(addresses) => {
                    if let Some(known) = lock(&self.resolved).get_mut(index) {
                        *known = addresses;
                    }
                    // At once: another name may take long.
                    self.publish();
                }
                Err(error) => warn!(
                    "cannot resolve the upstream's name in {location}, its last addresses stay: {error}"
                ),
            }
        }
    }

    /// Makes endpoints of the addresses; those that are known already keep their history.
    fn publish(&self) {
        let mut addresses: Vec<Address> = Vec::new();
        for address in lock(&self.resolved).iter().flatten() {
            if !addresses.contains(address) {
                addresses.push(address.clone());
            }
        }
        let old = self.snapshot().endpoints;
        let is_same =
            old.len() == addresses.len() && old.iter().all(|old| addresses.contains(&old.address));
        if is_same {
            return;
        }
        let endpoints: Vec<Arc<Endpoint>> = addresses
            .into_iter()
            .map(|address| {
                let known = old.iter().find(|old| old.address == address);
                known.map_or_else(|| Arc::new(Endpoint::new(address)), Arc::clone)
            })
            .collect();
        let names: Vec<String> = endpoints
            .iter()
            .map(|endpoint| endpoint.address.to_string())
            .collect();
        info!("the upstream's endpoints are {}", names.join(", "));
        self.change(|snapshot| snapshot.endpoints = endpoints);
    }

    fn reread(&self) {
        self.reread_tls();
        let Some(file) = &self.credential else {
            return;
        };
        match file.changed() {
            Ok(None) => {}
            Ok(Some(value)) => {
                info!("the credential for the upstream has changed");
                self.change(|snapshot| snapshot.credential = Some(value));
            }
            Err(error) => {
                warn!(
                    "the credential for the upstream cannot be read, the last one stays: {error}"
                );
            }
        }
    }
}

impl Upstream {
    fn reread_tls(&self) {
        let Some(tls) = &self.tls else { return };
        let marks = marks(tls);
        if marks == *lock(&self.tls_marks) {
            return;
        }
        match tls.reload() {
            Ok(true) => info!("the TLS files for the upstream have changed"),
            Ok(false) => {}
            Err(error) => {
                warn!("the TLS files for the upstream cannot be used, the last ones stay: {error}");
            }
        }
        // Also of bad ones: they are complained of once.
        *lock(&self.tls_marks) = marks;
    }
}

fn marks(tls: &tls::Client) -> Vec<Option<Mark>> {
    tls.files().iter().map(|path| Mark::at(path)).collect()
}

async fn resolve_again(upstream: Weak<Upstream>, interval: Duration) {
    let mut is_resolved = false;
    loop {
        sleep(match is_resolved {
            true => interval,
            false => interval.min(RESOLVE_PAUSE),
        })
        .await;
        let Some(upstream) = upstream.upgrade() else {
            return;
        };
        upstream.resolve().await;
        is_resolved = !lock(&upstream.resolved).iter().any(Vec::is_empty);
    }
}

async fn watch(upstream: Weak<Upstream>) {
    loop {
        sleep(WATCH).await;
        let Some(upstream) = upstream.upgrade() else {
            return;
        };
        upstream.reread();
    }
}

/// The address of a location that needs no name to be resolved.
fn known_address(location: &Location) -> Option<Address> {
    match location {
        Location::Socket(path) => Some(Address::Unix(path.clone())),
        Location::Host {
            host,
            port,
            security,
        } => {
            let address: IpAddr = host.parse().ok()?;
            Some(Address::Tcp {
                address: (address, *port).into(),
                host: host.as_str().into(),
                security: *security,
            })
        }
    }
}

/// The addresses that a location's name has now; at least one.
async fn addresses(location: &Location) -> io::Result<Vec<Address>> {
    let Location::Host {
        host,
        port,
        security,
    } = location
    else {
        return Ok(Vec::new());
    };
    let looked_up = timeout(RESOLVE_TIMEOUT, lookup_host((host.as_str(), *port))).await;
    let name: Arc<str> = host.as_str().into();
    let addresses = looked_up
        .map_err(io::Error::from)??
        .map(|address| Address::Tcp {
            address,
            host: Arc::clone(&name),
            security: *security,
        });
    let addresses: Vec<Address> = addresses.take(MAX_ADDRESSES).collect();
    match addresses.is_empty() {
        true => Err(io::Error::other("the name has no address")),
        false => Ok(addresses),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
