//! `[audit]`: where a line for each request goes.

use std::path::Path;

use crate::audit::Settings;
use crate::document::Section;

pub fn read(section: &Section<'_>, folder: &Path) -> Settings {
    let enabled = section.boolean("enabled").unwrap_or(true);
    let file = section.string("file");
    section.finish();
    match file {
        _ if !enabled => Settings::Off,
        Some(file) if file.value != "-" => Settings::File(folder.join(file.value)),
        _ => Settings::Stdout,
    }
}
