//! `cargo xtask ci`: what must hold before a change lands, cheapest first.

use std::time::Duration;

use crate::process::{self, Failure, Outcome};
use crate::stopwatch::Stopwatch;
use crate::{deny, test, tidy};

type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 6] = [
    ("format", format),
    ("clippy", clippy),
    ("tidy", tidy::run),
    ("deny", deny::run),
    ("docs", docs),
    ("test", || test::run(&[])),
];

pub(crate) fn run() -> Outcome {
    let mut done = Vec::new();
    for (name, step) in STEPS {
        println!("\n==> {name}");
        let watch = Stopwatch::start();
        let outcome = step();
        let took = watch.elapsed();
        if let Err(failure) = outcome {
            return Err(Failure::new(format!(
                "step `{name}` failed {}: {failure}",
                after(took)
            )));
        }
        println!("<== {name}: ok {}", after(took));
        done.push(format!("{name} {:.1} s", took.as_secs_f64()));
    }
    println!("\nci: ok ({})", done.join(", "));
    Ok(())
}

fn after(took: Duration) -> String {
    format!("after {:.1} s", took.as_secs_f64())
}

fn format() -> Outcome {
    process::run(process::cargo().args(["fmt", "--all", "--check"]))
}

/// `--locked`, since a lock file that a change forgot must not be mended in passing.
fn clippy() -> Outcome {
    process::run(process::cargo().args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))
}

fn docs() -> Outcome {
    process::run(
        process::cargo()
            .args(["doc", "--no-deps", "--workspace", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
