mod fetching;

use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;
use crate::token::Algorithm;
use crate::token::testing::{KeyFile, SigningKey, key_set};

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

/// The text of a set with one key of this name.
fn set(kid: &'static str) -> String {
    key_set(&[&SigningKey::new(kid, Algorithm::ES256)])
}

fn kids(feed: &KeyFeed) -> Option<Vec<String>> {
    let (keys, _) = feed.current()?;
    Some(
        keys.keys()
            .iter()
            .filter_map(|key| key.kid.clone())
            .collect(),
    )
}

fn only(kid: &str) -> Vec<String> {
    vec![kid.to_owned()]
}

fn ok(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// An issuer that answers each connection with the same bytes, once the test lets it.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
    /// The head of every request so far.
    requests: watch::Receiver<Vec<String>>,
    gate: Arc<Semaphore>,
}

impl Server {
    /// Answers at once.
    async fn start(answer: Vec<u8>) -> Self {
        let server = Self::start_closed(answer).await;
        server.gate.close();
        server
    }

    /// Answers as many requests as `gate` has permits, or all once it is closed.
    async fn start_closed(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sender, requests) = watch::channel(Vec::new());
        let server = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::new(Mutex::new(answer)),
            requests,
            gate: Arc::new(Semaphore::new(0)),
        };
        let (answer, gate) = (Arc::clone(&server.answer), Arc::clone(&server.gate));
        tokio::spawn(async move {
            // Open connections stay open, as a server's that hangs.
            let mut connections = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                sender.send_modify(|heads| heads.push(String::from_utf8(head).unwrap()));
                if let Ok(permit) = gate.acquire().await {
                    permit.forget();
                }
                let answer = answer.lock().unwrap().clone();
                // A client that has read enough may have gone.
                let _ = stream.write_all(&answer).await;
                connections.push(stream);
            }
        });
        server
    }

    fn url(&self, path: &str) -> Location {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    fn fetches(&self) -> usize {
        self.requests.borrow().len()
    }

    async fn wait_for_fetches(&mut self, count: usize) {
        let reached = self.requests.wait_for(|heads| heads.len() >= count);
        reached.await.unwrap();
    }
}

#[test]
fn a_file_that_breaks_leaves_the_last_good_set() {
    let mut file = KeyFile::new(|_| {});
    assert!(file.refresh().is_err());
    assert_eq!((kids(&file.feed), file.feed.version()), (None, 0));
    let (first, second) = (set("first"), set("second"));
    let steps = [
        (first.as_str(), true, "first", 1),
        (first.as_str(), true, "first", 1),
        ("{\"keys\":", false, "first", 1),
        ("{\"keys\":[]}", false, "first", 1),
        ("", false, "first", 1),
        (first.as_str(), true, "first", 1),
        (second.as_str(), true, "second", 2),
        (first.as_str(), true, "first", 3),
    ];
    for (index, (text, is_ok, kid, version)) in steps.into_iter().enumerate() {
        assert_eq!(file.put(text).is_ok(), is_ok, "step {index}");
        assert_eq!(kids(&file.feed), Some(only(kid)), "step {index}");
        assert_eq!(file.feed.version(), version, "step {index}");
        let (_, seen) = file.feed.current().unwrap();
        assert_eq!(seen.version(), version, "step {index}");
    }
}

#[test]
fn a_set_that_is_too_old_goes() {
    let mut file = KeyFile::new(|settings| settings.max_age = Duration::ZERO);
    let good = set("first");
    file.put(&good).unwrap();
    file.put("broken").unwrap_err();
    assert_eq!((kids(&file.feed), file.feed.version()), (None, 2));
    file.put("broken").unwrap_err();
    assert_eq!(file.feed.version(), 2, "nothing was there to change");
    file.put(&good).unwrap();
    assert_eq!(
        (kids(&file.feed), file.feed.version()),
        (Some(only("first")), 3)
    );
}

#[test]
fn every_feed_shows_the_same_keys() {
    let mut file = KeyFile::new(|_| {});
    let other = file.feed.clone();
    file.put(&set("k")).unwrap();
    assert_eq!((kids(&other), other.version()), (Some(only("k")), 1));
}

#[test]
fn many_callers_cause_one_fetch_and_none_within_the_cooldown() {
    runtime().block_on(async {
        let mut server = Server::start_closed(ok(&set("first"))).await;
        let settings = Settings::new(server.url("/"));
        let (source, feed) = KeySource::new("i", settings).unwrap();
        let mut callers = JoinSet::new();
        let ask = |callers: &mut JoinSet<bool>| {
            for _ in 0..25 {
                let feed = feed.clone();
                callers.spawn(async move { feed.refresh().await });
            }
        };
        ask(&mut callers);
        let maintained = tokio::spawn(source.maintain());
        server.wait_for_fetches(1).await;
        // While the fetch is under way, the rest join it.
        ask(&mut callers);
        tokio::task::yield_now().await;
        server.gate.close();
        assert_eq!(callers.join_all().await, vec![true; 50]);
        assert_eq!(kids(&feed), Some(only("first")));
        *server.answer.lock().unwrap() = ok(&set("second"));
        // Nobody waits for a fetch that will not be.
        let at_once = tokio::time::timeout(Duration::ZERO, feed.refresh()).await;
        assert_eq!(at_once.ok(), Some(false), "within the cooldown");
        // Without a feed the source ends, after what was still asked for.
        drop(feed);
        maintained.await.unwrap();
        assert_eq!(server.fetches(), 1);
    });
}

#[test]
fn after_the_cooldown_a_caller_causes_a_fetch() {
    runtime().block_on(async {
        let server = Server::start(ok(&set("first"))).await;
        let mut settings = Settings::new(server.url("/"));
        settings.cooldown = Duration::ZERO;
        let (source, feed) = KeySource::new("i", settings).unwrap();
        let maintained = tokio::spawn(source.maintain());
        for (count, kid) in [(1, "first"), (2, "second")] {
            *server.answer.lock().unwrap() = ok(&set(kid));
            assert!(feed.refresh().await);
            assert_eq!((kids(&feed), server.fetches()), (Some(only(kid)), count));
        }
        drop(feed);
        maintained.await.unwrap();
    });
}

#[test]
fn callers_of_a_fetch_that_fails_are_told_to_look_again() {
    runtime().block_on(async {
        let server = Server::start(b"HTTP/1.1 500 Oops\r\n\r\n".to_vec()).await;
        let (source, feed) = KeySource::new("i", Settings::new(server.url("/"))).unwrap();
        let maintained = tokio::spawn(source.maintain());
        assert!(feed.refresh().await);
        assert!(!feed.refresh().await, "a failure cools down, too");
        assert_eq!((kids(&feed), server.fetches()), (None, 1));
        drop(feed);
        maintained.await.unwrap();
    });
}

#[test]
fn a_source_that_has_ended_refreshes_nothing() {
    let file = KeyFile::new(|_| {});
    let feed = file.feed.clone();
    drop(file);
    runtime().block_on(async { assert!(!feed.refresh().await) });
}

#[test]
fn keys_are_looked_at_again_on_a_timer() {
    runtime().block_on(async {
        let mut server = Server::start(ok(&set("first"))).await;
        let mut settings = Settings::new(server.url("/"));
        settings.refresh = Duration::from_millis(1);
        let (mut source, mut feed) = KeySource::new("i", settings).unwrap();
        assert_eq!(source.refresh_and_log().await, Duration::from_millis(1));
        let maintained = tokio::spawn(source.maintain());
        server.wait_for_fetches(2).await;
        *server.answer.lock().unwrap() = ok(&set("second"));
        let is_second = |state: &KeyState| {
            let keys = state.keys.as_ref().unwrap();
            keys.named(Some("second")).count() == 1
        };
        feed.state.wait_for(is_second).await.unwrap();
        assert_eq!(feed.version(), 2);
        drop(feed);
        maintained.await.unwrap();
    });
}

#[test]
fn a_failure_is_tried_again_after_the_cooldown_at_the_latest() {
    let cases = [(10, 300, 10), (10, 5, 5)];
    for (cooldown, refresh, expected) in cases {
        let mut file = KeyFile::new(|settings| {
            settings.cooldown = Duration::from_secs(cooldown);
            settings.refresh = Duration::from_secs(refresh);
        });
        let wait = runtime().block_on(file.source.refresh_and_log());
        assert_eq!(wait, Duration::from_secs(expected));
        file.put(&set("k")).unwrap();
        let wait = runtime().block_on(file.source.refresh_and_log());
        assert_eq!(wait, Duration::from_secs(refresh));
    }
}

#[test]
fn locations() {
    let file = |path: &str| Some(Location::File(path.into()));
    let url = |text: &str| Some(Location::Url(text.parse().unwrap()));
    let cases = [
        ("jwks.json", file("jwks.json")),
        ("/etc/jwks.json", file("/etc/jwks.json")),
        ("../a b.json", file("../a b.json")),
        ("http://iam:8080/jwks", url("http://iam:8080/jwks")),
        ("https://iam/jwks?v=1", url("https://iam/jwks?v=1")),
        ("HTTPS://iam", url("https://iam")),
        ("http://[::1]:80/x", url("http://[::1]:80/x")),
        ("ftp://iam/jwks", None),
        ("file:///etc/jwks.json", None),
        ("https://", None),
        ("https:///jwks", None),
        ("://iam", None),
        ("https://user@iam/jwks", None),
        ("https://user:secret@iam/jwks", None),
        ("https://iam/jwks#one", None),
        ("https://iam/a b", None),
        ("https://[::1/jwks", None),
    ];
    for (text, expected) in cases {
        let found = text.parse::<Location>();
        assert_eq!(found.as_ref().ok(), expected.as_ref(), "{text:?}");
        match found {
            Ok(location) => assert_eq!(location.to_string().parse::<Location>().unwrap(), location),
            Err(error) => assert_eq!(
                error.to_string(),
                "it is not an http or https URL of a host and, if any, a port from 1 to 65535"
            ),
        }
    }
}

/// What is no port must not become the default one.
#[test]
fn a_port_that_is_none_is_refused() {
    for port in ["99999", "65536", "-1", "http"] {
        let text = format!("https://iam:{port}/jwks");
        assert!(text.parse::<Location>().is_err(), "{text}");
    }
}
