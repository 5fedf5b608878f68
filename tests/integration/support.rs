//! Both ends of the gateway, and the gateway itself.

mod certificate;
mod client;
pub mod frames;
mod gateway;
mod handshake;
mod issuer;
mod keystone;
mod refusing;
mod signal;
mod token;
mod upstream;
mod wire;

use std::time::Duration;

pub use certificate::{Authority, Files, Issued};
pub use client::{Answer, Call, Client};
pub use gateway::{Gateway, Setup, own_ip};
pub use handshake::{Failed, handshake, trusting, trusting_with};
pub use issuer::Issuer;
pub use keystone::Keystone;
pub use refusing::Refusing;
pub use signal::Signal;
pub use token::{AUDIENCE, Claims, ISSUER, Key, OTHER_PROJECT, PROJECT, default_key, now, token};
pub use upstream::{Choice, Seen, Step, Upstream, answer, echo, ok};
pub use wire::{Framing, Headers, Wire};

/// How long anything may take before the test fails; never how long something is given to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A path of the table that `ecs:servers:listMetadata` is enough for.
pub fn metadata() -> String {
    format!("/v2.1/{PROJECT}/servers/s1/metadata")
}

/// A path below [`metadata`].
pub fn metadata_key(key: &str) -> String {
    format!("{}/{key}", metadata())
}
