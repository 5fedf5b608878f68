//! One thread tells another that something has happened.

use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// Set once, waited for by any number.
#[derive(Clone, Debug, Default)]
pub struct Signal {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Signal {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&self) {
        let (is_set, changed) = &*self.inner;
        *is_set.lock().unwrap() = true;
        changed.notify_all();
    }

    /// Whether it was set in time.
    pub fn wait(&self) -> bool {
        let (is_set, changed) = &*self.inner;
        let guard = is_set.lock().unwrap();
        let waited = changed.wait_timeout_while(guard, PATIENCE, |is_set| !*is_set);
        *waited.unwrap().0
    }
}
