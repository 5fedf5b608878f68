//! Callers seen before: their tokens are not verified again while nothing changes.

use std::cell::RefCell;
use std::rc::Rc;

use foldhash::quality::RandomState;
use quick_cache::Weighter;
use quick_cache::unsync::{Cache, DefaultLifecycle};

use super::Identity;
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

/// A worker's verified callers by all bytes of their tokens; bounded, evicting, never a failure.
///
/// It belongs to one [`super::Rules`] snapshot, as its gateway does.
pub struct PrincipalCache {
    identities: RefCell<Cache<Box<str>, Rc<Identity>, TextSize, RandomState>>,
}

impl PrincipalCache {
    /// Callers whose tokens have at most `capacity` bytes in all.
    pub fn new(capacity: usize) -> Self {
        let cache = Cache::with(
            capacity / TYPICAL_TOKEN,
            capacity as u64,
            TextSize,
            RandomState::default(),
            DefaultLifecycle::default(),
        );
        Self {
            identities: RefCell::new(cache),
        }
    }

    /// The caller of `token`, unless it has expired or is to be verified again.
    pub fn find(&self, token: Token<'_>, now: u64) -> Option<Rc<Identity>> {
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
