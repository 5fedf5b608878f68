//! `run`: the gateway itself.

use std::io;
use std::path::Path;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::Outcome;
use crate::app::App;
use crate::server::Drained;
use crate::telemetry;

pub fn run(path: &Path) -> anyhow::Result<Outcome> {
    let config = super::read_config(path)?;
    telemetry::start(config.log);
    let signals = Signals::catch()?;
    signals.serve(App::start(&config)?)
}

/// SIGTERM and SIGINT, caught before a gateway starts: none that comes early kills it.
pub struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn catch() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        drop(inside);
        Ok(Self {
            runtime,
            terminate,
            interrupt,
        })
    }

    /// Waits for one and lets the gateway come to its end; a second one ends it at once.
    pub fn serve(mut self, mut app: App) -> anyhow::Result<Outcome> {
        let mut next_signal = async || {
            tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
            }
        };
        self.runtime.block_on(async {
        let name = next_signal().await;
        info!("{name}: letting running requests finish");
        app.stop();
        let stopped = tokio::task::spawn_blocking(move || app.join());
        tokio::select! {
            drained = stopped => {
                let Drained { cut_off, panicked } = drained?;
                if panicked > 0 {
                    error!(panicked, "stopped; {panicked} threads ended by a panic, with their connections");
                    return Ok(Outcome::Failed);
                }
                if cut_off > 0 {
                    warn!(cut_off, "stopped; {cut_off} connections were cut off at the deadline");
                    return Ok(Outcome::Failed);
                }
                info!("stopped; every request was answered");
                Ok(Outcome::Done)
            }
            name = next_signal() => {
                info!("{name} again: stopping at once");
                std::process::exit(1);
            }
        }
    })
    }
}
