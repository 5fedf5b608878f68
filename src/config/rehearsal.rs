//! `[rehearsal]`: a config that is asked about every decision and decides none.

use std::path::{Path, PathBuf};

use crate::document::Section;

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
