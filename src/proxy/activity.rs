//! What a client's connection is doing: who serves it asks when to end it, exchanges tell.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// One connection's state, without a timer of its own: somebody looks now and then.
#[derive(Debug)]
pub struct Activity {
    running: Cell<usize>,
    begun: Cell<usize>,
    /// When the last exchange ended, or the connection began.
    idle_since: Cell<Instant>,
    /// When the first byte came of a head that is not whole yet.
    head_since: Cell<Option<Instant>>,
    has_body: Cell<bool>,
    is_asleep: Cell<bool>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            running: Cell::new(0),
            begun: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            has_body: Cell::new(false),
            is_asleep: Cell::new(false),
        }
    }
}

/// One of a connection's exchanges, for as long as it lives.
#[derive(Debug)]
pub struct Running(Rc<Activity>);

impl Running {
    /// All of the request's body has come: what comes next is a head.
    pub fn body_is_whole(&self) {
        self.0.has_body.set(false);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

impl Activity {
    /// Counts an exchange as running; its head is whole, and a body may follow.
    pub fn begin(self: &Rc<Self>, has_body: bool) -> Running {
        self.has_body.set(has_body);
        self.running.set(self.running.get() + 1);
        self.begun.set(self.begun.get() + 1);
        self.head_since.set(None);
        Running(Rc::clone(self))
    }

    /// Whether what comes in may belong to the body of the latest request, whose answer may have been
    /// complete before.
    pub fn has_body(&self) -> bool {
        self.has_body.get()
    }

    /// Takes note that something came in: between exchanges, that is the next head.
    pub fn received(&self) {
        let is_head = !self.is_busy() && !self.has_body.get();
        if is_head && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// What came in so far was no head.
    pub fn forget_head(&self) {
        self.head_since.set(None);
    }

    /// Says whether the connection needs less memory already than one that serves requests.
    pub fn set_asleep(&self, is_asleep: bool) {
        self.is_asleep.set(is_asleep);
    }

    /// As set last.
    pub fn is_asleep(&self) -> bool {
        self.is_asleep.get()
    }

    /// Whether an exchange is running.
    pub fn is_busy(&self) -> bool {
        self.running.get() > 0
    }

    /// How many exchanges there have been, running ones included.
    pub fn begun(&self) -> usize {
        self.begun.get()
    }

    /// How long no exchange has been running; `None` while one is.
    pub fn idle_for(&self) -> Option<Duration> {
        (!self.is_busy()).then(|| self.idle_since.get().elapsed())
    }

    /// How long a head has been on its way; `None` if there is none.
    pub fn head_for(&self) -> Option<Duration> {
        self.head_since.get().map(|since| since.elapsed())
    }
}
