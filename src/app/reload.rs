//! Taking up a changed config while requests run: all of it that can change, or nothing.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use super::StartError;
use super::assembly::{Supplies, assemble_beside};
use super::file_watch::FileWatch;
use crate::admin::Reloads;
use crate::audit::Reopener;
use crate::config::Config;
use crate::document::Problems;
use crate::gateway::Snapshot;
use crate::proxy::Upstream;
use crate::telemetry::{self, chain};
use crate::tls;

/// Why the rules in use stay as they are.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum ReloadError {
    #[error("the config was not read from a file")]
    NoFile,
    #[error("the config cannot be used:\n{0}")]
    Config(Problems),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the reload ended early")]
    Ended,
}

/// Asks for a reload; told what became of it.
pub type Order = oneshot::Sender<Result<(), ReloadError>>;

/// Replaces the snapshot of all workers.
pub struct Reloader {
    /// As it is in use.
    pub config: Config,
    /// What its issuers have.
    pub supplies: Supplies,
    /// Towards clients, and whoever asks about the gateway.
    pub tls: Vec<tls::Server>,
    /// The files it came from, as they were before they were read.
    pub files: FileWatch,
    /// To the workers.
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    /// For those who ask what became of it.
    pub reloads: Arc<Reloads>,
    /// To the audit's file, which may have been moved away.
    pub reopener: Reopener,
}

impl Reloader {
    /// Reloads on each order and after each change of the files, until nobody can order any more.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            let order = tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => Some(order),
                    None => return,
                },
                () = self.files.changed(), if self.config.watch => None,
            };
            self.reopener.reopen();
            // Before the files are read: what changes while they are is seen at the next look.
            self.files = FileWatch::new(self.named_files().await);
            let reloaded = self.reload().await;
            match &reloaded {
                Ok(()) => {
                    let rules = Arc::clone(&self.snapshots.borrow().rules);
                    let operations = rules.router().table().operations().len();
                    info!(
                        operations,
                        "the config was reloaded: {operations} operations"
                    );
                    self.files.follow(self.used_files());
                    self.reloads.done(self.config.digest());
                }
                Err(error) => {
                    let cause = chain(error);
                    error!("the config was not reloaded, the last good one stays in use: {cause}");
                    self.reloads.failed(cause);
                }
            }
            if let Some(order) = order {
                let _ = order.send(reloaded);
            }
        }
    }

    /// Every file that is in use. Of `[listen.tls]` those of the start.
    fn used_files(&self) -> Vec<PathBuf> {
        let mut files = self.config.files();
        files.extend(self.tls.iter().flat_map(tls::Server::files));
        files
    }

    /// Those that are in use and those that the config names now: if it is not taken up, one of
    /// them may be at fault.
    async fn named_files(&self) -> Vec<PathBuf> {
        let path = self.config.origin.clone();
        let survey = move || path.and_then(|path| Config::survey(&path).0);
        let surveyed = tokio::task::spawn_blocking(survey).await;
        let mut files = self.used_files();
        files.extend(surveyed.ok().flatten().iter().flat_map(Config::files));
        files
    }

    async fn reload(&mut self) -> Result<(), ReloadError> {
        let path = self.config.origin.clone().ok_or(ReloadError::NoFile)?;
        let before = self.supplies.clone();
        // A large table takes its time; connections are accepted meanwhile.
        let assembled = tokio::task::spawn_blocking(move || {
            let config = Config::read(&path).map_err(ReloadError::Config)?;
            let assembled = assemble_beside(&config, &before)?;
            Ok::<_, ReloadError>((config, assembled))
        });
        let (config, assembled) = assembled.await.map_err(|_| ReloadError::Ended)??;
        let (rules, supplies) = assembled.supply().await?;
        let upstream = match self.config.upstream == config.upstream {
            // With what is known of its endpoints.
            true => Arc::clone(&self.snapshots.borrow().upstream),
            false => {
                let upstream = Upstream::new(&config.upstream).map_err(StartError::Upstream)?;
                upstream.resolve_first().await;
                tokio::spawn(upstream.maintain());
                upstream
            }
        };
        for tls in self.tls.clone() {
            // Last: each replaces its certificates at once, or fails and replaces nothing.
            let reloaded = tokio::task::spawn_blocking(move || tls.reload()).await;
            let reloaded = reloaded.map_err(|_| ReloadError::Ended)?;
            reloaded.map_err(StartError::Tls)?;
        }
        telemetry::set_level(&config.log.level);
        self.report_fixed(&config);
        super::warn_of_reports(&config);
        self.snapshots.send_replace(Arc::new(Snapshot {
            rules,
            settings: config.gateway.clone(),
            upstream,
        }));
        self.supplies = supplies;
        self.config = config;
        Ok(())
    }

    /// Says what of the new config waits for a start.
    fn report_fixed(&self, new: &Config) {
        let fixed = [
            ("listen", self.config.listen != new.listen),
            ("audit", self.config.audit != new.audit),
            ("admin", self.config.admin != new.admin),
            ("authorizer", self.config.authorizers != new.authorizers),
            ("tracing", self.config.tracing != new.tracing),
        ];
        if self.config.log.format != new.log.format {
            warn!("a change of `log.format` takes effect at the next start");
        }
        for (section, _) in fixed.iter().filter(|(_, is_changed)| *is_changed) {
            warn!(
                section,
                "changes of [{section}] take effect at the next start"
            );
        }
    }
}
