//! The demo's backend: servers in memory behind the 14 metadata routes, answering as Nova and the
//! vendor do.
//!
//! It trusts its caller: it authenticates and authorizes nobody and reads no header, so only the
//! gateway may reach its socket. What it keeps is bounded and lost when it stops.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const MAX_CONNECTIONS: usize = 1024;
const MAX_BODY: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// From one request to the end of the next one's head. Longer than a proxy keeps a connection in
/// its pool, so that the proxy closes first and never sends on a connection that we just closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// `accept` goes on failing while file descriptors are short: do not spin on it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Nova's quota of metadata items of one server.
const MAX_ITEMS: usize = 128;
/// Nova's bound on a key and on a value, in characters.
const MAX_TEXT: usize = 255;
const AUTO_RECOVERY: &str = "support_auto_recovery";

type Items = BTreeMap<String, String>;

/// Servers in memory, as the vendor's API shows them.
#[derive(Debug)]
pub struct Backend {
    servers: Vec<Server>,
}

impl Backend {
    /// The demo's servers: each `(project, server)` exists with a little metadata and automatic
    /// recovery on.
    #[must_use]
    pub fn new(servers: &[(&str, &str)]) -> Self {
        let servers = servers.iter().map(|(project, id)| Server {
            project: (*project).to_owned(),
            id: (*id).to_owned(),
            metadata: RefCell::new(Items::from([
                ("environment".to_owned(), "demo".to_owned()),
                ("role".to_owned(), "web".to_owned()),
            ])),
            auto_recovery: Cell::new(true),
        });
        Self {
            servers: servers.collect(),
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

    /// As in Nova, a bad body is reported before an unknown server.
    fn operate(&self, method: &Method, path: &str, body: &[u8]) -> Result<Answer, Fault> {
        let (project, id, resource) = parse_path(path).ok_or(Fault::NoSuchRoute)?;
        let is_named = |server: &&Server| server.project == project && server.id == id;
        let found = self.servers.iter().find(is_named);
        let server = found.ok_or_else(|| Fault::ServerNotFound(id.to_owned()));

        match (method, resource) {
            (&Method::GET, Resource::Metadata) => Ok(server?.show_metadata()),
            (&Method::PUT, Resource::Metadata) => {
                let items = parse_items(body, "metadata")?;
                server?.replace(items)
            }
            (&Method::POST, Resource::Metadata) => {
                let items = parse_items(body, "metadata")?;
                server?.merge(items)
            }
            (&Method::GET, Resource::Item(key)) => server?.show_item(&key),
            (&Method::PUT, Resource::Item(key)) => {
                let item = parse_items(body, "meta")?;
                if item.len() != 1 || !item.contains_key(&key) {
                    return Err(Fault::KeyMismatch);
                }
                let server = server?;
                server.merge(item)?;
                server.show_item(&key)
            }
            (&Method::DELETE, Resource::Item(key)) => server?.remove(&key),
            (&Method::GET, Resource::AutoRecovery) => Ok(server?.show_auto_recovery()),
            (&Method::PUT, Resource::AutoRecovery) => {
                let state = parse_auto_recovery(body)?;
                server?.auto_recovery.set(state);
                Ok(Answer::DONE)
            }
            _ => Err(Fault::NoSuchRoute),
        }
    }
}

#[derive(Debug)]
struct Server {
    project: String,
    id: String,
    metadata: RefCell<Items>,
    auto_recovery: Cell<bool>,
}

impl Server {
    fn show_metadata(&self) -> Answer {
        Answer::show(&json!({"metadata": *self.metadata.borrow()}))
    }

    fn show_item(&self, key: &str) -> Result<Answer, Fault> {
        let metadata = self.metadata.borrow();
        let value = metadata.get(key).ok_or(Fault::ItemNotFound)?;
        Ok(Answer::show(&json!({"meta": {key: value}})))
    }

    fn show_auto_recovery(&self) -> Answer {
        let state = self.auto_recovery.get().to_string();
        Answer::show(&json!({AUTO_RECOVERY: state}))
    }

    fn merge(&self, items: Items) -> Result<Answer, Fault> {
        let mut merged = self.metadata.borrow().clone();
        merged.extend(items);
        self.replace(merged)
    }

    fn replace(&self, items: Items) -> Result<Answer, Fault> {
        if items.len() > MAX_ITEMS {
            return Err(Fault::TooManyItems);
        }
        self.metadata.replace(items);
        Ok(self.show_metadata())
    }

    fn remove(&self, key: &str) -> Result<Answer, Fault> {
        let removed = self.metadata.borrow_mut().remove(key);
        removed.map(|_| Answer::DONE).ok_or(Fault::ItemNotFound)
    }
}

enum Resource {
    Metadata,
    Item(String),
    AutoRecovery,
}

/// The project, the server and what the path names of it.
fn parse_path(path: &str) -> Option<(&str, &str, Resource)> {
    let segments: Vec<&str> = path.split('/').collect();
    match *segments.as_slice() {
        ["", "v2" | "v2.1", project, "servers", id, "metadata"] => {
            Some((project, id, Resource::Metadata))
        }
        ["", "v2" | "v2.1", project, "servers", id, "metadata", key] if !key.is_empty() => {
            Some((project, id, Resource::Item(percent_decode(key)?)))
        }
        ["", "v1", project, "cloudservers", id, "autorecovery"] => {
            Some((project, id, Resource::AutoRecovery))
        }
        _ => None,
    }
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

fn parse_items(body: &[u8], member: &'static str) -> Result<Items, Fault> {
    let pairs = match parse_member(body, member)? {
        Value::Object(pairs) => pairs,
        value => return Err(Fault::InvalidField(member.to_owned(), value)),
    };
    let parse_pair = |(key, value): (String, Value)| match value {
        _ if !is_key(&key) => Err(Fault::InvalidKey(key)),
        Value::String(text) if text.chars().count() <= MAX_TEXT => Ok((key, text)),
        value => Err(Fault::InvalidField(key, value)),
    };
    pairs.into_iter().map(parse_pair).collect()
}

fn parse_auto_recovery(body: &[u8]) -> Result<bool, Fault> {
    let value = parse_member(body, AUTO_RECOVERY)?;
    match value.as_str() {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(Fault::InvalidField(AUTO_RECOVERY.to_owned(), value)),
    }
}

/// The value of the only member that a body may have.
fn parse_member(body: &[u8], name: &'static str) -> Result<Value, Fault> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return Err(Fault::MalformedBody);
    };
    let value = members.remove(name).ok_or(Fault::MissingMember(name))?;
    match members.into_iter().next() {
        Some((other, _)) => Err(Fault::UnexpectedMember(other)),
        None => Ok(value),
    }
}

fn is_key(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:. ".contains(&byte);
    (1..=MAX_TEXT).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Why a request is not done; the word is Nova's.
#[derive(Debug)]
enum Fault {
    NoSuchRoute,
    ServerNotFound(String),
    ItemNotFound,
    BodyTooLarge,
    MalformedBody,
    MissingMember(&'static str),
    UnexpectedMember(String),
    InvalidKey(String),
    InvalidField(String, Value),
    KeyMismatch,
    TooManyItems,
}

/// In Nova's words; what the caller sent shows as JSON, where Nova shows it as Python.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRoute => write!(f, "The resource could not be found."),
            Self::ServerNotFound(id) => write!(f, "Instance {id} could not be found."),
            Self::ItemNotFound => write!(f, "Metadata item was not found"),
            Self::BodyTooLarge => write!(f, "Request is too large."),
            Self::MalformedBody => write!(f, "Malformed request body"),
            Self::MissingMember(name) => write!(f, "'{name}' is a required property"),
            Self::UnexpectedMember(name) => write!(
                f,
                "Additional properties are not allowed ('{name}' was unexpected)"
            ),
            Self::InvalidKey(key) => write!(f, "Invalid metadata key '{key}'"),
            Self::InvalidField(name, value) => write!(
                f,
                "Invalid input for field/attribute {name}. Value: {value}"
            ),
            Self::KeyMismatch => write!(f, "Request body and URI mismatch"),
            Self::TooManyItems => {
                write!(f, "Maximum number of metadata items exceeds {MAX_ITEMS}")
            }
        }
    }
}

impl Fault {
    fn answer(&self, path: &str) -> Answer {
        let (status, name, code) = match self {
            Self::ServerNotFound(_) => (StatusCode::NOT_FOUND, "itemNotFound", "Ecs.0114"),
            Self::NoSuchRoute | Self::ItemNotFound => {
                (StatusCode::NOT_FOUND, "itemNotFound", "Ecs.0000")
            }
            Self::MalformedBody
            | Self::MissingMember(_)
            | Self::UnexpectedMember(_)
            | Self::InvalidKey(_)
            | Self::InvalidField(..)
            | Self::KeyMismatch => (StatusCode::BAD_REQUEST, "badRequest", "Ecs.0005"),
            Self::TooManyItems => (StatusCode::FORBIDDEN, "forbidden", "Ecs.0005"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "overLimit", "Ecs.0005"),
        };
        let message = self.to_string();
        // `/v1` is the vendor's own API, with the vendor's form of an error.
        let body = if path.starts_with("/v1/") {
            json!({"error": {"code": code, "message": message}})
        } else {
            json!({name: {"code": status.as_u16(), "message": message}})
        };
        Answer {
            status,
            body: body.to_string(),
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
struct Answer {
    status: StatusCode,
    body: String,
}

impl Answer {
    const DONE: Self = Self {
        status: StatusCode::NO_CONTENT,
        body: String::new(),
    };

    fn show(body: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: body.to_string(),
        }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::new(Full::from(answer.body));
        *response.status_mut() = answer.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

#[cfg(test)]
mod tests;
