//! One client connection, to its clean end.

use std::convert::Infallible;
use std::future::Future as _;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tracing::debug;

use super::drain::{Drain, Phase};
use super::linger::Lingering;
use crate::gateway::{Gateway, ResponseBody};
use crate::proxy::{self, MAX_HEAD, MAX_HEADERS, Peer};

/// Serves requests until the client or the drain ends the connection.
pub async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    gateway: Rc<Gateway>,
    drain: Rc<Drain>,
    client_timeout: Duration,
) {
    let peer = Rc::new(Peer::new(peer));
    let service = service_fn({
        let (gateway, peer, drain) = (Rc::clone(&gateway), Rc::clone(&peer), Rc::clone(&drain));
        move |request: Request<Incoming>| {
            let (gateway, drain, peer) = (Rc::clone(&gateway), Rc::clone(&drain), Rc::clone(&peer));
            // Outside of the future: hyper may drop that one before it is polled.
            let answer = gateway.handle(request, peer);
            async move {
                let mut response = answer.await;
                announce_close(&mut response, &drain);
                Ok::<_, Infallible>(response)
            }
        }
    });
    let stream = Lingering::new(stream, client_timeout);
    let unsent = stream.unsent();
    let connection = http1::Builder::new()
        // [`Drain::wake_idle`] does it for all connections at once.
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(proxy::BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut registration = None;
    let mut told = false;
    let ended = std::future::poll_fn(|context| {
        registration.get_or_insert_with(|| drain.enter(context.waker().clone(), &peer));
        if drain.phase() == Phase::Closing && !told {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        let is_over = |idle| told || idle >= client_timeout;
        match connection.as_mut().poll(context) {
            // At most half a request, which the client may never finish.
            Poll::Pending if !unsent.get() && peer.idle_for().is_some_and(is_over) => {
                Poll::Ready(Ok(()))
            }
            polled => polled,
        }
    });
    match ended.await {
        Err(error) if error.is_parse() => {
            let status = match error.is_parse_too_large() {
                true => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                false => StatusCode::BAD_REQUEST,
            };
            gateway.refuse_unreadable(&peer, status);
        }
        Err(error) => debug!(peer = %peer.address(), "a connection ended early: {error}"),
        Ok(()) => {}
    }
}

fn announce_close(response: &mut Response<ResponseBody>, drain: &Drain) {
    if drain.phase() != Phase::Serving {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}
