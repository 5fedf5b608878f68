//! `demo`: everything the gateway needs, made on the spot, to try it out.

mod backend;
mod files;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::{Outcome, run, say};
use crate::app::App;
use crate::server::Address;
use crate::telemetry;
use backend::{Backend, Server};

/// The personas' project and two servers of it; one role is to leave the second one alone.
const PROJECT: &str = "4f5e3d2c1b0a49788796a5b4c3d2e1f0";
const SERVER: &str = "8f0e1c52-6e3a-4d0e-9a53-2f1f3c9c7a11";
const PRODUCTION: &str = "c27a9d40-05be-4f16-8d3c-71e9b2a4f805";
/// Another project and a server of that.
const OTHER_PROJECT: &str = "0a1b2c3d4e5f40718293a4b5c6d7e8f9";
const OTHER_SERVER: &str = "1d2c3b4a-5968-4776-8594-a3b2c1d0e0f1";

pub fn run(
    folder: Option<PathBuf>,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
) -> anyhow::Result<Outcome> {
    let folder = folder.unwrap_or_else(|| std::env::temp_dir().join("actiongate-demo"));
    let admin = admin.unwrap_or_else(|| behind(listen));
    // Before the files of a demo that listens there already are replaced.
    for (option, address) in [("--listen", listen), ("--admin", admin)] {
        std::net::TcpListener::bind(address).with_context(|| {
            format!(
                "choose another address with {option} if this one is taken: cannot listen on {address}"
            )
        })?;
    }
    let backend = start_backend().context("cannot start the demo's compute API")?;
    files::write(&folder, listen, admin, backend)
        .with_context(|| format!("cannot write the demo's files to `{}`", folder.display()))?;
    // Commands to paste work wherever they are pasted.
    let folder = folder.canonicalize()?;
    let path = folder.join("actiongate.toml");
    let config = super::read_config(&path)?;
    telemetry::start(&config.log);
    let signals = run::Signals::catch()?;
    let app = App::start(&config)?;
    if let (Some(gateway), Some(admin)) = (app.addresses().first(), app.admin_address()) {
        introduce(&folder, gateway, admin, backend);
    }
    signals.serve(app)
}

/// For this machine only: the port behind that of `listen`, or any where that is any.
fn behind(listen: SocketAddr) -> SocketAddr {
    let port = match listen.port() {
        0 => 0,
        port => port.wrapping_add(1),
    };
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The compute API in memory, on a thread of its own that ends with the process.
fn start_backend() -> anyhow::Result<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let address = listener.local_addr()?;
    thread::Builder::new()
        .name("backend".to_owned())
        .spawn(move || {
            let backend = Rc::new(Backend::new(vec![
                Server::new(PROJECT, SERVER, "test"),
                Server::new(PROJECT, PRODUCTION, "production"),
                Server::new(OTHER_PROJECT, OTHER_SERVER, "other"),
            ]));
            LocalSet::new().block_on(&runtime, backend.serve(listener));
        })?;
    Ok(address)
}

fn introduce(folder: &Path, gateway: &Address, admin: SocketAddr, backend: SocketAddr) {
    let file = |name: &str| quoted(&folder.join(name).display().to_string());
    let program = std::env::current_exe().map_or_else(
        |_| "actiongate".to_owned(),
        |path| quoted(&path.display().to_string()),
    );
    let (operator, metadata_only) = (file("operator.token"), file("metadata-only.token"));
    let (helpdesk, auditor) = (file("helpdesk.token"), file("auditor.token"));
    let (config, audit) = (file("actiongate.toml"), file("audit.jsonl"));
    let folder = folder.display();
    let server = format!("/v2.1/{PROJECT}/servers/{SERVER}");
    let metadata = format!("{server}/metadata");
    let url = format!("http://{gateway}{metadata}");
    let action = format!("http://{gateway}{server}/action");
    say(format_args!(
        "
actiongate demo: the gateway is http://{gateway}, a compute API in memory behind it http://{backend}.
Config, keys, tokens and audit are in {folder}.

Allowed: the operator reads a server's metadata.

  curl -i -H \"X-Auth-Token: $(cat {operator})\" {url}

Refused, and it says why: this token may set metadata, but replacing all of it takes one action more.

  curl -i -X PUT -H \"Authorization: Bearer $(cat {metadata_only})\" \\
    -H 'Content-Type: application/json' -d '{{\"metadata\":{{\"a\":\"b\"}}}}' {url}

Why, step by step, without sending anything:

  {program} explain --config {config} \\
    --token {metadata_only} PUT {metadata}

Allowed: the body makes it a stop, which the policies of the role helpdesk allow.

  curl -i -X POST -H \"X-Auth-Token: $(cat {helpdesk})\" \\
    -H 'Content-Type: application/json' -d '{{\"os-stop\":null}}' {action}

Refused: the role auditor may see that server stopped, but not start it.

  curl -i -X POST -H \"X-Auth-Token: $(cat {auditor})\" \\
    -H 'Content-Type: application/json' -d '{{\"os-start\":null}}' {action}

There are a reader.token and an other-project.token, too, and a server that the config denies
helpdesk to stop: {PRODUCTION}. What was asked and decided:

  tail -n 2 {audit}

What it is doing is on the page http://{admin}, and in metrics for Prometheus:

  curl http://{admin}/metrics

Ctrl-C stops the demo."
    ));
}

/// As a shell reads it back, with quotes only where they are needed.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@".contains(&byte);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
