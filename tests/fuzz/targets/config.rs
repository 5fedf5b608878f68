//! Any text as the config: no panic, the same answer twice, and every problem has a line of it.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use actiongate::config::{Config, IssuerKind};
use actiongate::document::Problems;
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};
use oracle::mutation;
use toml::de::{DeTable, DeValue};

/// Where relative file names start; there is none of it.
const FOLDER: &str = "/nonexistent";

/// What an input may be made of.
static LINES: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../lines/config").lines().collect());

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::lines(data, size, max_size, seed, &LINES, "\n")
});

fuzz_target!(|text: &str| -> Corpus {
    let (root, _) = DeTable::parse_recoverable(text);
    if root
        .get_ref()
        .values()
        .any(|value| names_a_file(value.get_ref()))
    {
        return Corpus::Reject;
    }
    let parse = || Config::parse("fuzz.toml", text, Path::new(FOLDER));
    let parsed = parse();
    match &parsed {
        Ok(config) => check(config),
        Err(problems) => check_problems(problems, text),
    }
    match (parsed, parse()) {
        (Err(first), Err(second)) => assert_eq!(first, second, "read twice"),
        (first, second) => assert_eq!(format!("{first:?}"), format!("{second:?}"), "read twice"),
    }
    Corpus::Keep
});

/// What exists outside of the folder may be a device that never ends.
fn names_a_file(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => Path::new(FOLDER).join(text.as_ref()).exists(),
        DeValue::Array(items) => items.iter().any(|item| names_a_file(item.get_ref())),
        DeValue::Table(table) => table.values().any(|value| names_a_file(value.get_ref())),
        _ => false,
    }
}

fn check(config: &Config) {
    assert!(!config.issuers.is_empty(), "nobody's tokens are accepted");
    let (mut opaque, mut keystones) = (0, 0);
    for (index, issuer) in config.issuers.iter().enumerate() {
        assert!(
            !issuer.name.is_empty() && issuer.leeway <= 300,
            "{issuer:?}"
        );
        match &issuer.kind {
            IssuerKind::Jwt { audiences, .. } => {
                let mut names = audiences.iter();
                assert!(!audiences.is_empty() && names.all(|name| !name.is_empty()));
            }
            IssuerKind::Family { audiences, keys } => {
                let parameter = keys.name.parameter();
                let mut templates = audiences.iter().chain([&keys.location]);
                assert!(!audiences.is_empty());
                assert!(templates.all(|template| template.parameter() == parameter));
                assert_eq!(keys.name.to_string(), issuer.name);
            }
            IssuerKind::KeystoneJws { .. } => keystones += 1,
            IssuerKind::Keystone { settings, keys, .. } => {
                keystones += usize::from(keys.is_some());
                assert!(!settings.auth_urls.is_empty());
                opaque += 1;
            }
            IssuerKind::Introspection {
                settings,
                opaque: takes,
            } => {
                assert!(!settings.endpoints.is_empty());
                opaque += usize::from(*takes);
            }
        }
        let mut earlier = config.issuers[..index].iter();
        assert!(
            earlier.all(|earlier| earlier.name != issuer.name),
            "{issuer:?}"
        );
    }
    assert!(opaque <= 1, "{opaque} issuers take opaque tokens");
    assert!(
        keystones <= 1,
        "{keystones} issuers verify Keystone's tokens"
    );
    assert!(!config.table.is_empty(), "no table");
    assert!(config.listen.workers > 0, "no workers");
    let upstream = &config.upstream;
    let waits = [
        config.listen.client_timeout,
        config.listen.drain_timeout,
        upstream.connect_timeout,
        upstream.response_timeout,
        upstream.idle_timeout,
    ];
    assert!(waits.iter().all(|wait| !wait.is_zero()), "{waits:?}");
}

fn check_problems(problems: &Problems, text: &str) {
    assert!(!problems.0.is_empty(), "refused without a problem");
    assert!(
        problems.0.is_sorted_by_key(|problem| problem.line),
        "{problems}"
    );
    let lines = 1 + text.matches('\n').count();
    for problem in &problems.0 {
        assert!((1..=lines).contains(&problem.line), "{problem}");
        assert!(
            !problem.message.is_empty() && problem.file == "fuzz.toml",
            "{problem}"
        );
    }
}
