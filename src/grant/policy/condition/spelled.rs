//! Conditions as people read them, and what would fulfill them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Check, Condition};
use crate::grant::key::Key;
use crate::grant::policy::operator::{Order, Test, TextRelation};
use crate::grant::policy::written::operator_name;

/// Something that makes a condition hold, or not, where one is easily found: whoever offers it has to
/// decide again with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Witness {
    /// The time of the request, in seconds since 1970.
    Time(u64),
    /// The client's address.
    Address(IpAddr),
    /// That the caller has just proved who it is.
    Fresh,
    /// What the claim that feeds the key holds.
    Claim(Value),
}

/// How a condition is wanted to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// For an Allow to apply.
    Holds,
    /// For a Deny not to.
    Fails,
}

/// An address of the documentation's network (RFC 5737), which few policies name.
const ELSEWHERE: [u8; 4] = [192, 0, 2, 1];

impl Condition {
    /// What would make it hold, or not.
    pub fn witness(&self, wanted: Wanted) -> Option<Witness> {
        let Check::Values {
            test, is_negated, ..
        } = &self.check
        else {
            return None;
        };
        if self.key == Key::MfaAge {
            return Some(Witness::Fresh);
        }
        let passes = (wanted == Wanted::Holds) != *is_negated;
        match (test, passes) {
            (Test::Address(networks), passes) => {
                let address = match passes {
                    true => networks.first()?.addr(),
                    false => ELSEWHERE.into(),
                };
                Some(match self.key {
                    Key::SourceIp => Witness::Address(address),
                    _ => Witness::Claim(json!(address.to_string())),
                })
            }
            (Test::Moment(order, moments), passes) => {
                let (second, moment) = (Duration::from_secs(1), *moments.first()?);
                let moment = match (order, passes) {
                    (Order::Less, true) | (Order::GreaterOrEqual, false) => {
                        moment.checked_sub(second)?
                    }
                    (Order::Greater, true) | (Order::LessOrEqual | Order::Equal, false) => {
                        moment.checked_add(second)?
                    }
                    _ => moment,
                };
                Some(match self.key {
                    Key::CurrentTime => Witness::Time(moment.as_secs()),
                    _ => Witness::Claim(json!(moment.as_secs())),
                })
            }
            (Test::Text(relation, texts), true) => {
                let text = texts.first()?;
                let text = match relation {
                    TextRelation::Match => text.replace('*', "").replace('?', "x"),
                    _ => text.clone(),
                };
                Some(Witness::Claim(json!(text)))
            }
            (Test::Bool(values), passes) => Some(Witness::Claim(json!(*values.first()? == passes))),
            (Test::Number(Order::Equal, numbers), true) => {
                Some(Witness::Claim(json!(numbers.first()?.to_string())))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Condition {
    /// The key first, since that is what is asked about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, check } = self;
        match check {
            Check::Null { expects_absent } => write!(f, "{key} Null {expects_absent}"),
            Check::Values {
                test,
                is_negated,
                quantifier,
                if_exists,
            } => {
                let name = operator_name(test, *is_negated, *quantifier, *if_exists);
                let values = test.values().join(" or ");
                write!(f, "{key} {name} {values}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::policy::condition::parse;

    #[test]
    fn conditions_read_as_they_are_written() {
        let cases = [
            (
                json!({"DateLessThan": {"g:currenttime": ["2026-12-01T00:00:00Z"]}}),
                "g:CurrentTime DateLessThan 2026-12-01T00:00:00Z",
                Some(Witness::Time(1_796_083_199)),
            ),
            (
                json!({"IpAddress": {"g:SourceIp": ["10.0.0.0/8", "192.0.2.7"]}}),
                "g:SourceIp IpAddress 10.0.0.0/8 or 192.0.2.7/32",
                Some(Witness::Address(IpAddr::from([10, 0, 0, 0]))),
            ),
            (
                json!({"NotIpAddress": {"g:SourceIp": "10.0.0.0/8"}}),
                "g:SourceIp NotIpAddress 10.0.0.0/8",
                Some(Witness::Address(IpAddr::from(ELSEWHERE))),
            ),
            (
                json!({"ForAnyValue:StringNotMatchIfExists": {"g:UserName": ["a*"]}}),
                "g:UserName ForAnyValue:StringNotMatchIfExists `a*`",
                None,
            ),
            (
                json!({"ForAllValues:StringMatch": {"g:UserName": ["a*"]}}),
                "g:UserName ForAllValues:StringMatch `a*`",
                Some(Witness::Claim(json!("a"))),
            ),
            (
                json!({"NumberLessThanEquals": {"g:MFAAge": ["300.5"]}}),
                "g:MFAAge NumberLessThanEquals 300.5",
                Some(Witness::Fresh),
            ),
            (
                json!({"Bool": {"g:MFAPresent": "true"}}),
                "g:MFAPresent Bool true",
                Some(Witness::Claim(json!(true))),
            ),
            (
                json!({"Null": {"g:UserName": "false"}}),
                "g:UserName Null false",
                None,
            ),
        ];
        for (document, text, witness) in cases {
            let [condition] = parse(&document).unwrap().try_into().unwrap();
            assert_eq!(condition.to_string(), text);
            assert_eq!(condition.witness(Wanted::Holds), witness, "{text}");
        }
    }

    #[test]
    fn what_avoids_a_denial() {
        let cases = [
            (
                json!({"NotIpAddress": {"g:SourceIp": "10.0.0.0/8"}}),
                Some(Witness::Address(IpAddr::from([10, 0, 0, 0]))),
            ),
            (
                json!({"DateLessThan": {"g:CurrentTime": "1970-01-01T00:01:00Z"}}),
                Some(Witness::Time(60)),
            ),
            (
                json!({"DateLessThanEquals": {"g:CurrentTime": "1970-01-01T00:01:00Z"}}),
                Some(Witness::Time(61)),
            ),
            (
                json!({"Bool": {"g:MFAPresent": "false"}}),
                Some(Witness::Claim(json!(true))),
            ),
            (json!({"StringEquals": {"g:UserName": "a"}}), None),
        ];
        for (document, witness) in cases {
            let [condition] = parse(&document).unwrap().try_into().unwrap();
            assert_eq!(condition.witness(Wanted::Fails), witness, "{condition}");
        }
    }
}
