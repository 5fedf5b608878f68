//! Bodies that decide are there for another try, as all that were collected.

use super::{Action, Upstream};
use crate::support::{Call, PROJECT, token};

const TABLE: &str = "
[[operation]]
permission = 'deciding'
routes = ['POST /v1/{project_id}/deciding']
actions = ['ecs:deciding:do']
body_key = 'do'
";

#[test]
fn a_body_that_decides_is_sent_as_it_was_judged() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().table(TABLE).start();
    let call = |body: &str| {
        let path = format!("/v1/{PROJECT}/deciding");
        let call = Call::post(path, body).bearer(&token(&["*:*:*"]));
        gateway.call(&call.header("Content-Type: application/json"))
    };
    let body = "{ \"\\u0064o\": {} }";
    upstream.next(&[Action::Echo, Action::Refuse]);
    assert_eq!(call(body).status, 200);
    assert_eq!(call(body).status, 200);
    call("{\"do\":1,\"else\":2}").refusal(400, "body_members", "Ecs.0005");
    let seen: Vec<Vec<u8>> = upstream.seen().into_iter().map(|seen| seen.body).collect();
    // Of the one that was refused unprocessed nobody read the body.
    assert_eq!(seen, [body.as_bytes(), b"", body.as_bytes()]);
}
