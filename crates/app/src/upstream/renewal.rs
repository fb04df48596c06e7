//! How a grant's tokens are renewed: once, however many ask and wherever.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{
    EntropyError, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreErrorKind,
};
use session_core::{
    Grant, GrantStatus, NextTry, ProviderFailure, ProviderToken, RefreshConfig, RefreshId,
    RefreshOutcome, RefreshReason, RefreshRecord, SupersededToken, TokenAnswer, TokenKind,
};
use tokio::time::Instant;

use super::error::TokenError;
use super::manager::TokenManager;
use super::providers::Provider;
use super::vault::{OpenTokens, TokenOwner};

/// What a renewal came to: the grant with live tokens, and the record of it; no record where somebody
/// else renewed them.
#[derive(Debug, Clone)]
pub(crate) struct Renewed {
    pub(crate) grant: Arc<Grant>,
    pub(crate) record: Option<Arc<RefreshRecord>>,
}

pub(crate) type RenewalResult = Result<Renewed, TokenError>;

/// Pause between two looks at a grant that another node is renewing.
const LOOK_AGAIN: Duration = Duration::from_millis(60);
/// How long new tokens are held on to when the store does not take them: nobody else has them.
const HOLD_ON: Duration = Duration::from_secs(600);
/// The same for an outcome that can be done without.
const HOLD_ON_SHORTLY: Duration = Duration::from_secs(5);
/// When a refusal is looked at again that only an operator can mend.
const UNTIL_MENDED: TimeDelta = TimeDelta::seconds(60);

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
        let known = seen.rotation_count;
        loop {
            self.is_worth_asking(&seen)?;
            if seen.is_leased(self.clock.now()) {
                tokio::time::sleep(LOOK_AGAIN).await;
                let grant = self.grants.find_grant(seen.session_id).await?;
                seen = grant.ok_or(TokenError::NoTokens)?;
            } else {
                // Opened first: what cannot be opened is not begun.
                let tokens = self.vault.open_all(&seen)?;
                provider.admit().await?;
                let record = self.intent(&seen, &tokens, reason)?;
                let begin = RefreshBegin {
                    expected_version: seen.version,
                    until: record.started_at + self.policy.lease,
                    record: record.clone(),
                };
                seen = match self.grants.begin_refresh(begin).await? {
                    RefreshBegun::Begun(grant) => {
                        return self.hold_and_renew(grant, tokens, record, provider).await;
                    }
                    RefreshBegun::Busy(grant) | RefreshBegun::Changed(grant) => grant,
                    RefreshBegun::NotFound => return Err(TokenError::NoTokens),
                };
            }
            if seen.rotation_count != known {
                return Ok(Renewed {
                    grant: seen,
                    record: None,
                });
            }
        }
    }

    /// Whether there is a point in asking the provider now.
    pub(crate) fn is_worth_asking(&self, grant: &Grant) -> Result<(), TokenError> {
        if !grant.can_refresh() {
            return Err(TokenError::ReauthRequired);
        }
        let now = self.clock.now();
        match grant.retry_at.filter(|at| now < *at) {
            None => Ok(()),
            Some(at) => Err(TokenError::Unavailable {
                retry_after: whole_seconds(at - now),
                cause: ProviderFailure::Throttled {
                    retry_after: Some(at - now),
                },
            }),
        }
    }

    fn intent(
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

    /// Renews the tokens while keeping the right to.
    async fn hold_and_renew(
        &self,
        grant: Arc<Grant>,
        tokens: OpenTokens,
        record: RefreshRecord,
        provider: &Provider,
    ) -> RenewalResult {
        tokio::select! {
            result = self.call_and_store(&grant, tokens, record, provider) => result,
            never = self.keep_lease(&grant) => match never {},
        }
    }

    async fn keep_lease(&self, grant: &Grant) -> Infallible {
        let pause = (self.policy.lease / 3).to_std().unwrap_or_default();
        loop {
            tokio::time::sleep(pause.max(Duration::from_millis(10))).await;
            let until = self.clock.now() + self.policy.lease;
            let kept = self
                .grants
                .keep_lease(grant.session_id, grant.version, until)
                .await;
            match kept {
                Ok(true) => {}
                // Whoever has it now has the last word: the outcome will be told so.
                Ok(false) => std::future::pending().await,
                Err(error) => {
                    let session = grant.session_id;
                    tracing::warn!(%error, %session, "a lease could not be kept, it will be tried again");
                }
            }
        }
    }

    async fn call_and_store(
        &self,
        grant: &Grant,
        tokens: OpenTokens,
        mut record: RefreshRecord,
        provider: &Provider,
    ) -> RenewalResult {
        let Some(refresh_token) = tokens.refresh.clone() else {
            return Err(TokenError::ReauthRequired);
        };
        let called = self.call(&refresh_token, &mut record.tries, provider).await;
        let outcome = match called {
            Ok((answer, asked_at)) => {
                let tokens = merged(tokens, &answer);
                let end = self
                    .seal_renewed(grant, &tokens, &answer, asked_at, record)
                    .await;
                self.store(end, HOLD_ON)
                    .await
                    .map(|stored| (stored, Ok(tokens)))
            }
            Err((failure, pause)) => {
                self.tell_operator(&failure, provider);
                let end = self.not_renewed(grant, &failure, pause, record);
                let stored = self.store(end, HOLD_ON_SHORTLY).await;
                stored.map(|stored| (stored, Err((failure, pause))))
            }
        };
        let ((finished, record), result) = outcome?;
        self.record_renewal(&record).await;
        match (finished, result) {
            (RefreshFinished::Stored(grant), Ok(_)) => Ok(Renewed {
                grant,
                record: Some(Arc::new(record)),
            }),
            (RefreshFinished::Superseded(now), _) if now.rotation_count != grant.rotation_count => {
                Ok(Renewed {
                    grant: now,
                    record: None,
                })
            }
            (RefreshFinished::Gone, Ok(tokens)) => {
                // The session ended meanwhile: what came is for nobody.
                let _ = self.take_back(&tokens, provider).await;
                Err(TokenError::NoTokens)
            }
            (RefreshFinished::Gone, Err(_)) => Err(TokenError::NoTokens),
            (_, Err((ProviderFailure::ReauthRequired, _))) => Err(TokenError::ReauthRequired),
            (_, Err((cause, pause))) => Err(TokenError::Unavailable {
                retry_after: whole_seconds(pause),
                cause,
            }),
            (RefreshFinished::Superseded(_), Ok(_)) => Err(TokenError::Unavailable {
                retry_after: 1,
                cause: ProviderFailure::Ambiguous("somebody else took the renewal over".into()),
            }),
        }
    }

    /// Asks the provider, as often as its failures allow. The answer and when it was asked for, or the
    /// last failure and for how long to leave it at that.
    async fn call(
        &self,
        refresh_token: &ProviderToken,
        tries: &mut u32,
        provider: &Provider,
    ) -> Result<(TokenAnswer, DateTime<Utc>), (ProviderFailure, TimeDelta)> {
        loop {
            *tries += 1;
            let asked_at = self.clock.now();
            let answer = provider.tokens.refresh(refresh_token).await;
            if provider.circuit.note(&answer) {
                let name = &provider.name;
                tracing::error!(%name, "the provider refuses this client: see to its credentials");
            }
            let failure = match answer {
                Ok(answer) => return Ok((answer, asked_at)),
                Err(failure) => failure,
            };
            match self.policy.retry.after(&failure, *tries, self.random()) {
                NextTry::After(pause) => {
                    tracing::debug!(%failure, tries, "the provider is asked again");
                    tokio::time::sleep(pause.to_std().unwrap_or_default()).await;
                    provider.pace.turn().await;
                }
                NextTry::GiveUp(pause) => return Err((failure, pause)),
            }
        }
    }

    /// As [`Self::renewed`], however long it takes: nobody else has the tokens.
    async fn seal_renewed(
        &self,
        grant: &Grant,
        tokens: &OpenTokens,
        answer: &TokenAnswer,
        asked_at: DateTime<Utc>,
        record: RefreshRecord,
    ) -> RefreshEnd {
        loop {
            match self.renewed(grant, tokens, answer, asked_at, record.clone()) {
                Ok(end) => return end,
                Err(error) => {
                    tracing::error!(%error, "new tokens cannot be sealed yet");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// The grant and the record with the tokens of `answer`.
    fn renewed(
        &self,
        grant: &Grant,
        tokens: &OpenTokens,
        answer: &TokenAnswer,
        asked_at: DateTime<Utc>,
        record: RefreshRecord,
    ) -> Result<RefreshEnd, EntropyError> {
        let now = self.clock.now();
        let grace_ends_at = now + self.policy.refresh.grace;
        let grace_ends_at = grant
            .access_expires_at
            .map_or(grace_ends_at, |end| end.min(grace_ends_at));
        let mut grant = Grant {
            status: GrantStatus::Usable,
            tokens: self.vault.seal(TokenOwner::of(grant), tokens)?,
            access_hash: tokens.access.hash(),
            token_type: answer.token_type.clone(),
            scopes: answer
                .scopes
                .clone()
                .unwrap_or_else(|| grant.scopes.clone()),
            obtained_at: asked_at,
            access_expires_at: answer.expires_in.map(|span| asked_at + span),
            superseded: Some(SupersededToken {
                hash: grant.access_hash,
                until: grace_ends_at,
            }),
            rotation_count: grant.rotation_count + 1,
            retry_at: None,
            lease: None,
            ..grant.clone()
        };
        grant.due_at = self.due(&grant, now);
        let record = RefreshRecord {
            finished_at: Some(now),
            outcome: RefreshOutcome::Success,
            rotation_count: grant.rotation_count,
            new_access_token: Some(grant.access_hash),
            new_refresh_token: answer.refresh_token.as_ref().map(ProviderToken::hash),
            new_expires_at: grant.access_expires_at,
            grace_ends_at: Some(grace_ends_at),
            ..record
        };
        Ok(RefreshEnd { grant, record })
    }

    /// The grant and the record after a failure: the tokens stay as they are.
    fn not_renewed(
        &self,
        grant: &Grant,
        failure: &ProviderFailure,
        pause: TimeDelta,
        record: RefreshRecord,
    ) -> RefreshEnd {
        let now = self.clock.now();
        let mut grant = Grant {
            lease: None,
            ..grant.clone()
        };
        let pause = match failure {
            ProviderFailure::ReauthRequired => {
                grant.status = GrantStatus::ReauthRequired;
                pause
            }
            failure if failure.is_passing() => pause,
            _ => UNTIL_MENDED,
        };
        grant.retry_at = grant.can_refresh().then(|| later(now, pause));
        // The background is in no hurry: whoever needs the token asks for it.
        let again = RefreshConfig::spread(now, now + UNTIL_MENDED * 2, self.random());
        grant.due_at = later(again, pause);
        let record = RefreshRecord {
            finished_at: Some(now),
            outcome: failure.outcome(),
            ..record
        };
        RefreshEnd { grant, record }
    }

    /// When a grant with new tokens is to be looked at again by itself.
    pub(crate) fn due(&self, grant: &Grant, now: DateTime<Utc>) -> DateTime<Utc> {
        let refresh_from = grant.refresh_from(&self.policy.refresh);
        match (refresh_from, grant.access_expires_at) {
            (Some(from), Some(end)) if grant.can_refresh() => {
                RefreshConfig::spread(from, end, self.random())
            }
            // Only the session's end is to be noticed, if nobody does.
            _ => now + TimeDelta::hours(6),
        }
    }

    /// Stores an outcome, for as long as `hold_on` if the store does not take it.
    async fn store(
        &self,
        end: RefreshEnd,
        hold_on: Duration,
    ) -> Result<(RefreshFinished, RefreshRecord), TokenError> {
        let (begun, mut pause) = (Instant::now(), Duration::from_millis(50));
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
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    fn tell_operator(&self, failure: &ProviderFailure, provider: &Provider) {
        let name = &provider.name;
        match failure {
            ProviderFailure::RequestRefused(_) | ProviderFailure::ClientRefused(_) => {
                tracing::error!(provider = %name, %failure, "tokens could not be renewed");
            }
            _ => tracing::warn!(provider = %name, %failure, "tokens could not be renewed"),
        }
    }

    /// Tells the provider that tokens are not wanted any more (RFC 7009); the refresh token stands for
    /// the access tokens that it brought.
    pub(crate) async fn take_back(
        &self,
        tokens: &OpenTokens,
        provider: &Provider,
    ) -> Result<bool, ProviderFailure> {
        let told = match &tokens.refresh {
            Some(refresh) => provider.tokens.revoke(refresh, TokenKind::Refresh).await,
            None => {
                provider
                    .tokens
                    .revoke(&tokens.access, TokenKind::Access)
                    .await
            }
        };
        if let Err(failure) = &told {
            let name = &provider.name;
            tracing::warn!(provider = %name, %failure, "the provider could not be told of a revocation");
        }
        told
    }

    /// Any number, to spread things with. What is predictable harms nobody here.
    pub(crate) fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        match self.entropy.fill(&mut bytes) {
            Ok(()) => u64::from_le_bytes(bytes),
            Err(_) => 0,
        }
    }
}

impl Provider {
    /// Waits for a turn to call, unless the provider is to be left alone.
    async fn admit(&self) -> Result<(), TokenError> {
        self.pace.turn().await;
        self.circuit
            .admit()
            .map_err(|(cause, rest)| TokenError::Unavailable {
                retry_after: rest.as_secs().max(1),
                cause,
            })
    }
}

/// The tokens after an answer: what the provider did not replace stays.
fn merged(before: OpenTokens, answer: &TokenAnswer) -> OpenTokens {
    OpenTokens {
        access: answer.access_token.clone(),
        refresh: answer.refresh_token.clone().or(before.refresh),
        id: answer.id_token.clone().or(before.id),
    }
}

/// At least one.
pub(crate) fn whole_seconds(span: TimeDelta) -> u64 {
    let millis = u64::try_from(span.num_milliseconds()).unwrap_or(0);
    millis.div_ceil(1000).max(1)
}

fn later(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(span)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
