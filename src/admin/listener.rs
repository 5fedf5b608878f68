//! The listener and its few connections.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::{Settings, Source, answer};
use crate::tls::{self, TlsError};

/// The most connections; more wait.
const CONNECTIONS: usize = 64;
/// How long a handshake and a head may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection lives; whoever asks again makes a new one.
const LIFETIME: Duration = Duration::from_mins(1);
/// After a failure such as too many open files, which does not pass at once.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Why the admin listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {address}, as `admin.address` says")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The files of `[admin.tls]` cannot be used.
    #[error("TLS cannot be used as `admin.tls` says")]
    Tls(#[from] TlsError),
}

/// A listener that is bound; connections wait until it serves.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    tls: Option<tls::Server>,
    settings: Settings,
}

impl Admin {
    /// Binds it. Must be called inside a runtime with I/O.
    ///
    /// # Errors
    ///
    /// An address that cannot be had, TLS files that cannot be used.
    pub async fn bind(settings: Settings) -> Result<Self, StartError> {
        let tls = settings.tls.as_ref().map(tls::Server::load).transpose()?;
        let address = settings.address;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| StartError::Listen { address, source })?;
        Ok(Self {
            listener,
            tls,
            settings,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Its TLS, to be reloaded.
    pub fn tls(&self) -> Option<tls::Server> {
        self.tls.clone()
    }

    /// Answers for as long as the runtime lives.
    pub async fn serve(self, source: Arc<Source>) {
        let settings = Arc::new(self.settings);
        let seats = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
                return;
            };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!("cannot accept a connection to the admin listener: {error}");
                    sleep(BACK_OFF).await;
                    continue;
                }
            };
            let (source, settings) = (Arc::clone(&source), Arc::clone(&settings));
            let tls = self.tls.as_ref().map(tls::Server::config);
            tokio::spawn(async move {
                let _seat = seat;
                // The library waits for the first byte for ever.
                if !matches!(timeout(PATIENCE, stream.peek(&mut [0])).await, Ok(Ok(1..))) {
                    return debug!("silence on the admin listener");
                }
                let Some(tls) = tls else {
                    return serve_stream(stream, source, settings).await;
                };
                let handshake = TlsAcceptor::from(tls).accept(stream);
                match timeout(PATIENCE, handshake).await {
                    Ok(Ok(stream)) => serve_stream(stream, source, settings).await,
                    Ok(Err(error)) => debug!("no TLS on the admin listener: {error}"),
                    Err(_) => debug!("no TLS on the admin listener in time"),
                }
            });
        }
    }
}

async fn serve_stream<S>(stream: S, source: Arc<Source>, settings: Arc<Settings>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request| {
        let answer = answer::answer(&source, settings.token.as_deref(), &request);
        ready(Ok::<_, Infallible>(answer))
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(16 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(16);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = sleep(LIFETIME) => {
            connection.as_mut().graceful_shutdown();
            timeout(PATIENCE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!("a connection to the admin listener ended: {error}");
    }
}
