//! A changed config is taken up whole while requests run, or not at all.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::support::{
    Answer, Call, Claims, Gateway, ISSUER, Issuer, Key, PATIENCE, PROJECT, Setup, Signal, Step,
    Upstream, default_key, metadata, token,
};

const LIST: &str = "ecs:servers:listMetadata";
/// Demands another action for [`metadata`] than the built-in table.
const STRICTER: &str = "[[operation]]
permission = 'Querying ECS Metadata (Native OpenStack API)'
routes = ['GET /v2.1/{project_id}/servers/{server_id}/metadata']
actions = ['ecs:servers:inspect']
";

fn list() -> Call {
    Call::get(metadata()).bearer(&token(&[LIST]))
}

/// Asks until an answer has this status: workers take up a snapshot one after the other.
#[track_caller]
fn wait_for(gateway: &Gateway, call: &Call, status: u16) -> Answer {
    let started = Instant::now();
    loop {
        let answer = gateway.call(call);
        if answer.status == status {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{answer:?}");
        thread::yield_now();
    }
}

fn with_table(upstream: &Upstream) -> Setup {
    let other = "[[operation]]\npermission = 'v'\nroutes = ['GET /v9']\naccess = 'public'\n";
    Setup::new(upstream).table(other)
}

#[test]
fn a_new_table_and_new_keys_are_taken_up() {
    let upstream = Upstream::start();
    let gateway = with_table(&upstream).start();
    assert_eq!(gateway.call(&list()).status, 200);
    fs::write(gateway.folder().join("table.toml"), STRICTER).unwrap();
    gateway.reload().unwrap();
    let answer = wait_for(&gateway, &list(), 403);
    let message = answer.refusal(403, "action_missing", "forbidden");
    assert_eq!(
        message,
        "Policy doesn't allow ecs:servers:inspect to be performed."
    );
    let other = Key::es256("k2");
    fs::write(gateway.folder().join("jwks.json"), Key::set(&[&other])).unwrap();
    gateway.reload().unwrap();
    let inspect = Claims::new(PROJECT, &["ecs:servers:inspect"]);
    let call = Call::get(metadata()).bearer(&inspect.sign(&other));
    assert_eq!(wait_for(&gateway, &call, 200).status, 200);
    let answer = gateway.call(&Call::get(metadata()).bearer(&inspect.sign(default_key())));
    answer.refusal(401, "token_key", "error");
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let upstream = Upstream::start();
    let gateway = with_table(&upstream).start();
    let stricter = gateway.folder().join("table.toml");
    fs::write(&stricter, STRICTER).unwrap();
    // Each would be a change of the table as well, if half of it were taken up.
    let broken = [
        (
            gateway.config().replace("[upstream]", "[upsteam]"),
            "`upsteam` is not a known key",
        ),
        (
            gateway.config().replace("table.toml", "absent.toml"),
            "`absent.toml` cannot be read",
        ),
        (
            gateway.config().replace("jwks.json", "absent.json"),
            "the keys of https://iam.test",
        ),
    ];
    for (text, expected) in broken {
        gateway.write_config(&text);
        let error = gateway.reload().expect_err(&text).to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(gateway.call(&list()).status, 200);
    }
    gateway.write_config(gateway.config());
    fs::write(&stricter, "[[operation]]\n").unwrap();
    let error = gateway.reload().expect_err("a broken table").to_string();
    assert!(
        error.contains("`operation.permission` is missing"),
        "{error}"
    );
    assert_eq!(gateway.call(&list()).status, 200);
    fs::write(&stricter, STRICTER).unwrap();
    gateway.reload().unwrap();
    wait_for(&gateway, &list(), 403);
}

#[test]
fn changed_files_are_noticed() {
    let upstream = Upstream::start();
    let gateway = with_table(&upstream).start();
    fs::write(gateway.folder().join("table.toml"), STRICTER).unwrap();
    wait_for(&gateway, &list(), 403);
}

#[test]
fn a_running_request_keeps_what_it_began_with_and_connections_stay() {
    let (upstream, other) = (Upstream::start(), Upstream::start());
    let gateway = Setup::new(&upstream).start();
    let release = Signal::new();
    upstream.next(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let mut client = gateway.connect();
    client.send(list().bytes());
    upstream.wait_for_requests(1);
    let text = gateway.config();
    let (old, new) = (upstream.address().to_string(), other.address().to_string());
    gateway.write_config(&text.replace(&old, &new));
    gateway.reload().unwrap();
    wait_until(|| gateway.call(&list()).status == 200 && other.count() > 0);
    release.set();
    assert_eq!(client.answer().text(), format!("GET {}", metadata()));
    let before = other.count();
    assert_eq!(client.call(&list()).status, 200);
    assert_eq!(other.count(), before + 1);
    // The same upstream again keeps its connections.
    let connections = other.connections();
    gateway.reload().unwrap();
    for _ in 0..3 {
        assert_eq!(client.call(&list()).status, 200);
    }
    assert_eq!(other.connections(), connections);
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE);
    }
}

/// Keys from a URL stay: a reload neither fetches them again nor leaves a moment without them.
#[test]
fn keys_from_a_url_stay() {
    let upstream = Upstream::start();
    let issuer = Issuer::start(&[default_key()]);
    let gateway = Setup::new(&upstream).issuer(&issuer, "").start();
    assert_eq!(gateway.call(&list()).status, 200);
    for _ in 0..5 {
        gateway.reload().unwrap();
        assert_eq!(gateway.call(&list()).status, 200);
    }
    assert_eq!(issuer.fetches(), 1);
    // Another audience is another rule for the same keys.
    let text = gateway.config();
    gateway.write_config(&text.replace("[\"ecs\"]", "[\"other\"]"));
    gateway.reload().unwrap();
    let answer = wait_for(&gateway, &list(), 401);
    answer.refusal(401, "token_audience", "error");
    assert_eq!(issuer.fetches(), 1);
    assert!(text.contains(ISSUER));
}

#[test]
fn no_request_fails_while_it_reloads_again_and_again() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).listen("workers = 2").start();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = gateway.connect();
                    let mut count = 0;
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(client.call(&list()).status, 200);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for _ in 0..100 {
            gateway.reload().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let counts = clients.into_iter().map(|client| client.join().unwrap());
        assert!(counts.sum::<usize>() > 100);
    });
}

/// Also where the file at fault is new: whoever mends it need not tell.
#[test]
fn a_file_that_kept_a_config_from_use_is_watched() {
    let upstream = Upstream::start();
    let gateway = with_table(&upstream).start();
    let at = |name: &str| gateway.folder().join(name);
    fs::write(at("new.toml"), "[[operation]]\n").unwrap();
    gateway.write_config(&gateway.config().replace("table.toml", "new.toml"));
    gateway.reload().expect_err("a broken table");
    assert_eq!(gateway.call(&list()).status, 200);
    fs::write(at("new.toml"), STRICTER).unwrap();
    wait_for(&gateway, &list(), 403);
}
