//! Callers seen before: their tokens are not verified again while nothing changes.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::quality::RandomState;
use quick_cache::unsync::Cache;
use quick_cache::{Lifecycle, Weighter};

use super::Identity;
use crate::metrics::WorkerCounts;
use crate::token::Token;

/// The size of a token, in bytes, where room is made for many.
const TYPICAL_TOKEN: usize = 1024;

/// Weighs an entry by its token, which is most of it.
#[derive(Clone, Debug)]
struct TextSize;

impl Weighter<Box<str>, Rc<Identity>> for TextSize {
    fn weight(&self, token: &Box<str>, _: &Rc<Identity>) -> u64 {
        token.len() as u64
    }
}

/// Counts what is pushed out, where anything is counted.
#[derive(Clone, Debug, Default)]
struct Evictions(Option<Arc<WorkerCounts>>);

impl Lifecycle<Box<str>, Rc<Identity>> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Box<str>, _: Rc<Identity>) {
        if let Some(counts) = &self.0 {
            counts.cache.evictions.add(1);
        }
    }
}

/// A worker's verified callers by all bytes of their tokens; bounded, evicting, never a failure.
///
/// It belongs to one [`super::Rules`] snapshot, as its gateway does.
pub struct PrincipalCache {
    identities: RefCell<Cache<Box<str>, Rc<Identity>, TextSize, RandomState, Evictions>>,
    counts: Option<Arc<WorkerCounts>>,
}

impl PrincipalCache {
    /// Callers whose tokens have at most `capacity` bytes in all.
    pub fn new(capacity: usize) -> Self {
        Self::counted(capacity, None)
    }

    /// Likewise; what becomes of tokens is counted.
    pub fn counted(capacity: usize, counts: Option<Arc<WorkerCounts>>) -> Self {
        let cache = Cache::with(
            capacity / TYPICAL_TOKEN,
            capacity as u64,
            TextSize,
            RandomState::default(),
            Evictions(counts.clone()),
        );
        Self {
            identities: RefCell::new(cache),
            counts,
        }
    }

    /// The caller of `token`, unless it has expired or is to be verified again.
    pub fn find(&self, token: Token<'_>, now: u64) -> Option<Rc<Identity>> {
        let found = self.look(token, now);
        if let Some(counts) = &self.counts {
            let cache = &counts.cache;
            let count = match found {
                Some(_) => &cache.hits,
                None => &cache.misses,
            };
            count.add(1);
        }
        found
    }

    fn look(&self, token: Token<'_>, now: u64) -> Option<Rc<Identity>> {
        let identities = self.identities.borrow();
        let identity = identities.get(token.as_str())?;
        let is_current = now < identity.expires && identity.standing.holds(now);
        is_current.then(|| Rc::clone(identity))
    }

    /// Keeps what was just verified.
    pub fn remember(&self, token: Token<'_>, identity: Identity) -> Rc<Identity> {
        let identity = Rc::new(identity);
        let mut identities = self.identities.borrow_mut();
        identities.insert(token.as_str().into(), Rc::clone(&identity));
        identity
    }
}

impl std::fmt::Debug for PrincipalCache {
    /// Without the tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PrincipalCache({} callers)",
            self.identities.borrow().len()
        )
    }
}

#[cfg(test)]
mod tests;
