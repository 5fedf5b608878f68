//! Nothing but what decides is ever held back.

use super::{Call, JSON, World, call, path_of, token};
use crate::support::{Setup, Signal, Step};

#[test]
fn a_body_that_does_not_decide_is_sent_as_it_comes() {
    let world = World::start(Setup::generic);
    let head = Call::new("POST", path_of("/v1/{project_id}/plain"))
        .bearer(&token(&[]))
        .header(JSON)
        .header("Content-Length: 9");
    let mut client = world.gateway.connect();
    client.send(head.bytes());
    world.upstream.wait_for_requests(1);
    for (index, piece) in ["one", "two", "six"].iter().enumerate() {
        client.send(piece);
        world.upstream.wait_for_body(0, 3 * (index + 1));
    }
    assert_eq!(client.answer().status, 200);
    assert_eq!(world.upstream.only().body, b"onetwosix");
    // Nor is there the bound of what decides, nor is it looked at.
    let large = vec![b'{'; 200 * 1024];
    let call = Call::post(path_of("/v1/{project_id}/plain"), large.clone())
        .bearer(&token(&[]))
        .header("Content-Type: text/plain")
        .header("Content-Encoding: gzip");
    assert_eq!(world.gateway.call(&call).status, 200);
    assert_eq!(world.upstream.requests()[1].body, large);
}

/// A connection that was closed meanwhile is nobody's fault: nothing was sent on it.
#[test]
fn a_body_that_was_read_is_there_for_another_try() {
    let world = World::start(Setup::new);
    let body = b"{\"os-start\":null}";
    let released = Signal::new();
    world.upstream.next(vec![
        Step::Read,
        Step::Echo,
        Step::Wait(released.clone()),
        Step::Close,
    ]);
    assert_eq!(world.gateway.call(&call(body)).status, 200);
    released.set();
    world.upstream.wait_for_connections(0);
    assert_eq!(world.gateway.call(&call(body)).status, 200);
    let requests = world.upstream.requests();
    let bodies: Vec<_> = requests
        .iter()
        .map(|seen| seen.raw_body.as_slice())
        .collect();
    assert_eq!(bodies, [body, body]);
}
