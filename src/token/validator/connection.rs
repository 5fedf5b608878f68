//! Requests to one server, on connections that are kept.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderValue};
use hyper::http::uri::InvalidUri;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::error::{AskError, MAX_ANSWER};
use crate::tls;
use crate::token::fetch;

/// The most connections that are kept for later.
const MAX_IDLE: usize = 32;
/// Servers close idle connections in their own time: better not to find out with a request.
const IDLE: Duration = Duration::from_secs(4);
/// The most bytes of an answer's head.
const MAX_HEAD: usize = 64 * 1024;

/// A request to whichever server answers.
#[derive(Clone)]
pub struct Call {
    pub method: Method,
    /// What comes after the URL of the server.
    pub path: &'static str,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A whole answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// One server.
pub struct Server {
    uri: Uri,
    host: HeaderValue,
    tls: Option<tls::Client>,
    idle: Mutex<Vec<(SendRequest<Full<Bytes>>, Instant)>>,
}

impl Server {
    /// `uri` is what every path is put behind; `tls` is for one that is `https`.
    pub fn new(uri: &Uri, tls: Option<&tls::Client>) -> Self {
        let is_https = uri.scheme_str() == Some("https");
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        Self {
            uri: uri.clone(),
            host: HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static("")),
            tls: tls.filter(|_| is_https).cloned(),
            idle: Mutex::default(),
        }
    }

    /// Sends `call` once, twice where a kept connection turns out to be dead: it only asks something.
    /// The caller bounds the time.
    pub async fn exchange(&self, call: &Call) -> Result<Answer, AskError> {
        while let Some(mut sender) = self.kept() {
            if sender.ready().await.is_err() {
                continue;
            }
            match self.exchange_on(sender, call).await {
                Err(AskError::Http(_)) => break,
                exchanged => return exchanged,
            }
        }
        if let Some(tls) = &self.tls
            && !tls.files().is_empty()
        {
            // A new authority counts for new connections.
            tls.reload().map_err(fetch::FetchError::from)?;
        }
        let stream = fetch::connect(&self.uri, self.tls.as_ref()).await?;
        let mut builder = Builder::new();
        builder.max_buf_size(MAX_HEAD);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        // It ends when its sender is dropped.
        tokio::spawn(connection);
        self.exchange_on(sender, call).await
    }

    async fn exchange_on(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        call: &Call,
    ) -> Result<Answer, AskError> {
        let request = self
            .request(call)
            .map_err(|error| AskError::Unreadable(error.to_string()))?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => AskError::TooLarge,
            Err(error) => AskError::Broken(error),
        })?;
        self.keep(sender);
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, InvalidUri> {
        let base = self.uri.path_and_query().map_or("", |path| path.as_str());
        let path = match call.path {
            "" => base.to_owned(),
            path => format!("{}{path}", base.trim_end_matches('/')),
        };
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = path.parse()?;
        *request.headers_mut() = call.headers.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, since) = idle.pop()?;
        if since.elapsed() > IDLE {
            // So are all that were put there before.
            idle.clear();
            return None;
        }
        Some(sender)
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if !sender.is_closed() && idle.len() < MAX_IDLE {
            idle.push((sender, Instant::now()));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.uri)
    }
}
