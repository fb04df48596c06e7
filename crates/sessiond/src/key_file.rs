//! Rings of keys that lie in private files of the data folder: made on the first start, changed by
//! commands, and taken over by a running server that nobody needs to tell.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use session_core::ports::{Clock, Entropy, EntropyError};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::data_dir::{self, DataDirError};

/// How often a running server looks whether a file changed.
pub(crate) const LOOKS_EVERY: Duration = Duration::from_secs(5);

/// A ring of keys that such a file can hold.
pub(crate) trait KeyRing: Sized + Send + 'static {
    type Key;
    type Problem: Error + Send + Sync + 'static;

    /// The file.
    const FILE: &'static str;
    /// The setting that gives a ring instead.
    const SETTING: &'static str;
    /// What the keys are called in the log.
    const CALLED: &'static str;

    /// A key of 32 bytes of entropy.
    fn key(secret: &[u8; 32], created_at: DateTime<Utc>) -> Result<Self::Key, Self::Problem>;
    /// A ring of one key.
    fn of_one(key: Self::Key) -> Self;
    fn parse(text: &str) -> Result<Self, Self::Problem>;
    fn expose(&self) -> Zeroizing<String>;
    /// When the newest of its keys was made.
    fn newest_at(&self) -> DateTime<Utc>;
    /// The name of that key.
    fn newest_name(&self) -> &str;
}

/// Why there is no ring of keys to work with. No secret is repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    #[error("{name}: {problem}")]
    Ring {
        /// The setting or the file.
        name: String,
        problem: Box<dyn Error + Send + Sync>,
    },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// A ring, and the text of the file that it was read from.
pub(crate) struct Read<R> {
    pub(crate) ring: R,
    text: Zeroizing<String>,
}

/// The ring that a setting gives.
pub(crate) fn given<R: KeyRing>(text: &str) -> Result<R, KeyFileError> {
    R::parse(text).map_err(|problem| named(R::SETTING.to_owned(), problem))
}

/// The ring of a data folder, if it has one.
pub(crate) fn read<R: KeyRing>(folder: &Path) -> Result<Option<Read<R>>, KeyFileError> {
    let Some(text) = data_dir::read(folder, R::FILE)? else {
        return Ok(None);
    };
    let text = Zeroizing::new(text);
    let ring = R::parse(&text).map_err(|problem| of_file::<R>(folder, problem))?;
    Ok(Some(Read { ring, text }))
}

/// The first ring of a data folder, unless another process made one just now.
pub(crate) fn make<R: KeyRing>(
    folder: &Path,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
) -> Result<Read<R>, KeyFileError> {
    let _locked = data_dir::lock(folder, R::FILE)?;
    if let Some(read) = read(folder)? {
        return Ok(read);
    }
    let ring = R::of_one(draw::<R>(folder, entropy, clock.now())?);
    let text = ring.expose();
    data_dir::write(folder, R::FILE, &text)?;
    Ok(Read { ring, text })
}

/// Puts a new key into the ring of a data folder by `add`, which is told the ring, if there is one, the
/// key, and when it was made; the ring afterwards. A running server has it within [`LOOKS_EVERY`].
///
/// Two at the same time come one after the other, and neither loses the other's key.
pub(crate) fn rotate<R: KeyRing, E: From<KeyFileError>>(
    folder: &Path,
    entropy: &dyn Entropy,
    clock: &dyn Clock,
    add: impl FnOnce(Option<R>, R::Key, DateTime<Utc>) -> Result<R, E>,
) -> Result<R, E> {
    change(folder, |ring: Option<R>| {
        // Read under the lock, so that a key is newer than one that another process made meanwhile.
        let mut now = clock.now();
        if ring.as_ref().is_some_and(|ring| now == ring.newest_at()) {
            std::thread::sleep(Duration::from_millis(2));
            now = clock.now();
        }
        add(ring, draw::<R>(folder, entropy, now)?, now)
    })
}

/// Replaces the ring of a data folder, which nobody else changes meanwhile; the ring afterwards.
pub(crate) fn change<R: KeyRing, E: From<KeyFileError>>(
    folder: &Path,
    by: impl FnOnce(Option<R>) -> Result<R, E>,
) -> Result<R, E> {
    let io = |error| E::from(KeyFileError::from(error));
    let _locked = data_dir::lock(folder, R::FILE).map_err(io)?;
    let ring = by(read(folder)?.map(|read| read.ring))?;
    data_dir::write(folder, R::FILE, &ring.expose()).map_err(io)?;
    Ok(ring)
}

impl<R: KeyRing> Read<R> {
    /// The ring, and what finds out whether its file is replaced.
    pub(crate) fn parts(self) -> (R, Known) {
        (self.ring, Known(self.text))
    }
}

/// The text of a file as it was read last.
pub(crate) struct Known(Zeroizing<String>);

impl Known {
    /// Hands the ring of the file to `take` whenever it was replaced, until the task is stopped.
    pub(crate) fn follow<R: KeyRing>(
        self,
        folder: &Path,
        take: impl Fn(R) + Send + 'static,
    ) -> JoinHandle<()> {
        let (mut known, folder) = (self.0, folder.to_owned());
        tokio::spawn(async move {
            let mut is_gone = false;
            loop {
                tokio::time::sleep(LOOKS_EVERY).await;
                let was_gone = is_gone;
                is_gone = false;
                let text = match data_dir::read(&folder, R::FILE) {
                    Ok(Some(text)) => Zeroizing::new(text),
                    Ok(None) => {
                        is_gone = true;
                        if !was_gone {
                            tracing::error!(
                                file = R::FILE,
                                "the file of {} is gone: they are in this process' memory alone, and \
                                 lost when it ends. Put the file back",
                                R::CALLED
                            );
                        }
                        continue;
                    }
                    Err(error) => {
                        tracing::error!(%error, "{} cannot be read again", R::CALLED);
                        continue;
                    }
                };
                if *text == *known {
                    continue;
                }
                match R::parse(&text) {
                    Ok(ring) => {
                        tracing::info!(key = ring.newest_name(), "{} were replaced", R::CALLED);
                        take(ring);
                    }
                    // The keys that it has are good: they stay in use.
                    Err(error) => {
                        tracing::error!(%error, "{} were replaced by bad ones", R::CALLED)
                    }
                }
                known = text;
            }
        })
    }
}

fn draw<R: KeyRing>(
    folder: &Path,
    entropy: &dyn Entropy,
    now: DateTime<Utc>,
) -> Result<R::Key, KeyFileError> {
    let mut secret = Zeroizing::new([0; 32]);
    entropy.fill(&mut *secret)?;
    R::key(&secret, now).map_err(|problem| of_file::<R>(folder, problem))
}

/// What is wrong with the ring of a data folder.
pub(crate) fn of_file<R: KeyRing>(folder: &Path, problem: R::Problem) -> KeyFileError {
    named(folder.join(R::FILE).display().to_string(), problem)
}

fn named(name: String, problem: impl Error + Send + Sync + 'static) -> KeyFileError {
    KeyFileError::Ring {
        name,
        problem: Box::new(problem),
    }
}
