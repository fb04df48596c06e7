//! `sessiond keys`: the keys that sign access tokens, and those that provider tokens are encrypted with.
//! They are in files of their own that a running server reads again and again, so that nobody needs to
//! tell it.

mod grants;
mod provider_tokens;

use std::io;

use app::wiring::WiringError;
use app::{SystemClock, SystemEntropy};
use chrono::{DateTime, SecondsFormat, Utc};
use session_core::{CipherKeyId, InvalidInput};

use crate::access_token_keys::{self, TokenKeyError};
use crate::admin_face::AdminFaceError;
use crate::command_line::{KeysCommand, KeysOf, Options, Which};
use crate::data_dir::DataDirError;
use crate::key_file::{KeyFileError, LOOKS_EVERY};
use crate::logging;
use crate::provider_token_keys::ProviderKeyError;
use crate::settings::{BadSettings, Settings};

/// Why the keys could not be shown or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error(transparent)]
    Settings(#[from] BadSettings),
    #[error(transparent)]
    TokenKeys(#[from] TokenKeyError),
    #[error(transparent)]
    ProviderKeys(#[from] ProviderKeyError),
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    #[error(
        "the keys that sign access tokens go by themselves, when no token of theirs is good any more: \
         name others by --of provider-tokens"
    )]
    GoByThemselves,
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Wiring(#[from] WiringError),
    #[error(transparent)]
    Store(#[from] app::SessionError),
    #[error(
        "the server encrypts with another key than the newest in the data folder: its log may say why"
    )]
    NotTakenOver,
    #[error(
        "not everything is encrypted anew: {unreadable} cannot be decrypted, and are as they were; \
         {busy} were being renewed all the time, and are for another try"
    )]
    Left { busy: u64, unreadable: u64 },
    #[error(transparent)]
    Face(#[from] AdminFaceError),
}

pub(crate) fn keys(command: KeysCommand, options: &Options) -> Result<(), KeysError> {
    let settings = Settings::read(options)?;
    logging::start("warn");
    match command {
        KeysCommand::Rotate {
            which: Which { of },
        } => rotate(&settings, of),
        KeysCommand::List {
            which: Which { of },
        } => match of {
            KeysOf::AccessTokens => list_access_tokens(&settings),
            KeysOf::ProviderTokens => provider_tokens::list(&settings),
        },
        KeysCommand::Reencrypt => provider_tokens::reencrypt(&settings),
        KeysCommand::Forget { key, which } => match which.of {
            KeysOf::AccessTokens => Err(KeysError::GoByThemselves),
            KeysOf::ProviderTokens => provider_tokens::forget(&settings, &CipherKeyId::new(&key)?),
        },
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what the command is asked for, it prints"
)]
fn rotate(settings: &Settings, of: KeysOf) -> Result<(), KeysError> {
    let clock = SystemClock::new();
    let (key, does) = match of {
        KeysOf::AccessTokens => {
            let kid = access_token_keys::rotate(settings, &SystemEntropy, &clock)?;
            (kid, "signs")
        }
        KeysOf::ProviderTokens => {
            let id = crate::provider_token_keys::rotate(settings, &SystemEntropy, &clock)?;
            (id.to_string(), "encrypts")
        }
    };
    println!("new key {key}");
    println!(
        "a running server {does} with it within {} seconds",
        LOOKS_EVERY.as_secs()
    );
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "what the command is asked for, it prints"
)]
fn list_access_tokens(settings: &Settings) -> Result<(), KeysError> {
    for (at, key) in access_token_keys::list(settings)?.iter().enumerate() {
        let what = if at == 0 { "signs" } else { "verifies" };
        println!("{}\t{}\t{what}", key.kid, time(key.created_at));
    }
    Ok(())
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
