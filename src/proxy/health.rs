//! Asking endpoints whether they are well, on the control thread.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::MAX_HEAD;
use super::connect::Stream;
use super::endpoint::{Address, Endpoint};
use super::settings::{HealthCheck, Protocol};
use super::upstream::Upstream;

/// Checks all endpoints again and again, until nobody else has the upstream any longer.
pub async fn check_again(upstream: Weak<Upstream>, check: Option<HealthCheck>) {
    let Some(check) = check else { return };
    loop {
        let Some(upstream) = upstream.upgrade() else {
            return;
        };
        check_all(&upstream, &check).await;
        drop(upstream);
        sleep(check.interval).await;
    }
}

/// At the same time, so that one that hangs does not keep the others.
async fn check_all(upstream: &Arc<Upstream>, check: &HealthCheck) {
    let mut checks = JoinSet::new();
    for endpoint in upstream.snapshot().endpoints {
        let (upstream, check) = (Arc::clone(upstream), check.clone());
        checks.spawn(async move {
            let is_well = is_well(&upstream, &endpoint, &check).await;
            endpoint.checked(is_well, &check);
        });
    }
    while checks.join_next().await.is_some() {}
}

async fn is_well(upstream: &Upstream, endpoint: &Endpoint, check: &HealthCheck) -> bool {
    let address = &endpoint.address;
    let asked = timeout(check.timeout, ask(upstream, address, check)).await;
    match asked {
        Ok(Ok(status)) if status.is_success() || status.is_redirection() => return true,
        Ok(Ok(status)) => debug!("the check of {address} got {status}"),
        Ok(Err(error)) => debug!("the check of {address} failed: {error}"),
        Err(_) => debug!(
            "the check of {address} got no answer in {:?}",
            check.timeout
        ),
    }
    false
}

/// The status of the answer to one GET on a connection of its own.
async fn ask(
    upstream: &Upstream,
    address: &Address,
    check: &HealthCheck,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TokioIo::new(Stream::connect(upstream, address).await?);
    let mut request = Request::new(Empty::<Bytes>::new());
    let authority = authority(address);
    let answer = match upstream.settings.protocol {
        Protocol::Http1 => {
            *request.uri_mut() = Uri::from(check.path.clone());
            request.headers_mut().insert(HOST, authority.parse()?);
            let mut builder = http1::Builder::new();
            let handshake = builder.max_header_size(MAX_HEAD).handshake(stream);
            let (mut sender, connection) = handshake.await?;
            let connection = Driver(tokio::spawn(connection));
            let answer = sender.send_request(request).await?;
            drop(connection);
            answer
        }
        Protocol::Http2 => {
            let uri = Uri::builder()
                .scheme(address.scheme())
                .authority(authority.as_str());
            *request.uri_mut() = uri.path_and_query(check.path.clone()).build()?;
            *request.version_mut() = Version::HTTP_2;
            let builder = http2::Builder::new(TokioExecutor::new());
            let (mut sender, connection) = builder.handshake(stream).await?;
            let connection = Driver(tokio::spawn(connection));
            let answer = sender.send_request(request).await?;
            drop(connection);
            answer
        }
    };
    Ok(answer.status())
}

/// What a check calls the host.
fn authority(address: &Address) -> String {
    match address {
        Address::Unix(_) => "localhost".to_owned(),
        Address::Tcp { address, host, .. } if host.contains(':') => {
            format!("[{host}]:{}", address.port())
        }
        Address::Tcp { address, host, .. } => format!("{host}:{}", address.port()),
    }
}

/// A connection's task, which ends with the check, also when that runs out of time.
struct Driver(tokio::task::JoinHandle<hyper::Result<()>>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
