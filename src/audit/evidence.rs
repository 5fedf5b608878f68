//! What a decision rested on, as far as it takes to decide again: only where the config asks for it, since
//! it holds paths and claims. Never a token.

use std::sync::Arc;

use hyper::http::uri::PathAndQuery;
use serde_json::{Map, Value};

use crate::grant::Address;

/// The most bytes of each part that are kept: lines wait in a queue, and a client must not choose how
/// long they are.
const MAX_TARGET: usize = 8 * 1024;
const MAX_BODY: usize = 8 * 1024;
const MAX_CLAIMS: usize = 32 * 1024;

/// What the decision about one request rested on.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The path and the query, as requested.
    pub target: Option<PathAndQuery>,
    /// What counted of the body, as JSON; none where none was read.
    pub body: Option<String>,
    /// When and for which address it was decided; none where it did not come to that.
    pub decided: Option<Circumstances>,
    /// What counted of a verified caller's claims.
    pub claims: Option<ClaimEvidence>,
    /// The part that has more bytes than are kept.
    pub excess: Option<Excess>,
}

/// What policies ask of a request besides its action.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Circumstances {
    /// Seconds since 1970.
    pub at: u64,
    /// The client's address.
    pub address: Address,
}

/// What counts of one set of claims: written once, shared by all of its requests.
#[derive(Clone, Debug)]
pub enum ClaimEvidence {
    /// As an object of JSON.
    Kept(Arc<str>),
    /// There is too much of it.
    Excess(usize),
}

/// A part of which there is more than is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Excess {
    /// Which part.
    pub part: &'static str,
    /// How many bytes it has.
    pub found: usize,
    /// How many it may have.
    pub most: usize,
}

impl ClaimEvidence {
    /// Of `kept`, all that is at `pointers` of the claims.
    pub fn new(pointers: &[String], kept: &Map<String, Value>) -> Self {
        let text = serde_json::json!({"read": pointers, "found": kept}).to_string();
        match text.len() <= MAX_CLAIMS {
            true => Self::Kept(text.into()),
            false => Self::Excess(text.len()),
        }
    }
}

impl Evidence {
    /// Of a request for this path.
    pub fn new(target: Option<&PathAndQuery>) -> Self {
        let mut evidence = Self::default();
        if let Some(target) = target {
            evidence.is_for(target);
        }
        evidence
    }

    fn is_for(&mut self, target: &PathAndQuery) {
        let found = target.as_str().len();
        match found <= MAX_TARGET {
            true => self.target = Some(target.clone()),
            false => self.exceed("path", found, MAX_TARGET),
        }
    }

    /// It came from a verified caller.
    pub fn identified(&mut self, claims: ClaimEvidence) {
        if let ClaimEvidence::Excess(found) = claims {
            self.exceed("set of claims", found, MAX_CLAIMS);
        }
        self.claims = Some(claims);
    }

    /// It is decided as a request for `target`, with a body of which `kept` counts.
    pub fn judged(
        &mut self,
        target: &PathAndQuery,
        circumstances: Circumstances,
        kept: Option<Map<String, Value>>,
    ) {
        self.is_for(target);
        self.decided = Some(circumstances);
        let Some(text) = kept.map(|kept| Value::Object(kept).to_string()) else {
            return;
        };
        match text.len() <= MAX_BODY {
            true => self.body = Some(text),
            false => self.exceed("body", text.len(), MAX_BODY),
        }
    }

    fn exceed(&mut self, part: &'static str, found: usize, most: usize) {
        self.excess = Some(Excess { part, found, most });
    }
}
