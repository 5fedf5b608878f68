//! `*` and `?` in actions, resources and condition values.

/// Whether `pattern` stands for the whole `text`: `*` for any run of characters, `?` for exactly
/// one, any other character for one that is the `same`.
///
/// A mismatch goes back to the last `*` only, so the time is at most the product of both lengths,
/// whatever a token holds.
pub fn matches(pattern: &str, text: &str, same: impl Fn(&char, &char) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // The pattern after the last star, and the text after what that star has eaten.
    let mut last_star = None;
    loop {
        let (mut later, mut rest) = (pattern.clone(), text.clone());
        match (later.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                pattern = later;
                last_star = Some((pattern.clone(), text.clone()));
            }
            // A longer run for the star would leave even less.
            (Some(_), None) => return false,
            (Some(expected), Some(found)) if expected == '?' || same(&expected, &found) => {
                pattern = later;
                text = rest;
            }
            _ => {
                let Some((after, eaten)) = &mut last_star else {
                    return false;
                };
                eaten.next();
                pattern = after.clone();
                text = eaten.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word for word.
    fn obvious(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|eaten| obvious(rest, &text[eaten..])),
            ([a, pattern @ ..], [b, text @ ..]) => (*a == '?' || a == b) && obvious(pattern, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_obvious_matcher(pattern in "[aé*?]{0,8}", text in "[aé*?]{0,10}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text, char::eq), obvious(&p, &t));
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let text = "a".repeat(2_000);
        assert!(!matches(
            &"*a".repeat(500).replace("*a*a", "*a*ab"),
            &text,
            char::eq
        ));
        assert!(matches(&"*a".repeat(500), &text, char::eq));
    }
}
