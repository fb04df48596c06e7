//! `cargo xtask bench --full redis`: Redis with few sessions and with very many.
//!
//! Nearly all users have one session, and one user has 10,000. Both servers have a Redis of their
//! own, since one that is shared would be as large for both.

use std::sync::Arc;

use super::load::{self, CONNECTIONS, Tally, Until};
use super::paths::Budget;
use super::redis::{self, Redis};
use super::report::{Extra, Findings, Latency, median};
use super::rounds::Bench;
use super::server::Server;
use super::traffic::Traffic;
use super::{client, filling};
use crate::process::{Failure, Outcome};
use crate::stopwatch::Stopwatch;

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;
const OF_ONE_USER: usize = 10_000;
const CROWDED: &str = "crowded";
/// Room for the user with very many sessions.
const NO_LIMIT: (&str, &str) = ("MAX_SESSIONS_PER_USER", "20000");
/// Creates in one measurement: so few that few sessions stay few.
const CREATES: usize = 2_000;
/// Creates whose audit records are weighed.
const RECORDED: usize = 65_000;

pub(super) fn run(bench: &Bench, kind: &redis::Kind) -> Outcome<Findings> {
    println!("\n{MANY} sessions beside {FEW}, Redis");
    let few = Populated::with(bench, kind, "redis-few", FEW)?;
    let many = Populated::with(bench, kind, "redis-many", MANY)?;
    let mut findings = Findings::default();
    findings.extras.push(Extra {
        name: format!("memory of Redis per session and user, {MANY} users with one each"),
        got: many.bytes_each,
        unit: "bytes",
        budget: Some(Budget {
            bound: 600.0,
            aim: 440.0,
        }),
    });
    findings.extras.push(Extra {
        name: "the same with the record of its creation in the audit log".to_owned(),
        got: recorded(bench, kind)?,
        unit: "bytes",
        budget: None,
    });
    // Creating comes last, since it makes few become more.
    for step in [Step::Validate, Step::FirstPage, Step::Create] {
        grow(bench, step, &few, &many, &mut findings)?;
    }
    for place in [&few, &many] {
        end_all(bench, place, &mut findings)?;
    }
    Ok(findings)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Validate,
    FirstPage,
    Create,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::FirstPage => "first page of the user with 10,000",
            Self::Create => "create",
        }
    }

    fn traffic(self, bench: &Bench, place: &Populated) -> Traffic {
        match self {
            Self::Validate => Traffic::validate(&place.tokens),
            Self::FirstPage => Traffic::first_page(&bench.key, CROWDED),
            Self::Create => Traffic::create(&bench.key),
        }
    }

    fn until(self, bench: &Bench) -> Until {
        match self {
            Self::Validate | Self::FirstPage => Until::Elapsed(bench.options.span),
            Self::Create => Until::Count(CREATES),
        }
    }
}

/// A server whose Redis holds so many sessions, and those of the crowded user.
#[derive(Debug)]
struct Populated {
    sessions: usize,
    /// Without those of the crowded user.
    bytes_each: f64,
    tokens: Arc<Vec<String>>,
    // Dropped in this order: the one that needs the other comes first.
    server: Server,
    _redis: Redis,
}

impl Populated {
    fn with(bench: &Bench, kind: &redis::Kind, name: &str, sessions: usize) -> Outcome<Self> {
        println!("  creating {sessions} sessions");
        let redis = kind.start()?;
        let plan = bench.plan_on(&redis, name, &[NO_LIMIT])?;
        let server = plan.start_afresh()?;
        crowd(bench, &server)?;
        let before = redis.used_memory()?;
        let tokens = filling::fill(&redis.url(), name, sessions)?;
        redis.until_settled()?;
        let bytes = redis.used_memory()?.saturating_sub(before);
        Ok(Self {
            sessions,
            bytes_each: bytes as f64 / sessions as f64,
            tokens: Arc::new(tokens),
            server,
            _redis: redis,
        })
    }

    fn measure(&self, bench: &Bench, step: Step, callers: usize) -> Outcome<Tally> {
        let traffic = step.traffic(bench, self);
        let until = step.until(bench);
        let tally = load::run_by(callers, self.server.address, &traffic, until)?;
        if tally.errors > 0 || tally.requests == 0 {
            let name = step.name();
            return Err(Failure::new(format!("{name}: not all requests went well")));
        }
        Ok(tally)
    }
}

/// What Redis takes for each session that a server creates, which it writes down as well.
fn recorded(bench: &Bench, kind: &redis::Kind) -> Outcome<f64> {
    let redis = kind.start()?;
    let plan = bench.plan_on(&redis, "redis-recorded", &[])?;
    let server = plan.start_afresh()?;
    let before = redis.used_memory()?;
    let traffic = Traffic::create(&bench.key);
    load::create(server.address, &traffic, RECORDED)?;
    // The last records are written when the server ends.
    drop(server);
    redis.until_settled()?;
    let bytes = redis.used_memory()?.saturating_sub(before);
    Ok(bytes as f64 / RECORDED as f64)
}

/// Gives the crowded user as many sessions as that one has.
fn crowd(bench: &Bench, server: &Server) -> Outcome {
    let users = vec![CROWDED.to_owned(); OF_ONE_USER];
    let traffic = Traffic::create_for(&bench.key, users);
    load::create(server.address, &traffic, OF_ONE_USER)?;
    Ok(())
}

/// A step's latency on both, and how much more it costs among many.
fn grow(
    bench: &Bench,
    step: Step,
    few: &Populated,
    many: &Populated,
    findings: &mut Findings,
) -> Outcome {
    let (mut rounds, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.rounds {
        let all = |callers| -> Outcome<[Tally; 2]> {
            Ok([
                few.measure(bench, step, callers)?,
                many.measure(bench, step, callers)?,
            ])
        };
        let (alone, crowded) = (all(1)?, all(CONNECTIONS)?);
        let ratio = crowded[0].per_second() / crowded[1].per_second();
        println!("  {} {ratio:.2}", step.name());
        ratios.push(ratio);
        rounds.push((alone, crowded));
    }
    for (at, place) in [few, many].into_iter().enumerate() {
        let of = |figure: fn(&Tally) -> f64| {
            let alone: Vec<f64> = rounds.iter().map(|round| figure(&round.0[at])).collect();
            let crowded: Vec<f64> = rounds.iter().map(|round| figure(&round.1[at])).collect();
            [median(&alone), median(&crowded)]
        };
        findings.latencies.push(Latency {
            name: step.name(),
            sessions: place.sessions,
            p50: of(|tally| tally.p50),
            p99: of(|tally| tally.p99),
        });
    }
    findings.extras.push(Extra {
        name: format!(
            "{}, Redis: cost at 1,000,000 sessions ÷ cost at 10,000",
            step.name()
        ),
        got: median(&ratios),
        unit: "",
        budget: Some(Budget {
            bound: 1.2,
            aim: 1.0,
        }),
    });
    Ok(())
}

/// Ends the sessions of the crowded user: alone, and while the callers validate.
fn end_all(bench: &Bench, place: &Populated, findings: &mut Findings) -> Outcome {
    let ended = || -> Outcome<f64> {
        let watch = Stopwatch::start();
        client::ask(
            place.server.address,
            &Traffic::end_user(&bench.key, CROWDED),
        )?;
        Ok(watch.elapsed().as_secs_f64())
    };
    let (mut alone, mut crowded) = (Vec::new(), Vec::new());
    for round in 0..bench.options.rounds {
        if round > 0 {
            crowd(bench, &place.server)?;
        }
        alone.push(ended()?);
        crowd(bench, &place.server)?;
        let seconds = std::thread::scope(|scope| {
            let load = scope.spawn(|| place.measure(bench, Step::Validate, CONNECTIONS));
            // Not before the load is there.
            std::thread::sleep(bench.options.span / 4);
            let seconds = ended();
            let load = load.join();
            let load = load.map_err(|_| Failure::new("the load broke"))?;
            load.and(seconds)
        })?;
        crowded.push(seconds);
    }
    for (how, seconds) in [("", &alone), (", while 64 callers validate", &crowded)] {
        let sessions = place.sessions;
        findings.extras.push(Extra {
            name: format!("ending a user's 10,000 sessions among {sessions}, Redis{how}"),
            got: median(seconds),
            unit: "s",
            budget: Some(Budget {
                bound: 1.0,
                aim: 1.0,
            }),
        });
    }
    Ok(())
}
