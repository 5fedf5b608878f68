//! Holds the layers: a module imports only modules before it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a test may panic anywhere"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the first layer to the last.
const LAYERS: [&str; 22] = [
    "telemetry",
    "file",
    "document",
    "json",
    "tls",
    "table",
    "token",
    "revocation",
    "trace",
    "grant",
    "router",
    "decision",
    "audit",
    "metrics",
    "proxy",
    "gateway",
    "server",
    "authorizer",
    "admin",
    "config",
    "app",
    "cli",
];
/// A file that outgrows this wants another shape.
const MAX_LINES: usize = 400;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The fuzz crate may be built where it stands.
        if path.is_dir() && path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The layer of a file below `src`; none for `lib.rs` and `main.rs`.
fn layer(path: &Path) -> Option<usize> {
    let name = path
        .strip_prefix(root())
        .unwrap()
        .iter()
        .next()
        .unwrap()
        .to_str()
        .unwrap();
    LAYERS
        .iter()
        .position(|layer| *layer == name.trim_end_matches(".rs"))
}

/// The layers that a line of code names as `crate::layer`.
fn named(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap();
    let rest = code.split("crate::").skip(1);
    rest.flat_map(|text| {
        let list = text
            .strip_prefix('{')
            .and_then(|list| list.split('}').next());
        let names = list.map_or_else(|| vec![text], |list| list.split(',').collect());
        names.into_iter().map(|name| {
            let end = name
                .trim()
                .find(|letter: char| !letter.is_ascii_lowercase());
            name.trim()[..end.unwrap_or(name.trim().len())].to_owned()
        })
    })
    .collect()
}

/// What breaks the order, as `file:line: import`.
fn violations(path: &Path, own: usize, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for name in named(line) {
            match LAYERS.iter().position(|layer| *layer == name) {
                Some(other) if other > own => {
                    found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
                }
                Some(_) => {}
                None => panic!("{}: `crate::{name}` is not a layer", path.display()),
            }
        }
    }
    found
}

#[test]
fn a_module_imports_only_modules_before_it() {
    let mut found = Vec::new();
    for path in sources(&root()) {
        if let Some(own) = layer(&path) {
            found.extend(violations(&path, own, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(
        found.is_empty(),
        "a layer imports a later one:\n{}",
        found.join("\n")
    );
}

#[test]
fn finds_a_violation() {
    let path = Path::new("router.rs");
    let text = "use crate::{table, gateway::Rules};\nfn f() { crate::cli::main() } // crate::app\n";
    assert_eq!(violations(path, 6, text).len(), 2);
}

#[test]
fn every_module_is_a_layer_and_every_layer_a_module() {
    let text = fs::read_to_string(root().join("lib.rs")).unwrap();
    let modules = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut modules: Vec<&str> = modules.collect();
    let mut layers = LAYERS.to_vec();
    modules.sort_unstable();
    layers.sort_unstable();
    assert_eq!(modules, layers);
}

#[test]
fn pure_modules_stay_pure() {
    let impure = [
        "async ",
        ".await",
        "tokio",
        "std::net",
        "std::fs",
        "SystemTime",
        "Instant",
        "tracing::",
    ];
    for path in sources(&root()) {
        let is_pure = layer(&path)
            .is_some_and(|layer| ["table", "grant", "router", "decision"].contains(&LAYERS[layer]));
        // An address alone reaches nobody.
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("std::net::IpAddr", "");
        let text = text.replace("std::net::{IpAddr, Ipv4Addr, Ipv6Addr}", "");
        for word in impure.iter().filter(|_| is_pure) {
            assert!(!text.contains(word), "{} uses `{word}`", path.display());
        }
    }
}

#[test]
fn files_stay_small_and_say_what_they_are_for() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for path in sources(&root()).into_iter().chain(sources(&tests)) {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        let is_tests = path.ends_with("tests.rs");
        assert!(
            is_tests || text.starts_with("//!"),
            "{} starts without `//!`",
            path.display()
        );
    }
}
