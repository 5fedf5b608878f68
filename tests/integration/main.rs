//! End to end over real sockets: raw clients, the gateway in this process, a scripted upstream.
//!
//! Nothing here sleeps to let something happen: a test waits for a signal, for what the other side
//! has seen, or for the end of a stream, and gives up after [`support::PATIENCE`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    missing_docs,
    reason = "a test that cannot go on panics, and says so"
)]

mod support;

mod abandoned;
mod admin;
mod answers;
mod audit;
mod authorizer;
mod body;
mod body_key;
mod cache;
mod chaos;
mod collect;
mod credential;
mod endpoints;
mod evidence;
mod family;
mod form;
mod forward;
mod hold;
mod http2;
mod identity;
mod keys;
mod keystone_jws;
mod limits;
mod listener;
mod matrix;
mod nova;
mod online;
mod pages;
mod policy;
mod pool;
mod proxy_protocol;
mod raw;
mod refusal;
mod rehearsal;
mod reload;
mod restart;
mod revocation;
mod role;
mod scope;
mod stop;
mod stream;
mod target;
mod tls;
mod trace;
mod trouble;
mod upgrade;
mod upstream_h2;
mod upstream_tls;
mod worker;
