//! The operators of a condition, and what they say of one value.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::value::{Decimal, Moment, moment_text, parse_bool, parse_moment, parse_network};
use crate::grant::wildcard;

/// What an operator compares with the policy's values; one of them is enough.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test {
    Text(TextRelation, Vec<String>),
    Number(Order, Vec<Decimal>),
    Moment(Order, Vec<Moment>),
    Bool(Vec<bool>),
    Address(Vec<IpNet>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextRelation {
    Equal,
    EqualIgnoringCase,
    Match,
    StartWith,
    EndWith,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// An operator without prefix, suffix and negation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    Text(TextRelation),
    Number(Order),
    Moment(Order),
    Bool,
    Address,
}

/// One value that a condition is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Datum<'a> {
    Text(&'a str),
    Number(Decimal),
    Moment(Moment),
    Bool(bool),
    Address(IpAddr),
}

/// The operators as policies write them, and whether they are negated.
///
/// The vendor's table for Version 1.1 has no operator for addresses, but `g:SourceIp` would be of
/// no use without: both versions have `IpAddress` and `NotIpAddress` here, as identity policies
/// do. `StringStartWith` and `StringEndWith` are in the vendor's examples only; their negations
/// are as regular as the others'.
const NAMES: [(&str, Operator, bool); 23] = {
    use Operator::{Address, Bool, Moment, Number, Text};
    use TextRelation::{EndWith, EqualIgnoringCase, Match, StartWith};
    [
        ("StringEquals", Text(TextRelation::Equal), false),
        ("StringNotEquals", Text(TextRelation::Equal), true),
        ("StringEqualsIgnoreCase", Text(EqualIgnoringCase), false),
        ("StringNotEqualsIgnoreCase", Text(EqualIgnoringCase), true),
        ("StringMatch", Text(Match), false),
        ("StringNotMatch", Text(Match), true),
        ("StringStartWith", Text(StartWith), false),
        ("StringNotStartWith", Text(StartWith), true),
        ("StringEndWith", Text(EndWith), false),
        ("StringNotEndWith", Text(EndWith), true),
        ("NumberEquals", Number(Order::Equal), false),
        ("NumberNotEquals", Number(Order::Equal), true),
        ("NumberLessThan", Number(Order::Less), false),
        ("NumberLessThanEquals", Number(Order::LessOrEqual), false),
        ("NumberGreaterThan", Number(Order::Greater), false),
        (
            "NumberGreaterThanEquals",
            Number(Order::GreaterOrEqual),
            false,
        ),
        ("DateLessThan", Moment(Order::Less), false),
        ("DateLessThanEquals", Moment(Order::LessOrEqual), false),
        ("DateGreaterThan", Moment(Order::Greater), false),
        (
            "DateGreaterThanEquals",
            Moment(Order::GreaterOrEqual),
            false,
        ),
        ("Bool", Bool, false),
        ("IpAddress", Address, false),
        ("NotIpAddress", Address, true),
    ]
};

impl Operator {
    /// The operator called `name`, and whether it is negated.
    pub fn find(name: &str) -> Option<(Self, bool)> {
        let found = NAMES.iter().find(|(known, ..)| *known == name);
        found.map(|(_, operator, is_negated)| (*operator, *is_negated))
    }

    /// What it is called.
    pub fn name(self, is_negated: bool) -> &'static str {
        let known =
            |(_, operator, negated): &&(_, Self, bool)| *operator == self && *negated == is_negated;
        NAMES.iter().find(known).map_or("?", |(name, ..)| name)
    }

    /// What its values in a policy are.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Text(_) => "a string without variables",
            Self::Number(_) => {
                "a decimal number as in `-1.5`, 20 digits before and 18 after the point at most"
            }
            Self::Moment(_) => "a time as in `2022-08-01T00:00:00Z`",
            Self::Bool => "`true` or `false`",
            Self::Address => "an address or a network as in `10.0.0.0/8`",
        }
    }

    /// The test against `texts`; the place of the first that is not as [`Operator::expected`].
    pub fn test(self, texts: &[&str]) -> Result<Test, usize> {
        Ok(match self {
            Self::Text(relation) => Test::Text(relation, parse_all(texts, parse_text)?),
            Self::Number(order) => Test::Number(order, parse_all(texts, Decimal::parse)?),
            Self::Moment(order) => Test::Moment(order, parse_all(texts, parse_moment)?),
            Self::Bool => Test::Bool(parse_all(texts, parse_bool)?),
            Self::Address => Test::Address(parse_all(texts, parse_network)?),
        })
    }
}

/// Version 5.0 has variables, `${g:UserName}`, and escapes, `${*}`. Neither is known here, and taken
/// letter by letter they would match nothing, which in a Deny is no small thing.
fn parse_text(text: &str) -> Option<String> {
    (!text.contains("${")).then(|| text.to_owned())
}

fn parse_all<T>(texts: &[&str], parse: fn(&str) -> Option<T>) -> Result<Vec<T>, usize> {
    let values = texts.iter().enumerate();
    values
        .map(|(index, text)| parse(text).ok_or(index))
        .collect()
}

impl Test {
    /// What makes such a test.
    pub fn operator(&self) -> Operator {
        match self {
            Self::Text(relation, _) => Operator::Text(*relation),
            Self::Number(order, _) => Operator::Number(*order),
            Self::Moment(order, _) => Operator::Moment(*order),
            Self::Bool(_) => Operator::Bool,
            Self::Address(_) => Operator::Address,
        }
    }

    /// The policy's values as text.
    pub fn values(&self) -> Vec<String> {
        match self {
            Self::Text(_, values) => values.iter().map(|text| format!("`{text}`")).collect(),
            Self::Number(_, values) => values.iter().map(ToString::to_string).collect(),
            Self::Moment(_, values) => values.iter().copied().map(moment_text).collect(),
            Self::Bool(values) => values.iter().map(ToString::to_string).collect(),
            Self::Address(values) => values.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether `datum` passes; one of another kind, which [`Test::read`] never gives, does not.
    pub fn holds(&self, datum: &Datum<'_>) -> bool {
        match (self, datum) {
            (Self::Text(relation, values), Datum::Text(text)) => {
                values.iter().any(|value| relation.holds(text, value))
            }
            (Self::Number(order, values), Datum::Number(number)) => {
                values.iter().any(|value| order.holds(number, value))
            }
            (Self::Moment(order, values), Datum::Moment(moment)) => {
                values.iter().any(|value| order.holds(moment, value))
            }
            (Self::Bool(values), Datum::Bool(value)) => values.contains(value),
            (Self::Address(networks), Datum::Address(address)) => {
                networks.iter().any(|network| network.contains(address))
            }
            _ => false,
        }
    }

    /// Reads a claim's value as what the test is about, or tells what it must be.
    ///
    /// A JSON number with a fraction or an exponent was rounded when it was read, so only a string
    /// can carry one.
    pub fn read<'a>(&self, value: &'a Value) -> Result<Datum<'a>, &'static str> {
        let (datum, expected) = match self {
            Self::Text(..) => (value.as_str().map(Datum::Text), "a string"),
            Self::Number(..) => (
                read_number(value).map(Datum::Number),
                "an integer or a string with a decimal number",
            ),
            Self::Moment(..) => return read_moment(value).map(Datum::Moment),
            Self::Bool(_) => (
                read_bool(value).map(Datum::Bool),
                "`true` or `false`, as such or as a string",
            ),
            Self::Address(_) => (
                read_address(value).map(Datum::Address),
                "a string with an address",
            ),
        };
        datum.ok_or(expected)
    }
}

fn read_number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) if number.is_u64() || number.is_i64() => {
            Decimal::parse(&number.to_string())
        }
        _ => Decimal::parse(value.as_str()?),
    }
}

/// Reads the moment that a claim holds, or tells what the claim must be.
pub fn read_moment(value: &Value) -> Result<Moment, &'static str> {
    let moment = match value.as_u64() {
        Some(seconds) => Some(Moment::from_secs(seconds)),
        None => value.as_str().and_then(parse_moment),
    };
    moment.ok_or("seconds since 1970 or a string as in `2022-08-01T00:00:00Z`")
}

fn read_bool(value: &Value) -> Option<bool> {
    match value.as_bool() {
        Some(value) => Some(value),
        None => parse_bool(value.as_str()?),
    }
}

fn read_address(value: &Value) -> Option<IpAddr> {
    let address: IpAddr = value.as_str()?.parse().ok()?;
    Some(address.to_canonical())
}

impl TextRelation {
    fn holds(self, text: &str, value: &str) -> bool {
        match self {
            Self::Equal => text == value,
            Self::EqualIgnoringCase => {
                let lower = |text: &'_ str| text.chars().flat_map(char::to_lowercase).collect();
                let (text, value): (String, String) = (lower(text), lower(value));
                text == value
            }
            Self::Match => wildcard::matches(value, text, char::eq),
            Self::StartWith => text.starts_with(value),
            Self::EndWith => text.ends_with(value),
        }
    }
}

impl Order {
    fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
    }
}
