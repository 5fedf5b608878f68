//! Chains: whatever is changed, cut, removed or moved is found.

use std::fs;

use proptest::prelude::*;

use super::super::chain::{Chain, hexadecimal, sha256, split};
use super::*;

/// A file of `count` chained lines, and its lines.
fn chained(count: usize, key: Option<&[u8]>) -> Vec<Vec<u8>> {
    let chain = Chain::new(key);
    let mut lines = Vec::new();
    let mut line = Vec::new();
    line::write_event(
        &mut line,
        SystemTime::UNIX_EPOCH,
        line::Event::Begin { previous: None },
    );
    let mut last = chain.seal(None, &mut line);
    lines.push(line);
    for number in 0..count {
        let mut line = Vec::new();
        line::write(
            &mut line,
            &Record {
                bytes_sent: number as u64,
                ..record()
            },
        );
        last = chain.seal(Some(&last), &mut line);
        lines.push(line);
    }
    lines
}

/// Reads lines as one file.
fn found(lines: &[Vec<u8>], key: Option<&[u8]>) -> Verified {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut text = lines.join(&b'\n');
    text.push(b'\n');
    fs::write(&path, text).unwrap();
    verify(&[path], key).unwrap()
}

fn broken(verified: &Verified) -> Vec<usize> {
    let findings = verified.findings.iter().filter(|finding| finding.is_broken);
    findings.map(|finding| finding.line).collect()
}

#[test]
fn digests_are_what_the_description_says() {
    let lines = chained(1, None);
    let (first, link) = split(&lines[0]).unwrap();
    assert!(first.ends_with(b"\"previous\":null"));
    assert_eq!(link, sha256(first));
    let (second, next) = split(&lines[1]).unwrap();
    assert_eq!(next, sha256(&[link.as_bytes(), second].concat()));
    let lines = chained(0, Some(b"key"));
    let (first, link) = split(&lines[0]).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"key");
    let tag = aws_lc_rs::hmac::sign(&key, first);
    let expected = hexadecimal(tag.as_ref());
    assert_eq!(link, expected);
}

#[test]
fn what_was_written_is_whole_with_its_key_only() {
    let lines = chained(3, Some(b"one"));
    let verified = found(&lines, Some(b"one"));
    assert!(verified.is_whole(), "{verified:?}");
    assert_eq!(verified.lines, 4);
    assert_eq!(verified.end, split(&lines[3]).map(|(_, link)| link));
    for key in [None, Some(&b"two"[..])] {
        assert_eq!(broken(&found(&lines, key)), [1, 2, 3, 4]);
    }
}

#[test]
fn each_mischief_is_found_where_it_is() {
    let lines = chained(5, None);
    let mischief = |change: fn(&mut Vec<Vec<u8>>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        broken(&found(&changed, None))
    };
    assert_eq!(mischief(|_| {}), [0; 0]);
    assert_eq!(mischief(|lines| lines[2][20] ^= 1), [3]);
    assert_eq!(mischief(|lines| drop(lines.remove(2))), [3]);
    assert_eq!(mischief(|lines| lines.swap(2, 3)), [3, 4, 5]);
    assert_eq!(mischief(|lines| lines.insert(3, lines[1].clone())), [4, 5]);
    assert_eq!(mischief(|lines| lines.insert(3, b"{}".to_vec())), [4]);
    assert_eq!(mischief(|lines| drop(lines.remove(0))), [1]);
    // No trace but in the end, which is printed.
    assert_eq!(mischief(|lines| drop(lines.pop())), [0; 0]);
}

#[test]
fn files_go_on_from_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let lines = chained(4, None);
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    let write = |path: &PathBuf, lines: &[Vec<u8>]| {
        let mut text = lines.join(&b'\n');
        text.push(b'\n');
        fs::write(path, text).unwrap();
    };
    write(&paths[0], &lines[..3]);
    let (_, link) = split(&lines[2]).unwrap();
    let mut begin = Vec::new();
    let event = line::Event::Begin {
        previous: Some(&link),
    };
    line::write_event(&mut begin, SystemTime::UNIX_EPOCH, event);
    Chain::new(None).seal(Some(&link), &mut begin);
    write(&paths[1], &[begin]);
    assert!(verify(&paths, None).unwrap().is_whole());
    // The second alone says what it goes on from.
    let alone = verify(&paths[1..], None).unwrap();
    assert!(alone.is_whole());
    assert_eq!(
        alone.findings[0].message,
        format!("goes on from a file that ends with {link}")
    );
    // The end of the first one is cut.
    write(&paths[0], &lines[..2]);
    let verified = verify(&paths, None).unwrap();
    assert_eq!(verified.findings.len(), 1);
    let finding = &verified.findings[0];
    assert_eq!(
        (&finding.file, finding.line, finding.is_broken),
        (&paths[1], 1, true)
    );
    assert!(
        finding
            .message
            .starts_with("does not go on from what is before")
    );
}

#[test]
fn no_digests_are_no_chain() {
    let verified = found(&[b"{}".to_vec(), Vec::new()], None);
    assert_eq!((verified.lines, broken(&verified)), (0, vec![1, 2]));
    for line in ["", "\"}", "{\"chain\":\"ab\"}"] {
        assert_eq!(split(line.as_bytes()), None);
    }
    let upper = format!("{{\"a\":1,\"chain\":\"{}\"}}", "A".repeat(64));
    assert_eq!(split(upper.as_bytes()), None);
}

proptest! {
    #[test]
    fn any_change_of_bytes_is_found(at: prop::sample::Index, bit in 0..8_u8, has_key: bool) {
        let key = has_key.then_some(&b"key"[..]);
        let lines = chained(4, key);
        let mut text = lines.join(&b'\n');
        text.push(b'\n');
        let at = at.index(text.len());
        text[at] ^= 1 << bit;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, text).unwrap();
        prop_assert!(!verify(&[path], key).unwrap().is_whole());
    }

    #[test]
    fn any_other_order_or_choice_is_found(picked in prop::collection::vec(0..6_usize, 0..8)) {
        let lines = chained(5, None);
        let chosen: Vec<Vec<u8>> = picked.iter().map(|index| lines[*index].clone()).collect();
        let is_start = picked.iter().enumerate().all(|(place, index)| place == *index);
        let verified = found(&chosen, None);
        // The beginning of the chain is one, too: what is missing at the end leaves no trace.
        prop_assert_eq!(verified.lines > 0 && verified.is_whole(), !picked.is_empty() && is_start);
    }
}
