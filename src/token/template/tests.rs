use proptest::prelude::*;

use super::*;

fn template(text: &str) -> Template {
    Template::find(text).unwrap().unwrap()
}

#[test]
fn a_text_has_one_parameter_or_none() {
    let brace = || Err(InvalidTemplate::Brace);
    let parameter = |name: &str| Err(InvalidTemplate::Parameter(name.to_owned()));
    let cases = [
        ("", Ok(None)),
        ("https://iam", Ok(None)),
        ("a{b}c", Ok(Some("b"))),
        ("{b}", Ok(Some("b"))),
        ("{domain_id2}/", Ok(Some("domain_id2"))),
        ("a{b", brace()),
        ("a}b", brace()),
        ("a}b{", brace()),
        ("a}{b}", brace()),
        ("{{b}}", brace()),
        ("{b}}", brace()),
        ("{b}{", brace()),
        ("{a}{b}", Err(InvalidTemplate::Several)),
        ("{a}/{a}", Err(InvalidTemplate::Several)),
        ("{a}/{b}/{c}", Err(InvalidTemplate::Several)),
        ("{}", parameter("")),
        ("{a b}", parameter("a b")),
        ("{A}", parameter("A")),
        ("{*a}", parameter("*a")),
        ("{a:b}", parameter("a:b")),
    ];
    for (text, expected) in cases {
        let found = Template::find(text);
        let name = found
            .as_ref()
            .map(|found| found.as_ref().map(Template::parameter));
        assert_eq!(name, expected.as_ref().copied(), "{text}");
        if let Ok(Some(found)) = found {
            assert_eq!(found.to_string(), text);
        }
    }
}

#[test]
fn a_value_is_one_plain_segment() {
    let name = template("https://k/{d}/x");
    let longest = "v".repeat(64);
    let good = ["a", "default", "0a1b-2c", "A_b", "-", "_", &longest];
    for value in good {
        let text = name.fill(value);
        assert_eq!(name.value_in(&text), Some(value), "{text}");
    }
    let too_long = "v".repeat(65);
    let bad = [
        "", ".", "..", "a/b", "/", "%2F", "a%2e", "a.b", "a b", "a?b", "a#b", "a:b", "a\\b", "ä",
        "a\n", "a\0", "{d}", "@", "a;b", &too_long,
    ];
    for value in bad {
        assert_eq!(name.value_in(&name.fill(value)), None, "{value:?}");
    }
    let others = [
        "https://k/x",
        "https://k//x",
        "https://k/a/x/",
        "https://k/a",
        "https://k/a/X",
        "HTTPS://k/a/x",
        "https://k.evil/a/x",
        "",
    ];
    for text in others {
        assert_eq!(name.value_in(text), None, "{text}");
    }
}

#[test]
fn what_is_around_a_value_is_not_used_twice() {
    // Of `ab` both ends are there, but nothing between them.
    for text in ["ab", "a", "b", ""] {
        assert_eq!(template("a{x}b").value_in(text), None, "{text}");
    }
    assert_eq!(template("ab{x}ba").value_in("aba"), None);
    assert_eq!(template("a{x}b").value_in("aabb"), Some("ab"));
}

#[test]
fn two_templates_meet_where_a_text_is_of_both() {
    let cases = [
        ("https://k/{a}", "https://k/{b}", true),
        ("https://k/{a}", "https://k/x{b}", true),
        ("https://k/{a}", "https://k/x/{b}", false),
        ("https://k/{a}", "https://other/{b}", false),
        ("https://k/{a}/x", "https://k/{b}/y", false),
        ("https://k/{a}/x", "https://k/{b}", false),
        ("https://k/{a}x", "https://k/{b}", true),
        ("a/{x}", "{x}/b", true),
        ("a/{x}", "{x}/b/c", false),
        ("a/b/{x}", "{x}/b/c", true),
        ("a/b/{x}", "{x}/c/d", false),
        ("a/b/{x}", "a/{x}/c", true),
        ("a/{x}", "{x}b", false),
        ("a{x}", "{x}b", true),
    ];
    for (one, other, expected) in cases {
        let (one, other) = (template(one), template(other));
        assert_eq!(one.meets(&other), expected, "{one} {other}");
        assert_eq!(other.meets(&one), expected, "{other} {one}");
    }
}

/// A value by its definition, one split of the text after another.
fn slow_value<'a>(template: &Template, text: &'a str) -> Option<&'a str> {
    let ends = |start: usize| (start..=text.len()).map(move |end| (start, end));
    let mut splits = (0..=text.len()).flat_map(ends);
    splits.find_map(|(start, end)| {
        let value = text.get(start..end)?;
        let is_letter = |letter: char| "-_".contains(letter) || letter.is_ascii_alphanumeric();
        let is_whole = text.get(..start) == Some(&template.before)
            && text.get(end..) == Some(&template.after)
            && !value.is_empty()
            && value.chars().count() <= 64
            && value.chars().all(is_letter);
        is_whole.then_some(value)
    })
}

proptest! {
    #[test]
    fn a_value_is_found_as_the_slow_way_finds_it(
        before in "[a/.é]{0,3}", after in "[a/.é]{0,3}", text in "[a/.é]{0,8}", value in "[a/.é]{0,3}",
    ) {
        let template = template(&format!("{before}{{x}}{after}"));
        for text in [text, template.fill(&value)] {
            prop_assert_eq!(template.value_in(&text), slow_value(&template, &text));
        }
    }

    #[test]
    fn templates_meet_where_the_slow_way_finds_a_text(
        one in ("[ab/]{0,3}", "[ab/]{0,3}"), other in ("[ab/]{0,3}", "[ab/]{0,3}"),
    ) {
        let [one, other] = [one, other].map(|(before, after)| template(&format!("{before}{{x}}{after}")));
        // Long enough: more letters in the middle change nothing.
        let mut values = vec![String::new()];
        let mut meet = false;
        for _ in 0..7 {
            values = values.iter().flat_map(|value| [format!("{value}a"), format!("{value}b")]).collect();
            meet |= values.iter().any(|value| other.value_in(&one.fill(value)).is_some());
        }
        prop_assert_eq!(one.meets(&other), meet);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(Some(template)) = Template::find(&text) {
            prop_assert_eq!(template.to_string(), text);
        }
    }
}
