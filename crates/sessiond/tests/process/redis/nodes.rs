//! Servers over one Redis, what is asked of them, and what keeps them busy meanwhile.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use app::wiring::{CipherKey, CipherKeys};
use chrono::DateTime;
use real_redis::{RedisServer, ServerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{self, Client, Server, Whole};

pub(super) const ADMIN_KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(super) const PASSWORD: &str = "a long and unusual sentence";
/// Requirement 12 is tested with the bound that is the default, in seconds.
pub(super) const BOUND: &str = "1";

/// What servers share.
pub(super) struct Site {
    pub(super) redis: RedisServer,
    folder: TempDir,
    ring: String,
}

impl Site {
    /// Nothing where there is no Redis, which has then been said.
    pub(super) fn ready() -> Option<Self> {
        let redis = RedisServer::start(&ServerOptions::default())?;
        let made_at = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let ring = CipherKeys::new(CipherKey::new(&[7; 32], made_at));
        Some(Self {
            redis,
            folder: tempfile::tempdir().unwrap(),
            ring: ring.expose().to_string(),
        })
    }

    pub(super) fn data_dir(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("node-{node}"))
    }

    /// A node that shares keys and store with the others, and nothing else.
    pub(super) fn command(&self, node: usize) -> Command {
        let mut command = support::command(&self.data_dir(node));
        self.share(&mut command);
        command
    }

    /// Makes a node of a server that is about to be started.
    pub(super) fn share(&self, command: &mut Command) {
        let log = tempfile::tempfile_in(self.folder.path()).unwrap();
        command
            .env("REDIS_URL", self.redis.url())
            .env("SESSION_KEY_PREFIX", "many-nodes")
            .env("SECRET_KEY", "a secret that all nodes of the tests share")
            .env("SESSION_ENCRYPTION_KEYS", &self.ring)
            .env("SESSION_ADMIN_KEYS", ADMIN_KEY)
            .env("SESSION_REGISTRATION", "true")
            // A pipe that nobody reads would hold a server up.
            .stderr(log);
    }

    pub(super) fn start(&self, settings: &[(&str, &str)]) -> [Server; 3] {
        [0, 1, 2].map(|node| {
            let mut command = self.command(node);
            Server::start(command.envs(settings.iter().copied()))
        })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Does as many things at once, each on a connection of its own, spread evenly over the nodes; what
/// came of them.
pub(super) fn at_once<T: Send>(
    nodes: &[Server],
    count: usize,
    work: impl Fn(&mut Client, usize) -> T + Sync,
) -> Vec<T> {
    let ready = Barrier::new(count);
    std::thread::scope(|scope| {
        let begin = |n: usize| {
            let (work, ready, node) = (&work, &ready, &nodes[n % nodes.len()]);
            scope.spawn(move || {
                let mut client = node.connect();
                ready.wait();
                work(&mut client, n)
            })
        };
        let begun: Vec<_> = (0..count).map(begin).collect();
        begun.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// Does something while every node validates sessions of others without a pause, all of which must be
/// let in.
pub(super) fn under_load<T>(nodes: &[Server], work: impl FnOnce() -> T) -> T {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let tokens: Vec<String> = (0..12)
        .map(|n| create(&mut nodes[0].connect(), &format!("bystander {n}")))
        .collect();
    let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for node in nodes {
            let (over, done, tokens) = (&over, &done, &tokens);
            scope.spawn(move || {
                let mut client = node.connect();
                for token in tokens.iter().cycle() {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    assert!(is_in(&mut client, token), "nobody ended it");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Also when it fails.
        let _over = Over(&over);
        let result = work();
        println!("{} validations meanwhile", done.load(Ordering::Relaxed));
        result
    })
}

pub(super) fn create(client: &mut Client, user: &str) -> String {
    create_with(client, &json!({"user_id": user}))
}

pub(super) fn create_with(client: &mut Client, body: &Value) -> String {
    let (status, created) = client.post("/sessions/create", body).unwrap();
    assert_eq!(status, 200, "{created}");
    created["session_id"].as_str().unwrap().to_owned()
}

/// The public half of a session token.
pub(super) fn handle(token: &str) -> &str {
    token.split_once('.').unwrap().0
}

pub(super) fn is_in(client: &mut Client, token: &str) -> bool {
    let (status, told) = client.validate(token).unwrap();
    in_or_out(status, &told)
}

pub(super) fn is_bearer_in(client: &mut Client, access_token: &str) -> bool {
    let bearer = format!("Authorization: Bearer {access_token}\r\n");
    let answer = client.exchange("GET", "/auth/me", &bearer, None).unwrap();
    in_or_out(answer.status, &answer.body)
}

pub(super) fn is_active(client: &mut Client, token: &str) -> bool {
    let answer = client.post_form("/oauth2/introspect", &format!("token={token}"));
    let answer = json_of(&answer.unwrap());
    let is_active = answer["active"].as_bool().unwrap();
    assert!(is_active || answer == json!({"active": false}));
    is_active
}

fn in_or_out(status: u16, told: &impl std::fmt::Debug) -> bool {
    match status {
        200 => true,
        401 => false,
        other => panic!("neither in nor out: {other} {told:?}"),
    }
}

/// With the operator's key.
pub(super) fn as_admin(client: &mut Client, method: &str, path: &str) -> Value {
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let answer = client.exchange(method, path, &key, None).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    json_of(&answer)
}

pub(super) fn register(client: &mut Client, email: &str) {
    let body = json!({"email": email, "password": PASSWORD});
    let answer = client.exchange("POST", "/auth/register", "", Some(&body));
    assert_eq!(answer.unwrap().status, 201);
}

pub(super) fn login(client: &mut Client, email: &str, password: &str) -> Whole {
    let body = json!({"email": email, "password": password});
    let path = "/auth/sessions/enhanced-login";
    client.exchange("POST", path, "", Some(&body)).unwrap()
}

pub(super) fn json_of(answer: &Whole) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}
