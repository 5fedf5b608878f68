//! Whose request id the upstream gets.

use super::*;

const UUID: &str = "0a1b2c3d-4e5f-6789-abcd-ef0123456789";

fn sent_upstream(ids: &[&str]) -> String {
    let sent: Vec<(&str, &str)> = ids
        .iter()
        .map(|id| ("x-openstack-request-id", *id))
        .collect();
    let mut sent = headers(&sent);
    prepare(&mut sent, "192.0.2.1");
    let ids: Vec<&HeaderValue> = sent.get_all(X_OPENSTACK_REQUEST_ID).iter().collect();
    let [id] = ids.as_slice() else {
        panic!("{ids:?}")
    };
    id.to_str().unwrap().to_owned()
}

#[test]
fn a_clients_id_passes_if_it_is_one() {
    let id = format!("req-{UUID}");
    assert_eq!(sent_upstream(&[&id]), id);
    let zero = "req-00000000-0000-0000-0000-000000000000";
    assert_eq!(sent_upstream(&[zero]), zero);
}

#[test]
fn anything_else_gives_way_to_ours() {
    let id = format!("req-{UUID}");
    let cases: [&[&str]; 17] = [
        &[],
        &[""],
        &["req-"],
        &["req-1234"],
        &[UUID],
        &[&id.to_uppercase()],
        &[&format!("req-{}", UUID.to_uppercase())],
        &[&format!("REQ-{UUID}")],
        &[&format!("req-{}", UUID.replace('-', ""))],
        &[&format!("req-{}", UUID.replace('-', "_"))],
        &[&format!("req-{{{UUID}}}")],
        &[&format!("req-urn:uuid:{UUID}")],
        &[&id.replace('0', "g")],
        &[&format!("{id}0")],
        &[&format!("{id}, {id}")],
        &[&id, &id],
        &[&id, ""],
    ];
    for ids in cases {
        assert_eq!(sent_upstream(ids), "req-1", "{ids:?}");
    }
}

proptest! {
    /// As oslo.middleware's pattern.
    #[test]
    fn the_form_is_that_of_openstack(
        id in prop_oneof![
            "req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "req-[0-9a-fA-F-]{34,38}",
            "[ -~]{30,42}",
        ],
        at in any::<proptest::sample::Index>(),
        other in "[-a-g0-9A]",
    ) {
        let mut changed = id.clone();
        let at = at.index(id.len());
        changed.replace_range(at..=at, &other);
        for text in [id, changed] {
            let groups: Vec<&str> = text.split('-').collect();
            let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
            let is_hex = |group: &&str| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let is_id = lengths == [3, 8, 4, 4, 4, 12] && groups[0] == "req" && groups[1..].iter().all(is_hex);
            let expected = if is_id { text.as_str() } else { "req-1" };
            prop_assert_eq!(sent_upstream(&[&text]), expected);
        }
    }
}
