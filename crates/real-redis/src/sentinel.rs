//! A primary with two replicas, watched by three sentinels.

use std::time::Duration;

use crate::RedisServer;
use crate::chance;
use crate::install::{self, Programs};
use crate::options::{Role, Secret, ServerOptions};
use crate::server::url_of_many;
use crate::waiting::within;

/// What the sentinels call the primary and its replicas.
const SERVICE: &str = "sessiond";
const REPLICAS: usize = 2;
const SENTINELS: usize = 3;

/// After so many milliseconds without an answer a sentinel takes the primary for dead.
const DOWN_AFTER: u32 = 1000;

/// A sentinel that fails to make another the primary leaves it to the others for twice as many
/// milliseconds.
const FAILOVER_TIMEOUT: u32 = 3000;

/// A second is usual.
const LIMIT: Duration = Duration::from_secs(60);

/// What a primary under Sentinel is like. The default has no persistence and no passwords.
#[derive(Clone, Debug, Default)]
pub struct SentinelOptions {
    has_passwords: bool,
    server: ServerOptions,
}

impl SentinelOptions {
    /// The servers want a random password, and the sentinels another one.
    #[must_use]
    pub fn passwords(mut self) -> Self {
        self.has_passwords = true;
        self
    }

    /// Keeps an append-only file on each server, written to the disk every second.
    #[must_use]
    pub fn append_only(mut self) -> Self {
        self.server = self.server.append_only();
        self
    }

    /// Adds a line of `redis.conf` to that of each server, as [`ServerOptions::setting`].
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.server = self.server.setting(name, value);
        self
    }
}

/// A running primary with its replicas and sentinels; killed when dropped.
#[derive(Debug)]
pub struct RedisSentinel {
    /// The first begins as the primary.
    servers: Vec<RedisServer>,
    sentinels: Vec<RedisServer>,
    passwords: Option<Passwords>,
}

#[derive(Debug)]
struct Passwords {
    servers: Secret,
    sentinels: Secret,
}

impl RedisSentinel {
    /// Starts them and waits until the sentinels know each other and all servers, or says in one
    /// line why there are none.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn start(options: &SentinelOptions) -> Option<Self> {
        Some(Self::of(&install::or_skip()?, options))
    }

    fn of(programs: &Programs, options: &SentinelOptions) -> Self {
        let passwords = options.has_passwords.then(|| Passwords {
            servers: Secret(chance::hex(16)),
            sentinels: Secret(chance::hex(16)),
        });
        let mut server = options.server.clone();
        if let Some(passwords) = &passwords {
            server = server.password(&passwords.servers.0);
        }
        let primary = RedisServer::of(programs, &server);
        let replica = server.setting("replicaof", &format!("127.0.0.1 {}", primary.port()));
        let replicas = RedisServer::several(programs, &replica, REPLICAS);
        let follow = within(LIMIT, || {
            let mut replicas = replicas.iter();
            replicas
                .all(|replica| follows(replica, primary.port()))
                .then_some(())
        });
        assert!(follow.is_some(), "the replicas do not find the primary");
        let mut servers = vec![primary];
        servers.extend(replicas);
        let sentinels = sentinels(programs, &servers, passwords.as_ref());
        let all = Self {
            servers,
            sentinels,
            passwords,
        };
        all.until_whole();
        all
    }

    /// The addresses of the sentinels, in one:
    /// `redis://127.0.0.1:18000,127.0.0.1:18001,127.0.0.1:18002`. Passwords are not in it.
    #[must_use]
    pub fn url(&self) -> String {
        url_of_many(&self.sentinels)
    }

    /// What the sentinels call the primary and its replicas.
    #[must_use]
    pub fn service(&self) -> &str {
        SERVICE
    }

    /// The password of the servers, if they have one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        let passwords = self.passwords.as_ref();
        passwords.map(|passwords| passwords.servers.0.as_str())
    }

    /// The password of the sentinels, if they have one.
    #[must_use]
    pub fn sentinel_password(&self) -> Option<&str> {
        let passwords = self.passwords.as_ref();
        passwords.map(|passwords| passwords.sentinels.0.as_str())
    }

    /// The port of the primary, as the first sentinel that runs says. One that was killed stays so
    /// until another has taken over.
    ///
    /// # Panics
    ///
    /// Where no sentinel answers.
    #[must_use]
    pub fn primary_port(&self) -> u16 {
        let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
        let mut answers = self
            .sentinels
            .iter()
            .filter_map(|sentinel| sentinel.try_command(&words).ok());
        let answer = answers.next().expect("a sentinel answers");
        let port = answer.lines().nth(1).and_then(|port| port.parse().ok());
        port.expect("the sentinels know a primary")
    }

    /// The server that is the primary, as of [`primary_port`](Self::primary_port).
    ///
    /// # Panics
    ///
    /// As [`primary_port`](Self::primary_port).
    #[must_use]
    pub fn primary(&self) -> &RedisServer {
        &self.servers[self.primary_number()]
    }

    /// Ends the primary with SIGKILL, and gives its port.
    ///
    /// # Panics
    ///
    /// As [`primary_port`](Self::primary_port) and [`RedisServer::kill`].
    pub fn kill_primary(&mut self) -> u16 {
        let number = self.primary_number();
        self.servers[number].kill();
        self.servers[number].port()
    }

    /// Starts the server on this port after its end. Where another has taken over, the sentinels make
    /// it a replica.
    ///
    /// # Panics
    ///
    /// Where there is no server on this port, and as [`RedisServer::start_again`].
    pub fn start_again(&mut self, port: u16) {
        let mut servers = self.servers.iter_mut();
        let server = servers.find(|server| server.port() == port);
        server.expect("a server has this port").start_again();
    }

    /// Waits until each sentinel knows all others, and a primary with replicas that have its data.
    ///
    /// # Panics
    ///
    /// Once a minute is over.
    pub fn until_whole(&self) {
        let whole = within(LIMIT, || {
            let mut sentinels = self.sentinels.iter();
            let is_known = sentinels.all(|sentinel| self.is_whole_to(sentinel));
            (is_known && self.is_followed(self.primary())).then_some(())
        });
        assert!(whole.is_some(), "the sentinels do not get ready");
    }

    fn is_whole_to(&self, sentinel: &RedisServer) -> bool {
        let ask = |words: &[&str]| sentinel.try_command(words).unwrap_or_default();
        let quorum = ask(&["SENTINEL", "CKQUORUM", SERVICE]);
        let primary = ask(&["SENTINEL", "MASTER", SERVICE]);
        let replicas = ask(&["SENTINEL", "REPLICAS", SERVICE]);
        quorum.starts_with(&format!("OK {SENTINELS} usable"))
            && primary.contains(&format!("\nport\n{}\n", self.primary_port()))
            && primary.contains("\nflags\nmaster\n")
            // It has asked them, and could make one of them the primary.
            && replicas.matches("\nrole-reported\nslave\n").count() == REPLICAS
            && replicas.matches("\nmaster-link-status\nok\n").count() != 0
    }

    /// The sentinels ask a replica every ten seconds for that; it knows at once.
    fn is_followed(&self, primary: &RedisServer) -> bool {
        let mut others = self
            .servers
            .iter()
            .filter(|server| server.port() != primary.port());
        others.all(|server| server.has_ended() || follows(server, primary.port()))
    }

    fn primary_number(&self) -> usize {
        let port = self.primary_port();
        let mut ports = self.servers.iter().map(RedisServer::port);
        ports
            .position(|own| own == port)
            .expect("the primary is one of the servers")
    }
}

/// True if a replica has the data of the primary on that port.
fn follows(replica: &RedisServer, primary: u16) -> bool {
    let said = replica
        .try_command(&["INFO", "replication"])
        .unwrap_or_default();
    let says = |line: &str| said.lines().any(|said| said == line);
    says(&format!("master_port:{primary}")) && says("master_link_status:up")
}

/// Starts the sentinels. They are told in the beginning what they would else find out in seconds.
fn sentinels(
    programs: &Programs,
    servers: &[RedisServer],
    passwords: Option<&Passwords>,
) -> Vec<RedisServer> {
    let mut options = ServerOptions::default().role(Role::Sentinel);
    if let Some(passwords) = passwords {
        options = options.password(&passwords.sentinels.0);
    }
    let named: Vec<(String, RedisServer)> = (0..SENTINELS)
        .map(|_| (chance::hex(20), RedisServer::planned(programs, &options)))
        .collect();
    let lines: Vec<Vec<String>> = named
        .iter()
        .map(|(id, _)| lines(id, &named, servers, passwords))
        .collect();
    let mut sentinels: Vec<RedisServer> = named.into_iter().map(|(_, sentinel)| sentinel).collect();
    std::thread::scope(|scope| {
        for (sentinel, lines) in sentinels.iter_mut().zip(lines) {
            scope.spawn(move || {
                for line in lines {
                    sentinel.add_setting("sentinel", &line);
                }
                sentinel.start_again();
            });
        }
    });
    sentinels
}

fn lines(
    id: &str,
    sentinels: &[(String, RedisServer)],
    servers: &[RedisServer],
    passwords: Option<&Passwords>,
) -> Vec<String> {
    let (primary, replicas) = servers.split_first().expect("there is a primary");
    let mut lines = vec![
        format!("myid {id}"),
        format!("monitor {SERVICE} 127.0.0.1 {} 2", primary.port()),
        format!("down-after-milliseconds {SERVICE} {DOWN_AFTER}"),
        format!("failover-timeout {SERVICE} {FAILOVER_TIMEOUT}"),
    ];
    if let Some(passwords) = passwords {
        lines.push(format!("auth-pass {SERVICE} {}", passwords.servers.0));
    }
    for replica in replicas {
        lines.push(format!(
            "known-replica {SERVICE} 127.0.0.1 {}",
            replica.port()
        ));
    }
    for (other, sentinel) in sentinels.iter().filter(|(other, _)| other != id) {
        let port = sentinel.port();
        lines.push(format!("known-sentinel {SERVICE} 127.0.0.1 {port} {other}"));
    }
    lines
}
