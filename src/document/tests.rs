use super::*;

#[test]
fn reports_every_problem_with_its_line() {
    let text = "adress = 'x'\nworkers = 0\n[inner]\nwait = '5 parsecs'\nflag = 1\n";
    let document = Document::new("a.toml", text);
    document.read(|root| {
        root.string("address");
        root.count("workers", 9);
        let inner = root.section("inner").unwrap();
        inner.duration("wait");
        inner.boolean("flag");
        inner.missing("url", "\"http://…\"");
        inner.finish();
    });
    let lines: Vec<String> = document
        .into_problems()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "a.toml:1: `adress` is not a known key; did you mean `address`?",
            "a.toml:2: `workers` is 0, expected a whole number from 1 to 9",
            "a.toml:3: `inner.url` is missing, expected \"http://…\"",
            "a.toml:4: `inner.wait` is `5 parsecs`, expected a duration such as \"5s\", \"250ms\" or \"2m\": \
             unknown time unit \"parsecs\", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)",
            "a.toml:5: `inner.flag` is 1, expected true or false",
        ]
    );
}

#[test]
fn reports_broken_syntax_beside_other_problems() {
    let document = Document::new("b.toml", "a = \nb = true\n");
    document.read(|root| root.count("b", 3));
    let problems = document.into_problems();
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 1, 2], "{problems:?}");
}
