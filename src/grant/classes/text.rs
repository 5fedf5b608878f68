//! Texts that stand for all texts, as far as some patterns can tell them apart.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::Undecided;

/// Ways to match at once that are looked at; what people write has a few hundred.
const MAX_STATES: usize = 20_000;

/// The longest plain id, in characters.
const MAX_ID: usize = 255;

/// A text with wildcards, as it is compared.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TextPattern {
    items: Vec<Item>,
    fold: Fold,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Item {
    One(char),
    Any,
    Many,
}

/// Which characters are the same.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fold {
    Nothing,
    /// ASCII letters of either case.
    Ascii,
    /// Texts whose lower case is the same.
    Lower,
}

impl TextPattern {
    /// The text alone.
    pub fn literal(text: &str, fold: Fold) -> Self {
        let one = |c: char| match fold {
            Fold::Ascii => Item::One(c.to_ascii_lowercase()),
            Fold::Nothing | Fold::Lower => Item::One(c),
        };
        let items = match fold {
            Fold::Lower => text
                .chars()
                .flat_map(char::to_lowercase)
                .map(Item::One)
                .collect(),
            Fold::Nothing | Fold::Ascii => text.chars().map(one).collect(),
        };
        Self { items, fold }
    }

    /// With `*` and `?`.
    pub fn wildcard(text: &str, fold: Fold) -> Self {
        let mut pattern = Self::literal(text, fold);
        for item in &mut pattern.items {
            match item {
                Item::One('*') => *item = Item::Many,
                Item::One('?') => *item = Item::Any,
                _ => {}
            }
        }
        pattern
    }

    /// Whatever starts with it.
    pub fn and_more(mut self) -> Self {
        self.items.push(Item::Many);
        self
    }

    /// Whatever ends with it.
    pub fn after_more(mut self) -> Self {
        self.items.insert(0, Item::Many);
        self
    }

    /// Where a match may go on once `from` is reached: what stands for nothing may be left out.
    fn reach(&self, from: usize, places: &mut BTreeSet<usize>) {
        let mut place = from;
        places.insert(place);
        while self.items.get(place) == Some(&Item::Many) {
            place += 1;
            places.insert(place);
        }
    }

    fn start(&self) -> BTreeSet<usize> {
        let mut places = BTreeSet::new();
        self.reach(0, &mut places);
        places
    }

    fn step(&self, places: &BTreeSet<usize>, c: char) -> BTreeSet<usize> {
        let one = |places: &BTreeSet<usize>, c: char| {
            let mut next = BTreeSet::new();
            for place in places {
                match self.items.get(*place) {
                    Some(Item::Many) => self.reach(*place, &mut next),
                    Some(Item::Any) => self.reach(place + 1, &mut next),
                    Some(Item::One(expected)) if *expected == c => {
                        self.reach(place + 1, &mut next);
                    }
                    Some(Item::One(_)) | None => {}
                }
            }
            next
        };
        match self.fold {
            Fold::Nothing => one(places, c),
            Fold::Ascii => one(places, c.to_ascii_lowercase()),
            Fold::Lower => c
                .to_lowercase()
                .fold(places.clone(), |places, c| one(&places, c)),
        }
    }

    fn is_met(&self, places: &BTreeSet<usize>) -> bool {
        places.contains(&self.items.len())
    }

    fn literals(&self) -> impl Iterator<Item = char> {
        self.items.iter().filter_map(|item| match item {
            Item::One(c) => Some(*c),
            Item::Any | Item::Many => None,
        })
    }
}

/// Of which characters texts are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alphabet {
    /// Any.
    All,
    /// Any, and at least one.
    NotEmpty,
    /// Those of plain ids, in lower case but for what some pattern compares with regard to it.
    Ids,
}

impl Alphabet {
    /// Those that some of `patterns` treats in a way of its own, and one that none does, if there is any.
    fn characters(self, patterns: &[TextPattern]) -> Vec<char> {
        let mut known: BTreeSet<char> = patterns.iter().flat_map(TextPattern::literals).collect();
        if self == Self::Ids {
            let all = "x0abcdefghijklmnopqrstuvwyz123456789-_";
            let other = all.chars().find(|c| !known.contains(c));
            known.retain(|c| all.contains(*c));
            let literals = patterns
                .iter()
                .filter(|pattern| pattern.fold == Fold::Nothing);
            let letters = literals
                .flat_map(TextPattern::literals)
                .filter(char::is_ascii_alphabetic);
            let upper: BTreeSet<char> = letters.map(|c| c.to_ascii_uppercase()).collect();
            return known.into_iter().chain(other).chain(upper).collect();
        }
        let is_folded = |fold: Fold| patterns.iter().any(|pattern| pattern.fold == fold);
        if is_folded(Fold::Ascii) {
            let upper: Vec<char> = known.iter().map(char::to_ascii_uppercase).collect();
            known.extend(upper);
        }
        if is_folded(Fold::Lower) {
            // Not only the upper case: the Kelvin sign is a `k`, too.
            let alike = |c: &char| c.to_lowercase().any(|lower| known.contains(&lower));
            let alike: Vec<char> = ('\0'..=char::MAX).filter(alike).collect();
            known.extend(alike);
        }
        let is_other =
            |c: &char| !known.contains(c) && c.to_lowercase().all(|lower| !known.contains(&lower));
        let other = ('a'..='z').rev().chain('!'..=char::MAX).find(is_other);
        known.into_iter().chain(other).collect()
    }
}

/// A shortest text for each way in which some of `patterns` match and the others do not: any other text
/// of `alphabet` matches like one of these.
///
/// All patterns read the text at once, a character at a time; where they stand after it is all that
/// the rest of the match depends on, and there are finitely many such places.
pub fn texts(patterns: &[TextPattern], alphabet: Alphabet) -> Result<Vec<String>, Undecided> {
    let characters = alphabet.characters(patterns);
    let start: Vec<BTreeSet<usize>> = patterns.iter().map(TextPattern::start).collect();
    // Not the start: that nothing was read yet and that no more is known are two things for ids.
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::from([(start, String::new())]);
    let mut found: HashMap<Vec<bool>, String> = HashMap::new();
    let mut order = Vec::new();
    while let Some((places, text)) = waiting.pop_front() {
        let met: Vec<bool> = patterns
            .iter()
            .zip(&places)
            .map(|(pattern, places)| pattern.is_met(places))
            .collect();
        let is_text = match alphabet {
            Alphabet::All => true,
            Alphabet::NotEmpty => !text.is_empty(),
            Alphabet::Ids => (1..=MAX_ID).contains(&text.len()),
        };
        if is_text && !found.contains_key(&met) {
            found.insert(met, text.clone());
            order.push(text.clone());
        }
        for c in &characters {
            let next: Vec<BTreeSet<usize>> = patterns
                .iter()
                .zip(&places)
                .map(|(pattern, places)| pattern.step(places, *c))
                .collect();
            if seen.insert(next.clone()) {
                if seen.len() > MAX_STATES {
                    return Err(Undecided::Patterns);
                }
                waiting.push_back((next, format!("{text}{c}")));
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::grant::wildcard;

    fn pattern() -> impl Strategy<Value = (String, Fold)> {
        let fold = prop_oneof![Just(Fold::Nothing), Just(Fold::Ascii)];
        ("[abA*?]{0,4}", fold)
    }

    proptest! {
        /// No text matches in a way that none of the found ones does.
        #[test]
        fn every_text_is_like_one_of_them(
            patterns in vec(pattern(), 0..4), tried in "[abABz]{0,5}", is_id in any::<bool>(),
        ) {
            prop_assume!(!is_id || !tried.is_empty());
            // Ids are never compared with regard to case.
            let fold = |fold| if is_id { Fold::Ascii } else { fold };
            let alphabet = if is_id { Alphabet::Ids } else { Alphabet::All };
            let all: Vec<TextPattern> =
                patterns.iter().map(|(text, own)| TextPattern::wildcard(text, fold(*own))).collect();
            let way = |text: &str| -> Vec<bool> {
                let ways = patterns.iter().map(|(pattern, own)| match fold(*own) {
                    Fold::Ascii => wildcard::matches(pattern, text, char::eq_ignore_ascii_case),
                    Fold::Nothing | Fold::Lower => wildcard::matches(pattern, text, char::eq),
                });
                ways.collect()
            };
            let ways: Vec<Vec<bool>> =
                texts(&all, alphabet).unwrap().iter().map(|text| way(text)).collect();
            prop_assert!(ways.contains(&way(&tried)), "{patterns:?} {tried:?} {ways:?}");
        }
    }

    #[test]
    fn a_text_of_another_case_is_found_wherever_it_is() {
        let patterns = [
            TextPattern::literal("k", Fold::Lower),
            TextPattern::literal("k", Fold::Nothing),
            TextPattern::literal("K", Fold::Nothing),
        ];
        let found = texts(&patterns, Alphabet::All).unwrap();
        assert!(found.contains(&"\u{212a}".to_owned()), "{found:?}");
        let start = [TextPattern::literal("ab", Fold::Nothing).and_more()];
        assert_eq!(texts(&start, Alphabet::All).unwrap(), ["", "ab"]);
        let end = [TextPattern::literal("b", Fold::Nothing).after_more()];
        assert_eq!(texts(&end, Alphabet::All).unwrap(), ["", "b"]);
    }

    #[test]
    fn what_grows_beyond_all_measure_is_not_decided() {
        let long = format!("*a{}", "?".repeat(40));
        let found = texts(
            &[TextPattern::wildcard(&long, Fold::Nothing)],
            Alphabet::All,
        );
        assert_eq!(found, Err(Undecided::Patterns));
    }
}
