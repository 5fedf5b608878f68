//! `run`: the gateway itself.

use std::path::Path;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::Outcome;
use crate::app::App;
use crate::config::Config;
use crate::telemetry;

pub fn run(path: &Path) -> anyhow::Result<Outcome> {
    let config = Config::read(path).context("the config cannot be used:\n")?;
    telemetry::start(config.log);
    let app = App::start(&config)?;
    serve_until_signal(app)
}

/// Waits for SIGTERM or SIGINT and lets the gateway come to its end; a second one ends it at once.
pub fn serve_until_signal(mut app: App) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut terminate = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    let mut next_signal = async || {
        tokio::select! {
            _ = terminate.0.recv() => "SIGTERM",
            _ = terminate.1.recv() => "SIGINT",
        }
    };
    runtime.block_on(async {
        let name = next_signal().await;
        info!("{name}: letting running requests finish");
        app.stop();
        let stopped = tokio::task::spawn_blocking(move || app.join());
        tokio::select! {
            drained = stopped => {
                let cut_off = drained?.cut_off;
                if cut_off > 0 {
                    info!(cut_off, "stopped; {cut_off} connections were cut off at the deadline");
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
