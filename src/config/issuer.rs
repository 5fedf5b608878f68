//! `[[issuer]]`: whose tokens are accepted, and how their claims are read.

mod introspection;
mod jwt;
mod keystone;
mod keystone_jws;
mod kind;

use std::path::Path;
use std::time::Duration;

use hyper::Uri;

pub use kind::{IssuerConfig, IssuerKind, KeystoneKeys};

use super::claims::{Usual, read_claims, read_roles};
use super::identity;
use super::policy::Policies;
use super::{parse_required, set};
use crate::decision::Mode;
use crate::document::{Located, Section};
use crate::token::{AskSettings, Location, Template};

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
    let name = read_text(section, "name", "the `iss` of its tokens");
    let leeway = section.parse(
        "leeway",
        "whole seconds from \"0s\" to \"5m\"",
        parse_leeway,
    );
    let leeway = leeway.map_or(LEEWAY, |leeway| leeway.value);
    let word = read_word(section)?;
    let kind = match word {
        Word::Jwt => jwt::read(section, folder, name.as_deref()),
        Word::Keystone => keystone::read(section, folder),
        Word::KeystoneJws => keystone_jws::read(section, folder),
        Word::Introspection => introspection::read(section, folder, leeway),
    };
    let usual = word.usual();
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
    let claims = claims.map(|mut claims| {
        claims.identity = Some(identity::read(section, &claims, usual));
        if let (Some(rules), Some(IssuerKind::Keystone { service_type, .. })) =
            (&mut claims.access_rules, &kind)
        {
            rules.service.clone_from(service_type);
        }
        claims
    });
    let roles = read_roles(section, claims.as_ref(), policies);
    let mode = section.parse("mode", "\"enforce\" or \"report\"", |text| match text {
        "enforce" => Ok(Mode::Enforce),
        "report" => Ok(Mode::Report),
        _ => Err("there is no such mode"),
    });
    section.finish();
    Some(IssuerConfig {
        name: name?,
        leeway,
        kind: kind?,
        claims: claims?,
        roles,
        mode: mode.map_or_else(Mode::default, |mode| mode.value),
    })
}

const KINDS: &str = "\"jwt\", \"keystone-jws\", \"keystone\" or \"introspection\"";

/// The value of `kind`.
#[derive(Clone, Copy, Debug)]
enum Word {
    Jwt,
    Keystone,
    KeystoneJws,
    Introspection,
}

impl Word {
    /// Where the claims of its tokens usually are.
    fn usual(self) -> Usual {
        match self {
            Self::Jwt | Self::Introspection => Usual::JWT,
            Self::Keystone => Usual::KEYSTONE,
            Self::KeystoneJws => Usual::KEYSTONE_JWS,
        }
    }
}

/// Of a kind that is not known, nothing else can be judged.
fn read_word(section: &Section<'_>) -> Option<Word> {
    if !section.has("kind") {
        return Some(Word::Jwt);
    }
    let kind = section.parse("kind", KINDS, |text| match text {
        "jwt" => Ok(Word::Jwt),
        "keystone" => Ok(Word::Keystone),
        "keystone-jws" => Ok(Word::KeystoneJws),
        "introspection" => Ok(Word::Introspection),
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

/// A token that does not name its issuer has to lead to one all the same.
pub fn refuse_second_nameless(sections: &[Section<'_>]) {
    let kind = |section: &Section<'_>| {
        let kind = section.parse("kind", KINDS, |text| Ok::<_, &str>(text.to_owned()));
        kind.map(|kind| kind.value)
    };
    let takes_opaque = |section: &Section<'_>| match kind(section).as_deref() {
        Some("keystone") => true,
        Some("introspection") => !section.has("opaque") || section.boolean("opaque") == Some(true),
        _ => false,
    };
    let verifies_keystone = |section: &Section<'_>| match kind(section).as_deref() {
        Some("keystone-jws") => true,
        Some("keystone") => section.has("keys"),
        _ => false,
    };
    refuse_second(sections, takes_opaque, "takes opaque tokens");
    refuse_second(
        sections,
        verifies_keystone,
        "verifies the JWS tokens of a Keystone",
    );
}

fn refuse_second(sections: &[Section<'_>], is_one: impl Fn(&Section<'_>) -> bool, what: &str) {
    let mut all = sections.iter().filter(|section| is_one(section));
    let Some(first) = all.next() else { return };
    for section in all {
        section.problem(
            section.line(),
            format!(
                "the issuer at line {} {what} already, expected one that does",
                first.line()
            ),
        );
    }
}

/// Of every issuer that is asked about tokens; `uses_tls` says whether one of its servers is `https`.
fn read_ask(section: &Section<'_>, folder: &Path, uses_tls: bool) -> AskSettings {
    let mut settings = AskSettings::default();
    let ca = section.string("ca");
    if let Some(ca) = ca.as_ref().filter(|_| !uses_tls) {
        section.problem(
            ca.line,
            "`issuer.ca` is not used, expected it only beside an https URL",
        );
    }
    settings.ca = ca.map(|ca| folder.join(ca.value));
    set(&mut settings.cache, section.duration("cache"));
    set(
        &mut settings.refusal_cache,
        section.duration("refusal_cache"),
    );
    set(&mut settings.timeout, section.duration("timeout"));
    settings
}

/// The `http` and `https` URLs under `key`; `expected` says what to write.
fn read_urls(section: &Section<'_>, key: &'static str, expected: &str) -> Option<Vec<Uri>> {
    let Some(texts) = section.strings(key) else {
        if !section.has(key) {
            section.missing(key, expected);
        }
        return None;
    };
    let name = section.path(key);
    if texts.value.is_empty() {
        section.problem(
            texts.line,
            format!("`{name}` is empty, expected {expected}"),
        );
    }
    let mut uris: Vec<Uri> = Vec::new();
    for Located { value, line } in &texts.value {
        match parse_url(value) {
            Ok(uri) if uris.contains(&uri) => section.problem(
                *line,
                format!("`{name}` has `{value}` twice, expected each URL once"),
            ),
            Ok(uri) => uris.push(uri),
            Err(error) => section.problem(
                *line,
                format!("`{name}` has `{value}`, expected {expected}: {error}"),
            ),
        }
    }
    Some(uris)
}

/// An `http` or `https` URL without a query.
pub fn parse_url(text: &str) -> Result<Uri, &'static str> {
    match text.parse() {
        Ok(Location::Url(uri)) if uri.query().is_none() => Ok(uri),
        Ok(Location::Url(_)) => Err("it has a query"),
        _ => Err("it is not an http or https URL of a host and, if any, a port from 1 to 65535"),
    }
}

/// A text that is there and not empty.
fn read_text(section: &Section<'_>, key: &'static str, expected: &str) -> Option<String> {
    parse_required(section, key, expected, full)
}

/// A text that is not empty, this one unless the config says otherwise.
fn read_text_or(section: &Section<'_>, key: &'static str, expected: &str, usual: &str) -> String {
    let text = section.parse(key, expected, full);
    text.map_or_else(|| usual.to_owned(), |text| text.value)
}

fn full(text: &str) -> Result<String, &'static str> {
    match text {
        "" => Err("it is empty"),
        text => Ok(text.to_owned()),
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
