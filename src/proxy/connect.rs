//! A connection to an endpoint, before anything is spoken on it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::endpoint::Address;
use super::settings::{Protocol, Security};
use super::small_write;
use super::upstream::Upstream;

/// See the module.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
    /// Over TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Connects; the caller bounds the time.
    pub async fn connect(upstream: &Upstream, address: &Address) -> io::Result<Self> {
        let (address, host, security) = match address {
            Address::Unix(path) => return Ok(Self::Unix(UnixStream::connect(path).await?)),
            Address::Tcp {
                address,
                host,
                security,
            } => (address, host, security),
        };
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = upstream.tls.as_ref().filter(|_| *security == Security::Tls) else {
            return match security {
                Security::Plain => Ok(Self::Tcp(stream)),
                Security::Tls => Err(io::Error::other("there is no TLS to encrypt with")),
            };
        };
        let name = tls.server_name(host).map_err(io::Error::other)?;
        let connector = TlsConnector::from(tls.config());
        let stream = connector.connect(name, stream).await?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if upstream.settings.protocol == Protocol::Http2 && agreed != Some(b"h2") {
            return Err(io::Error::other("the upstream does not speak h2"));
        }
        Ok(Self::Tls(Box::new(stream)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Tcp(stream) => small_write::poll_write(stream, context, slices),
            Self::Unix(stream) => small_write::poll_write(stream, context, slices),
            Self::Tls(stream) => small_write::poll_write(stream, context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
