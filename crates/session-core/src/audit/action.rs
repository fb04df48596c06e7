use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidInput;

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum AuditAction {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl AuditAction {
            /// Every action, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// A stable snake_case word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl FromStr for AuditAction {
            type Err = InvalidInput;

            fn from_str(text: &str) -> Result<Self, InvalidInput> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(InvalidInput::new("action", "must be an action of the audit log")),
                }
            }
        }
    };
}

actions! {
    /// A session was begun.
    SessionCreated = "session_created",
    /// A session was looked at: high volume, off by default.
    SessionAccessed = "session_accessed",
    /// A session went on with a new access token.
    SessionRefreshed = "session_refreshed",
    /// A session was given more time.
    SessionExtended = "session_extended",
    /// A session's deadline passed; recorded when the sweep notes it.
    SessionExpired = "session_expired",
    /// A session's tokens were withdrawn.
    SessionRevoked = "session_revoked",
    /// A session was ended by limit, admin or policy.
    SessionTerminated = "session_terminated",
    /// A session was held back.
    SessionSuspended = "session_suspended",
    /// A session that was held back goes on.
    SessionResumed = "session_resumed",
    /// A session's metadata or fingerprint was changed.
    SessionUpdated = "session_updated",
    /// A token was issued.
    TokenIssued = "token_issued",
    /// A provider's access token was renewed.
    TokenRefreshed = "token_refreshed",
    /// A session token, or a provider's refresh token, was replaced.
    TokenRotated = "token_rotated",
    /// A token was revoked.
    TokenRevoked = "token_revoked",
    /// A token was checked: high volume, off by default.
    TokenValidated = "token_validated",
    /// A token was introspected (RFC 7662): high volume, off by default.
    TokenIntrospected = "token_introspected",
    /// Something speaks for misuse.
    SuspiciousActivity = "suspicious_activity",
    /// Somebody went over a rate limit.
    RateLimitExceeded = "rate_limit_exceeded",
    /// A device does not match its session.
    InvalidDevice = "invalid_device",
    /// A session is used from another network than it was begun from.
    IpChangeDetected = "ip_change_detected",
    /// A session was used in a way that ended it, or would have in shadow mode.
    SessionHijackAttempt = "session_hijack_attempt",
    /// A login succeeded.
    LoginSuccess = "login_success",
    /// A login failed.
    LoginFailure = "login_failure",
    /// A user signed out.
    Logout = "logout",
    /// All of a user's sessions were ended at once.
    ForcedLogout = "forced_logout",
    /// A user was registered.
    UserRegistered = "user_registered",
    /// A user was disabled, enabled, given other rights, or deleted.
    UserUpdated = "user_updated",
    /// A password was changed.
    PasswordChanged = "password_changed",
    /// Somebody known asked for what they may not do.
    AccessDenied = "access_denied",
    /// The server started with settings of which these are the ones that matter for security.
    ConfigChanged = "config_changed",
}

impl AuditAction {
    /// Whether it happens so often that it is recorded only if asked for, and may be dropped under
    /// load. Everything else is a security event, which is never dropped.
    #[must_use]
    pub const fn is_high_volume(self) -> bool {
        matches!(
            self,
            Self::SessionAccessed | Self::TokenValidated | Self::TokenIntrospected
        )
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
