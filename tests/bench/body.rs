//! Finding in a body which operation a request is about.

use std::hint::black_box;

use actiongate::router::{JsonBody, RequestPath, Router};
use actiongate::table::{ActionTable, Source};
use hyper::Method;
use serde_json::{Value, json};

use super::{Case, Run, keep};

const PATH: &str = "/v2.1/0a1b2c3d4e5f40718293a4b5c6d7e8f9/servers/\
                    0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3a4b5/action";

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("body/small", || find(&json!({"os-start": null}))),
        Case::new("body/64 KiB of text", || {
            let file = json!({"path": "/etc/motd", "contents": "A".repeat(13 * 1024)});
            find(&json!({"rebuild": {"imageRef": "70a599e0", "personality": vec![file; 5]}}))
        }),
        Case::new("body/64 KiB of members", || {
            let pair = |at| (format!("key{at:04}"), json!(format!("value of {at:010}")));
            let pairs: serde_json::Map<String, Value> = (0..2000).map(pair).collect();
            find(&json!({"rebuild": {"imageRef": "70a599e0", "metadata": pairs}}))
        }),
    ]
}

fn find(body: &Value) -> Run {
    let table = ActionTable::load(&Source::builtin()).unwrap();
    let router = keep(Router::new(table).unwrap());
    let path = keep(PATH.parse::<RequestPath>().unwrap());
    let body = body.to_string();
    Box::new(move || {
        let candidates = router.resolve(&Method::POST, path).unwrap();
        let body = JsonBody::parse(black_box(body.as_bytes())).unwrap();
        black_box(candidates.target(Some(body)).unwrap());
    })
}
