use proptest::prelude::*;

use super::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

fn issued() -> impl Strategy<Value = Issued> {
    prop_oneof![Just(Issued::Ever), (0_u64..4).prop_map(Issued::Before)]
}

fn entry() -> impl Strategy<Value = Entry> {
    let of = prop_oneof![
        name().prop_map(|id| Of::Token(id.into())),
        (name(), issued()).prop_map(|(subject, when)| Of::Subject(subject.into(), when)),
        issued().prop_map(Of::Issuer),
    ];
    (name(), of).prop_map(|(issuer, of)| Entry {
        issuer: issuer.into(),
        of,
        until: None,
    })
}

/// One entry after another.
fn is_revoked(entries: &[Entry], asked: Asked<'_>) -> bool {
    let is_before = |cutoff: &Issued| match cutoff {
        Issued::Ever => true,
        Issued::Before(time) => match asked.issued {
            Some(issued) => issued < *time,
            None => true,
        },
    };
    entries.iter().any(|entry| {
        *entry.issuer == *asked.issuer
            && match &entry.of {
                Of::Token(id) => asked.ids.contains(id),
                Of::Subject(subject, issued) => asked.subject == Some(subject) && is_before(issued),
                Of::Issuer(issued) => is_before(issued),
            }
    })
}

proptest! {
    #[test]
    fn finds_what_a_search_through_all_entries_finds(
        entries in proptest::collection::vec(entry(), 0..6),
        issuer in name(),
        subject in proptest::option::of(name()),
        ids in proptest::collection::vec(name(), 0..3),
        issued in proptest::option::of(0_u64..4),
    ) {
        let ids: Vec<Box<str>> = ids.into_iter().map(Into::into).collect();
        let asked = Asked { issuer, subject, ids: &ids, issued };
        let mut list = Revocations::default();
        for entry in &entries {
            list.add(entry.clone());
        }
        prop_assert_eq!(list.revoke(asked), is_revoked(&entries, asked));
        prop_assert_eq!(list.entries(), entries.len());
    }
}
