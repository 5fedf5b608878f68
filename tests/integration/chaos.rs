//! An upstream that closes its connections at any byte: no POST is ever sent twice, and a GET is
//! answered in spite of connections that were closed while idle.
//!
//! `CHAOS_REQUESTS` says how many requests of each kind there are.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::support::{Call, Client, Gateway, Setup, metadata, token};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const CLIENTS: usize = 4;
/// How long the upstream keeps an idle connection.
const IDLE: Duration = Duration::from_millis(15);

fn count() -> usize {
    let count = std::env::var("CHAOS_REQUESTS").ok();
    count.map_or(3000, |count| count.parse().unwrap())
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Fin,
    Reset,
}

/// What the upstream does with a request.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Answers and goes on.
    Answer,
    /// Answers, and ends the connection so much later.
    AnswerAndEnd(Duration, End),
    /// Reads so many bytes of it, then ends the connection.
    ReadPart(usize, End),
    /// Reads all of it, sends so many bytes of the answer, then ends the connection.
    AnswerPart(usize, End),
}

impl Mode {
    fn any(random: &mut fastrand::Rng) -> Self {
        let end = if random.bool() { End::Fin } else { End::Reset };
        match random.u8(..10) {
            0..=3 => Self::Answer,
            4 => Self::stale(random),
            5 => Self::AnswerAndEnd(IDLE, end),
            6 => Self::ReadPart(random.usize(..600), end),
            7 => Self::AnswerPart(0, end),
            _ => Self::AnswerPart(random.usize(..ANSWER.len()), end),
        }
    }

    /// One that ends the connection only while it is idle; without a reset, which could overtake the
    /// answer before it.
    fn stale(random: &mut fastrand::Rng) -> Self {
        let pause = match random.bool() {
            true => Duration::ZERO,
            false => IDLE,
        };
        match random.u8(..3) {
            0 => Self::Answer,
            _ => Self::AnswerAndEnd(pause, End::Fin),
        }
    }
}

/// How often each request has come, as far as its id could be read.
type Counts = Arc<Mutex<HashMap<String, usize>>>;

struct Chaos {
    address: SocketAddr,
    seen: Counts,
    is_stopped: Arc<AtomicBool>,
}

impl Chaos {
    fn start(mode: fn(&mut fastrand::Rng) -> Mode) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let chaos = Self {
            address: listener.local_addr().unwrap(),
            seen: Counts::default(),
            is_stopped: Arc::default(),
        };
        let (seen, is_stopped) = (Arc::clone(&chaos.seen), Arc::clone(&chaos.is_stopped));
        thread::spawn(move || {
            for (seed, stream) in (0..).zip(listener.incoming()) {
                if is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), seen) = (stream, Arc::clone(&seen)) else {
                    continue;
                };
                thread::spawn(move || serve(stream, &seen, mode, fastrand::Rng::with_seed(seed)));
            }
        });
        chaos
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Counts,
    mode: fn(&mut fastrand::Rng) -> Mode,
    mut random: fastrand::Rng,
) {
    stream.set_nodelay(true).unwrap();
    loop {
        let mode = mode(&mut random);
        let most = match mode {
            Mode::ReadPart(most, _) => most,
            _ => usize::MAX,
        };
        let Some(is_whole) = read(&mut stream, seen, most) else {
            return;
        };
        if !is_whole && most == usize::MAX {
            return;
        }
        match mode {
            Mode::Answer => {
                if stream.write_all(ANSWER).is_err() {
                    return;
                }
            }
            Mode::AnswerAndEnd(pause, how) => {
                let _ = stream.write_all(ANSWER);
                if !pause.is_zero() {
                    // What comes in time is served as ever.
                    stream.set_read_timeout(Some(pause)).unwrap();
                    if stream.peek(&mut [0]).is_ok_and(|count| count > 0) {
                        stream.set_read_timeout(None).unwrap();
                        continue;
                    }
                }
                return end(stream, how);
            }
            Mode::ReadPart(_, how) => return end(stream, how),
            Mode::AnswerPart(most, how) => {
                let _ = stream.write_all(&ANSWER[..most]);
                return end(stream, how);
            }
        }
    }
}

fn end(stream: TcpStream, how: End) {
    match how {
        End::Fin => {
            let _ = stream.shutdown(Shutdown::Both);
        }
        End::Reset => {
            let _ = TcpSocket::from_std_stream(stream).set_zero_linger();
        }
    }
}

/// Reads one request, or `most` bytes of it, and counts it; `None` where none comes. The answer is
/// whether it is whole.
fn read(stream: &mut TcpStream, seen: &Counts, most: usize) -> Option<bool> {
    let mut bytes = Vec::new();
    let mut is_counted = false;
    loop {
        let left = most.saturating_sub(bytes.len()).min(4096);
        if left == 0 {
            return Some(false);
        }
        let mut piece = vec![0; left];
        let count = match stream.read(&mut piece) {
            Ok(0) | Err(_) if bytes.is_empty() => return None,
            Ok(0) | Err(_) => return Some(false),
            Ok(count) => count,
        };
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !is_counted && let Some(id) = id(&text) {
            is_counted = true;
            *seen.lock().unwrap().entry(id).or_default() += 1;
        }
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length.split_once("content-length: ");
            let length = length.map_or("0", |(_, rest)| rest.split("\r\n").next().unwrap());
            if body.len() >= length.parse::<usize>().unwrap() {
                return Some(true);
            }
        }
    }
}

fn id(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("x-id: ")?;
    Some(rest.split_once("\r\n")?.0.to_owned())
}

fn gateway(chaos: &Chaos) -> Gateway {
    Setup::at(chaos.address)
        .listen("workers = 2")
        .upstream("eject_after = 1000")
        .upstream("retry_budget = 100")
        .upstream("idle_timeout = \"1s\"")
        .start()
}

/// Sends `count` requests, some after a pause that the upstream is about to end the connection in;
/// the statuses by id.
fn send(gateway: &Gateway, count: usize, call: impl Fn(&str) -> Call + Sync) -> Vec<(String, u16)> {
    let next = AtomicUsize::new(0);
    let answered = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for seed in 0..CLIENTS {
            let (next, answered, call) = (&next, &answered, &call);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed as u64);
                let mut client: Option<Client> = None;
                loop {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    if id >= count {
                        return;
                    }
                    if random.u8(..20) == 0 {
                        // [`IDLE`], give or take 5 ms.
                        thread::sleep(Duration::from_micros(random.u64(10_000..20_000)));
                    }
                    let id = format!("n{id}");
                    let call = call(&id);
                    let mut own = client.take().unwrap_or_else(|| gateway.connect());
                    own.send(call.bytes());
                    let status = match own.try_answer(&call.method) {
                        Ok(answer) => {
                            // It is closed after a refusal, and after so many requests.
                            let stays = answer.headers.get("connection") != Some("close");
                            client = (answer.status == 200 && stays).then_some(own);
                            answer.status
                        }
                        Err(cut) => cut.head.map_or(0, |head| head.0),
                    };
                    answered.lock().unwrap().push((id, status));
                }
            });
        }
    });
    answered.into_inner().unwrap()
}

#[test]
fn no_post_is_sent_twice() {
    let chaos = Chaos::start(Mode::any);
    let gateway = gateway(&chaos);
    let token = token(&["*:*:*"]);
    let answered = send(&gateway, count(), |id| {
        // Without a body it could be sent again, with one only as long as nothing was read of it.
        let body = if id.ends_with(['0', '2', '4', '6', '8']) {
            ""
        } else {
            "{}"
        };
        Call::post(metadata(), body)
            .bearer(&token)
            .header(format!("X-Id: {id}"))
    });
    let seen = chaos.seen.lock().unwrap();
    let doubled: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "{} doubled: {doubled:?}", doubled.len());
    let mut good = 0;
    for (id, status) in &answered {
        // 0: the client saw half an answer.
        assert!([0, 200, 502].contains(status), "{id} {status}");
        if *status == 200 {
            assert_eq!(seen.get(id), Some(&1), "{id}");
            good += 1;
        }
    }
    assert!(good > count() / 4, "only {good} were answered");
    assert!(good < count(), "nothing went wrong");
}

#[test]
fn a_get_is_answered_in_spite_of_stale_connections() {
    let chaos = Chaos::start(Mode::stale);
    let gateway = gateway(&chaos);
    let token = token(&["*:*:*"]);
    let answered = send(&gateway, count(), |id| {
        Call::get(metadata())
            .bearer(&token)
            .header(format!("X-Id: {id}"))
    });
    let failed: Vec<_> = answered
        .iter()
        .filter(|(_, status)| *status != 200)
        .collect();
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
    assert_eq!(answered.len(), count());
}
