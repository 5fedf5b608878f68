//! `[[issuer]]`: whose tokens are accepted, and how their claims are read.

use std::path::Path;

use super::{IssuerConfig, parse_required, set};
use crate::document::Section;
use crate::grant::{ClaimMapping, Pointer};
use crate::token::{KeySettings, Location};

/// Seconds that clocks may differ, unless the config says otherwise.
const LEEWAY: u64 = 30;

pub fn read(section: &Section<'_>, folder: &Path) -> Option<IssuerConfig> {
    let not_empty = |text: &str| match text {
        "" => Err("it is empty"),
        text => Ok(text.to_owned()),
    };
    let name = parse_required(section, "name", "the `iss` of its tokens", not_empty);
    let audiences = read_audiences(section);
    let leeway = section
        .duration("leeway")
        .map_or(LEEWAY, |leeway| leeway.as_secs());
    let keys = read_keys(section, folder);
    let claims = match section.section("claims") {
        Some(claims) => read_claims(&claims),
        None => {
            section.missing(
                "claims",
                "a table [issuer.claims] with `project` and `actions`",
            );
            None
        }
    };
    section.finish();
    Some(IssuerConfig {
        name: name?,
        audiences: audiences?,
        leeway,
        keys: keys?,
        claims: claims?,
    })
}

fn read_audiences(section: &Section<'_>) -> Option<Vec<String>> {
    let expected = "an array such as [\"ecs\"]: a token must be for one of them";
    let Some(audiences) = section.strings("audiences") else {
        if !section.has("audiences") {
            section.missing("audiences", expected);
        }
        return None;
    };
    if audiences.value.is_empty() {
        section.problem(
            audiences.line,
            format!("`issuer.audiences` is empty, expected {expected}"),
        );
    }
    Some(
        audiences
            .value
            .into_iter()
            .map(|audience| audience.value)
            .collect(),
    )
}

fn read_keys(section: &Section<'_>, folder: &Path) -> Option<KeySettings> {
    let expected = "a JWKS file or its http(s) URL";
    let location = parse_required(section, "keys", expected, str::parse::<Location>);
    let ca = section.string("ca").map(|ca| folder.join(ca.value));
    let refresh = section.duration("refresh");
    let cooldown = section.duration("cooldown");
    let max_age = section.duration("max_age");
    let mut settings = KeySettings::new(match location? {
        Location::File(path) => Location::File(folder.join(path)),
        url @ Location::Url(_) => url,
    });
    settings.ca = ca;
    set(&mut settings.refresh, refresh);
    set(&mut settings.cooldown, cooldown);
    set(&mut settings.max_age, max_age);
    Some(settings)
}

fn read_claims(section: &Section<'_>) -> Option<ClaimMapping> {
    let expected = "a JSON pointer such as \"/project_id\"";
    let project = parse_required(section, "project", expected, str::parse::<Pointer>);
    let actions = parse_required(section, "actions", expected, str::parse::<Pointer>);
    let subject = match section.has("subject") {
        true => section
            .parse("subject", expected, str::parse)
            .map(|subject| subject.value),
        // Which is a pointer, so this is never `None`.
        false => "/sub".parse().ok(),
    };
    section.finish();
    Some(ClaimMapping {
        actions: actions?,
        project: project?,
        subject: subject?,
    })
}
