use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;

fn prefers(lines: &[impl AsRef<[u8]>]) -> bool {
    let mut headers = HeaderMap::new();
    for line in lines {
        let value = HeaderValue::from_bytes(line.as_ref()).unwrap();
        headers.append(ACCEPT, value);
    }
    prefers_problem(&headers)
}

#[test]
fn plain_json_is_the_answer_unless_problems_are_taken_more_gladly() {
    let cases: [(&[&str], bool); 33] = [
        (&[], false),
        (&[""], false),
        (&["*/*"], false),
        (&["application/json"], false),
        (&["application/*"], false),
        (&["text/html"], false),
        (&["application/problem+xml"], false),
        (&["application/problem+json"], true),
        (&["Application/Problem+JSON"], true),
        (&["application/problem+json;q=0.001"], true),
        (&["application/problem+json;q=0"], false),
        (&["application/problem+json;q=0.000"], false),
        (&["application/json, application/problem+json"], false),
        (&["application/problem+json", "application/json"], false),
        (&["text/html", "application/problem+json"], true),
        (&["application/problem+json, application/json;q=0.9"], true),
        (
            &["application/problem+json;q=0.5, application/json;q=0.5"],
            false,
        ),
        (
            &["application/problem+json;q=0.51 , application/json ; Q=0.5"],
            true,
        ),
        // The less specific range is for what no other names.
        (&["application/problem+json, */*"], false),
        (&["application/problem+json, */*;q=0.1"], true),
        (&["application/problem+json;q=0.1, */*"], false),
        (&["*/*, application/json;q=0.5"], true),
        (&["application/*, application/json;q=0"], true),
        (
            &["*/*, application/*;q=0, application/problem+json;q=0.1"],
            true,
        ),
        // Neither type has parameters, and a string in quotes separates nothing.
        (&["application/problem+json;profile=\"a,b;q=0\""], true),
        (
            &["application/problem+json;x=\"\\\",application/json;\""],
            true,
        ),
        (
            &["application/json;version=2.1, application/problem+json"],
            false,
        ),
        (&["x/y;z=\"open, application/problem+json"], false),
        // What cannot be read says nothing.
        (&["application/problem+json;q=2"], false),
        (&["application/problem+json;q=1.001"], false),
        (&["application/problem+json;q=0.1234"], false),
        (&["application/problem+json;q="], false),
        (&[",, ;,application/problem+json,"], true),
    ];
    for (lines, expected) in cases {
        assert_eq!(prefers(lines), expected, "{lines:?}");
    }
}

/// A range with its weight in thousandths.
type Range = (&'static str, u16);

fn range() -> impl Strategy<Value = Range> {
    let names = vec![
        "application/problem+json",
        "application/json",
        "application/*",
        "*/*",
        "text/html",
    ];
    (proptest::sample::select(names), 0..=1000_u16)
}

/// The weight of a type as the RFC puts it: for each, the most specific range that matches.
fn weight(ranges: &[Range], media_type: &str) -> u16 {
    for name in [media_type, "application/*", "*/*"] {
        let named = ranges.iter().filter(|range| range.0 == name);
        if let Some(weight) = named.map(|range| range.1).max() {
            return weight;
        }
    }
    0
}

fn write((name, weight): Range, space: &str, parameter: &str) -> String {
    let weight = match weight {
        1000 => String::new(),
        weight => format!(";{space}q=0.{weight:03}"),
    };
    format!("{space}{name}{space}{parameter}{space}{weight}{space}")
}

proptest! {
    #[test]
    fn lists_are_read_as_the_rfc_says(
        ranges in proptest::collection::vec(range(), 0..6),
        space in "[ \t]{0,2}",
        parameter in "(;[a-p]=([a-z]{1,3}|\"([a-z;,=]|\\\\[\"a-z])*\"))?",
        at in any::<proptest::sample::Index>(),
    ) {
        let texts: Vec<String> = ranges.iter().map(|range| write(*range, &space, &parameter)).collect();
        let (first, second) = texts.split_at(at.index(texts.len() + 1));
        let expected = weight(&ranges, "application/problem+json") > weight(&ranges, "application/json");
        prop_assert_eq!(prefers(&[first.join(","), second.join(",")]), expected);
    }

    #[test]
    fn whatever_is_sent_is_read_without_harm(line in "[ -~\t\u{80}-\u{ff}]*") {
        // Nothing names the type, and no range is worth more for it than for plain JSON.
        prop_assert!(!prefers(&[line.replace(['/', '*'], "x")]));
        prefers(&[line]);
    }

    #[test]
    fn a_weight_is_a_number_of_thousandths(text in "[01][.]?[0-9]{0,4}") {
        let is_written = text.len() == 1 || (text.len() <= 5 && text.as_bytes()[1] == b'.');
        let value: f64 = text.parse().unwrap();
        let expected = (is_written && value <= 1.0).then(|| (value * 1000.0).round());
        prop_assert_eq!(parse_weight(text.as_bytes()).map(f64::from), expected);
    }
}
