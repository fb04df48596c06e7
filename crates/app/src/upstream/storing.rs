//! How what came of a renewal gets into the store: what a provider gave, nobody else has.

use std::sync::Arc;
use std::time::Duration;

use session_core::ports::{RefreshBegun, RefreshEnd, RefreshFinished, StoreErrorKind};
use session_core::{Grant, GrantStatus, RefreshOutcome, RefreshReason, RefreshRecord};
use tokio::time::Instant;

use super::error::TokenError;
use super::holding::{HOLD_ON, HOLD_ON_SHORTLY};
use super::manager::TokenManager;
use super::outcome::Answered;
use super::providers::Provider;
use super::renewal::{Held, LOOK_AGAIN, Renewed, not_now};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl TokenManager {
    /// As [`Self::renewed`], however long it takes: nobody else has the tokens.
    pub(crate) async fn seal_renewed(
        &self,
        grant: &Grant,
        answered: &Answered,
        record: RefreshRecord,
    ) -> RefreshEnd {
        loop {
            match self.renewed(grant, answered, record.clone()) {
                Ok(end) => return end,
                Err(error) => {
                    tracing::error!(%error, "new tokens cannot be sealed yet");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Stores an outcome, for as long as `hold_on` if the store does not take it.
    pub(crate) async fn store(
        &self,
        end: RefreshEnd,
        hold_on: Duration,
    ) -> Result<(RefreshFinished, RefreshRecord), TokenError> {
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let error = match self.grants.finish_refresh(end.clone()).await {
                Ok(finished) => {
                    let outcome = match finished {
                        RefreshFinished::Stored(_) => end.record.outcome,
                        _ => RefreshOutcome::Superseded,
                    };
                    let record = RefreshRecord {
                        outcome,
                        ..end.record
                    };
                    return Ok((finished, record));
                }
                Err(error) => error,
            };
            let session = end.record.session_id;
            let is_hopeless = error.kind() != StoreErrorKind::Unavailable;
            if begun.elapsed() >= hold_on || (is_hopeless && begun.elapsed() >= HOLD_ON_SHORTLY) {
                tracing::error!(%error, %session, outcome = end.record.outcome.as_str(),
                    "what came of a renewal could not be stored, and is lost");
                return Err(error.into());
            }
            tracing::warn!(%error, %session, "what came of a renewal is not stored yet");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Stores what a provider gave to somebody who was thought dead, unless the grant has newer tokens,
    /// or the provider has ended it: whoever took over may have got nothing, and what it had to ask
    /// with is used up.
    pub(crate) async fn store_after_all(
        &self,
        mut seen: Arc<Grant>,
        answered: Answered,
        reason: RefreshReason,
        provider: &Provider,
    ) -> Result<Held, TokenError> {
        let (known, begun) = (seen.rotation_count, Instant::now());
        while seen.rotation_count == known && seen.status == GrantStatus::Usable {
            if begun.elapsed() >= HOLD_ON {
                let session = seen.session_id;
                tracing::error!(%session, "new tokens could not be stored, and are lost");
                return Err(not_now("somebody else took the renewal over"));
            }
            let step = self.try_to_store(&seen, &answered, reason).await;
            let next = match step {
                Ok(Step::Stored(renewed)) => return Ok(Held::Done(renewed)),
                Ok(Step::Found(grant)) => grant,
                Err(error) => {
                    let session = seen.session_id;
                    tracing::warn!(%error, %session, "new tokens are not stored yet");
                    tokio::time::sleep(LONGEST_PAUSE).await;
                    Some(Arc::clone(&seen))
                }
            };
            let Some(next) = next else {
                let _ = self.take_back(&answered.tokens, provider).await;
                return Err(TokenError::NoTokens);
            };
            seen = next;
        }
        Ok(Held::Lost(seen))
    }

    async fn try_to_store(
        &self,
        seen: &Grant,
        answered: &Answered,
        reason: RefreshReason,
    ) -> Result<Step, TokenError> {
        if seen.is_leased(self.clock.now()) {
            tokio::time::sleep(LOOK_AGAIN).await;
            return Ok(Step::Found(self.grants.find_grant(seen.session_id).await?));
        }
        // Nobody has renewed them since, so these are the tokens that were used.
        let record = self.intent(seen, &self.vault.open_all(seen)?, reason)?;
        let grant = match self.begin(seen, record.clone()).await? {
            RefreshBegun::Begun(grant) => grant,
            RefreshBegun::Busy(grant) | RefreshBegun::Changed(grant) => {
                return Ok(Step::Found(Some(grant)));
            }
            RefreshBegun::NotFound => return Ok(Step::Found(None)),
        };
        let end = self.seal_renewed(&grant, answered, record).await;
        let (finished, record) = self.store(end, HOLD_ON).await?;
        self.record_renewal(&record).await;
        Ok(match finished {
            RefreshFinished::Stored(grant) => Step::Stored(Renewed {
                grant,
                record: Some(Arc::new(record)),
            }),
            RefreshFinished::Superseded(now) => Step::Found(Some(now)),
            RefreshFinished::Gone => Step::Found(None),
        })
    }
}

/// What one try to store late tokens came to.
enum Step {
    Stored(Renewed),
    /// Not yet; the grant as it is, if there is one.
    Found(Option<Arc<Grant>>),
}
