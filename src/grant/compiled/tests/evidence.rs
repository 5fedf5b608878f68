//! What evidence says is what is decided.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{FULL, NAMES, compile, generator, grants, keys, request};
use crate::grant::policy::Policy;
use crate::grant::{Inputs, Verdict};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn evidence_says_what_is_decided(
        documents in vec(generator::document(&NAMES, true), 1..4),
        claims in generator::claims(),
        circumstances in generator::circumstances(),
    ) {
        let (grants, request) = (grants(&documents, &claims), request(&circumstances));
        let keys = keys();
        let values = keys.read(&claims);
        let inputs = Inputs { table: &FULL, keys: &keys, values: &values, request: &request };
        for (id, action) in FULL.actions() {
            let mut found = Vec::new();
            for document in &documents {
                let source = Policy::parse(document).unwrap();
                found.extend(compile(document).unwrap().evidence(&source, id, inputs).unwrap());
            }
            let applying = |denies| found.iter().any(|one| one.applies && one.denies() == denies);
            let expected = match (applying(true), applying(false)) {
                (true, _) => Verdict::Denied,
                (false, true) => Verdict::Allowed,
                (false, false) => Verdict::NotGranted,
            };
            prop_assert_eq!(grants.verdict(id, &request), expected, "{}", action);
            for one in &found {
                let mut all = one.conditions.iter().map(|condition| condition.holds);
                let holds = all.all(|holds| holds) && one.resource.as_ref().is_none_or(|its| its.holds);
                prop_assert_eq!(one.applies, holds, "{:?}", one);
            }
        }
    }
}
