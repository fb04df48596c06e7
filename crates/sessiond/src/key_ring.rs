//! `sessiond keys`: the keys that sign access tokens. They are in a file of their own that a running
//! server reads again and again, so that nobody needs to tell it.

use app::{SystemClock, SystemEntropy};
use chrono::SecondsFormat;

use crate::access_token_keys::{self, LOOKS_EVERY, TokenKeyError};
use crate::command_line::{KeysCommand, Options};
use crate::settings::{BadSettings, Settings};

/// Why the keys could not be shown or rotated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyRingError {
    #[error(transparent)]
    Settings(#[from] BadSettings),
    #[error(transparent)]
    Keys(#[from] TokenKeyError),
}

#[expect(
    clippy::print_stdout,
    reason = "what the command is asked for, it prints"
)]
pub(crate) fn keys(command: &KeysCommand, options: &Options) -> Result<(), KeyRingError> {
    let settings = Settings::read(options)?;
    match command {
        KeysCommand::Rotate => {
            let kid = access_token_keys::rotate(&settings, &SystemEntropy, &SystemClock::new())?;
            println!("new key {kid}");
            println!(
                "a running server signs with it within {} seconds",
                LOOKS_EVERY.as_secs()
            );
        }
        KeysCommand::List => {
            for (at, key) in access_token_keys::list(&settings)?.iter().enumerate() {
                let created_at = key.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                let what = if at == 0 { "signs" } else { "verifies" };
                println!("{}\t{created_at}\t{what}", key.kid);
            }
        }
    }
    Ok(())
}
