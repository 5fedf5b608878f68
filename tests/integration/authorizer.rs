//! The decision API: each product's questions, answered as the gateway would decide.

mod agree;
mod authzen;
mod envoy;
mod grpc;
mod life;
mod product;
mod trust;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, Gateway, Setup, Upstream};

const LIST: &str = "ecs:servers:listMetadata";
const START: &str = "ecs:servers:start";

/// A listener for this product that trusts this machine.
fn section(product: &str, more: &str) -> String {
    format!(
        "[[authorizer]]\naddress = \"127.0.0.1:0\"\nfor = \"{product}\"\ntrusted = [\"127.0.0.1\"]\n{more}\n"
    )
}

/// A gateway that answers this product's questions, in front of an upstream that nobody asks.
fn start(product: &str) -> Gateway {
    start_with(product, |setup| setup)
}

fn start_with(product: &str, more: impl FnOnce(Setup) -> Setup) -> Gateway {
    let upstream = Upstream::start();
    more(Setup::new(&upstream).more(&section(product, ""))).start()
}

fn address(gateway: &Gateway) -> SocketAddr {
    gateway.authorizer_address(0)
}

fn ask(gateway: &Gateway, question: &Call) -> Answer {
    Client::connect(address(gateway)).call(question)
}

/// The audit's last line: of the decision before.
fn last_line(gateway: Gateway) -> Value {
    gateway.into_audit().pop().unwrap()
}

/// What of a line is the same in each run.
fn facts(line: &Value) -> Value {
    json!([
        line["authorizer"],
        line["method"],
        line["decision"],
        line["reason"],
        line["status"]
    ])
}
