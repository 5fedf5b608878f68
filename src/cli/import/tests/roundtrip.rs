//! Any table comes back from any form of page.

use proptest::prelude::*;

use super::rendering::{self, Listed, Style};
use super::{builtin, import, listed};

fn rows() -> impl Strategy<Value = Vec<Listed>> {
    let word = "[A-Za-z0-9(][A-Za-z0-9<>&\"'\\\\`*_|+#:,.)é权-]{0,9}";
    let label = proptest::collection::vec(word, 1..7).prop_map(|words| words.join(" "));
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]);
    let segment = "[a-zA-Z0-9][a-zA-Z0-9._~-]{0,8}";
    let path = proptest::collection::vec(segment, 0..4);
    let route = (method, path, any::<bool>()).prop_map(|(method, path, has_id)| {
        let (path, id) = (path.join("/"), if has_id { "/{server_id}" } else { "" });
        format!("{method} /v2/{{project_id}}/{path}{id}").replace("//", "/")
    });
    let action = "[a-z]{1,6}:[a-zA-Z]{1,9}:[a-zA-Z_-]{1,12}";
    let actions = |least| {
        let set = proptest::collection::btree_set(action, least..5);
        set.prop_map(|set| set.into_iter().collect::<Vec<String>>())
    };
    let routes = proptest::collection::vec(route, 1..4);
    let row = (label, routes, actions(1), actions(0));
    proptest::collection::vec(row, 1..7).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        let rows = rows.map(|(index, (permission, routes, actions, dependencies))| {
            // Neither labels nor routes may stand twice.
            let routes = routes.into_iter().enumerate();
            let routes = routes.map(|(other, route)| {
                let route = route.trim_end_matches('/').to_owned();
                format!("{route}/r{index}-{other}")
            });
            Listed {
                permission: format!("{permission} {index}"),
                routes: routes.collect(),
                actions,
                dependencies,
                file: "imported".to_owned(),
            }
        });
        rows.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_table_comes_back_from_every_form(rows in rows(), style in Style::any()) {
        let table = builtin();
        for (name, page) in [
            ("page.html", rendering::html(&rows, &style)),
            ("page.rst", rendering::rst(&rows, &style)),
            ("page", rendering::html(&rows, &style)),
            ("page", rendering::rst(&rows, &style)),
        ] {
            let text = import(name, &page, &table);
            let text = text.map_err(|found| TestCaseError::fail(format!("{found:#?}\n{page}")))?;
            prop_assert_eq!(&listed(&text), &rows, "{}", page);
        }
    }

    #[test]
    fn no_page_is_too_odd(text in "([-+=| \n`:<>a]|<t[dr]>|</?table>|<td rowspan=[0-9]>|\\+--\\+\n){0,60}") {
        let table = builtin();
        for name in ["page.html", "page.rst"] {
            prop_assert!(import(name, &text, &table).is_err());
        }
    }
}
