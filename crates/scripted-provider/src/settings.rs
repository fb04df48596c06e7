use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::Clock;

use crate::Algorithm;

/// How a provider behaves while no fault is told.
#[derive(Clone)]
pub struct Settings {
    /// The one client that it knows.
    pub client_id: String,
    /// The client's secret; `None` for a public client.
    pub client_secret: Option<String>,
    /// For how long access tokens are good; `None`: for ever, and the answer does not say.
    pub access_lifetime: Option<TimeDelta>,
    /// For how long ID tokens are good.
    pub id_lifetime: TimeDelta,
    /// Whether each refresh gives a new refresh token and uses up the old one.
    pub rotates: bool,
    /// Whether a login gives a refresh token.
    pub issues_refresh_tokens: bool,
    /// Whether logins and refreshes give an ID token.
    pub issues_id_tokens: bool,
    /// Whether tokens can be introspected (RFC 7662).
    pub introspects: bool,
    /// Whether tokens can be revoked (RFC 7009).
    pub revokes: bool,
    /// Whether it describes itself under `/.well-known/openid-configuration`.
    pub has_openid_configuration: bool,
    /// Whether it describes itself under `/.well-known/oauth-authorization-server` (RFC 8414).
    pub has_oauth_configuration: bool,
    /// Whether it names itself when it sends a user back (`iss`, RFC 9207).
    pub names_itself: bool,
    /// What ID and logout tokens are signed with.
    pub algorithm: Algorithm,
    /// What time it is for the provider; the system's where there is none.
    pub clock: Option<Arc<dyn Clock>>,
}

/// A confidential client, access tokens for an hour, rotation, and everything on.
impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: "sessiond".to_owned(),
            client_secret: Some("a client secret: of + and % and &".to_owned()),
            access_lifetime: Some(TimeDelta::hours(1)),
            id_lifetime: TimeDelta::hours(1),
            rotates: true,
            issues_refresh_tokens: true,
            issues_id_tokens: true,
            introspects: true,
            revokes: true,
            has_openid_configuration: true,
            has_oauth_configuration: true,
            names_itself: true,
            algorithm: Algorithm::Es256,
            clock: None,
        }
    }
}

impl Settings {
    /// What time it is for the provider.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        match &self.clock {
            Some(clock) => clock.now(),
            None => system_now(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a provider is a machine of its own, with a clock of its own, unless the test gives one"
)]
fn system_now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("client_id", &self.client_id)
            .field("access_lifetime", &self.access_lifetime)
            .field("rotates", &self.rotates)
            .finish_non_exhaustive()
    }
}
