//! `[log]`: the program's own log.

use super::set;
use crate::document::Section;
use crate::telemetry::Settings;

pub fn read(section: &Section<'_>) -> Settings {
    let mut settings = Settings::default();
    let format = section.parse("format", "\"auto\", \"text\" or \"json\"", str::parse);
    set(&mut settings.format, format.map(|format| format.value));
    let expected = "\"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\", perhaps with others for some modules such as \"info,actiongate::proxy=debug\"";
    let level = section.parse("level", expected, str::parse);
    set(&mut settings.level, level.map(|level| level.value));
    section.finish();
    settings
}
