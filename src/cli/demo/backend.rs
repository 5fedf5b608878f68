//! The demo's backend: servers, key pairs and flavors in memory behind the native routes that the
//! clients of OpenStack call, and that of automatic recovery; it answers as Nova and the vendor do.
//!
//! It trusts its caller: it authenticates and authorizes nobody, and of the headers reads the
//! host, the version and the request's identifier only, so only the gateway may reach its socket. What it keeps is bounded
//! and lost when it stops.

mod action;
mod answer;
mod body;
mod call;
mod collection;
mod draft;
mod flavor;
mod group;
mod history;
mod keypair;
mod metadata;
mod quota;
mod server;
mod tag;
mod version;

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use answer::{Answer, Fault};
use call::{Call, percent_decode};
use collection::Collection;
use group::Groups;
use keypair::Keypairs;
use server::parse_auto_recovery;
use version::Microversion;

pub use server::Server;

const MAX_CONNECTIONS: usize = 1024;
const MAX_BODY: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// From one request to the end of the next one's head. Longer than a proxy keeps a connection in
/// its pool, so that the proxy closes first and never sends on a connection that we just closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// `accept` goes on failing while file descriptors are short: do not spin on it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Servers in memory, as the vendor's API shows them.
#[derive(Debug)]
pub struct Backend {
    servers: Collection,
    keypairs: Keypairs,
    groups: Groups,
}

impl Backend {
    #[must_use]
    pub fn new(servers: Vec<Server>) -> Self {
        Self {
            servers: Collection::new(servers),
            keypairs: Keypairs::default(),
            groups: Groups::default(),
        }
    }

    /// Serves the connections of `listener` until the future is dropped, which closes them.
    ///
    /// Must run inside a tokio `LocalSet`.
    pub async fn serve(self: Rc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= MAX_CONNECTIONS {
                connections.join_next().await;
                continue;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn_local(Rc::clone(&self).serve_connection(stream));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// An error of a connection ends that connection only; its peer, the gateway, reports it.
    async fn serve_connection(self: Rc<Self>, stream: TcpStream) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let service = service_fn(|request| self.respond(request));
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let body = Limited::new(body, MAX_BODY).collect();
        let body = match timeout(BODY_TIMEOUT, body).await? {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Ok(Fault::BodyTooLarge.answer(path).into());
            }
            Err(error) => return Err(error),
        };
        // `/v2` is from before there were such versions: it ignores the headers and sends none.
        let is_versioned = path.starts_with("/v2.1/");
        let version = match is_versioned {
            true => Microversion::parse(&head.headers),
            false => Ok(Microversion::MINIMUM),
        };
        let version = match version {
            Ok(version) => version,
            Err(fault) => return Ok(fault.answer(path).into()),
        };
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let call = Call {
            method: &head.method,
            path,
            query: head.uri.query().unwrap_or_default(),
            host: header("host").unwrap_or("localhost"),
            request_id: header("x-openstack-request-id").unwrap_or_default(),
            version,
            body: &body,
        };
        let mut response: Response<_> = self.answer(&call).into();
        if is_versioned {
            version.write(response.headers_mut());
        }
        Ok(response)
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        self.operate(call)
            .unwrap_or_else(|fault| fault.answer(call.path))
    }

    fn operate(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let segments: Option<Vec<String>> =
            call.path.split('/').skip(1).map(percent_decode).collect();
        let segments = segments.ok_or(Fault::NoSuchRoute)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", [""]) => Ok(version::show_all(call.host)),
            ("GET", [name @ ("v2" | "v2.1")] | [name @ ("v2" | "v2.1"), ""]) => {
                Ok(version::show(name, call.host))
            }
            (_, ["v2" | "v2.1", project, rest @ ..]) => self.compute(call, project, rest),
            ("GET", ["v1", project, "cloudservers", id, "autorecovery"]) => {
                Ok(self.servers.find(project, id)?.show_auto_recovery())
            }
            ("PUT", ["v1", project, "cloudservers", id, "autorecovery"]) => {
                let state = parse_auto_recovery(call.body)?;
                Ok(self.servers.find(project, id)?.set_auto_recovery(state))
            }
            _ => Err(Fault::NoSuchRoute),
        }
    }

    /// Nova's own part.
    fn compute(&self, call: &Call<'_>, project: &str, rest: &[&str]) -> Result<Answer, Fault> {
        // Nova knows no empty segment, at the end neither.
        if rest.contains(&"") {
            return Err(Fault::NoSuchRoute);
        }
        match (call.method.as_str(), rest) {
            (_, ["servers", rest @ ..]) => self.servers.operate(call, project, rest),
            (_, ["os-keypairs", rest @ ..]) => self.keypairs.operate(call, project, rest),
            (_, ["os-server-groups", rest @ ..]) => self.groups.operate(call, project, rest),
            (_, ["flavors", rest @ ..]) => flavor::operate(call, project, rest),
            ("GET", ["limits"]) => Ok(quota::show_limits(&self.servers.of(project))),
            ("GET", ["os-quota-sets", target] | ["os-quota-sets", target, "defaults"]) => {
                Ok(quota::show_quotas(target))
            }
            ("GET", ["os-availability-zone"]) => Ok(quota::show_zones(&Value::Null)),
            ("GET", ["os-availability-zone", "detail"]) => Ok(quota::show_zones(&json!({}))),
            _ => Err(Fault::NoSuchRoute),
        }
    }
}

#[cfg(test)]
mod tests;
