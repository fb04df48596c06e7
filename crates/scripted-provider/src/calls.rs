use std::fmt;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::Endpoint;

/// A call as it came, whether it was served or not.
#[derive(Clone)]
pub struct Call {
    /// What was asked.
    pub endpoint: Endpoint,
    /// When, on a clock that only goes forward: for counting calls by time.
    pub at: Instant,
    /// When, on the provider's clock.
    pub time: DateTime<Utc>,
    /// Which connection it came on, counted from 1.
    pub connection: u64,
    /// How it was asked.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The members of the query, or of the form in the body.
    pub form: Vec<(String, String)>,
    /// The status that was answered; `None` while there was no answer.
    pub answered: Option<u16>,
}

impl Call {
    /// A member of the form, or of the query.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let member = self.form.iter().find(|(known, _)| known == name);
        member.map(|(_, value)| value.as_str())
    }

    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    /// The refresh token that it was made with.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&str> {
        self.get("refresh_token")
    }
}

/// Without what is secret: a failing test prints it.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("endpoint", &self.endpoint)
            .field("time", &self.time)
            .field("connection", &self.connection)
            .field("grant_type", &self.get("grant_type"))
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
