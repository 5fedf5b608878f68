//! `[log]`: the program's own log.

use tracing::level_filters::LevelFilter;

use super::set;
use crate::document::Section;
use crate::telemetry::Settings;

pub fn read(section: &Section<'_>) -> Settings {
    let mut settings = Settings::default();
    let format = section.parse("format", "\"auto\", \"text\" or \"json\"", str::parse);
    set(&mut settings.format, format.map(|format| format.value));
    let expected = "\"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\"";
    let level = section.parse("level", expected, str::parse::<LevelFilter>);
    set(&mut settings.level, level.map(|level| level.value));
    section.finish();
    settings
}
