//! The tokens of outside providers: what is kept of them, and the rules by which they are renewed.

mod answer;
mod failure;
mod grant;
mod login;
mod provider_name;
mod provider_token;
mod refresh_record;
mod retry;
mod sealed;

pub use answer::{TokenAnswer, token_answer};
pub use failure::{ProviderFailure, refused_answer};
pub use grant::{Grant, GrantStatus, Lease, SupersededToken, TokenStanding};
pub use login::{
    AuthorizationRequest, CodeChallenge, IdTokenClaims, LogoutClaims, ProviderSubject,
};
pub use provider_name::ProviderName;
pub use provider_token::{ProviderToken, ProviderTokenHash};
pub use refresh_record::{RefreshId, RefreshOutcome, RefreshReason, RefreshRecord};
pub use retry::{NextTry, RefreshConfig, RetryConfig};
pub use sealed::{CipherKeyId, Sealed, SealedTokens, TokenField, TokenPlace};
