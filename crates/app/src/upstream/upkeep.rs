//! What is done for grants without anybody asking: tokens are renewed before they expire, and let go of
//! when their session has ended.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use session_core::{Grant, RefreshReason, SessionId};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::error::TokenError;
use super::keeping::Owner;
use super::manager::TokenManager;
use crate::SessionError;
use crate::ending::Cleaned;

/// How often it is looked for grants that are due.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// How long a grant that is being looked at is nobody else's. Whoever died at it is followed then.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// Grants that are being looked at, at most.
const AT_ONCE: usize = 256;
/// Ended sessions that are looked up together.
const BATCH: usize = 256;
/// Records that one call of the store forgets at most.
const FORGOTTEN_AT_ONCE: usize = 1000;
/// When something is tried again that failed for a reason of ours.
const AFTER_A_FAULT: TimeDelta = TimeDelta::minutes(10);

impl TokenManager {
    /// Looks after grants as they come due, until it is stopped.
    pub(crate) async fn look_after(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let free = Arc::new(Semaphore::new(AT_ONCE));
        let mut tick = interval(LOOKS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = tick.tick() => {}
            }
            // No more than can be renewed until the next look: others may have room for the rest.
            let batch = free
                .available_permits()
                .min(self.policy.rate.max(1) as usize);
            if batch == 0 {
                continue;
            }
            let now = self.clock.now();
            let due = match self.grants.claim_due(now, now + CLAIM, batch).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "it is not known which tokens are to be renewed");
                    continue;
                }
            };
            for grant in due {
                let (this, free) = (Arc::clone(&self), Arc::clone(&free));
                tokio::spawn(async move {
                    // Never closed, so it is a permit.
                    let _permit = free.acquire().await;
                    this.see_to(grant).await;
                });
            }
        }
    }

    /// Does what is to be done for a grant that is due.
    async fn see_to(self: &Arc<Self>, grant: Arc<Grant>) {
        let session = grant.session_id;
        match self.see_to_or_fail(&grant).await {
            Ok(())
            // Recorded where they happened, and looked at again by themselves.
            | Err(TokenError::Unavailable { .. } | TokenError::ReauthRequired | TokenError::NoTokens) => {}
            Err(TokenError::Session(error)) => {
                tracing::error!(%error, %session, "a provider's tokens could not be looked after");
            }
            Err(error) => {
                tracing::error!(%error, %session, "a provider's tokens could not be looked after");
                let later = self.clock.now() + AFTER_A_FAULT;
                if let Err(error) = self.postpone(&grant, later).await {
                    tracing::error!(%error, %session, "a grant could not be put off");
                }
            }
        }
    }

    async fn see_to_or_fail(self: &Arc<Self>, grant: &Arc<Grant>) -> Result<(), TokenError> {
        let now = self.clock.now();
        match self.owner(grant).await? {
            Owner::Over(ending) => self.let_go_of(grant, ending.as_ref()).await,
            Owner::Unborn => self.postpone(grant, now + CLAIM).await,
            Owner::Live(_) if self.is_due(grant) => {
                let reason = if grant.is_live(now) {
                    RefreshReason::Proactive
                } else {
                    RefreshReason::Expired
                };
                self.renew(Arc::clone(grant), reason).await.map(drop)
            }
            Owner::Live(session) => {
                let due_at = self
                    .due(grant, now)
                    .min(session.deadline())
                    .max(now + CLAIM);
                self.postpone(grant, due_at).await
            }
        }
    }

    fn is_due(&self, grant: &Grant) -> bool {
        grant.can_refresh() && grant.needs_refresh(&self.policy.refresh, self.clock.now())
    }

    /// Lets go of the tokens of sessions as they end, until nobody can tell of any more.
    pub(crate) async fn follow_ends(
        self: Arc<Self>,
        mut ended: UnboundedReceiver<SessionId>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut ids = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = ended.recv_many(&mut ids, BATCH) => if count == 0 { return },
                // What is left is found by being due.
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            if let Err(error) = self.let_go(&ids).await {
                tracing::error!(%error, "tokens of ended sessions are kept for now");
            }
            ids.clear();
        }
    }

    /// Forgets records of renewals that are old enough, one batch.
    ///
    /// # Errors
    /// `Store`.
    pub(crate) async fn forget_records(&self) -> Result<Cleaned, SessionError> {
        let before = self.clock.now() - self.policy.retention;
        let forgotten = self
            .grants
            .forget_refreshes(before, FORGOTTEN_AT_ONCE)
            .await?;
        Ok(Cleaned {
            removed: forgotten.count,
            more: forgotten.more,
        })
    }

    /// Waits until no renewal is under way, but no longer than `most`: what a provider gave must reach
    /// the store before it is closed.
    pub async fn settle(&self, most: Duration) {
        let begun = Instant::now();
        while self.flights.len() > 0 {
            if begun.elapsed() >= most {
                tracing::error!(
                    count = self.flights.len(),
                    "renewals are broken off: it is unknown what came of them"
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
