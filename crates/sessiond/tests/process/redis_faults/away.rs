//! Redis goes away under load, and comes back with everything.

use std::time::Duration;

use real_redis::{RedisServer, ServerOptions};

use super::load::{Kind, under_load};
use super::node::{self, Node, now};

/// Requests that were under way at the moment of the stop are answered either way.
const MOMENT: Duration = Duration::from_millis(100);
/// The bound of the cached mode, and what the clocks of a busy machine may add.
const BOUND: Duration = Duration::from_millis(1500);
/// Requirement of issue 6: in use again so soon after the return.
const RECOVERY: Duration = Duration::from_secs(5);
/// As long as `REDIS_RESPONSE_TIMEOUT` and `REDIS_CONNECT_TIMEOUT` together, and some more.
const LONGEST: Duration = Duration::from_secs(5);

#[test]
fn three_seconds_without_redis_in_strict_mode() {
    outage(Duration::from_secs(3), "strict");
}

#[test]
fn three_seconds_without_redis_in_cached_mode() {
    outage(Duration::from_secs(3), "cached");
}

#[test]
#[ignore = "slow: a minute without Redis"]
fn a_minute_without_redis_in_strict_mode() {
    outage(Duration::from_secs(60), "strict");
}

#[test]
#[ignore = "slow: a minute without Redis"]
fn a_minute_without_redis_in_cached_mode() {
    outage(Duration::from_secs(60), "cached");
}

/// Only refusals that tell when to come again, nobody signed out, nothing lost, and soon well again.
fn outage(length: Duration, mode: &str) {
    let options = ServerOptions::default().append_only_always();
    let Some(mut redis) = RedisServer::start(&options) else {
        return;
    };
    let node = Node::start(&redis.url(), &[("SESSION_CACHE", mode)]);
    let mut client = node.server.connect();
    assert_eq!(
        node::service(&mut client, "GET", "/ready", None).status,
        200
    );

    let work = || {
        std::thread::sleep(Duration::from_secs(1));
        redis.kill();
        let away = now() + MOMENT;
        std::thread::sleep(MOMENT);
        let ready = node::service(&mut client, "GET", "/ready", None);
        assert_eq!(ready.status, 503);
        assert!(ready.header("retry-after").is_some(), "{}", ready.head);
        std::thread::sleep(length);
        // Idle connections are closed by the server in between.
        client = node.server.connect();
        let ready = node::service(&mut client, "GET", "/ready", None);
        assert_eq!(ready.status, 503);
        let until = now();
        redis.start_again();
        let back = now();
        let ready = || node::service(&mut client, "GET", "/ready", None).status;
        let took = node::until_answered(RECOVERY, 200, ready);
        println!("ready again after {took:?}");
        // Long enough to see everyone come back.
        std::thread::sleep(Duration::from_secs(2));
        (away, until, back)
    };
    let ((away, until, back), account) = under_load(&[&node.server], work);

    assert_eq!(account.wrong, [""; 0], "{} in all", account.wrong.len());
    let meanwhile: Vec<_> = account.between(away, until).collect();
    assert!(meanwhile.len() > 100, "{} were asked", meanwhile.len());
    let let_in = meanwhile.iter().filter(|asked| asked.status == 200);
    for asked in let_in {
        // What a cache may say, it may say as long as its bound.
        let may_be_cached = mode == "cached"
            && matches!(asked.kind, Kind::Validate | Kind::Browse)
            && asked.began < away + BOUND;
        assert!(may_be_cached, "{asked:?}");
    }
    let well = account
        .well_since(back)
        .expect("all kinds are answered again");
    println!(
        "{mode}: {} refused, well again after {well:?}, nobody waited for more than {:?}",
        meanwhile.len(),
        account.longest()
    );
    assert!(well < RECOVERY, "{well:?}");
    assert!(account.longest() < LONGEST, "{:?}", account.longest());

    let mut client = node.server.connect();
    for (token, _) in &account.live {
        let answer = node::validate(&mut client, token);
        assert_eq!(answer.status, 200, "an acknowledged session is lost");
    }
    for (token, _) in &account.ended {
        let answer = node::validate(&mut client, token);
        assert_eq!(answer.status, 401, "an ended session came back");
    }
    println!(
        "{} live and {} ended sessions are as they were",
        account.live.len(),
        account.ended.len()
    );
    node::until_recorded(&mut client);
    assert!(node::events(&mut client, "session_hijack_attempt").is_empty());
    let (status, _, log) = node.stop();
    // There is a line for each request that was refused.
    let lines = log.lines().filter(|line| !line.contains("request failed"));
    let log = lines.collect::<Vec<_>>().join("\n");
    assert!(status.success(), "{log}");
    assert!(!log.contains("panic"), "{log}");
    // Told once when it begins, and once when it ends; not with every request.
    assert!(log.contains("redis is away"), "{log}");
    assert!(log.contains("connected to redis again"), "{log}");
    let lines = log.lines().filter(|line| line.contains("redis is away"));
    assert!(lines.count() < 5, "{log}");
}

/// A stop does not wait for a Redis that is not there.
#[test]
fn a_server_stops_in_time_without_redis() {
    let Some(mut redis) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    // As it hangs, and as it is gone.
    for hangs in [true, false] {
        let node = Node::start(&redis.url(), &[]);
        let mut client = node.server.connect();
        let token = node::created(&mut client, "ada");
        assert_eq!(node::validate(&mut client, &token).status, 200);
        if hangs {
            redis.pause();
        } else {
            redis.kill();
        }
        let (status, took, log) = node.stop();
        println!("hangs: {hangs}; {status} after {took:?}\n{log}");
        if hangs {
            redis.resume();
        }
        // What Docker and Kubernetes are told to wait is 30 seconds.
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert!(!log.contains("panic"), "{log}");
    }
}

/// A server does not start without its Redis, and says so in one line that shows no password.
#[test]
fn a_server_does_not_start_without_redis() {
    let Some(mut redis) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    redis.kill();
    let url = format!("redis://:hunter2-hunter2@127.0.0.1:{}", redis.port());
    let folder = tempfile::tempdir().expect("a folder");
    let output = node::node_command(folder.path(), &url).output();
    let output = output.expect("it can be started");
    assert!(!output.status.success());
    let told = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    assert!(told.contains("redis could not be reached"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
