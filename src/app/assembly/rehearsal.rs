//! The rules of a candidate: whatever is wrong with it is told, and nothing else comes of it.

use std::path::Path;
use std::sync::Arc;

use tracing::{error, info};

use super::assemble;
use crate::config::{Config, apart, is_readable};
use crate::gateway::{Judge, Rules};
use crate::telemetry::chain;

/// The judge of the config at `path`; nothing if it cannot be used, which is logged.
///
/// Of its issuers' keys nothing is fetched: tokens are verified by the rules in use.
pub fn load(path: &Path) -> Option<Arc<dyn Judge>> {
    let (name, own) = (path.display(), path.to_owned());
    let loaded = apart(move || read(&own));
    let loaded = loaded.ok_or_else(|| "reading it took too long, or panicked".to_owned());
    match loaded.flatten() {
        Ok(rules) => {
            let operations = rules.router().table().operations().len();
            info!(candidate = %name, operations, "the candidate {name} is rehearsed: {operations} operations");
            Some(rules)
        }
        Err(cause) => {
            error!(candidate = %name, "the candidate {name} is not rehearsed: {cause}");
            None
        }
    }
}

fn read(path: &Path) -> Result<Arc<Rules>, String> {
    if path.exists() && !is_readable(path) {
        return Err("it is no file, or one of more than 16 MiB".to_owned());
    }
    // What it would rehearse itself is not its decision.
    let config = Config::read(path).map(|config| Config {
        candidate: None,
        ..config
    });
    let config = config.map_err(|problems| problems.to_string())?;
    let assembled = assemble(&config).map_err(|error| chain(&error))?;
    Ok(assembled.rules)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;

    use super::*;

    /// A pipe that nobody writes would keep the gateway from its start, and from each reload.
    #[test]
    fn what_is_no_file_of_a_bounded_size_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let naming = folder.path().join("naming.toml");
        let text = "[listen]\naddress = \"127.0.0.1:0\"\n[table]\nfiles = [\"pipe\"]\n";
        std::fs::write(&naming, text).unwrap();
        let large = folder.path().join("large");
        File::create(&large).unwrap().set_len(1 << 34).unwrap();
        for path in [&pipe, &large, &naming, &folder.path().to_owned()] {
            assert!(load(path).is_none());
            let text = format!(
                "[listen]\naddress = \"127.0.0.1:0\"\n[upstream]\nurl = \"http://127.0.0.1:1\"\n[[issuer]]\nname = \"i\"\naudiences = [\"a\"]\nkeys = \"jwks.json\"\n[issuer.claims]\nproject = \"/p\"\nactions = \"/a\"\n[rehearsal]\ncandidate = \"{}\"\n",
                path.display()
            );
            let config = Config::parse("live.toml", &text, folder.path()).unwrap();
            assert!(config.files().contains(path));
        }
    }
}
