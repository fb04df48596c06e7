use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderValue, Request};
use chrono::{DateTime, Utc};

use crate::front::REQUEST_ID;

/// Longest request id that is taken over from a client.
const MAX_LEN: usize = 64;

/// Names requests, so that an answer can be found in the log.
#[derive(Debug)]
pub(crate) struct RequestIds {
    /// Tells the requests of one start of the server from those of another.
    start: String,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn starting_at(now: DateTime<Utc>) -> Self {
        Self {
            start: format!("{:x}", now.timestamp_millis()),
            count: AtomicU64::new(0),
        }
    }

    /// The id that the client (or a proxy) gave, if it is plain and short; else a new one.
    ///
    /// It is a name, not a secret: it need not be hard to guess.
    pub(crate) fn of(&self, request: &Request<Body>) -> HeaderValue {
        if let Some(given) = request.headers().get(REQUEST_ID)
            && is_plain(given.as_bytes())
        {
            return given.clone();
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{}-{number:x}", self.start))
            .unwrap_or(HeaderValue::from_static("-"))
    }
}

fn is_plain(id: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=MAX_LEN).contains(&id.len()) && id.iter().all(plain)
}
