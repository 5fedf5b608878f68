//! `run`: the gateway itself.

use std::io;
use std::path::Path;

use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{debug, error, info, warn};

use super::Outcome;
use crate::app::App;
use crate::server::Drained;
use crate::telemetry;

pub fn run(path: &Path) -> anyhow::Result<Outcome> {
    let config = super::read_config(path)?;
    telemetry::start(&config.log);
    let signals = Signals::catch()?;
    signals.serve(App::start(&config)?)
}

/// SIGTERM, SIGINT and SIGHUP, caught before a gateway starts: none that comes early kills it.
pub struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub fn catch() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let hangup = signal(SignalKind::hangup())?;
        drop(inside);
        Ok(Self {
            runtime,
            terminate,
            interrupt,
            hangup,
        })
    }

    /// Reloads at each SIGHUP; at one of the others lets the gateway come to its end, and at the next
    /// ends it at once.
    pub fn serve(self, mut app: App) -> anyhow::Result<Outcome> {
        let Self {
            runtime,
            mut terminate,
            mut interrupt,
            mut hangup,
        } = self;
        let mut end = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        notify(&[NotifyState::Ready]);
        runtime.block_on(async {
            let name = loop {
                tokio::select! {
                    name = end() => break name,
                    _ = hangup.recv() => {}
                }
                // A file system may let a reload wait, but not the end.
                tokio::select! {
                    name = end() => break name,
                    () = reload(&app) => {}
                }
            };
            notify(&[NotifyState::Stopping]);
            info!("{name}: letting running requests finish");
            app.stop();
            tokio::select! {
                drained = tokio::task::spawn_blocking(move || app.join()) => Ok(outcome(drained?)),
                name = end() => {
                    info!("{name} again: stopping at once");
                    std::process::exit(Outcome::CutOff.code().into());
                }
            }
        })
    }
}

fn outcome(drained: Drained) -> Outcome {
    let Drained { cut_off, panicked } = drained;
    if panicked > 0 {
        error!(
            panicked,
            "stopped; {panicked} threads ended by a panic, with their connections"
        );
        return Outcome::Failed;
    }
    if cut_off > 0 {
        warn!(
            cut_off,
            "stopped; {cut_off} connections were cut off at the deadline"
        );
        return Outcome::CutOff;
    }
    info!("stopped; every request was answered");
    Outcome::Done
}

async fn reload(app: &App) {
    if let Ok(reloading) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, reloading]);
    }
    // What became of it is in the log.
    let _ = app.reload().await;
    notify(&[NotifyState::Ready]);
}

/// Tells systemd, if it started us as `Type=notify` or `notify-reload`.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!("systemd cannot be told: {error}");
    }
}
