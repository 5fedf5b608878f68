//! What condition values are read as.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use ipnet::IpNet;

/// A decimal number, exact: how many 10⁻¹⁸ it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Decimal(i128);

/// Digits after the point.
const SCALE: usize = 18;
/// Digits before the point; with [`SCALE`] the most that an `i128` always holds.
const WHOLE: usize = 20;

impl Decimal {
    /// Reads `-12.5`; what could not be kept exactly, exponents and needless zeros are refused.
    pub fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_whole =
            !whole.is_empty() && whole.len() <= WHOLE && (whole == "0" || !whole.starts_with('0'));
        if !is_whole || fraction.len() > SCALE || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let scaled: i128 = format!("{whole}{fraction:0<SCALE$}").parse().ok()?;
        let is_negative = unsigned.len() < text.len();
        Some(Self(if is_negative { -scaled } else { scaled }))
    }
}

impl Decimal {
    /// Its whole part, if it is not negative and fits.
    pub fn whole(self) -> Option<u64> {
        u64::try_from(self.0.checked_div(10_i128.pow(18))?).ok()
    }

    /// It and the next ones on both sides, as far as they can be written.
    pub fn and_beside(self) -> impl Iterator<Item = Self> {
        let all = [self.0.checked_sub(1), Some(self.0), self.0.checked_add(1)];
        let all = all.into_iter().flatten().map(Self);
        all.filter(|number| Self::parse(&number.to_string()).is_some())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0>width$}", self.0.unsigned_abs(), width = SCALE + 1);
        let (whole, fraction) = digits.split_at(digits.len() - SCALE);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}")?;
        match fraction.trim_end_matches('0') {
            "" => Ok(()),
            fraction => write!(f, ".{fraction}"),
        }
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        Self(i128::from(number) * 10_i128.pow(18))
    }
}

/// A moment, as time since 1970.
pub type Moment = Duration;

/// Reads a moment as the vendor prints it, `2022-08-01T00:00:00Z`: RFC 3339, UTC only.
pub fn parse_moment(text: &str) -> Option<Moment> {
    let moment = humantime::parse_rfc3339(text).ok()?;
    moment.duration_since(UNIX_EPOCH).ok()
}

/// What no text can say: humantime knows years of four digits.
pub const YEAR_10000: Moment = Duration::from_hours(70_389_528);

/// The moment as [`parse_moment`] reads it.
pub fn moment_text(moment: Moment) -> String {
    let time = UNIX_EPOCH.checked_add(moment);
    match time.filter(|_| moment < YEAR_10000) {
        Some(time) => humantime::format_rfc3339(time).to_string(),
        None => format!("{} seconds after 1970", moment.as_secs()),
    }
}

/// Reads a network, or an address as the network of it alone.
///
/// A network whose address goes on after its prefix is refused, since it says two things; so is
/// one of IPv4 addresses mapped to IPv6, which would never match: callers are known by their IPv4
/// address.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().ok()?,
    };
    let is_mapped = network.prefix_len() > 0 && network.addr().to_canonical() != network.addr();
    (network.trunc() == network && !is_mapped).then_some(network)
}

/// Reads `true` or `false`.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        let cases = [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1", Some(1_000_000_000_000_000_000)),
            ("1.0", Some(1_000_000_000_000_000_000)),
            ("-2.5", Some(-2_500_000_000_000_000_000)),
            ("0.000000000000000001", Some(1)),
            ("0.0000000000000000001", None),
            (
                "99999999999999999999",
                Some(99_999_999_999_999_999_999_000_000_000_000_000_000),
            ),
            ("100000000000000000000", None),
            ("", None),
            ("-", None),
            ("--1", None),
            ("+1", None),
            ("01", None),
            ("1.", None),
            (".5", None),
            ("1e3", None),
            ("1_0", None),
            (" 1", None),
            ("0x1", None),
            ("NaN", None),
            ("١", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Decimal::parse(text), expected.map(Decimal), "{text:?}");
        }
        for text in [
            "0",
            "1",
            "-2.5",
            "0.000000000000000001",
            "-99999999999999999999",
        ] {
            let shown = Decimal::parse(text).map(|number| number.to_string());
            assert_eq!(shown.as_deref(), Some(text));
        }
        assert_eq!(Decimal::parse(&u64::MAX.to_string()), Some(u64::MAX.into()));
    }

    proptest! {
        #[test]
        fn decimals_are_ordered_as_integers_are(a in any::<i32>(), b in any::<i32>(), places in 0..9_usize) {
            let text = |number: i32| {
                let sign = if number < 0 { "-" } else { "" };
                let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
                let (whole, fraction) = digits.split_at(digits.len() - places);
                let point = if places > 0 { "." } else { "" };
                format!("{sign}{whole}{point}{fraction}")
            };
            let parse = |number| Decimal::parse(&text(number)).unwrap();
            prop_assert_eq!(parse(a).cmp(&parse(b)), a.cmp(&b));
        }
    }

    #[test]
    fn moments_are_in_utc() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(Moment::ZERO)),
            ("2022-08-01T00:00:00Z", Some(Moment::from_hours(460_920))),
            (
                "2024-02-29T23:59:59.5Z",
                Some(Moment::from_millis(1_709_251_199_500)),
            ),
            ("2023-02-29T00:00:00Z", None),
            ("2022-08-01T00:00:00", None),
            ("2022-08-01T00:00:00+08:00", None),
            ("2022-08-01 00:00:00Z", None),
            ("2022-08-01", None),
            ("1969-12-31T23:59:59Z", None),
            (" 2022-08-01T00:00:00Z", None),
            ("1659312000", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_moment(text), expected, "{text:?}");
            let shown = expected.map(moment_text);
            assert_eq!(shown.and_then(|text| parse_moment(&text)), expected);
        }
    }

    #[test]
    fn networks_say_one_thing() {
        let cases = [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("::1", Some("::1/128")),
            ("::/0", Some("::/0")),
            ("10.1.2.3/8", None),
            ("::ffff:10.0.0.0/104", None),
            ("::ffff:10.1.2.3", None),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("10.0.0.0/255.0.0.0", None),
            (" 10.0.0.0/8", None),
            ("example", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|network| network.parse::<IpNet>().unwrap());
            assert_eq!(parse_network(text), expected, "{text:?}");
        }
    }
}
