//! What a client's connection is doing: who serves it asks when to end it, exchanges tell.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// One connection's state, without a timer of its own: somebody looks now and then, and only then the
/// clock is read.
#[derive(Debug, Default)]
pub struct Activity {
    running: Cell<usize>,
    begun: Cell<usize>,
    /// Without an exchange.
    idle: Stretch,
    /// With the beginning of a head.
    head: Stretch,
    has_head: Cell<bool>,
    has_body: Cell<bool>,
    is_asleep: Cell<bool>,
}

/// How long something has been so: from the first look that found it so to the last one.
#[derive(Debug, Default)]
struct Stretch {
    since: Cell<Option<Instant>>,
    length: Cell<Duration>,
}

impl Stretch {
    fn look(&self, now: Instant) {
        let since = self.since.get().unwrap_or(now);
        self.since.set(Some(since));
        self.length.set(now.saturating_duration_since(since));
    }

    fn end(&self) {
        self.since.set(None);
        self.length.set(Duration::ZERO);
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
    }
}

impl Activity {
    /// Counts an exchange as running; its head is whole, and a body may follow.
    pub fn begin(self: &Rc<Self>, has_body: bool) -> Running {
        self.has_body.set(has_body);
        self.running.set(self.running.get() + 1);
        self.begun.set(self.begun.get() + 1);
        self.idle.end();
        self.forget_head();
        Running(Rc::clone(self))
    }

    /// Whether what comes in may belong to the body of the latest request, whose answer may have been
    /// complete before.
    pub fn has_body(&self) -> bool {
        self.has_body.get()
    }

    /// Takes note that something came in: between exchanges, that is the next head.
    pub fn received(&self) {
        if !self.is_busy() && !self.has_body.get() {
            self.has_head.set(true);
        }
    }

    /// What came in so far was no head.
    pub fn forget_head(&self) {
        self.has_head.set(false);
        self.head.end();
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

    /// Looks at what it is doing.
    pub fn look(&self, now: Instant) {
        if !self.is_busy() {
            self.idle.look(now);
        }
        if self.has_head.get() {
            self.head.look(now);
        }
    }

    /// How long no exchange had been running at the last look; `None` while one is.
    pub fn idle_for(&self) -> Option<Duration> {
        (!self.is_busy()).then(|| self.idle.length.get())
    }

    /// How long a head had been on its way at the last look; `None` if there is none.
    pub fn head_for(&self) -> Option<Duration> {
        self.has_head.get().then(|| self.head.length.get())
    }
}
