//! One client connection, to its clean end.

use std::convert::Infallible;
use std::future::Future as _;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tracing::debug;

use super::drain::{Drain, Phase};
use super::linger::Lingering;
use crate::gateway::{Gateway, ResponseBody};
use crate::proxy::{self, Peer};

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 100;

/// Serves requests until the client or the drain ends the connection.
pub async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    gateway: Rc<Gateway>,
    drain: Rc<Drain>,
    header_timeout: Duration,
) {
    let peer = Rc::new(Peer::new(peer));
    let service = service_fn({
        let peer = Rc::clone(&peer);
        let drain = Rc::clone(&drain);
        move |request: Request<Incoming>| {
            let (gateway, drain, peer) = (Rc::clone(&gateway), Rc::clone(&drain), Rc::clone(&peer));
            async move {
                let mut response = gateway.handle(request, &peer).await;
                announce_close(&mut response, &drain);
                Ok::<_, Infallible>(response)
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(proxy::BUFFER)
        .serve_connection(TokioIo::new(Lingering::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    let mut registration = None;
    let mut told = false;
    let ended = std::future::poll_fn(|context| {
        registration.get_or_insert_with(|| drain.enter(context.waker().clone()));
        if drain.phase() == Phase::Closing && !told {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    if let Err(error) = ended.await {
        debug!(peer = %peer.address(), "a connection ended early: {error}");
    }
}

fn announce_close(response: &mut Response<ResponseBody>, drain: &Drain) {
    if drain.phase() != Phase::Serving {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}
