//! How a grant's tokens are renewed: once, however many ask and wherever.

use std::sync::Arc;
use std::time::Duration;

use session_core::ports::{RefreshBegin, RefreshBegun};
use session_core::{
    Grant, ProviderFailure, ProviderToken, RefreshId, RefreshOutcome, RefreshReason, RefreshRecord,
};
use tokio::time::Instant;

use super::error::TokenError;
use super::manager::TokenManager;
use super::outcome::{LONGEST_REST, later, whole_seconds};
use super::providers::Provider;
use super::vault::OpenTokens;

/// What a renewal came to: the grant with live tokens, and the record of it; no record where somebody
/// else renewed them.
#[derive(Debug, Clone)]
pub(crate) struct Renewed {
    pub(crate) grant: Arc<Grant>,
    pub(crate) record: Option<Arc<RefreshRecord>>,
}

pub(crate) type RenewalResult = Result<Renewed, TokenError>;

/// How the holding of a right to renew ended.
pub(crate) enum Held {
    /// With a result.
    Done(Renewed),
    /// Somebody else has it now; the grant as it is.
    Lost(Arc<Grant>),
}

/// Pause between two looks at a grant that another node is renewing.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(60);

impl TokenManager {
    /// Renews the tokens of a grant that was seen in this state, or waits for whoever is at it.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        seen: Arc<Grant>,
        reason: RefreshReason,
    ) -> RenewalResult {
        let (this, id) = (Arc::clone(self), seen.session_id);
        let flight = self.flights.join(id, || async move {
            let provider = Arc::clone(this.provider(&seen.provider)?);
            this.take_turn(seen, &provider, reason).await
        });
        flight.await.unwrap_or_else(|| {
            let cause = ProviderFailure::Ambiguous("a fault of ours broke the renewal off".into());
            Err(TokenError::Unavailable {
                retry_after: 1,
                cause,
            })
        })
    }

    /// Waits for the right to renew, unless somebody else renews the tokens meanwhile.
    async fn take_turn(
        &self,
        mut seen: Arc<Grant>,
        provider: &Provider,
        reason: RefreshReason,
    ) -> RenewalResult {
        let (known, begun) = (seen.rotation_count, Instant::now());
        while seen.rotation_count == known {
            self.is_worth_asking(&seen)?;
            if seen.is_leased(self.clock.now()) {
                // Whoever asked has left by then, and the next one to ask waits anew.
                if begun.elapsed() >= self.policy.patience {
                    return Err(not_now("somebody else is at the renewal"));
                }
                tokio::time::sleep(LOOK_AGAIN).await;
                let grant = self.grants.find_grant(seen.session_id).await?;
                seen = grant.ok_or(TokenError::NoTokens)?;
                continue;
            }
            // Opened first: what cannot be opened is not begun.
            let tokens = self.vault.open_all(&seen)?;
            self.admit(provider).await?;
            let record = self.intent(&seen, &tokens, reason)?;
            seen = match self.begin(&seen, record.clone()).await? {
                RefreshBegun::Begun(grant) => {
                    let held = self.hold_and_renew(&grant, tokens, record, provider);
                    match held.await? {
                        Held::Done(renewed) => return Ok(renewed),
                        Held::Lost(grant) => grant,
                    }
                }
                RefreshBegun::Busy(grant) | RefreshBegun::Changed(grant) => grant,
                RefreshBegun::NotFound => return Err(TokenError::NoTokens),
            };
        }
        Ok(Renewed {
            grant: seen,
            record: None,
        })
    }

    /// Whether there is a point in asking the provider now.
    pub(crate) fn is_worth_asking(&self, grant: &Grant) -> Result<(), TokenError> {
        if !grant.can_refresh() {
            return Err(TokenError::ReauthRequired);
        }
        let now = self.clock.now();
        // What is further away was written by a clock that was wrong.
        let is_ahead = |at| now < at && at <= later(now, LONGEST_REST);
        match grant.retry_at.filter(|at| is_ahead(*at)) {
            None => Ok(()),
            Some(at) => Err(TokenError::Unavailable {
                retry_after: whole_seconds(at - now),
                cause: ProviderFailure::Throttled {
                    retry_after: Some(at - now),
                },
            }),
        }
    }

    /// Waits for a turn to call a provider, unless it is to be left alone, or nothing is to be begun
    /// any more.
    async fn admit(&self, provider: &Provider) -> Result<(), TokenError> {
        let left_alone = |(cause, rest): (_, Duration)| TokenError::Unavailable {
            retry_after: rest.as_secs().max(1),
            cause,
        };
        // Whoever would be refused uses no turn up.
        provider
            .circuit
            .rest()
            .map_or(Ok(()), |rest| Err(left_alone(rest)))?;
        tokio::select! {
            () = provider.pace.turn() => {}
            () = self.flights.closing() => {}
        }
        if self.flights.is_closing() {
            return Err(not_now("the service is being stopped"));
        }
        provider.circuit.admit().map_err(left_alone)
    }

    pub(crate) fn intent(
        &self,
        grant: &Grant,
        tokens: &OpenTokens,
        reason: RefreshReason,
    ) -> Result<RefreshRecord, TokenError> {
        let now = self.clock.now();
        let mut tail = [0; 10];
        self.entropy.fill(&mut tail)?;
        Ok(RefreshRecord {
            id: RefreshId::at(now, tail),
            session_id: grant.session_id,
            user_id: grant.user_id.clone(),
            provider: grant.provider.clone(),
            reason,
            started_at: now,
            finished_at: None,
            outcome: RefreshOutcome::Pending,
            tries: 0,
            rotation_count: grant.rotation_count,
            old_access_token: grant.access_hash,
            old_refresh_token: tokens.refresh.as_ref().map(ProviderToken::hash),
            new_access_token: None,
            new_refresh_token: None,
            old_expires_at: grant.access_expires_at,
            new_expires_at: None,
            grace_ends_at: None,
        })
    }

    /// Takes the right to renew a grant that was seen in this state.
    pub(crate) async fn begin(
        &self,
        seen: &Grant,
        record: RefreshRecord,
    ) -> Result<RefreshBegun, TokenError> {
        let ours = record.id;
        let begin = RefreshBegin {
            expected_version: seen.version,
            until: later(record.started_at, self.policy.lease),
            record,
        };
        let error = match self.grants.begin_refresh(begin).await {
            Ok(begun) => return Ok(begun),
            Err(error) => error,
        };
        // It may have happened all the same: then everybody would wait for us until the lease ends.
        match self.grants.find_grant(seen.session_id).await {
            Ok(Some(grant)) if grant.lease.is_some_and(|lease| lease.record == ours) => {
                Ok(RefreshBegun::Begun(grant))
            }
            _ => Err(error.into()),
        }
    }
}

/// No token now, for a reason that passes soon.
pub(crate) fn not_now(cause: &str) -> TokenError {
    TokenError::Unavailable {
        retry_after: 1,
        cause: ProviderFailure::Unavailable(cause.into()),
    }
}
