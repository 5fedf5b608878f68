//! A decision, and each of its parts: the path is read, routed and held against the grants of a caller
//! that is known by its token.
//!
//! Tables of 14, 237 and 100 000 routes; the same fourteen requests in each, and requests spread
//! over all of its routes.

use std::hint::black_box;

use actiongate::decision::authorize;
use actiongate::gateway::{PrincipalCache, Rules};
use actiongate::router::{RequestPath, Router};
use actiongate::table::{ActionTable, Source};
use actiongate::token::{Algorithm, Settings, Token, credential, unix_time};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::caller::{Form, identify};
use super::request::{CIRCUMSTANCES, Request, decide, metadata, requests};
use super::signer::Signer;
use super::{Case, Run, keep};

/// The most requests that are spread over a table's routes.
const SPREAD: usize = 4096;

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("part/path", path),
        Case::new("part/route", route),
        Case::new("part/authorize", authorized),
        Case::new("part/credential", credentials),
        Case::new("part/cache", cache),
    ];
    let tables: [(usize, fn() -> Vec<Source>); 3] = [
        (14, metadata),
        (237, Source::builtin),
        (100_000, || large(100_000)),
    ];
    for (routes, sources) in tables {
        let case = |name, requests: fn(&ActionTable) -> Vec<Request>| {
            Case::new(format!("decision/{name}/{routes}"), move || {
                let known = Known::new(&sources());
                let requests = requests(known.router().table());
                each(requests, |request| {
                    let identity = known.callers.find(black_box(known.token), known.now);
                    black_box(decide(
                        known.router(),
                        &identity.unwrap().principal,
                        request,
                    ));
                })
            })
        };
        cases.push(case("same", |_| requests(router(&metadata()).table())));
        cases.push(case("spread", spread));
    }
    cases
}

/// A gateway that knows a caller.
struct Known {
    rules: Rules,
    callers: PrincipalCache,
    token: Token<'static>,
    now: u64,
}

impl Known {
    fn new(sources: &[Source]) -> &'static Self {
        let signer = Signer::new(Algorithm::RS256);
        let token = Token::new(keep(Form::Jwt.token(&signer)));
        let rules = Form::Jwt.rules(&signer, router(sources));
        let callers = PrincipalCache::new(Settings::default().cache);
        callers.remember(token, identify(&rules, token.as_str()));
        keep(Self {
            rules,
            callers,
            token,
            now: unix_time(),
        })
    }

    fn router(&self) -> &Router {
        self.rules.router()
    }
}

/// Does something with the next one each time.
fn each<T: 'static>(items: Vec<T>, act: impl Fn(&'static T) + 'static) -> Run {
    let mut next = keep(items).iter().cycle();
    Box::new(move || act(black_box(next.next().unwrap())))
}

fn path() -> Run {
    let requests = requests(router(&Source::builtin()).table());
    each(requests, |request| {
        black_box(RequestPath::parse(&request.uri).unwrap());
    })
}

/// The requests of the built-in table, with their paths.
fn parsed(router: &Router) -> Vec<(Request, RequestPath)> {
    let requests = requests(router.table()).into_iter();
    let parsed = requests.map(|request| {
        let path = RequestPath::parse(&request.uri).unwrap();
        (request, path)
    });
    parsed.collect()
}

fn route() -> Run {
    let router = keep(router(&Source::builtin()));
    each(parsed(router), |(request, path)| {
        let candidates = router.resolve(&request.method, path).unwrap();
        black_box(candidates.target(None).unwrap());
    })
}

fn authorized() -> Run {
    let known = Known::new(&Source::builtin());
    let identity = keep(known.callers.find(known.token, known.now).unwrap());
    let targets = keep(parsed(known.router())).iter().map(|(request, path)| {
        let candidates = known.router().resolve(&request.method, path).unwrap();
        candidates.target(None).unwrap()
    });
    each(targets.collect(), |target| {
        black_box(authorize(&identity.principal, target, CIRCUMSTANCES).unwrap());
    })
}

fn credentials() -> Run {
    let known = Known::new(&metadata());
    let mut headers = HeaderMap::new();
    let value = format!("Bearer {}", known.token.as_str());
    headers.insert(AUTHORIZATION, value.parse().unwrap());
    Box::new(move || {
        black_box(credential(black_box(&headers)).unwrap());
    })
}

fn cache() -> Run {
    let known = Known::new(&metadata());
    Box::new(|| {
        black_box(known.callers.find(black_box(known.token), known.now));
    })
}

fn router(sources: &[Source]) -> Router {
    Router::new(ActionTable::load(sources).unwrap()).unwrap()
}

fn spread(table: &ActionTable) -> Vec<Request> {
    let all = requests(table);
    let step = (all.len() / SPREAD).max(1);
    all.into_iter().step_by(step).collect()
}

/// The built-in table and operations of services that there are not, `routes` in all.
fn large(routes: usize) -> Vec<Source> {
    let mut sources = Source::builtin();
    let builtin = ActionTable::load(&sources).unwrap();
    let known = builtin.operations().iter();
    let known: usize = known.map(|row| row.routes.len()).sum();
    let row = |at: usize| {
        let (service, kind, item) = (at / 1000, at / 10 % 100, at % 10);
        format!(
            "[[operation]]\npermission = \"{at}\"\n\
             routes = [\"GET /service{service}/v1/{{project_id}}/kind{kind}/{{thing_id}}/item{item}\"]\n\
             actions = [\"service{service}:kind{kind}:get{item}\"]\n"
        )
    };
    sources.push(Source {
        name: "large".to_owned(),
        text: (0..routes - known).map(row).collect(),
    });
    sources
}
