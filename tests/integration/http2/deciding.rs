//! Bodies that decide, on both sides in HTTP/2's frames.

use bytes::Bytes;

use super::client::{self, Connection, run};
use crate::support::{Framing, PROJECT, Setup, Upstream, token};

const TABLE: &str = "
[[operation]]
permission = 'deciding'
routes = ['POST /v1/{project_id}/deciding']
actions = ['ecs:deciding:do']
body_key = 'do'
";

fn head() -> hyper::http::request::Builder {
    hyper::Request::post(format!("http://api.test/v1/{PROJECT}/deciding"))
        .header("authorization", format!("Bearer {}", token(&["*:*:*"])))
        .header("content-type", "application/json")
}

#[test]
fn frames_make_one_body_which_is_sent_with_its_length() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).table(TABLE).start();
    run(async {
        let mut client = Connection::open(&gateway).await;
        for (body, status, reason) in [
            ("{\"do\":1}", 200, "(none)"),
            ("{\"do\":1,\"else\":2}", 400, "body_members"),
            ("", 400, "body_invalid"),
        ] {
            let (answer, mut stream) = client.begin(head().body(()).unwrap()).await;
            for byte in body.bytes() {
                stream.send_data(Bytes::from(vec![byte]), false).unwrap();
            }
            stream.send_data(Bytes::new(), true).unwrap();
            let answer = client::answer(answer).await.unwrap();
            assert_eq!((answer.status, answer.reason()), (status, reason), "{body}");
        }
        let longer = head().header("content-length", "65537");
        let (answer, _stream) = client.begin(longer.body(()).unwrap()).await;
        let answer = client::answer(answer).await.unwrap();
        assert_eq!((answer.status, answer.reason()), (413, "body_too_large"));
    });
    let seen = upstream.only();
    assert_eq!(seen.raw_body, b"{\"do\":1}");
    assert_eq!(seen.headers.framing(), Some(Framing::Length(8)));
}
