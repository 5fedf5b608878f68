//! Any bytes as what a client sends to the running gateway: what reaches the upstream is a part of
//! what a plain reading of the bytes allows, in clean form, permitted by the token it carries.
//!
//! `@ALL@`, `@LIST@` and `@START@` in an input stand for tokens that grant everything, only listing and
//! only starting.

#![no_main]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use actiongate::app::App;
use actiongate::config::Config;
use actiongate::server::Address;
use actiongate::table::Source;
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use oracle::demand::{TABLE, demand, shown};
use oracle::message::{self, Failure, Message, Strictness};
use oracle::signer::Signer;
use oracle::{mutation, nova};
use serde_json::json;

/// How long the gateway may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);
/// What no client says (nova takes these for the caller, or for another method or path), and what
/// belongs to one connection.
const NEVER_SENT: [&str; 26] = [
    "connection",
    "expect",
    "keep-alive",
    "openstack-system-scope",
    "proxy",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-identity-status",
    "x-is-admin-project",
    "x-method-override",
    "x-original-url",
    "x-project-id",
    "x-rewrite-url",
    "x-role",
    "x-roles",
    "x-service-token",
    "x-storage-token",
    "x-tenant-id",
    "x-user",
    "x-user-id",
    "x-user-name",
];

struct World {
    gateway: SocketAddr,
    all: String,
    list: String,
    start: String,
    _app: App,
}

/// The requests that the upstream has read to their ends since it was last asked.
static SEEN: Mutex<Vec<Message>> = Mutex::new(Vec::new());

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let signer = Signer::ed25519("k1");
    let token = |actions: &[&str]| {
        let claims = json!({"iss": "fuzz", "aud": "ecs", "exp": 4_102_444_800_u64,
            "project_id": "p1", "actions": actions});
        signer.token(
            br#"{"alg":"EdDSA","kid":"k1"}"#,
            claims.to_string().as_bytes(),
        )
    };
    // Read once, when the gateway starts.
    let folder = tempfile::tempdir().expect("a folder");
    let keys = json!({"keys": [signer.jwk()]}).to_string();
    std::fs::write(folder.path().join("keys.json"), keys).expect("a file");
    let builtin = Source::builtin();
    let mut metadata = builtin
        .iter()
        .filter(|source| source.name.contains("ecs/metadata_management"));
    let metadata = &metadata.next().expect("a page").text;
    let table = format!("{metadata}{TABLE}");
    std::fs::write(folder.path().join("table.toml"), table).expect("a file");
    let text = format!(
        "[listen]\naddress = '127.0.0.1:0'\nworkers = 1\nmax_body = '1KiB'\n\
         [upstream]\nurl = 'http://{}'\n[audit]\nenabled = false\n\
         [[issuer]]\nname = 'fuzz'\naudiences = ['ecs']\nkeys = 'keys.json'\n\
         [issuer.claims]\nproject = '/project_id'\nactions = '/actions'\n\
         [table]\nbuiltin = 'none'\nfiles = ['table.toml']\n",
        start_upstream()
    );
    let config = Config::parse("fuzz.toml", &text, folder.path()).expect("a config");
    let app = App::start(&config).expect("a gateway");
    let Some(Address::Ip(gateway)) = app.addresses().first() else {
        panic!("no address");
    };
    World {
        gateway: *gateway,
        all: token(&["ecs:*:*"]),
        list: token(&["ecs:servers:listMetadata"]),
        start: token(&["ecs:servers:start"]),
        _app: app,
    }
});

/// What an input may be made of.
static LINES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../lines/http").lines().collect());

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::lines(data, size, max_size, seed, &LINES, "\r\n")
});

fuzz_target!(|input: &[u8]| -> Corpus {
    let mut input = input.to_vec();
    for (word, token) in [
        (&b"@ALL@"[..], &WORLD.all),
        (b"@LIST@", &WORLD.list),
        (b"@START@", &WORLD.start),
    ] {
        input = replace(&input, word, token);
    }
    // Another protocol, which this reader does not know.
    if input.starts_with(b"PRI * HTTP/2") {
        return Corpus::Reject;
    }
    let (allowed, _, _) = message::read_all(&input, Strictness::Tolerant);
    exchange(&input, &allowed);
    let seen = std::mem::take(&mut *SEEN.lock().expect("a lock"));
    let mut allowed = allowed.iter();
    for request in &seen {
        check(request);
        let is_it = |asked: &Message| is_same(asked, request);
        assert!(allowed.any(is_it), "nobody asked for {}", shown(request));
    }
    Corpus::Keep
});

fn replace(text: &[u8], word: &[u8], by: &str) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(word) {
            Some(after) => {
                replaced.extend_from_slice(by.as_bytes());
                rest = after;
            }
            None => {
                replaced.push(*first);
                rest = after;
            }
        }
    }
    replaced
}

/// Sends the input and reads until the gateway closes the connection.
///
/// Our end is closed once every whole request is answered: a gateway that sees the end gives up what
/// it is at.
fn exchange(input: &[u8], requests: &[Message]) {
    let mut stream = TcpStream::connect(WORLD.gateway).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    // It may have closed already.
    let _ = stream.write_all(input);
    let mut received = Vec::new();
    for request in requests {
        if !read_answer(&mut stream, &mut received, request) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    while read_more(&mut stream, &mut received) {}
}

/// Takes the answer to `request` off `received`; false at the end of the stream.
fn read_answer(stream: &mut TcpStream, received: &mut Vec<u8>, request: &Message) -> bool {
    loop {
        let head = received.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&received[..head]).into_owned();
            assert!(text.starts_with("HTTP/1."), "no answer: {text}");
            let is_interim = text[8..].starts_with(" 1");
            let length = text.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.trim().parse::<usize>().expect("a length"))
            });
            let body = match request.method.as_slice() {
                _ if is_interim => 0,
                b"HEAD" => 0,
                _ => length.unwrap_or_else(|| panic!("an answer without a length: {text}")),
            };
            let end = head + 4 + body;
            if received.len() >= end {
                received.drain(..end);
                match is_interim {
                    true => continue,
                    false => return true,
                }
            }
        }
        if !read_more(stream, received) {
            return false;
        }
    }
}

fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            received.extend_from_slice(&buffer[..count]);
            true
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            panic!("the gateway neither answers nor closes")
        }
        // The alarm of the fuzzer.
        Err(error) if error.kind() == ErrorKind::Interrupted => true,
        Err(_) => false,
    }
}

/// Whether `sent` means what `asked` does.
fn is_same(asked: &Message, sent: &Message) -> bool {
    let target = nova::origin_form(&asked.target);
    let end = target.iter().position(|byte| *byte == b'#');
    let target = &target[..end.unwrap_or(target.len())];
    let has_root = !target.starts_with(b"/") && sent.target.strip_prefix(b"/") == Some(target);
    asked.method == sent.method && asked.body == sent.body && (target == sent.target || has_root)
}

/// Whether the upstream may get this.
fn check(request: &Message) {
    let single = |name: &str| {
        let mut values = request.values(name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice: {}", shown(request));
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let unwanted = request
        .headers
        .iter()
        .find(|(name, _)| name.contains('_') || NEVER_SENT.contains(&name.as_str()));
    assert!(
        unwanted.is_none(),
        "{unwanted:?} is sent: {}",
        shown(request)
    );
    let host = single("host").expect("a host");
    assert!(!host.is_empty(), "{}", shown(request));
    assert_eq!(single("x-forwarded-host"), Some(host));
    assert_eq!(single("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(single("x-forwarded-proto").as_deref(), Some("http"));
    let forwarded = single("forwarded");
    assert!(forwarded.is_some_and(|value| value.starts_with("for=127.0.0.1;")));
    let id = single("x-openstack-request-id");
    assert!(id.is_some_and(|id| id.starts_with("req-") && id.len() == 40));
    single("content-type");
    let token = match (single("authorization"), single("x-auth-token")) {
        (Some(bearer), None) => match bearer.split_once(' ') {
            Some((_, token)) => token.trim().to_owned(),
            None => panic!("{bearer} is no token"),
        },
        (None, Some(token)) => token,
        _ => panic!("not one credential: {}", shown(request)),
    };
    let actions: &[&str] = match token {
        _ if token == WORLD.all => &["all", "list", "start"],
        _ if token == WORLD.list => &["list"],
        _ if token == WORLD.start => &["start"],
        _ => panic!("{token} is no token of ours"),
    };
    let demand = demand(request);
    let is_permitted = demand.is_some_and(|demand| actions.contains(&demand));
    assert!(is_permitted, "{demand:?}: {}", shown(request));
}

/// An upstream that answers what is clean; anything else ends the run.
fn start_upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an upstream");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.expect("a connection")));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("an option");
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        received.extend_from_slice(&buffer[..count]);
        while !received.is_empty() {
            match message::read(&received, Strictness::Clean) {
                Ok((message, length)) => {
                    received.drain(..length);
                    SEEN.lock().expect("a lock").push(message);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                    let _ = stream.write_all(answer);
                }
                Err(Failure::Incomplete) => break,
                Err(Failure::Malformed(why)) => {
                    panic!("{why}: the upstream got {}", received.escape_ascii())
                }
            }
        }
    }
}
