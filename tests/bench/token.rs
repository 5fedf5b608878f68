//! A token that has not been seen before, until its caller is known; the bare check of its signature, of
//! which the rest is ours; and of that rest what depends on the grants.

use std::hint::black_box;

use actiongate::grant::{Principal, Roles};
use actiongate::router::Router;
use actiongate::table::{ActionTable, Source};
use actiongate::token::Algorithm;
use serde_json::json;

use super::caller::{Form, identify};
use super::request::PROJECT;
use super::signer::Signer;
use super::{Case, Run};

pub fn cases() -> Vec<Case> {
    let jwts = [
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
    ];
    let jwts = jwts.map(|algorithm| (algorithm.name(), Form::Jwt, algorithm));
    let keystone = ("keystone-jws", Form::Keystone, Algorithm::ES256);
    let grants: [(&str, fn(&ActionTable) -> Vec<String>); 3] = [
        ("everything", |_| vec!["*:*:*".to_owned()]),
        ("wildcards", |_| {
            let texts = ["ecs:*:get*", "ecs:*:list*", "ecs:cloudServers:*", "vpc:*:*"];
            texts.map(str::to_owned).to_vec()
        }),
        ("names", |table| {
            let names = table.actions().take(40);
            names.map(|(_, name)| name.to_string()).collect()
        }),
    ];
    let grants = grants
        .map(|(name, actions)| Case::new(format!("token/grants/{name}"), move || granted(actions)));
    let kinds = jwts.into_iter().chain([keystone]);
    let cases = kinds.flat_map(|(name, form, algorithm)| {
        [
            Case::new(format!("token/{name}/whole"), move || {
                whole(form, algorithm)
            }),
            Case::new(format!("token/{name}/bare"), move || bare(form, algorithm)),
        ]
    });
    cases.chain(grants).collect()
}

fn whole(form: Form, algorithm: Algorithm) -> Run {
    let signer = Signer::new(algorithm);
    let table = ActionTable::load(&Source::builtin()).unwrap();
    let rules = form.rules(&signer, Router::new(table).unwrap());
    let token = form.token(&signer);
    Box::new(move || {
        black_box(identify(&rules, black_box(&token)));
    })
}

fn bare(form: Form, algorithm: Algorithm) -> Run {
    let signer = Signer::new(algorithm);
    let parts = Signer::parts(&form.token(&signer));
    Box::new(move || assert!(signer.is_signed(black_box(&parts))))
}

/// What the claims of a verified token grant.
fn granted(actions: fn(&ActionTable) -> Vec<String>) -> Run {
    let table = ActionTable::load(&Source::builtin()).unwrap();
    let claims = json!({"project_id": PROJECT, "sub": "alice", "actions": actions(&table)});
    let mapping = Form::Jwt.mapping();
    Box::new(move || {
        let claims = black_box(claims.as_object().unwrap());
        black_box(Principal::new(0, claims, &mapping, &Roles::default(), &table).unwrap());
    })
}
