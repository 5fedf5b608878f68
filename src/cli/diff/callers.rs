//! Whose rights are compared: whoever has no token, any token of an issuer, its roles; or two policies.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{anyhow, bail};

use super::{Report, demands, settings};
use crate::app;
use crate::cli::{explain, known, read_config, read_text};
use crate::config::{Config, IssuerConfig};
use crate::decision::Comparison;
use crate::grant::{CompiledPolicy, ConditionKeys, Holding, NamedPolicy, Roles};

/// What changes between two configs.
pub fn compare_configs(old: &Config, new: &Config) -> anyhow::Result<Report> {
    let routers = [
        app::route(&old.table, old.into())?,
        app::route(&new.table, new.into())?,
    ];
    let roles = [
        app::compile_roles(old, routers[0].table())?,
        app::compile_roles(new, routers[1].table())?,
    ];
    let [old_router, new_router] = &routers;
    let comparison = Comparison::new([old_router, new_router]);
    let tables = [old_router.table(), new_router.table()];
    let mut report = Report {
        settings: settings::changes((old, old_router), (new, new_router)),
        ..Report::default()
    };
    report.add("whoever has no token", &comparison, tables, &[None, None]);
    let sides = [(old, &roles[0]), (new, &roles[1])];
    let issuers = [old, new].into_iter().flat_map(|config| &config.issuers);
    let names: BTreeSet<&str> = issuers.map(|issuer| issuer.name.as_str()).collect();
    for name in names {
        let found = sides.map(|(config, roles)| {
            let mut issuers = config.issuers.iter().zip(roles);
            issuers.find(|(issuer, _)| issuer.name == name)
        });
        let held = |role: Option<&str>| {
            found.map(|found| found.map(|(issuer, roles)| holding(issuer, roles, role)))
        };
        let who = format!("any token of {name}");
        report.add(&who, &comparison, tables, &held(None));
        let known = found.iter().flatten().flat_map(|(_, roles)| roles.iter());
        let known: BTreeSet<&str> = known.map(|(role, _)| role).collect();
        for role in known {
            let who = format!("the role `{role}` of {name}");
            report.add(&who, &comparison, tables, &held(Some(role)));
        }
    }
    report.without_what_all_have();
    report.demands = demands(&comparison);
    Ok(report)
}

/// What a role may do; nothing more than any token where it is unknown.
fn holding<'a>(issuer: &'a IssuerConfig, roles: &'a Roles, role: Option<&str>) -> Holding<'a> {
    let found = role.and_then(|role| roles.iter().find(|(name, _)| *name == role));
    let policies = found.map_or(&[][..], |(_, policies)| policies);
    let claims = &issuer.claims;
    let domain = claims.keys.domain.iter();
    Holding {
        policies: policies.iter().map(|policy| &policy.compiled).collect(),
        keys: &claims.keys,
        texts: domain
            .chain([&claims.subject])
            .map(ToString::to_string)
            .collect(),
    }
}

/// What changes for whoever has one policy instead of another.
pub fn compare_policies(old: &Path, new: &Path, config: Option<&Path>) -> anyhow::Result<Report> {
    let config = config.map(read_config).transpose()?;
    let router = known::router(config.as_ref())?;
    let named = [policy(old, config.as_ref())?, policy(new, config.as_ref())?];
    let none = ConditionKeys::default();
    let issuers = config.iter().flat_map(|config| &config.issuers);
    let compile = |keys: &ConditionKeys| -> anyhow::Result<[CompiledPolicy; 2]> {
        let compile = |named: &NamedPolicy| {
            CompiledPolicy::new(&named.policy, router.table(), keys)
                .map_err(|reason| anyhow!("the policy `{}` cannot be judged: {reason}", named.name))
        };
        Ok([compile(&named[0])?, compile(&named[1])?])
    };
    // The first issuer whose claims feed all that the two ask for.
    let mut judged = Err(anyhow!("there are no condition keys"));
    for keys in issuers.map(|issuer| &issuer.claims.keys).chain([&none]) {
        match compile(keys) {
            Ok(compiled) => {
                judged = Ok((compiled, keys));
                break;
            }
            Err(error) => judged = Err(error),
        }
    }
    let (compiled, keys) = judged?;
    let sides = compiled.each_ref().map(|policy| {
        Some(Holding {
            policies: vec![policy],
            keys,
            texts: keys.domain.iter().map(ToString::to_string).collect(),
        })
    });
    let comparison = Comparison::new([&router, &router]);
    let mut report = Report::default();
    let who = format!("who has `{}` instead of `{}`", named[1].name, named[0].name);
    report.add(&who, &comparison, [router.table(), router.table()], &sides);
    Ok(report)
}

/// The policy in a file, or of that name in the config, or of the vendor's.
fn policy(argument: &Path, config: Option<&Config>) -> anyhow::Result<NamedPolicy> {
    let name = argument.to_string_lossy().into_owned();
    if argument
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        let text = read_text(argument)?;
        return Ok(NamedPolicy::read(name, text.as_bytes())?);
    }
    let known = known::policies(config)?;
    match known.iter().find(|named| named.name == name) {
        Some(named) => Ok(NamedPolicy::clone(named)),
        None => bail!(explain::unknown(
            "policy",
            &name,
            known.iter().map(|named| named.name.as_str())
        )),
    }
}
