//! What the run came to: got, budget, aim.

use std::fs;
use std::process::Command;

use super::options::{Full, Options};
use super::paths::{Budget, Path};
use super::redis;
use super::rounds::Pair;
use crate::process;

/// A path with what each round gave.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) path: Path,
    pub(super) pairs: Vec<Pair>,
}

impl Row {
    pub(super) fn new(path: Path) -> Self {
        Self {
            path,
            pairs: Vec::new(),
        }
    }
}

/// Something that is measured once and without a bare route beside it.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) name: String,
    pub(super) got: f64,
    pub(super) unit: &'static str,
    /// At most.
    pub(super) budget: Option<Budget>,
}

/// How long a step takes among so many sessions: for one caller, and for one of 64.
#[derive(Debug)]
pub(super) struct Latency {
    pub(super) name: &'static str,
    pub(super) sessions: usize,
    /// Milliseconds.
    pub(super) p50: [f64; 2],
    pub(super) p99: [f64; 2],
}

/// What was found out apart from the rounds.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) extras: Vec<Extra>,
    pub(super) latencies: Vec<Latency>,
}

/// Everything as Markdown, which reads well in a terminal too.
pub(super) fn table(rows: &[Row], findings: &Findings) -> String {
    let mut lines = vec![
        "| path | got (least … most) | at least | aim | | CPU per request | at most | aim | | \
         p50 ms (bare) | p99 ms (bare) |"
            .to_owned(),
        format!("|{}", "---|".repeat(11)),
    ];
    lines.extend(rows.iter().map(line));
    if rows.is_empty() {
        lines.clear();
    }
    if !findings.extras.is_empty() {
        lines.push("\n| what | got | at most | aim | |\n|---|---|---|---|---|".to_owned());
        lines.extend(findings.extras.iter().map(extra));
    }
    if !findings.latencies.is_empty() {
        lines.push(
            "\n| Redis, ms | sessions | one caller: p50 | p99 | 64 callers: p50 | p99 |\n\
             |---|---|---|---|---|---|"
                .to_owned(),
        );
        lines.extend(findings.latencies.iter().map(latency));
    }
    lines.join("\n") + "\n"
}

fn line(row: &Row) -> String {
    let speeds: Vec<f64> = row.pairs.iter().map(Pair::speed).collect();
    let cpus: Vec<f64> = row.pairs.iter().map(Pair::cpu).collect();
    let of = |figure: fn(&Pair) -> f64| median(&row.pairs.iter().map(figure).collect::<Vec<_>>());
    format!(
        "| {} | {} | {} | {} | {} | {:.2} ({:.2}) | {:.2} ({:.2}) |",
        row.path.name,
        spread(&speeds),
        bounds(row.path.speed, |budget| median(&speeds) >= budget),
        spread(&cpus),
        bounds(row.path.cpu, |budget| median(&cpus) <= budget),
        of(|pair| pair.real.tally.p50),
        of(|pair| pair.bare.tally.p50),
        of(|pair| pair.real.tally.p99),
        of(|pair| pair.bare.tally.p99),
    )
}

fn extra(extra: &Extra) -> String {
    let digits = if extra.got < 10.0 { 2 } else { 0 };
    let (name, got, unit) = (&extra.name, extra.got, extra.unit);
    format!(
        "| {name} | {got:.digits$} {unit} | {} |",
        bounds(extra.budget, |most| got <= most)
    )
}

fn latency(latency: &Latency) -> String {
    let Latency {
        name,
        sessions,
        p50,
        p99,
    } = latency;
    format!(
        "| {name} | {sessions} | {:.2} | {:.2} | {:.2} | {:.2} |",
        p50[0], p99[0], p50[1], p99[1]
    )
}

/// Three cells: the budget, the aim, and whether they were met.
fn bounds(budget: Option<Budget>, met: impl Fn(f64) -> bool) -> String {
    let Some(Budget { bound, aim }) = budget else {
        return "– | – | ".to_owned();
    };
    let verdict = match (met(bound), met(aim)) {
        (_, true) => "aim met",
        (true, false) => "met",
        (false, false) => "**missed**",
    };
    let shown = |number: f64| match number {
        small if small < 10.0 => format!("{small:.2}"),
        large => format!("{large:.0}"),
    };
    format!("{} | {} | {verdict}", shown(bound), shown(aim))
}

fn spread(figures: &[f64]) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.2} ({least:.2} … {most:.2})", median(figures))
}

pub(super) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// `docs/benchmarks.md`.
pub(super) fn page(
    table: &str,
    options: &Options,
    generator: &str,
    redis: Option<&redis::Kind>,
) -> String {
    format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`; do not edit. Measured on {}, {}, by\n\n\
         ```sh\n{}\n```\n\n\
         Every figure is a ratio to a bare axum route that answers the same bytes to the same \
         requests: the median over {} rounds of {} s each, with the least and the most round. \
         64 connections, 10,000 sessions, ids picked at random, load by {generator} on the same \
         machine (sessions are ended by the built-in loader, each one once). CPU per request is \
         the user and system time of the server process over the run, divided by the requests. \
         {} A machine of another kind gives other ratios: compare runs, not documents.\n\n{table}",
        today(),
        machine(),
        command(options),
        options.rounds,
        options.span.as_secs(),
        about_redis(redis),
    )
}

fn about_redis(redis: Option<&redis::Kind>) -> String {
    match redis {
        Some(redis) => format!(
            "{} runs on the same machine ({}), one for all servers on it, each with keys of its \
             own; its time counts as theirs.",
            redis.name(),
            redis::SETTINGS,
        ),
        None => "Nothing is told of Redis: there was no `redis-server` on this machine.".to_owned(),
    }
}

fn command(options: &Options) -> String {
    let mut words = vec!["cargo xtask bench".to_owned()];
    words.extend(options.full.map(|full| match full {
        Full::All => "--full".to_owned(),
        Full::RedisAlone => "--full redis".to_owned(),
    }));
    words.extend((!options.wrk).then(|| "--no-wrk".to_owned()));
    words.push(format!(
        "--rounds {} --seconds {}",
        options.rounds,
        options.span.as_secs()
    ));
    words.join(" ")
}

fn today() -> String {
    let date = process::answer(Command::new("date").args(["-u", "+%Y-%m-%d"]));
    date.map_or_else(
        || "an unknown day".to_owned(),
        |date| date.trim().to_owned(),
    )
}

/// Its kind, and nothing that would tell which one it is.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes: f64 = memory
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .unwrap_or(0.0);
    let gibibytes = kibibytes / 1024.0 / 1024.0;
    format!(
        "{cores} cores and {gibibytes:.0} GiB of memory ({})",
        std::env::consts::ARCH
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn a_missed_budget_stands_out() {
        let budget = Some(Budget {
            bound: 0.8,
            aim: 0.9,
        });
        assert!(bounds(budget, |bound| 0.7 >= bound).ends_with("**missed**"));
        assert!(bounds(budget, |bound| 0.85 >= bound).ends_with("| met"));
        assert!(bounds(budget, |bound| 0.95 >= bound).ends_with("aim met"));
    }
}
