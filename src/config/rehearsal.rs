//! `[rehearsal]`: a config that is asked about every decision and decides none.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::Config;
use crate::document::Section;

/// The most bytes of a candidate, which must not cost the gateway its memory.
const MAX_CANDIDATE: u64 = 16 * 1024 * 1024;

/// How long reading a candidate may take, with all that it names.
const PATIENCE: Duration = Duration::from_secs(5);

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
    let own = path.to_owned();
    let survey = move || {
        let config = is_readable(&own).then(|| Config::survey(&own).0).flatten();
        let config = config.map(|config| Config {
            candidate: None,
            ..config
        });
        config.map(|config| config.files()).unwrap_or_default()
    };
    let files = apart(survey).unwrap_or_default();
    files.into_iter().chain([path.to_owned()]).collect()
}

/// Does what concerns a candidate on a thread of its own: whatever it names may be a pipe that nobody
/// writes, or make it panic. None where that is so.
pub fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (report, done) = mpsc::sync_channel(1);
    let worker = thread::Builder::new().name("candidate".to_owned());
    let worker = worker.spawn(move || {
        // Nobody may wait any more.
        let _ = report.send(work());
    });
    worker.ok()?;
    done.recv_timeout(PATIENCE).ok()
}

/// Whether a candidate can be read without waiting, as for a pipe that nobody writes, and without end.
pub fn is_readable(path: &Path) -> bool {
    let found = fs::metadata(path);
    found.is_ok_and(|found| found.is_file() && found.len() <= MAX_CANDIDATE)
}
