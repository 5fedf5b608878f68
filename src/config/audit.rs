//! `[audit]`: where a line for each request goes, and what it looks like.

use std::path::Path;

use crate::audit::{ChainSettings, FileSettings, Format, Rotation, Settings, Target};
use crate::document::Section;

/// How many older files are kept, unless the config says otherwise.
const KEEP: usize = 5;

pub fn read(section: &Section<'_>, folder: &Path) -> Settings {
    let is_enabled = section.boolean("enabled").unwrap_or(true);
    let file = section.string("file");
    let syslog = section.string("syslog");
    let format = section.parse("format", "\"actiongate\" or \"cadf\"", |text| match text {
        "actiongate" => Ok(Format::Own),
        "cadf" => Ok(Format::Cadf),
        _ => Err("there is no such format"),
    });
    let max_size = section.size("max_size");
    let keep = section.count("keep", 1000);
    let is_chained = section.boolean("chain").unwrap_or(false);
    let key = section.string("chain_key");
    let evidence = section.boolean("evidence").unwrap_or(false);
    section.finish();
    if file.is_some()
        && let Some(syslog) = &syslog
    {
        let message = "`audit.syslog` stands beside a file, expected one of them";
        section.problem(syslog.line, message);
    }
    let path = file.map(|file| file.value).filter(|file| file != "-");
    refuse_unused(section, path.is_some(), is_chained);
    let format = format.map_or_else(Format::default, |format| format.value);
    if evidence && format == Format::Cadf {
        let message = "`audit.evidence` has no place in an event of CADF, expected it only beside \
                       `format = \"actiongate\"`";
        section.problem(section.line_at("evidence"), message);
    }
    let target = match (path, syslog) {
        _ if !is_enabled => Target::Off,
        (Some(path), _) => Target::File(FileSettings {
            path: folder.join(path),
            rotation: max_size.map(|max_size| Rotation {
                max_size,
                keep: keep.unwrap_or(KEEP),
            }),
            chain: is_chained.then(|| ChainSettings {
                key: key.map(|key| folder.join(key.value)),
            }),
        }),
        (None, Some(syslog)) => Target::Syslog(folder.join(syslog.value)),
        (None, None) => Target::Stdout,
    };
    Settings {
        target,
        format,
        evidence,
    }
}

/// An audit that is not what its config promises is worse than none.
fn refuse_unused(section: &Section<'_>, is_file: bool, is_chained: bool) {
    let is_chained = is_chained && is_file;
    let has_size = section.has("max_size");
    for (key, is_used, beside) in [
        ("max_size", is_file, "a `file`"),
        ("keep", is_file && has_size, "`max_size`"),
        ("chain", is_file, "a `file`"),
        ("chain_key", is_chained, "`chain = true` and a `file`"),
    ] {
        if section.has(key) && !is_used {
            let name = section.path(key);
            let message = format!("`{name}` is not used, expected it only beside {beside}");
            section.problem(section.line_at(key), message);
        }
    }
}
