//! HTTP/2 towards the upstream.

mod attack;
mod deciding;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::{Call, Client, PROJECT, Setup, Step, metadata, metadata_key, token};

/// What the upstream does with a request.
#[derive(Clone, Copy, Debug)]
enum Action {
    /// Answers 200 with the method and the path.
    Echo,
    /// Says that it did not look at it.
    Refuse,
    /// Breaks it off.
    Reset,
    /// Closes the whole connection.
    Close,
    /// Answers and goes away.
    GoAway,
    /// Answers once so many are there.
    Gather(usize),
    /// The same, and goes away at once.
    GatherAway(usize),
    Large(usize),
    /// Answers with two lengths.
    Lengths,
    /// Answers before it reads the body.
    Early,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Seen {
    connection: usize,
    line: String,
    authority: String,
    host: bool,
    body: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    next: VecDeque<Action>,
    always: Option<Action>,
    seen: Vec<Seen>,
    connections: usize,
    /// Of all bodies.
    bytes: usize,
    waiting: Vec<(SendResponse<Bytes>, String)>,
    max_streams: Option<u32>,
}

/// Speaks HTTP/2 with prior knowledge until it is dropped.
struct Upstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    fn start() -> Self {
        Self::with(State::default())
    }

    fn with(state: State) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&state);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), shared) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            state,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn next(&self, actions: &[Action]) {
        self.state.lock().unwrap().next.extend(actions);
    }

    fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    fn setup(&self) -> Setup {
        Setup::at(self.address).upstream("protocol = \"h2\"")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut builder = server::Builder::new();
    let index = {
        let mut state = state.lock().unwrap();
        if let Some(max) = state.max_streams {
            builder.max_concurrent_streams(max);
        }
        state.connections += 1;
        state.connections - 1
    };
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let action = {
            let mut state = state.lock().unwrap();
            let always = state.always.unwrap_or(Action::Echo);
            state.next.pop_front().unwrap_or(always)
        };
        let line = line_of(&request);
        match action {
            Action::Refuse | Action::Reset | Action::Close => {
                remember(&state, index, &request, Vec::new());
                match action {
                    Action::Refuse => respond.send_reset(Reason::REFUSED_STREAM),
                    Action::Reset => respond.send_reset(Reason::INTERNAL_ERROR),
                    _ => return,
                }
            }
            _ => {
                if matches!(action, Action::GoAway | Action::GatherAway(_)) {
                    connection.graceful_shutdown();
                }
                tokio::spawn(answer(
                    request,
                    respond,
                    line,
                    action,
                    index,
                    Arc::clone(&state),
                ));
            }
        }
    }
}

/// The method and the path, with its query.
fn line_of(request: &Request<RecvStream>) -> String {
    let path = request.uri().path_and_query().unwrap();
    format!("{} {path}", request.method())
}

fn remember(state: &Mutex<State>, connection: usize, request: &Request<RecvStream>, body: Vec<u8>) {
    let uri = request.uri();
    state.lock().unwrap().seen.push(Seen {
        connection,
        line: line_of(request),
        authority: uri.authority().unwrap().to_string(),
        host: request.headers().contains_key("host"),
        body,
    });
}

async fn answer(
    mut request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    line: String,
    action: Action,
    connection: usize,
    state: Arc<Mutex<State>>,
) {
    if matches!(action, Action::Early) {
        echo(&mut respond, line.clone());
    }
    let mut body = Vec::new();
    while let Some(Ok(data)) = request.body_mut().data().await {
        let _ = request
            .body_mut()
            .flow_control()
            .release_capacity(data.len());
        body.extend_from_slice(&data);
        state.lock().unwrap().bytes += data.len();
    }
    remember(&state, connection, &request, body);
    let count = match action {
        Action::Gather(count) | Action::GatherAway(count) => count,
        Action::Large(size) => return send(&mut respond, Response::new(()), vec![b'x'; size]),
        Action::Lengths => {
            let response = Response::builder().header("content-length", line.len());
            let response = response.header("content-length", line.len());
            return send(&mut respond, response.body(()).unwrap(), line);
        }
        Action::Early => return,
        _ => return echo(&mut respond, line),
    };
    let mut state = state.lock().unwrap();
    state.waiting.push((respond, line));
    if state.waiting.len() == count {
        for (mut respond, line) in state.waiting.drain(..) {
            echo(&mut respond, line);
        }
    }
}

fn echo(respond: &mut SendResponse<Bytes>, line: String) {
    send(respond, Response::new(()), line);
}

fn send(respond: &mut SendResponse<Bytes>, head: Response<()>, body: impl Into<Bytes>) {
    if let Ok(mut stream) = respond.send_response(head, false) {
        let _ = stream.send_data(body.into(), true);
    }
}

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

fn post(body: &str) -> Call {
    Call::post(metadata(), body).bearer(&token(&["*:*:*"]))
}

fn lines(upstream: &Upstream) -> Vec<(usize, String)> {
    let seen = upstream.seen().into_iter();
    let method = |line: String| line.split(' ').next().unwrap().to_owned();
    seen.map(|seen| (seen.connection, method(seen.line)))
        .collect()
}

#[test]
fn requests_and_answers_pass() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    let mut client = gateway.connect();
    assert_eq!(client.call(&get()).text(), format!("GET {}", metadata()));
    let large = "x".repeat(300_000);
    assert_eq!(client.call(&post(&large)).status, 200);
    let seen = upstream.seen();
    assert_eq!(
        seen[0].line,
        format!("GET /v2.1/{PROJECT}/servers/s1/metadata")
    );
    assert_eq!(seen[0].authority, "api.test");
    assert!(!seen[0].host, "the authority says it");
    assert_eq!(seen[1].body, large.as_bytes());
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn requests_share_a_connection() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    upstream.next(&[Action::Gather(50); 50]);
    let mut clients: Vec<Client> = (0..50).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(get().bytes());
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn more_than_a_connection_takes_go_to_another() {
    let upstream = Upstream::with(State {
        max_streams: Some(2),
        ..State::default()
    });
    let gateway = upstream.setup().start();
    upstream.next(&[Action::Gather(6); 6]);
    let mut clients: Vec<Client> = (0..6).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(post("{}").bytes());
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(upstream.connections(), 3);
}

#[test]
fn what_was_refused_unprocessed_is_sent_again() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    let chunked = Call::new("POST", metadata())
        .bearer(&token(&["*:*:*"]))
        .header("Transfer-Encoding: chunked");
    let collected = [chunked.bytes(), b"2\r\n{}\r\n0\r\n\r\n".to_vec()].concat();
    for bytes in [get().bytes(), post("").bytes(), collected] {
        upstream.next(&[Action::Refuse, Action::Refuse]);
        let mut client = gateway.connect();
        client.send(bytes);
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(upstream.seen().len(), 9);
    assert_eq!(upstream.seen()[8].body, b"{}");
    // But not for ever, and not when its body is gone.
    upstream.next(&[Action::Refuse; 3]);
    gateway
        .call(&get())
        .refusal(502, "upstream_refused", "badGateway");
    upstream.next(&[Action::Refuse]);
    gateway
        .call(&post("{}"))
        .refusal(502, "upstream_refused", "badGateway");
    assert_eq!(upstream.seen().len(), 13);
}

#[test]
fn what_may_have_been_processed_is_not_sent_again() {
    for action in [Action::Reset, Action::Close] {
        for call in [post(""), post("{}")] {
            let upstream = Upstream::start();
            let gateway = upstream.setup().start();
            assert_eq!(gateway.call(&get()).status, 200);
            upstream.next(&[action]);
            gateway
                .call(&call)
                .refusal(502, "upstream_unanswered", "badGateway");
            assert_eq!(upstream.seen().len(), 2, "{action:?}");
            // The next one is served again.
            assert_eq!(gateway.call(&post("{}")).status, 200);
        }
    }
}

#[test]
fn an_idempotent_request_is_repeated_once_where_the_connection_was_used_before() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    upstream.next(&[Action::Close]);
    gateway
        .call(&get())
        .refusal(502, "upstream_unanswered", "badGateway");
    assert_eq!(gateway.call(&get()).status, 200);
    upstream.next(&[Action::Close]);
    let delete = Call::new("DELETE", metadata_key("k")).bearer(&token(&["*:*:*"]));
    assert_eq!(gateway.call(&delete).status, 200);
    let methods = lines(&upstream);
    let expected = [(0, "GET"), (1, "GET"), (1, "DELETE"), (2, "DELETE")];
    let expected = expected.map(|(connection, method)| (connection, method.to_owned()));
    assert_eq!(methods, expected);
}

#[test]
fn a_connection_that_goes_away_is_replaced_unnoticed() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    let mut client = gateway.connect();
    for _ in 0..20 {
        upstream.next(&[Action::GoAway]);
        assert_eq!(client.call(&post("")).status, 200);
    }
    assert_eq!(upstream.seen().len(), 20, "none was sent twice");
    assert!(upstream.connections() > 1);
}

#[test]
fn an_upstream_of_http1_is_502() {
    let upstream = crate::support::Upstream::start();
    let setup = Setup::new(&upstream).upstream("protocol = \"h2\"");
    upstream.always(vec![Step::Close]);
    let answer = setup.start().call(&post("{}"));
    answer.refusal(502, "upstream_connect", "badGateway");
}
