//! One client connection, from its first byte to its clean end.

use std::rc::Rc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::linger::Lingering;
use super::listener::Accepted;
use super::refusal::Refusal;
use super::rewound::Rewound;
use super::session::{Over, Session};
use super::socket::Socket;
use super::{http1, http2, proxy_header};
use crate::audit::PeerAddress;
use crate::proxy::{Peer, Scheme};
use crate::tls::{self, CertificateHash};

/// What an HTTP/2 client that knows its server sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// To a client whose head does not come to its end.
const TOO_SLOW: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Serves requests until the client, a limit or the drain ends the connection.
pub async fn serve(accepted: Accepted, session: Session) {
    let waker = std::future::poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    let _registration = session.shared.drain.enter(waker, &session.activity);
    let Ok(socket) = accepted.socket.register() else {
        return;
    };
    let mut stream = Rewound::new(socket);
    let Some(peer) = identify(&mut stream, accepted.peer, &session).await else {
        return;
    };
    let census = &session.shared.census;
    // A trusted proxy's connections are those of its many clients.
    let is_proxy = session.shared.settings.trusted_proxies.contain(peer);
    let seat = (!is_proxy).then(|| census.enter(peer));
    if let Some(None) = seat {
        session.shared.refusals.count(Refusal::ConnectionsPerPeer);
        return;
    }
    let as_peer = |scheme| {
        let client = Peer::on(Rc::clone(&session.activity), peer, scheme);
        match is_proxy {
            true => client.trusted(),
            false => client,
        }
    };
    let limit = session.shared.settings.client_timeout;
    let Some(tls) = &session.shared.tls else {
        let peer = as_peer(Scheme::Http);
        let stream = Lingering::new(stream, &session.activity, limit);
        return serve_stream(stream, &Rc::new(peer), &session, Preface::Possible).await;
    };
    // Boxed, as what follows: the task of a connection in the clear has no room for it.
    let Some(stream) = Box::pin(shake_hands(stream, tls, &session)).await else {
        return;
    };
    let (_, connection) = stream.get_ref();
    let mut peer = as_peer(Scheme::Https);
    let certificates = connection.peer_certificates().unwrap_or_default();
    if let Some(certificate) = certificates.first() {
        peer = peer.with_certificate(CertificateHash::of_der(certificate));
    }
    let peer = Rc::new(peer);
    let is_http2 = connection.alpn_protocol() == Some(b"h2");
    let stream = Lingering::new(Rewound::new(stream), &session.activity, limit);
    match is_http2 {
        true => Box::pin(http2::serve(stream, &peer, &session)).await,
        // Whoever wants HTTP/2 over TLS has asked for it in the handshake (RFC 9113 §3.3).
        false => Box::pin(serve_stream(stream, &peer, &session, Preface::Excluded)).await,
    }
}

async fn shake_hands(
    stream: Rewound<Socket>,
    tls: &tls::Server,
    session: &Session,
) -> Option<TlsStream<Rewound<Socket>>> {
    let handshake = TlsAcceptor::from(tls.config()).accept(stream);
    let limit = session.shared.settings.header_timeout;
    match session.unless_over(timeout(limit, handshake)).await {
        Ok(Ok(Ok(stream))) => Some(stream),
        Ok(Err(_) | Ok(Err(_))) => {
            session.shared.refusals.count(Refusal::Handshake);
            None
        }
        Err(_) => None,
    }
}

/// Whose connection it is: a listed proxy says so first.
async fn identify(
    stream: &mut Rewound<Socket>,
    peer: PeerAddress,
    session: &Session,
) -> Option<PeerAddress> {
    let settings = &session.shared.settings;
    if !settings.proxy_protocol.contain(peer) {
        return Some(peer);
    }
    let header = timeout(settings.header_timeout, proxy_header::read(stream));
    match session.unless_over(header).await {
        Ok(Ok(Ok(client))) => Some(client.map_or(peer, PeerAddress::from)),
        Ok(Err(_) | Ok(Err(_))) => {
            session.shared.refusals.count(Refusal::ProxyHeader);
            None
        }
        Err(_) => None,
    }
}

/// Whether the next bytes may begin HTTP/2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Preface {
    Possible,
    Excluded,
}

/// What the first bytes of a connection, or of its next request, turn out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Opening {
    Http1,
    Http2,
    End,
}

async fn serve_stream<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    mut stream: Lingering<S>,
    peer: &Rc<Peer>,
    session: &Session,
    mut preface: Preface,
) {
    loop {
        // As long as nothing comes, a connection is this and no more: no buffer, no parser.
        session.activity.set_asleep(true);
        let opening = session.unless_over(open(&mut stream, preface)).await;
        session.activity.set_asleep(false);
        let served = match opening {
            Ok(Opening::Http1) => http1::serve(stream, peer, session).await,
            Ok(Opening::Http2) => return Box::pin(http2::serve(stream, peer, session)).await,
            Ok(Opening::End) => return,
            Err(over) => (stream, http1::Ended::Over(over)),
        };
        preface = Preface::Excluded;
        stream = served.0;
        match served.1 {
            http1::Ended::Asleep => {}
            http1::Ended::Over(over) => {
                if over == Over::SlowHead {
                    refuse_slow_head(&mut stream, peer, session).await;
                }
                break;
            }
            http1::Ended::Upgraded(upgrade) if stream.ahead().is_empty() => {
                stream.ignore_heads();
                Box::pin(upgrade.run(&mut stream)).await;
                break;
            }
            http1::Ended::Upgraded(upgrade) => {
                upgrade.refuse();
                break;
            }
            http1::Ended::Done => break,
        }
    }
    // However it ended: what the client still sends must not reset the answer it has not read.
    if let Err(error) = stream.shutdown().await {
        debug!(peer = %peer.address(), "a connection ended early: {error}");
    }
}

/// Looks at the first bytes, as many as it takes to tell HTTP/2 from HTTP/1.1.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut Lingering<S>,
    preface: Preface,
) -> Opening {
    loop {
        let ahead = stream.ahead();
        let is_open =
            ahead.is_empty() || preface == Preface::Possible && PREFACE.starts_with(ahead);
        if ahead.starts_with(PREFACE) && preface == Preface::Possible {
            return Opening::Http2;
        }
        if !is_open {
            return Opening::Http1;
        }
        match stream.look().await {
            Ok(1..) => {}
            // Half a preface is half a head.
            Ok(0) if !stream.ahead().is_empty() => return Opening::Http1,
            Ok(0) | Err(_) => return Opening::End,
        }
    }
}

async fn refuse_slow_head<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut Lingering<S>,
    peer: &Peer,
    session: &Session,
) {
    session.shared.refusals.count(Refusal::HeaderTimeout);
    let gateway = &session.shared.gateway;
    gateway.refuse_unreadable(peer, hyper::StatusCode::REQUEST_TIMEOUT);
    // The client may be gone; that is its end, too.
    let _ = stream.write_all(TOO_SLOW).await;
}
