//! `kind = "jwt"`: audiences and keys, with or without a parameter in the name.

use std::path::Path;

use crate::config::{IssuerKind, parse_required, set};
use crate::document::{Located, Section};
use crate::token::{FamilySettings, InvalidTemplate, KeySettings, Location, Template};

/// A name with a parameter has it in its audiences and in its keys' URL, too: what is of one value must
/// not serve another.
pub fn read(section: &Section<'_>, folder: &Path, name: Option<&str>) -> Option<IssuerKind> {
    let audiences = read_audiences(section);
    let keys = read_keys(section, folder);
    let name = match Template::find(name?) {
        Ok(name) => name,
        // Said with its line.
        Err(_) => {
            section
                .parse("name", "the `iss` of its tokens", Template::find)?
                .value
        }
    };
    let Some(name) = name else {
        for audience in audiences.iter().flatten() {
            refuse_parameter(section, "an audience", audience);
        }
        let location = section.string("keys").filter(is_url);
        if let Some(location) = location {
            refuse_parameter(section, "`issuer.keys`", &location);
        }
        return Some(IssuerKind::Jwt {
            audiences: audiences?
                .into_iter()
                .map(|audience| audience.value)
                .collect(),
            keys: keys?,
        });
    };
    let audiences = audiences.map(|audiences| {
        let templates = audiences
            .iter()
            .map(|audience| read_audience(section, &name, audience));
        templates.collect::<Option<Vec<Template>>>()
    });
    let location = keys.as_ref().and_then(|_| read_location(section, &name));
    Some(IssuerKind::Family {
        audiences: audiences??,
        keys: FamilySettings {
            name,
            location: location?,
            keys: keys?,
        },
    })
}

fn is_url(location: &Located<String>) -> bool {
    location.value.contains("://")
}

fn refuse_parameter(section: &Section<'_>, what: &str, text: &Located<String>) {
    if text.value.contains(['{', '}']) {
        let message = format!(
            "{what} is `{}`, expected no braces, as `issuer.name` has no parameter",
            text.value
        );
        section.problem(text.line, message);
    }
}

fn read_audience(
    section: &Section<'_>,
    name: &Template,
    audience: &Located<String>,
) -> Option<Template> {
    let read = find(name, &audience.value);
    let refused = |error: String| {
        let message = format!(
            "an audience is `{}`, expected one such as \"ecs:{{{}}}\" with the parameter of `issuer.name`: {error}",
            audience.value,
            name.parameter()
        );
        section.problem(audience.line, message);
    };
    read.map_err(refused).ok()
}

/// The parameter stands in the path of a URL: a token must not choose who is asked for keys.
fn read_location(section: &Section<'_>, name: &Template) -> Option<Template> {
    let expected = format!(
        "an http(s) URL with the parameter `{{{}}}` of `issuer.name` in its path",
        name.parameter()
    );
    let location = section.parse("keys", &expected, |text| {
        let location = find(name, text)?;
        let before = location.before();
        let Some((_, server_and_path)) = before.split_once("://") else {
            return Err("it is not a URL".to_owned());
        };
        match server_and_path.contains('/') && !server_and_path.contains('?') {
            true => Ok(location),
            false => Err("the parameter is not in the path".to_owned()),
        }
    });
    location.map(|location| location.value)
}

/// Reads a text that has the parameter of `name`.
fn find(name: &Template, text: &str) -> Result<Template, String> {
    let found = Template::find(text).map_err(|error: InvalidTemplate| error.to_string())?;
    match found {
        None => Err("it has no parameter".to_owned()),
        Some(found) if found.parameter() == name.parameter() => Ok(found),
        Some(found) => Err(format!("its parameter is `{{{}}}`", found.parameter())),
    }
}

pub fn read_audiences(section: &Section<'_>) -> Option<Vec<Located<String>>> {
    let expected = "an array such as [\"ecs\"]: a token must be for one of them";
    let Some(audiences) = section.strings("audiences") else {
        if !section.has("audiences") {
            section.missing("audiences", expected);
        }
        return None;
    };
    for audience in &audiences.value {
        if audience.value.is_empty() {
            section.problem(
                audience.line,
                format!("an audience is empty, expected {expected}"),
            );
        }
    }
    if audiences.value.is_empty() {
        section.problem(
            audiences.line,
            format!("`issuer.audiences` is empty, expected {expected}"),
        );
    }
    Some(audiences.value)
}

fn read_keys(section: &Section<'_>, folder: &Path) -> Option<KeySettings> {
    let expected = "a JWKS file or its http(s) URL";
    let location = parse_required(section, "keys", expected, str::parse::<Location>);
    let ca = section.string("ca");
    let refresh = section.duration("refresh");
    let cooldown = section.duration("cooldown");
    let max_age = section.duration("max_age");
    let location = location?;
    let is_https = matches!(&location, Location::Url(uri) if uri.scheme_str() == Some("https"));
    if let Some(ca) = ca.as_ref().filter(|_| !is_https) {
        section.problem(
            ca.line,
            "`issuer.ca` is not used, expected it only beside an https URL in `keys`",
        );
    }
    let mut settings = KeySettings::new(match location {
        Location::File(path) => Location::File(folder.join(path)),
        other => other,
    });
    settings.ca = ca.map(|ca| folder.join(ca.value));
    set(&mut settings.refresh, refresh);
    set(&mut settings.cooldown, cooldown);
    set(&mut settings.max_age, max_age);
    Some(settings)
}
