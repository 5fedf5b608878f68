//! `[rehearsal]`: a config that is asked about every decision and decides none.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;
use crate::document::Section;

/// The most bytes of a candidate, which must not cost the gateway its memory.
const MAX_CANDIDATE: u64 = 16 * 1024 * 1024;

/// The candidate's file.
pub fn read(section: &Section<'_>, folder: &Path) -> Option<PathBuf> {
    if !section.has("candidate") {
        let expected = "the file of the config that is rehearsed, such as \"next.toml\"";
        section.missing("candidate", expected);
    }
    let candidate = section.string("candidate");
    section.finish();
    candidate.map(|candidate| folder.join(candidate.value))
}

/// A candidate's files, as far as they are known; the candidate's own candidate is nobody's.
pub fn files(path: &Path) -> Vec<PathBuf> {
    let config = is_readable(path).then(|| Config::survey(path).0);
    let config = config.flatten().map(|config| Config {
        candidate: None,
        ..config
    });
    let files = config.map(|config| config.files()).unwrap_or_default();
    files.into_iter().chain([path.to_owned()]).collect()
}

/// Whether a candidate can be read without waiting, as for a pipe that nobody writes, and without end.
pub fn is_readable(path: &Path) -> bool {
    let found = fs::metadata(path);
    found.is_ok_and(|found| found.is_file() && found.len() <= MAX_CANDIDATE)
}
