//! A server ends with whoever started it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use real_redis::{RedisServer, ServerOptions};

use crate::patience::within_ten_seconds;

/// Set where this program was started by the test below, to be killed by it.
const HOLDS: &str = "REAL_REDIS_TEST_HOLDS";

/// What a server leaves while it lives.
struct Traces {
    folder: PathBuf,
    port: u16,
    process: u32,
}

impl Traces {
    fn of(server: &RedisServer) -> Self {
        Self {
            folder: server.folder().to_owned(),
            port: server.port(),
            process: server.process_id(),
        }
    }

    fn is_listening(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    fn are_gone(&self) -> bool {
        !self.is_listening()
            && !self.folder.exists()
            && !Path::new(&format!("/proc/{}", self.process)).exists()
            && watchdogs(&self.folder) == 0
    }
}

/// How many processes name the folder on their command line.
fn watchdogs(folder: &Path) -> usize {
    let folder = folder.to_str().expect("text");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    // The server itself writes something else there.
    lines
        .filter(|line| line.starts_with("sh") && line.contains(folder))
        .count()
}

#[test]
fn a_dropped_server_is_gone() {
    let Some(server) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    let traces = Traces::of(&server);
    assert!(traces.is_listening() && traces.folder.is_dir());
    if Path::new("/proc/self/cmdline").exists() {
        assert_eq!(watchdogs(&traces.folder), 1);
    }
    drop(server);
    assert!(!traces.is_listening() && !traces.folder.exists());
    within_ten_seconds(|| traces.are_gone());
}

#[test]
fn a_dropped_server_is_gone_though_it_was_paused_or_killed_or_started_again() {
    let start = || RedisServer::start(&ServerOptions::default());
    let (Some(paused), Some(mut killed), Some(mut again)) = (start(), start(), start()) else {
        return;
    };
    paused.pause();
    let killed_traces = Traces::of(&killed);
    killed.kill();
    again.kill();
    again.start_again();
    let traces = [Traces::of(&paused), killed_traces, Traces::of(&again)];
    for (server, traces) in [paused, killed, again].into_iter().zip(traces) {
        assert!(traces.folder.is_dir());
        drop(server);
        within_ten_seconds(|| traces.are_gone());
    }
}

#[test]
fn servers_are_gone_when_their_test_is_killed() {
    let mut test = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "lifetime::holds_servers", "--nocapture"])
        .env(HOLDS, "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let lines = BufReader::new(test.stdout.take().expect("a pipe")).lines();
    let lines = lines.map(|line| line.expect("text"));
    let is_told = |line: &String| line != "held" && !line.contains("skipped: ");
    let told: Vec<String> = lines.take_while(is_told).collect();
    let traces: Vec<Traces> = told
        .iter()
        .filter_map(|line| {
            let (_, line) = line.split_once("holds ")?;
            let mut words = line.splitn(3, ' ');
            Some(Traces {
                port: words.next()?.parse().ok()?,
                process: words.next()?.parse().ok()?,
                folder: words.next()?.into(),
            })
        })
        .collect();
    let are_there = traces.iter().all(|traces| traces.folder.is_dir());
    test.kill().expect("it can be killed");
    test.wait().expect("it can be waited for");
    assert!(are_there);
    assert!(traces.is_empty() || traces.len() == 3);
    for traces in traces {
        within_ten_seconds(|| traces.are_gone());
    }
}

#[test]
fn holds_servers() {
    if std::env::var_os(HOLDS).is_none() {
        return;
    }
    let start = || RedisServer::start(&ServerOptions::default().append_only());
    let (Some(running), Some(paused), Some(mut killed)) = (start(), start(), start()) else {
        return;
    };
    for server in [&running, &paused, &killed] {
        let (port, process) = (server.port(), server.process_id());
        println!("holds {port} {process} {}", server.folder().display());
    }
    paused.pause();
    killed.kill();
    println!("held");
    loop {
        std::thread::park();
    }
}
