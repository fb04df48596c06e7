//! The tokens of outside providers: kept with sessions, and live whenever somebody asks.

mod circuit;
mod error;
mod flights;
mod holding;
mod keeping;
mod manager;
mod outcome;
mod pace;
mod policy;
mod providers;
mod reencryption;
mod renewal;
mod shares;
mod storing;
mod upkeep;
mod vault;

pub use error::TokenError;
pub(crate) use flights::Flights;
pub use keeping::NewTokens;
pub use manager::{LiveToken, RefreshedTokens, TokenManager};
pub(crate) use outcome::whole_seconds;
pub use policy::TokenPolicy;
pub use providers::{Provider, Providers};
pub use reencryption::{KeysInUse, Reencrypted, reencrypt_some};
pub use vault::{OpenTokens, TokenOwner, TokenVault};
