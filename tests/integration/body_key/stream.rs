//! Nothing but what decides is ever held back.

use std::net::Ipv4Addr;

use tokio::net::TcpSocket;

use super::{Call, JSON, World, call, path_of, token};
use crate::support::Setup;

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

/// Where nobody listens nothing has been sent, whatever the method.
#[test]
fn a_body_that_was_read_is_there_for_another_endpoint() {
    // Nobody will listen there while the socket lives.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let closed = (closed.local_addr().unwrap(), closed);
    let world = World::start(|upstream| {
        let urls = [upstream.address(), closed.0];
        Setup::new(upstream).urls(&urls.map(|address| format!("http://{address}")))
    });
    let body = b"{\"os-start\":null}";
    for _ in 0..16 {
        assert_eq!(world.gateway.call(&call(body)).status, 200);
    }
    let requests = world.upstream.requests();
    assert_eq!(requests.len(), 16);
    assert!(requests.iter().all(|seen| seen.raw_body == body));
}
