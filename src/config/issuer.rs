//! `[[issuer]]`: whose tokens are accepted, and how their claims are read.

mod jwt;

use std::path::Path;
use std::time::Duration;

use super::claims::{Usual, read_claims, read_roles};
use super::identity;
use super::policy::Policies;
use super::{IssuerConfig, parse_required};
use crate::document::{Located, Section};
use crate::grant::ClaimMapping;
use crate::token::Template;

/// No clocks differ by more, and a stolen token is good for that much longer.
const MAX_LEEWAY: Duration = Duration::from_mins(5);
/// Seconds that clocks may differ, unless the config says otherwise.
const LEEWAY: u64 = 30;

/// `policies` are those that its roles may have, `region` is that of the upstream's instances.
pub fn read(
    section: &Section<'_>,
    folder: &Path,
    policies: &Policies,
    region: Option<&String>,
) -> Option<IssuerConfig> {
    let not_empty = |text: &str| match text {
        "" => Err("it is empty"),
        text => Ok(text.to_owned()),
    };
    let name = parse_required(section, "name", "the `iss` of its tokens", not_empty);
    let word = read_word(section);
    let kind = match word {
        Some(Word::Jwt) => jwt::read(section, folder, name.as_deref()),
        None => None,
    };
    let leeway = section.parse(
        "leeway",
        "whole seconds from \"0s\" to \"5m\"",
        parse_leeway,
    );
    let leeway = leeway.map_or(LEEWAY, |leeway| leeway.value);
    let usual = word.map_or(Usual::JWT, Word::usual);
    let claims = match section.section("claims") {
        Some(claims) => read_claims(&claims, region, usual),
        None => {
            let mapping = usual.mapping(region);
            if mapping.is_none() && !section.has("claims") {
                section.missing(
                    "claims",
                    "a table [issuer.claims] with `project` and one of `actions`, `policies` and `roles`",
                );
            }
            mapping
        }
    };
    let claims = claims.map(|claims| ClaimMapping {
        identity: Some(identity::read(section, &claims, usual)),
        ..claims
    });
    let roles = read_roles(section, claims.as_ref(), policies);
    section.finish();
    Some(IssuerConfig {
        name: name?,
        leeway,
        kind: kind?,
        claims: claims?,
        roles,
    })
}

/// The value of `kind`.
#[derive(Clone, Copy, Debug)]
enum Word {
    Jwt,
}

impl Word {
    /// Where the claims of its tokens usually are.
    fn usual(self) -> Usual {
        match self {
            Self::Jwt => Usual::JWT,
        }
    }
}

/// Of a kind that is not known, nothing else can be judged.
fn read_word(section: &Section<'_>) -> Option<Word> {
    if !section.has("kind") {
        return Some(Word::Jwt);
    }
    let kind = section.parse("kind", "\"jwt\"", |text| match text {
        "jwt" => Ok(Word::Jwt),
        _ => Err("there is no such kind"),
    });
    kind.map(|kind| kind.value)
}

/// A token's `iss` has to lead to one issuer.
pub fn refuse_equal_names(sections: &[Section<'_>]) {
    let mut known: Vec<Located<String>> = Vec::new();
    for section in sections.iter().filter(|section| section.has("name")) {
        let Some(name) = section.string("name") else {
            continue;
        };
        let template = template(&name.value);
        let meets = |earlier: &&Located<String>| match (&template, self::template(&earlier.value)) {
            (Some(one), Some(other)) => one.meets(&other),
            _ => false,
        };
        if let Some(earlier) = known.iter().find(|earlier| earlier.value == name.value) {
            section.problem(
                name.line,
                format!(
                    "the issuer `{}` is already defined at line {}, expected each name once",
                    name.value, earlier.line
                ),
            );
            continue;
        }
        if let Some(earlier) = known.iter().find(meets) {
            section.problem(
                name.line,
                format!(
                    "the issuer `{}` can have the same name as `{}` at line {}, expected names of which no `iss` \
                     can be both",
                    name.value, earlier.value, earlier.line
                ),
            );
        }
        known.push(name);
    }
}

/// The name's, if it has a parameter; what is wrong with it is said elsewhere.
fn template(name: &str) -> Option<Template> {
    Template::find(name).ok().flatten()
}

fn parse_leeway(text: &str) -> Result<u64, String> {
    let leeway = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if leeway.subsec_nanos() != 0 {
        return Err("it has a fraction of a second".to_owned());
    }
    if leeway > MAX_LEEWAY {
        return Err("expired tokens would be good for too long".to_owned());
    }
    Ok(leeway.as_secs())
}
