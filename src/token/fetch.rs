//! One GET of a key set or a list, bounded in time and size. No redirects: it comes from where the
//! operator said, or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::header::{ACCEPT, ETAG, HOST, HeaderValue, IF_NONE_MATCH};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::keys::InvalidKeySet;
use crate::file;
use crate::tls::{Client, TlsError};

/// The whole fetch, from name resolution to the last byte.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most files of a folder of keys.
const MAX_FILES: usize = 100;
/// The most bytes of a key set.
const MAX_SIZE: u64 = 512 * 1024;

/// Why a key set could not be had.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum FetchError {
    #[error("cannot read `{path}`")]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Tls(Box<TlsError>),
    #[error("cannot connect to {authority}")]
    Connect {
        authority: String,
        source: io::Error,
    },
    #[error("the exchange failed")]
    Http(#[from] hyper::Error),
    #[error("the answer is {0}, expected 200 OK (redirects are not followed)")]
    Status(StatusCode),
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    #[error("it has more than {MAX_FILES} files")]
    TooMany,
    #[error("no complete answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("cannot start a runtime")]
    Runtime(#[source] io::Error),
    #[error("it is not a usable key set")]
    Keys(#[from] InvalidKeySet),
}

impl From<TlsError> for FetchError {
    fn from(error: TlsError) -> Self {
        Self::Tls(Box::new(error))
    }
}

/// What is asked for, and how much of it is taken.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its media types.
    pub accept: &'static str,
    /// That of what is here already (RFC 9110 §13.1.2).
    pub etag: Option<HeaderValue>,
    /// The most bytes.
    pub max_size: u64,
    /// For the whole fetch.
    pub deadline: Duration,
}

/// What a server answers.
#[derive(Debug)]
pub enum Fetched {
    /// All of it, and its entity tag.
    Whole(Bytes, Option<HeaderValue>),
    /// 304: it is what is here already.
    Unchanged,
}

/// Reads a file of a key set.
pub fn read_file(path: &Path) -> Result<Bytes, FetchError> {
    read_file_within(path, MAX_SIZE)
}

/// Reads a file of at most `max_size` bytes.
///
/// # Errors
///
/// [`FetchError::File`] and [`FetchError::TooLarge`].
pub fn read_file_within(path: &Path, max_size: u64) -> Result<Bytes, FetchError> {
    let read = File::open(path).and_then(|file| file::read(file, max_size));
    let bytes = read.map_err(|source| FetchError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(bytes.ok_or(FetchError::TooLarge(max_size))?.into())
}

/// A stream to a server, plain or encrypted.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// Connects to the server of `uri`, over TLS where a client for it is given. The caller bounds the
/// time.
///
/// # Errors
///
/// [`FetchError::Connect`] and [`FetchError::Tls`].
pub async fn connect(uri: &Uri, tls: Option<&Client>) -> Result<Box<dyn Wire>, FetchError> {
    let host = uri.host().unwrap_or_default();
    let port = uri
        .port_u16()
        .unwrap_or(if tls.is_some() { 443 } else { 80 });
    // An IPv6 address stands in brackets in a URL only.
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let failed = |source| FetchError::Connect {
        authority: format!("{host}:{port}"),
        source,
    };
    let stream = TcpStream::connect((address, port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let Some(tls) = tls else {
        return Ok(Box::new(stream));
    };
    let name = tls.server_name(address)?;
    let connector = TlsConnector::from(tls.config());
    let stream = connector.connect(name, stream).await.map_err(failed)?;
    Ok(Box::new(stream))
}

/// Reads every file of a folder, by their names, or the one file that `path` is. Hidden files and folders
/// in it are left out.
pub fn read_folder(path: &Path) -> Result<Vec<(String, Bytes)>, FetchError> {
    let failed = |source| FetchError::File {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![(path.display().to_string(), read_file(path)?)]);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        // What a mounted Kubernetes volume links to begins with `..`.
        let is_hidden = name.is_none_or(|name| name.starts_with('.'));
        if !is_hidden && path.is_file() {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(FetchError::TooMany);
        }
    }
    paths.sort();
    let read = |path: PathBuf| Ok((path.display().to_string(), read_file(&path)?));
    paths.into_iter().map(read).collect()
}

/// Gets the key set at `uri`, over TLS where a client for it is given.
pub async fn get(uri: &Uri, tls: Option<&Client>) -> Result<Bytes, FetchError> {
    let wanted = Wanted {
        accept: "application/jwk-set+json, application/json",
        etag: None,
        max_size: MAX_SIZE,
        deadline: DEADLINE,
    };
    match fetch(uri, tls, &wanted).await? {
        Fetched::Whole(body, _) => Ok(body),
        Fetched::Unchanged => Err(FetchError::Status(StatusCode::NOT_MODIFIED)),
    }
}

/// Gets what is `wanted` from `uri`, over TLS where a client for it is given.
///
/// # Errors
///
/// Why it cannot be had; 304 is one where no entity tag was sent.
pub async fn fetch(
    uri: &Uri,
    tls: Option<&Client>,
    wanted: &Wanted,
) -> Result<Fetched, FetchError> {
    let exchange = async { exchange_on(uri, connect(uri, tls).await?, wanted).await };
    let answer = tokio::time::timeout(wanted.deadline, exchange).await;
    answer.unwrap_or(Err(FetchError::Timeout(wanted.deadline)))
}

async fn exchange_on(
    uri: &Uri,
    stream: Box<dyn Wire>,
    wanted: &Wanted,
) -> Result<Fetched, FetchError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answer = async move {
        let mut request = Request::new(Empty::<Bytes>::new());
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(path).unwrap_or_default();
        let headers = request.headers_mut();
        if let Some(authority) = uri.authority()
            && let Ok(host) = authority.as_str().parse()
        {
            headers.insert(HOST, host);
        }
        headers.insert(ACCEPT, HeaderValue::from_static(wanted.accept));
        if let Some(etag) = &wanted.etag {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        let response = sender.send_request(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED if wanted.etag.is_some() => return Ok(Fetched::Unchanged),
            status => return Err(FetchError::Status(status)),
        }
        let etag = response.headers().get(ETAG).cloned();
        let most = usize::try_from(wanted.max_size).unwrap_or(usize::MAX);
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => FetchError::TooLarge(wanted.max_size),
            Err(error) => FetchError::Body(error),
        })?;
        Ok(Fetched::Whole(body.to_bytes(), etag))
    };
    // The answer owns the sender: once it is there, the connection ends as well.
    let (answer, _) = tokio::join!(answer, connection);
    answer
}
