//! What becomes of lines when writes and moves fail.

use super::super::tests::record;
use super::super::{ChainSettings, Rotation, verify};
use super::*;

fn settings(path: &Path, is_chained: bool) -> FileSettings {
    FileSettings {
        chain: is_chained.then(ChainSettings::default),
        ..FileSettings::new(path.to_owned())
    }
}

fn line() -> Vec<u8> {
    let mut line = Vec::new();
    line::write(&mut line, &record());
    line
}

/// How many lines are whole.
fn count(path: &Path) -> u64 {
    let text = fs::read(path).unwrap();
    assert_eq!(text.last(), Some(&b'\n'));
    let lines = text.split(|byte| *byte == b'\n');
    let whole = lines.filter(|line| {
        let line: Result<serde_json::Value, _> = serde_json::from_slice(line);
        line.is_ok_and(|line| line.get("request_id").is_some())
    });
    whole.count() as u64
}

#[test]
fn a_write_that_fails_half_way_loses_what_it_says_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let full = || Err(io::ErrorKind::StorageFull.into());
    for is_chained in [true, false] {
        let mut bytes = 0;
        loop {
            let path = folder.path().join(format!("{is_chained}{bytes}"));
            let mut file = LogFile::open(&settings(&path, is_chained)).unwrap();
            file.push(&mut line()).unwrap();
            file.flush().unwrap();
            for _ in 0..2 {
                file.push(&mut line()).unwrap();
            }
            if bytes > file.buffer.len() {
                break;
            }
            let part = file.buffer[..bytes].to_vec();
            file.file.write_all(&part).unwrap();
            let lost = file.take_written(bytes, full()).unwrap_err();
            assert_eq!(lost.lines + lost.written, 2);
            // Nor does it matter that nothing can be written for a while.
            file.push(&mut line()).unwrap();
            let again = file.take_written(0, full()).unwrap_err();
            assert_eq!((again.lines, again.written), (1, 0));
            file.push(&mut line()).unwrap();
            assert_eq!(file.flush().unwrap(), 1);
            assert_eq!(count(&path), lost.written + 2, "{bytes}");
            if is_chained {
                let verified = verify(&[path], None).unwrap();
                assert!(verified.is_whole(), "{bytes}: {verified:?}");
            }
            bytes += 97;
        }
        assert!(bytes > 500);
    }
}

#[test]
fn a_line_behind_a_rest_stands_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "{\"version\":1,\"ti").unwrap();
    let mut file = LogFile::open(&settings(&path, false)).unwrap();
    file.push(&mut line()).unwrap();
    file.flush().unwrap();
    file.reopen().unwrap();
    file.push(&mut line()).unwrap();
    file.flush().unwrap();
    assert_eq!(count(&path), 2);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn a_file_that_cannot_make_room_pushes_no_older_one_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for number in 1..=3 {
        fs::write(numbered(&path, number), number.to_string()).unwrap();
    }
    let rotation = Rotation {
        max_size: 700,
        keep: 3,
    };
    let settings = FileSettings {
        rotation: Some(rotation),
        ..settings(&path, false)
    };
    let mut file = LogFile::open(&settings).unwrap();
    file.push(&mut line()).unwrap();
    // Somebody moves it away, and says so only later.
    let away = folder.path().join("away");
    fs::rename(&path, &away).unwrap();
    file.push(&mut line()).unwrap();
    file.flush().unwrap();
    let held = [1, 2, 3].map(|number| fs::read_to_string(numbered(&path, number)).unwrap());
    assert_eq!(held, ["1", "2", "3"]);
    assert_eq!((count(&away), count(&path)), (1, 1));
}

#[test]
fn a_rest_is_told_of_in_its_own_file_before_another_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    let mut file = LogFile::open(&settings(&new, true)).unwrap();
    file.push(&mut line()).unwrap();
    let part = file.buffer[..100].to_vec();
    file.file.write_all(&part).unwrap();
    file.take_written(100, Err(io::ErrorKind::StorageFull.into()))
        .unwrap_err();
    fs::rename(&new, &old).unwrap();
    file.reopen().unwrap();
    file.push(&mut line()).unwrap();
    file.flush().unwrap();
    let verified = verify(&[old, new], None).unwrap();
    assert!(verified.is_whole(), "{verified:?}");
    assert_eq!(verified.findings.len(), 1, "{verified:?}");
}

#[test]
fn a_file_that_takes_nothing_is_left_for_another_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut file = LogFile::open(&settings(&path, true)).unwrap();
    fs::write(folder.path().join("full"), "").unwrap();
    // Nothing can be written to it.
    file.file = File::open(folder.path().join("full")).unwrap();
    file.push(&mut line()).unwrap();
    assert_eq!(file.flush().unwrap_err().lines, 1);
    assert_eq!(file.push(&mut line()).unwrap(), 0);
    assert_eq!(file.reopen().unwrap_err().lines, 1);
    file.push(&mut line()).unwrap();
    assert_eq!(file.flush().unwrap(), 1);
    assert_eq!(count(&path), 1);
}
