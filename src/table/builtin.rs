//! The built-in table: the vendor's pages, in TOML form.

use super::Source;

/// The pages' names and texts.
const PAGES: [(&str, &str); 1] = [(
    "metadata_management",
    include_str!("ecs/metadata_management.toml"),
)];

pub fn sources() -> Vec<Source> {
    let source = |(page, text): (&str, &str)| Source {
        name: format!("ecs/{page} (built in)"),
        text: text.to_owned(),
    };
    PAGES.into_iter().map(source).collect()
}
