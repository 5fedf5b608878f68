//! Raw requests, one row an attack: what is refused never reaches the upstream, and what is
//! forwarded reaches it once, in exactly the stated bytes.
//!
//! After each row the next good request on a fresh connection works, and the audit has a line for
//! every answer with its reason.

mod check;
mod chunk;
mod credential;
mod deciding;
mod encoding;
mod framing;
mod header;
mod hop;
mod host;
mod http2;
mod kind;
mod pipeline;
mod protocol;
mod query;
mod row;
mod size;
mod target;

use check::{check, check_behind};
use row::Row;

use crate::support::Setup;

/// Every class that stands behind a gateway without further settings.
const PLAIN: [fn() -> Vec<Row>; 12] = [
    chunk::rows,
    credential::rows,
    encoding::rows,
    framing::rows,
    header::rows,
    hop::rows,
    host::rows,
    kind::rows,
    pipeline::rows,
    protocol::rows,
    query::rows,
    target::rows,
];

#[test]
fn the_table_has_rows_enough() {
    let mut rows: Vec<Row> = PLAIN.iter().flat_map(|rows| rows()).collect();
    rows.extend(host::limited_rows());
    rows.extend(size::rows());
    rows.extend(deciding::rows());
    let names = rows.iter().map(|row| row.name).collect();
    let frames = http2::rows().iter().map(|row| row.name).collect();
    let count = different(names) + different(frames);
    println!("{count} rows");
    assert!(count >= 150);
}

/// How many names there are, each of which stands there once.
fn different(mut names: Vec<&str>) -> usize {
    names.sort_unstable();
    let repeated = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(repeated, None, "two rows of one name");
    names.len()
}

#[test]
fn start_lines_and_targets() {
    check(target::rows());
}

#[test]
fn encodings_and_dot_segments() {
    check(encoding::rows());
}

#[test]
fn kinds_of_parameters() {
    check(kind::rows());
}

#[test]
fn queries_and_method_overrides() {
    check(query::rows());
}

#[test]
fn hosts_and_the_absolute_form() {
    check(host::rows());
}

#[test]
fn a_limit_on_hosts() {
    let setup = |setup: Setup| setup.listen("hosts = [\"api.test\", \"other.test:8774\"]");
    check_behind(setup, host::limited_rows());
}

#[test]
fn lengths_and_codings() {
    check(framing::rows());
}

#[test]
fn chunks() {
    check(chunk::rows());
}

#[test]
fn header_lines() {
    check(header::rows());
}

#[test]
fn credentials_and_identities() {
    check(credential::rows());
}

#[test]
fn what_belongs_to_one_connection() {
    check(hop::rows());
}

#[test]
fn one_request_after_another() {
    check(pipeline::rows());
}

#[test]
fn other_protocols() {
    check(protocol::rows());
}

#[test]
fn frames_of_http2() {
    http2::check(http2::rows());
}

#[test]
fn bodies_that_decide() {
    check_behind(|setup| setup.table(deciding::TABLE), deciding::rows());
}

#[test]
fn sizes() {
    check_behind(|setup| setup.listen("max_body = \"1KiB\""), size::rows());
}
