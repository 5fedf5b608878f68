//! A gateway whose refusals are asked for.

use super::{Answer, Call, Gateway, Setup, Upstream};

/// An upstream that must not be asked, and a gateway before it.
pub struct Refusing {
    pub upstream: Upstream,
    pub gateway: Gateway,
}

impl Refusing {
    pub fn start() -> Self {
        let upstream = Upstream::start();
        let gateway = Gateway::start(&upstream);
        Self { upstream, gateway }
    }

    /// The same with this in its config.
    pub fn with(set: impl FnOnce(Setup) -> Setup) -> Self {
        let upstream = Upstream::start();
        let gateway = set(Setup::new(&upstream)).start();
        Self { upstream, gateway }
    }

    /// A call that must not reach the upstream.
    pub fn call(&self, call: &Call) -> Answer {
        let before = self.upstream.count();
        let answer = self.gateway.call(call);
        assert_eq!(self.upstream.count(), before, "{call:?}");
        answer
    }

    /// A call that reaches it.
    pub fn permits(&self, call: &Call) {
        let before = self.upstream.count();
        let answer = self.gateway.call(call);
        assert_eq!(answer.status, 200, "{call:?} {answer:?}");
        assert_eq!(self.upstream.count(), before + 1);
    }
}
