//! `health`: asks a running gateway how it is. A probe for containers, which have no shell and no
//! curl. `/live` and `/ready` demand no token.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Outcome, say};
use crate::config::Config;

/// The whole exchange: a probe that hangs says nothing.
const DEADLINE: Duration = Duration::from_secs(2);
/// The most bytes of an answer.
const MAX_BODY: usize = 64 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub enum Question {
    /// Whether the process serves at all: if not, it is to be started again.
    Live,
    /// Whether requests should be sent to it.
    Ready,
}

impl Question {
    fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ready => "ready",
        }
    }
}

/// Asks the admin listener at `url`, `http://host:port`. It fails with the reason if the answer is
/// anything but 200.
pub fn run(url: &str, question: Question) -> anyhow::Result<Outcome> {
    let name = question.name();
    let authority = authority(url)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(async { timeout(DEADLINE, ask(&authority, name)).await });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    let (status, body) = answer
        .map_err(|_| anyhow!("no answer from {authority} within {DEADLINE:?}"))
        .flatten()
        .with_context(|| format!("not {name}"))?;
    let body = body.trim_end();
    if status != StatusCode::OK {
        match body {
            "" => bail!("not {name}: {status}"),
            _ => bail!("not {name}: {status}: {body}"),
        }
    }
    say(name);
    Ok(Outcome::Done)
}

/// Where the gateway that runs with the config at `path` can be asked on its own machine.
pub fn url_of(path: &Path) -> anyhow::Result<String> {
    let admin = Config::read_admin(path)
        .map_err(|problems| anyhow!("`[admin]` cannot be used:\n{problems}"))?;
    let name = path.display();
    let admin = admin.with_context(|| {
        format!("`{name}` has no [admin]: expected one with `address = \"127.0.0.1:9090\"`")
    })?;
    if admin.tls.is_some() {
        bail!(
            "`{name}` has [admin.tls], which `health` does not speak: ask with what trusts its certificate"
        );
    }
    if admin.address.port() == 0 {
        bail!(
            "`admin.address` in `{name}` lets the system choose the port: name the one of the log with --url"
        );
    }
    let ip = match admin.address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, admin.address.port());
    Ok(format!("http://{address}"))
}

/// The host and port of a URL that has nothing else.
fn authority(url: &str) -> anyhow::Result<String> {
    let expected = "expected one such as http://127.0.0.1:9090";
    let uri: Uri = url
        .parse()
        .with_context(|| format!("`{url}` is not a URL, {expected}"))?;
    let authority = uri.authority().filter(|authority| {
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        // A name and password would stand before an `@`, and would not be sent.
        is_bare && uri.scheme_str() == Some("http") && !authority.as_str().contains('@')
    });
    let Some(authority) = authority else {
        bail!("`{url}` is not the URL of an admin listener, {expected}");
    };
    let port = authority.port_u16().unwrap_or(80);
    Ok(format!("{}:{port}", authority.host()))
}

async fn ask(authority: &str, name: &str) -> anyhow::Result<(StatusCode, String)> {
    let stream = TcpStream::connect(authority)
        .await
        .with_context(|| format!("cannot connect to {authority}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let request = Request::get(format!("/{name}"))
            .header(HOST, authority)
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BODY).collect().await;
        let body = body
            .map_err(|error| anyhow!("the answer {status} cannot be read: {error}"))?
            .to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    // The answer owns the sender: once it is there, the connection ends as well.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
