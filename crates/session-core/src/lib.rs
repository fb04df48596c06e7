//! What sessiond knows about sessions, apart from any database, network or framework.
//!
//! This crate holds the models ([`Session`], [`SessionToken`], [`DeviceFingerprint`], …), the rules
//! as pure functions over them (state machine, deadlines, device match, access checks) and the
//! [`ports`] through which the rules reach the world. It never reads a clock, never draws a random
//! number and never does I/O: time and entropy are arguments.
//!
//! ```
//! use chrono::{DateTime, TimeDelta, Utc};
//! use session_core::{Lifetime, Session, SessionId, SessionSecret, SessionState, UserId};
//!
//! let now: DateTime<Utc> = "2026-01-01T12:00:00Z".parse()?;
//! let secret = SessionSecret::from_bytes([7; 32]); // 32 bytes from the `Entropy` port
//! let session = Session::start(
//!     SessionId::at(now, [1; 10]),
//!     UserId::new("ada")?,
//!     secret.hash(),
//!     Lifetime { absolute: TimeDelta::hours(8), idle: Some(TimeDelta::minutes(30)) },
//!     now,
//! );
//!
//! assert!(session.secret_hash.proves(&secret));
//! assert_eq!(session.state(now), SessionState::Active);
//! assert_eq!(session.state(now + TimeDelta::minutes(15)), SessionState::Idle);
//! assert_eq!(session.state(now + TimeDelta::minutes(30)), SessionState::Expired);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(missing_docs)]

mod access_token;
mod account;
mod activity;
mod audit;
mod digest;
mod end_reason;
mod fingerprint;
mod invalid_input;
mod lifetime;
mod metadata;
mod one_time;
mod page;
pub mod ports;
mod rate;
mod revocation;
mod risk;
mod rotation;
mod session;
mod session_id;
mod state;
mod stats;
mod strict_json;
mod suspicion;
mod token;
mod upstream;
mod user_id;
mod uuid_v7;

pub use access_token::{AccessClaims, AccessTokenId};
pub use account::{Account, AccountId, Email, Password, PasswordHash, PasswordPolicy};
pub use activity::Activity;
pub use audit::{
    Anchor, AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary,
    BrokenRecord, ChainCheck, ChainHash, EventId, Fault, MAX_FIELD_BYTES, Sequence, Verified,
};
pub use end_reason::EndReason;
pub use fingerprint::{DeviceFingerprint, FingerprintMatch, MATCH_THRESHOLD, Scalar};
pub use invalid_input::InvalidInput;
pub use lifetime::{Lifetime, TimeoutPolicy};
pub use metadata::{DEFAULT_ROLE, MAX_METADATA_BYTES, Metadata};
pub use one_time::MarkHash;
pub use page::{Cursor, DEFAULT_PAGE, MAX_PAGE, Page, PageRequest};
pub use rate::{
    Attempt, Backoff, DuplicateRule, RateDecision, RateKey, RateRule, RateRules, RateState,
    UnknownRule, decide,
};
pub use revocation::{Revocation, RevocationId, TokenHash, TokenKind};
pub use risk::{
    Risk, RiskAction, RiskPolicy, RiskScore, RiskSignal, RiskWeights, rate_subject, same_network,
};
pub use rotation::{Proof, Rotation};
pub use session::{ClientDetails, Refusal, Session, UpstreamDetails};
pub use session_id::SessionId;
pub use state::{EndKind, Ending, SessionState, Standing};
pub use stats::{BUSIEST_USERS, DUE_COUNTED, SessionStats};
pub use strict_json::{StrictJsonError, parse_strict_json};
pub use suspicion::{ActivityPattern, Suspicion};
pub use token::{MalformedToken, SecretHash, SessionSecret, SessionToken};
pub use upstream::{
    AuthorizationRequest, CipherKeyId, CodeChallenge, Grant, GrantStatus, IdTokenClaims, Lease,
    LogoutClaims, NextTry, ProviderFailure, ProviderName, ProviderSubject, ProviderToken,
    ProviderTokenHash, RefreshConfig, RefreshId, RefreshOutcome, RefreshReason, RefreshRecord,
    RetryConfig, Sealed, SealedTokens, SupersededToken, TokenAnswer, TokenField, TokenPlace,
    TokenStanding, refused_answer, token_answer,
};
pub use user_id::UserId;
