//! The keys that provider tokens are encrypted with: shown with what they are needed for, and forgotten
//! when that is nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use app::SystemClock;
use app::wiring::CipherKeys;
use session_core::CipherKeyId;

use super::grants::Grants;
use super::{KeysError, time};
use crate::key_file::LOOKS_EVERY;
use crate::provider_token_keys::{self, KeyCounts};
use crate::settings::Settings;

/// How often a server is looked at that is to take over a new key, and the pause between two looks: for
/// twice the time that it needs.
const LOOKS: u64 = 4 * 2 * LOOKS_EVERY.as_secs();
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How often what is being renewed is tried again, and the pause before it is.
const ROUNDS: usize = 10;
const NEXT_ROUND: Duration = Duration::from_secs(1);

/// A line for each key: name, when it was made, what it does, how many grants are sealed with it.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the command is asked for, it prints"
)]
pub(super) fn list(settings: &Settings) -> Result<(), KeysError> {
    let ring = provider_token_keys::ring(settings)?;
    let sealed = match Grants::reach(settings).and_then(|grants| grants.in_use()) {
        Ok(in_use) => Some(in_use.sealed),
        Err(error) => {
            eprintln!("sessiond: it cannot be told how much is encrypted with each key: {error}");
            None
        }
    };
    let count = |key: &CipherKeyId| match &sealed {
        Some(sealed) => of(sealed, key).to_string(),
        None => "?".to_owned(),
    };
    for (at, key) in ring.iter().flat_map(CipherKeys::iter).enumerate() {
        let what = if at == 0 { "encrypts" } else { "decrypts" };
        let (id, created_at) = (key.id(), time(key.created_at()));
        println!("{id}\t{created_at}\t{what}\t{}", count(id));
    }
    for (key, count) in sealed.iter().flatten() {
        if ring.as_ref().is_none_or(|ring| ring.find(key).is_none()) {
            println!("{key}\t-\tmissing\t{count}");
        }
    }
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "what the command is asked for, it prints"
)]
pub(super) fn forget(settings: &Settings, key: &CipherKeyId) -> Result<(), KeysError> {
    provider_token_keys::file_of(settings)?;
    let grants = Grants::reach(settings)?;
    provider_token_keys::forget(settings, key, &SystemClock::new(), |ring| {
        let in_use = grants.in_use()?;
        if in_use.sealing.as_ref() == Some(ring.newest().id()) {
            Ok(in_use.sealed)
        } else {
            Err(KeysError::NotTakenOver)
        }
    })?;
    println!("key {key} forgotten");
    Ok(())
}

/// Seals everything with the newest key.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the command is asked for, it prints"
)]
pub(super) fn reencrypt(settings: &Settings) -> Result<(), KeysError> {
    let grants = Grants::reach(settings)?;
    let sealing = taken_over(settings, &grants)?;
    let mut resealed = 0;
    let (mut busy, mut unreadable) = (0, BTreeMap::new());
    for round in 0..ROUNDS {
        (busy, unreadable) = (0, BTreeMap::new());
        let mut after = None;
        loop {
            let batch = grants.reencrypt_some(after)?;
            resealed += batch.resealed;
            busy += batch.busy;
            for (key, count) in batch.unreadable {
                *unreadable.entry(key).or_default() += count;
            }
            if batch.resealed > 0 {
                eprintln!("{resealed} encrypted anew");
            }
            after = batch.next;
            if after.is_none() {
                break;
            }
        }
        if busy == 0 {
            break;
        }
        if round + 1 < ROUNDS {
            std::thread::sleep(NEXT_ROUND);
        }
    }
    println!("{resealed} encrypted anew with the key {sealing}");
    for (key, count) in grants.in_use()?.sealed {
        println!("{key}\t{count}");
    }
    let unreadable: u64 = unreadable.values().sum();
    if busy + unreadable > 0 {
        return Err(KeysError::Left { busy, unreadable });
    }
    Ok(())
}

/// The newest key, once it is the one that seals.
fn taken_over(settings: &Settings, grants: &Grants) -> Result<CipherKeyId, KeysError> {
    let newest = match &settings.encryption.keys {
        // The server's own word: it may have been given other keys than this command.
        Some(_) => None,
        None => match provider_token_keys::ring(settings)? {
            Some(ring) => Some(ring.newest().id().clone()),
            None => {
                return Err(provider_token_keys::absent(settings, grants.in_use()?.sealed).into());
            }
        },
    };
    for _ in 0..LOOKS {
        if let Some(sealing) = grants.in_use()?.sealing
            && newest.as_ref().is_none_or(|newest| *newest == sealing)
        {
            return Ok(sealing);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(KeysError::NotTakenOver)
}

fn of(sealed: &KeyCounts, key: &CipherKeyId) -> u64 {
    let found = sealed.iter().find(|(name, _)| name == key);
    found.map_or(0, |(_, count)| *count)
}
