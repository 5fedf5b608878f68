//! Collectors that take OTLP over gRPC, and what any of them was sent.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use hyper::{HeaderMap, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::support::PATIENCE;

/// One export: its spans, and who sent them.
#[derive(Debug)]
pub struct Export {
    pub resource: BTreeMap<String, String>,
    pub spans: Vec<Span>,
}

impl Export {
    pub fn read(message: &[u8]) -> Self {
        let mut request = ExportTraceServiceRequest::decode(message).unwrap();
        let [of_resource] = request.resource_spans.as_mut_slice() else {
            panic!("{request:?}")
        };
        let [of_scope] = of_resource.scope_spans.as_mut_slice() else {
            panic!("{of_resource:?}")
        };
        Self {
            resource: attributes(&of_resource.resource.as_ref().unwrap().attributes),
            spans: std::mem::take(&mut of_scope.spans),
        }
    }

    /// The two spans of the only request.
    pub fn pair(&self) -> (&Span, &Span) {
        match self.spans.as_slice() {
            [server, client] => (server, client),
            spans => panic!("{spans:#?}"),
        }
    }
}

/// Numbers as text.
pub fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let map: BTreeMap<String, String> = pairs
        .iter()
        .map(|pair| (pair.key.clone(), text(pair)))
        .collect();
    assert_eq!(
        map.len(),
        pairs.len(),
        "a key stands there twice: {pairs:?}"
    );
    map
}

pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    /// With the prefix of gRPC.
    pub body: Vec<u8>,
}

impl Seen {
    pub fn export(&self) -> Export {
        let (prefix, message) = self.body.split_at(5);
        let mut length = [0; 4];
        length.copy_from_slice(&prefix[1..]);
        assert_eq!(
            (prefix[0], u32::from_be_bytes(length) as usize),
            (0, message.len())
        );
        Export::read(message)
    }
}

/// Speaks gRPC until it is dropped: answers each call with the next of these statuses, then with 0.
pub struct Grpc {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Grpc {
    pub fn start(statuses: &[&'static str], tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (stop, stopped) = oneshot::channel();
        let (shared, statuses) = (Arc::clone(&seen), statuses.iter().copied().collect());
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), tls, statuses, &shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            seen,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn wait_for(&self, calls: usize) -> Vec<Seen> {
        let started = Instant::now();
        loop {
            let seen = self.seen();
            if seen.len() >= calls {
                return seen;
            }
            assert!(started.elapsed() < PATIENCE, "{} calls", seen.len());
            thread::yield_now();
        }
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    mut statuses: VecDeque<&'static str>,
    seen: &Mutex<Vec<Seen>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // One call on each connection; one that does not believe us ends before that.
        let served = match &tls {
            None => serve(stream, &mut statuses, seen).await,
            Some(tls) => match TlsAcceptor::from(Arc::clone(tls)).accept(stream).await {
                Ok(stream) => serve(stream, &mut statuses, seen).await,
                Err(_) => continue,
            },
        };
        served.unwrap();
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    statuses: &mut VecDeque<&'static str>,
    seen: &Mutex<Vec<Seen>>,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let Ok((request, respond)) = call else {
            return Ok(());
        };
        let status = statuses.pop_front().unwrap_or("0");
        let answer = answer(request, respond, status, seen);
        // The connection moves the answer, and ends once the client has it.
        let (answered, ()) = tokio::join!(answer, async {
            let _ = std::future::poll_fn(|context| connection.poll_closed(context)).await;
        });
        answered?;
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    status: &'static str,
    seen: &Mutex<Vec<Seen>>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await.transpose()? {
        body.flow_control().release_capacity(piece.len())?;
        bytes.extend_from_slice(&piece);
    }
    seen.lock().unwrap().push(Seen {
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: bytes,
    });
    let mut answer = Response::new(());
    let headers = answer.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    if status != "0" {
        // Without a message the status stands in front.
        headers.insert("grpc-status", status.parse().unwrap());
        respond.send_response(answer, true)?;
        return Ok(());
    }
    let mut body = respond.send_response(answer, false)?;
    body.send_data(Bytes::from_static(&[0; 5]), false)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    body.send_trailers(trailers)
}
