use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    DeviceFingerprint, Lifetime, Metadata, Rotation, SecretHash, SessionId, SessionState, Standing,
    UserId,
};

/// One signed-in presence of one user on one device.
///
/// A record as a store keeps it. All times are UTC in whole milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Public handle.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Proof of the secret half of the session's token.
    pub secret_hash: SecretHash,
    /// What is kept of earlier secrets, if there were any.
    pub rotation: Option<Box<Rotation>>,
    /// What is written down of its state; see [`Session::state`] for the state itself.
    pub standing: Standing,
    /// Raised by every write but activity: a change made on an older version is refused.
    pub version: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last used, as far as it has been written down.
    pub last_activity: DateTime<Utc>,
    /// The absolute deadline.
    pub expires_at: DateTime<Utc>,
    /// How long it may go unused; `None` for as long as it lives.
    pub idle_timeout: Option<TimeDelta>,
    /// Whether the user asked to be remembered.
    pub remember_me: bool,
    /// The application's own data.
    pub metadata: Metadata,
    /// Where the session was begun.
    pub client: ClientDetails,
    /// What is known of the outside provider that vouched for the user, if one did.
    pub upstream: Option<Box<UpstreamDetails>>,
}

/// The device and the network that a session was begun from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientDetails {
    /// Its address.
    pub ip_address: Option<IpAddr>,
    /// Its `User-Agent`, as sent.
    pub user_agent: Option<Box<str>>,
    /// What else tells the device from others.
    pub device_fingerprint: Option<Box<DeviceFingerprint>>,
}

/// The public side of a login at an outside provider; the tokens themselves are kept elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamDetails {
    /// The provider's name in the settings.
    pub provider: Option<Box<str>>,
    /// What the user granted (RFC 6749 §3.3).
    pub scopes: Vec<Box<str>>,
}

impl Session {
    /// A new session, created and first used at `now`.
    ///
    /// Deadlines beyond the calendar's end are cut to it.
    #[must_use]
    pub fn start(
        id: SessionId,
        user_id: UserId,
        secret_hash: SecretHash,
        lifetime: Lifetime,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            user_id,
            secret_hash,
            rotation: None,
            standing: Standing::Open,
            version: 1,
            created_at: now,
            last_activity: now,
            expires_at: later(now, lifetime.absolute),
            idle_timeout: lifetime.idle,
            remember_me: false,
            metadata: Metadata::default(),
            client: ClientDetails::default(),
            upstream: None,
        }
    }

    /// When the session ends if it is not used again; `None` without an idle timeout.
    #[must_use]
    pub fn idle_expires_at(&self) -> Option<DateTime<Utc>> {
        self.idle_timeout
            .map(|idle| later(self.last_activity, idle))
    }

    /// The earlier of the idle and the absolute deadline: the session is dead from this moment on.
    #[must_use]
    pub fn deadline(&self) -> DateTime<Utc> {
        self.deadline_after(self.last_activity)
    }

    /// The state at `now`.
    ///
    /// Expiry is a matter of the clock: past a deadline the answer is `Expired`, whatever the record
    /// still says. A recorded end wins over the clock, so that a clock that jumps back revives
    /// nothing.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> SessionState {
        self.state_after(self.last_activity, now)
    }

    /// As [`Self::state`], with activity at `last_activity` that the record may not know yet.
    #[must_use]
    pub fn state_after(&self, last_activity: DateTime<Utc>, now: DateTime<Utc>) -> SessionState {
        let last_activity = last_activity.max(self.last_activity);
        let is_idle = || {
            self.idle_timeout
                .is_some_and(|idle| now >= later(last_activity, idle / 2))
        };
        match &self.standing {
            Standing::Ended(ending) => ending.kind.into(),
            _ if now >= self.deadline_after(last_activity) => SessionState::Expired,
            Standing::Suspended => SessionState::Suspended,
            Standing::Open if is_idle() => SessionState::Idle,
            Standing::Open => SessionState::Active,
        }
    }

    fn deadline_after(&self, last_activity: DateTime<Utc>) -> DateTime<Utc> {
        self.idle_timeout.map_or(self.expires_at, |idle| {
            later(last_activity, idle).min(self.expires_at)
        })
    }

    /// Whether the session has neither ended nor passed a deadline at `now`.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        !self.state(now).is_final()
    }

    /// Whether activity at `at` is news to this record: it has not ended, `at` is later than the last
    /// activity known, and before the absolute deadline.
    ///
    /// The idle deadline is not asked: whoever noted the activity saw the session live.
    #[must_use]
    pub fn accepts_activity(&self, at: DateTime<Utc>) -> bool {
        let ended = matches!(self.standing, Standing::Ended(_));
        !ended && at > self.last_activity && at < self.expires_at
    }

    /// The record with activity at `at` taken into account. Activity never moves backwards.
    #[must_use]
    pub fn with_activity(self: &Arc<Self>, at: DateTime<Utc>) -> Arc<Self> {
        if at <= self.last_activity {
            return Arc::clone(self);
        }
        Arc::new(Self {
            last_activity: at,
            ..Self::clone(self)
        })
    }
}

/// `at` plus `span`, cut to the calendar's end; a negative span has its end at the other end.
fn later(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    let end = if span < TimeDelta::zero() {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    };
    at.checked_add_signed(span).unwrap_or(end)
}

/// Why a session token does not let its bearer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No such session, or not with that secret: the two cannot be told apart.
    Unknown,
    /// Past a deadline.
    Expired,
    /// Withdrawn.
    Revoked,
    /// Ended by limit, admin or policy.
    Terminated,
    /// Held back for now.
    Suspended,
}

impl Refusal {
    /// A stable snake_case word for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Terminated => "terminated",
            Self::Suspended => "suspended",
        }
    }
}

impl SessionState {
    /// Lets a client in, or says why not.
    ///
    /// # Errors
    /// [`Refusal`] by the state; never [`Refusal::Unknown`].
    pub const fn admit(self) -> Result<(), Refusal> {
        match self {
            Self::Active | Self::Idle => Ok(()),
            Self::Suspended => Err(Refusal::Suspended),
            Self::Expired => Err(Refusal::Expired),
            Self::Revoked => Err(Refusal::Revoked),
            Self::Terminated => Err(Refusal::Terminated),
        }
    }
}
