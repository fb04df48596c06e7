//! What whoever has the right to renew does with it: asks the provider, stores what came of it, and
//! keeps the right meanwhile.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::RefreshFinished;
use session_core::{
    Grant, NextTry, ProviderFailure, ProviderToken, RefreshRecord, TokenAnswer, TokenKind,
};

use super::error::TokenError;
use super::manager::TokenManager;
use super::outcome::{Answered, LONGEST_REST, later, merged, whole_seconds};
use super::providers::Provider;
use super::renewal::{Held, Renewed};
use super::vault::OpenTokens;

/// How long new tokens are held on to when the store does not take them: nobody else has them.
pub(crate) const HOLD_ON: Duration = Duration::from_secs(600);
/// The same for an outcome that can be done without.
pub(crate) const HOLD_ON_SHORTLY: Duration = Duration::from_secs(5);

impl TokenManager {
    /// Renews the tokens while keeping the right to.
    pub(crate) async fn hold_and_renew(
        &self,
        grant: &Grant,
        tokens: OpenTokens,
        record: RefreshRecord,
        provider: &Provider,
    ) -> Result<Held, TokenError> {
        tokio::select! {
            held = self.call_and_store(grant, tokens, record, provider) => held,
            never = self.keep_lease(grant) => match never {},
        }
    }

    async fn keep_lease(&self, grant: &Grant) -> Infallible {
        let pause = (self.policy.lease / 3).to_std().unwrap_or_default();
        loop {
            tokio::time::sleep(pause.max(Duration::from_millis(10))).await;
            let until = later(self.clock.now(), self.policy.lease);
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
    ) -> Result<Held, TokenError> {
        match self.call(grant, &tokens, &mut record, provider).await {
            Ok((answer, asked_at)) => {
                let answered = Answered {
                    tokens: merged(tokens, &answer),
                    answer,
                    asked_at,
                };
                self.store_answer(grant, answered, record, provider).await
            }
            Err((failure, pause)) => {
                self.tell_operator(&failure, provider);
                let end = self.not_renewed(grant, &failure, pause, record);
                let (finished, record) = self.store(end, HOLD_ON_SHORTLY).await?;
                self.record_renewal(&record).await;
                match finished {
                    RefreshFinished::Superseded(now) => Ok(Held::Lost(now)),
                    RefreshFinished::Gone => Err(TokenError::NoTokens),
                    RefreshFinished::Stored(_) if failure == ProviderFailure::ReauthRequired => {
                        Err(TokenError::ReauthRequired)
                    }
                    RefreshFinished::Stored(_) => Err(TokenError::Unavailable {
                        retry_after: whole_seconds(pause),
                        cause: failure,
                    }),
                }
            }
        }
    }

    /// Stores what a provider gave: as what whoever has the right got with it and, if somebody else
    /// took that over, as what is newest all the same.
    async fn store_answer(
        &self,
        grant: &Grant,
        answered: Answered,
        record: RefreshRecord,
        provider: &Provider,
    ) -> Result<Held, TokenError> {
        let reason = record.reason;
        let end = self.seal_renewed(grant, &answered, record).await;
        let (finished, record) = self.store(end, HOLD_ON).await?;
        self.record_renewal(&record).await;
        match finished {
            RefreshFinished::Stored(grant) => Ok(Held::Done(Renewed {
                grant,
                record: Some(std::sync::Arc::new(record)),
            })),
            RefreshFinished::Superseded(now) if now.rotation_count != grant.rotation_count => {
                Ok(Held::Lost(now))
            }
            RefreshFinished::Superseded(now) => {
                self.store_after_all(now, answered, reason, provider).await
            }
            RefreshFinished::Gone => {
                // The session ended meanwhile: what came is for nobody.
                let _ = self.take_back(&answered.tokens, provider).await;
                Err(TokenError::NoTokens)
            }
        }
    }

    /// Asks the provider, as often as its failures allow. The answer and when it was asked for, or the
    /// last failure and for how long to leave it at that.
    async fn call(
        &self,
        grant: &Grant,
        tokens: &OpenTokens,
        record: &mut RefreshRecord,
        provider: &Provider,
    ) -> Result<(TokenAnswer, DateTime<Utc>), (ProviderFailure, TimeDelta)> {
        let broken_off = |cause: &str| {
            let failure = ProviderFailure::Unavailable(cause.into());
            (failure, TimeDelta::seconds(1))
        };
        let Some(refresh_token) = &tokens.refresh else {
            return Err(broken_off("there is nothing to renew with"));
        };
        // A store that took long to answer may have let the lease run out.
        let is_late = self.clock.now() >= later(record.started_at, self.policy.lease / 2);
        if is_late && !self.is_still_ours(grant).await {
            return Err(broken_off(
                "the right to renew was lost before the provider was asked",
            ));
        }
        loop {
            record.tries += 1;
            let (failure, pause) = match self.call_once(refresh_token, provider).await {
                Ok(answered) => return Ok(answered),
                Err(failure) => {
                    let tries = record.tries;
                    match self.policy.retry.after(&failure, tries, self.random()) {
                        NextTry::After(pause) => (failure, pause),
                        NextTry::GiveUp(pause) => return Err((failure, pause.min(LONGEST_REST))),
                    }
                }
            };
            tracing::debug!(%failure, record.tries, "the provider is asked again");
            let wait = async {
                tokio::time::sleep(pause.to_std().unwrap_or_default()).await;
                provider.pace.turn().await;
            };
            tokio::select! {
                () = wait => {}
                () = self.flights.closing() => return Err((failure, pause)),
            }
            // Whoever took over may have used the token up: to send it once more would look like theft.
            if !self.is_still_ours(grant).await {
                return Err((failure, pause));
            }
        }
    }

    async fn call_once(
        &self,
        refresh_token: &ProviderToken,
        provider: &Provider,
    ) -> Result<(TokenAnswer, DateTime<Utc>), ProviderFailure> {
        let asked_at = self.clock.now();
        let answer = provider.tokens.refresh(refresh_token).await;
        if provider.circuit.note(&answer) {
            let name = &provider.name;
            tracing::error!(%name, "the provider refuses this client: see to its credentials");
        }
        Ok((answer?, asked_at))
    }

    /// Whether the right to renew is certainly ours, for another lease.
    async fn is_still_ours(&self, grant: &Grant) -> bool {
        let until = later(self.clock.now(), self.policy.lease);
        let kept = self
            .grants
            .keep_lease(grant.session_id, grant.version, until);
        // A store that is away would not take an answer either.
        matches!(kept.await, Ok(true))
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
