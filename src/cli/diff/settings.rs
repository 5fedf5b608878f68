//! What is verified and read in another way, whatever anybody's policies say.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Config, IssuerConfig, IssuerKind};
use crate::decision::Mode;
use crate::proxy::Profile;
use crate::revocation::Location;
use crate::router::Router;
use crate::tls::ClientCertificates;

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
pub fn changes(
    (old, old_router): (&Config, &Router),
    (new, new_router): (&Config, &Router),
) -> Vec<Change> {
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
    report_changes((old, old_router), (new, new_router), &mut add);
    let gone = gone(old_router, new_router);
    let own_policies = |issuer: &&IssuerConfig| issuer.claims.policies.is_some();
    if !gone.is_empty()
        && let Some(issuer) = new.issuers.iter().find(own_policies)
    {
        add(
            format!(
                "{}: policies of its tokens that deny or leave out {} say less now",
                issuer.name,
                gone.join(", ")
            ),
            true,
            false,
        );
    }
    let (was, is) = (&old.revocation, &new.revocation);
    match (was.is_some(), is.is_some()) {
        (false, true) => add("revoked tokens are refused now".to_owned(), false, true),
        (true, false) => add("revoked tokens are refused no more".to_owned(), true, false),
        _ if (told(old, was), list_files(old)) != (told(new, is), list_files(new)) => {
            add(
                "the list of revoked tokens is another one".to_owned(),
                true,
                true,
            );
        }
        _ => {}
    }
    request_changes(old, new, &mut add);
    changes
}

/// Where refusals are only reported now, or enforced.
fn report_changes(
    (old, old_router): (&Config, &Router),
    (new, new_router): (&Config, &Router),
    add: &mut impl FnMut(String, bool, bool),
) {
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
    let known: BTreeSet<String> = reported_routes(old, old_router)
        .into_iter()
        .map(|(_, route)| route)
        .collect();
    for (label, route) in reported_routes(new, new_router) {
        // A label that is new says so by itself.
        if reported(old, &label) && !known.contains(&route) {
            add(
                format!("{label}: refusals at {route} are only reported now"),
                true,
                false,
            );
        }
    }
}

/// What lets other requests pass, whosever they are, each handed to `add` with whether it widens and narrows.
fn request_changes(old: &Config, new: &Config, add: &mut impl FnMut(String, bool, bool)) {
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
    if client_certificates(old) != client_certificates(new) {
        let what = "clients show other certificates, or none, to which tokens may be bound";
        add(what.to_owned(), true, true);
    }
    let (was, is) = (old.upstream.profile, new.upstream.profile);
    if was != is {
        let is_open = is == Profile::Generic;
        let word = if is_open { "no more" } else { "now" };
        let what = format!("what a Nova would read differently is refused {word}");
        add(what, is_open, !is_open);
    }
    let told_upstream = |config: &Config| {
        let upstream = &config.upstream;
        told(
            config,
            &(
                &upstream.credential,
                &upstream.identity,
                &upstream.service_token,
            ),
        )
    };
    if told_upstream(old) != told_upstream(new) {
        let what =
            "the upstream is told in another way who is calling, or not where that cannot be told";
        add(what.to_owned(), true, true);
    }
    let (was, is) = (old.gateway.body.size, new.gateway.body.size);
    if was != is {
        add(
            format!("longest body: {was} -> {is} bytes"),
            is > was,
            is < was,
        );
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
    same.identity.clone_from(&is.identity);
    if was.identity != is.identity {
        // A token whose claims cannot be told is refused.
        add(
            format!("{name}: the upstream is told other claims"),
            true,
            true,
        );
    }
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
    let keys = issuer.kind.keys();
    let files = keys.map(|keys| keys.location.files().into_iter().chain(keys.ca.clone()));
    let asked = issuer
        .kind
        .validator()
        .and_then(|settings| settings.ask().ca.clone());
    (
        told(config, &kind),
        texts(files.into_iter().flatten().chain(asked)),
    )
}

/// What the files say from which tokens are known to be revoked.
fn list_files(config: &Config) -> Vec<Vec<u8>> {
    let Some(settings) = &config.revocation else {
        return Vec::new();
    };
    let (list, keys) = match &settings.location {
        Location::File(list, keys) => (Some(list), keys.as_ref()),
        Location::Url(_, keys) => (None, keys.as_ref()),
        Location::Redis(_) => (None, None),
    };
    texts(list.into_iter().chain(keys).chain(&settings.ca).cloned())
}

/// What clients have to show, if they are asked at all.
fn client_certificates(config: &Config) -> Option<(String, Vec<Vec<u8>>)> {
    let clients = &config.listen.tls.as_ref()?.clients;
    let trust = match clients {
        ClientCertificates::Off => return None,
        ClientCertificates::Optional(trust) | ClientCertificates::Required(trust) => trust,
    };
    let files = trust.crls.iter().chain([&trust.ca]).cloned();
    Some((told(config, clients), texts(files)))
}

/// What is in files, the two configs' in any order.
fn texts(files: impl Iterator<Item = PathBuf>) -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = files
        .map(|file| fs::read(file).unwrap_or_default())
        .collect();
    texts.sort_unstable();
    texts
}

/// Names that the table knows no more. A policy that denies them with a condition which nobody can judge
/// refuses the token no longer, and one that allows all but them leaves out less.
fn gone(old: &Router, new: &Router) -> Vec<String> {
    let actions = old.table().actions();
    let actions = actions.filter(|(_, action)| new.table().action(action).is_none());
    actions.map(|(_, action)| action.to_string()).collect()
}

/// Where refusals are only reported: labels, each with one of its routes.
fn reported_routes(config: &Config, router: &Router) -> Vec<(String, String)> {
    let operations = router.table().operations().iter();
    let reported = operations.filter(|operation| {
        let mut labels = config.report.iter();
        labels.any(|label| *label.value == *operation.permission)
    });
    let all = reported.flat_map(|operation| {
        let selector = operation
            .selector
            .as_ref()
            .map(|selector| format!(" {selector}"));
        let selector = selector.unwrap_or_default();
        operation.routes.iter().map(move |route| {
            let route = format!("{} {}{selector}", route.method, route.template.shape());
            (operation.permission.to_string(), route)
        })
    });
    all.collect()
}

/// A setting as text, with paths that start in the config's folder.
fn told(config: &Config, setting: &impl Debug) -> String {
    let text = format!("{setting:?}");
    let folder = config.origin.as_ref().and_then(|origin| origin.parent());
    match folder.map(|folder| folder.display().to_string()) {
        // Only at a path's start: a URL may hold the folder's name, too.
        Some(folder) if !folder.is_empty() => text.replace(&format!("\"{folder}/"), "\""),
        _ => text,
    }
}
