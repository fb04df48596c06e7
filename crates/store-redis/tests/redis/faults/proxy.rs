//! What stands between a store and its Redis: it counts what is asked, and breaks what it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes on what comes, on a port of its own. Ends with the runtime of the test.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// The names of all commands so far, but for those that the link asks by itself.
    asked: Mutex<Vec<String>>,
    /// How many bytes of answers pass; the rest is held.
    passing: watch::Sender<u64>,
    /// Bytes of answers that have passed.
    passed: Mutex<u64>,
    /// How often all connections were reset.
    resets: watch::Sender<u64>,
}

/// What the link asks by itself: who it is, and whether the server is still the primary.
const BY_ITSELF: [&str; 5] = ["HELLO", "CLIENT", "SELECT", "ROLE", "INFO"];

impl Proxy {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            passing: watch::channel(u64::MAX).0,
            passed: Mutex::default(),
            resets: watch::channel(0).0,
        });
        let of_all = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(redis) = TcpStream::connect(("127.0.0.1", server)).await {
                    tokio::spawn(Arc::clone(&of_all).pass(client, redis));
                }
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The commands since this was asked last.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().expect("nobody panics"))
    }

    /// Waits until this many commands have been asked.
    pub(crate) async fn until_asked(&self, count: usize) {
        while self.shared.asked.lock().expect("nobody panics").len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// From now on this many bytes of answers pass, and the others are held.
    pub(crate) fn hold_after(&self, bytes: u64) {
        let passed = *self.shared.passed.lock().expect("nobody panics");
        self.shared.passing.send_replace(passed + bytes);
    }

    /// What was held passes, and all that follows.
    pub(crate) fn release(&self) {
        self.shared.passing.send_replace(u64::MAX);
    }

    /// Resets all connections there are.
    pub(crate) fn reset(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }
}

impl Shared {
    async fn pass(self: Arc<Self>, client: TcpStream, redis: TcpStream) {
        for stream in [&client, &redis] {
            // A reset instead of an orderly end.
            stream.set_zero_linger().expect("it is open");
            stream.set_nodelay(true).expect("it is open");
        }
        let mut resets = self.resets.subscribe();
        let before = *resets.borrow_and_update();
        let (from_client, to_client) = client.into_split();
        let (from_redis, to_redis) = redis.into_split();
        tokio::select! {
            _ = resets.wait_for(|count| *count > before) => {}
            () = self.pass_requests(from_client, to_redis) => {}
            () = self.pass_answers(from_redis, to_client) => {}
        }
    }

    async fn pass_requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = [0; 16384];
        let mut unread = Vec::new();
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            unread.extend_from_slice(&bytes[..count]);
            while let Some((name, length)) = first_command(&unread) {
                unread.drain(..length);
                if !BY_ITSELF.contains(&name.as_str()) {
                    self.asked.lock().expect("nobody panics").push(name);
                }
            }
            if to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }

    async fn pass_answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = [0; 16384];
        let mut passing = self.passing.subscribe();
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let mut left = &bytes[..count];
            while !left.is_empty() {
                let passed = *self.passed.lock().expect("nobody panics");
                let bound = passing.wait_for(|bound| *bound > passed).await;
                let Ok(bound) = bound.map(|bound| *bound) else {
                    return;
                };
                let room = usize::try_from(bound - passed).unwrap_or(usize::MAX);
                let (now, later) = left.split_at(left.len().min(room));
                *self.passed.lock().expect("nobody panics") += now.len() as u64;
                if to.write_all(now).await.is_err() {
                    return;
                }
                left = later;
            }
        }
    }
}

/// The name of a command at the front, and how long it is as a whole; nothing while a part is missing.
fn first_command(bytes: &[u8]) -> Option<(String, usize)> {
    let number = |at: usize| {
        let length = bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        let digits = std::str::from_utf8(&bytes[at + 1..at + length]).ok()?;
        Some((digits.parse::<usize>().ok()?, at + length + 2))
    };
    let (words, mut at) = number(0)?;
    let mut name = None;
    for _ in 0..words {
        let (length, from) = number(at)?;
        let word = bytes.get(from..from + length)?;
        name.get_or_insert_with(|| String::from_utf8_lossy(word).to_uppercase());
        at = from + length + 2;
    }
    (at <= bytes.len()).then_some((name?, at))
}
