//! A list at a URL: asked for when it has changed, signed or not.

use serde_json::json;

use super::*;
use crate::support::{Choice, Key, Seen, Signal, Step, answer};

/// A server of lists.
struct Server(Upstream);

impl Server {
    fn start() -> Self {
        Self(Upstream::start())
    }

    /// Lines of `[revocation]`, which looks often.
    fn section(&self, more: &str) -> String {
        let address = self.0.address();
        format!(
            "{ADMIN}[revocation]\nurl = \"http://{address}/revoked.json\"\nrefresh = \"20ms\"\n{more}\n"
        )
    }

    fn serve(&self, status: &str, body: &str) {
        let headers = ["Connection: close"];
        self.0.always(vec![
            Step::Read,
            answer(status, &headers, body),
            Step::Close,
        ]);
    }

    fn serve_list(&self, ids: &[&str]) {
        let entries: Vec<Value> = ids.iter().map(|id| of_token(id)).collect();
        self.serve("200 OK", &list(&entries));
    }

    /// With an entity tag, and 304 for who has it.
    fn serve_tagged(&self, tag: &'static str, ids: &[&str]) {
        let entries: Vec<Value> = ids.iter().map(|id| of_token(id)).collect();
        let body = list(&entries);
        let choose = move |seen: &Seen| {
            let tagged = format!("ETag: \"{tag}\"");
            let headers = ["Connection: close", tagged.as_str()];
            let has_it = seen.headers.get("if-none-match") == Some(&format!("\"{tag}\""));
            let answer = match has_it {
                true => answer("304 Not Modified", &headers, ""),
                false => answer("200 OK", &headers, &body),
            };
            vec![answer, Step::Close]
        };
        self.0
            .always(vec![Step::Read, Step::Choose(Choice::new(choose))]);
    }
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let (upstream, server) = (Upstream::start(), Server::start());
    server.serve_tagged("one", &["t1"]);
    let gateway = Setup::new(&upstream).more(&server.section("")).start();
    assert_eq!(gateway.call(&call("t1")).status, 401);
    assert_eq!(gateway.call(&call("t2")).status, 200);
    server.0.wait_for_requests(3);
    let requests = server.0.requests();
    let tags = requests
        .iter()
        .map(|seen| seen.headers.get("if-none-match"));
    let tags: Vec<Option<&str>> = tags.take(3).collect();
    assert_eq!(tags, [None, Some("\"one\""), Some("\"one\"")]);
    assert_eq!(requests[0].headers.get("accept"), Some("application/json"));
    server.serve_tagged("two", &["t2"]);
    wait_for(&gateway, &call("t2"), 401);
    assert_eq!(gateway.call(&call("t1")).status, 200);
    let status = wait_for_status(&gateway, |status| status["state"] == "ok");
    assert_eq!(status["failures"], 0);
}

#[test]
fn without_a_list_nobody_is_served_unless_the_config_says_so() {
    let (upstream, server) = (Upstream::start(), Server::start());
    server.serve("503 Service Unavailable", "");
    let gateway = Setup::new(&upstream).more(&server.section("")).start();
    let refused = gateway.call(&call("t1"));
    let message = refused.refusal(503, "revocation_unavailable", "error");
    assert_eq!(
        message,
        "Whether the token has been revoked is not known now."
    );
    assert_eq!(refused.headers.get("retry-after"), Some("10"));
    let ready = gateway.admin(&Call::get("/ready"));
    assert_eq!(
        ready.text(),
        "{\"missing\":[\"the list of revoked tokens\"],\"ready\":false}\n"
    );
    let metrics = gateway.admin(&Call::get("/metrics"));
    assert!(
        metrics
            .text()
            .contains("\nactiongate_revocation_available 0.0\n"),
        "{}",
        metrics.text()
    );
    let serving = server.section("when_unavailable = \"serve\"");
    let serving = Setup::new(&upstream).more(&serving).start();
    assert_eq!(serving.call(&call("t1")).status, 200);
    assert_eq!(serving.admin(&Call::get("/ready")).status, 200);
    server.serve_list(&["t1"]);
    for gateway in [&gateway, &serving] {
        wait_for(gateway, &call("t1"), 401);
        assert_eq!(gateway.call(&call("t2")).status, 200);
        assert_eq!(gateway.admin(&Call::get("/ready")).status, 200);
    }
}

#[test]
fn a_list_gets_too_old_for_remembered_tokens_too() {
    let (upstream, server) = (Upstream::start(), Server::start());
    server.serve_list(&["t1"]);
    let section = server.section("max_age = \"300ms\"");
    let gateway = Setup::new(&upstream).more(&section).start();
    assert_eq!(gateway.call(&call("t2")).status, 200);
    server.serve("500 Internal Server Error", "");
    let (answer, _) = wait_for(&gateway, &call("t2"), 503);
    answer.refusal(503, "revocation_unavailable", "error");
    // What is known to be revoked is not in doubt.
    assert_eq!(gateway.call(&call("t1")).status, 401);
    let status = wait_for_status(&gateway, |status| status["state"] == "unavailable");
    assert_eq!(status["entries"], 1);
    server.serve_list(&["t1"]);
    wait_for(&gateway, &call("t2"), 200);
}

#[test]
fn the_last_list_serves_while_the_server_is_slow_or_wrong() {
    let (upstream, server) = (Upstream::start(), Server::start());
    server.serve_list(&["t1"]);
    let gateway = Setup::new(&upstream).more(&server.section("")).start();
    for (status, body, expected) in [
        ("200 OK", "garbage", "it is not a list of revoked tokens"),
        ("200 OK", "", "it is not a list of revoked tokens"),
        ("404 Not Found", "", "the answer is 404 Not Found"),
        ("302 Found", "", "the answer is 302 Found"),
        ("304 Not Modified", "", "the answer is 304 Not Modified"),
    ] {
        server.serve(status, body);
        wait_for_error(&gateway, expected);
        assert_eq!(gateway.call(&call("t1")).status, 401, "{status}");
        assert_eq!(gateway.call(&call("t2")).status, 200, "{status}");
    }
    let signal = Signal::new();
    let seen = server.0.count();
    server
        .0
        .always(vec![Step::Read, Step::Wait(signal.clone()), Step::Close]);
    server.0.wait_for_requests(seen + 1);
    assert_eq!(gateway.call(&call("t1")).status, 401);
    assert_eq!(gateway.call(&call("t2")).status, 200);
    server.serve_list(&["t2"]);
    signal.set();
    wait_for(&gateway, &call("t2"), 401);
}

#[test]
fn a_signed_list_is_of_its_key_and_never_an_older_one() {
    const KIND: &str = "revocations+jwt";
    let (upstream, server) = (Upstream::start(), Server::start());
    let (good, other) = (Key::es256("k1"), Key::es256("k1"));
    let signed = |key: &Key, kind: &str, ids: &[&str], time: u64| {
        let entries: Vec<Value> = ids.iter().map(|id| of_token(id)).collect();
        key.sign_kind(
            kind,
            &json!({"version": 1, "issued_at": time, "revoked": entries}),
        )
    };
    server.serve("200 OK", &signed(&good, KIND, &["t1"], 100));
    let section = server.section("signed_by = \"list-keys.json\"");
    let setup = Setup::new(&upstream).file("list-keys.json", &Key::set(&[&good]));
    let gateway = setup.more(&section).start();
    assert_eq!(gateway.call(&call("t1")).status, 401);
    let untimed = good.sign_kind(KIND, &json!({"version": 1, "revoked": []}));
    let whole = signed(&good, KIND, &[], 200);
    let (head, signature) = whole.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let (other_head, _) = untimed.rsplit_once('.').unwrap();
    let (_, other_payload) = other_head.split_once('.').unwrap();
    for (body, expected) in [
        (list(&[]), "it is not signed as it has to be"),
        (
            signed(&other, KIND, &[], 200),
            "it is not signed by a key of /",
        ),
        (
            format!("{header}.{other_payload}.{signature}"),
            "it is not signed by a key of /",
        ),
        (
            signed(&good, "JWT", &[], 200),
            "its header's `typ` is not `revocations+jwt`",
        ),
        (
            untimed,
            "a signed list says with `issued_at` when it was made",
        ),
        (
            signed(&good, KIND, &[], 99),
            "it was made at 99, before the one in use, which was made at 100",
        ),
    ] {
        server.serve("200 OK", &body);
        wait_for_error(&gateway, expected);
        assert_eq!(gateway.call(&call("t1")).status, 401, "{expected}");
    }
    server.serve("200 OK", &whole);
    wait_for(&gateway, &call("t1"), 200);
    // Another key takes over.
    server.serve("200 OK", &signed(&other, KIND, &["t2"], 300));
    wait_for_error(&gateway, "it is not signed by a key of /");
    gateway.replace_file("list-keys.json", &Key::set(&[&other]));
    wait_for(&gateway, &call("t2"), 401);
}
