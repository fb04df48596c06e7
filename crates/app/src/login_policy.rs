use chrono::TimeDelta;
use session_core::{Lifetime, PasswordPolicy};

use crate::AccessTokens;

/// The numbers that logins go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginPolicy {
    /// How long a session lives that a login begins (`SESSION_EXPIRE_SECONDS`,
    /// `SESSION_IDLE_TIMEOUT`). One that is to be remembered lives as long as
    /// [`TimeoutPolicy::remember_me`](session_core::TimeoutPolicy::remember_me) says, used or not.
    pub lifetime: Lifetime,
    /// How long an access token is good (`ACCESS_TOKEN_EXPIRE_MINUTES`).
    pub access_token_lifetime: TimeDelta,
    /// Which passwords may be set (`PASSWORD_MIN_LENGTH`).
    pub passwords: PasswordPolicy,
    /// Whether each refresh replaces the session token, asked for or not (`SESSION_ROTATE`).
    pub rotate: bool,
}

impl Default for LoginPolicy {
    fn default() -> Self {
        Self {
            lifetime: Lifetime {
                absolute: TimeDelta::hours(1),
                idle: Some(TimeDelta::minutes(30)),
            },
            access_token_lifetime: AccessTokens::DEFAULT_LIFETIME,
            passwords: PasswordPolicy::default(),
            rotate: false,
        }
    }
}
