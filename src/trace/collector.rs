//! One export to the collector, bounded in time and size, over a connection of its own: exports are
//! seconds apart, or as large as they may be.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{
    CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE, USER_AGENT,
};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use prost::Message as _;
use tokio::time::timeout;

use super::message::ExportResponse;
use super::{Protocol, Settings};
use crate::tls::{self, TlsError};
use crate::token::{FetchError, Secret, SecretError, connect};

/// Where OTLP over HTTP takes traces, behind the endpoint.
const HTTP_PATH: &str = "/v1/traces";
/// The method of OTLP's gRPC service.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// Before a message of gRPC: whether it is compressed, and its length.
const GRPC_PREFIX: usize = 5;
const AGENT: &str = concat!("actiongate/", env!("CARGO_PKG_VERSION"));
/// The most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;
/// How long to wait where the collector does not say.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait that is worth it: spans come in meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("the header `{0}` cannot be had")]
    Header(HeaderName, #[source] SecretError),
    #[error("the file for the header `{0}` holds what no header can")]
    HeaderValue(HeaderName),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Connect(#[from] FetchError),
    #[error("the exchange failed")]
    Http(#[from] hyper::Error),
    #[error("the exchange failed")]
    Http2(#[from] h2::Error),
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer has more than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("the collector answered {status}")]
    Status {
        status: StatusCode,
        after: Option<Duration>,
    },
    #[error("the collector answered the gRPC status {code} {message}")]
    Grpc { code: u32, message: String },
    #[error("the collector does not speak gRPC: its answer has no `grpc-status`")]
    NoGrpc,
    #[error("no complete answer in time")]
    Timeout,
}

impl ExportError {
    /// After how long another attempt may do better; none where it would not.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Connect(_) | Self::Http(_) | Self::Http2(_) | Self::Body(_) => Some(BACKOFF),
            Self::Status { status, after } => {
                let is_passing = matches!(status.as_u16(), 429 | 502..=504);
                let wait = after.unwrap_or(BACKOFF);
                (is_passing && wait <= LONGEST_WAIT).then_some(wait)
            }
            // Those that the specification calls retryable without a word of the server.
            Self::Grpc { code, .. } => matches!(code, 1 | 4 | 10 | 11 | 14 | 15).then_some(BACKOFF),
            // Too slow is not better a second time: it took its time already.
            Self::Timeout
            | Self::Header(..)
            | Self::HeaderValue(_)
            | Self::Tls(_)
            | Self::TooLarge
            | Self::NoGrpc => None,
        }
    }
}

/// Takes spans.
pub struct Collector {
    settings: Settings,
    tls: Option<tls::Client>,
}

impl Collector {
    /// Reads the authorities of an `https` collector; asks nobody.
    pub fn new(settings: &Settings) -> Result<Self, TlsError> {
        let is_https = settings.endpoint.scheme_str() == Some("https");
        let protocols: &[&[u8]] = match settings.protocol {
            Protocol::Http => &[b"http/1.1"],
            Protocol::Grpc => &[b"h2"],
        };
        let tls = is_https.then(|| tls::Client::trusting(settings.ca.as_deref(), protocols));
        Ok(Self {
            settings: settings.clone(),
            tls: tls.transpose()?,
        })
    }

    /// Whether the files for the headers can be used.
    pub fn probe(&self) -> Result<(), ExportError> {
        self.headers("").map(drop)
    }

    /// Sends a message once; the answer is how many spans of it the collector does not take.
    pub async fn send(&self, message: &Bytes) -> Result<u64, ExportError> {
        let exchange = async {
            match self.settings.protocol {
                Protocol::Http => self.post(message).await,
                Protocol::Grpc => self.call(message).await,
            }
        };
        let exchanged = timeout(self.settings.timeout, exchange).await;
        let answer = exchanged.unwrap_or(Err(ExportError::Timeout))?;
        // An answer that cannot be read is a success, too.
        let answer = ExportResponse::decode(answer).unwrap_or_default();
        let rejected = answer.partial_success.map(|part| part.rejected_spans);
        Ok(rejected.unwrap_or_default().try_into().unwrap_or_default())
    }

    async fn connect(&self) -> Result<Box<dyn crate::token::Wire>, ExportError> {
        if let Some(tls) = &self.tls
            && !tls.files().is_empty()
        {
            // A new authority counts for new connections.
            tls.reload()?;
        }
        Ok(connect(&self.settings.endpoint, self.tls.as_ref()).await?)
    }

    /// What goes with each request; each export reads the files again, as they may be rotated.
    fn headers(&self, content_type: &'static str) -> Result<HeaderMap, ExportError> {
        let mut headers = HeaderMap::new();
        for (name, path) in &self.settings.headers {
            let secret =
                Secret::read(path).map_err(|error| ExportError::Header(name.clone(), error))?;
            let mut value = HeaderValue::from_str(secret.reveal())
                .map_err(|_| ExportError::HeaderValue(name.clone()))?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        Ok(headers)
    }

    /// OTLP/HTTP.
    async fn post(&self, message: &Bytes) -> Result<Bytes, ExportError> {
        let endpoint = &self.settings.endpoint;
        let mut request = Request::new(Full::new(message.clone()));
        *request.method_mut() = Method::POST;
        let path = format!("{}{HTTP_PATH}", endpoint.path().trim_end_matches('/'));
        *request.uri_mut() = path.parse().unwrap_or_default();
        *request.headers_mut() = self.headers("application/x-protobuf")?;
        let host = endpoint.authority().map(Authority::as_str);
        if let Some(host) = host.and_then(|host| host.parse().ok()) {
            request.headers_mut().insert(HOST, host);
        }
        let stream = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            if !head.status.is_success() {
                let after = head.headers.get(RETRY_AFTER).and_then(seconds);
                let status = head.status;
                return Err(ExportError::Status { status, after });
            }
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            let body = body.map_err(|error| match error.is::<LengthLimitError>() {
                true => ExportError::TooLarge,
                false => ExportError::Body(error),
            })?;
            Ok(body.to_bytes())
        };
        driven(connection, answer).await
    }

    /// OTLP/gRPC: one message each way, by the frames of HTTP/2.
    /// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
    async fn call(&self, message: &Bytes) -> Result<Bytes, ExportError> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        let mut uri = self.settings.endpoint.clone().into_parts();
        uri.path_and_query = GRPC_PATH.parse().ok();
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = self.headers("application/grpc")?;
        request
            .headers_mut()
            .insert(TE, HeaderValue::from_static("trailers"));
        let mut framed = BytesMut::with_capacity(GRPC_PREFIX + message.len());
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        framed.put_slice(message);
        let (sender, connection) = h2::client::handshake(self.connect().await?).await?;
        let answer = async {
            let (answer, mut body) = sender.ready().await?.send_request(request, false)?;
            body.send_data(framed.freeze(), true)?;
            let (head, mut body) = answer.await?.into_parts();
            if !head.status.is_success() {
                let (status, after) = (head.status, None);
                return Err(ExportError::Status { status, after });
            }
            let mut bytes = BytesMut::new();
            while let Some(piece) = body.data().await.transpose()? {
                if bytes.len() + piece.len() > MAX_ANSWER {
                    return Err(ExportError::TooLarge);
                }
                body.flow_control().release_capacity(piece.len())?;
                bytes.put(piece);
            }
            // An answer without a message has its status in front.
            let trailers = body.trailers().await?.unwrap_or(head.headers);
            check_grpc(&trailers)?;
            let message = bytes.split_off(GRPC_PREFIX.min(bytes.len()));
            Ok(message.freeze())
        };
        driven(connection, answer).await
    }
}

/// The answer, while the connection is driven; both end with it.
async fn driven<T>(
    connection: impl Future,
    answer: impl Future<Output = Result<T, ExportError>>,
) -> Result<T, ExportError> {
    let driver = async {
        // Why it ended the answer says as well.
        connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        answer = answer => answer,
        never = driver => match never {},
    }
}

fn check_grpc(trailers: &HeaderMap) -> Result<(), ExportError> {
    let text = |name| trailers.get(name).and_then(|value| value.to_str().ok());
    let code = text(GRPC_STATUS).and_then(|code| code.parse().ok());
    match code.ok_or(ExportError::NoGrpc)? {
        0 => Ok(()),
        code => {
            let message = text(GRPC_MESSAGE).unwrap_or_default();
            let message = message.chars().take(200).collect();
            Err(ExportError::Grpc { code, message })
        }
    }
}

/// `Retry-After` in seconds; as a date it is not looked at.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds = value.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
