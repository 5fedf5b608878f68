//! What somebody may have meant by a name that is not known.

/// The one of `known` that is most like `name`, if its likeness (Jaro-Winkler, from 0 to 1) is more
/// than `least`.
pub fn nearest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    least: f64,
) -> Option<&'a str> {
    let likeness = |known: &str| strsim::jaro_winkler(known, name);
    let known = known.into_iter().map(|known| (known, likeness(known)));
    let (nearest, likeness) = known.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (likeness > least).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_alike_is_meant() {
        let known = ["address", "workers"];
        assert_eq!(nearest("adress", known, 0.7), Some("address"));
        assert_eq!(nearest("url", known, 0.7), None);
        assert_eq!(nearest("adress", [], 0.7), None);
    }
}
