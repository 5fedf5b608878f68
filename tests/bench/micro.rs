//! How long the parts take that need no network: `cargo bench --bench micro [-- FILTER]`
//!
//! With `--count NAME TIMES` one of them runs so often and nothing is timed: for
//! `tests/bench/instructions`, which counts.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

mod body;
mod caller;
mod decision;
mod request;
mod signer;
mod token;

use criterion::Criterion;

/// As the program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One thing to measure.
struct Case {
    name: String,
    prepare: Box<dyn Fn() -> Run>,
}

/// Does it once.
type Run = Box<dyn FnMut()>;

impl Case {
    fn new(name: impl Into<String>, prepare: impl Fn() -> Run + 'static) -> Self {
        Self {
            name: name.into(),
            prepare: Box::new(prepare),
        }
    }
}

/// For as long as the program runs, so that what is measured can borrow it.
fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn main() {
    let cases = decision::cases().into_iter();
    let mut cases = cases.chain(token::cases()).chain(body::cases());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [option, name, times] if option == "--count" => {
            let case = cases.find(|case| case.name == *name);
            count(&mut (case.unwrap().prepare)(), times.parse().unwrap());
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            for case in cases {
                let mut run = None;
                criterion.bench_function(&case.name, |bencher| {
                    bencher.iter(run.get_or_insert_with(|| (case.prepare)()));
                });
            }
            criterion.final_summary();
        }
    }
}

/// Not inlined: what is counted is found by this name.
#[inline(never)]
fn count(run: &mut Run, times: usize) {
    for _ in 0..times {
        run();
    }
}
