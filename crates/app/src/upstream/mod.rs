//! The tokens of outside providers: kept with sessions, and live whenever somebody asks.

mod circuit;
mod error;
mod flights;
mod keeping;
mod manager;
mod pace;
mod policy;
mod providers;
mod reencryption;
mod renewal;
mod upkeep;
mod vault;

pub use error::TokenError;
pub(crate) use flights::Flights;
pub use keeping::NewTokens;
pub use manager::{LiveToken, RefreshedTokens, TokenManager};
pub use policy::TokenPolicy;
pub use providers::{Provider, Providers};
pub use reencryption::{KeysInUse, Reencrypted, reencrypt_some};
pub(crate) use renewal::whole_seconds;
pub use vault::{OpenTokens, TokenOwner, TokenVault};
