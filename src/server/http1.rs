//! HTTP/1.1 on one connection, by hyper.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;

use super::drain::Phase;
use super::linger::Lingering;
use super::session::{Over, Rest, Session};
use crate::gateway::Upgrade;
use crate::proxy::{self, MAX_HEAD, MAX_HEADERS, Peer};

/// Why hyper is done with a connection.
#[derive(Debug)]
pub enum Ended {
    /// Nothing is on its way: the stream may wait for its next request without hyper.
    Asleep,
    /// The wait for the client is over.
    Over(Over),
    /// Another protocol follows.
    Upgraded(Box<Upgrade>),
    /// The last answer was sent, or the connection broke.
    Done,
}

/// Serves requests until there is nothing more to serve now.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: Lingering<S>,
    peer: &Rc<Peer>,
    session: &Session,
) -> (Lingering<S>, Ended) {
    // Boxed, and apart from the answers: few connections ever come to it.
    let upgraded: Rc<Cell<Option<Box<Upgrade>>>> = Rc::default();
    let service = service_fn({
        let (session, peer) = (session.clone(), Rc::clone(peer));
        let upgraded = Rc::clone(&upgraded);
        move |request: Request<Incoming>| {
            // RFC 9112 §6.1: with a `Content-Length` beside it, which hyper drops without a word,
            // somebody on the way may see another end of this request. Nothing follows it here, nor
            // a CONNECT, which is refused: what comes next was for the tunnel.
            let is_framed_doubtfully = request.method() == Method::CONNECT
                || request.headers().contains_key(TRANSFER_ENCODING);
            // Outside of the future: hyper may drop that one before it is polled.
            let answer = session.answer(request, &peer);
            let (session, upgraded) = (session.clone(), Rc::clone(&upgraded));
            async move {
                let (mut response, upgrade) = answer.await;
                if upgrade.is_some() {
                    upgraded.set(upgrade);
                } else if is_framed_doubtfully || session.is_last() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        }
    });
    let unsent = stream.unsent();
    // Boxed: a connection that sleeps has none.
    let mut connection = Box::new(
        http1::Builder::new()
            // [`Session::over`] does it without a timer for each connection.
            .header_read_timeout(None)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEAD)
            .max_buf_size(proxy::BUFFER)
            .serve_connection(TokioIo::new(stream), service),
    );
    let mut told = false;
    let ended = std::future::poll_fn(|context| {
        if session.shared.drain.phase() == Phase::Closing && !told {
            told = true;
            Pin::new(&mut *connection).graceful_shutdown();
        }
        let polled = Pin::new(&mut *connection).poll(context);
        if let Poll::Ready(result) = polled {
            return Poll::Ready((Ended::Done, result));
        }
        if unsent.get() {
            return Poll::Pending;
        }
        match session.rest() {
            Rest::End(over) => Poll::Ready((Ended::Over(over), Ok(()))),
            // A body may still be on its way up when its answer is complete; what follows it would
            // be taken for a request. Without a body, the next byte is a request's first.
            Rest::Doze if !session.activity.has_body() => Poll::Ready((Ended::Asleep, Ok(()))),
            Rest::Doze | Rest::Wait => Poll::Pending,
        }
    });
    let (ended, result) = ended.await;
    let upgrade = upgraded.take().filter(|_| result.is_ok());
    report(result, peer, session);
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    stream.give_back(&parts.read_buf);
    (stream, upgrade.map_or(ended, Ended::Upgraded))
}

fn report(result: hyper::Result<()>, peer: &Peer, session: &Session) {
    match result {
        Err(error) if error.is_parse() => {
            let status = match error.is_parse_too_large() {
                true => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                false => StatusCode::BAD_REQUEST,
            };
            session.shared.gateway.refuse_unreadable(peer, status);
        }
        Err(error) => debug!(peer = %peer.address(), "a connection ended early: {error}"),
        Ok(()) => {}
    }
}
