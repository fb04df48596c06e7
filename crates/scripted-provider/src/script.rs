use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// What can be asked of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Its description of itself, at either address.
    Discovery,
    /// Its public keys.
    Keys,
    /// Where users are sent to.
    Authorization,
    /// Codes and refresh tokens for tokens.
    Token,
    /// Whether a token is good.
    Introspection,
    /// The end of a token.
    Revocation,
}

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status and an empty body, and nothing is done.
    Status(u16),
    /// This answer, and nothing is done.
    Instead(Answer),
    /// Everything is done, and then this is answered: what was done is lost.
    Replace(Answer),
    /// Nothing is done until this time has passed. Whoever gave up meanwhile is not served.
    Delay(Duration),
    /// Everything is done at once, and answered after this time.
    AnswerLate(Duration),
    /// Nothing is done until the test says so. Whoever gave up meanwhile is not served.
    HoldBefore(Held),
    /// Everything is done at once, and answered when the test says so.
    HoldAfter(Held),
    /// The connection is closed without an answer, and nothing is done.
    DropBefore,
    /// Everything is done, and the connection is closed without an answer.
    DropAfter,
    /// Everything is done, and the connection is reset without an answer.
    ResetAfter,
    /// Everything is done, and the connection is closed in the middle of the answer's body.
    Truncate,
    /// Everything is done, and this many bytes of white space follow in the body.
    Oversize(usize),
}

/// An answer that a test made up.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A status, without headers and body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// 200 with a JSON text, or what calls itself one.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200)
            .with_header("content-type", "application/json")
            .with_body(body)
    }

    /// An error of the token endpoint (RFC 6749 §5.2).
    #[must_use]
    pub fn error(status: u16, code: &str) -> Self {
        let body = serde_json::json!({ "error": code }).to_string();
        Self {
            status,
            ..Self::json(body)
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with another body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// A call that waits for the test. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Held(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    arrived: Semaphore,
    released: Semaphore,
}

impl Held {
    /// One that has not come yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Gate {
            arrived: Semaphore::new(0),
            released: Semaphore::new(0),
        }))
    }

    /// Waits until the call has come.
    pub async fn arrived(&self) {
        let arrived = self.0.arrived.acquire().await;
        drop(arrived.expect("never closed"));
    }

    /// Whether the call has come.
    #[must_use]
    pub fn has_arrived(&self) -> bool {
        self.0.arrived.available_permits() > 0
    }

    /// Lets the call go on, whether it has come or not.
    pub fn release(&self) {
        self.0.released.add_permits(1);
    }

    pub(crate) async fn hold(&self) {
        self.0.arrived.add_permits(1);
        let released = self.0.released.acquire().await;
        drop(released.expect("never closed"));
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::new()
    }
}

/// What goes wrong with the calls to come.
#[derive(Debug, Default)]
pub(crate) struct Script {
    next: HashMap<Endpoint, VecDeque<Option<Fault>>>,
    always: HashMap<Endpoint, Fault>,
}

impl Script {
    pub(crate) fn push(&mut self, endpoint: Endpoint, fault: Option<Fault>) {
        self.next.entry(endpoint).or_default().push_back(fault);
    }

    pub(crate) fn set_always(&mut self, endpoint: Endpoint, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.always.insert(endpoint, fault),
            None => self.always.remove(&endpoint),
        };
    }

    /// What goes wrong with the call that has just come.
    pub(crate) fn take(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let next = self.next.get_mut(&endpoint).and_then(VecDeque::pop_front);
        next.unwrap_or_else(|| self.always.get(&endpoint).cloned())
    }
}
