//! The files of `demo`: who may read them, and what becomes of those that are there already.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::Folder;
use super::demo::Demo;
use super::pasted::curl;

const SECRETS: [&str; 7] = [
    "key.pem",
    "operator.token",
    "reader.token",
    "metadata-only.token",
    "other-project.token",
    "helpdesk.token",
    "auditor.token",
];

fn mode(folder: &Folder, name: &str) -> u32 {
    let metadata = fs::metadata(folder.path(name)).unwrap();
    metadata.permissions().mode() & 0o777
}

fn all_files(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder.path("d")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, Vec<u8>)> = paths
        .filter(|path| !path.ends_with("audit.jsonl"))
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_config_passes_check() {
    let demo = Demo::start();
    let ran = demo
        .folder
        .actiongate(&["check", "--config", "d/actiongate.toml"])
        .ended(0);
    assert!(ran.out.contains("good"), "{}", ran.out);
}

#[test]
fn secrets_are_for_their_owner_only() {
    let demo = Demo::start();
    for name in SECRETS {
        let name = format!("d/{name}");
        assert_eq!(mode(&demo.folder, &name), 0o600, "{name}");
    }
    assert_eq!(mode(&demo.folder, "d"), 0o700);
}

#[test]
fn secrets_are_for_their_owner_only_where_the_files_were_there() {
    let folder = Folder::new();
    fs::create_dir(folder.path("d")).unwrap();
    for name in SECRETS {
        let name = format!("d/{name}");
        folder.write(&name, "old");
        fs::set_permissions(folder.path(&name), Permissions::from_mode(0o644)).unwrap();
    }
    let demo = Demo::start_in(folder, "d");
    for name in SECRETS {
        let name = format!("d/{name}");
        assert_eq!(mode(&demo.folder, &name), 0o600, "{name}");
    }
}

/// `/tmp` is for everybody: a link that somebody else left there leads elsewhere.
#[test]
fn secrets_are_not_written_through_links() {
    let folder = Folder::new();
    fs::create_dir(folder.path("d")).unwrap();
    folder.write("elsewhere", "untouched");
    std::os::unix::fs::symlink(folder.path("elsewhere"), folder.path("d/key.pem")).unwrap();
    let running = folder.start(&["demo", "--listen", "127.0.0.1:0", "--dir", "d"]);
    // It starts, in place of the link, or refuses: its first line tells that it came so far.
    running.err.until("");
    drop(running);
    assert_eq!(folder.read("elsewhere"), "untouched");
}

#[test]
fn a_demo_that_cannot_listen_leaves_the_files_of_the_one_that_does() {
    let demo = Demo::start();
    let before = all_files(&demo.folder);
    demo.folder
        .actiongate(&["demo", "--listen", &demo.address, "--dir", "d"])
        .failed_with(&["cannot listen on"]);
    assert!(
        all_files(&demo.folder) == before,
        "the files of the running demo were replaced"
    );
    let answer = curl(&demo.folder, &demo.commands()[0]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn a_folder_that_cannot_be_made_is_a_failure() {
    let folder = Folder::new();
    folder.write("file", "");
    folder
        .actiongate(&["demo", "--listen", "127.0.0.1:0", "--dir", "file/d"])
        .failed_with(&["cannot write the demo's files to `file/d`"]);
}
