//! Telling a worker's connections to come to an end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;

/// What a worker's connections share while they are told to end.
///
/// A plain flag and the connections' wakers: looking at it costs a connection nothing.
#[derive(Debug, Default)]
pub struct Drain {
    phase: Cell<Phase>,
    next: Cell<u64>,
    wakers: RefCell<HashMap<u64, Waker>>,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, PartialOrd)]
pub enum Phase {
    /// Requests are served as ever.
    #[default]
    Serving,
    /// Each connection's next answer is its last.
    LastAnswer,
    /// Connections without a running request close.
    Closing,
}

impl Drain {
    /// How far the end has come.
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Moves on and wakes every connection.
    pub fn advance(&self, phase: Phase) {
        self.phase.set(phase);
        self.wakers.borrow().values().for_each(Waker::wake_by_ref);
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.wakers.borrow().len()
    }

    /// Registers a connection's task for as long as the registration lives.
    pub fn enter(self: &Rc<Self>, waker: Waker) -> Registration {
        let key = self.next.get();
        self.next.set(key + 1);
        self.wakers.borrow_mut().insert(key, waker);
        Registration {
            drain: Rc::clone(self),
            key,
        }
    }
}

/// One registered connection.
#[derive(Debug)]
pub struct Registration {
    drain: Rc<Drain>,
    key: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.drain.wakers.borrow_mut().remove(&self.key);
    }
}
