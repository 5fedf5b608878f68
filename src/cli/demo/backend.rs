//! The demo's backend: servers in memory behind a few native routes and that of automatic
//! recovery, answering as Nova and the vendor do.
//!
//! It trusts its caller: it authenticates and authorizes nobody and reads no header, so only the
//! gateway may reach its socket. What it keeps is bounded and lost when it stops.

mod answer;
mod body;
mod metadata;
mod server;

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use answer::{Answer, Fault};
use metadata::parse_items;
use server::{Action, parse_auto_recovery};

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
    servers: Vec<Server>,
}

impl Backend {
    #[must_use]
    pub fn new(servers: Vec<Server>) -> Self {
        Self { servers }
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
        match timeout(BODY_TIMEOUT, body).await? {
            Ok(body) => Ok(self.answer(&head.method, path, &body.to_bytes()).into()),
            Err(error) if error.is::<LengthLimitError>() => {
                Ok(Fault::BodyTooLarge.answer(path).into())
            }
            Err(error) => Err(error),
        }
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Answer {
        self.operate(method, path, body)
            .unwrap_or_else(|fault| fault.answer(path))
    }

    fn operate(&self, method: &Method, path: &str, body: &[u8]) -> Result<Answer, Fault> {
        let (project, target) = parse_path(path).ok_or(Fault::NoSuchRoute)?;
        match target {
            Target::Servers if method == Method::GET => Ok(self.list(project, Server::summary)),
            Target::Details if method == Method::GET => Ok(self.list(project, Server::details)),
            Target::Servers | Target::Details => Err(Fault::NoSuchRoute),
            Target::Server(id, resource) => {
                let server = self.find(project, id);
                resource.operate(method, server, body)
            }
        }
    }

    fn list(&self, project: &str, show: impl Fn(&Server) -> Value) -> Answer {
        let servers = self.servers.iter();
        let servers = servers.filter(|server| server.project == project).map(show);
        Answer::show(&json!({"servers": servers.collect::<Vec<_>>()}))
    }

    fn find(&self, project: &str, id: &str) -> Result<&Server, Fault> {
        let is_named = |server: &&Server| server.project == project && server.id == id;
        let found = self.servers.iter().find(is_named);
        found.ok_or_else(|| Fault::ServerNotFound(id.to_owned()))
    }
}

/// What a path names.
enum Target<'a> {
    /// All of a project.
    Servers,
    /// The same, and more of each.
    Details,
    Server(&'a str, Resource),
}

/// A server, or something of it.
enum Resource {
    Itself,
    Action,
    Metadata,
    Item(String),
    AutoRecovery,
}

impl Resource {
    /// As in Nova, a bad body is reported before an unknown server.
    fn operate(
        self,
        method: &Method,
        server: Result<&Server, Fault>,
        body: &[u8],
    ) -> Result<Answer, Fault> {
        match (method, self) {
            (&Method::GET, Self::Itself) => Ok(Answer::show(&json!({"server": server?.details()}))),
            (&Method::POST, Self::Action) => {
                let action = Action::parse(body)?;
                server?.act(action)
            }
            (&Method::GET, Self::Metadata) => Ok(server?.metadata.show()),
            (&Method::PUT, Self::Metadata) => {
                let items = parse_items(body, "metadata")?;
                server?.metadata.replace(items)
            }
            (&Method::POST, Self::Metadata) => {
                let items = parse_items(body, "metadata")?;
                server?.metadata.merge(items)
            }
            (&Method::GET, Self::Item(key)) => server?.metadata.show_item(&key),
            (&Method::PUT, Self::Item(key)) => {
                let item = parse_items(body, "meta")?;
                if item.len() != 1 || !item.contains_key(&key) {
                    return Err(Fault::KeyMismatch);
                }
                let metadata = &server?.metadata;
                metadata.merge(item)?;
                metadata.show_item(&key)
            }
            (&Method::DELETE, Self::Item(key)) => server?.metadata.remove(&key),
            (&Method::GET, Self::AutoRecovery) => Ok(server?.show_auto_recovery()),
            (&Method::PUT, Self::AutoRecovery) => {
                let state = parse_auto_recovery(body)?;
                Ok(server?.set_auto_recovery(state))
            }
            _ => Err(Fault::NoSuchRoute),
        }
    }
}

/// The project, and what of it the path names.
fn parse_path(path: &str) -> Option<(&str, Target<'_>)> {
    let segments: Vec<&str> = path.split('/').collect();
    let (project, id, resource) = match *segments.as_slice() {
        ["", "v2" | "v2.1", project, "servers"] => return Some((project, Target::Servers)),
        ["", "v2" | "v2.1", project, "servers", "detail"] => {
            return Some((project, Target::Details));
        }
        ["", "v2" | "v2.1", project, "servers", id] if !id.is_empty() => {
            (project, id, Resource::Itself)
        }
        ["", "v2" | "v2.1", project, "servers", id, "action"] => (project, id, Resource::Action),
        ["", "v2" | "v2.1", project, "servers", id, "metadata"] => {
            (project, id, Resource::Metadata)
        }
        ["", "v2" | "v2.1", project, "servers", id, "metadata", key] if !key.is_empty() => {
            (project, id, Resource::Item(percent_decode(key)?))
        }
        ["", "v1", project, "cloudservers", id, "autorecovery"] => {
            (project, id, Resource::AutoRecovery)
        }
        _ => return None,
    };
    Some((project, Target::Server(id, resource)))
}

fn percent_decode(text: &str) -> Option<String> {
    let hex_digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = hex_digit(bytes.next()?)?;
        let low = hex_digit(bytes.next()?)?;
        decoded.push(u8::try_from(16 * high + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests;
