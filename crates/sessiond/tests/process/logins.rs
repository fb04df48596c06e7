//! Logins at a real server: what their time tells, and what many of them at once do to everybody else.

#![expect(
    clippy::disallowed_methods,
    reason = "the time that a real server takes is what is looked at"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::{Client, Server, Whole, command};

const PASSWORD: &str = "a long and unusual sentence";

fn login(client: &mut Client, email: &str, password: &str) -> Whole {
    let body = json!({"email": email, "password": password});
    let path = "/auth/sessions/enhanced-login";
    let answer = client.exchange("POST", path, "", Some(&body));
    answer.expect("the server answers")
}

fn register(client: &mut Client, email: &str) {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = client.exchange("POST", "/auth/register", "", Some(&body));
    assert_eq!(answer.expect("the server answers").status, 201);
}

/// A server where anyone may register as often as they like.
fn start(folder: &Path) -> Server {
    let mut open = command(folder);
    open.env("SESSION_REGISTRATION", "true")
        .env("RATE_LIMIT_REGISTRATION", "10000/3600")
        .env("RATE_LIMIT_LOGIN_ADDRESS", "10000/60");
    Server::start(&mut open)
}

fn disable(folder: &Path, email: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(folder.join("sessions.db"));
        let mut file = options.connect().await.expect("it opens");
        let done = sqlx::query("UPDATE accounts SET is_disabled = 1 WHERE email = ?1")
            .bind(email)
            .execute(&mut file)
            .await;
        assert_eq!(done.expect("it is done").rows_affected(), 1);
    });
}

/// Requirement 28: whoever is not let in learns nothing about accounts, by the answer or by its time.
///
/// Rounds of one of each, in turn, so that whatever else the machine does falls on all of them alike.
#[test]
#[ignore = "slow: 1600 logins"]
fn nobody_learns_by_the_time_why_they_are_not_let_in() {
    const ROUNDS: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    // Few enough tries of each that only one account is throttled.
    let accounts = ROUNDS.div_ceil(4);
    let server = start(folder.path());
    let mut client = server.connect();
    for n in 0..accounts {
        register(&mut client, &format!("user{n}@example.org"));
        register(&mut client, &format!("gone{n}@example.org"));
    }
    register(&mut client, "busy@example.org");
    server.stop("TERM");
    for n in 0..accounts {
        disable(folder.path(), &format!("gone{n}@example.org"));
    }
    let server = start(folder.path());
    let mut client = server.connect();
    for _ in 0..6 {
        login(&mut client, "busy@example.org", "wrong");
    }
    let kinds = ["unknown", "wrong password", "disabled", "throttled"];
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut answers: BTreeMap<(u16, Vec<String>, String), usize> = BTreeMap::new();
    for round in 0..ROUNDS {
        let n = round % accounts;
        for place in 0..kinds.len() {
            // Each kind in each place equally often.
            let kind = kinds[(place + round) % kinds.len()];
            let (email, password) = match kind {
                "unknown" => (format!("none{n}@example.org"), PASSWORD),
                "wrong password" => (format!("user{n}@example.org"), "wrong"),
                "disabled" => (format!("gone{n}@example.org"), PASSWORD),
                _ => ("busy@example.org".to_owned(), PASSWORD),
            };
            let begun = Instant::now();
            let answer = login(&mut client, &email, password);
            times.entry(kind).or_default().push(begun.elapsed());
            *answers.entry(told(&answer)).or_default() += 1;
        }
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
    let median = |kind: &str| {
        let mut times = times[kind].clone();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1000.0
    };
    let medians = kinds.map(|kind| (kind, median(kind)));
    for (kind, millis) in medians {
        println!("{kind}: median {millis:.2} ms over {ROUNDS}");
    }
    let least = medians
        .iter()
        .map(|(_, millis)| *millis)
        .fold(f64::MAX, f64::min);
    let most = medians
        .iter()
        .map(|(_, millis)| *millis)
        .fold(0.0, f64::max);
    println!("the most is {:.3} times the least", most / least);
    // One hash more or less would make it half or double. What is left is noise of the machine.
    assert!(most < least * 1.15, "{medians:?}");
}

/// What an answer says, but for what is another each time.
fn told(answer: &Whole) -> (u16, Vec<String>, String) {
    let id = answer.header("x-request-id").expect("there is one");
    // Ids of requests count up, and their length goes into that of the body.
    let is_fixed = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("date: ") && !line.starts_with("content-length: ")
    };
    let head = answer.head.lines().filter(is_fixed);
    (
        answer.status,
        head.map(|line| line.replace(id, "<id>")).collect(),
        answer.body.replace(id, "<id>"),
    )
}

/// Requirement 30: hashing takes as much of the machine as it is given, and no more waits than can be
/// served soon.
#[test]
fn many_logins_at_once_keep_nobody_else_waiting() {
    const LOGINS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let mut client = server.connect();
    for n in 0..LOGINS / 4 {
        register(&mut client, &format!("user{n}@example.org"));
    }
    let token = json_of(&login(&mut client, "user0@example.org", PASSWORD));
    let token = token["session_id"].as_str().unwrap().to_owned();
    let before = memory_kib(server.pid());

    let address = server.address;
    let over = AtomicBool::new(false);
    let (outcomes, mut times) = std::thread::scope(|scope| {
        let validating = scope.spawn(|| validate_until(&over, address, &token));
        let logins: Vec<_> = (0..LOGINS)
            .map(|n| {
                scope.spawn(move || {
                    let mut client = Client::to(address);
                    let email = format!("user{}@example.org", n % (LOGINS / 4));
                    login(&mut client, &email, PASSWORD)
                })
            })
            .collect();
        let outcomes: Vec<_> = logins
            .into_iter()
            .map(|login| login.join().unwrap())
            .collect();
        over.store(true, Ordering::Relaxed);
        (outcomes, validating.join().unwrap())
    });
    let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
    for outcome in &outcomes {
        *by_status.entry(outcome.status).or_default() += 1;
        if outcome.status == 503 {
            let seconds: u64 = outcome.header("retry-after").unwrap().parse().unwrap();
            assert!(seconds > 0);
        }
    }
    let after = memory_kib(server.pid());
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1000.0;
    println!("{LOGINS} logins at once: {by_status:?}");
    println!(
        "{} validations meanwhile: p50 {:.2} ms, p99 {:.2} ms",
        times.len(),
        at(0.5),
        at(0.99)
    );
    println!("memory: {before} KiB before, {after} KiB at the highest");
    assert!(
        by_status.keys().all(|status| [200, 503].contains(status)),
        "{by_status:?}"
    );
    assert!(by_status[&200] > 0 && by_status[&503] > 0, "{by_status:?}");
    assert!(times.len() > 20, "they were answered meanwhile");
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert!(
        after < before + (cores * 19 + 64) * 1024,
        "19 MiB for each core, and what requests take"
    );
    // And afterwards it is as before.
    assert_eq!(
        login(&mut client, "user1@example.org", PASSWORD).status,
        200
    );
}

/// Validates again and again; how long each took.
fn validate_until(over: &AtomicBool, address: SocketAddr, token: &str) -> Vec<Duration> {
    let mut client = Client::to(address);
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let (status, _) = client.validate(token).expect("the server answers");
        times.push(begun.elapsed());
        assert_eq!(status, 200);
    }
    times
}

fn json_of(answer: &Whole) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

/// The most memory that a process ever had (`VmHWM`).
fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let digits = line.unwrap().split_whitespace().nth(1).unwrap();
    digits.parse().unwrap()
}
