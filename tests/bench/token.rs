//! A token that has not been seen before, until its caller is known; and the bare check of its
//! signature, of which the rest is ours.

use std::hint::black_box;

use actiongate::router::Router;
use actiongate::table::{ActionTable, Source};
use actiongate::token::Algorithm;

use super::caller::{Form, identify};
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
    let kinds = jwts.into_iter().chain([keystone]);
    let cases = kinds.flat_map(|(name, form, algorithm)| {
        [
            Case::new(format!("token/{name}/whole"), move || {
                whole(form, algorithm)
            }),
            Case::new(format!("token/{name}/bare"), move || bare(form, algorithm)),
        ]
    });
    cases.collect()
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
