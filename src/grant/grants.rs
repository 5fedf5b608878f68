//! What a token grants, as bits over the table's actions.

use std::net::IpAddr;

use crate::table::{ActionId, ActionSet};

/// The actions that a caller may use.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    granted: ActionSet,
}

/// What of a request a policy may ask for, besides its action.
#[derive(Debug)]
pub struct Request<'a> {
    /// Seconds since 1970.
    pub now: u64,
    /// The client's address; none over a Unix socket.
    pub address: Option<IpAddr>,
    /// What it is about.
    pub instances: Instances<'a>,
}

/// The instances that a request is about.
#[derive(Debug, Default)]
pub struct Instances<'a> {
    /// Their ids, as the request spells them.
    pub ids: Vec<&'a str>,
    /// Whether a grant may be for single ones of them.
    pub is_instance_level: bool,
}

/// Whether an action may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Something grants it, and nothing denies it.
    Allowed,
    /// Nothing grants it.
    NotGranted,
    /// Something denies it, whatever grants it.
    Denied,
}

impl Grants {
    /// Grants an action, unless something denies it.
    pub fn allow(&mut self, action: ActionId) {
        self.granted.insert(action);
    }

    /// What is granted to every request, whatever its circumstances.
    pub fn granted(&self) -> &ActionSet {
        &self.granted
    }

    /// Whether there are grants or denials that depend on the request.
    pub fn asks_request(&self) -> bool {
        false
    }

    /// Whether a request may use an action.
    pub fn verdict(&self, action: ActionId, _request: &Request<'_>) -> Verdict {
        match self.granted.contains(action) {
            true => Verdict::Allowed,
            false => Verdict::NotGranted,
        }
    }
}
