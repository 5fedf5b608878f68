//! An upstream that does what its script says and remembers every byte it was sent.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use super::{Framing, Headers, PATIENCE, Signal, Wire};

/// One thing an upstream does once it has read a request's head.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads the body to its end.
    Read,
    /// Sends these bytes.
    Write(Vec<u8>),
    /// Answers 200 with the request's method and target as the body.
    Echo,
    /// Sends these bytes until nobody takes them.
    Flood(Vec<u8>),
    /// Sends back what comes, until nothing more does.
    Repeat,
    /// Goes on when the test says so.
    Wait(Signal),
    /// Does what this makes of the request.
    Choose(Choice),
    /// Closes the connection.
    Close,
}

/// What to do with a request, by what it says.
#[derive(Clone)]
pub struct Choice(Arc<dyn Fn(&Seen) -> Vec<Step> + Send + Sync>);

impl Choice {
    pub fn new(choose: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self(Arc::new(choose))
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Choice")
    }
}

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The how-manieth connection it came on, from 0.
    pub connection: usize,
    pub line: String,
    pub headers: Headers,
    /// Every byte of the head, with the empty line.
    pub head: Vec<u8>,
    /// Every byte of the body as it was sent, with chunk sizes.
    pub raw_body: Vec<u8>,
    pub body: Vec<u8>,
    /// Whether the end of the body came.
    pub is_whole: bool,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<Seen>,
    connections: usize,
    open: usize,
    next: VecDeque<Vec<Step>>,
    targets: HashMap<String, Vec<Step>>,
    always: Option<Vec<Step>>,
    streams: Vec<TcpStream>,
    is_stopped: bool,
}

/// A whole answer with its length.
pub fn answer(status: &str, headers: &[&str], body: &str) -> Step {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    Step::Write(format!("{text}\r\n{body}").into_bytes())
}

/// Reads the request and answers `{}`.
pub fn ok() -> Vec<Step> {
    let json = "Content-Type: application/json";
    vec![Step::Read, answer("200 OK", &[json], "{}")]
}

/// Reads the request and answers with its method and target: what it does without a script.
pub fn echo() -> Vec<Step> {
    vec![Step::Read, Step::Echo]
}

impl Upstream {
    /// Listens on a port that the system chooses.
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    pub fn start_on(ip: IpAddr) -> Self {
        Self::start_at(SocketAddr::new(ip, 0))
    }

    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to do with the next request that has no script yet.
    pub fn next(&self, script: Vec<Step>) {
        self.shared.lock().next.push_back(script);
    }

    /// What to do with every request for `target` that no [`Upstream::next`] is for.
    pub fn at(&self, target: &str, script: Vec<Step>) {
        self.shared.lock().targets.insert(target.to_owned(), script);
    }

    /// What to do with every other request.
    pub fn always(&self, script: Vec<Step>) {
        self.shared.lock().always = Some(script);
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.shared.lock().requests.clone()
    }

    pub fn count(&self) -> usize {
        self.shared.lock().requests.len()
    }

    /// The only request there has been.
    pub fn only(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Waits until the heads of `count` requests have come.
    pub fn wait_for_requests(&self, count: usize) {
        self.wait_until("requests", |state| state.requests.len() >= count);
    }

    /// Waits until the request at `index` has a body of at least `length` bytes.
    pub fn wait_for_body(&self, index: usize, length: usize) {
        self.wait_until("body bytes", |state| {
            let request = state.requests.get(index);
            request.is_some_and(|request| request.body.len() >= length)
        });
    }

    /// Waits until exactly so many connections are open.
    pub fn wait_for_connections(&self, count: usize) {
        self.wait_until("connections", |state| state.open == count);
    }

    fn wait_until(&self, what: &str, is_there: impl Fn(&State) -> bool) {
        let state = self.shared.lock();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !is_there(state));
        let (state, timeout) = waited.unwrap();
        assert!(
            !timeout.timed_out(),
            "waited in vain for {what}: {:#?}",
            state.requests
        );
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.close();
    }
}

impl Upstream {
    /// Stops it as dropping it does, and waits until nothing runs any longer; every request it has
    /// seen.
    pub fn stop(&mut self) -> Vec<Seen> {
        self.close();
        self.wait_for_connections(0);
        self.requests()
    }

    /// Closes the listener and every connection, whatever runs on it.
    fn close(&mut self) {
        self.shared.lock().is_stopped = true;
        // Wakes the acceptor, which then closes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        for stream in &self.shared.lock().streams {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// Remembers a request; the answer is its place and its script.
    fn begin(&self, connection: usize, head: Vec<u8>) -> (usize, Vec<Step>) {
        let (line, headers) = Headers::parse(&head);
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        self.change(|state| {
            state.requests.push(Seen {
                connection,
                line,
                headers,
                head,
                raw_body: Vec::new(),
                body: Vec::new(),
                is_whole: false,
            });
            let own = state.next.pop_front();
            let own = own.or_else(|| state.targets.get(&target).cloned());
            let script = own.or_else(|| state.always.clone()).unwrap_or_else(echo);
            (state.requests.len() - 1, script)
        })
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut state = shared.lock();
        if state.is_stopped {
            return;
        }
        let index = state.connections;
        state.connections += 1;
        state.open += 1;
        state.streams.push(stream.try_clone().unwrap());
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let mut wire = Wire::new(stream);
            serve(&shared, index, &mut wire);
            wire.close();
            shared.change(|state| state.open -= 1);
        });
    }
}

fn serve(shared: &Shared, connection: usize, wire: &mut Wire) {
    while let Ok(Some(head)) = wire.head() {
        let (index, script) = shared.begin(connection, head);
        let mut framing = {
            let state = shared.lock();
            let framing = state.requests[index].headers.framing();
            framing.unwrap_or(Framing::Length(0))
        };
        for step in script {
            if !run(shared, index, wire, &mut framing, step) {
                return;
            }
        }
    }
}

/// The answer is whether the connection goes on.
fn run(shared: &Shared, index: usize, wire: &mut Wire, framing: &mut Framing, step: Step) -> bool {
    match step {
        Step::Read => read(shared, index, wire, framing),
        Step::Write(bytes) => wire.write(&bytes).is_ok(),
        Step::Echo => {
            let line = shared.lock().requests[index].line.clone();
            let body = line.trim_end_matches(" HTTP/1.1");
            let Step::Write(bytes) = answer("200 OK", &[], body) else {
                return false;
            };
            wire.write(&bytes).is_ok()
        }
        Step::Flood(bytes) => {
            while wire.write(&bytes).is_ok() {}
            false
        }
        Step::Repeat => wire.repeat().is_ok(),
        Step::Wait(signal) => signal.wait(),
        Step::Choose(Choice(choose)) => {
            let seen = shared.lock().requests[index].clone();
            let mut steps = choose(&seen).into_iter();
            steps.all(|step| run(shared, index, wire, framing, step))
        }
        Step::Close => {
            wire.close();
            false
        }
    }
}

fn read(shared: &Shared, index: usize, wire: &mut Wire, framing: &mut Framing) -> bool {
    loop {
        match wire.piece(framing) {
            Ok(Some((data, raw))) => shared.change(|state| {
                let request = &mut state.requests[index];
                request.body.extend_from_slice(&data);
                request.raw_body.extend_from_slice(&raw);
            }),
            Ok(None) => {
                shared.change(|state| state.requests[index].is_whole = true);
                return true;
            }
            Err(_) => return false,
        }
    }
}
