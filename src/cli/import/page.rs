//! From a page's tables to rows: columns by their headings, one row for each permission.

use std::path::Path;

use super::grid::{Cell, Grid, Placed, Word};
use super::{html, rst, word};
use crate::document::Problem;
use crate::table::{ActionName, Place, Route};

/// One permission of a page.
#[derive(Debug)]
pub struct Row {
    pub place: Place,
    pub permission: String,
    pub routes: Vec<Route>,
    pub actions: Vec<ActionName>,
    /// None where the page has no such column.
    pub dependencies: Option<Vec<ActionName>>,
    /// How problems name the row.
    pub name: String,
}

impl Row {
    /// Something wrong with the row as a whole.
    pub fn problem(&self, message: &str) -> Problem {
        Problem {
            file: self.place.file.clone(),
            line: self.place.line,
            message: format!("{}: {message}", self.name),
        }
    }
}

/// What a page holds.
#[derive(Debug, Default)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Headings of columns that say nothing a table can hold.
    pub unread: Vec<String>,
    pub problems: Vec<Problem>,
}

/// What columns say, with their headings in any number and case, and the vendor's Chinese ones.
const COLUMNS: [(&str, &[&str]); 4] = [
    ("Permission", &["permission", "permissions", "权限"]),
    ("API", &["api", "apis", "api接口", "对应的api接口"]),
    ("Action", &["action", "actions", "授权项"]),
    (
        "Dependencies",
        &[
            "dependency",
            "dependencies",
            "dependent action",
            "dependent actions",
            "依赖的授权项",
        ],
    ),
];
/// How long a row's routes may be where a problem names it.
const MAX_NAME: usize = 160;

/// Reads the page at `path` with the content `text`.
pub fn read(path: &Path, text: &str) -> Page {
    let mut page = Page::default();
    let file = path.display().to_string();
    // Both readers count on it.
    let text = text.replace("\r\n", "\n");
    let grids = if is_rst(path, &text) {
        rst::read(&text).map_err(|(line, error)| (line, format!("the table is broken: {error}")))
    } else {
        html::read(&text).map_err(|html::Unclosed(line)| {
            let message = "the table that starts here has no end, expected `</table>`: the page may be cut off";
            (line, message.to_owned())
        })
    };
    match grids {
        Ok(grids) => page.read(&file, &grids),
        Err((line, message)) => page.problems.push(Problem {
            file,
            line,
            message,
        }),
    }
    page
}

/// By the name, and where that says nothing by the content.
fn is_rst(path: &Path, text: &str) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("rst") => true,
        Some("md" | "markdown" | "html" | "htm" | "xhtml") => false,
        _ => !text.to_ascii_lowercase().contains("<table"),
    }
}

/// Where the columns stand, in the order of [`COLUMNS`].
type Columns = [Option<usize>; 4];

impl Page {
    fn read(&mut self, file: &str, grids: &[Grid]) {
        let mut is_found = false;
        for grid in grids {
            let (columns, unread, repeated) = columns(grid);
            let [permission, api, action, _] = columns;
            let count = [permission, api, action].iter().flatten().count();
            // A table of something else, such as error codes.
            if count < 2 {
                continue;
            }
            is_found = true;
            let absent = COLUMNS.iter().zip(columns).take(3);
            let absent = absent.filter(|(_, column)| column.is_none());
            let problems = absent
                .map(|((name, _), _)| format!("the table has no column `{name}`, expected one"));
            let repeats = repeated
                .map(|name| format!("two columns are headed `{name}`, expected one of each"));
            let problems: Vec<String> = problems.chain(repeats).collect();
            if problems.is_empty() {
                self.unread.extend(unread);
                self.read_rows(file, grid, columns);
            }
            self.problems
                .extend(problems.into_iter().map(|message| Problem {
                    file: file.to_owned(),
                    line: grid.line,
                    message,
                }));
        }
        if !is_found {
            self.problems.push(Problem {
                file: file.to_owned(),
                line: 0,
                message: format!(
                    "no table with the columns `Permission`, `API` and `Action` among the {} of the page, expected HTML tables, in Markdown too, or grid tables in reStructuredText",
                    grids.len()
                ),
            });
        }
    }

    fn read_rows(&mut self, file: &str, grid: &Grid, columns: Columns) {
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        for row in grid.head..grid.height() {
            if grid.row(row).all(|cell| cell.words.is_empty()) {
                continue;
            }
            let places = columns.map(|column| grid.cell(row, column?));
            let [Some(permission), Some(api), Some(action), _] = places else {
                let texts: Vec<String> = grid.row(row).map(Cell::text).collect();
                self.problems.push(Problem {
                    file: file.to_owned(),
                    line: grid.row(row).next().map_or(grid.line, |cell| cell.line),
                    message: format!(
                        "the row `{}` is too short, expected a cell in each of the columns `Permission`, `API` and `Action`",
                        word::visible(&texts.join(" | "))
                    ),
                });
                continue;
            };
            let dependencies = places.get(3).copied().flatten();
            match drafts.last_mut() {
                Some(draft) if draft.permission.number == permission.number => {
                    draft.add(api, action, dependencies);
                }
                _ => drafts.push(Draft {
                    permission,
                    apis: vec![api],
                    actions: vec![action],
                    dependencies: dependencies.into_iter().collect(),
                    has_dependencies: columns.get(3).copied().flatten().is_some(),
                }),
            }
        }
        for draft in drafts {
            self.rows.extend(draft.read(file, &mut self.problems));
        }
    }
}

/// The columns of a table, the headings of those that are not read, and one that stands twice.
fn columns(grid: &Grid) -> (Columns, Vec<String>, Option<&'static str>) {
    let (mut columns, mut unread, mut repeated) = ([None; 4], Vec::new(), None);
    for column in 0..grid.width() {
        let headings = (0..grid.head).filter_map(|row| grid.cell(row, column));
        let headings: Vec<String> = headings.map(|placed| placed.cell.text()).collect();
        let mut known = columns.iter_mut().zip(COLUMNS);
        let known = known.find(|(_, (_, names))| {
            let mut headings = headings.iter();
            headings.any(|heading| names.contains(&key(heading).as_str()))
        });
        match (known, headings.first()) {
            (Some((place @ None, _)), _) => *place = Some(column),
            (Some((Some(_), (name, _))), _) => repeated = Some(name),
            (None, Some(heading)) if !heading.is_empty() => unread.push(heading.clone()),
            (None, _) => {}
        }
    }
    (columns, unread, repeated)
}

/// A heading without what stands in parentheses, in lower case.
fn key(heading: &str) -> String {
    let end = heading.find(['(', '（']).unwrap_or(heading.len());
    let key = heading.get(..end).unwrap_or(heading);
    key.trim().to_lowercase()
}

/// The cells of one permission, which may span several rows.
struct Draft<'a> {
    permission: Placed<'a>,
    apis: Vec<Placed<'a>>,
    actions: Vec<Placed<'a>>,
    dependencies: Vec<Placed<'a>>,
    has_dependencies: bool,
}

impl<'a> Draft<'a> {
    fn add(&mut self, api: Placed<'a>, action: Placed<'a>, dependencies: Option<Placed<'a>>) {
        let cells = [
            (&mut self.apis, Some(api)),
            (&mut self.actions, Some(action)),
            (&mut self.dependencies, dependencies),
        ];
        for (known, placed) in cells {
            known.extend(placed.filter(|placed| {
                let mut known = known.iter();
                !known.any(|other| {
                    other.number == placed.number || other.cell.text() == placed.cell.text()
                })
            }));
        }
    }

    /// The row, if nothing is wrong with it.
    fn read(self, file: &str, problems: &mut Vec<Problem>) -> Option<Row> {
        let permission = self.permission.cell.text();
        let words = |cells: &[Placed<'a>]| -> Vec<&'a Word> {
            let words = cells.iter().flat_map(|placed| &placed.cell.words);
            words.collect()
        };
        let routes = words(&self.apis);
        let name = name(&permission, &routes);
        let line = self.permission.cell.words.first();
        let line = line.map_or(self.permission.cell.line, |word| word.line);
        let before = problems.len();
        let mut report = |line: usize, message: String| {
            problems.push(Problem {
                file: file.to_owned(),
                line,
                message: format!("{name}: {message}"),
            });
        };
        if permission.is_empty() {
            report(
                line,
                "the permission is empty, expected its label".to_owned(),
            );
        }
        let shown = word::visible(&permission);
        if shown != permission {
            let message = format!("the label `{shown}` holds what nobody can see, expected text");
            report(line, message);
        }
        let are_many = |cells: &[Placed<'_>]| cells.len() > 1;
        if are_many(&self.apis) && (are_many(&self.actions) || are_many(&self.dependencies)) {
            let message = "one permission spans routes that demand different actions, expected a permission for each";
            report(line, message.to_owned());
        }
        let routes = word::routes(&routes, file, &mut report);
        if routes.is_empty() && self.apis.iter().all(|api| api.cell.words.is_empty()) {
            let message = "the row has no route, expected such as `GET /v2.1/{project_id}/servers`";
            report(line, message.to_owned());
        }
        let texts = words(&self.actions);
        if texts.iter().all(|word| word::is_nothing(&word.text)) {
            let message = "the row demands no action, expected at least one such as `ecs:servers:get`; a row that needs none is written by hand, with `access`";
            report(line, message.to_owned());
        }
        let actions = word::actions(&texts, &mut report);
        let dependencies = word::actions(&words(&self.dependencies), &mut report);
        (problems.len() == before).then(|| Row {
            place: Place {
                file: file.to_owned(),
                line,
            },
            permission,
            routes,
            actions,
            dependencies: self.has_dependencies.then_some(dependencies),
            name,
        })
    }
}

fn name(permission: &str, routes: &[&Word]) -> String {
    let texts: Vec<&str> = routes.iter().map(|word| word.text.as_str()).collect();
    let routes = word::visible(&texts.join(" "));
    let permission = word::visible(permission);
    match routes.char_indices().nth(MAX_NAME) {
        Some((end, _)) => {
            let start = routes.get(..end).unwrap_or_default();
            format!("the row `{permission}` (`{start}…`)")
        }
        None => format!("the row `{permission}` (`{routes}`)"),
    }
}
