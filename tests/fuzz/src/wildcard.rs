//! Patterns with `*` and `?`.

/// Whether the pattern stands for the text.
pub fn is_like(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Where in the text a piece of the pattern may end.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for letter in pattern.chars() {
        ends = (0..=text.len())
            .map(|end| match letter {
                '*' => ends[..=end].contains(&true),
                letter => end > 0 && ends[end - 1] && (letter == '?' || letter == text[end - 1]),
            })
            .collect();
    }
    ends[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*b*b", "abab", true),
            ("a?c", "abc", true),
            ("a", "A", false),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
