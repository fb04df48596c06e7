//! The built-in load generator: raw HTTP/1.1 over connections that stay open.
//!
//! Used where wrk is absent, and wherever a run ends with its requests instead of with its time:
//! to fill a server, or to end each session once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::chance::Chance;
use super::client::Extent;
use super::traffic::Traffic;
use crate::process::{Failure, Outcome};
use crate::stopwatch::Stopwatch;

pub(super) const CONNECTIONS: usize = 64;

/// When a run ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After this many requests.
    Count(usize),
    /// After this time, with requests at a fixed pace: so many a second over all connections.
    Paced { per_second: u32, span: Duration },
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) seconds: f64,
    /// Answers that were not 2xx, and connections that broke.
    pub(super) errors: u64,
    /// Milliseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Tally {
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds.max(f64::EPSILON)
    }
}

/// Sends `traffic` until it is time to stop.
pub(super) fn run(address: SocketAddr, traffic: &Traffic, until: Until) -> Outcome<Tally> {
    run_by(CONNECTIONS, address, traffic, until)
}

/// The same with another number of connections.
pub(super) fn run_by(
    callers: usize,
    address: SocketAddr,
    traffic: &Traffic,
    until: Until,
) -> Outcome<Tally> {
    Ok(drive(callers, address, traffic, until, false)?.0)
}

/// Creates a session for each request of `traffic`, and returns their tokens.
pub(super) fn create(
    address: SocketAddr,
    traffic: &Traffic,
    count: usize,
) -> Outcome<(Tally, Vec<String>)> {
    let (tally, bodies) = drive(CONNECTIONS, address, traffic, Until::Count(count), true)?;
    if tally.errors > 0 {
        return Err(Failure::new(format!(
            "{} of {count} creates were refused",
            tally.errors
        )));
    }
    let token = |body: &Vec<u8>| {
        let session: serde_json::Value = serde_json::from_slice(body).ok()?;
        Some(session["session_id"].as_str()?.to_owned())
    };
    let tokens: Option<Vec<String>> = bodies.iter().map(token).collect();
    let tokens =
        tokens.ok_or_else(|| Failure::new("a create was answered without a session_id"))?;
    Ok((tally, tokens))
}

fn drive(
    callers: usize,
    address: SocketAddr,
    traffic: &Traffic,
    until: Until,
    keep_bodies: bool,
) -> Outcome<(Tally, Vec<Vec<u8>>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let run = Arc::new(Run {
            traffic: traffic.clone(),
            until,
            keep_bodies,
            next: AtomicUsize::new(0),
            watch: Stopwatch::start(),
        });
        let mut lines = JoinSet::new();
        for number in 0..callers {
            lines.spawn(Line::drive(Arc::clone(&run), address, number));
        }
        let mut all = Line::default();
        while let Some(line) = lines.join_next().await {
            let line =
                line.map_err(|error| Failure::new(format!("the loader broke: {error}")))??;
            all.errors += line.errors;
            all.micros.extend(line.micros);
            all.bodies.extend(line.bodies);
        }
        Ok((all.tally(run.watch.elapsed()), all.bodies))
    })
}

struct Run {
    traffic: Traffic,
    until: Until,
    keep_bodies: bool,
    /// The number of the next request.
    next: AtomicUsize,
    watch: Stopwatch,
}

impl Run {
    /// The next request's number and the moment (after the start) at which it is due, or `None` at
    /// the end.
    fn next(&self) -> Option<(usize, Duration)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = self.watch.elapsed();
        match self.until {
            Until::Elapsed(span) => (now < span).then_some((number, now)),
            Until::Count(count) => (number < count).then_some((number, now)),
            Until::Paced { per_second, span } => {
                let due = Duration::from_secs_f64(number as f64 / f64::from(per_second));
                (due < span).then_some((number, due))
            }
        }
    }
}

/// One connection and what it has seen.
#[derive(Default)]
struct Line {
    errors: u64,
    micros: Vec<u32>,
    bodies: Vec<Vec<u8>>,
}

impl Line {
    async fn drive(run: Arc<Run>, address: SocketAddr, seed: usize) -> Outcome<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut chance = Chance::new(seed_of(seed, &run));
        let (mut line, mut request, mut answer) = (Self::default(), Vec::new(), Vec::new());
        while let Some((number, due)) = run.next() {
            if let Some(early) = due.checked_sub(run.watch.elapsed()) {
                tokio::time::sleep(early).await;
            }
            run.traffic.fill(number, &mut chance, &mut request);
            stream.write_all(&request).await?;
            let extent = read(&mut stream, &mut answer).await?;
            // From the moment at which it was due: a request that had to wait for the one before
            // it has waited all the same.
            let took = run.watch.elapsed().saturating_sub(due);
            line.micros
                .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            line.errors += u64::from(!(200..300).contains(&extent.status));
            if run.keep_bodies {
                line.bodies
                    .push(answer[extent.head..extent.total()].to_vec());
            }
        }
        Ok(line)
    }

    fn tally(&mut self, took: Duration) -> Tally {
        self.micros.sort_unstable();
        let at = |part: f64| {
            let last = self.micros.len().saturating_sub(1);
            let micros = self.micros.get((last as f64 * part) as usize).copied();
            f64::from(micros.unwrap_or(0)) / 1000.0
        };
        Tally {
            requests: self.micros.len() as u64,
            seconds: took.as_secs_f64(),
            errors: self.errors,
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

/// Differs between connections and between runs, so that fresh users are fresh.
fn seed_of(connection: usize, run: &Run) -> u64 {
    static RUNS: AtomicUsize = AtomicUsize::new(1);
    let run_number = RUNS.fetch_add(1, Ordering::Relaxed);
    let drift = run.watch.elapsed().subsec_nanos() as usize;
    ((run_number << 32) ^ (drift << 8) ^ connection) as u64
}

async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Outcome<Extent> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(Failure::new("the server closed a connection"));
        }
        if let Some(extent) = Extent::of(answer)?
            && answer.len() >= extent.total()
        {
            return Ok(extent);
        }
    }
}
