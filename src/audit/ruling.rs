//! What is told of a decision that was not made.

use super::Decision;

/// What would have become of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ruling {
    /// How.
    pub decision: Decision,
    /// As in [`super::Record::reason`].
    pub reason: &'static str,
    /// As in [`super::Record::missing`].
    pub missing: Vec<String>,
}

impl Ruling {
    /// It would have been allowed.
    pub fn permit() -> Self {
        Self {
            decision: Decision::Permit,
            reason: "ok",
            missing: Vec::new(),
        }
    }

    /// It would have been refused because of what the caller may do.
    pub fn deny(reason: &'static str, missing: Vec<String>) -> Self {
        Self {
            decision: Decision::Deny,
            reason,
            missing,
        }
    }

    /// It would have been refused before that was the question.
    pub fn reject(reason: &'static str) -> Self {
        Self {
            decision: Decision::Reject,
            reason,
            missing: Vec::new(),
        }
    }

    /// Whether it would have been allowed.
    pub fn is_permit(&self) -> bool {
        self.decision == Decision::Permit
    }
}
