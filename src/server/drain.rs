//! Telling a worker's connections to come to an end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::Waker;

use crate::proxy::Activity;

/// What a worker's connections share while they are told to end.
///
/// A plain flag and the connections' wakers: looking at it costs a connection nothing.
#[derive(Debug, Default)]
pub struct Drain {
    phase: Cell<Phase>,
    next: Cell<u64>,
    connections: RefCell<HashMap<u64, (Waker, Rc<Activity>)>>,
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
        self.wake_where(|_| true);
    }

    /// Wakes the connections that `is_due` picks, to let them look at themselves.
    ///
    /// One look at all of them now and then costs less than a timer for each request.
    pub fn wake_where(&self, is_due: impl Fn(&Activity) -> bool) {
        for (waker, activity) in self.connections.borrow().values() {
            if is_due(activity) {
                waker.wake_by_ref();
            }
        }
    }

    /// How many connections have a running request.
    pub fn busy(&self) -> usize {
        let connections = self.connections.borrow();
        connections
            .values()
            .filter(|(_, activity)| activity.is_busy())
            .count()
    }

    /// Registers a connection's task for as long as the registration lives.
    pub fn enter(self: &Rc<Self>, waker: Waker, activity: &Rc<Activity>) -> Registration {
        let key = self.next.get();
        self.next.set(key + 1);
        let mut connections = self.connections.borrow_mut();
        connections.insert(key, (waker, Rc::clone(activity)));
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
        self.drain.connections.borrow_mut().remove(&self.key);
    }
}
