//! Finitely many contexts that stand for all of them, as far as some policies can tell them apart.
//!
//! A context is what a decision rests on besides actions: the time, the client's address, what the
//! token's claims say, the instances. A policy asks each of these for finitely many things, so that all
//! values which give the same answers are of one class, and one of them stands for it. Whoever decides
//! for one context of each class has decided for all.

mod claim;
mod network;
mod ordered;
mod text;

use std::collections::BTreeMap;

use serde_json::Value;

use super::compiled::{CompiledPolicy, CompiledStatement, NotUnderstood};
use super::grants::{Address, Grants};
use super::key::{CallerValues, ConditionKeys, Key};
use super::policy::{Check, Effect, Test, is_plain_id, stands_for};
use crate::table::ActionSet;

use text::{Alphabet, Fold, TextPattern};

/// When it is where no policy asks: late enough for every age.
const LATE: u64 = 1 << 40;
/// What is no id, and every server may take for one.
const NOT_PLAIN: &str = "a.b";

/// The policies that one side of a comparison gives to a caller.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// All of them.
    pub policies: Vec<&'a CompiledPolicy>,
    /// What their conditions are held against.
    pub keys: &'a ConditionKeys,
    /// Claims that are texts or absent, or the token is refused whatever its policies say.
    pub texts: Vec<String>,
}

/// Why contexts cannot be told apart with certainty.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Undecided {
    /// A claim whose values would have to be of two kinds at once.
    #[error("the claim `{0}` is compared as two kinds of values")]
    Kinds(String),
    /// Patterns that stand for too many different sets of texts.
    #[error("its patterns can match in too many ways at once")]
    Patterns,
    /// A place in the body that may be an array's, beside another that goes by all of its items.
    #[error("`{0}` is the place of one item beside a `*`")]
    Item(String),
    /// More contexts than are looked at.
    #[error("its conditions make too many classes of contexts")]
    Contexts,
}

/// One thing that policies ask about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Axis {
    /// At least one.
    pub classes: Vec<Class>,
}

/// Values that no policy tells apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Class {
    /// Which values, for people.
    pub told: String,
    sample: Sample,
}

/// One of the values of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sample {
    Time(u64),
    Address(Address),
    /// The moment of the authentication, so long ago.
    Age(String, u64),
    /// That moment lies ahead, beyond what clocks may differ.
    Ahead(String),
    Claim(String, Option<Value>),
}

/// One context.
#[derive(Clone, Debug)]
pub struct Context {
    /// Seconds since 1970.
    pub now: u64,
    /// The client's.
    pub address: Address,
    claims: BTreeMap<String, Value>,
}

impl Context {
    /// The context of one class of each axis; none if nobody can be in it, since no authentication was
    /// before 1970.
    pub fn new<'a>(classes: impl Iterator<Item = &'a Class> + Clone) -> Option<Self> {
        let mut context = Self {
            now: LATE,
            address: Address::Absent,
            claims: BTreeMap::new(),
        };
        for class in classes.clone() {
            match &class.sample {
                Sample::Time(now) => context.now = *now,
                Sample::Address(address) => context.address = *address,
                Sample::Age(..) | Sample::Ahead(_) | Sample::Claim(..) => {}
            }
        }
        for class in classes {
            let (pointer, value) = match &class.sample {
                Sample::Time(_) | Sample::Address(_) | Sample::Claim(_, None) => continue,
                Sample::Age(pointer, age) => (pointer, context.now.checked_sub(*age)?.into()),
                Sample::Ahead(pointer) => (pointer, (context.now + ordered::AHEAD).into()),
                Sample::Claim(pointer, Some(value)) => (pointer, value.clone()),
            };
            context.claims.insert(pointer.clone(), value);
        }
        Some(context)
    }
}

impl Holding<'_> {
    /// What is granted in a context.
    ///
    /// # Errors
    ///
    /// As [`Grants::add`]: the token is refused.
    pub fn grants(&self, context: &Context) -> Result<Grants, NotUnderstood> {
        let values = CallerValues::of(self.keys, |pointer| context.claims.get(pointer));
        let mut grants = Grants::default();
        for policy in &self.policies {
            grants.add(policy, &values)?;
        }
        Ok(grants)
    }

    fn statements(&self) -> impl Iterator<Item = &CompiledStatement> {
        let statements = self.policies.iter().flat_map(|policy| &policy.statements);
        statements.map(AsRef::as_ref)
    }

    fn about<'b>(&'b self, actions: &'b ActionSet) -> impl Iterator<Item = &'b CompiledStatement> {
        self.statements()
            .filter(move |statement| statement.actions.shares_with(actions))
    }
}

/// What both sides ask about one claim.
#[derive(Default)]
struct ClaimTests<'a> {
    tests: Vec<&'a Test>,
    /// Patterns of the caller's domain.
    domains: Vec<&'a str>,
    /// Numbers that the seconds since the moment there are compared with.
    ages: Vec<&'a Test>,
    /// It is asked for such an age, perhaps only whether there is one.
    is_age: bool,
    is_text: bool,
    /// One side may refuse the token for what the other takes.
    may_be_unreadable: bool,
}

/// Every axis along which statements on the actions that each side `wants` can tell contexts apart.
///
/// # Errors
///
/// What cannot be told apart with certainty.
pub fn axes(
    sides: [Option<&Holding<'_>>; 2],
    wants: [&ActionSet; 2],
) -> Result<Vec<Axis>, Undecided> {
    let (mut moments, mut networks) = (Vec::new(), Vec::new());
    let (mut asks_time, mut asks_address) = (false, false);
    let mut claims: BTreeMap<String, ClaimTests<'_>> = BTreeMap::new();
    let readings = sides.map(|side| side.map(readings).unwrap_or_default());
    for (side, wants) in sides.into_iter().zip(wants) {
        let Some(side) = side else { continue };
        for statement in side.about(wants) {
            for condition in &statement.conditions {
                match (&condition.key, &condition.check) {
                    (Key::CurrentTime, Check::Values { test, .. }) => moments.push(test),
                    (Key::SourceIp, Check::Values { test, .. }) => networks.push(test),
                    _ => {}
                }
                asks_time |= condition.key == Key::CurrentTime;
                asks_address |= condition.key == Key::SourceIp;
            }
            ask_claims(side, statement, &mut claims);
        }
        // What one side reads and the other does not may refuse a token there alone.
        for statement in side.statements() {
            for (pointer, reading) in readings_of(side, statement) {
                let is_read = |readings: &Vec<(String, Reading)>| {
                    readings.contains(&(pointer.clone(), reading))
                };
                if !readings.iter().all(is_read) {
                    ask_claims(side, statement, &mut claims);
                    if let Some(asked) = claims.get_mut(&pointer) {
                        asked.may_be_unreadable = true;
                    }
                }
            }
        }
    }
    for side in sides.into_iter().flatten() {
        for (pointer, asked) in &mut claims {
            asked.is_text |= side.texts.contains(pointer);
        }
    }
    let mut axes = Vec::new();
    if asks_time {
        axes.push(ordered::times(&moments));
    }
    if asks_address {
        axes.push(addresses(&networks));
    }
    for (pointer, asked) in &claims {
        axes.push(claim::classes(pointer, asked)?);
    }
    // A caller without a domain is refused wherever a policy names one, so all others have one.
    for side in sides.into_iter().flatten() {
        let domain = side.keys.domain.as_ref().map(ToString::to_string);
        axes.extend(
            domain
                .filter(|domain| !claims.contains_key(domain))
                .map(|domain| {
                    let told = "of some domain".to_owned();
                    let sample = Sample::Claim(domain, Some("x".into()));
                    vec![Class { told, sample }]
                }),
        );
    }
    let axes = axes.into_iter();
    Ok(axes.map(|classes| Axis { classes }).collect())
}

/// How a claim has to look, or its token is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reading {
    Text,
    Number,
    Moment,
    Bool,
    Address,
    Age,
    Domain,
}

fn readings(side: &Holding<'_>) -> Vec<(String, Reading)> {
    let statements = side.statements();
    statements
        .flat_map(|statement| readings_of(side, statement))
        .collect()
}

fn readings_of(side: &Holding<'_>, statement: &CompiledStatement) -> Vec<(String, Reading)> {
    let mut readings = Vec::new();
    for condition in &statement.conditions {
        let Some(pointer) = side.keys.pointer(&condition.key) else {
            continue;
        };
        let reading = match (&condition.key, &condition.check) {
            (Key::MfaAge, _) => Reading::Age,
            (_, Check::Null { .. }) => continue,
            (_, Check::Values { test, .. }) => match test {
                Test::Text(..) => Reading::Text,
                Test::Number(..) => Reading::Number,
                Test::Moment(..) => Reading::Moment,
                Test::Bool(_) => Reading::Bool,
                Test::Address(_) => Reading::Address,
            },
        };
        readings.push((pointer, reading));
    }
    let domains = statement.instances.iter().flatten();
    if domains.clone().any(|urn| urn.domain != "*")
        && let Some(pointer) = &side.keys.domain
    {
        readings.push((pointer.to_string(), Reading::Domain));
    }
    readings
}

fn ask_claims<'a>(
    side: &Holding<'_>,
    statement: &'a CompiledStatement,
    claims: &mut BTreeMap<String, ClaimTests<'a>>,
) {
    for condition in &statement.conditions {
        let Some(pointer) = side.keys.pointer(&condition.key) else {
            continue;
        };
        let asked = claims.entry(pointer).or_default();
        asked.is_age |= condition.key == Key::MfaAge;
        if let Check::Values { test, .. } = &condition.check {
            match condition.key {
                Key::MfaAge => asked.ages.push(test),
                _ => asked.tests.push(test),
            }
        }
    }
    let domains = statement.instances.iter().flatten();
    let domains = domains.map(|urn| urn.domain.as_str());
    let domains: Vec<&str> = domains.filter(|domain| *domain != "*").collect();
    if !domains.is_empty()
        && let Some(pointer) = &side.keys.domain
    {
        let asked = claims.entry(pointer.to_string()).or_default();
        asked.domains.extend(domains);
    }
}

fn addresses(tests: &[&Test]) -> Vec<Class> {
    let networks = tests.iter().flat_map(|test| match test {
        Test::Address(networks) => networks.as_slice(),
        _ => &[],
    });
    let networks: Vec<_> = networks.copied().collect();
    let known = network::addresses(&networks).into_iter();
    let known = known.map(|(network, address)| Class {
        told: match network.prefix_len() {
            0 => format!("from elsewhere, such as {address}"),
            _ => format!("from {network}"),
        },
        sample: Sample::Address(Address::Known(address)),
    });
    let unknown = [
        ("without a client's address", Address::Absent),
        ("with a disputed client's address", Address::Unclear),
    ];
    let unknown = unknown.map(|(told, address)| Class {
        told: told.to_owned(),
        sample: Sample::Address(address),
    });
    known.chain(unknown).collect()
}

/// Ids of instances, one for each class that statements on the wanted actions can tell apart, none of
/// them one of `reserved`, and one that is no plain id; nothing where no statement asks. With them, how
/// many ids a request may have to name until more make no difference: one for each Allow that does not
/// cover all.
///
/// # Errors
///
/// [`Undecided::Patterns`].
pub fn ids(
    sides: [Option<&Holding<'_>>; 2],
    wants: [&ActionSet; 2],
    reserved: &[&str],
) -> Result<Option<(Vec<String>, usize)>, Undecided> {
    let mut patterns: Vec<&str> = Vec::new();
    let mut most = 1;
    for (side, wants) in sides.into_iter().zip(wants) {
        let Some(side) = side else { continue };
        let mut allows = 0;
        for statement in side.about(wants) {
            let urns = statement.instances.iter().flatten();
            patterns.extend(urns.map(|urn| urn.id.as_str()));
            allows +=
                usize::from(statement.effect == Effect::Allow && statement.instances.is_some());
        }
        most = most.max(allows);
    }
    if patterns.is_empty() {
        return Ok(None);
    }
    patterns.sort_unstable();
    patterns.dedup();
    let asked = patterns
        .iter()
        .map(|text| TextPattern::wildcard(text, Fold::Ascii));
    // Such an id would be another route.
    let reserved_ids = reserved.iter().filter(|text| is_plain_id(text));
    let others = reserved_ids.map(|text| TextPattern::literal(text, Fold::Nothing));
    let all: Vec<TextPattern> = asked.chain(others).collect();
    let mut ways = Vec::new();
    let mut found = Vec::new();
    for id in text::texts(&all, Alphabet::Ids)? {
        let way: Vec<bool> = patterns
            .iter()
            .map(|pattern| stands_for(pattern, &id))
            .collect();
        if !reserved.contains(&id.as_str()) && !ways.contains(&way) {
            ways.push(way);
            found.push(id);
        }
    }
    let mut odd = (0..).map(|number| match number {
        0 => NOT_PLAIN.to_owned(),
        number => format!("{NOT_PLAIN}.{number}"),
    });
    found.extend(odd.find(|id| !reserved.contains(&id.as_str())));
    Ok(Some((found, most)))
}
