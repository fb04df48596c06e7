//! What tests ask and order past the provider's own face.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http::Request;

use crate::http::ask;
use crate::options::Client;

/// The calls that came to a provider. Each is counted when it comes, before any delay.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    version: i64,
    /// Token calls with `grant_type=authorization_code`.
    pub code_exchanges: u64,
    /// Those of them that gave tokens, counted before they are sent.
    pub codes_exchanged: u64,
    /// Token calls with `grant_type=refresh_token`.
    pub refreshes: u64,
    /// Those of them that gave tokens, counted before they are sent.
    pub refreshes_granted: u64,
    /// Calls of the introspection endpoint.
    pub introspections: u64,
    /// Calls of the revocation endpoint.
    pub revocations: u64,
    /// Fetches of either discovery document.
    pub discoveries: u64,
    /// Fetches of the key set.
    pub key_fetches: u64,
    /// Logout tokens that a client took with 200 or 204.
    pub logouts_taken: u64,
    /// Logout tokens that were answered otherwise, or not within 2.5 seconds.
    pub logouts_refused: u64,
}

/// What happens to one token call. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// A delay before the work, in whole milliseconds: nothing has happened to the grant yet.
    pub before: Duration,
    /// A delay after the work, in whole milliseconds: the old token is used up, and the answer waits.
    pub after: Duration,
    /// True if the connection is closed after the work and the delays: the answer is lost.
    pub drops_answer: bool,
}

/// Which grant of the provider's a token is of.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash)]
pub struct GrantId(String);

/// What the provider knows of a token.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenState {
    /// Its grant.
    #[serde(rename = "grant_id")]
    pub grant: GrantId,
    /// True if it was used, and a rotation has put another in its place.
    pub is_consumed: bool,
    /// True if it could be used now.
    pub is_alive: bool,
}

/// How many tokens of a grant could be used now.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Family {
    /// Refresh tokens: one while the grant is alive.
    pub refresh_tokens: u64,
    /// Access tokens that are not past their time.
    pub access_tokens: u64,
}

#[derive(Debug)]
pub(crate) struct Control {
    url: String,
}

impl Control {
    pub(crate) fn at(url: String) -> Self {
        Self { url }
    }

    pub(crate) async fn register(&self, client: &Client) {
        self.order::<()>("register", client.metadata()).await;
    }

    pub(crate) async fn counts(&self) -> Counts {
        self.counts_after(-1).await
    }

    pub(crate) async fn until(&self, is_so: impl Fn(&Counts) -> bool) -> Counts {
        let mut counts = self.counts().await;
        while !is_so(&counts) {
            counts = self.counts_after(counts.version).await;
        }
        counts
    }

    pub(crate) async fn spoil(&self, fault: Fault) {
        let fault = json!({
            "before_ms": milliseconds(fault.before),
            "after_ms": milliseconds(fault.after),
            "drops_answer": fault.drops_answer,
        });
        self.order::<()>("fault", fault).await;
    }

    pub(crate) async fn token(&self, token: &str) -> Option<TokenState> {
        self.order("token", json!({"token": token})).await
    }

    pub(crate) async fn family(&self, grant: &GrantId) -> Family {
        self.order("family", json!({"grant_id": grant.0})).await
    }

    pub(crate) async fn revoke(&self, grant: &GrantId) {
        self.order::<()>("revoke", json!({"grant_id": grant.0}))
            .await;
    }

    /// Answered once something has changed since that version.
    async fn counts_after(&self, version: i64) -> Counts {
        self.order("counts", json!({"after": version})).await
    }

    async fn order<T: DeserializeOwned>(&self, name: &str, order: Value) -> T {
        let request = Request::post(format!("{}/{name}", self.url)).body(order.to_string());
        let answer = ask(request.expect("a request")).await;
        let body = answer.body();
        assert_eq!(answer.status(), 200, "the order {name} was refused: {body}");
        serde_json::from_str(body).expect("the answer to an order is JSON")
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
