//! What is verified and read in another way, whatever anybody's policies say.

use std::fmt::Debug;
use std::fs;

use serde::Serialize;

use crate::config::{Config, IssuerConfig, IssuerKind};
use crate::decision::Mode;

/// A setting that lets other tokens or requests pass.
#[derive(Debug, Serialize)]
pub struct Change {
    /// For people.
    pub what: String,
    /// Somebody may pass who did not.
    pub widens: bool,
    /// Somebody may not who did.
    pub narrows: bool,
}

/// All of them; what cannot be told to be one of the two is both.
pub fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |what: String, widens, narrows| {
        changes.push(Change {
            what,
            widens,
            narrows,
        });
    };
    for issuer in &old.issuers {
        if find(new, &issuer.name).is_none() {
            add(
                format!("{} is no issuer any more", issuer.name),
                false,
                true,
            );
        }
    }
    for issuer in &new.issuers {
        match find(old, &issuer.name) {
            None => add(format!("{} is an issuer now", issuer.name), true, false),
            Some(before) => issuer_changes((old, before), (new, issuer), &mut add),
        }
    }
    let reported = |config: &Config, label: &str| {
        let mut labels = config.report.iter();
        labels.any(|own| own.value == label)
    };
    for label in new
        .report
        .iter()
        .filter(|label| !reported(old, &label.value))
    {
        add(
            format!("{}: refusals are only reported now", label.value),
            true,
            false,
        );
    }
    for label in old
        .report
        .iter()
        .filter(|label| !reported(new, &label.value))
    {
        add(
            format!("{}: refusals are enforced now", label.value),
            false,
            true,
        );
    }
    let (was, is) = (&old.revocation, &new.revocation);
    match (was.is_some(), is.is_some()) {
        (false, true) => add("revoked tokens are refused now".to_owned(), false, true),
        (true, false) => add("revoked tokens are refused no more".to_owned(), true, false),
        _ if told(old, was) != told(new, is) => {
            add(
                "the list of revoked tokens is another one".to_owned(),
                true,
                true,
            );
        }
        _ => {}
    }
    if old.gateway.hosts != new.gateway.hosts {
        add("other hosts are served".to_owned(), true, true);
    }
    let proxies = |config: &Config| {
        let listen = &config.listen;
        told(config, &(&listen.trusted_proxies, &listen.proxy_protocol))
    };
    if proxies(old) != proxies(new) {
        let what = "other proxies are trusted, whose clients' addresses policies may ask for";
        add(what.to_owned(), true, true);
    }
    let (was, is) = (&old.authorizers, &new.authorizers);
    if told(old, was) != told(new, is) {
        let what = "other proxies ask for decisions in another way";
        add(what.to_owned(), !is.is_empty(), !was.is_empty());
    }
    let (was, is) = (old.token.max_size, new.token.max_size);
    if was != is {
        add(
            format!("longest token: {was} -> {is} bytes"),
            is > was,
            is < was,
        );
    }
    changes
}

/// The changes of one issuer, each handed to `add` with whether it widens and narrows.
fn issuer_changes(
    old: (&Config, &IssuerConfig),
    new: (&Config, &IssuerConfig),
    add: &mut impl FnMut(String, bool, bool),
) {
    let ((_, before), (_, issuer)) = (old, new);
    let name = &issuer.name;
    if let (Some(before), Some(now)) = (audiences(before), audiences(issuer)) {
        for audience in now.iter().filter(|audience| !before.contains(audience)) {
            add(
                format!("{name}: the audience `{audience}` is accepted now"),
                true,
                false,
            );
        }
        for audience in before.iter().filter(|audience| !now.contains(audience)) {
            add(
                format!("{name}: the audience `{audience}` is accepted no more"),
                false,
                true,
            );
        }
    }
    if keys(old) != keys(new) {
        add(
            format!("{name}: its tokens are verified with other keys, or otherwise"),
            true,
            true,
        );
    }
    if issuer.leeway != before.leeway {
        let (was, is) = (before.leeway, issuer.leeway);
        add(
            format!("{name}: leeway {was}s -> {is}s"),
            is > was,
            is < was,
        );
    }
    if issuer.mode != before.mode {
        let is_open = issuer.mode == Mode::Report;
        let word = if is_open {
            "are only reported now"
        } else {
            "are enforced now"
        };
        add(
            format!("{name}: refusals of its tokens {word}"),
            is_open,
            !is_open,
        );
    }
    let (was, is) = (&before.claims, &issuer.claims);
    if was.domain_enters_projects != is.domain_enters_projects {
        let word = if is.domain_enters_projects {
            "now"
        } else {
            "no more"
        };
        let what = format!("{name}: a token of a domain enters all projects {word}");
        add(what, is.domain_enters_projects, was.domain_enters_projects);
    }
    let mut same = was.clone();
    same.domain_enters_projects = is.domain_enters_projects;
    // Who the upstream is told of is no question of rights here.
    same.identity.clone_from(&is.identity);
    if same != *is {
        add(
            format!("{name}: other claims say who may do what"),
            true,
            true,
        );
    }
}

fn find<'a>(config: &'a Config, name: &str) -> Option<&'a IssuerConfig> {
    config.issuers.iter().find(|issuer| issuer.name == name)
}

fn audiences(issuer: &IssuerConfig) -> Option<Vec<String>> {
    match &issuer.kind {
        IssuerKind::Jwt { audiences, .. } => Some(audiences.clone()),
        IssuerKind::Family { audiences, .. } => {
            Some(audiences.iter().map(ToString::to_string).collect())
        }
        IssuerKind::KeystoneJws { .. }
        | IssuerKind::Keystone { .. }
        | IssuerKind::Introspection { .. } => None,
    }
}

/// How tokens are verified, audiences aside, and the keys as far as they are in files: the two configs may
/// be in two folders.
fn keys((config, issuer): (&Config, &IssuerConfig)) -> (String, Vec<Vec<u8>>) {
    let mut kind = issuer.kind.clone();
    match &mut kind {
        IssuerKind::Jwt { audiences, .. } => audiences.clear(),
        IssuerKind::Family { audiences, .. } => audiences.clear(),
        IssuerKind::KeystoneJws { .. }
        | IssuerKind::Keystone { .. }
        | IssuerKind::Introspection { .. } => {}
    }
    let files = issuer.kind.keys().map(|keys| keys.location.files());
    let texts = files.into_iter().flatten();
    let texts = texts.map(|file| fs::read(file).unwrap_or_default());
    (told(config, &kind), texts.collect())
}

/// A setting as text, with paths that start in the config's folder.
fn told(config: &Config, setting: &impl Debug) -> String {
    let text = format!("{setting:?}");
    let folder = config.origin.as_ref().and_then(|origin| origin.parent());
    match folder.map(|folder| folder.display().to_string()) {
        Some(folder) if !folder.is_empty() => text.replace(&format!("{folder}/"), ""),
        _ => text,
    }
}
