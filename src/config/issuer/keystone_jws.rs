//! `kind = "keystone-jws"`: a Keystone whose tokens are verified without asking it.

use std::path::Path;

use super::read_text;
use crate::config::{IssuerKind, KeystoneKeys, set};
use crate::document::Section;
use crate::token::{Algorithm, Delegation, KeySettings, Location};

const KEYS: &str = "a folder of public keys in PEM form, or one such file";
const DELEGATED: &str = "an array of \"trust\", \"application_credential\" and \"oauth1\"";

pub fn read(section: &Section<'_>, folder: &Path) -> Option<IssuerKind> {
    let delegated = read_delegated(section);
    let keys = read_keys(section, folder);
    Some(IssuerKind::KeystoneJws {
        keys: keys?,
        delegated: delegated?,
    })
}

/// Keys of JWS tokens; `algorithm` is Keystone's `[jwt_tokens] jws_algorithm`.
pub fn read_keys(section: &Section<'_>, folder: &Path) -> Option<KeystoneKeys> {
    let path = read_text(section, "keys", KEYS);
    let expected = "\"ES256\", \"ES384\", \"ES512\" or \"EdDSA\", as Keystone signs";
    let algorithm = section.parse("algorithm", expected, |text| {
        use Algorithm::{ES256, ES384, ES512, EdDSA};
        let algorithm = Algorithm::from_name(text);
        let algorithm = algorithm.filter(|found| [ES256, ES384, ES512, EdDSA].contains(found));
        algorithm.ok_or("Keystone has no such algorithm")
    });
    let has_algorithm = section.has("algorithm");
    let refresh = section.duration("refresh");
    let cooldown = section.duration("cooldown");
    let max_age = section.duration("max_age");
    let algorithm = match algorithm {
        None if has_algorithm => return None,
        algorithm => algorithm.map_or(Algorithm::ES256, |found| found.value),
    };
    let mut keys = KeySettings::new(Location::Pem(folder.join(path?), algorithm));
    set(&mut keys.refresh, refresh);
    set(&mut keys.cooldown, cooldown);
    set(&mut keys.max_age, max_age);
    Some(KeystoneKeys { keys, algorithm })
}

fn read_delegated(section: &Section<'_>) -> Option<Vec<Delegation>> {
    let names = section.strings("delegated");
    if !section.has("delegated") {
        return Some(Vec::new());
    }
    let names = names?;
    let mut kinds = Vec::new();
    for name in names.value {
        match Delegation::from_name(&name.value) {
            Some(kind) => kinds.push(kind),
            None => section.problem(
                name.line,
                format!(
                    "`issuer.delegated` has `{}`, expected {DELEGATED}",
                    name.value
                ),
            ),
        }
    }
    Some(kinds)
}
