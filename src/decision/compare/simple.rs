//! In which of many classes something is so, said with the axes that matter only.

/// The combinations of classes in which `holds`, without the axes along which nothing changes; one
/// empty combination where that is always so.
///
/// `holds` has a value for each combination, the last axis changing fastest; `None` is one that cannot
/// be. `axes` are how people name the classes.
pub fn simplify(axes: &[Vec<String>], holds: Vec<Option<bool>>) -> Vec<Vec<String>> {
    let mut axes: Vec<&[String]> = axes.iter().map(Vec::as_slice).collect();
    let mut holds = holds;
    let mut at = 0;
    while let Some(axis) = axes.get(at) {
        let inner: usize = axes.iter().skip(at + 1).map(|axis| axis.len()).product();
        match without(&holds, axis.len(), inner) {
            Some(rest) => {
                holds = rest;
                axes.remove(at);
            }
            None => at += 1,
        }
    }
    let mut found = Vec::new();
    for (index, holds) in holds.iter().enumerate() {
        if *holds != Some(true) {
            continue;
        }
        let mut rest = index;
        let mut names = Vec::new();
        for axis in axes.iter().rev() {
            names.extend(axis.get(rest % axis.len()).cloned());
            rest /= axis.len();
        }
        names.reverse();
        found.push(names);
    }
    found
}

/// The same without an axis of `length` classes, each of which has `inner` combinations behind it; none
/// where the axis matters.
fn without(holds: &[Option<bool>], length: usize, inner: usize) -> Option<Vec<Option<bool>>> {
    let mut rest = Vec::new();
    for block in holds.chunks(length * inner) {
        for offset in 0..inner {
            let mut values = block.iter().skip(offset).step_by(inner).flatten();
            let first = values.next().copied();
            if !values.all(|value| Some(*value) == first) {
                return None;
            }
            rest.push(first);
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_matters_is_said() {
        let axes = [
            vec!["a".to_owned(), "b".to_owned()],
            vec!["x".to_owned(), "y".to_owned(), "z".to_owned()],
        ];
        let say = |holds: [i8; 6]| {
            let holds = holds.iter().map(|holds| match holds {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            });
            let found = simplify(&axes, holds.collect());
            found
                .iter()
                .map(|names| names.join("+"))
                .collect::<Vec<_>>()
        };
        assert_eq!(say([1; 6]), [""]);
        assert_eq!(say([0; 6]), [""; 0]);
        assert_eq!(say([1, 0, 0, 1, 0, 0]), ["x"]);
        assert_eq!(say([0, 0, 0, 1, 1, 1]), ["b"]);
        assert_eq!(say([1, 0, 0, 0, 0, 1]), ["a+x", "b+z"]);
        // What cannot be is no difference.
        assert_eq!(say([2, 1, 1, 1, 2, 1]), [""]);
    }
}
