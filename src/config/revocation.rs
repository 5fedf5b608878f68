//! `[revocation]`: where the list of revoked tokens is.

use std::path::Path;

use hyper::Uri;

use super::set;
use crate::document::Section;
use crate::revocation::{Location, RedisSettings, Settings, WhenUnavailable};
use crate::token::{self, names_a_server};

/// What says where the list is; one of them is there.
const PLACES: [&str; 3] = ["file", "url", "redis"];
const EXPECTED: &str = "one of `file`, `url` and `redis`";
/// What the set is called unless the config says otherwise.
const KEY: &str = "actiongate:revoked";

/// Reads it; file names start in `folder`.
pub fn read(section: &Section<'_>, folder: &Path) -> Option<Settings> {
    let file = section.string("file");
    let expected = "an http(s) URL such as \"https://iam.example/revoked.json\"";
    let url = section.parse("url", expected, |text| match text.parse() {
        Ok(token::Location::Url(uri)) => Ok(uri),
        Ok(_) => Err("it has no scheme".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let expected = "a URL such as \"redis://redis.example:6379/0\" or \"rediss://redis.example/0\"";
    let redis = section.parse("redis", expected, parse_redis);
    let is_https = |uri: &Uri| matches!(uri.scheme_str(), Some("https" | "rediss"));
    let mut uris = url.iter().chain(&redis).map(|uri| &uri.value);
    let uses_tls = uris.any(is_https);
    refuse_beside(section, "ca", uses_tls, "an https or rediss URL");
    let has_place = section.has("file") || section.has("url");
    refuse_beside(section, "signed_by", has_place, "`file` or `url`");
    for key in ["key", "username", "password_file"] {
        refuse_beside(section, key, section.has("redis"), "`redis`");
    }
    let ca = section.string("ca");
    let signed_by = section.string("signed_by");
    let signed_by = signed_by.map(|path| folder.join(path.value));
    let key = section.string("key");
    let username = section.string("username");
    let password = section.string("password_file");
    if let (Some(username), None) = (&username, &password) {
        let message = "`revocation.username` is not used, expected it only beside `password_file`";
        section.problem(username.line, message);
    }
    let refresh = section.duration("refresh");
    let max_age = section.duration("max_age");
    let expected = "\"refuse\" or \"serve\"";
    let when_unavailable = section.parse("when_unavailable", expected, |text| match text {
        "refuse" => Ok(WhenUnavailable::Refuse),
        "serve" => Ok(WhenUnavailable::Serve),
        _ => Err("there is no such choice"),
    });
    let places = PLACES.iter().filter(|place| section.has(place)).count();
    match places {
        0 => section.missing("file", &format!("{EXPECTED}: where the list is")),
        1 => {}
        _ => section.problem(
            section.line(),
            format!("[revocation] has {places} of `file`, `url` and `redis`, expected {EXPECTED}"),
        ),
    }
    section.finish();
    let location = match (file, url, redis) {
        (Some(file), None, None) => Location::File(folder.join(file.value), signed_by),
        (None, Some(url), None) => Location::Url(url.value, signed_by),
        (None, None, Some(redis)) => Location::Redis(RedisSettings {
            uri: redis.value,
            key: key.map_or_else(|| KEY.to_owned(), |key| key.value),
            username: username.map(|username| username.value),
            password: password.map(|path| folder.join(path.value)),
        }),
        _ => return None,
    };
    let mut settings = Settings {
        refresh: location.usual_refresh(),
        location,
        ca: ca.map(|ca| folder.join(ca.value)),
        when_unavailable: WhenUnavailable::default(),
        max_age,
    };
    set(&mut settings.refresh, refresh);
    set(
        &mut settings.when_unavailable,
        when_unavailable.map(|choice| choice.value),
    );
    if max_age.is_some_and(|max_age| max_age <= settings.refresh) {
        section.problem(
            section.line_at("max_age"),
            format!(
                "`revocation.max_age` is not longer than `refresh`, {}, expected a duration within which the list is looked at several times",
                humantime::format_duration(settings.refresh)
            ),
        );
        return None;
    }
    Some(settings)
}

fn refuse_beside(section: &Section<'_>, key: &str, is_used: bool, expected: &str) {
    if section.has(key) && !is_used {
        section.problem(
            section.line_at(key),
            format!("`revocation.{key}` is not used, expected it only beside {expected}"),
        );
    }
}

/// With its port, and the number of a database as its path.
fn parse_redis(text: &str) -> Result<Uri, &'static str> {
    let form = "it is not `redis://HOST[:PORT][/DATABASE]` or `rediss://…`";
    let uri: Uri = text.parse().map_err(|_| form)?;
    let (Some(scheme @ ("redis" | "rediss")), Some(authority), true) =
        (uri.scheme_str(), uri.authority(), names_a_server(&uri))
    else {
        return Err(match uri.authority() {
            Some(authority) if authority.as_str().contains('@') => {
                "it has a name or a password, which belong into `username` and `password_file`"
            }
            _ => form,
        });
    };
    let path = match uri.path() {
        "" | "/" => "/0",
        path => path,
    };
    let is_number = |text: &str| {
        text.parse::<u16>()
            .is_ok_and(|number| number.to_string() == text)
    };
    if uri.query().is_some() || !path.strip_prefix('/').is_some_and(is_number) {
        return Err(form);
    }
    let authority = match uri.port_u16() {
        Some(_) => authority.to_string(),
        None => format!("{}:6379", uri.host().unwrap_or_default()),
    };
    let builder = Uri::builder().scheme(scheme).authority(authority);
    builder.path_and_query(path).build().map_err(|_| form)
}
