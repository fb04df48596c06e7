//! Every chore of the repository: `cargo xtask <command>`, one file for each command.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore's whole interface is what it prints"
)]

mod bench;
mod ci;
mod deny;
mod process;
mod stopwatch;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--fast] [args…]   all tests; --fast leaves out the slow ones, args go to the test runner
  ci                      what CI runs: format, clippy, tidy, deny, docs, test
  tidy                    proves docs/architecture.md and the habits of the house
  deny                    licences, sources, bans and advisories of the dependencies
  bench [--full [redis]] [--only WORD] [--rounds N] [--seconds S] [--write] [--no-wrk]
                          measures the release server beside a bare axum route; --only leaves out
                          the paths without the word in their names";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let outcome = match command.as_str() {
        "test" => test::run(&rest),
        "ci" => ci::run(),
        "tidy" => tidy::run(),
        "deny" => deny::run(),
        "bench" => bench::run(&rest),
        "bench-measure" => bench::measure(&rest),
        "bench-bare" => bench::bare(&rest),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        unknown => {
            eprintln!("xtask: unknown command `{unknown}`\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {command}: {failure}");
            ExitCode::FAILURE
        }
    }
}
