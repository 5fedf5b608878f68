//! HTTP/2 from the client: the same answers, and no more than one client's share of anything.

pub mod client;
mod deciding;
mod flood;

use std::time::Duration;

use actiongate::tls::ClientSettings;
use bytes::Bytes;
use h2::Reason;

use crate::support::{
    Authority, Call, Claims, Files, PROJECT, Setup, Signal, Step, Upstream, answer, default_key,
    metadata, metadata_key, token, trusting,
};
use client::{Connection, get, run};

#[test]
fn many_requests_run_at_once_on_one_connection() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    let token = token(&["*:*:*"]);
    run(async {
        let mut client = Connection::open(&gateway).await;
        let mut answers = Vec::new();
        for number in 0..50 {
            let path = metadata_key(&number.to_string());
            answers.push((client.send(get(&path, &token)).await, path));
        }
        for (answer, path) in answers {
            let answer = client::answer(answer).await.unwrap();
            assert_eq!((answer.status, answer.text()), (200, format!("GET {path}")));
            assert!(!answer.has("connection") && answer.has("x-openstack-request-id"));
        }
    });
    let request = &upstream.requests()[0];
    assert!(request.line.ends_with(" HTTP/1.1"), "{}", request.line);
    assert_eq!(request.headers.get("host"), Some("api.test"));
    assert_eq!(request.headers.get("x-forwarded-proto"), Some("http"));
    let audit = gateway.into_audit();
    assert_eq!(audit.len(), 50);
    assert!(audit.iter().all(|line| line["reason"] == "ok"));
}

#[test]
fn a_body_streams_and_a_refusal_says_why() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    run(async {
        let mut client = Connection::open(&gateway).await;
        let request = http_request("PUT", &metadata_key("k"), &token(&["*:*:*"]));
        let (answer, mut body) = client.begin(request).await;
        body.send_data(Bytes::from_static(b"01234"), false).unwrap();
        body.send_data(Bytes::from_static(b"56789"), true).unwrap();
        assert_eq!(client::answer(answer).await.unwrap().status, 200);
        let refused = client.send(get(&metadata(), "rubbish")).await;
        let refused = client::answer(refused).await.unwrap();
        assert_eq!((refused.status, refused.reason()), (401, "token_malformed"));
    });
    assert_eq!(upstream.only().body, b"0123456789");
}

fn http_request(method: &str, path: &str, token: &str) -> hyper::Request<()> {
    let mut request = get(path, token);
    *request.method_mut() = method.parse().unwrap();
    request
}

#[test]
fn tls_chooses_the_protocol() {
    let upstream = Upstream::start();
    let files = Files::new();
    let pair = files.pair("server", &Authority::new("ca").issue(&["api.test"]));
    let tls = format!(
        "[listen.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\n",
        pair.chain, pair.key
    );
    let gateway = Setup::new(&upstream).more(&tls).start();
    let token = token(&["*:*:*"]);
    run(async {
        let tls = client::tls(&gateway, trusting(&["h2", "http/1.1"])).await;
        assert_eq!(client::protocol(&tls), Some("h2"));
        let mut client = Connection::over(tls).await;
        let answer = client.send(get(&metadata(), &token)).await;
        assert_eq!(client::answer(answer).await.unwrap().status, 200);
        for protocols in [&["http/1.1"][..], &[]] {
            let mut tls = client::tls(&gateway, trusting(protocols)).await;
            assert_eq!(client::protocol(&tls), protocols.first().copied());
            let call = Call::get(metadata()).bearer(&token);
            let text = client::exchange(&mut tls, &call.header("Connection: close").bytes()).await;
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        }
        // Prior knowledge is for connections in the clear.
        let mut tls = client::tls(&gateway, trusting(&[])).await;
        let text = client::exchange(&mut tls, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        assert_eq!(text, "");
    });
    for request in upstream.requests() {
        assert_eq!(request.headers.get("x-forwarded-proto"), Some("https"));
        let forwarded = request.headers.get("forwarded").unwrap();
        assert!(forwarded.ends_with(";proto=https"), "{forwarded}");
    }
}

#[test]
fn a_token_is_bound_to_the_certificate_of_its_connection() {
    let upstream = Upstream::start();
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let ca = files.write("ca.pem", &authority.pem());
    let pair = files.pair("server", &authority.issue(&["api.test"]));
    let tls = format!(
        "[listen.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\n\
         client_certificates = \"optional\"\nclient_ca = {ca:?}\n",
        pair.chain, pair.key
    );
    let gateway = Setup::new(&upstream).more(&tls).start();
    let (alice, bob) = (authority.issue(&["alice"]), authority.issue(&["bob"]));
    let claims = Claims::new(PROJECT, &["*:*:*"]);
    let hash = alice.hash.to_string();
    let claims = claims.set("cnf", serde_json::json!({"x5t#S256": hash}));
    let call = Call::get(metadata()).bearer(&claims.sign(default_key()));
    let call = call.header("Connection: close").bytes();
    run(async {
        for (who, status) in [(Some(&alice), 200), (Some(&bob), 401), (None, 401)] {
            let settings = ClientSettings {
                ca: Some(ca.clone()),
                certificate: who.map(|who| files.pair("client", who)),
                server_name: None,
            };
            let config = actiongate::tls::Client::load(&settings, &[]).unwrap();
            let mut tls = client::tls(&gateway, config.config()).await;
            let text = client::exchange(&mut tls, &call).await;
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        }
    });
}

/// The certificate of a proxy is nobody's who is behind it, whatever they make the proxy pass on.
#[test]
fn a_proxys_certificate_is_not_its_clients() {
    let upstream = Upstream::start();
    let (files, authority) = (Files::new(), Authority::new("ca"));
    let ca = files.write("ca.pem", &authority.pem());
    let pair = files.pair("server", &authority.issue(&["api.test"]));
    let tls = format!(
        "[listen.tls]\ncertificates = [{{ chain = {:?}, key = {:?} }}]\n\
         client_certificates = \"optional\"\nclient_ca = {ca:?}\n",
        pair.chain, pair.key
    );
    let setup = Setup::new(&upstream).listen("trusted_proxies = \"127.0.0.0/8\"");
    let gateway = setup.more(&tls).start();
    let proxy = authority.issue(&["proxy"]);
    let claims = Claims::new(PROJECT, &["*:*:*"]);
    let hash = proxy.hash.to_string();
    let claims = claims.set("cnf", serde_json::json!({"x5t#S256": hash}));
    let call = Call::get(metadata()).bearer(&claims.sign(default_key()));
    let call = call.header("Connection: close");
    let settings = ClientSettings {
        ca: Some(ca),
        certificate: Some(files.pair("client", &proxy)),
        server_name: None,
    };
    let config = actiongate::tls::Client::load(&settings, &[]).unwrap();
    run(async {
        // For itself, for a client, and for one that does not want to be known.
        for (lines, status) in [
            (&[][..], 200),
            (&["X-Forwarded-For: 192.0.2.1"], 401),
            (&["X-Forwarded-For: rubbish"], 401),
            (
                &["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2"],
                401,
            ),
        ] {
            let call = lines
                .iter()
                .fold(call.clone(), |call, line| call.header(*line));
            let mut tls = client::tls(&gateway, config.config()).await;
            let text = client::exchange(&mut tls, &call.bytes()).await;
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status} ")),
                "{lines:?} {text}"
            );
        }
    });
}

#[test]
fn a_client_has_so_many_streams() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).listen("http2_streams = 3").start();
    run(async {
        let mut client = Connection::open(&gateway).await;
        let answer = client.send(get(&metadata(), &token(&["*:*:*"]))).await;
        assert_eq!(client::answer(answer).await.unwrap().status, 200);
        assert_eq!(client.max_streams(), 3);
    });
}

#[test]
fn a_head_that_is_too_large_is_refused_by_its_reason() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).start();
    let token = token(&["*:*:*"]);
    let with = |lines: usize| {
        let mut request = get(&metadata(), &token);
        for line in 0..lines {
            let name = format!("x-line-{line}").parse::<hyper::header::HeaderName>();
            let value = "v".repeat(1000).parse().unwrap();
            request.headers_mut().insert(name.unwrap(), value);
        }
        request
    };
    run(async {
        let mut client = Connection::open(&gateway).await;
        for (lines, status, reason) in [
            (63, 200, None),
            (65, 431, Some("head_too_large")),
            // The HTTP/2 library refuses by itself what is far too large.
            (80, 431, None),
        ] {
            let answer = client.send(with(lines)).await;
            let answer = client::answer(answer).await.unwrap();
            assert_eq!(answer.status, status, "{lines}");
            assert_eq!(answer.header("x-actiongate-reason"), reason, "{lines}");
        }
    });
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_stop_is_told_at_once_and_running_requests_finish() {
    let upstream = Upstream::start();
    let mut gateway = Setup::new(&upstream).start();
    let release = Signal::new();
    upstream.next(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let token = token(&["*:*:*"]);
    run(async {
        let mut idle = Connection::open(&gateway).await;
        let answer = idle.send(get(&metadata(), &token)).await;
        let mut busy = Connection::open(&gateway).await;
        client::until(|| upstream.count() == 1).await;
        let other = busy.send(get(&metadata_key("k"), &token)).await;
        client::until(|| upstream.count() == 2).await;
        gateway.begin_stop();
        // Told by GOAWAY: the other one's answer has come, and its connection ends by itself.
        assert_eq!(client::answer(other).await.unwrap().status, 200);
        busy.ended().await.unwrap();
        assert!(idle.refuses_more().await);
        release.set();
        assert_eq!(client::answer(answer).await.unwrap().status, 200);
        idle.ended().await.unwrap();
    });
    assert_eq!(gateway.stop().cut_off, 0);
}

#[test]
fn an_idle_connection_ends_in_good_order() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("client_timeout = \"100ms\"");
    let gateway = setup.start();
    run(async {
        let unused = Connection::open(&gateway).await;
        let mut used = Connection::open(&gateway).await;
        let answer = used.send(get(&metadata(), &token(&["*:*:*"]))).await;
        assert_eq!(client::answer(answer).await.unwrap().status, 200);
        used.ended().await.unwrap();
        unused.ended().await.unwrap();
    });
}

#[test]
fn a_connection_has_so_many_requests() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("max_requests_per_connection = 2");
    let gateway = setup.start();
    let token = token(&["*:*:*"]);
    run(async {
        let mut client = Connection::open(&gateway).await;
        for _ in 0..2 {
            let answer = client.send(get(&metadata(), &token)).await;
            assert_eq!(client::answer(answer).await.unwrap().status, 200);
        }
        client.ended().await.unwrap();
    });
}

#[test]
fn a_client_that_opens_no_window_is_given_up() {
    let upstream = Upstream::start();
    let body = "x".repeat(500_000);
    upstream.always(vec![Step::Read, answer("200 OK", &[], &body)]);
    let setup = Setup::new(&upstream)
        .listen("client_timeout = \"200ms\"")
        .upstream("connect_timeout = \"100ms\"")
        .upstream("response_timeout = \"100ms\"");
    let gateway = setup.start();
    run(async {
        let mut client = Connection::with_window(&gateway, 0).await;
        let answer = client.send(get(&metadata(), &token(&["*:*:*"]))).await;
        let error = client::answer(answer).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::CANCEL), "{error:?}");
    });
    let line = &gateway.wait_for_audit(1)[0];
    assert_eq!(
        (&line["reason"], &line["status"]),
        (&"aborted".into(), &200.into())
    );
}

#[test]
fn slow_reading_is_not_standing_still() {
    let upstream = Upstream::start();
    let body = "x".repeat(2000);
    upstream.always(vec![Step::Read, answer("200 OK", &[], &body)]);
    let setup = Setup::new(&upstream)
        .listen("client_timeout = \"300ms\"")
        .upstream("connect_timeout = \"100ms\"")
        .upstream("response_timeout = \"100ms\"");
    let gateway = setup.start();
    run(async {
        let mut client = Connection::with_window(&gateway, 500).await;
        let answer = client.send(get(&metadata(), &token(&["*:*:*"]))).await;
        let mut answer = answer.await.unwrap();
        let mut read = 0;
        while let Some(data) = answer.body_mut().data().await {
            let count = data.unwrap().len();
            read += count;
            // Each pause is shorter than the limit, all of them together are longer.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let window = answer.body_mut().flow_control();
            window.release_capacity(count).unwrap();
        }
        assert_eq!(read, body.len());
    });
}
