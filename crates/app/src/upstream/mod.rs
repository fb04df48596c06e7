//! The tokens of outside providers: kept with sessions, and live whenever somebody asks.

mod vault;

pub use vault::{OpenTokens, TokenOwner, TokenVault};
