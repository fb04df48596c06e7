//! The run: servers up, sessions in, rounds of bare route and real path side by side.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::load::{self, Tally, Until};
use super::options::{Full, Options};
use super::paths::{Kind, PATHS, Path, SETUPS, Setup};
use super::redis::{self, Redis};
use super::report::{self, Findings, Row};
use super::server::{Plan, Server};
use super::traffic::Traffic;
use super::{bare, chance, client, full, interrupt, wrk};
use crate::process::{self, Failure, Outcome};

const USERS: usize = 2_000;
const SESSIONS_EACH: usize = 5;

/// More would measure how large a server can grow, which is another question.
const MOST_ENDED: usize = 60_000;

pub(crate) fn run(args: &[String]) -> Outcome {
    let options = Options::parse(args)?;
    interrupt::watch()?;
    let bench = Bench::prepare(options)?;
    let rows = match bench.options.full {
        Some(Full::RedisAlone) => Vec::new(),
        Some(Full::All) | None => bench.rounds()?,
    };
    let findings = match bench.options.full {
        Some(full) => full::run(&bench, full)?,
        None => Findings::default(),
    };
    let table = report::table(&rows, &findings);
    println!("\n{table}");
    if bench.options.write {
        let file = process::root().join("docs/benchmarks.md");
        fs::write(
            &file,
            report::page(
                &table,
                &bench.options,
                bench.generator(),
                bench.redis.as_ref(),
            ),
        )?;
        println!("written to docs/benchmarks.md");
    }
    Ok(())
}

/// What stays the same for the whole run.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) options: Options,
    pub(super) folder: PathBuf,
    pub(super) key: String,
    /// `None` without such a program on this machine.
    pub(super) redis: Option<redis::Kind>,
    program: PathBuf,
    use_wrk: bool,
}

/// A server with its sessions.
#[derive(Debug)]
pub(super) struct Filled {
    name: &'static str,
    pub(super) server: Server,
    pub(super) tokens: Arc<Vec<String>>,
    pub(super) users: Arc<Vec<String>>,
}

impl Bench {
    fn prepare(options: Options) -> Outcome<Self> {
        let program = match &options.server {
            Some(program) => program.canonicalize()?,
            None => {
                process::run(process::cargo().args(["build", "--release", "-p", "sessiond"]))?;
                process::root().join("target/release/sessiond")
            }
        };
        let folder = process::root().join("target/bench");
        fs::create_dir_all(&folder)?;
        let use_wrk = options.wrk && wrk::is_present();
        Ok(Self {
            options,
            folder,
            key: chance::key("svc_")?,
            redis: redis::Kind::found(),
            program,
            use_wrk,
        })
    }

    fn generator(&self) -> &'static str {
        if self.use_wrk {
            "wrk"
        } else {
            "the built-in loader"
        }
    }

    pub(super) fn plan(&self, name: &str, settings: &[(&'static str, &str)]) -> Outcome<Plan> {
        let keys = [
            ("SESSION_SERVICE_KEYS", self.key.clone()),
            ("SESSION_ADMIN_KEYS", chance::key("adm_")?),
        ];
        let settings = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Ok(Plan {
            program: self.program.clone(),
            folder: self.folder.join(name),
            settings: keys.into_iter().chain(settings).collect(),
            beside: None,
        })
    }

    /// The same on a Redis, with the keys of that name.
    pub(super) fn plan_on(
        &self,
        redis: &Redis,
        name: &str,
        settings: &[(&'static str, &str)],
    ) -> Outcome<Plan> {
        let mut plan = self.plan(name, settings)?;
        plan.settings.extend(redis.settings(name));
        plan.beside = Some(redis.beside());
        Ok(plan)
    }

    /// What was asked for, as far as this machine has what it takes.
    fn paths(&self) -> impl Iterator<Item = &'static Path> {
        let is_possible = |path: &&Path| {
            let mut setups = SETUPS.iter().filter(|setup| setup.name == path.setup);
            self.redis.is_some() || setups.all(|setup| !setup.on_redis)
        };
        let is_asked_for = |path: &&Path| {
            let only = self.options.only.as_deref().unwrap_or_default();
            path.name.contains(only)
        };
        PATHS.iter().filter(is_possible).filter(is_asked_for)
    }

    fn rounds(&self) -> Outcome<Vec<Row>> {
        let paths: Vec<Path> = self.paths().copied().collect();
        // Up before the servers that need it, and down after them.
        let redis = self.redis.as_ref().map(redis::Kind::start).transpose()?;
        let servers: Vec<Filled> = SETUPS
            .iter()
            .filter(|setup| paths.iter().any(|path| path.setup == setup.name))
            .map(|setup| self.fill(setup, redis.as_ref()))
            .collect::<Outcome<_>>()?;
        let bare = self.bare(&servers, &paths)?;
        let mut rows: Vec<Row> = paths.into_iter().map(Row::new).collect();
        for round in 1..=self.options.rounds {
            println!(
                "\nround {round} of {}, load by {}",
                self.options.rounds,
                self.generator()
            );
            for row in &mut rows {
                let filled = on(&servers, row.path.setup)?;
                // Which one comes first changes, or a machine that slows down would favour one.
                let pair = self.side_by_side(row.path, filled, &bare, round % 2 == 0)?;
                println!("{}", pair.shown(row.path.name));
                row.pairs.push(pair);
            }
        }
        Ok(rows)
    }

    fn fill(&self, setup: &'static Setup, redis: Option<&Redis>) -> Outcome<Filled> {
        println!(
            "starting {} with {} sessions",
            setup.name,
            USERS * SESSIONS_EACH
        );
        let plan = match redis.filter(|_| setup.on_redis) {
            Some(redis) => self.plan_on(redis, setup.name, setup.settings)?,
            None => self.plan(setup.name, setup.settings)?,
        };
        let server = plan.start_afresh()?;
        // As long as a fresh user's name, so that both are answered with as many bytes.
        let users: Vec<String> = (0..USERS).map(|user| format!("{user:012}")).collect();
        let each = users
            .iter()
            .cloned()
            .cycle()
            .take(USERS * SESSIONS_EACH)
            .collect();
        let traffic = Traffic::create_for(&self.key, each);
        let (_, tokens) = load::create(server.address, &traffic, USERS * SESSIONS_EACH)?;
        Ok(Filled {
            name: setup.name,
            server,
            tokens: Arc::new(tokens),
            users: Arc::new(users),
        })
    }

    /// The bare server, once it knows what the real one answers.
    fn bare(&self, servers: &[Filled], paths: &[Path]) -> Outcome<Server> {
        let mut samples = Vec::new();
        for kind in [Kind::Validate, Kind::List, Kind::Create, Kind::End] {
            let Some(path) = paths.iter().find(|path| path.kind == kind) else {
                continue;
            };
            let filled = on(servers, path.setup)?;
            let answer = client::ask(filled.server.address, &self.traffic(kind, filled))?;
            let (method, route) = kind.route();
            samples.push((method, route, answer));
        }
        let file = self.folder.join("bare.json");
        bare::note(&file, &samples)?;
        Server::bare(&file)
    }

    fn traffic(&self, kind: Kind, filled: &Filled) -> Traffic {
        match kind {
            Kind::Validate => Traffic::validate(&filled.tokens),
            Kind::Create => Traffic::create(&self.key),
            Kind::End => Traffic::end(&self.key, &filled.tokens),
            Kind::List => Traffic::list(&self.key, &filled.users),
        }
    }

    fn side_by_side(
        &self,
        path: Path,
        filled: &Filled,
        bare: &Server,
        real_first: bool,
    ) -> Outcome<Pair> {
        let (traffic, until) = if path.kind == Kind::End {
            let tokens = Arc::new(self.doomed(&filled.server)?);
            let count = tokens.len();
            (Traffic::end(&self.key, &tokens), Until::Count(count))
        } else {
            (
                self.traffic(path.kind, filled),
                Until::Elapsed(self.options.span),
            )
        };
        let measure = |server: &Server| self.measure(path.name, server, &traffic, until);
        if real_first {
            let real = measure(&filled.server)?;
            Ok(Pair {
                real,
                bare: measure(bare)?,
            })
        } else {
            let bare = measure(bare)?;
            Ok(Pair {
                real: measure(&filled.server)?,
                bare,
            })
        }
    }

    /// Sessions to end: as many as the server creates in the time of one measurement.
    fn doomed(&self, server: &Server) -> Outcome<Vec<String>> {
        let traffic = Traffic::create(&self.key);
        let probe = load::run(
            server.address,
            &traffic,
            Until::Elapsed(Duration::from_millis(300)),
        )?;
        let count = probe.per_second() * self.options.span.as_secs_f64();
        let count = (count as usize).clamp(1_000, MOST_ENDED);
        Ok(load::create(server.address, &traffic, count)?.1)
    }

    /// One measurement. Any answer but 2xx ends the bench: the figures would mean nothing.
    pub(super) fn measure(
        &self,
        name: &str,
        server: &Server,
        traffic: &Traffic,
        until: Until,
    ) -> Outcome<Measured> {
        let before = server.cpu_ticks()?;
        let tally = match until {
            Until::Elapsed(span) if self.use_wrk => {
                let seed = usize::try_from(before).unwrap_or(0);
                wrk::run(
                    &self.folder.join("wrk"),
                    server.address,
                    traffic,
                    span,
                    seed,
                )?
            }
            _ => load::run(server.address, traffic, until)?,
        };
        if tally.errors > 0 || tally.requests == 0 {
            let (errors, all) = (tally.errors, tally.requests);
            return Err(Failure::new(format!(
                "{name}: {errors} of {all} requests failed"
            )));
        }
        let ticks = server.cpu_ticks()?.saturating_sub(before);
        Ok(Measured {
            cpu_per_request: ticks as f64 / tally.requests as f64,
            tally,
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    /// In ticks.
    pub(super) cpu_per_request: f64,
}

/// The same requests, to both, one right after the other.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) real: Measured,
    pub(super) bare: Measured,
}

impl Pair {
    pub(super) fn speed(&self) -> f64 {
        self.real.tally.per_second() / self.bare.tally.per_second()
    }

    pub(super) fn cpu(&self) -> f64 {
        self.real.cpu_per_request / self.bare.cpu_per_request
    }

    fn shown(&self, name: &str) -> String {
        format!(
            "  {name:<36} {:>7.0}/s beside {:>7.0}/s: {:.2}, cpu {:.2}, p99 {:.2} ms beside {:.2} ms",
            self.real.tally.per_second(),
            self.bare.tally.per_second(),
            self.speed(),
            self.cpu(),
            self.real.tally.p99,
            self.bare.tally.p99,
        )
    }
}

fn on<'a>(servers: &'a [Filled], setup: &str) -> Outcome<&'a Filled> {
    servers
        .iter()
        .find(|filled| filled.name == setup)
        .ok_or_else(|| Failure::new(format!("no server is set up as {setup}")))
}
