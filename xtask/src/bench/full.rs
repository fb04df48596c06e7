//! `cargo xtask bench --full`: what takes minutes to set up. Growth, pace, memory, start.

use super::load::{self, Until};
use super::options::Full;
use super::paths::{Budget, Kind};
use super::report::{Extra, Findings, median};
use super::rounds::Bench;
use super::server::{Plan, Server};
use super::traffic::Traffic;
use super::{bare, client, population};
use crate::process::{Failure, Outcome};
use crate::stopwatch::Stopwatch;

const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
const CACHED: usize = 100_000;
const OF_ONE_USER: usize = 10_000;
const PACE: u32 = 10_000;

const SQLITE: (&str, &str) = ("SESSION_STORE", "sqlite");
const MEMORY: (&str, &str) = ("SESSION_STORE", "memory");
/// Room for the user with very many sessions.
const NO_LIMIT: (&str, &str) = ("MAX_SESSIONS_PER_USER", "20000");

pub(super) fn run(bench: &Bench, full: Full) -> Outcome<Findings> {
    let mut extras = Vec::new();
    if full == Full::All {
        extras = all_but_redis(bench)?;
    }
    let mut findings = match &bench.redis {
        Some(redis) => population::run(bench, redis)?,
        None if full == Full::All => Findings::default(),
        None => return Err(Failure::new("there is no Redis to measure")),
    };
    findings.extras.splice(0..0, extras);
    Ok(findings)
}

fn all_but_redis(bench: &Bench) -> Outcome<Vec<Extra>> {
    let mut extras = Vec::new();
    extras.extend(pace(bench)?);
    extras.extend(memory(bench)?);
    extras.extend(crowd(bench, "memory", MEMORY)?);
    extras.extend(crowd(bench, "SQLite", SQLITE)?);
    extras.extend(growth(bench)?);
    Ok(extras)
}

/// How much longer the slowest hundredth waits than on the bare route, at a fixed pace.
fn pace(bench: &Bench) -> Outcome<Vec<Extra>> {
    println!("\nvalidate at {PACE} requests a second");
    let plan = bench.plan("paced", &[SQLITE])?;
    let server = plan.start_afresh()?;
    let traffic = Traffic::validate(&filled(bench, &server, 10_000)?.into());
    let answer = client::ask(server.address, &traffic)?;
    let samples = bench.folder.join("paced.json");
    let (method, route) = Kind::Validate.route();
    bare::note(&samples, &[(method, route, answer)])?;
    let bare = Server::bare(&samples)?;
    let until = Until::Paced {
        per_second: PACE,
        span: bench.options.span,
    };
    let mut later = Vec::new();
    for _ in 0..bench.options.rounds {
        let limit = bench.measure("paced, bare", &bare, &traffic, until)?.tally;
        let got = bench.measure("paced", &server, &traffic, until)?.tally;
        println!("  p99 {:.2} ms beside {:.2} ms", got.p99, limit.p99);
        later.push(got.p99 - limit.p99);
    }
    Ok(vec![Extra {
        name: "validate, SQLite, strict, at 10,000 requests/s: p99 above the bare route's"
            .to_owned(),
        got: median(&later),
        unit: "ms",
        budget: Some(Budget {
            bound: 2.0,
            aim: 2.0,
        }),
    }])
}

fn memory(bench: &Bench) -> Outcome<Vec<Extra>> {
    println!("\nmemory, idle and per cached session");
    let server = bench.plan("resident", &[SQLITE])?.start_afresh()?;
    let idle = server.resident()?;
    // What load itself takes (buffers, pools, pages) must not be put down to sessions.
    let warm = Traffic::validate(&filled(bench, &server, FEW)?.into());
    bench.measure("warming", &server, &warm, Until::Count(20_000))?;
    let before = server.resident()?;
    let traffic = Traffic::validate(&filled(bench, &server, CACHED)?.into());
    // Twice each on average, so that hardly any is missing in the cache.
    bench.measure(
        "filling the cache",
        &server,
        &traffic,
        Until::Count(2 * CACHED),
    )?;
    let each = (server.resident()?.saturating_sub(before)) as f64 / CACHED as f64;
    Ok(vec![
        Extra {
            name: "idle server, SQLite: resident memory".to_owned(),
            got: idle as f64 / 1e6,
            unit: "MB",
            budget: Some(Budget {
                bound: 30.0,
                aim: 30.0,
            }),
        },
        Extra {
            name: "memory per cached session, SQLite".to_owned(),
            got: each,
            unit: "bytes",
            budget: Some(Budget {
                bound: 600.0,
                aim: 300.0,
            }),
        },
    ])
}

/// One user with very many sessions: the first page of the list, and ending them all.
fn crowd(bench: &Bench, store: &str, setting: (&'static str, &str)) -> Outcome<Vec<Extra>> {
    println!("\na user with {OF_ONE_USER} sessions, {store}");
    let server = bench.plan("crowd", &[setting, NO_LIMIT])?.start_afresh()?;
    let create = |user: &str, count| {
        let users = vec![user.to_owned(); count];
        load::create(
            server.address,
            &Traffic::create_for(&bench.key, users),
            count,
        )
    };
    create("crowded", OF_ONE_USER)?;
    // More than the page holds, so that both answers are of one size.
    create("ordinary", 100)?;
    let page = |user: &str| {
        let traffic = Traffic::first_page(&bench.key, user);
        bench.measure(
            "first page",
            &server,
            &traffic,
            Until::Elapsed(bench.options.span),
        )
    };
    let ratio = page("ordinary")?.tally.per_second() / page("crowded")?.tally.per_second();
    let watch = Stopwatch::start();
    client::ask(server.address, &Traffic::end_user(&bench.key, "crowded"))?;
    let seconds = watch.elapsed().as_secs_f64();
    Ok(vec![
        Extra {
            name: format!("first page of 10,000 sessions ÷ that of 100, {store}: time"),
            got: ratio,
            unit: "",
            budget: Some(Budget {
                bound: 1.2,
                aim: 1.0,
            }),
        },
        Extra {
            name: format!("ending a user's 10,000 sessions, {store}"),
            got: seconds,
            unit: "s",
            budget: Some(Budget {
                bound: 1.0,
                aim: 1.0,
            }),
        },
    ])
}

/// Each path's cost with very many sessions, as a multiple of that with few.
fn growth(bench: &Bench) -> Outcome<Vec<Extra>> {
    println!("\n{MANY} sessions beside {FEW}, SQLite");
    let few = bench.plan("few", &[SQLITE])?.start_afresh()?;
    let few_tokens = filled(bench, &few, FEW)?;
    let plan = bench.plan("many", &[SQLITE])?;
    let many = plan.start_afresh()?;
    let many_tokens = filled(bench, &many, MANY)?;
    let mut extras = Vec::new();
    for (name, [of_few, of_many]) in [
        (
            "stats",
            [Traffic::stats(&bench.key), Traffic::stats(&bench.key)],
        ),
        (
            "list",
            [FEW, MANY].map(|count| Traffic::list(&bench.key, &users(count).into())),
        ),
        (
            "validate",
            [few_tokens, many_tokens].map(|tokens| Traffic::validate(&tokens.into())),
        ),
        // Last, since it makes few become more.
        (
            "create",
            [Traffic::create(&bench.key), Traffic::create(&bench.key)],
        ),
    ] {
        let mut ratios = Vec::new();
        for _ in 0..bench.options.rounds {
            let until = Until::Elapsed(bench.options.span);
            let fast = bench
                .measure(name, &few, &of_few, until)?
                .tally
                .per_second();
            let slow = bench
                .measure(name, &many, &of_many, until)?
                .tally
                .per_second();
            println!("  {name:<10} {slow:>7.0}/s beside {fast:>7.0}/s");
            ratios.push(fast / slow);
        }
        extras.push(Extra {
            name: format!("{name}, SQLite: cost at 1,000,000 sessions ÷ cost at 1,000"),
            got: median(&ratios),
            unit: "",
            budget: Some(Budget {
                bound: 1.2,
                aim: 1.0,
            }),
        });
    }
    drop(many);
    extras.push(restart(&plan)?);
    Ok(extras)
}

/// The time from the start of the program to its first good answer, on a file full of sessions.
fn restart(plan: &Plan) -> Outcome<Extra> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let watch = Stopwatch::start();
        let server = plan.start()?;
        times.push(watch.elapsed().as_secs_f64() * 1000.0);
        drop(server);
    }
    Ok(Extra {
        name: "start to first answer, SQLite with 1,000,000 sessions".to_owned(),
        got: median(&times),
        unit: "ms",
        budget: Some(Budget {
            bound: 100.0,
            aim: 100.0,
        }),
    })
}

/// Creates `count` sessions, five for each user, and returns their tokens.
fn filled(bench: &Bench, server: &Server, count: usize) -> Outcome<Vec<String>> {
    println!("  creating {count} sessions");
    let each = users(count).into_iter().cycle().take(count).collect();
    Ok(load::create(
        server.address,
        &Traffic::create_for(&bench.key, each),
        count,
    )?
    .1)
}

fn users(sessions: usize) -> Vec<String> {
    (0..sessions / 5)
        .map(|user| format!("{user:012}"))
        .collect()
}
