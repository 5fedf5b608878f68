//! What is in use now, and its replacement as a whole.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::warn;

/// What files became.
pub struct Built<C> {
    pub config: C,
    /// Of everything that was read.
    pub digest: [u8; 32],
    /// What is used although somebody should look at it.
    pub warnings: Vec<String>,
}

/// A TLS config that may be replaced while it is in use.
#[derive(Debug)]
pub struct Live<C> {
    current: RwLock<(Arc<C>, [u8; 32])>,
}

impl<C> Live<C> {
    pub fn new(built: Built<C>) -> Self {
        log(&built.warnings);
        Self {
            current: RwLock::new((Arc::new(built.config), built.digest)),
        }
    }

    pub fn config(&self) -> Arc<C> {
        // A panic between lock and unlock is not possible, half a value neither.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current.0)
    }

    /// Says whether there was anything new; connections that are open keep what they started with.
    pub fn replace(&self, built: Built<C>) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.1 == built.digest {
            return false;
        }
        log(&built.warnings);
        *current = (Arc::new(built.config), built.digest);
        true
    }
}

fn log(warnings: &[String]) {
    for warning in warnings {
        warn!("{warning}");
    }
}
