//! What operators and their machines ask the gateway about itself, on a listener of its own.
//!
//! Runs on the control thread and reads what workers leave for it; nothing here can hold one up.

mod answer;
mod exposition;
mod listener;
mod ready;
mod source;
mod status;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use listener::{Admin, StartError};
pub use source::{AuditState, Reloads, Source};

use crate::metrics::Subjects;
use crate::tls;

/// Where the admin listener is, and who may ask it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// The file of the token that everything but `/live` and `/ready` demands, if it demands one; read
    /// again for each request.
    pub token: Option<PathBuf>,
    /// TLS, with certificates of clients where they are to show one.
    pub tls: Option<tls::ServerSettings>,
    /// How much of refused callers' subjects is shown.
    pub subjects: Subjects,
}
