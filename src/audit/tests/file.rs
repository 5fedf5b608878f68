//! Files: rotated, reopened, chained, torn.

use std::fs;

use super::super::file::LogFile;
use super::*;

fn settings(path: &Path, rotation: Option<Rotation>, is_chained: bool) -> FileSettings {
    FileSettings {
        path: path.to_owned(),
        rotation,
        chain: is_chained.then(ChainSettings::default),
    }
}

fn line(number: u64) -> Vec<u8> {
    let mut line = Vec::new();
    line::write(
        &mut line,
        &Record {
            bytes_sent: number,
            ..record()
        },
    );
    line
}

/// The numbers of the lines in files, the oldest first.
fn numbers(paths: &[PathBuf]) -> Vec<u64> {
    let text: String = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let values = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    values
        .filter_map(|value| value["bytes_sent"].as_u64())
        .collect()
}

#[test]
fn a_full_file_makes_room_and_the_oldest_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let rotation = Rotation {
        max_size: 1500,
        keep: 2,
    };
    for is_chained in [false, true] {
        let mut file = LogFile::open(&settings(&path, Some(rotation), is_chained)).unwrap();
        let mut written = 0;
        for number in 0..20 {
            written += file.push(&mut line(number)).unwrap();
        }
        assert_eq!(written + file.flush().unwrap(), 20);
        let paths = [".2", ".1", ""].map(|end| PathBuf::from(format!("{}{end}", path.display())));
        for path in &paths {
            let length = fs::metadata(path).unwrap().len();
            assert!((1..=1500).contains(&length), "{length}");
        }
        assert!(!folder.path().join("audit.jsonl.3").exists());
        let kept = numbers(&paths);
        let expected: Vec<u64> = (20 - kept.len() as u64..20).collect();
        assert_eq!(kept, expected);
        if is_chained {
            let verified = verify(&paths, None).unwrap();
            assert!(verified.is_whole(), "{verified:?}");
            let [note] = verified.findings.as_slice() else {
                panic!("{verified:?}");
            };
            assert!(
                note.message
                    .starts_with("goes on from a file that ends with ")
            );
        }
        for path in paths {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_file_that_was_moved_away_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["old", "new"].map(|name| folder.path().join(name));
    let mut file = LogFile::open(&settings(&paths[1], None, true)).unwrap();
    file.push(&mut line(0)).unwrap();
    fs::rename(&paths[1], &paths[0]).unwrap();
    file.push(&mut line(1)).unwrap();
    assert_eq!(file.reopen().unwrap(), 2);
    file.push(&mut line(2)).unwrap();
    file.flush().unwrap();
    // The same file again.
    file.reopen().unwrap();
    file.push(&mut line(3)).unwrap();
    file.flush().unwrap();
    assert_eq!(numbers(&paths[..1]), [0, 1]);
    assert_eq!(numbers(&paths[1..]), [2, 3]);
    let verified = verify(&paths, None).unwrap();
    assert!(
        verified.is_whole() && verified.findings.is_empty(),
        "{verified:?}"
    );
    assert_eq!(verified.lines, 6);
}

#[test]
fn a_restart_goes_on_and_tells_of_what_is_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let open = || LogFile::open(&settings(&path, None, true));
    let mut file = open().unwrap();
    file.push(&mut line(0)).unwrap();
    file.push(&mut line(1)).unwrap();
    file.flush().unwrap();
    let error = open().unwrap_err().to_string();
    assert!(
        error.ends_with("another process writes to it, and a chain has one writer"),
        "{error}"
    );
    drop(file);
    let text = fs::read(&path).unwrap();
    // Whole, torn within the last line, and without its end only.
    for cut in [0, 100, 1] {
        fs::write(&path, &text[..text.len() - cut]).unwrap();
        let verified = verify(std::slice::from_ref(&path), None).unwrap();
        let places: Vec<(usize, bool)> = verified
            .findings
            .iter()
            .map(|finding| (finding.line, finding.is_broken))
            .collect();
        match cut {
            0 => assert_eq!(places, []),
            _ => assert_eq!(places, [(3, true)], "{verified:?}"),
        }
        let mut file = open().unwrap();
        file.push(&mut line(2)).unwrap();
        file.flush().unwrap();
        let verified = verify(std::slice::from_ref(&path), None).unwrap();
        assert!(verified.is_whole(), "{cut}: {verified:?}");
        let findings: Vec<(usize, &str)> = verified
            .findings
            .iter()
            .map(|finding| (finding.line, finding.message.as_str()))
            .collect();
        let length = text.split(|byte| *byte == b'\n').nth(2).unwrap().len() + 1 - cut;
        let message =
            format!("torn: {length} bytes of a line that was cut off, as the line behind it says");
        match cut {
            // Of 1 nothing is missing but the end of the line, which is there again.
            0 | 1 => assert_eq!(findings, []),
            _ => assert_eq!(findings, [(3, message.as_str())]),
        }
        // Somebody else's rest is not one that was told of.
        if cut == 100 {
            let told = fs::read_to_string(&path)
                .unwrap()
                .replace("ecs:servers:get\"],\"st", "ecs:servers:gat\"],\"st");
            let lines: Vec<&str> = told.lines().collect();
            let swapped = lines[2].replace("\"PUT\"", "\"GET\"");
            fs::write(
                &path,
                [lines[0], lines[1], &swapped, lines[3], lines[4], ""].join("\n"),
            )
            .unwrap();
            assert!(
                !verify(std::slice::from_ref(&path), None)
                    .unwrap()
                    .is_whole()
            );
        }
    }
}

#[test]
fn a_file_without_digests_begins_no_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "{}\n").unwrap();
    let error = LogFile::open(&settings(&path, None, true))
        .unwrap_err()
        .to_string();
    let expected =
        "its last line carries no digest: move the file away, a chain begins with a new one";
    assert!(error.ends_with(expected), "{error}");
    // Only a rest is one that was torn.
    fs::write(&path, "{\"ver").unwrap();
    drop(LogFile::open(&settings(&path, None, true)).unwrap());
    let verified = verify(std::slice::from_ref(&path), None).unwrap();
    assert!(verified.is_whole(), "{verified:?}");
}

#[test]
fn lost_records_are_told_of_in_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for is_chained in [false, true] {
        let mut file = LogFile::open(&settings(&path, None, is_chained)).unwrap();
        file.note_dropped(7).unwrap();
        file.flush().unwrap();
        drop(file);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text.contains("\"event\":\"dropped\",\"lines\":7,"),
            is_chained,
            "{text}"
        );
    }
    let verified = verify(&[path], None).unwrap();
    assert!(verified.is_whole());
    assert_eq!(
        verified.findings[0].message,
        "7 records were lost before this line"
    );
}

#[test]
fn a_key_is_long_enough() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "short\n").unwrap();
    let settings = FileSettings {
        chain: Some(ChainSettings {
            key: Some(key.clone()),
        }),
        ..FileSettings::new(folder.path().join("a"))
    };
    let error = LogFile::open(&settings).unwrap_err().to_string();
    assert!(error.contains("it has less than 32 characters"), "{error}");
    fs::write(&key, "k".repeat(32)).unwrap();
    drop(LogFile::open(&settings).unwrap());
    let key = "k".repeat(32);
    assert!(
        verify(&[settings.path], Some(key.as_bytes()))
            .unwrap()
            .is_whole()
    );
}
