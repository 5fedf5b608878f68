//! What a decision rests on, for the audit, where the config asks for it.

use hyper::http::request;

use super::Exchange;
use crate::audit::{Auditor, Circumstances, Evidence, Record};
use crate::decision;
use crate::gateway::Identity;
use crate::router::Target;

/// Nothing where nobody keeps it.
pub fn begin(auditor: &Auditor, head: &request::Parts) -> Option<Box<Evidence>> {
    let target = || Box::new(Evidence::new(head.uri.path_and_query()));
    auditor.keeps_evidence().then(target)
}

pub fn identified(record: &mut Record, identity: &Identity) {
    if let (Some(evidence), Some(claims)) = (&mut record.evidence, &identity.evidence) {
        evidence.identified(claims.clone());
    }
}

impl Exchange {
    /// A decision is about to be taken.
    pub fn judged(&mut self, target: &Target<'_>, circumstances: decision::Circumstances) {
        let record = self.inner.record.as_mut();
        if let Some(evidence) = record.and_then(|record| record.evidence.as_mut()) {
            let decision::Circumstances { now, address } = circumstances;
            let circumstances = Circumstances { at: now, address };
            let path = target.path.path_and_query();
            evidence.judged(path, circumstances, target.kept_body());
        }
    }
}
